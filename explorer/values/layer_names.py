"""The names by which a person means a layer or a block: in full, or without the nested models that it lies in. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from operator import eq

from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import Layer, Layers


def find_layer(layers: Layers, name: str) -> Layer:
    """Return the row that a name means: `mobilenetv2/block_13_expand`, or `block_13_expand` where no other is called so.

    Raises UnknownName for a name that is not there, or of several; ExplorerError for one inside of a layer that counts as a whole.
    """
    return _found(layers, [(_rows(layers), name)])


def find_start(layers: Layers, name: str) -> Layer:
    """Return the first row of the block, or the row, that a name means. Raises as `find_layer` does."""
    blocks: dict[str, Layer] = {}
    for row in layers.rows:
        path = row.name.rpartition("/")[0]
        full = row.block if not path or row.block.startswith(f"{path}/") else f"{path}/{row.block}"
        if row.block and row.name == first_use(row.name):
            blocks.setdefault(full, row)
    return _found(layers, [(blocks, name.replace(" ", "_")), (_rows(layers), name)])


def place_of(layers: Layers, row: Layer) -> int:
    """Return the k of the `layers[:k]` that come before a row, whichever use of its layer it is, or before all that is inside of it.

    Raises ExplorerError for a row inside of one that counts as a whole.
    """
    if row.operation:
        return _behind(layers, row)
    name = first_use(row.name)
    for place, own in enumerate(layers):
        if own.name == name or own.name.startswith(f"{name}/"):
            return place
    raise _within(name, next(own for own in layers if name.startswith(f"{own.name}/")))


def _behind(layers: Layers, operation: Layer) -> int:
    """Return the k of the `layers[:k]` that come before an operation, which is no layer itself."""
    path = operation.name.rpartition("/")[0]
    beside = [row for row in layers.rows if row.name.rpartition("/")[0] == path and not row.operation and row.name == first_use(row.name)]
    before = [row for row in beside if row.index < operation.index]
    later = next((row for row in beside if row not in before), None)
    if later is not None:
        return place_of(layers, later)
    return max((place for place, own in enumerate(layers, 1) if any(row.name in ways(own.name) for row in before)), default=0)


def first_use(name: str) -> str:
    """Return the row that holds the parameters of a layer of which this is a use."""
    return "/".join(part.split(":")[0] for part in name.split("/"))


def ways(name: str) -> list[str]:
    """Return the rows that a row lies in, the outermost first, and itself."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _rows(layers: Layers) -> dict[str, Layer]:
    """Return the row that holds the parameters, by the name of each of its uses."""
    return {row.name: layers.find(first_use(row.name)) for row in layers.rows}


def _found(layers: Layers, known: list[tuple[Mapping[str, Layer], str]]) -> Layer:
    """Return the row that a name means among some that are known by their full names; the first that any are found in decide."""
    for alike in (eq, _ends, _ends_about):
        for rows, name in known:
            found = {row.name: full for full, row in rows.items() if alike(full, name)}
            if len(found) > 1:
                raise UnknownName(_("{name!r} may be {names}: say which.").format(name=name, names=_(" or ").join(found.values())))
            if found:
                return layers.find(next(iter(found)))
    name = known[-1][1]
    last = known[0][1].rpartition("/")[2]
    for row in layers.rows:
        if any(one == last or one.startswith(f"{last}_") for one in row.inside):
            raise _within(name, row)
    names = [full for rows, _name in known for full in rows]
    said = _("There is no block or layer {name!r}.{near}") if len(known) > 1 else _("There is no layer {name!r}.{near}")
    raise UnknownName(said.format(name=name, near=near(name, names)))


def _ends(full: str, name: str) -> bool:
    return full.endswith(f"/{name}")


def _ends_about(full: str, name: str) -> bool:
    """Whether a full name ends so, with nested models called by how their names begin: `mobilenetv2` for `mobilenetv2_1.00_224`."""
    *paths, last = name.split("/")
    *outer, own = full.split("/")[-1 - len(paths) :]
    pairs = zip(outer, paths, strict=False)
    return own == last and len(outer) == len(paths) > 0 and all(f"{one}_".startswith(f"{path}_") for one, path in pairs)


def _within(name: str, outer: Layer) -> ExplorerError:
    return ExplorerError(
        _("{name} lies inside {outer} ({kind}), which is frozen or trained as a whole: name {outer} itself.").format(
            name=name, outer=outer.name, kind=outer.class_name
        )
    )
