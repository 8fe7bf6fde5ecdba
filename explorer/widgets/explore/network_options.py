"""The options of an architecture: what each does to shape and size, checked while they are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from explorer.catalog import Architecture, architectures
from explorer.catalog.option_rules import side_of, sizes
from explorer.catalog.options import DEFAULTS, spec
from explorer.errors import ExplorerError
from explorer.locale import _, megabytes, size_text
from explorer.state.network_loader import OPENING
from explorer.state.session import Session
from explorer.values import NetworkSpec, NetworkSummary, shape_text
from explorer.widgets.base.view import View

# How the form's texts become options.
_READ: dict[str, Any] = {
    "weights": lambda text: None if text == "none" else text,
    "include_top": lambda text: text == "yes",
    "pooling": lambda text: text or None,
    "classes": int,
    "alpha": float,
    "depth_multiplier": int,
    "dropout": float,
    "data_format": lambda text: text or None,
}


class NetworkOptionsView(View):
    """A form with the options that the loaded architecture takes; Build loads the network anew with them."""

    fields: traitlets.List[dict[str, Any]] = traitlets.List(
        help="One dict an option: name, label, about, value, and choices or step, least and most."
    ).tag(sync=True)
    problem = traitlets.Unicode(help="Why the options chosen don't go together; empty when they do.").tag(sync=True)
    outlook = traitlets.Unicode(help="What building with these options takes.").tag(sync=True)
    result = traitlets.Unicode(help="What the network that is loaded reads, answers and weighs.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        self._chosen: dict[str, str] = {}
        super().__init__(session)
        self.follow("network", by=self._draw)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {"title": _("Options"), "build": _("Build"), "reset": _("Reset to defaults")}

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Check what is chosen, build it, or go back to the defaults."""
        row = self._row
        if row is None:
            return
        if message.get("reset"):
            self.session.open(row.name)
            return
        self._chosen = {str(name): str(text).strip() for name, text in message.get("chosen", {}).items()}
        self._check(row)
        if message.get("build"):
            if self.problem:
                self.session.report_error(ExplorerError(self.problem), OPENING)
            else:
                self.session.open(row.name, **self._options(row))

    @property
    def _row(self) -> Architecture | None:
        network = self.session.network
        return architectures[network.spec.architecture] if network and isinstance(network.spec, NetworkSpec) else None

    def _draw(self) -> None:
        row, network = self._row, self.session.network
        self.result = _result(network) if network else ""
        if row is None or network is None or not isinstance(network.spec, NetworkSpec):
            self.fields, self.problem, self.outlook = [], "", ""
            return
        self.fields = _fields(row, network.spec)
        self._chosen = {field["name"]: field["value"] for field in self.fields}
        self._check(row)

    def _check(self, row: Architecture) -> None:
        self.problem = self.outlook = ""
        try:
            wanted = spec(row.name, **self._options(row))
        except ExplorerError as error:
            self.problem = str(error)
            return
        self.outlook = _outlook(row, wanted)

    def _options(self, row: Architecture) -> dict[str, Any]:
        """Return the options that differ from the defaults. Raises ExplorerError for a text that is no number."""
        options: dict[str, Any] = {}
        for name, text in self._chosen.items():
            if name in _READ and (text or name in ("pooling", "data_format")):
                try:
                    options[name] = _READ[name](text)
                except ValueError:
                    raise ExplorerError(_("{text} is no number.").format(text=text)) from None
        options |= _shape(self._chosen, row, options.get("data_format"))
        usual = {**DEFAULTS, "classes": row.classes}
        return {name: value for name, value in options.items() if value != usual[name]}


def _shape(chosen: dict[str, str], row: Architecture, data_format: str | None) -> dict[str, Any]:
    try:
        height, width = (int(chosen.get(side) or default) for side, default in zip(("height", "width"), row.input_size, strict=False))
    except ValueError:
        raise ExplorerError(_("Height and width are whole numbers of pixels.")) from None
    if (height, width) == row.input_size[:2]:
        return {}
    channels = row.input_size[2]
    return {"input_shape": (channels, height, width) if data_format == "channels_first" else (height, width, channels)}


def _fields(row: Architecture, spec: NetworkSpec) -> list[dict[str, Any]]:
    """Return the fields of the form for an architecture, with the values of the network that is loaded."""
    weights = {"": row.weights, "none": _("random")}
    if spec.weights not in (None, row.weights):
        weights[spec.weights] = Path(spec.weights).name
    chosen = "none" if spec.weights is None else "" if spec.weights == row.weights else spec.weights
    without = (
        _("With its top the network names classes; without, it answers with its last feature maps, and takes pictures of other sizes.")
        if row.input == "image"
        else _("With its top the network names classes; without, it answers with the features before it.")
    )
    fields = [
        _choice("weights", _("Weights"), _weights_about(row), chosen, weights),
        _choice("include_top", _("Top"), without, "yes" if spec.include_top else "no", {"yes": _("with its top"), "no": _("without")}),
        *(_picture_fields(row, spec) if row.input == "image" else ()),
        _number("classes", _("Classes"), _("With random weights: how many classes the top has."), spec.classes or row.classes, least=1),
    ]
    own = _own_fields(row, spec)
    fields += [own[name] for name in row.options]
    if row.channels_first:
        about = _("Order of the axes inside the network: rows, columns, channels, or channels first. Same answers, slower on a CPU.")
        orders = {"": _("as in keras.json"), "channels_last": "channels_last", "channels_first": "channels_first"}
        fields.append(_choice("data_format", _("Data format"), about, spec.data_format, orders))
    return fields


def _picture_fields(row: Architecture, spec: NetworkSpec) -> list[dict[str, Any]]:
    """Return the fields of the options that make no sense for sound, whose spectrogram has one size."""
    height, width, _channels = sizes(row, spec)
    return [
        _choice(
            "pooling",
            _("Pooling"),
            _("Without its top: one number a channel, the mean (avg) or the maximum (max) of its map, instead of maps."),
            spec.pooling or "",
            {"": _("none"), "avg": "avg", "max": "max"},
        ),
        _number("height", _("Height"), _size_about(row), height, least=row.smallest),
        _number("width", _("Width"), _("May differ from the height: pictures are stretched to both."), width, least=row.smallest),
    ]


def _own_fields(row: Architecture, spec: NetworkSpec) -> dict[str, dict[str, Any]]:
    """Return the fields of the options that only some architectures take, by name."""
    return {
        "alpha": _number(
            "alpha",
            _("Alpha"),
            _("Width: alpha times as many channels in each layer. Weights for {alphas}.").format(alphas=_alphas(row)),
            spec.alpha,
            step="any",
        ),
        "depth_multiplier": _number(
            "depth_multiplier",
            _("Depth multiplier"),
            _("Outputs a depthwise convolution makes of each channel; weights for 1."),
            spec.depth_multiplier,
            least=1,
        ),
        "dropout": _number(
            "dropout", _("Dropout"), _("Share of the top's inputs left out in training; answers don't change."), spec.dropout, step="any"
        ),
    }


def _choice(name: str, label: str, about: str, value: str, choices: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "label": label, "about": about, "value": value, "choices": [list(pair) for pair in choices.items()]}


def _number(name: str, label: str, about: str, value: float | None, least: float = 0, step: str = "1") -> dict[str, Any]:
    text = "" if value is None else str(value) if isinstance(value, int) else f"{value:g}"
    return {"name": name, "label": label, "about": about, "value": text, "least": least, "step": step}


def _weights_about(row: Architecture) -> str:
    return _("{weights}: trained on {what}, {licence}. Random: the network before training; its answers mean nothing.").format(
        weights=row.weights, what=row.measured_on, licence=row.licence
    )


def _size_about(row: Architecture) -> str:
    return _(
        "Pixels of the input: {default} as trained, at least {smallest}. Twice the side means four times the work and the maps."
    ).format(default=row.input_size[0], smallest=row.smallest)


def _alphas(row: Architecture) -> str:
    return ", ".join(f"{alpha:g}" for alpha in sorted(row.alphas))


def _outlook(row: Architecture, wanted: NetworkSpec) -> str:
    """Return what building this takes, before it is built."""
    if wanted.weights is None:
        return _("Nothing to download: it starts from random weights.")
    if wanted.weights != row.weights:
        return _("Weights: {file}.").format(file=wanted.weights)
    file = row.file(wanted.include_top, wanted.alpha, side_of(row, wanted))
    size = _("{size} MB").format(size=megabytes(file.about)) if file.about else _("size unknown")
    return _("Weights: {file}, {size}.").format(file=file.name, size=size)


def _result(network: NetworkSummary) -> str:
    reads = ", ".join(shape_text(one.shape) for one in network.input_spec.inputs)
    predictions = ", ".join(shape_text(one.shape) for one in network.outputs)
    return _("{name} reads {reads}, answers {answers}; {parameters} parameters, {memory} of weights.").format(
        name=network.spec.name, reads=reads, answers=predictions, parameters=f"{network.parameters:,}", memory=size_text(network.memory)
    )
