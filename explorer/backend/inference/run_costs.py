"""What a network costs to be run, known before it is: the memory that its tensors take at a time, and its steps one after the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from explorer.backend.graph.nodes import has_graph, nodes
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import flat_layers

# What hands on the memory of what it reads, in TensorFlow's graphs.
PASSING = ("Identity", "ReadVariableOp", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "PreventGradient")

PATIENCE = 30  # seconds that a recurrent layer may take by this estimate, which is of a laptop's processor
LOOPED, UNROLLED = 2e-5, 2e-2  # seconds a step of a small layer takes; unrolled ones are written out before they run
PER_WEIGHT = 1.2e-10  # seconds that each weight adds to a step


def peak(graph: Any, examples: int, longest: int = 1) -> int:
    """Return the bytes that the tensors of a TensorFlow graph take at most at a time, for a batch of so many examples.

    longest: what stands for other sizes that are open. Each tensor counts from the operation that makes it to the last one that reads it.
    """
    operations = graph.get_operations()
    home: dict[str, str] = {}  # the tensor whose memory one has
    last: dict[str, int] = {}
    for place, operation in enumerate(operations):
        for tensor in operation.inputs:
            last[home[tensor.name]] = place
        for tensor in operation.outputs:
            passed = operation.type in PASSING and len(operation.inputs) > 0
            home[tensor.name] = home[operation.inputs[0].name] if passed else tensor.name
            last[home[tensor.name]] = place
    last |= {home[tensor.name]: len(operations) for tensor in graph.outputs}
    ending: Counter[int] = Counter()
    held = most = 0
    for place, operation in enumerate(operations):
        for tensor in operation.outputs:
            if home[tensor.name] == tensor.name:
                size = _bytes(tensor, examples, longest)
                held += size
                ending[last[tensor.name]] += size
        most = max(most, held)
        held -= ending[place]
    return most


def _bytes(tensor: Any, examples: int, longest: int) -> int:
    if tensor.shape.rank is None:
        return 0
    sizes = tensor.shape.as_list()
    known = [(longest if place else examples) if size is None else size for place, size in enumerate(sizes)]
    return int(math.prod(known) * tensor.dtype.size)


class Recurrence(NamedTuple):
    """A recurrent layer: its name, the steps that it takes one after the other, and how many it may."""

    layer: str
    steps: int
    most: int


def recurrences(model: Any, longest: int = 1) -> Iterator[Recurrence]:
    """Yield the recurrent layers of a model that has a graph, in nested models too.

    longest: what stands for a number of steps that is open, as in a nested model that takes any.
    """
    for part in flat_layers(model):
        for node in nodes(part) if isinstance(part, keras.Model) and has_graph(part) else ():
            inner, axis = _unwrapped(node.operation)
            if isinstance(inner, keras.layers.RNN) and node.input_tensors:
                shape = node.input_tensors[0].shape
                cells = math.prod(size or longest for size in shape[axis + 1 : -1])  # of a ConvLSTM, each of which has all weights
                each = (UNROLLED if inner.unroll else LOOPED) + PER_WEIGHT * cells * node.operation.count_params()
                yield Recurrence(node.operation.name, shape[axis] or longest, int(PATIENCE / each))


def _unwrapped(layer: Any) -> tuple[Any, int]:
    """Return the layer within wrappers, and the axis of its steps in what the outermost one reads."""
    axis = 1
    while isinstance(layer, keras.layers.Wrapper | keras.layers.Bidirectional):
        axis += isinstance(layer, keras.layers.TimeDistributed)
        layer = layer.forward_layer if isinstance(layer, keras.layers.Bidirectional) else layer.layer
    return layer, axis
