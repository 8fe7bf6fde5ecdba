"""What a model does with an input before its first layer with weights: how it scales pixels, and whether the input is a picture at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from explorer.backend.graph.nodes import has_graph, nodes
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import constants_of
from explorer.locale import _
from explorer.values import TensorInfo

ARITHMETIC = ("Add", "Divide", "Multiply", "Subtract", "TrueDivide")  # operations by which models scale their input themselves
LARGEST_READ = 20  # what layers with weights read lies within some units
SMALLEST = 2  # pixels a side of what is taken for a picture
SMALLEST_VECTOR = 8  # pixels a side of a picture that is laid out as a vector: shorter ones are rather a table's columns
CHANNELS = (1, 2, 3, 4)  # grey, grey with alpha, colours, colours with alpha
BY_STEPS = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed)


class Layout(NamedTuple):
    """How a picture lies in an input: the order of its axes and (height, width, channels), None for open sides.

    guessed: whether the axes might as well be in another order.
    """

    data_format: str
    size: tuple[int | None, int | None, int]
    guessed: bool = False


class Scaling(NamedTuple):
    """How pixels go into a model that prepares them itself: a convention, and the sentence that says so."""

    preprocess_mode: str
    sentence: str


def operations(model: Any, place: int | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield the layers and operations on the way from an input to the first ones with weights, those included, in running order.

    Each with the node in which it runs, None where the model has no graph. place: of the input; None for all.
    """
    if not has_graph(model):
        for layer in model.layers:
            yield from operations(layer) if isinstance(layer, keras.Model) else [(layer, None)]
            if layer.weights and not isinstance(layer, keras.layers.Normalization):
                return
        return
    reached = {id(tensor) for number, tensor in enumerate(model.inputs) if place in (None, number)}
    for node in nodes(model):
        operation = node.operation
        if not any(id(tensor) in reached for tensor in node.input_tensors):
            continue
        if isinstance(operation, keras.Model):
            yield from operations(operation)
        else:
            yield operation, node
        if not getattr(operation, "weights", ()) or isinstance(operation, keras.layers.Normalization):
            reached |= {id(tensor) for tensor in node.output_tensors}


def scaling_of(model: Any, place: int | None = None) -> Scaling | None:
    """Return how a model scales an input before the first layer with weights; None where nothing does."""
    for operation, node in operations(model, place):
        from_one = _scales_from_one(operation, node)
        if from_one is not None:
            if from_one:
                sentence = _("Pixels are brought to 0 to 1: from there the network scales them itself ({layer}).")
            else:
                sentence = _("Pixels go in as 0 to 255: the network scales them itself ({layer}).")
            return Scaling("unit" if from_one else "none", sentence.format(layer=operation.name))
    return None


def own_code_of(model: Any, place: int | None = None) -> str:
    """Return the name of a layer before those with weights whose code is not Keras's, which may prepare pixels; "" for none."""
    for operation, _node in operations(model, place):
        own = isinstance(operation, keras.layers.Layer) and not type(operation).__module__.startswith("keras.")
        if isinstance(operation, keras.layers.Lambda) or (own and not operation.weights):
            return str(operation.name)
    return ""


def _scales_from_one(operation: Any, node: Any) -> bool | None:
    """Return whether this scales values of 0 to 1 on, instead of pixels of 0 to 255; None where it scales nothing."""
    if isinstance(operation, keras.layers.Rescaling):
        return bool(np.max(np.abs(operation.scale)) * 255 > LARGEST_READ)
    if isinstance(operation, keras.layers.Normalization):
        return _of_small_values(operation)
    kind = type(operation).__name__
    if isinstance(operation, keras.layers.Layer) or kind not in ARITHMETIC:
        return None
    sizes = [float(np.max(np.abs(np.asarray(one)))) for one in constants_of(node)]
    if not sizes or not sizes[0]:
        return None  # of tensors alone, as in a residual
    factor = {"Multiply": sizes[0], "Divide": 1 / sizes[0], "TrueDivide": 1 / sizes[0]}.get(kind)
    return sizes[0] <= 1 if factor is None else factor * 255 > LARGEST_READ


def _of_small_values(normalization: Any) -> bool:
    """Whether a Normalization knows means and variances such as values of 0 to 1 have."""
    mean, variance = (getattr(normalization, name, None) for name in ("mean", "variance"))
    if mean is None or variance is None:
        return False
    return bool(np.max(np.abs(np.asarray(mean))) <= 1 and np.max(np.asarray(variance)) <= 0.3)


def layout_of(model: Any, place: int, wanted: TensorInfo) -> Layout | None:
    """Return how a picture lies in an input of the model; None where the input is none.

    place: of the input. A vector is one where it has as many numbers as a square picture has pixels, grey or in colour.
    """
    if wanted.below is not None or len(wanted.shape) not in (1, 2, 3):
        return None
    if len(wanted.shape) == 1:
        return _of_vector(wanted.shape[0])
    ahead = [operation for operation, _node in operations(model, place)]
    if any(isinstance(one, BY_STEPS) for one in ahead):
        return None
    if len(wanted.shape) == 2:
        return _of_matrix(wanted.shape, ahead)
    return _of_maps(wanted.shape, ahead)


def _of_vector(count: int | None) -> Layout | None:
    for channels in (1, 3):
        side = math.isqrt((count or 0) // channels)
        if side >= SMALLEST_VECTOR and side * side * channels == count:
            return Layout("channels_last", (side, side, channels))
    return None


def _of_matrix(shape: tuple[int | None, ...], ahead: list[Any]) -> Layout | None:
    """Return the layout of grey pixels without an axis of channels: the model adds the axis, or lays out a square as a vector."""
    height, width = shape
    if height is None or width is None or min(height, width) < SMALLEST:
        return None
    for one in ahead:
        adds = isinstance(one, keras.layers.Reshape) and tuple(one.target_shape) in ((height, width, 1), (1, height, width))
        lays_out = isinstance(one, keras.layers.Flatten) or (isinstance(one, keras.layers.Reshape) and len(one.target_shape) == 1)
        if adds or type(one).__name__ == "ExpandDims" or (lays_out and height == width):
            return Layout("channels_last", (height, width, 1))
    return None


def _of_maps(shape: tuple[int | None, ...], ahead: list[Any]) -> Layout | None:
    """Return the layout of an input of three axes; convolutions and poolings say their order, else the sizes tell it."""
    said = next((one.data_format for one in ahead if hasattr(one, "data_format") and not isinstance(one, keras.layers.Flatten)), None)
    first, second, third = shape
    sizes = {"channels_last": (first, second, third), "channels_first": (second, third, first)}
    fitting = [
        Layout(order, (height, width, channels))
        for order, (height, width, channels) in sizes.items()
        if channels in CHANNELS and said in (None, order) and all(side is None or side >= SMALLEST for side in (height, width))
    ]
    if not fitting:
        return None
    return fitting[0]._replace(guessed=len(fitting) > 1)
