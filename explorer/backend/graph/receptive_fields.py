"""The receptive fields of layers: which cells of the input each cell sees, and where the layer's cells lie on the input.

They are computed backwards from the layer to the input, as in Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks" (Distill, 2019), but for each cell: near a border a cell sees less, and inside padding nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.graph.nodes import address_of, has_graph, nodes, uses
from explorer.backend.graph.receptive_field_axes import Ints, Seen, State, sizes_of, united, whole
from explorer.backend.graph.receptive_field_rules import Use, through
from explorer.backend.runtime.keras import keras


@dataclass(frozen=True, eq=False)
class AxisMapping:
    """How one axis of a layer's output runs along one axis of the input.

    axis: the input's axis: 0 rows, 1 columns.
    first, last: (size,) int64, the first and the last cell of the input that each cell sees; `last` is less than
        `first` for a cell that sees nothing of the input (inside zero padding).
    start, stop: where the layer's axis begins and ends on the input, in cells of the input: cell i covers i to i + 1. With
        padding, `start` may be below 0 and `stop` beyond the size; for an axis that runs backwards `start` is greater than `stop`.
    """

    axis: int
    first: Ints
    last: Ints
    start: float
    stop: float


def axis_mappings(model: Any, address: str, data_format: str = "channels_last") -> tuple[AxisMapping | None, ...]:
    """Return how the (first) output of a layer runs along the input: one entry for each of its axes but the batch.

    None for an axis that runs along neither rows nor columns (channels, units, merged axes), and for all axes where the
    model has several inputs, an input that isn't (rows, columns) with channels or without, or open sizes. Empty where the model has no
    graph or nothing at this address (`conv`, `conv:1`, `backbone/conv`).

    Axes are treated one by one: a cell sees nothing outside the box of both. An unknown layer is assumed to see
    everything. After layers that skip cells (dilations, strides greater than the kernel) a receptive field at a border may be
    too large, by no more than such a gap; it is never too small.
    """
    path = _path(model, address)
    if not path:
        return ()
    part, node = path[-1]
    sizes = sizes_of(node.output_tensors[0])
    mappings: list[AxisMapping | None] = [None] * len(sizes)
    if len(model.inputs) != 1 or len(model.inputs[0].shape) not in (3, 4) or not _fixed(model):
        return tuple(mappings)
    own_cells = tuple(Seen(axis, np.arange(size), np.arange(size), ((0, 1), (size, size + 1))) for axis, size in enumerate(sizes))
    entered = _walk(part, {id(node.output_tensors[0]): own_cells})
    for part, node in reversed(path[:-1]):
        entered = _walk(part, _added({}, node.input_tensors, entered))
    spatial = slice(1, 3) if data_format == "channels_first" else slice(0, 2)
    for axis, seen in enumerate((entered[0] or ())[spatial]):
        if seen.axis is not None:
            middle, behind = (sum(edges) / 2 for edges in seen.place)
            half = (behind - middle) / sizes[seen.axis] / 2
            mappings[seen.axis] = AxisMapping(axis, seen.first, seen.last, middle - half, behind - half)
    return tuple(mappings)


def _nested(layer: Any) -> bool:
    return isinstance(layer, keras.Model) and has_graph(layer)


def _path(model: Any, address: str) -> list[tuple[Any, Any]]:
    """Return the models along an address, the outermost first, each with its node; empty if there is nothing at the address."""
    if not _nested(model):
        return []
    name, _slash, inside = address.partition("/")
    use_of = uses(nodes(model))
    node = next((node for node in nodes(model) if address_of(node.operation.name, use_of[id(node)]) == name), None)
    inner = _path(node.operation, inside) if node and inside else []
    return [(model, node), *inner] if node and bool(inside) == bool(inner) else []


def _fixed(model: Any) -> bool:
    """Whether the sizes of all tensors are known, also inside nested models."""
    return all(
        (not _nested(node.operation) or _fixed(node.operation)) and all(None not in sizes_of(tensor) for tensor in node.output_tensors)
        for node in nodes(model)
    )


def _walk(model: Any, reached: dict[int, State]) -> list[State | None]:
    """Return what is seen of each input of a model, given what is seen of the tensors inside it (by their ids)."""
    for node in reversed(nodes(model)):
        seen = [reached.get(id(tensor)) for tensor in node.output_tensors]
        if any(state is not None for state in seen):
            _added(reached, node.input_tensors, _entered(node, seen))
    return [reached.get(id(tensor)) for tensor in model.inputs]


def _added(reached: dict[int, State], tensors: Sequence[Any], seen: Sequence[State | None]) -> dict[int, State]:
    """Add what is seen of these tensors to what `reached` already holds, and return `reached`."""
    for tensor, state in zip(tensors, seen, strict=True):
        if state is not None:
            known = reached.get(id(tensor))
            reached[id(tensor)] = state if known is None else tuple(map(united, known, state))
    return reached


def _entered(node: Any, seen: Sequence[State | None]) -> Sequence[State | None]:
    """Return what is seen of each input tensor of a node, given what is seen of each of its output tensors."""
    layer = node.operation
    if _nested(layer):
        return _walk(layer, _added({}, layer.outputs, seen))
    read = tuple(sizes_of(tensor) for tensor in node.input_tensors)
    first, *others = seen
    entered = [] if first is None else [through(Use(layer, read, at, sizes_of(node.output_tensors[0])), first) for at in range(len(read))]
    if all(state is None for state in others):
        return entered
    wholes = [tuple(map(whole, sizes)) for sizes in read]  # such as for the state of an LSTM
    return [tuple(map(united, *states)) for states in zip(entered or wholes, wholes, strict=True)]
