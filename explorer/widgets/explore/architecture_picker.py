"""The architecture picker: every row of the table with what it means, to search, filter, sort and choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import traitlets

from explorer.catalog import SPECTROGRAMS, Architecture, architectures
from explorer.catalog.option_rules import side_of, sizes
from explorer.locale import _, counted, megabytes, size_text
from explorer.state.session import Session
from explorer.values import NetworkSpec, NetworkSummary, shape_text
from explorer.widgets.base.view import View

MIB = 2**20
SIZES = (20, 50, 100, 200, 500)  # MB: the steps of the filter
PARAMETERS = (5, 10, 25, 50, 100)  # millions
NAMED = 4  # classes that are named in the summary
LAST_GUIDE = 2018  # the Keras guides list the architectures of papers up to this year

Row: TypeAlias = dict[str, Any]


class ArchitecturePicker(View):
    """Shows the network that is loaded and, opened, the table of architectures to choose from.

    The rows are sent once; what is searched, filtered and sorted is the browser's own matter.
    """

    rows: traitlets.List[Row] = traitlets.List(
        help="One dict an architecture: name, family, find (what a search looks in), values (numbers to sort and filter by, "
        "None for unknown), texts (the same as shown), details (label, text, link and its address)."
    ).tag(sync=True)
    choices: traitlets.Dict[str, list[Any]] = traitlets.Dict(help="For each filter, pairs of a value (0 or empty: any) and its text.").tag(
        sync=True
    )
    here: traitlets.List[str] = traitlets.List(help="The architectures whose weights are on this machine.").tag(sync=True)
    chosen = traitlets.Unicode(help="The architecture that is loaded.").tag(sync=True)
    loading = traitlets.Unicode(help="The architecture that is being loaded.").tag(sync=True)
    summary = traitlets.Unicode(help="The facts of the one that is loaded or being loaded.").tag(sync=True)
    chart = traitlets.Bool(None, allow_none=True, help="Whether a chart shows; None where there is none to show.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        with self.hold_sync():
            self.rows = [_row(one) for one in architectures.values()]
            self.choices = _choices()
        self.follow("network", "weights_from", by=self._draw)
        self.follow("loading_spec", "locally_available", by=self._draw, of=self.session.loader)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "label": _("Architecture"),
            "none": _("Choose an architecture"),
            "chart": _("Chart"),
            "search": _("Search name, family, paper or author"),
            "keys": _("Type to search. Arrow keys: move. Enter: load. Escape: close."),
            "local": _("On this machine"),
            "only_family": _("Only this family"),
            "only_size": _("Only up to this size"),
            "only_parameters": _("Only up to so many parameters"),
            "only_year": _("Only what this lists"),
            "count": _("{shown} of {all}"),
            "reset": _("Reset"),
            "nothing": _("No architecture is like that."),
            "sort": _("Sort by"),
            "rising": _("rising"),
            "falling": _("falling"),
            "details": _("Details"),
            "here": _("here"),
            "on_machine": _("on this machine"),
            "to_download": _("to download"),
            "hint": _("Top-1: how often the first answer is right; top-5: how often one of the first five is."),
            **_columns(),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Load the architecture that was chosen, or see whose weights are here, as the list is looked at."""
        if "look" in message:
            self.session.loader.look_for_weights()
        else:
            self.session.open(str(message["open"]))

    def _draw(self) -> None:
        network = self.session.network
        self.here = [name for name, row in architectures.items() if row.bundled or name in self.session.loader.locally_available]
        self.chosen = _name(network.spec) if network else ""
        self.loading = _name(self.session.loader.loading_spec) if self.session.loader.loading_spec else ""
        if self.session.loader.loading_spec is not None:
            self.summary = _summary(self.session.loader.loading_spec, None, self.loading in self.here)
        else:
            self.summary = _summary(network.spec, network, True, self.session.weights_from) if network else ""


def _name(spec: Any) -> str:
    """Return the name of a row, or what a model of the user's own is called."""
    return spec.architecture if isinstance(spec, NetworkSpec) else spec.name


def _columns() -> dict[str, str]:
    return {
        "family": _("Family"),
        "name": _("Name"),
        "top1": _("Top-1"),
        "top5": _("Top-5"),
        "parameters": _("Parameters"),
        "size": _("Size"),
        "depth": _("Depth"),
        "year": _("Year"),
        "input": _("Input"),
    }


def _choices() -> dict[str, list[Any]]:
    families = dict.fromkeys(row.family for row in architectures.values())
    return {
        "family": [["", _("All families")], *([one, one] for one in families)],
        "size": [[0, _("Any size")], *([size * MIB, _("At most {size} MB").format(size=size)] for size in SIZES)],
        "parameters": [
            [0, _("Any parameters")],
            *([number * 1_000_000, _("At most {number} M parameters").format(number=number)] for number in PARAMETERS),
        ],
        "year": [[0, _("All in Keras")], [LAST_GUIDE, _("In the Keras guides")]],
    }


def _row(row: Architecture) -> Row:
    on_imagenet = row.measured_on == "ImageNet"
    height, width, _channels = row.input_size
    return {
        "name": row.name,
        "family": row.family,
        "find": f"{row.name} {row.family} {row.paper.title} {row.paper.authors}",
        "values": {
            "top1": row.top1 if on_imagenet else None,  # accuracies on other data don't compare
            "top5": row.top5 if on_imagenet else None,
            "parameters": row.parameters,
            "size": row.size,
            "depth": row.depth,
            "year": row.year,
            "input": height * width,
        },
        "texts": {
            "top1": _percent(row.top1),
            "top5": _percent(row.top5),
            "parameters": short_count(row.parameters),
            "size": _("{size} MB").format(size=megabytes(row.size)),
            "depth": str(row.depth) if row.depth else "–",
            "year": str(row.year),
            "input": f"{height} × {width}"
            if row.input == "image"
            else _("{seconds} s").format(seconds=round(SPECTROGRAMS[row.preprocess_mode].seconds)),
        },
        "details": _details(row),
    }


def _details(row: Architecture) -> list[list[str]]:
    paper = row.paper
    arxiv = [_("arXiv {number}").format(number=paper.arxiv), f"https://arxiv.org/abs/{paper.arxiv}"] if paper.arxiv else ["", ""]
    counted_by_guide = _("{number} layers") if row.bundled else _("{number} layers, as its guide counts them")
    depth = counted_by_guide.format(number=row.depth) if row.depth else _("Its guide gives none.")
    return [
        [_("Paper"), paper.title, "", ""],
        [_("Authors"), _("{authors}, {year}.").format(authors=paper.authors, year=row.year), *arxiv],
        [_("Accuracy"), accuracy(row), "", ""],
        [_("Weights"), _("{weights}; licence {licence}").format(weights=row.weights, licence=row.licence), "", ""],
        [_("Depth"), depth, "", ""],
        *_input_spec(row),
    ]


def _input_spec(row: Architecture) -> list[list[str]]:
    """Return how a network reads pictures or sound."""
    height, width, channels = row.input_size
    if row.input == "image":
        shape = _("{height} × {width} × {channels}; at least {smallest} × {smallest} without the top").format(
            height=height, width=width, channels=channels, smallest=row.smallest
        )
        return [[_("Input"), shape, "", ""], [_("Pixels"), _pixels()[row.preprocess_mode], "", ""]]
    how = SPECTROGRAMS[row.preprocess_mode]
    sound = _("{seconds} s of sound at {rate} kHz, one channel").format(seconds=f"{how.seconds:.4g}", rate=f"{how.rate / 1000:g}")
    preprocessed = _("{bands} mel bands × {frames} frames, in decibels").format(bands=height, frames=width)
    return [[_("Input"), sound, "", ""], [_("Spectrogram"), preprocessed, "", ""]]


def accuracy(row: Architecture) -> str:
    """Return what is known of how well a network answers."""
    if row.auc is not None:
        return _("ROC AUC {auc} on {what}").format(auc=f"{row.auc:.3f}", what=row.measured_on)
    if row.top5 is None:
        return _("top-1 {top1} on {what}").format(top1=_percent(row.top1), what=row.measured_on)
    return _("top-1 {top1}, top-5 {top5} on {what}").format(top1=_percent(row.top1), top5=_percent(row.top5), what=row.measured_on)


def _pixels() -> dict[str, str]:
    """Return for each preprocess_mode what it does to the range of pixels and to the order of channels."""
    return {
        "caffe": _("blue, green, red (BGR), each less its mean over ImageNet"),
        "tf": _("red, green, blue (RGB) from -1 to 1"),
        "torch": _("red, green, blue (RGB) from 0 to 1, less ImageNet's mean, over its standard deviation"),
        "none": _("red, green, blue (RGB) from 0 to 255: the network scales them itself"),
        "digit": _("one grey channel from 0 to 1, light ink on black, cut to the ink"),
    }


def _summary(spec: Any, network: NetworkSummary | None, here: bool, weights_from: str = "") -> str:
    """Return the facts of a network: its parameters, what it was trained on, its weights.

    network: None while it is being loaded. here: whether the weights of the architecture's defaults are on this machine.
    weights_from: the file whose weights it was given later; "" for its own.
    """
    row = architectures[spec.architecture] if isinstance(spec, NetworkSpec) else None
    variant = _variant(row, spec) if row else _own(network) if network else []
    usual = row is not None and spec.weights == row.weights and not variant
    count = network.parameters if network else row.parameters if row and usual else None
    facts = [] if count is None else [_("{count} parameters").format(count=short_count(count))]
    facts += variant
    if weights_from:
        return " · ".join([*facts, _("weights from {file}").format(file=weights_from)])
    if row is not None:
        facts.append(_weights(row, spec.weights, usual))
    if network is not None:
        facts.append(_size(network.file_size, _here(row)))
    elif row is not None and spec.weights == row.weights:
        size = row.file(spec.include_top, spec.alpha, side_of(row, spec)).about or 0
        facts.append(_size(size, "" if not usual else _here(row) if here else _("{size} to download")))
    return " · ".join(filter(None, facts))


def _here(row: Architecture | None) -> str:
    return _("{size}, comes with explorer") if row and row.bundled else _("{size}, on this machine")


def _size(size: int, words: str) -> str:
    """Return the size of a file, by default without saying where it is; "" where it isn't known."""
    return (words or "{size}").format(size=size_text(size)) if size else ""


def _variant(row: Architecture, spec: NetworkSpec) -> list[str]:
    """Return by which options a network is another than its architecture's usual one."""
    height, width, _channels = sizes(row, spec)
    texts = {
        _("alpha {number}").format(number=f"{spec.alpha:g}"): spec.alpha != 1,
        _("depth multiplier {number}").format(number=spec.depth_multiplier): spec.depth_multiplier != 1,
        _("without its top"): not spec.include_top,
        counted("{number} class", "{number} classes", spec.classes or 0): spec.classes not in (None, row.classes),
        _("input {size}").format(size=shape_text((height, width))): (height, width) != row.input_size[:2],
    }
    return [text for text, other in texts.items() if other]


def _weights(row: Architecture, weights: str | None, usual: bool) -> str:
    """Return how well a network answers, where that was measured, else which weights it has."""
    if weights is None:
        return _("random weights, not trained")
    if weights != row.weights:
        return _("weights from {file}").format(file=Path(weights).name)
    if not usual:
        return _("{name} weights").format(name=weights)
    return accuracy(row) if row.top1 is None else _("top-1 {top1} on {what}").format(top1=_percent(row.top1), what=row.measured_on)


def _own(network: NetworkSummary) -> list[str]:
    """Return what a model of the user's own was tuned from and on, and what its classes are called."""
    facts = []
    if network.tuned_from is not None:
        before, data = network.tuned_from
        tuned = _("{network} fine-tuned on {data}") if data else _("{network} fine-tuned")
        facts.append(tuned.format(network=before, data=data) if before else _("fine-tuned"))
    if count := network.classes[0] if network.classes else 0:
        number, names = counted("{number} class", "{number} classes", count), [label.replace("_", " ") for label in network.labels[:NAMED]]
        named = _("{number}: {names}, …") if count > NAMED else _("{number}: {names}")
        facts.append(named.format(number=number, names=", ".join(names)) if names else number)
    return facts


def _percent(share: float | None) -> str:
    return "–" if share is None else _("{percent} %").format(percent=f"{share * 100:.1f}")


def short_count(number: int) -> str:
    """Return 3.5 M for 3,538,984 and 39 k for 39,370."""
    if number >= 1_000_000:
        return _("{number} M").format(number=f"{number / 1e6:.1f}")
    return _("{number} k").format(number=round(number / 1000)) if number >= 1000 else str(number)
