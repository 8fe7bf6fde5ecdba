"""The layers of a model before its first layers with weights: how they scale pixels, and whether an input is a picture at all."""

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
LARGEST_READ = 20  # the largest magnitude of a value that a layer with weights is assumed to read
SMALLEST = 2  # pixels a side of a picture at least
SMALLEST_VECTOR = 8  # pixels a side at least of a picture that is flattened to a vector: shorter vectors are more likely a table's columns
CHANNELS = (1, 2, 3, 4)  # grey, grey with alpha, colours, colours with alpha
BY_STEPS = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed)


class Layout(NamedTuple):
    """The layout of a picture in an input: the order of its axes and (height, width, channels), None for open sizes.

    guessed: whether the axes might be in the other order.
    """

    data_format: str
    size: tuple[int | None, int | None, int]
    guessed: bool = False


class Scaling(NamedTuple):
    """How to feed pixels to a model that preprocesses them itself: a preprocess mode, and the sentence that explains it."""

    preprocess_mode: str
    sentence: str


def operations(model: Any, position: int | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield the layers and operations from an input to the first ones with weights, those included, in the order in which they run.

    Each comes with the node in which it runs, None if the model has no graph.
    position: of the input among the model's inputs; None for all.
    """
    if not has_graph(model):
        for layer in model.layers:
            yield from operations(layer) if isinstance(layer, keras.Model) else [(layer, None)]
            if layer.weights and not isinstance(layer, keras.layers.Normalization):
                return
        return
    reached = {id(tensor) for index, tensor in enumerate(model.inputs) if position in (None, index)}
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


def scaling_of(model: Any, position: int | None = None) -> Scaling | None:
    """Return how a model scales an input before its first layer with weights; None if it doesn't."""
    for operation, node in operations(model, position):
        from_one = _scales_from_one(operation, node)
        if from_one is not None:
            if from_one:
                sentence = _("Pixels are brought to 0 to 1: from there the network scales them itself ({layer}).")
            else:
                sentence = _("Pixels go in as 0 to 255: the network scales them itself ({layer}).")
            return Scaling("unit" if from_one else "none", sentence.format(layer=operation.name))
    return None


def own_code_of(model: Any, position: int | None = None) -> str:
    """Return the name of a layer before those with weights whose code isn't Keras's and may preprocess pixels; "" for none."""
    for operation, _node in operations(model, position):
        is_custom = isinstance(operation, keras.layers.Layer) and not type(operation).__module__.startswith("keras.")
        if isinstance(operation, keras.layers.Lambda) or (is_custom and not operation.weights):
            return str(operation.name)
    return ""


def _scales_from_one(operation: Any, node: Any) -> bool | None:
    """Return whether an operation expects values of 0 to 1 (True) or of 0 to 255 (False) to scale; None if it doesn't scale."""
    if isinstance(operation, keras.layers.Rescaling):
        return bool(np.max(np.abs(operation.scale)) * 255 > LARGEST_READ)
    if isinstance(operation, keras.layers.Normalization):
        return _has_small_statistics(operation)
    kind = type(operation).__name__
    if isinstance(operation, keras.layers.Layer) or kind not in ARITHMETIC:
        return None
    sizes = [float(np.max(np.abs(np.asarray(constant)))) for constant in constants_of(node)]
    if not sizes or not sizes[0]:
        return None  # it combines tensors only, as in a residual connection
    factor = {"Multiply": sizes[0], "Divide": 1 / sizes[0], "TrueDivide": 1 / sizes[0]}.get(kind)
    return sizes[0] <= 1 if factor is None else factor * 255 > LARGEST_READ


def _has_small_statistics(normalization: Any) -> bool:
    """Whether the mean and variance of a Normalization are those of values of 0 to 1."""
    mean, variance = (getattr(normalization, name, None) for name in ("mean", "variance"))
    if mean is None or variance is None:
        return False
    return bool(np.max(np.abs(np.asarray(mean))) <= 1 and np.max(np.asarray(variance)) <= 0.3)


def layout_of(model: Any, position: int, info: TensorInfo) -> Layout | None:
    """Return the layout of a picture in an input of the model; None if the input isn't a picture.

    position: of the input among the model's inputs. A vector counts as a picture if it is as long as a flattened square one,
    grey or in colour.
    """
    if info.below is not None or len(info.shape) not in (1, 2, 3):
        return None
    if len(info.shape) == 1:
        return _vector_layout(info.shape[0])
    readers = [operation for operation, _node in operations(model, position)]
    if any(isinstance(reader, BY_STEPS) for reader in readers):
        return None
    if len(info.shape) == 2:
        return _matrix_layout(info.shape, readers)
    return _maps_layout(info.shape, readers)


def _vector_layout(count: int | None) -> Layout | None:
    for channels in (1, 3):
        side = math.isqrt((count or 0) // channels)
        if side >= SMALLEST_VECTOR and side * side * channels == count:
            return Layout("channels_last", (side, side, channels))
    return None


def _matrix_layout(shape: tuple[int | None, ...], readers: list[Any]) -> Layout | None:
    """Return the layout of grey pixels without a channel axis, if the model adds that axis, or flattens a square; else None."""
    height, width = shape
    if height is None or width is None or min(height, width) < SMALLEST:
        return None
    for reader in readers:
        adds = isinstance(reader, keras.layers.Reshape) and tuple(reader.target_shape) in ((height, width, 1), (1, height, width))
        flattens = isinstance(reader, keras.layers.Flatten) or (isinstance(reader, keras.layers.Reshape) and len(reader.target_shape) == 1)
        if adds or type(reader).__name__ == "ExpandDims" or (flattens and height == width):
            return Layout("channels_last", (height, width, 1))
    return None


def _maps_layout(shape: tuple[int | None, ...], readers: list[Any]) -> Layout | None:
    """Return the layout of an input of three axes, in the data format of the convolutions and poolings, else by its sizes."""
    formats = [reader.data_format for reader in readers if hasattr(reader, "data_format") and not isinstance(reader, keras.layers.Flatten)]
    data_format = formats[0] if formats else None
    first, second, third = shape
    sizes = {"channels_last": (first, second, third), "channels_first": (second, third, first)}
    candidates = [
        Layout(order, (height, width, channels))
        for order, (height, width, channels) in sizes.items()
        if channels in CHANNELS and data_format in (None, order) and all(side is None or side >= SMALLEST for side in (height, width))
    ]
    if not candidates:
        return None
    return candidates[0]._replace(guessed=len(candidates) > 1)
