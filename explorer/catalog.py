"""The table of architectures: facts about each, no Keras.

Sizes, accuracies, parameters and depths are those that the Keras Applications guide prints; sizes and
hashes of weights files are those of the files that Keras downloads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import NetworkSpec

BUNDLED = Path(__file__).parent / "bundled"
PHOTOGRAPHS = ("cat.jpg", "coffee.jpg", "rocket.jpg", "astronaut.jpg")
DIGITS = tuple(f"digit_{digit}.png" for digit in range(10))


@dataclass(frozen=True)
class WeightsFile:
    """A file of pretrained weights, by the name it has in Keras's cache; `size` in bytes where known."""

    name: str
    size: int | None = None
    include_top: bool = True
    alpha: float = 1.0


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    input: the kind of example it reads ("image").
    input_size: (height, width, channels) that it reads by default.
    convention: how pixels are prepared: "tf" (to -1..1), "caffe" (BGR, less the ImageNet mean) or
        "digit" (grey ink on black, cut to the ink, to 0..1).
    weights: the name of its pretrained set; `files` are the files of that set.
    top1, top5: accuracy in 0 to 1, on the ImageNet validation set or on what `measured_on` says.
    depth: layers counted as in the guide; None where it gives none.
    samples: files in the bundled samples that it can be tried on.
    """

    name: str
    family: str
    year: int
    paper: str
    input: str
    input_size: tuple[int, int, int]
    convention: str
    weights: str
    files: tuple[WeightsFile, ...]
    parameters: int
    top1: float
    top5: float | None
    depth: int | None
    measured_on: str = "ImageNet"
    bundled: bool = False
    alphas: tuple[float, ...] = (1.0,)
    samples: tuple[str, ...] = PHOTOGRAPHS

    @property
    def size(self) -> int:
        """Bytes of the weights file that its defaults load."""
        return self.files[0].size or 0

    def file(self, include_top: bool = True, alpha: float = 1.0) -> WeightsFile:
        """Return the weights file for these options.

        Raises ExplorerError where there is none, naming the alphas that have weights.
        """
        for one in self.files:
            if (one.include_top, one.alpha) == (include_top, alpha):
                return one
        alphas = sorted({one.alpha for one in self.files if one.include_top == include_top})
        if not alphas:
            raise ExplorerError(
                _("{name} has no {weights} weights for include_top={include_top}; weights=None builds it.").format(
                    name=self.name, weights=self.weights, include_top=include_top
                )
            )
        raise ExplorerError(
            _("{name} has no {weights} weights for alpha={alpha:g}; it has them for {alphas}, and weights=None builds any alpha.").format(
                name=self.name, weights=self.weights, alpha=alpha, alphas=", ".join(f"{one:g}" for one in alphas)
            )
        )


def _guide(name: str, stem: str, size: tuple[int, int], **facts: Any) -> Architecture:
    """Return a row of the guide whose two files, with and without top, follow its usual naming."""
    full, no_top = size
    files = (WeightsFile(f"{stem}.h5", full), WeightsFile(f"{stem}_notop.h5", no_top, include_top=False))
    return Architecture(name, input="image", input_size=(224, 224, 3), weights="imagenet", files=files, **facts)


def _mobile(name: str, stem: str, files: Mapping[float, tuple[str, int | None, int | None]], **facts: Any) -> Architecture:
    """Return a row whose files are named after their alpha: alpha -> (how the name writes it, size, size without top)."""
    return Architecture(
        name,
        family="MobileNet",
        input="image",
        input_size=(224, 224, 3),
        convention="tf",
        weights="imagenet",
        files=tuple(
            WeightsFile(f"{stem.format(written)}{ending}.h5", size, include_top, alpha)
            for alpha, (written, full, no_top) in files.items()
            for size, include_top, ending in ((full, True, ""), (no_top, False, "_no_top"))
        ),
        alphas=tuple(files),
        **facts,
    )


def _digits() -> Architecture:
    """Return the row of the bundled network; its measured facts are written by the script that trains it."""
    facts = json.loads((BUNDLED / "digits.json").read_text())
    return Architecture(
        name="digits",
        family="digits",
        year=2026,
        paper="assets/train_digits.py",
        input="image",
        input_size=(32, 32, 1),
        convention="digit",
        weights="digits",
        files=tuple(WeightsFile("digits.keras", facts["size"], include_top) for include_top in (True, False)),
        parameters=facts["parameters"],
        top1=facts["accuracy"],
        top5=None,
        depth=facts["depth"],
        measured_on=_("held-out digits"),
        bundled=True,
        samples=DIGITS,
    )


_ROWS = (
    _digits(),
    _mobile(
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{}_224",
        {1.0: ("1.0", 14_536_120, 9_406_464)} | {alpha: (f"{alpha:g}", None, None) for alpha in (0.35, 0.5, 0.75, 1.3, 1.4)},
        year=2018,
        paper="MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv 1801.04381",
        parameters=3_538_984,
        top1=0.713,
        top5=0.901,
        depth=88,
    ),
    _mobile(
        "MobileNet",
        "mobilenet_{}_224_tf",
        {
            1.0: ("1_0", 17_225_924, 17_225_924),
            0.25: ("2_5", None, None),
            0.5: ("5_0", None, None),
            0.75: ("7_5", None, None),
        },
        year=2017,
        paper="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, arXiv 1704.04861",
        parameters=4_253_864,
        top1=0.704,
        top5=0.895,
        depth=88,
    ),
    _guide(
        "ResNet50",
        "resnet50_weights_tf_dim_ordering_tf_kernels",
        (102_967_424, 94_765_736),
        family="ResNet",
        year=2015,
        paper="Deep Residual Learning for Image Recognition, arXiv 1512.03385",
        convention="caffe",
        parameters=25_636_712,
        top1=0.749,
        top5=0.921,
        depth=None,
    ),
    _guide(
        "VGG16",
        "vgg16_weights_tf_dim_ordering_tf_kernels",
        (553_467_096, 58_889_256),
        family="VGG",
        year=2014,
        paper="Very Deep Convolutional Networks for Large-Scale Image Recognition, arXiv 1409.1556",
        convention="caffe",
        parameters=138_357_544,
        top1=0.713,
        top5=0.901,
        depth=23,
    ),
)


class Catalog(Mapping[str, Architecture]):
    """Architectures by name, in the order a learner would meet them; an unknown name suggests near ones."""

    def __init__(self, rows: Iterable[Architecture]) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> Architecture:
        if not isinstance(name, str) or name not in self._rows:
            raise UnknownName(
                _("There is no architecture {name!r}.{near} explorer.architectures lists them all.").format(
                    name=name, near=near(str(name), self._rows)
                )
            )
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Catalog({', '.join(self._rows)})"


architectures = Catalog(_ROWS)


def spec(architecture: str, weights: str | None = "pretrained", include_top: bool = True, alpha: float = 1.0) -> NetworkSpec:
    """Return the checked spec of a network of the table.

    weights: "pretrained" for the architecture's own set, the set's name, or None for random weights.
    Raises UnknownName for an architecture that is not in the table, ExplorerError for options it does not take.
    """
    row = architectures[architecture]
    if weights == "pretrained":
        weights = row.weights
    if weights not in (row.weights, None):
        raise ExplorerError(
            _("{name} has no weights {weights!r}: use {own!r}, or None for random ones.").format(
                name=row.name, weights=weights, own=row.weights
            )
        )
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not 0 < alpha < 10:
        raise ExplorerError(_("alpha must be a number above 0 and below 10, not {alpha!r}.").format(alpha=alpha))
    if alpha != 1.0 and row.alphas == (1.0,):
        raise ExplorerError(_("{name} takes no alpha; MobileNet and MobileNetV2 do.").format(name=row.name))
    if weights is not None:
        row.file(include_top, alpha)
    return NetworkSpec(row.name, weights, include_top, float(alpha))
