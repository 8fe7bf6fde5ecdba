"""The model as a whole: what it is, what was assumed, files to take away, weights to load, data to evaluate on."""

from __future__ import annotations

import re
from typing import Any

import traitlets

from explorer.catalog.options import CONVENTIONS
from explorer.errors import UnreadableExample
from explorer.locale import _, counted, megabytes, size_text
from explorer.rendering.feature_maps import short
from explorer.state.model_files import ModelFiles
from explorer.state.session import Session
from explorer.values import AdoptedModel, Layer, NetworkSpec, NetworkSummary, TensorInfo, shape_text
from explorer.widgets.base.view import View

NEED_GRAPH = ("h5", "json", "yaml", "config")  # what can't be taken of a model without a graph
NAMED = 8  # layers that are named in a report

Pairs = list[list[str]]


class ModelToolsView(View):
    """Shows the network as a Keras model, and gives and takes its files."""

    facts: traitlets.List[list[str]] = traitlets.List(help="Pairs of a term and what it is.").tag(sync=True)
    assumed = traitlets.List(traitlets.Unicode(), help="What was guessed, and what is not to be had.").tag(sync=True)
    own = traitlets.Bool(help="Whether it is a model of the user's own.").tag(sync=True)
    live = traitlets.Bool(help="Whether it was handed over live and can be looked at again.").tag(sync=True)
    picture = traitlets.Bool(help="Whether it reads pictures or sound.").tag(sync=True)
    classes = traitlets.Bool(help="Whether it has classes to name.").tag(sync=True)
    read_as = traitlets.Unicode(help="The chosen way of preparing pictures or sound; empty for its own, or a guess.").tag(sync=True)
    automatic = traitlets.Unicode(help="What its own way, or the guess, is.").tag(sync=True)
    labels = traitlets.Unicode(help="The names of the classes, one a line.").tag(sync=True)
    drawn = traitlets.Int(0, help="How many networks were shown; what was typed into the form gives way to the newest.").tag(sync=True)
    barred = traitlets.List(traitlets.Unicode(), help="Which files it can't give.").tag(sync=True)
    data = traitlets.Unicode(help="What a file to evaluate on has to hold.").tag(sync=True)
    loaded_models: traitlets.List[list[str]] = traitlets.List(help="Pairs: the networks that are held, and their size.").tag(sync=True)
    held_text = traitlets.Unicode().tag(sync=True)
    node: traitlets.List[list[str]] = traitlets.List(help="Pairs about the selected layer and each of its uses.").tag(sync=True)
    report: traitlets.List[list[str]] = traitlets.List(help="Pairs: what became of which layers.").tag(sync=True)
    scores: traitlets.List[list[str]] = traitlets.List(help="Pairs: a metric and its value.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.model_files = ModelFiles(self.session)
        self.follow("network", by=self._draw)
        self.follow("loaded_models", by=self._draw_held, of=self.session.loader)
        self.follow("layer", "network", by=self._draw_node)
        self.model_files.observe(lambda _change: self._draw_report(), "report")
        self.model_files.observe(lambda _change: self._draw_scores(), "evaluation")
        self.model_files.observe(self._give, "taken")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "facts": _("This network"),
            "loaded_models": _("Held in memory"),
            "node": _("The selected layer in Keras"),
            "take": _("Take away"),
            "takes": [
                [_("Whole model"), {"keras": ".keras", "h5": ".h5"}],
                [_("Weights"), {"weights": ".weights.h5", "weights_h5": ".h5"}],
                [_("Topology"), {"json": ".json", "yaml": ".yaml"}],
                [_("Config"), {"config": ".json"}],
                [_("Summary"), {"summary": ".txt"}],
            ],
            "barred": _("Not to be had of this model."),
            "read_as": _("Pictures are read as"),
            "preprocess_modes": list(map(list, _preprocess_modes().items())),
            "labels": _("Names of the classes, one a line"),
            "apply": _("Apply"),
            "refresh": _("Show it as it is now"),
            "weights": _("Load weights"),
            "weights_file": _("Choose weights…"),
            "by_name": _("only into layers of the same name"),
            "weights_about": _("A .weights.h5, .h5 or .keras file; without the tick it has to fit as a whole."),
            "evaluate": _("Evaluate"),
            "data_file": _("Choose data…"),
            "open": _("Open a model"),
            "path": _("Path of its file"),
            "path_about": _("On the machine where explorer runs; the way for files of more than 200 MB."),
            "open_button": _("Open"),
            "transfer": _("Transfer"),
            "too_large": _("{name} is larger than 200 MB; load it in Python, with load_weights or evaluate_file."),
            "no_file": _("{name} can't be read any more; choose it again."),
            "overtaken": _("{name} was not sent to the end, as another network took its place; choose it again."),
        }

    def received(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        """Do what a button asks, or take in a part of an upload."""
        if "take" in message:
            self.model_files.take(str(message["take"]))
        elif "upload" in message:
            self._take_in(message, buffers)
        elif "read_as" in message:
            labels = [line.strip() for line in str(message["labels"]).splitlines() if line.strip()]
            self.session.loader.read_as(str(message["read_as"]) or None, labels)
        elif "refresh" in message:
            self.session.refresh()
        elif "open" in message:
            self.session.open(str(message["open"]).strip())
        elif "refuse" in message:
            self.session.report_error(UnreadableExample(str(message["refuse"])), self.error_key)

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        self.model_files.close()
        super().close()

    def _take_in(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        whole = self.receive_chunk(message, buffers)
        if whole is None:
            return
        name, purpose = str(message["name"]), message["purpose"]
        if purpose == "evaluate":
            self.model_files.evaluate(whole, name)
        else:
            self.model_files.load_weights(whole, name, by_name=purpose == "by_name")

    def _give(self, change: dict[str, Any]) -> None:
        if change["new"] is not None:
            self.send_file(change["new"])
            self.model_files.taken = None  # it may be large, and the browser has it soon

    def _draw(self) -> None:
        self.forget_upload()  # it was meant for the network before
        network = self.session.network
        if network is None:
            return
        spec = network.spec
        self.facts = _facts(network)
        self.own, self.live = not isinstance(spec, NetworkSpec), isinstance(spec, AdoptedModel)
        self.assumed = [*network.input_spec.known, *network.input_spec.assumed, *_lacks(network)]
        self.picture, self.classes = network.input_spec.kind != "arrays", any(network.classes)
        self.read_as = "" if isinstance(spec, NetworkSpec) else spec.preprocess or ""
        self.automatic = _automatic(network.input_spec.preprocess_mode, chosen=bool(self.read_as))
        self.labels = "\n".join(network.labels) if self.own else ""
        self.barred = [] if network.graph else list(NEED_GRAPH)
        self.data = _data(network)
        self.drawn += 1

    def _draw_held(self) -> None:
        held = self.session.loader.loaded_models
        self.loaded_models = [[name, size_text(size)] for name, size in held.networks]
        total = sum(size for _name, size in held.networks)
        self.held_text = _("{total} MB of at most {bound} MB of weights; EXPLORER_MEMORY sets the bound in MB.").format(
            total=megabytes(total), bound=megabytes(held.bound)
        )

    def _draw_node(self) -> None:
        network, name = self.session.network, self.session.layer
        self.node = _about_layer(network, network.layers.find(name)) if network and name in network.layers else []

    def _draw_report(self) -> None:
        report, network = self.model_files.report, self.session.network
        if report is None or network is None:
            self.report = []
            return
        order = {row.name: place for place, row in enumerate(network.layers.rows)}
        others = {
            _("not in the file"): report.missing,
            _("only in the file"): report.unexpected,
            _("of other shapes"): tuple(one.layer for one in report.mismatched),
            _("no numbers (NaN)"): report.unfit,
        }
        reached = [[_("loaded"), _named(report.loaded, order)]]
        self.report = reached + [[term, _named(layers, order)] for term, layers in others.items() if layers]

    def _draw_scores(self) -> None:
        self.scores = [[name, short(value)] for name, value in self.model_files.evaluation.items()]


def _facts(network: NetworkSummary) -> Pairs:
    inputs, outputs = network.input_spec.inputs, network.outputs
    return [
        [_("name"), network.spec.name],
        *([_numbered(_("input"), place, inputs), f"{one.name}, {_shapes((one.shape,))}, {one.dtype}"] for place, one in enumerate(inputs)),
        *([_numbered(_("output"), place, outputs), f"{one.name}, {_shapes((one.shape,))}"] for place, one in enumerate(outputs)),
        [_("layers"), f"{len(network.layers):,}"],
        [_("parameters"), f"{network.parameters:,}"],
        [_("weights"), size_text(network.memory)],
    ]


def _numbered(term: str, place: int, tensors: tuple[TensorInfo, ...]) -> str:
    return f"{term} {place + 1}" if len(tensors) > 1 else term


def _lacks(network: NetworkSummary) -> list[str]:
    """Return what has to be said of what the network does not have."""
    lacks = []
    if any(network.classes) and not network.labels and not isinstance(network.spec, NetworkSpec):
        lacks.append(_("Nothing says what its classes are called; they show as numbers."))
    if not network.graph:
        lacks.append(
            _(
                "It is of a class of its own: Keras knows its layers, but not how they are joined. What they return is recorded while "
                "it runs; which layer reads which, a topology, a config and cutting it are not to be had."
            )
        )
    return lacks


def _about_layer(network: NetworkSummary, layer: Layer) -> Pairs:
    """Return what Keras says of a layer, and what goes in and out at each of its uses."""
    uses = [row for row in network.layers.rows if _shared(row) == _shared(layer)]
    facts = [[_("in Keras"), layer.code], [_("class"), layer.class_name], [_("parameters"), f"{max(row.parameters for row in uses):,}"]]
    for row in uses:
        if len(uses) > 1:
            facts.append([_("use"), _("{name}, selected").format(name=row.name) if row == layer else row.name])
        facts += [
            [_("reads"), ", ".join(row.inputs) or "–"],
            [_("input"), _shapes(row.input_shapes)],
            [_("output"), _shapes(row.output_shapes)],
        ]
    return facts


def _shared(layer: Layer) -> str:
    """Return what the rows of one layer have in common: its address without the numbers of uses."""
    return re.sub(r":\d+", "", layer.name)


def _shapes(shapes: tuple[tuple[int | None, ...], ...]) -> str:
    return "; ".join(shape_text(shape) or "1" for shape in shapes) or "–"


def _data(network: NetworkSummary) -> str:
    """Return what a file to evaluate on has to hold."""
    x = [f"x_{one.name}" for one in network.input_spec.inputs] if len(network.input_spec.inputs) > 1 else ["x"]
    y = [f"y_{one.name}" for one in network.outputs] if len(network.outputs) > 1 else ["y"]
    return _("An .npz file with {x}, as the network reads it, and the right answers {y}.").format(x=", ".join(x), y=", ".join(y))


def _named(layers: tuple[str, ...], order: dict[str, int]) -> str:
    """Return how many layers, and the first of them in the network's order."""
    if not layers:
        return _("none")
    names = sorted(layers, key=lambda name: order.get(name, len(order)))
    first = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return counted("{number} layer", "{number} layers", len(layers)) + f": {first}"


def _automatic(preprocess_mode: str, chosen: bool) -> str:
    """Return what to call the way of preparing examples that nobody has chosen on the page."""
    if chosen:
        return _("automatic")
    if preprocess_mode == "custom":
        return _("a function of your own")
    return _("automatic: {convention}").format(convention=_preprocess_modes()[preprocess_mode])


def _preprocess_modes() -> dict[str, str]:
    texts = {
        "tf": _("-1 to 1 (tf)"),
        "caffe": _("BGR, less the ImageNet mean (caffe)"),
        "torch": _("0 to 1, less the ImageNet mean, over its deviation (torch)"),
        "unit": _("0 to 1 (unit)"),
        "none": _("0 to 255, as they are (none)"),
        "digit": _("a digit: light ink on black, 0 to 1 (digit)"),
        "timbres": _("sound, as timbres hears it (timbres)"),
        "music_tagger": _("sound, as MusicTaggerCRNN hears it (music_tagger)"),
    }
    return {name: texts[name] for name in CONVENTIONS}
