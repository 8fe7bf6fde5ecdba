"""The freeze plan: what is frozen, what trains, what crosses from one to the other and what that costs. Pure: no Keras."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import FreezePlan, Head, Layer, Layers, Phase, Recipe
from explorer.values.layer_names import find_start, first_use, place_of, ways

BATCH_NORM = "BatchNormalization"
BYTES = 4  # of a float32
AT_EACH_PLACE = ("convolution", "depthwise", "dense")  # kinds whose weights are used once at each place of the output


@dataclass(frozen=True)
class BlockEnd:
    """Where a block ends: its last layer, and the k of the `layers[:k]` that end with it."""

    block: str
    layer: str
    index: int


def block_ends(layers: Layers) -> tuple[BlockEnd, ...]:
    """Return the ends of the blocks of a backbone, in order; each layer by itself where it has no blocks."""
    last = len(layers) - 1
    return tuple(
        BlockEnd(row.block or row.name, row.name, place + 1)
        for place, row in enumerate(layers)
        if place == last or not row.block or layers[place + 1].block != row.block
    )


def start_of(layers: Layers, recipe: Recipe) -> str | None:
    """Return the block of a backbone (the layer, where it has no blocks) that a recipe trains from; "" where all of it is frozen.

    None where the freeze line runs within a block, and for layers that are frozen by their names.
    """
    if recipe.freeze == len(layers):
        return ""
    if not isinstance(recipe.freeze, int) or recipe.freeze not in {0, *(end.index for end in block_ends(layers))}:
        return None
    row = layers[recipe.freeze]
    return row.block or row.name


def snapped(layers: Layers, index: int) -> int:
    """Return the block end nearest to `layers[:index]`, the one before where two are as near; 0 counts as one."""
    return min((0, *(end.index for end in block_ends(layers))), key=lambda end: abs(end - index))


def index_of(layers: Layers, train_from: str | int) -> int:
    """Return the k of the `layers[:k]` that come before a block or a layer, given by its name or index.

    Raises UnknownName, with the names that are near, and for a name of several; ExplorerError for a place where no line can run.
    """
    name = str(train_from).strip()
    number = name.lstrip("-").isdecimal() and not any(row.name == name for row in layers.layer_rows)
    return place_of(layers, layers.find(name) if number else find_start(layers, name))


def check_index(index: int, count: int) -> None:
    """Raise ExplorerError for a freeze point past the end of a backbone of so many layers."""
    if not 0 <= index <= count:
        raise ExplorerError(
            _("The backbone has {count} layers: freeze 0 to {count} of them, not {index}.").format(count=count, index=index)
        )


def freeze_plan(layers: Layers, recipe: Recipe, classes: int, data_format: str = "channels_last") -> FreezePlan:
    """Return what the recipe's freeze point means for a backbone.

    layers: the table of the backbone, whose last layer gives the features that the new head is put on. Nested models may be opened
        in it; what is inside of one that isn't can be frozen by name, and counts as a whole otherwise.
    classes: how many the new head tells apart.
    Raises ExplorerError for a freeze point past the end, UnknownName for layers that are not there.
    """
    frozen = _frozen(layers, recipe)
    leaves = _leaves(layers)
    parameters = {name: row.trainable_parameters for name, row in leaves.items()}
    still = sum(count for name, count in parameters.items() if _within(name, frozen))
    cached, everything = _cached(layers, frozen), _cached(layers, {row.name for row in layers.layer_rows})
    channels = _channels(layers[-1], data_format)
    work = {name: _work(row, data_format) for name, row in leaves.items()}
    index, end, note = _place(layers, recipe)
    last = layers[-1].name
    for_head = channels * BYTES if last in everything else _bytes(layers, _boundary_tensors(layers, everything))
    return FreezePlan(
        layers=len(layers),
        frozen=tuple(row.name for row in layers.layer_rows if row.name in frozen),
        trained=sum(row.name not in frozen for row in layers),
        index=index,
        line=() if index is None else _line(layers, index),
        end=end,
        note=note,
        frozen_parameters=still,
        trained_parameters=sum(parameters.values()) - still,
        head_parameters=head_parameters(recipe.head, channels, classes),
        cached=tuple(row.name for row in layers.layer_rows if row.name in cached),
        boundary_tensors=(boundary_tensors := _boundary_tensors(layers, cached)),
        cache_bytes=for_head if last in cached else _bytes(layers, boundary_tensors),
        head_bytes=for_head,
        work=sum(work.values()),
        tail_work=sum(cost for name, cost in work.items() if not _within(name, cached)),
    )


def head_parameters(head: Head, channels: int, classes: int) -> int:
    """Return how many parameters a head has on features of so many channels."""
    if not head.units:
        return (channels + 1) * classes
    return (channels + 1) * head.units + (head.units + 1) * classes


def cached_when_all_is_frozen(layers: Layers) -> tuple[str, ...]:
    """Return the rows that are computed once and for all while only the head trains."""
    cached = _cached(layers, {row.name for row in layers.layer_rows})
    return tuple(row.name for row in layers.layer_rows if row.name in cached)


def done_phases(recipe: Recipe, thaws: bool) -> dict[int, Phase]:
    """Return the phases that are done, by their places in the recipe: those with epochs, and with something to train.

    thaws: whether anything of the backbone trains.
    """
    early = "thaw" in recipe.mistakes and thaws
    return {place: phase for place, phase in enumerate(recipe.phases) if phase.epochs and (thaws if phase.trains == "tail" else not early)}


def _frozen(layers: Layers, recipe: Recipe) -> set[str]:
    """Return the names of the rows that the recipe freezes: with a nested model all that is inside."""
    if isinstance(recipe.freeze, int):
        check_index(recipe.freeze, len(layers))
        named = {row.name for row in layers[: recipe.freeze]}
    else:
        named = {layers.find(name).name for name in recipe.freeze}
    frozen = {row.name for row in layers.layer_rows if _within(row.name, named)}
    norms = {row.name for row in layers.layer_rows if row.class_name == BATCH_NORM}
    if "batch_norm" in recipe.mistakes:
        return {name for name in frozen - norms if not any(norm.startswith(f"{name}/") for norm in norms)}
    return frozen | norms if recipe.batch_norm == "inference" else frozen


def _within(name: str, names: Collection[str]) -> bool:
    """Whether a row is one of these, lies inside one of them, or is a further use of one."""
    return name in names or not set(ways(first_use(name))).isdisjoint(names)


def _leaves(layers: Layers) -> Mapping[str, Layer]:
    """Return the rows that hold no other rows, by name: what has weights of its own."""
    nests = {row.name.rpartition("/")[0] for row in layers.layer_rows}
    return {row.name: row for row in layers.layer_rows if row.name not in nests}


def _wholes(layers: Layers) -> Mapping[str, str]:
    """Return, by the name of each row, the row that is cut as a whole and that it is or lies in; opened nested models have none."""
    rows = {row.name: row for row in layers.layer_rows}
    nests = {row.name.rpartition("/")[0] for row in layers.layer_rows}
    opened = {name for name in nests if name in rows and rows[first_use(name)].is_nested_or_reused}
    found = {name: next((way for way in ways(name) if way in rows and way not in opened), "") for name in rows}
    return {name: whole for name, whole in found.items() if whole}


def _cached(layers: Layers, frozen: set[str]) -> set[str]:
    """Return the rows that are cut as a whole and are the same in each epoch, as all that they are computed from is."""
    wholes, leaves = _wholes(layers), _leaves(layers)
    rows = {row.name: row for row in layers.layer_rows if wholes.get(row.name) == row.name}
    sources = {name: {wholes[one] for one in row.inputs if one in wholes} for name, row in rows.items()}
    insides: dict[str, list[Layer]] = {}
    for name in leaves:
        insides.setdefault(wholes[name], []).append(leaves.get(first_use(name), leaves[name]))
    known: dict[str, bool] = {}
    waiting = list(rows.values())
    while waiting:
        still = []
        for row in waiting:
            if sources[row.name] <= known.keys():
                same = all(_settled(one, frozen) for one in insides.get(row.name, [row]))
                known[row.name] = same and not row.random and all(known[source] for source in sources[row.name])
            else:
                still.append(row)
        if len(still) == len(waiting):  # rows that no run reaches
            break
        waiting = still
    return _without_copies(rows, sources, {name for name, same in known.items() if same}, frozen)


def _without_copies(rows: Mapping[str, Layer], sources: Mapping[str, set[str]], cached: set[str], frozen: set[str]) -> set[str]:
    """Leave out layers without weights whose inputs are kept anyway, such as the pooling in a branch of an inception block."""
    readers: dict[str, set[str]] = {name: set() for name in rows}
    for name, read in sources.items():
        for source in read:
            readers[source].add(name)
    for row in reversed(list(rows.values())):
        crosses = row.name in cached and not readers[row.name] <= cached
        kept_anyway = all(not readers[source] <= cached for source in sources[row.name])
        if crosses and row.inputs and kept_anyway and row.parameters == 0 and not _within(row.name, frozen):
            cached = cached - {row.name}
    return cached


def _settled(row: Layer, frozen: set[str]) -> bool:
    """Whether nothing in the layer changes with training."""
    weightless = row.trainable_parameters == 0 and (row.parameters == 0 or row.class_name != BATCH_NORM)
    return not row.random and (weightless or _within(row.name, frozen))


def _boundary_tensors(layers: Layers, cached: set[str]) -> tuple[str, ...]:
    """Return the cached rows whose outputs the rest reads: the last one where all is cached."""
    wholes = _wholes(layers)
    rest = [row for row in layers.layer_rows if wholes.get(row.name) == row.name and row.name not in cached]
    read = {wholes[name] for row in rest for name in row.inputs if name in wholes}
    last = layers[-1].name
    return tuple(row.name for row in layers.layer_rows if row.name in cached and (row.name in read or row.name == last))


def _bytes(layers: Layers, names: Collection[str]) -> int | None:
    shapes = [shape for name in names for shape in layers.find(name).output_shapes]
    closed = [[size for size in shape if size is not None] for shape in shapes]
    return BYTES * sum(map(math.prod, closed)) if [*map(len, closed)] == [*map(len, shapes)] else None


def _channels(row: Layer, data_format: str) -> int:
    shape = row.output_shape
    if not shape:
        return 0
    return (shape[0] if data_format == "channels_first" and len(shape) > 1 else shape[-1]) or 0


def _work(row: Layer, data_format: str) -> int:
    """Return about how many multiplications the layer takes for one example; open sizes count as one."""
    shape = [size or 1 for size in row.output_shape]
    if row.kind == "recurrent" and row.input_shapes:
        return row.parameters * (row.input_shapes[0][0] or 1)
    if row.kind in AT_EACH_PLACE and shape:
        return row.parameters * math.prod(shape) // max(1, _channels(row, data_format))
    return math.prod(shape) if row.kind != "input" else 0


def _line(layers: Layers, index: int) -> tuple[tuple[str, int], ...]:
    """Return the models that `layers[:index]` leaves anything of, each with the k of its own layers before the line."""
    before = {row.name for row in layers[:index]}
    inside: dict[str, list[str]] = {}  # the layers that count, by each model that they are in
    for row in layers:
        for path in ["", *ways(row.name)[:-1]]:
            inside.setdefault(path, []).append(row.name)
    found = []
    for path, names in inside.items():
        rest = [name for name in names if name not in before]
        if rest or not path:
            depth = path.count("/") + bool(path)
            end = layers.find(ways(rest[0])[depth]).index if rest else layers.find(ways(names[-1])[depth]).index + 1
            found.append((path, 0 if len(rest) == len(names) else end))
    return tuple(found)


def _place(layers: Layers, recipe: Recipe) -> tuple[int | None, str, str]:
    """Return the index of the freeze line, the block that ends there, and what there is to say of the place."""
    if not isinstance(recipe.freeze, int):
        return None, "", ""
    index, ends = recipe.freeze, block_ends(layers)
    here = next((end.block for end in ends if end.index == index), "")
    behind = next((end for end in ends if end.index > index), None)
    if here or index == 0 or behind is None:
        return index, here, ""
    note = _("{index} cuts through a block; it ends with {layer}, index {last}.")
    return index, "", note.format(index=index, layer=behind.layer, last=behind.index - 1)
