"""The results of networks: predictions, feature maps, scores over time, and summaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from explorer.values.axes import Axis
from explorer.values.inputs import InputSpec, TensorInfo
from explorer.values.layers import Layer, Layers
from explorer.values.specs import AnySpec

SAME = 1e-5  # variances that differ by no more than this fraction count as equal: the last digits depend on the processor


@dataclass(frozen=True)
class NetworkSummary:
    """What a page knows about a loaded network.

    axes: of its input; empty for arrays.
    classes: the number of classes of each output; 0 for an output that isn't a vector of scores.
    memory: bytes of its weights.
    samples: the bundled samples that suit it.
    graph: whether Keras knows how the layers are connected (not for subclassed models).
    labels: the names of the classes; empty for plain numbers.
    tuned_from: for a network that was fine-tuned here, the names of the original network and of the dataset, "" if unknown.
    file_size: bytes of the file that its weights, or all of it, came from; 0 if there is none.
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
    """A file to download: its name and content."""

    name: str
    data: bytes


@dataclass(frozen=True)
class LoadedModels:
    """The networks in memory: (name, bytes) of each, the most recently used first, and the limit in bytes."""

    networks: tuple[tuple[str, int], ...]
    bound: int


@dataclass(frozen=True)
class Prediction:
    """One predicted class: `score` is 0 to 1 unless the network outputs values; `id` identifies the class (a WordNet id for ImageNet)."""

    id: str
    label: str
    score: float


@dataclass(frozen=True)
class Predictions:
    """The top predictions, and the total of the other classes.

    others: the number of classes that are not in `predictions`; others_score: the sum of their scores.
    scale: of the scores: "shares" that sum to 1 (softmax), "independent" (tags, each 0 to 1) or
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
    """A mosaic of `count` maps as PNG: map i is in column i % columns and row i // columns.

    width, height: pixels of one map; a few transparent pixels separate two maps.
    """

    png: bytes
    count: int
    columns: int
    rows: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The output of one layer for one example: float32 `values` with these `axes`.

    remembered, bound: bytes of activations cached for this network, and the limit.
    labels: the names of the classes, if the units stand for classes.
    mosaic: the maps as a picture, each on its own colour scale; None before it is drawn, and for a vector.
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
        """The values as maps (rows, columns, channels); (steps, units) are one map; None for a vector."""
        if self.values.ndim < 2:
            return None
        return self.values if self.values.ndim > 2 else self.values[..., None]

    @property
    def count(self) -> int:
        """The number of maps, or of the units of a vector."""
        return self.values.size if self.planes is None else self.planes.shape[2]

    @property
    def strongest(self) -> int:
        """The index of the map with the highest variance, the first of equal ones; of a vector, of the highest unit.

        NaN and infinite values are ignored.
        """
        if self.planes is None:
            return int(np.where(np.isfinite(self.values), self.values, -np.inf).argmax()) if self.values.size else 0
        finite = np.isfinite(self.planes)
        if finite.all():
            variance = self.planes.var((0, 1), dtype=np.float64)
        else:
            known = finite | ~finite.any((0, 1))  # for a map without finite values, the zeros put in their place
            variance = np.where(finite, self.planes, 0).var((0, 1), dtype=np.float64, where=known)
        return int((variance >= variance.max() * (1 - SAME)).argmax())


@dataclass(frozen=True, eq=False)
class ScoresOverTime:
    """The scores of a network for consecutive windows of a sound.

    starts: seconds at which each window begins, float64 (n,).
    scores: float32 (n, classes).
    labels: the names of the classes.
    window, hop: seconds of one window, and from one to the next.
    scale: of the scores, as in `Predictions`.
    total: how many windows the whole sound has.
    gaps: start and stop, in seconds, of parts that can't be decoded and are replaced by silence.
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
    """The progress of an operation as text; `fraction` is 0 to 1 if known; `cancellable`: whether it can be cancelled halfway."""

    text: str
    fraction: float | None = None
    cancellable: bool = False


ReportProgress: TypeAlias = Callable[[Progress], None]  # how slow work says how far it is
