"""Frozen values that pass between rooms: plain data and detached NumPy arrays, never a live network."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np

from explorer.errors import UnknownName, near
from explorer.locale import _

LARGEST = 200 * 2**20  # bytes of an example


@dataclass(frozen=True)
class NetworkSpec:
    """Which network to build: an architecture and its options.

    weights: the name of a pretrained set ("imagenet", "digits") or None for random initial weights.
    include_top: keep the classification head.
    alpha: width multiplier of MobileNet and MobileNetV2; 1.0 for every other architecture.
    """

    architecture: str
    weights: str | None = None
    include_top: bool = True
    alpha: float = 1.0


@dataclass(frozen=True, eq=False)
class Example:
    """One input as the user gave it.

    kind: "image".
    data: the bytes of a file, or an array (height, width, 3) of uint8.
    name: what to call it in sentences; never used as a path.
    """

    kind: str
    data: bytes | np.ndarray[Any, np.dtype[np.uint8]]
    name: str

    @cached_property
    def digest(self) -> str:
        """A hash of the content: equal for equal content, whatever its name."""
        content = hashlib.blake2b(digest_size=16)
        if isinstance(self.data, np.ndarray):
            content.update(repr(self.data.shape).encode())
            content.update(np.ascontiguousarray(self.data).data)
        else:
            content.update(self.data)
        return content.hexdigest()


@dataclass(frozen=True)
class Axis:
    """One named axis of an input or of feature maps, as a stretch of the input.

    name: "row", "column", "channel" or "unit".
    size: number of cells along it.
    unit: what `start` and `stop` count ("pixel"); empty for axes that are not a stretch of the input.
    """

    name: str
    size: int
    unit: str = ""
    start: float = 0.0
    stop: float = 0.0

    @property
    def spatial(self) -> bool:
        """Whether the axis runs along the input."""
        return bool(self.unit)

    def span(self, cell: int) -> Span:
        """Return the stretch of the input that `cell` (0 to size - 1) stands for."""
        step = (self.stop - self.start) / self.size
        return Span(self.name, self.unit, self.start + cell * step, self.start + (cell + 1) * step)


@dataclass(frozen=True)
class Span:
    """A stretch of one input axis, in that axis's unit."""

    axis: str
    unit: str
    start: float
    stop: float


@dataclass(frozen=True)
class Region:
    """A part of the input: one span for each axis that is bounded."""

    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Layer:
    """One row of the layer table.

    index: Keras's own position in `model.layers`.
    kind: what it does ("convolution", "depthwise", "normalisation", "activation", "merge", "pooling",
        "dense", "recurrent", "input" or "other"); `class_name` is Keras's class ("Conv2D").
    block: the part of the network it belongs to ("stem", "block_13", "conv4_block2", "top").
    output_shape: of one example, without the batch axis; None where a size is open.
    parameters: all of them, trainable or not.
    """

    index: int
    name: str
    kind: str
    class_name: str
    block: str
    output_shape: tuple[int | None, ...]
    parameters: int


class Layers(tuple[Layer, ...]):
    """The layers in Keras's order; `layers[116]` and `layers["block_13_expand"]` are the same row."""

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, slice) else self.find(key)

    def __contains__(self, key: object) -> bool:
        return any(key in (layer, layer.name) for layer in self)

    def find(self, key: LayerKey) -> Layer:
        """Return the layer with this index (from the end where negative), name, or index written as text.

        Raises UnknownName, saying the range of indices or the names that are near.
        """
        if isinstance(key, Layer):
            key = key.index
        if isinstance(key, bool | bytes | slice):
            raise UnknownName(_("A layer is an index or a name, not {type}.").format(type=type(key).__name__))
        if isinstance(key, str):
            named = {layer.name: layer for layer in self}
            if key.strip() in named:
                return named[key.strip()]
            if not re.fullmatch(r"\s*-?\d+\s*", key):
                raise UnknownName(_("There is no layer {name!r}.{near}").format(name=key, near=near(key, named)))
            key = int(key)
        try:
            return super().__getitem__(key)
        except IndexError:
            raise UnknownName(
                _("There is no layer {index}: this network has layers 0 to {last}.").format(index=key, last=len(self) - 1)
            ) from None
        except TypeError:
            raise UnknownName(_("A layer is an index or a name, not {type}.").format(type=type(key).__name__)) from None


LayerKey: TypeAlias = "SupportsIndex | str | Layer"


@dataclass(frozen=True)
class NetworkSummary:
    """What a page knows of a network that is loaded; `axes` are those of its input."""

    spec: NetworkSpec
    input: str
    axes: tuple[Axis, ...]
    layers: Layers
    classes: int
    parameters: int


@dataclass(frozen=True)
class Prediction:
    """One answer: `score` in 0 to 1, `id` the class's own identifier (a WordNet id for ImageNet)."""

    id: str
    label: str
    score: float


@dataclass(frozen=True)
class Answers:
    """The top answers and what the other classes hold.

    others_score: the sum over the classes that are not in `predictions`.
    sums_to_one: whether the scores share one whole (softmax) or are independent (tags).
    """

    predictions: tuple[Prediction, ...]
    others: int
    others_score: float
    sums_to_one: bool


@dataclass(frozen=True, eq=False)
class SeenInput:
    """An example as it came and as the network sees it, both uint8 (height, width, 3) or (height, width).

    aligned: both show the same frame, so a region of one is the same part of the other.
    notes: what was done on the way that the user should know.
    """

    came: np.ndarray[Any, np.dtype[np.uint8]]
    seen: np.ndarray[Any, np.dtype[np.uint8]]
    came_size: tuple[int, ...]
    axes: tuple[Axis, ...]
    aligned: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What one layer answers to one example: float32, one axis of `axes` for each of `values`.

    remembered, bound: bytes of activations kept for this network, and how many may be kept.
    labels: what the units stand for, where they stand for classes.
    """

    layer: Layer
    values: np.ndarray[Any, np.dtype[np.float32]]
    axes: tuple[Axis, ...]
    remembered: int = 0
    bound: int = 0
    labels: tuple[str, ...] = ()

    @property
    def spatial(self) -> bool:
        """Whether these are maps over the input (rows and columns) or a plain vector of units."""
        return any(axis.spatial for axis in self.axes)


@dataclass(frozen=True)
class Progress:
    """What is going on, in words; `fraction` is 0 to 1 where known."""

    text: str
    fraction: float | None = None
