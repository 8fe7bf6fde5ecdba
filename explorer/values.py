"""Frozen values that pass between rooms: plain data and detached NumPy arrays, never a live network."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np

from explorer.errors import UnknownName, near
from explorer.locale import _

LARGEST = 200 * 2**20  # bytes of an example

Arrays: TypeAlias = "tuple[tuple[str, np.ndarray[Any, Any]], ...]"


@dataclass(frozen=True)
class NetworkSpec:
    """Which network of the table to build: an architecture and its options, as `explorer.load` describes them.

    weights: the name of a pretrained set ("imagenet", "digits"), None for random initial weights, or the
        path of a file of weights; `stamp` tells versions of that file apart.
    input_shape: without the batch axis, in the order of `data_format`; None for the architecture's own.
    classes, dropout: None for the architecture's own.
    data_format: "channels_last" or "channels_first".
    """

    architecture: str
    weights: str | None = None
    include_top: bool = True
    input_shape: tuple[int | None, int | None, int | None] | None = None
    pooling: str | None = None
    classes: int | None = None
    alpha: float = 1.0
    depth_multiplier: int = 1
    dropout: float | None = None
    data_format: str = "channels_last"
    stamp: str = ""

    @property
    def name(self) -> str:
        """What to call the network in sentences."""
        return self.architecture


@dataclass(frozen=True)
class ModelFile:
    """A Keras model of the user's own, in a file; `stamp` tells versions of that file apart.

    preprocess: a named convention, or None for what the file says or a guess.
    labels: the names of the classes; empty for what the file says or plain numbers.
    """

    path: str
    stamp: str
    name: str
    preprocess: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdoptedModel:
    """A live Keras model of the user's own, handed to a worker; `key` and `version` tell adoptions apart."""

    key: int
    version: int
    name: str
    preprocess: str | None = None
    labels: tuple[str, ...] = ()


AnySpec: TypeAlias = NetworkSpec | ModelFile | AdoptedModel


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a network: `shape` without the batch axis, None where a size is open.

    dtype: as NumPy names it.
    below: for whole numbers, the smallest one that is too large (the rows of an embedding), where known.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    below: int | None = None


@dataclass(frozen=True)
class Reading:
    """How a network reads examples.

    kind: "image" or "arrays".
    inputs: one for each input of the network.
    convention: for pictures, how pixels are prepared: "tf", "caffe", "torch", "unit", "none", "digit" or
        "custom" (a function of the user's own).
    data_format: the order of a picture's axes: "channels_last" or "channels_first".
    size: (height, width, channels) of the picture that is read; () for arrays.
    assumed: what was guessed, in sentences.
    """

    kind: str
    inputs: tuple[TensorInfo, ...]
    convention: str = "none"
    data_format: str = "channels_last"
    size: tuple[int, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Example:
    """One input as the user gave it.

    kind: "image" or "arrays".
    data: the bytes of a file, or an array (height, width, 3) of uint8; for arrays also a tuple of
        (input's name, array) pairs.
    name: what to call it in sentences; never used as a path.
    """

    kind: str
    data: bytes | np.ndarray[Any, np.dtype[np.uint8]] | Arrays
    name: str

    @cached_property
    def digest(self) -> str:
        """A hash of the content: equal for equal content, whatever its name."""
        content = hashlib.blake2b(digest_size=16)
        if isinstance(self.data, bytes):
            content.update(self.data)
            return content.hexdigest()
        for name, array in self.data if isinstance(self.data, tuple) else (("", self.data),):
            content.update(repr((name, array.shape, array.dtype.str)).encode())
            content.update(np.ascontiguousarray(array).data)
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
    """One use of a layer: a row of the layer table.

    index: Keras's own position in `model.layers` (of the nested model, for a layer inside one).
    name: its address: Keras's name, `backbone/block_3_add` inside a nested model, `lstm:1` for the
        second use of a shared layer.
    kind: what it does ("convolution", "depthwise", "normalisation", "activation", "merge", "pooling",
        "dense", "recurrent", "model", "input" or "other"); `class_name` is Keras's class ("Conv2D").
    block: the part of the network it belongs to ("stem", "block_13", "conv4_block2", "top").
    output_shape: of one example, without the batch axis; None where a size is open; of the first output
        where there are several (`output_shapes` has them all); () where it is not known.
    parameters: all of them, trainable or not; 0 for a further use of a shared layer.
    further: whether it is none of `model.layers`: inside a nested model, or a further use.
    inputs, input_shapes: the rows whose outputs it reads, and their shapes; empty where Keras has no graph.
    """

    index: int
    name: str
    kind: str
    class_name: str
    block: str
    output_shape: tuple[int | None, ...]
    parameters: int
    further: bool = False
    inputs: tuple[str, ...] = ()
    input_shapes: tuple[tuple[int | None, ...], ...] = ()
    output_shapes: tuple[tuple[int | None, ...], ...] = ()

    @property
    def title(self) -> str:
        """What to call it in lists: its name, after its index where that is an index of `model.layers`."""
        return self.name if self.further else f"{self.index} · {self.name}"

    @property
    def code(self) -> str:
        """How to get at the layer in Keras."""
        path = re.sub(r":\d+", "", self.name).split("/")
        return "model" + "".join(f".get_layer({name!r})" for name in path) if self.further else f"model.layers[{self.index}]"


class Layers(tuple[Layer, ...]):
    """The layers in Keras's order; `layers[116]` and `layers["block_13_expand"]` are the same row.

    One row for each of `model.layers`; `rows` has all that can be looked at: those inside nested models
    and further uses of shared layers too, each behind the layer that it belongs to.
    """

    rows: tuple[Layer, ...]

    def __new__(cls, rows: Iterable[Layer]) -> Layers:
        """Make the table of all rows, in the order in which they are drawn."""
        every = tuple(rows)
        own = super().__new__(cls, (row for row in every if not row.further))
        own.rows = every
        return own

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, slice) else self.find(key)

    def __contains__(self, key: object) -> bool:
        return any(key in (layer, layer.name) for layer in self.rows)

    def __reduce__(self) -> tuple[type[Layers], tuple[tuple[Layer, ...]]]:
        return Layers, (self.rows,)

    @cached_property
    def _named(self) -> dict[str, Layer]:
        return {row.name: row for row in self.rows}

    def find(self, key: LayerKey) -> Layer:
        """Return the layer with this index (from the end where negative), name, or index written as text.

        Raises UnknownName, saying the range of indices or the names that are near.
        """
        if isinstance(key, Layer):
            key = key.name
        if isinstance(key, bool | bytes | slice):
            raise UnknownName(_("A layer is an index or a name, not {type}.").format(type=type(key).__name__))
        if isinstance(key, str):
            if key.strip() in self._named:
                return self._named[key.strip()]
            if not re.fullmatch(r"\s*-?\d+\s*", key):
                raise UnknownName(_("There is no layer {name!r}.{near}").format(name=key, near=near(key, self._named)))
            key = int(key)
        try:
            return super().__getitem__(key)
        except IndexError:
            if not len(self):
                raise UnknownName(_("This network has no layers.")) from None
            raise UnknownName(
                _("There is no layer {index}: this network has layers 0 to {last}.").format(index=key, last=len(self) - 1)
            ) from None
        except TypeError:
            raise UnknownName(_("A layer is an index or a name, not {type}.").format(type=type(key).__name__)) from None


LayerKey: TypeAlias = "SupportsIndex | str | Layer"


@dataclass(frozen=True)
class NetworkSummary:
    """What a page knows of a network that is loaded.

    axes: those of its input; empty for arrays.
    classes: how many each output names; 0 for an output that is no vector of scores.
    memory: bytes that its weights take.
    samples: the bundled samples that suit it.
    graph: whether Keras knows how the layers are joined (not so for subclassed models).
    labels: the names of the classes; empty for plain numbers.
    """

    spec: AnySpec
    reading: Reading
    axes: tuple[Axis, ...]
    layers: Layers
    outputs: tuple[TensorInfo, ...]
    classes: tuple[int, ...]
    parameters: int
    memory: int = 0
    samples: tuple[str, ...] = ()
    graph: bool = True
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TakenFile:
    """A file to take away: what to call it, and what is in it."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Held:
    """The networks whose weights are held: (name, bytes) of each, the one used last first, and the bound in bytes."""

    networks: tuple[tuple[str, int], ...]
    bound: int


@dataclass(frozen=True)
class Prediction:
    """One answer: `score` in 0 to 1 unless the network answers with values; `id` the class's own identifier (a WordNet id for ImageNet)."""

    id: str
    label: str
    score: float


@dataclass(frozen=True)
class Answers:
    """The top answers and what the other classes hold.

    others_score: the sum over the classes that are not in `predictions`.
    scale: what the scores are: "shares" of one whole (softmax), "independent" (tags, each 0 to 1) or
        "values" of any size (logits, regressions).
    output: index of the output that they come from.
    """

    predictions: tuple[Prediction, ...]
    others: int
    others_score: float
    scale: str = "shares"
    output: int = 0


@dataclass(frozen=True, eq=False)
class SeenInput:
    """An example as it came and as the network sees it, both uint8 (height, width, 3) or (height, width).

    aligned: both show the same frame, so a region of one is the same part of the other.
    notes: what was done on the way that the user should know.
    arrays: for a network that reads no pictures, what each of its inputs gets; the pictures are empty then.
    """

    came: np.ndarray[Any, np.dtype[np.uint8]]
    seen: np.ndarray[Any, np.dtype[np.uint8]]
    came_size: tuple[int, ...]
    axes: tuple[Axis, ...]
    aligned: bool = True
    notes: tuple[str, ...] = ()
    arrays: Arrays = ()


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
        """Whether these are maps over the input."""
        return any(axis.spatial for axis in self.axes)

    @property
    def planes(self) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """The values as maps (rows, columns, channels), where steps by units are one map; None for a vector."""
        if self.values.ndim < 2:
            return None
        return self.values if self.values.ndim > 2 else self.values[..., None]

    @property
    def count(self) -> int:
        """How many maps there are, or units of a vector."""
        return self.values.size if self.planes is None else self.planes.shape[2]


@dataclass(frozen=True)
class Progress:
    """What is going on, in words; `fraction` is 0 to 1 where known, `cancellable` says that it can be given up half-way."""

    text: str
    fraction: float | None = None
    cancellable: bool = False


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Return 28 × 28 × 192; an open size shows as a question mark."""
    return " × ".join("?" if size is None else str(size) for size in shape)
