"""What a network answers, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.values.axes import Axis
from explorer.values.inputs import InputSpec, TensorInfo
from explorer.values.layers import Layer, Layers
from explorer.values.specs import AnySpec

SAME = 1e-5  # variances that differ by no more than this share are one: the processor decides the last digits


@dataclass(frozen=True)
class NetworkSummary:
    """What a page knows of a network that is loaded.

    axes: those of its input; empty for arrays.
    classes: how many each output names; 0 for an output that is no vector of scores.
    memory: bytes that its weights take.
    samples: the bundled samples that suit it.
    graph: whether Keras knows how the layers are joined (not so for subclassed models).
    labels: the names of the classes; empty for plain numbers.
    tuned_from: of a network that was fine-tuned here, what it was before and the data, by name, "" for one that is not known.
    file_size: bytes of the file that its weights, or all of it, came from; 0 where there is none.
    """

    spec: AnySpec
    input_spec: InputSpec
    axes: tuple[Axis, ...]
    layers: Layers
    outputs: tuple[TensorInfo, ...]
    classes: tuple[int, ...]
    parameters: int
    memory: int = 0
    samples: tuple[str, ...] = ()
    graph: bool = True
    labels: tuple[str, ...] = ()
    tuned_from: tuple[str, str] | None = None
    file_size: int = 0


@dataclass(frozen=True, eq=False)
class TakenFile:
    """A file to take away: what to call it, and what is in it."""

    name: str
    data: bytes


@dataclass(frozen=True)
class LoadedModels:
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
class Predictions:
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


@dataclass(frozen=True)
class Mosaic:
    """A mosaic of `count` maps as PNG: map i lies in column i % columns and row i // columns.

    width, height: pixels of one map; between two lie a few see-through pixels.
    """

    png: bytes
    count: int
    columns: int
    rows: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What one layer answers to one example: float32, one axis of `axes` for each of `values`.

    remembered, bound: bytes of activations kept for this network, and how many may be kept.
    labels: what the units stand for, where they stand for classes.
    mosaic: the maps as a picture, each on a colour scale of its own; None where it was not drawn yet, and for a vector.
    """

    layer: Layer
    values: np.ndarray[Any, np.dtype[np.float32]]
    axes: tuple[Axis, ...]
    remembered: int = 0
    bound: int = 0
    labels: tuple[str, ...] = ()
    mosaic: Mosaic | None = None

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

    @property
    def strongest(self) -> int:
        """The map whose values differ most, by their variance, the first of those that are as good; of a vector the highest unit.

        Values that are NaN or infinite don't count.
        """
        if self.planes is None:
            return int(np.where(np.isfinite(self.values), self.values, -np.inf).argmax()) if self.values.size else 0
        finite = np.isfinite(self.planes)
        if finite.all():
            variance = self.planes.var((0, 1), dtype=np.float64)
        else:
            known = finite | ~finite.any((0, 1))  # of a map without any number, all its zeros
            variance = np.where(finite, self.planes, 0).var((0, 1), dtype=np.float64, where=known)
        return int((variance >= variance.max() * (1 - SAME)).argmax())


@dataclass(frozen=True, eq=False)
class ScoresOverTime:
    """What a network answers along a sound, heard one window after the other.

    starts: seconds at which each window begins, float64 (n,).
    scores: float32 (n, classes).
    labels: the names of the classes.
    window, hop: seconds of one window, and from one to the next.
    scale: what the scores are, as `Predictions` has it.
    total: how many windows the whole sound has.
    gaps: start and stop, in seconds, of what can't be decoded and is heard as silence.
    """

    starts: np.ndarray[Any, np.dtype[np.float64]]
    scores: np.ndarray[Any, np.dtype[np.float32]]
    labels: tuple[str, ...]
    window: float
    hop: float
    scale: str
    total: int
    gaps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Progress:
    """What is going on, in words; `fraction` is 0 to 1 where known, `cancellable` says that it can be given up half-way."""

    text: str
    fraction: float | None = None
    cancellable: bool = False
