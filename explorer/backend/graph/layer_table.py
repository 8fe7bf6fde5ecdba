"""The layer table of a Keras model: index, address, kind, block, shapes, parameters, what it reads."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from explorer.backend.graph.blocks import with_blocks
from explorer.backend.graph.nodes import Record, address_of, has_graph, indices, nodes, opens, uses
from explorer.backend.graph.receptive_fields import AxisMapping
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import flat_layers, own_trainable_variables, takes_training
from explorer.values import Axis, Layer, Layers

Shape: TypeAlias = "tuple[int | None, ...]"
Names: TypeAlias = tuple[str, ...]

# What Keras's classes do, by how their names end; the first that fits counts.
_KINDS = (
    (r"InputLayer", "input"),
    (r"DepthwiseConv\dD", "depthwise"),
    (r"Conv\dD(Transpose)?", "convolution"),
    (r"Normalization", "normalisation"),
    (r"Pooling\dD", "pooling"),
    (r"Activation|ReLU|ELU|Softmax|Swish", "activation"),
    (r"Add|Concatenate|Multiply|Average|Maximum|Minimum|Subtract|Dot", "merge"),
    (r"Dense|EinsumDense", "dense"),
    (r"LSTM|GRU|SimpleRNN|RNN|Bidirectional", "recurrent"),
)


# What Keras's layers call how much they draw at random while training: Dropout, GaussianNoise, GRU, ...
RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "drop_rate", "power_iterations")


def kind_of(class_name: str) -> str:
    """Return what a layer of this Keras class does; "other" for what only reshapes or pads."""
    return next((kind for ending, kind in _KINDS if re.search(f"(?:{ending})$", class_name)), "other")


def table(model: Any, opened: bool = False) -> Layers:
    """Return the layer table of a Keras model that has a graph (Functional or Sequential).

    opened: whether the layers inside of nested models count in the place of these, as if all were one flat model.
    """
    rows, _made = _rows(model, opened=opened)
    return Layers(_told_apart(rows) if opened else rows)


def _rows(
    model: Any, path: str = "", read: Sequence[Names] = (), again: bool = False, opened: bool = False
) -> tuple[list[Layer], list[Names]]:
    """Return the rows of a model, its layers in Keras's order, each with what belongs to it behind it; and what each output comes from.

    path: where the model is nested: "" or "backbone/"; read: the addresses that each of its inputs comes
    from there; again: whether this is a further use of it; opened: as in `table`, for a model that is opened itself.
    """
    running = nodes(model)
    number = uses(running)
    sources: dict[int, Names] = {id(tensor): names for tensor, names in zip(model.inputs, read, strict=False)}
    index_of = indices(model)
    found: dict[int, dict[int, list[Layer]]] = {key: {} for key in index_of}
    for node in running:
        layer, use = node.operation, number[id(node)]
        origins = [sources.get(id(tensor), ()) for tensor in node.input_tensors]
        inputs = tuple(dict.fromkeys(name for names in origins for name in names))
        address = path + address_of(layer.name, use)
        listed = id(layer) in found and not (path and node.is_input)
        named = listed and isinstance(layer, keras.layers.Layer)
        opening = opened and opens(node)
        nested = isinstance(layer, keras.Model) and has_graph(layer)
        inside, made = _rows(layer, f"{address}/", origins, bool(use or again), opening) if nested else ([], [])
        for place, tensor in enumerate(node.output_tensors):  # those of an operation come from the layers that it reads
            sources.setdefault(id(tensor), made[place] if opening else (address,) if named else inputs)
        if not listed:
            continue
        row = _row(
            layer,
            address,
            index_of[id(layer)],
            outputs=[_shape(tensor) for tensor in node.output_tensors],
            parameters=0 if use or again else _parameters(layer),
            is_nested_or_reused=bool(use or again or opening or (path and not opened)),
            inputs=inputs,
            input_shapes=tuple(_shape(tensor) for tensor in node.input_tensors),
        )
        found[id(layer)][use] = [replace(row, inside=_names_inside(layer)), *inside]
    rows = _joined([[row for use in sorted(rows) for row in rows[use]] for rows in found.values() if rows], path)
    return rows, [sources.get(id(tensor), ()) for tensor in model.outputs]


def _names_inside(layer: Any) -> Names:
    """Return the names of the layers within one that is no nested model with rows of its own."""
    alone = not isinstance(layer, keras.layers.Layer) or (isinstance(layer, keras.Model) and has_graph(layer))
    return () if alone else tuple(one.name for one in flat_layers(layer)[1:])


def _told_apart(rows: Sequence[Layer]) -> list[Layer]:
    """Return the rows with blocks that only one model has: `left/block_1` and `right/block_1` where two have a `block_1`."""
    homes: dict[str, set[str]] = {}
    for row in rows:
        homes.setdefault(row.block, set()).add(_path(row))
    return [
        replace(row, block=f"{_path(row)}/{row.block}") if row.block and len(homes[row.block]) > 1 and _path(row) else row for row in rows
    ]


def _path(row: Layer) -> str:
    """Return the address of the nested model that a layer is in; further uses of it are in the same."""
    return re.sub(r":\d+(?=/|$)", "", row.name.rpartition("/")[0])


def _parameters(layer: Any) -> int:
    """Return how many parameters a layer has; an operation has none."""
    return int(layer.count_params()) if isinstance(layer, keras.layers.Layer) else 0


def _joined(found: Sequence[Sequence[Layer]], path: str) -> list[Layer]:
    """Return the rows of all layers one behind the other, with the blocks of this model's own layers filled in."""
    plain = [
        replace(
            first,
            name=first.name.removeprefix(path),
            inputs=tuple(dict.fromkeys(name.removeprefix(path).split("/")[0] for name in first.inputs if name.startswith(path))),
        )
        for first, *_others in found
    ]
    joined: list[Layer] = []
    for rows, block in zip(found, (row.block for row in with_blocks(plain)), strict=True):
        joined += [row if row.block else replace(row, block=block) for row in rows]
    return joined


def recorded_table(model: Any, record: Record) -> Layers:
    """Return the layer table of a model without a graph: its layers, each with what is inside it behind it.

    record: of one call of it. Layers that the call didn't reach have no shape.
    """
    rows: dict[str, Layer] = {}
    index_of = {id(layer): index for index, layer in enumerate(model.layers)}
    listed: set[int] = set()
    summed: set[int] = set()
    for address, (layer, output) in record.items():
        if _inside_of_keras(address, record):
            continue
        path, _slash, _name = address.rpartition("/")
        own = not path and id(layer) in index_of and id(layer) not in listed
        rows[address] = _row(
            layer,
            address,
            _position(layer, record[path][0] if path else model),
            outputs=[_shape(tensor) for tensor in keras.tree.flatten(output)],
            parameters=0 if id(layer) in summed else _parameters(layer),
            is_nested_or_reused=not own,
        )
        listed |= {id(layer)} if own else set()
        summed.add(id(layer))
    for layer in model.layers:
        if id(layer) not in listed:
            address = next(name for name in (address_of(layer.name, use) for use in itertools.count()) if name not in rows)
            rows[address] = _row(
                layer, address, index_of[id(layer)], [], layer.count_params() if layer.built else 0, is_nested_or_reused=False
            )
    return Layers(_in_order(rows))


def _position(layer: Any, parent: Any) -> int:
    """Return the index of a layer in `parent.layers`, 0 where it is not among them."""
    return next((index for index, one in enumerate(getattr(parent, "layers", ())) if one is layer), 0)


def _inside_of_keras(address: str, record: dict[str, Any]) -> bool:
    """Whether the address lies inside a layer of Keras's own, such as the cell of an LSTM."""
    parents = [address[: end.start()] for end in re.finditer("/", address)]
    return any(
        not isinstance(record[parent][0], keras.Model) and type(record[parent][0]).__module__.startswith("keras.")
        for parent in parents
        if parent in record
    )


def _in_order(rows: dict[str, Layer]) -> list[Layer]:
    """Return the rows by the place of their layer in `model.layers`, with what belongs to it behind it."""
    place = {row.name: row.index for row in rows.values() if not row.is_nested_or_reused}

    def place_of(row: Layer) -> int:
        first = row.name.split("/")[0]
        return place.get(first, place.get(re.sub(r":\d+$", "", first), len(place)))

    return sorted(rows.values(), key=place_of)


def _shape(tensor: Any) -> Shape:
    return tuple(getattr(tensor, "shape", ())[1:])


def _row(layer: Any, address: str, index: int, outputs: list[Shape], parameters: int, is_nested_or_reused: bool, **facts: Any) -> Layer:
    operation = not isinstance(layer, keras.layers.Layer)
    return Layer(
        index=index,
        name=address,
        kind="model" if isinstance(layer, keras.Model) else kind_of(type(layer).__name__),
        operation=operation,
        trainable_parameters=trainable_parameters(layer) if parameters else 0,
        random=is_random(layer),
        class_name=type(layer).__name__,
        block="",
        output_shape=outputs[0] if outputs else (),
        parameters=parameters,
        is_nested_or_reused=is_nested_or_reused or operation,
        output_shapes=tuple(outputs),
        **facts,
    )


def trainable_parameters(layer: Any) -> int:
    """Return how many of a layer's parameters a training changes, unless the layer is frozen."""
    return sum(math.prod(variable.shape) for one in flat_layers(layer) for variable in own_trainable_variables(one))


def is_random(layer: Any) -> bool:
    """Whether a layer may answer otherwise each time while training: a dropout, a random change of pictures, unknown code."""
    inside = flat_layers(layer) if isinstance(layer, keras.layers.Layer) else ()
    return any(_draws(one) for one in inside if not isinstance(one, keras.Model))


def _draws(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Lambda) or not type(layer).__module__.startswith("keras."):
        return isinstance(layer, keras.layers.Lambda) or takes_training(layer)
    rates = [getattr(layer, name, 0) for name in RATES]
    return any(isinstance(rate, int | float) and rate > 0 for rate in rates) or type(layer).__name__.startswith("Random")


def axes_of(inputs: tuple[Axis, ...], shape: tuple[int, ...], places: Sequence[AxisMapping | None] = ()) -> tuple[Axis, ...]:
    """Return the axes of an output of this shape, channels last: those that run along the input, then channels or units.

    places: how each axis runs along the input; where it isn't known, the cells of maps are taken to share the input evenly.
    An output of one single cell over the whole input (1, 1, channels) is a vector of units. What a
    network of arrays answers has steps and units; with more axes than that, those before the last three
    count as further channels.
    """
    spatial = tuple(axis for axis in inputs if axis.spatial)
    if any(places) and len(shape) in (2, 3) and any(size > 1 for size in shape[:-1]):
        return tuple(_placed(spatial, place, size, len(shape)) for place, size in zip(places, shape, strict=True))
    if spatial and len(shape) == len(spatial) + 1 and any(size > 1 for size in shape[:-1]):
        return (*(replace(axis, size=size) for axis, size in zip(spatial, shape, strict=False)), Axis("channel", shape[-1]))
    if len(shape) < 2 or all(size == 1 for size in shape[:-1]):
        return (Axis("unit", math.prod(shape)),)
    if len(shape) == 2:
        return (Axis("step", shape[0]), Axis("unit", shape[1]))
    rows, columns = shape[-3:-1]
    return (Axis("row", rows), Axis("column", columns), Axis("channel", math.prod(shape) // (rows * columns)))


def _placed(inputs: Sequence[Axis], place: AxisMapping | None, size: int, count: int) -> Axis:
    """Return one axis of maps (of three axes) or of a sequence (of two), in the units of the input's axis that it runs along."""
    if place is None:
        return Axis("channel" if count > 2 else "unit", size)
    axis_mappings = inputs[place.axis]

    def at(cell: float) -> float:
        return axis_mappings.at(cell / axis_mappings.size)

    start, stop = float(place.start), float(place.stop)
    steps = len(axis_mappings.scale) - 1
    scale = tuple(at(start + (stop - start) * step / steps) for step in range(steps + 1)) if axis_mappings.scale else ()
    seen = zip(place.first.tolist(), place.last.tolist(), strict=True)
    fields = tuple((at(first), at(last + 1)) if first <= last else None for first, last in seen)
    return replace(axis_mappings, size=size, start=at(start), stop=at(stop), scale=scale, fields=fields)
