"""What a row of the table says, and the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _

BUNDLED = Path(__file__).parents[1] / "bundled"
PHOTOGRAPHS = ("cat.jpg", "coffee.jpg", "rocket.jpg", "astronaut.jpg")
DIGITS = tuple(f"digit_{digit}.png" for digit in range(10))
SOUNDS = ("melody.ogg", "chords.ogg", "drums.ogg", "sweep.ogg")


@dataclass(frozen=True)
class WeightsFile:
    """A file of pretrained weights, by the name it has in Keras's cache.

    url: where it is published; empty where it comes with explorer.
    md5, sha256: of the whole file; at most one of them is published.
    size: in bytes, exactly, where known.
    megabytes: in whole MB (2**20 bytes), where `size` is not known or the guide prints another number.
    include_top, alpha: the options it is for.
    side: the height and width in pixels of the input it is for; None for any.
    """

    name: str
    url: str
    md5: str | None = None
    size: int | None = None
    include_top: bool = True
    alpha: float = 1.0
    side: int | None = None
    megabytes: int | None = None
    sha256: str | None = None

    @property
    def about(self) -> int | None:
        """The size in bytes to show to people, right to the MB; None where it isn't known."""
        return self.size if self.megabytes is None else self.megabytes * 2**20


@dataclass(frozen=True)
class Paper:
    """Where an architecture was described.

    authors: their surnames; "et al." stands for those after the third.
    arxiv: its number on arXiv; empty for none.
    """

    title: str
    authors: str = ""
    arxiv: str = ""

    def __str__(self) -> str:
        number = _("arXiv {number}").format(number=self.arxiv) if self.arxiv else ""
        return ", ".join(part for part in (self.title, self.authors, number) if part)


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    year: of the first version of `paper`.
    licence: of the weights.
    input: the kind of example it reads: "image" or "audio".
    input_size: (height, width, channels) that it reads by default; for sound (bands, frames, 1), always.
    smallest: the least height and width in pixels that it can be built for without its top; 0 for sound.
    preprocess_mode: how pixels are prepared: "tf" (to -1..1), "caffe" (BGR, less the ImageNet mean), "torch"
        (to 0..1, less the ImageNet mean, over its deviation), "none" (left at 0..255: the network scales
        them itself) or "digit" (grey ink on black, cut to the ink, to 0..1); for sound a name in `SPECTROGRAMS`.
    weights: the name of its pretrained set; `files` are the files of that set, `files[0]` the one for the defaults.
    parameters: with its top, for `classes` classes.
    top1, top5: accuracy in 0 to 1, on the ImageNet validation set or on what `measured_on` says; None where it gives none.
    auc: area under the ROC curve, 0 to 1, the mean over the classes; for networks that tag.
    depth: layers as the source of the row counts them; None where it gives none.
    options: what it can be built with beyond what all can: of "alpha", "depth_multiplier" and "dropout".
    alphas: those that have pretrained weights.
    channels_first: whether Keras builds and runs it with data_format="channels_first".
    samples: files in the bundled samples that it can be tried on.
    labels: the names of the classes; empty for those of ImageNet, which are in a file of their own.
    """

    name: str
    family: str
    year: int
    paper: Paper
    licence: str
    input: str
    input_size: tuple[int, int, int]
    smallest: int
    preprocess_mode: str
    weights: str
    files: tuple[WeightsFile, ...]
    parameters: int
    top1: float | None
    top5: float | None
    depth: int | None
    options: tuple[str, ...]
    alphas: tuple[float, ...]
    channels_first: bool
    classes: int = 1000
    measured_on: str = "ImageNet"
    bundled: bool = False
    samples: tuple[str, ...] = PHOTOGRAPHS
    labels: tuple[str, ...] = ()
    auc: float | None = None

    @property
    def size(self) -> int:
        """Bytes of the weights file that its defaults load, right to the MB."""
        return self.files[0].about or 0

    def file(self, include_top: bool = True, alpha: float = 1.0, side: int | None = None) -> WeightsFile:
        """Return the weights file for these options.

        side: the input's height where it is square, else None. For a side that no file is for, a network
            without its top takes the file for the default input, as in Keras.
        Raises ExplorerError where there is none, naming the alphas or the sides that have weights.
        """
        with_or_without = [one for one in self.files if one.include_top == include_top]
        if not with_or_without:
            raise ExplorerError(
                _("{name} has no {weights} weights for include_top={include_top}; weights=None builds it.").format(
                    name=self.name, weights=self.weights, include_top=include_top
                )
            )
        fitting = [one for one in with_or_without if one.alpha == alpha]
        if not fitting:
            raise ExplorerError(
                _(
                    "{name} has no {weights} weights for alpha={alpha:g}; it has them for {alphas}, and weights=None builds any alpha."
                ).format(name=self.name, weights=self.weights, alpha=alpha, alphas=_listed({one.alpha for one in with_or_without}))
            )
        if side is None or (not include_top and all(one.side != side for one in self.files)):
            side = self.input_size[0]
        for one in fitting:
            if one.side in (None, side):
                return one
        raise ExplorerError(
            _(
                "{name} has {weights} weights of alpha={alpha:g} for an input of {sides} pixels a side, not {side}; "
                "weights=None builds any size."
            ).format(name=self.name, weights=self.weights, alpha=alpha, sides=_listed({one.side or 0 for one in fitting}), side=side)
        )

    def alike(self, file: WeightsFile) -> tuple[WeightsFile, ...]:
        """Return a file of this row and those for the same options, itself first: the same weights, published elsewhere.

        A file that is none of the row's, such as that of the names of the classes, has nothing alike.
        """
        options = file.include_top, file.alpha, file.side
        others = self.files if file in self.files else ()
        return (file, *(one for one in others if one != file and (one.include_top, one.alpha, one.side) == options))


def _listed(numbers: Iterable[float]) -> str:
    return ", ".join(f"{number:g}" for number in sorted(numbers))


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
