"""The freeze plan: what is frozen, what trains, what crosses from one to the other and what that costs. Pure: no Keras."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import FreezePlan, Head, Layer, Layers, Phase, Recipe

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


def snapped(layers: Layers, index: int) -> int:
    """Return the block end nearest to `layers[:index]`, the one before where two are as near; 0 counts as one."""
    return min((0, *(end.index for end in block_ends(layers))), key=lambda end: abs(end - index))


def index_of(layers: Layers, train_from: str | int) -> int:
    """Return the k of the `layers[:k]` that come before a block or a layer, given by its name or index.

    Raises UnknownName, with the names that are near.
    """
    name = str(train_from).strip()
    block = next((row.index for row in layers if row.block and name.replace(" ", "_") == row.block), None)
    if block is not None:
        return block
    if any(row.name == name for row in layers.rows) or name.lstrip("-").isdecimal():
        row = layers.find(name)
        return row.index if not row.further else layers.find(_outer(row.name)).index
    known = [*dict.fromkeys(row.block for row in layers if row.block), *(row.name for row in layers)]
    raise UnknownName(_("There is no block or layer {name!r} to train from.{near}").format(name=name, near=near(name, known)))


def freeze_plan(layers: Layers, recipe: Recipe, classes: int, data_format: str = "channels_last") -> FreezePlan:
    """Return what the recipe's freeze point means for a backbone.

    layers: the table of the backbone, whose last layer gives the features that the new head is put on.
    classes: how many the new head tells apart.
    Raises ExplorerError for a freeze point past the end, UnknownName for layers that are not there.
    """
    frozen = _frozen(layers, recipe)
    leaves = _leaves(layers)
    parameters = {name: row.trainable_parameters for name, row in leaves.items()}
    still = sum(count for name, count in parameters.items() if _within(name, frozen))
    cached, everything = _cached(layers, frozen), _cached(layers, {row.name for row in layers.rows})
    channels = _channels(layers[-1], data_format)
    work = {name: _work(row, data_format) for name, row in leaves.items()}
    index, end, note = _place(layers, recipe)
    last = layers[-1].name
    for_head = channels * BYTES if last in everything else _bytes(layers, _crossing(layers, everything))
    return FreezePlan(
        layers=len(layers),
        frozen=tuple(row.name for row in layers.rows if row.name in frozen),
        index=index,
        end=end,
        note=note,
        frozen_parameters=still,
        trained_parameters=sum(parameters.values()) - still,
        head_parameters=head_parameters(recipe.head, channels, classes),
        cached=tuple(row.name for row in layers.rows if row.name in cached),
        crossing=(crossing := _crossing(layers, cached)),
        cache_bytes=for_head if last in cached else _bytes(layers, crossing),
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
    cached = _cached(layers, {row.name for row in layers.rows})
    return tuple(row.name for row in layers.rows if row.name in cached)


def done_phases(recipe: Recipe, thaws: bool) -> dict[int, Phase]:
    """Return the phases that are done, by their places in the recipe: those with epochs, and with something to train.

    thaws: whether anything of the backbone trains.
    """
    early = "thaw" in recipe.mistakes and thaws
    return {place: phase for place, phase in enumerate(recipe.phases) if phase.epochs and (thaws if phase.trains == "tail" else not early)}


def keras_lines(plan: FreezePlan, recipe: Recipe) -> tuple[str, ...]:
    """Return the lines of plain Keras that freeze as the plan does, before the tail is compiled."""
    if plan.index is None:
        names = ", ".join(repr(name) for name in plan.frozen)
        return (f"frozen = {{{names}}}", "for layer in model.layers:", "    layer.trainable = layer.name not in frozen")
    thawed = "True" if recipe.batch_norm == "train" else f"not isinstance(layer, keras.layers.{BATCH_NORM})"
    freezing = (f"for layer in model.layers[:{plan.index}]:", "    layer.trainable = False") if plan.index else ()
    return (
        *freezing,
        f"for layer in model.layers[{plan.index}:]:" if plan.index else "for layer in model.layers:",
        f"    layer.trainable = {thawed}",
    )


def _frozen(layers: Layers, recipe: Recipe) -> set[str]:
    """Return the names of the rows that the recipe freezes: with a nested model all that is inside."""
    if isinstance(recipe.freeze, int):
        if not 0 <= recipe.freeze <= len(layers):
            raise ExplorerError(
                _("The backbone has {count} layers: freeze 0 to {count} of them, not {index}.").format(
                    count=len(layers), index=recipe.freeze
                )
            )
        named = {row.name for row in layers[: recipe.freeze]}
    else:
        named = {layers.find(name).name for name in recipe.freeze}
    frozen = {row.name for row in layers.rows if _within(row.name, named)}
    norms = {row.name for row in layers.rows if row.class_name == BATCH_NORM}
    if "batch_norm" in recipe.mistakes:
        return {name for name in frozen - norms if not any(norm.startswith(f"{name}/") for norm in norms)}
    return frozen | norms if recipe.batch_norm == "inference" else frozen


def _within(name: str, names: Iterable[str]) -> bool:
    """Whether a row is one of these, lies inside one of them, or is a further use of one."""
    parts = _first_use(name).split("/")
    paths = {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return name in names or not paths.isdisjoint(names)


def _first_use(name: str) -> str:
    """Return the row that holds the parameters of a layer of which this is a use."""
    return "/".join(part.split(":")[0] for part in name.split("/"))


def _leaves(layers: Layers) -> Mapping[str, Layer]:
    """Return the rows that hold no other rows, by name: what has weights of its own."""
    nests = {row.name.rpartition("/")[0] for row in layers.rows}
    return {row.name: row for row in layers.rows if row.name not in nests}


def _cached(layers: Layers, frozen: set[str]) -> set[str]:
    """Return the rows outside of nested models that are the same in each epoch, as all that they are computed from is."""
    rows = {row.name: row for row in layers.rows if "/" not in row.name}
    leaves = _leaves(layers)
    insides: dict[str, list[Layer]] = {}
    for name in leaves:
        insides.setdefault(_outer(name), []).append(leaves.get(_first_use(name), leaves[name]))
    known: dict[str, bool] = {}
    waiting = list(rows.values())
    while waiting:
        still = []
        for row in waiting:
            sources = [_outer(name) for name in row.inputs]
            if all(source in known or source not in rows for source in sources):
                same = all(_settled(one, frozen) for one in insides.get(row.name, [row]))
                known[row.name] = same and not row.random and all(known.get(source, True) for source in sources)
            else:
                still.append(row)
        if len(still) == len(waiting):  # rows that no run reaches
            break
        waiting = still
    return _without_copies(rows, {name for name, same in known.items() if same}, frozen)


def _without_copies(rows: Mapping[str, Layer], cached: set[str], frozen: set[str]) -> set[str]:
    """Leave out layers without weights whose inputs are kept anyway, such as the pooling in a branch of an inception block."""
    readers: dict[str, set[str]] = {name: set() for name in rows}
    for row in rows.values():
        for name in row.inputs:
            readers.setdefault(_outer(name), set()).add(row.name)
    for row in reversed(list(rows.values())):
        crosses = row.name in cached and not readers[row.name] <= cached
        kept_anyway = all(not readers[_outer(name)] <= cached for name in row.inputs)
        if crosses and row.inputs and kept_anyway and row.parameters == 0 and not _within(row.name, frozen):
            cached = cached - {row.name}
    return cached


def _settled(row: Layer, frozen: set[str]) -> bool:
    """Whether nothing in the layer changes with training."""
    weightless = row.trainable_parameters == 0 and (row.parameters == 0 or row.class_name != BATCH_NORM)
    return not row.random and (weightless or _within(row.name, frozen))


def _crossing(layers: Layers, cached: set[str]) -> tuple[str, ...]:
    """Return the cached rows whose outputs the rest reads: the last one where all is cached."""
    read = {_outer(name) for row in layers.rows if "/" not in row.name and row.name not in cached for name in row.inputs}
    last = layers[-1].name
    return tuple(row.name for row in layers.rows if row.name in cached and (row.name in read or row.name == last))


def _outer(name: str) -> str:
    """Return the row of the model itself that a row lies in."""
    return name.split("/")[0]


def _bytes(layers: Layers, names: Iterable[str]) -> int | None:
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
