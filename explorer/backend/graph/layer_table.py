"""The layer table of a Keras model: the index, address, kind, block, shapes, parameters and inputs of each layer."""

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

# The ending of a Keras class's name -> its kind; the first match counts.
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


# The attributes by which Keras's layers (Dropout, GaussianNoise, GRU, ...) are random while training.
RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "drop_rate", "power_iterations")


def kind_of(class_name: str) -> str:
    """Return the kind of a layer of this Keras class; "other" for layers that only reshape or pad."""
    return next((kind for ending, kind in _KINDS if re.search(f"(?:{ending})$", class_name)), "other")


def table(model: Any, opened: bool = False) -> Layers:
    """Return the layer table of a Keras model that has a graph (Functional or Sequential).

    opened: whether the layers of nested models replace these, as if all were one flat model.
    """
    rows, _made = _rows(model, opened=opened)
    return Layers(_with_unique_blocks(rows) if opened else rows)


def _rows(
    model: Any, path: str = "", read: Sequence[Names] = (), again: bool = False, opened: bool = False
) -> tuple[list[Layer], list[Names]]:
    """Return the rows of a model, and the addresses of the layers that each of its outputs comes from.

    The layers are in Keras's order, each followed by its further uses and the layers inside it.

    path: the address of a nested model with a slash, "backbone/"; "" for the outermost.
    read: for each input of a nested model the addresses of the layers outside that it comes from.
    again: whether this is a further use of the nested model. opened: as in `table`.
    """
    running = nodes(model)
    use_of = uses(running)
    sources: dict[int, Names] = {id(tensor): names for tensor, names in zip(model.inputs, read, strict=False)}
    index_of = indices(model)
    rows_by_use: dict[int, dict[int, list[Layer]]] = {key: {} for key in index_of}
    for node in running:
        layer, use = node.operation, use_of[id(node)]
        origins = [sources.get(id(tensor), ()) for tensor in node.input_tensors]
        inputs = tuple(dict.fromkeys(name for names in origins for name in names))
        address = path + address_of(layer.name, use)
        is_listed = id(layer) in rows_by_use and not (path and node.is_input)
        is_named = is_listed and isinstance(layer, keras.layers.Layer)
        opening = opened and opens(node)
        is_nested = isinstance(layer, keras.Model) and has_graph(layer)
        inside, made = _rows(layer, f"{address}/", origins, bool(use or again), opening) if is_nested else ([], [])
        for position, tensor in enumerate(node.output_tensors):  # an operation counts as the layers that it reads
            sources.setdefault(id(tensor), made[position] if opening else (address,) if is_named else inputs)
        if not is_listed:
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
        rows_by_use[id(layer)][use] = [replace(row, inside=_names_inside(layer)), *inside]
    rows = _joined([[row for use in sorted(rows) for row in rows[use]] for rows in rows_by_use.values() if rows], path)
    return rows, [sources.get(id(tensor), ()) for tensor in model.outputs]


def _names_inside(layer: Any) -> Names:
    """Return the names of the layers inside a layer; none for a nested model, whose layers have their own rows."""
    has_own_rows = not isinstance(layer, keras.layers.Layer) or (isinstance(layer, keras.Model) and has_graph(layer))
    return () if has_own_rows else tuple(inner.name for inner in flat_layers(layer)[1:])


def _with_unique_blocks(rows: Sequence[Layer]) -> list[Layer]:
    """Return the rows with block names that are unique across nested models: `left/block_1` and `right/block_1` for two `block_1`."""
    paths: dict[str, set[str]] = {}
    for row in rows:
        paths.setdefault(row.block, set()).add(_path(row))
    return [
        replace(row, block=f"{_path(row)}/{row.block}") if row.block and len(paths[row.block]) > 1 and _path(row) else row for row in rows
    ]


def _path(row: Layer) -> str:
    """Return the path of the nested model that a layer is in, without use numbers."""
    return re.sub(r":\d+(?=/|$)", "", row.name.rpartition("/")[0])


def _parameters(layer: Any) -> int:
    """Return how many parameters a layer has; an operation has none."""
    return int(layer.count_params()) if isinstance(layer, keras.layers.Layer) else 0


def _joined(groups: Sequence[Sequence[Layer]], path: str) -> list[Layer]:
    """Return the rows of all layers as one list, with blocks filled in; each group is a layer's row and those that belong to it."""
    plain = [
        replace(
            first,
            name=first.name.removeprefix(path),
            inputs=tuple(dict.fromkeys(name.removeprefix(path).split("/")[0] for name in first.inputs if name.startswith(path))),
        )
        for first, *_others in groups
    ]
    joined: list[Layer] = []
    for rows, block in zip(groups, (row.block for row in with_blocks(plain)), strict=True):
        joined += [row if row.block else replace(row, block=block) for row in rows]
    return joined


def recorded_table(model: Any, record: Record) -> Layers:
    """Return the layer table of a model without a graph: its layers, each followed by the layers inside it.

    record: of one call of the model. Layers that the call didn't reach have no shape.
    """
    rows: dict[str, Layer] = {}
    index_of = {id(layer): index for index, layer in enumerate(model.layers)}
    listed: set[int] = set()
    summed: set[int] = set()
    for address, (layer, output) in record.items():
        if _is_inside_keras_layer(address, record):
            continue
        path, _slash, _name = address.rpartition("/")
        is_top_level = not path and id(layer) in index_of and id(layer) not in listed
        rows[address] = _row(
            layer,
            address,
            _position(layer, record[path][0] if path else model),
            outputs=[_shape(tensor) for tensor in keras.tree.flatten(output)],
            parameters=0 if id(layer) in summed else _parameters(layer),
            is_nested_or_reused=not is_top_level,
        )
        listed |= {id(layer)} if is_top_level else set()
        summed.add(id(layer))
    for layer in model.layers:
        if id(layer) not in listed:
            address = next(name for name in (address_of(layer.name, use) for use in itertools.count()) if name not in rows)
            rows[address] = _row(
                layer, address, index_of[id(layer)], [], layer.count_params() if layer.built else 0, is_nested_or_reused=False
            )
    return Layers(_in_order(rows))


def _position(layer: Any, parent: Any) -> int:
    """Return the index of a layer in `parent.layers`, 0 if it isn't among them."""
    return next((index for index, child in enumerate(getattr(parent, "layers", ())) if child is layer), 0)


def _is_inside_keras_layer(address: str, record: dict[str, Any]) -> bool:
    """Whether the address is inside one of Keras's own layers, such as the cell of an LSTM."""
    parents = [address[: end.start()] for end in re.finditer("/", address)]
    return any(
        not isinstance(record[parent][0], keras.Model) and type(record[parent][0]).__module__.startswith("keras.")
        for parent in parents
        if parent in record
    )


def _in_order(rows: dict[str, Layer]) -> list[Layer]:
    """Return the rows in the order of `model.layers`, each followed by the rows that belong to it."""
    index_of = {row.name: row.index for row in rows.values() if not row.is_nested_or_reused}

    def position_of(row: Layer) -> int:
        first = row.name.split("/")[0]
        return index_of.get(first, index_of.get(re.sub(r":\d+$", "", first), len(index_of)))

    return sorted(rows.values(), key=position_of)


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
    """Return how many of a layer's parameters training changes, unless the layer is frozen."""
    return sum(math.prod(variable.shape) for inner in flat_layers(layer) for variable in own_trainable_variables(inner))


def is_random(layer: Any) -> bool:
    """Whether the output of a layer may be random while training: a dropout, a random augmentation, unknown code."""
    inside = flat_layers(layer) if isinstance(layer, keras.layers.Layer) else ()
    return any(_is_random_layer(inner) for inner in inside if not isinstance(inner, keras.Model))


def _is_random_layer(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Lambda) or not type(layer).__module__.startswith("keras."):
        return isinstance(layer, keras.layers.Lambda) or takes_training(layer)
    rates = [getattr(layer, name, 0) for name in RATES]
    return any(isinstance(rate, int | float) and rate > 0 for rate in rates) or type(layer).__name__.startswith("Random")


def axes_of(inputs: tuple[Axis, ...], shape: tuple[int, ...], mappings: Sequence[AxisMapping | None] = ()) -> tuple[Axis, ...]:
    """Return the axes of an output of this shape, channels last: those that run along the input, then channels or units.

    mappings: how each axis runs along the input; if that isn't known, the cells of maps are assumed to divide the input evenly.
    An output of a single cell for the whole input (1, 1, channels) is a vector of units. The outputs of a network of
    arrays have steps and units; if there are more than three axes, those before the last three count as further channels.
    """
    spatial = tuple(axis for axis in inputs if axis.spatial)
    if any(mappings) and len(shape) in (2, 3) and any(size > 1 for size in shape[:-1]):
        return tuple(_mapped_axis(spatial, mapping, size, len(shape)) for mapping, size in zip(mappings, shape, strict=True))
    if spatial and len(shape) == len(spatial) + 1 and any(size > 1 for size in shape[:-1]):
        return (*(replace(axis, size=size) for axis, size in zip(spatial, shape, strict=False)), Axis("channel", shape[-1]))
    if len(shape) < 2 or all(size == 1 for size in shape[:-1]):
        return (Axis("unit", math.prod(shape)),)
    if len(shape) == 2:
        return (Axis("step", shape[0]), Axis("unit", shape[1]))
    rows, columns = shape[-3:-1]
    return (Axis("row", rows), Axis("column", columns), Axis("channel", math.prod(shape) // (rows * columns)))


def _mapped_axis(inputs: Sequence[Axis], mapping: AxisMapping | None, size: int, count: int) -> Axis:
    """Return an axis of maps or of a sequence (`count`: 3 or 2 axes), in the units of the input's axis that it runs along."""
    if mapping is None:
        return Axis("channel" if count > 2 else "unit", size)
    input_axis = inputs[mapping.axis]

    def at(cell: float) -> float:
        return input_axis.at(cell / input_axis.size)

    start, stop = float(mapping.start), float(mapping.stop)
    steps = len(input_axis.scale) - 1
    scale = tuple(at(start + (stop - start) * step / steps) for step in range(steps + 1)) if input_axis.scale else ()
    spans = zip(mapping.first.tolist(), mapping.last.tolist(), strict=True)
    fields = tuple((at(first), at(last + 1)) if first <= last else None for first, last in spans)
    return replace(input_axis, size=size, start=at(start), stop=at(stop), scale=scale, fields=fields)
