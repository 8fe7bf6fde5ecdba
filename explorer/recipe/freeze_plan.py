"""The freeze plan: what is frozen, what trains, the tensors at the boundary between them, and the costs. Pure: no Keras."""

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
AT_EACH_POSITION = ("convolution", "depthwise", "dense")  # kinds whose weights are used once for each position of the output


@dataclass(frozen=True)
class BlockEnd:
    """The end of a block: its last layer, and the k of the `layers[:k]` that end with it."""

    block: str
    layer: str
    index: int


def block_ends(layers: Layers) -> tuple[BlockEnd, ...]:
    """Return the ends of the blocks of a backbone, in order; a layer without a block counts as one by itself."""
    last = len(layers) - 1
    return tuple(
        BlockEnd(row.block or row.name, row.name, index + 1)
        for index, row in enumerate(layers)
        if index == last or not row.block or layers[index + 1].block != row.block
    )


def start_of(layers: Layers, recipe: Recipe) -> str | None:
    """Return the block of a backbone (the layer, if it has no block) from which a recipe trains; "" if all of it is frozen.

    None if the freeze line is within a block, and for layers that are frozen by their names.
    """
    if recipe.freeze == len(layers):
        return ""
    if not isinstance(recipe.freeze, int) or recipe.freeze not in {0, *(end.index for end in block_ends(layers))}:
        return None
    row = layers[recipe.freeze]
    return row.block or row.name


def snapped(layers: Layers, index: int) -> int:
    """Return the index of the block end nearest to `index`, the lower one of two equally near; 0 counts as a block end."""
    return min((0, *(end.index for end in block_ends(layers))), key=lambda end: abs(end - index))


def index_of(layers: Layers, train_from: str | int) -> int:
    """Return the k of the `layers[:k]` that come before a block or a layer, given by its name or index.

    Raises UnknownName for an unknown name, with similar ones, and for an ambiguous one; ExplorerError for a layer inside of one that
    is frozen or trained as a whole.
    """
    name = str(train_from).strip()
    is_index = name.lstrip("-").isdecimal() and not any(row.name == name for row in layers.layer_rows)
    return place_of(layers, layers.find(name) if is_index else find_start(layers, name))


def check_index(index: int, count: int) -> None:
    """Raise ExplorerError for a freeze index outside of a backbone of `count` layers."""
    if not 0 <= index <= count:
        raise ExplorerError(
            _("The backbone has {count} layers: freeze 0 to {count} of them, not {index}.").format(count=count, index=index)
        )


def freeze_plan(layers: Layers, recipe: Recipe, classes: int, data_format: str = "channels_last") -> FreezePlan:
    """Return the freeze plan of a recipe for a backbone.

    layers: the table of the backbone, whose last layer gives the features that the new head reads. Nested models may be opened
        in it; the layers inside of one that isn't can be frozen by name, and otherwise count as a whole.
    classes: the number of classes of the new head.
    Raises ExplorerError for a freeze index outside of the backbone, UnknownName for layers that do not exist.
    """
    frozen = _frozen_rows(layers, recipe)
    leaves = _leaves(layers)
    parameters = {name: row.trainable_parameters for name, row in leaves.items()}
    frozen_parameters = sum(count for name, count in parameters.items() if _within(name, frozen))
    cached, everything = _cached_rows(layers, frozen), _cached_rows(layers, {row.name for row in layers.layer_rows})
    channels = _channels(layers[-1], data_format)
    work = {name: _work(row, data_format) for name, row in leaves.items()}
    index, end, note = _freeze_line(layers, recipe)
    last = layers[-1].name
    for_head = channels * BYTES if last in everything else _bytes(layers, _boundary_tensors(layers, everything))
    return FreezePlan(
        layers=len(layers),
        frozen=tuple(row.name for row in layers.layer_rows if row.name in frozen),
        trained=sum(row.name not in frozen for row in layers),
        index=index,
        line=() if index is None else _line_by_model(layers, index),
        end=end,
        note=note,
        frozen_parameters=frozen_parameters,
        trained_parameters=sum(parameters.values()) - frozen_parameters,
        head_parameters=head_parameters(recipe.head, channels, classes),
        cached=tuple(row.name for row in layers.layer_rows if row.name in cached),
        boundary_tensors=(boundary_tensors := _boundary_tensors(layers, cached)),
        cache_bytes=for_head if last in cached else _bytes(layers, boundary_tensors),
        head_bytes=for_head,
        work=sum(work.values()),
        tail_work=sum(cost for name, cost in work.items() if not _within(name, cached)),
    )


def head_parameters(head: Head, channels: int, classes: int) -> int:
    """Return how many parameters a head has on features with this number of channels."""
    if not head.units:
        return (channels + 1) * classes
    return (channels + 1) * head.units + (head.units + 1) * classes


def cached_when_all_is_frozen(layers: Layers) -> tuple[str, ...]:
    """Return the names of the rows that are computed only once while the head trains alone."""
    cached = _cached_rows(layers, {row.name for row in layers.layer_rows})
    return tuple(row.name for row in layers.layer_rows if row.name in cached)


def done_phases(recipe: Recipe, thaws: bool) -> dict[int, Phase]:
    """Return the phases that run, by their indices in the recipe: those with epochs, and with something to train.

    thaws: whether any part of the backbone trains.
    """
    early = "thaw" in recipe.mistakes and thaws
    return {index: phase for index, phase in enumerate(recipe.phases) if phase.epochs and (thaws if phase.trains == "tail" else not early)}


def _frozen_rows(layers: Layers, recipe: Recipe) -> set[str]:
    """Return the names of the rows that the recipe freezes, including those inside of frozen nested models."""
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
    """Whether a row is one of these, is inside one of them, or is a further use of one."""
    return name in names or not set(ways(first_use(name))).isdisjoint(names)


def _leaves(layers: Layers) -> Mapping[str, Layer]:
    """Return the rows that contain no other rows, by name: those that may have weights of their own."""
    nests = {row.name.rpartition("/")[0] for row in layers.layer_rows}
    return {row.name: row for row in layers.layer_rows if row.name not in nests}


def _wholes(layers: Layers) -> Mapping[str, str]:
    """Return row name -> the row that can't be split and that it is or is inside of; opened nested models have none."""
    rows = {row.name: row for row in layers.layer_rows}
    nests = {row.name.rpartition("/")[0] for row in layers.layer_rows}
    opened = {name for name in nests if name in rows and rows[first_use(name)].is_nested_or_reused}
    whole_rows = {name: next((path for path in ways(name) if path in rows and path not in opened), "") for name in rows}
    return {name: whole for name, whole in whole_rows.items() if whole}


def _cached_rows(layers: Layers, frozen: set[str]) -> set[str]:
    """Return the names of the unsplittable rows whose outputs are the same in each epoch, as are those of all rows before them."""
    wholes, leaves = _wholes(layers), _leaves(layers)
    rows = {row.name: row for row in layers.layer_rows if wholes.get(row.name) == row.name}
    sources = {name: {wholes[source] for source in row.inputs if source in wholes} for name, row in rows.items()}
    insides: dict[str, list[Layer]] = {}
    for name in leaves:
        insides.setdefault(wholes[name], []).append(leaves.get(first_use(name), leaves[name]))
    known: dict[str, bool] = {}
    pending = list(rows.values())
    while pending:
        unresolved = []
        for row in pending:
            if sources[row.name] <= known.keys():
                is_constant = all(_is_constant(inner, frozen) for inner in insides.get(row.name, [row]))
                known[row.name] = is_constant and not row.random and all(known[source] for source in sources[row.name])
            else:
                unresolved.append(row)
        if len(unresolved) == len(pending):  # rows that no run reaches
            break
        pending = unresolved
    return _without_redundant(rows, sources, {name for name, is_cached in known.items() if is_cached}, frozen)


def _without_redundant(rows: Mapping[str, Layer], sources: Mapping[str, set[str]], cached: set[str], frozen: set[str]) -> set[str]:
    """Return the cached rows without layers without weights whose inputs are kept anyway, such as the pooling in an inception block."""
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


def _is_constant(row: Layer, frozen: set[str]) -> bool:
    """Whether training changes nothing in the layer."""
    weightless = row.trainable_parameters == 0 and (row.parameters == 0 or row.class_name != BATCH_NORM)
    return not row.random and (weightless or _within(row.name, frozen))


def _boundary_tensors(layers: Layers, cached: set[str]) -> tuple[str, ...]:
    """Return the cached rows whose outputs the rest reads: the last row if all are cached."""
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
    """Return about how many multiplications the layer takes for one example; open sizes count as 1."""
    shape = [size or 1 for size in row.output_shape]
    if row.kind == "recurrent" and row.input_shapes:
        return row.parameters * (row.input_shapes[0][0] or 1)
    if row.kind in AT_EACH_POSITION and shape:
        return row.parameters * math.prod(shape) // max(1, _channels(row, data_format))
    return math.prod(shape) if row.kind != "input" else 0


def _line_by_model(layers: Layers, index: int) -> tuple[tuple[str, int], ...]:
    """Return (path, k) for each model with layers after the freeze line: its own `layers[:k]` are before the line."""
    before = {row.name for row in layers[:index]}
    inside: dict[str, list[str]] = {}  # path of a model -> the names of the layers in it
    for row in layers:
        for path in ["", *ways(row.name)[:-1]]:
            inside.setdefault(path, []).append(row.name)
    entries = []
    for path, names in inside.items():
        rest = [name for name in names if name not in before]
        if rest or not path:
            depth = path.count("/") + bool(path)
            end = layers.find(ways(rest[0])[depth]).index if rest else layers.find(ways(names[-1])[depth]).index + 1
            entries.append((path, 0 if len(rest) == len(names) else end))
    return tuple(entries)


def _freeze_line(layers: Layers, recipe: Recipe) -> tuple[int | None, str, str]:
    """Return the index of the freeze line, the block that ends there, and a note for a line that cuts through a block."""
    if not isinstance(recipe.freeze, int):
        return None, "", ""
    index, ends = recipe.freeze, block_ends(layers)
    block = next((end.block for end in ends if end.index == index), "")
    following = next((end for end in ends if end.index > index), None)
    if block or index == 0 or following is None:
        return index, block, ""
    note = _("{index} cuts through a block; it ends with {layer}, index {last}.")
    return index, "", note.format(index=index, layer=following.layer, last=following.index - 1)
