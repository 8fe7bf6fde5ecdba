"""The layer names that users write: in full, or without the nested models that a layer or block is in. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from operator import eq

from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import Layer, Layers


def find_layer(layers: Layers, name: str) -> Layer:
    """Return the row for a name: `mobilenetv2/block_13_expand`, or `block_13_expand` if there is only one of that name.

    Raises UnknownName for an unknown or ambiguous name; ExplorerError for one inside of a layer that counts as a whole.
    """
    return _match(layers, [(_rows(layers), name)])


def find_start(layers: Layers, name: str) -> Layer:
    """Return the first row of the block, or the row, for a name. Raises as `find_layer` does."""
    blocks: dict[str, Layer] = {}
    for row in layers.rows:
        path = row.name.rpartition("/")[0]
        full = row.block if not path or row.block.startswith(f"{path}/") else f"{path}/{row.block}"
        if row.block and row.name == first_use(row.name):
            blocks.setdefault(full, row)
    return _match(layers, [(blocks, name.replace(" ", "_")), (_rows(layers), name)])


def place_of(layers: Layers, row: Layer) -> int:
    """Return the k of the `layers[:k]` that come before a row (any use of its layer), or before all rows inside of it.

    Raises ExplorerError for a row inside of one that counts as a whole.
    """
    if row.operation:
        return _index_before_operation(layers, row)
    name = first_use(row.name)
    for index, other in enumerate(layers):
        if other.name == name or other.name.startswith(f"{name}/"):
            return index
    raise _within(name, next(other for other in layers if name.startswith(f"{other.name}/")))


def _index_before_operation(layers: Layers, operation: Layer) -> int:
    """Return the k of the `layers[:k]` that come before an operation, which isn't a layer itself."""
    path = operation.name.rpartition("/")[0]
    siblings = [row for row in layers.rows if row.name.rpartition("/")[0] == path and not row.operation and row.name == first_use(row.name)]
    before = [row for row in siblings if row.index < operation.index]
    later = next((row for row in siblings if row not in before), None)
    if later is not None:
        return place_of(layers, later)
    return max((index for index, layer in enumerate(layers, 1) if any(row.name in ways(layer.name) for row in before)), default=0)


def first_use(name: str) -> str:
    """Return the name of the first use of a layer, which holds its parameters, from that of any use."""
    return "/".join(part.split(":")[0] for part in name.split("/"))


def ways(name: str) -> list[str]:
    """Return the names of the rows that contain a row, the outermost first, and its own name."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _rows(layers: Layers) -> dict[str, Layer]:
    """Return name of any use -> the row that holds the parameters."""
    return {row.name: layers.find(first_use(row.name)) for row in layers.rows}


def _match(layers: Layers, known: list[tuple[Mapping[str, Layer], str]]) -> Layer:
    """Return the row for a name.

    known: mappings of full names to rows, each with the name to look up in it; the first mapping with a match decides.
    """
    for alike in (eq, _ends_with, _ends_with_abbreviated):
        for rows, name in known:
            matches = {row.name: full for full, row in rows.items() if alike(full, name)}
            if len(matches) > 1:
                raise UnknownName(_("{name!r} may be {names}: say which.").format(name=name, names=_(" or ").join(matches.values())))
            if matches:
                return layers.find(next(iter(matches)))
    name = known[-1][1]
    last = known[0][1].rpartition("/")[2]
    for row in layers.rows:
        if any(inner == last or inner.startswith(f"{last}_") for inner in row.inside):
            raise _within(name, row)
    names = [full for rows, _name in known for full in rows]
    sentence = _("There is no block or layer {name!r}.{near}") if len(known) > 1 else _("There is no layer {name!r}.{near}")
    raise UnknownName(sentence.format(name=name, near=near(name, names)))


def _ends_with(full: str, name: str) -> bool:
    return full.endswith(f"/{name}")


def _ends_with_abbreviated(full: str, name: str) -> bool:
    """Whether a full name ends with `name`, whose nested models may be abbreviated: `mobilenetv2` for `mobilenetv2_1.00_224`."""
    *paths, last = name.split("/")
    *outer, own_last = full.split("/")[-1 - len(paths) :]
    pairs = zip(outer, paths, strict=False)
    return own_last == last and len(outer) == len(paths) > 0 and all(f"{part}_".startswith(f"{path}_") for part, path in pairs)


def _within(name: str, outer: Layer) -> ExplorerError:
    return ExplorerError(
        _("{name} lies inside {outer} ({kind}), which is frozen or trained as a whole: name {outer} itself.").format(
            name=name, outer=outer.name, kind=outer.class_name
        )
    )
