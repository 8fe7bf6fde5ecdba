"""The layer strip: every layer as a thin bar in order, to see, find and select, and the freeze line among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from explorer.locale import _, counted
from explorer.recipe.freeze_plan import block_ends
from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import Layer, Layers, Probe, shape_text
from explorer.values.layer_names import ways
from explorer.widgets.base.view import View


class LayerStrip(View):
    """Draws all layers as bars, their height the parameters on a log scale; click, arrow keys or a name select one.

    tuning: the state of fine-tuning; with it, and while that is looked at, the freeze line stands on the strip.
    """

    layers: traitlets.List[list[str | int]] = traitlets.List(
        help="One list a row: name, kind, block, description, parameters, title, code, index (-1 inside nested models)."
    ).tag(sync=True)
    layer = traitlets.Int(0, help="Place of the selected layer among the rows.").tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    fine_tuning_shown = traitlets.Bool(False, help="Whether there is a freeze line.").tag(sync=True)
    freeze = traitlets.Int(0, help="Where it stands: k of the layers[:k] that are frozen.").tag(sync=True)
    snap = traitlets.Bool(True, help="Whether it goes from block end to block end.").tag(sync=True)
    backbone_count = traitlets.Int(0, help="How far it goes: what is behind is the old head.").tag(sync=True)
    places = traitlets.List(
        traitlets.Int(), help="The bar that it stands before at each k: of each layer of the backbone, and behind."
    ).tag(sync=True)
    ends: traitlets.List[list[Any]] = traitlets.List(help="The block ends, 0 too: index, and how the line is said to stand there.").tag(
        sync=True
    )
    probes: traitlets.List[list[Any]] = traitlets.List(
        help="Of some block ends: index, accuracy, its standard error, the share of the work that trains, the block and all of it in words."
    ).tag(sync=True)

    def __init__(self, session: Session | None = None, fine_tuning: FineTuningState | None = None) -> None:
        super().__init__(session)
        self.fine_tuning = fine_tuning
        self.follow("network", by=self._draw)
        self.follow("layer", by=self._select)
        self.observe(self._selected, "layer")
        if fine_tuning is not None:
            self.follow("shown", "backbone", by=self._draw_backbone, of=fine_tuning)
            self.follow("plan", "snap", by=self._draw_line, of=fine_tuning)
            self.follow("probes", by=self._draw_probes, of=fine_tuning)
            self.observe(self._moved, "freeze")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "label": _("Layers"),
            "scale": _("height: parameters, log scale"),
            "tallest": _("tallest {number}"),
            "go": _("Go to index or name"),
            "in_block": _("layers {first} to {last}"),
            "no_name": _("No layer or block is called “{typed}”."),
            "no_index": _("There is no layer {typed}: the indices go from 0 to {last}."),
            "closer": _("Closer"),
            "wider": _("Wider"),
            "all": _("All"),
            "zoom": _("Zoom"),
            "in_keras": _("in Keras"),
            "parameters": _("{number} parameters"),
            "keys": _("Arrow keys: next layer. Page keys: next block."),
            "line": _("Freeze line"),
            "line_keys": _("Arrow keys: next place. Shift and arrow keys: next layer. Page keys: next block end."),
            "inside": _("layers[:{index}], inside {block}"),
            "evidence": _("Evidence for the freeze line"),
            "probe": _(
                "a linear probe on each block's output: how well it already separates your data (cross-validated; a hint, not a proof)"
            ),
            "work": _("share of the computation that trains from there on"),
            "share": _("{number} %"),
            "kinds": list(_kinds()),
            **{f"kind_{kind}": text for kind, text in _kinds().items()},
        }

    def received(self, _message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Look at fine-tuning, as the page's address names a run."""
        if self.fine_tuning is not None:
            self.fine_tuning.wanted = True

    @property
    def _rows(self) -> tuple[Layer, ...]:
        return self.session.network.layers.rows if self.session.network else ()

    @property
    def _backbone(self) -> Layers | None:
        """The backbone, while fine-tuning is looked at."""
        return self.fine_tuning.backbone if self.fine_tuning and self.fine_tuning.shown else None

    def _draw(self) -> None:
        self.layers = [_described(row) for row in self._rows]
        self._draw_backbone()
        self._select()

    def _name(self) -> None:
        network, backbone = self.session.network, self._backbone
        if backbone is not None:
            self.title = counted("{number} layer of the backbone", "{number} layers of the backbone", len(backbone))
        else:
            self.title = counted("{number} layer", "{number} layers", len(network.layers)) if network else _("Layers")

    def _selected(self, change: dict[str, Any]) -> None:
        place = change["new"]
        if 0 <= place < len(self._rows) and self._rows[place].name != self.session.layer:
            self.session.select(self._rows[place].name)
        self._select()  # a click that came late may mean a network that is gone

    def _select(self) -> None:
        name = self.session.layer  # while another network takes its place, still a layer of the one before
        self.layer = next((place for place, row in enumerate(self._rows) if row.name == name), self.layer)

    def _draw_backbone(self) -> None:
        backbone = self._backbone
        self.fine_tuning_shown = backbone is not None
        self.backbone_count = len(backbone or ())
        self.places = _bars(self._rows, backbone or Layers(()))
        self.ends = [] if backbone is None else _said_ends(backbone)
        self._name()

    def _draw_line(self) -> None:
        if self.fine_tuning is not None:
            self.freeze, self.snap = self.fine_tuning.freeze, self.fine_tuning.snap

    def _draw_probes(self) -> None:
        if self.fine_tuning is not None:
            self.probes = [_said_probe(probe, self.fine_tuning.work_from(probe.index)) for probe in self.fine_tuning.probes]

    def _moved(self, change: dict[str, Any]) -> None:
        if self.fine_tuning is not None:
            if self._backbone is not None and change["new"] != self.fine_tuning.freeze:
                self.fine_tuning.freeze_at(change["new"])
            self._draw_line()  # a line that was moved late may mean a backbone that is gone


def _bars(rows: Sequence[Layer], backbone: Layers) -> list[int]:
    """Return the bar of each layer of the backbone, and the one behind all of them; an input that has no bar stands at the next one."""
    bars, names = {row.name: place for place, row in enumerate(rows)}, {row.name for row in backbone.rows}
    behind = 1 + max((place for name, place in bars.items() if not names.isdisjoint(ways(name))), default=-1)
    found = [behind]
    for row in reversed(backbone):
        found.append(bars.get(row.name, found[-1]))
    return found[::-1]


def _said_ends(backbone: Layers) -> list[list[Any]]:
    at_end = _("layers[:{index}], to the end of {block}")
    ends = [[end.index, at_end.format(index=end.index, block=end.block.replace("_", " "))] for end in block_ends(backbone)]
    return [[0, _("layers[:0], nothing is frozen")], *ends]


def _said_probe(probe: Probe, share: float) -> list[Any]:
    block = _("to the end of {block}").format(block=probe.block.replace("_", " "))
    said = _("probe accuracy {accuracy} ± {error} %; {share} % of the computation trains from there on").format(
        accuracy=f"{probe.accuracy * 100:.1f}",
        error=f"{probe.error * 100:.1f}",
        share=f"{share * 100:.0f}",
    )
    return [probe.index, probe.accuracy, probe.error, share, block, said]


def _described(layer: Layer) -> list[str | int]:
    shape = shape_text(layer.output_shape)
    kind = _kinds()[layer.kind]
    described = f"{layer.class_name}, {shape}" if layer.kind == "other" else f"{kind}, {shape}"
    return [
        layer.name,
        layer.kind,
        layer.block.replace("_", " "),
        described,
        layer.parameters,
        layer.title,
        layer.code,
        -1 if layer.is_nested_or_reused else layer.index,
    ]


def _kinds() -> dict[str, str]:
    return {
        "input": _("input"),
        "convolution": _("convolution"),
        "depthwise": _("depthwise"),
        "normalisation": _("normalisation"),
        "activation": _("activation"),
        "merge": _("merge"),
        "pooling": _("pooling"),
        "dense": _("dense"),
        "recurrent": _("recurrent"),
        "model": _("nested model"),
        "other": _("other"),
    }
