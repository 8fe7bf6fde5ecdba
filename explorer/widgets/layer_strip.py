"""The layer strip: every layer as a thin bar in order, to see, find and select."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.locale import _, counted
from explorer.session import Session
from explorer.values import Layer, shape_text
from explorer.widgets.view import View


class LayerStrip(View):
    """Draws all layers as bars, their height the parameters on a log scale; click, arrow keys or a name select one."""

    layers: traitlets.List[list[str | int]] = traitlets.List(
        help="One list a row: name, kind, block, description, parameters, title, code, index (-1 inside nested models)."
    ).tag(sync=True)
    layer = traitlets.Int(0, help="Place of the selected layer among the rows.").tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("network", by=self._draw)
        self.follow("layer", by=self._select)
        self.observe(self._selected, "layer")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "label": _("Layers"),
            "scale": _("height: parameters, log scale"),
            "tallest": _("tallest {number}"),
            "go": _("Go to index or name"),
            "closer": _("Closer"),
            "wider": _("Wider"),
            "all": _("All"),
            "zoom": _("Zoom"),
            "in_keras": _("in Keras"),
            "parameters": _("{number} parameters"),
            "keys": _("Arrow keys: next layer. Page keys: next block."),
            "kinds": list(_kinds()),
            **{f"kind_{kind}": text for kind, text in _kinds().items()},
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Go to the layer whose index or name was typed."""
        self.session.select(str(message["select"]))

    @property
    def _rows(self) -> tuple[Layer, ...]:
        return self.session.network.layers.rows if self.session.network else ()

    def _draw(self) -> None:
        network = self.session.network
        self.layers = [_described(row) for row in self._rows]
        self.title = counted("{number} layer", "{number} layers", len(network.layers)) if network else _("Layers")
        self._select()

    def _selected(self, change: dict[str, Any]) -> None:
        place = change["new"]
        if 0 <= place < len(self._rows) and self._rows[place].name != self.session.layer:
            self.session.select(self._rows[place].name)
        self._select()  # a click that came late may mean a network that is gone

    def _select(self) -> None:
        name = self.session.layer  # while another network takes its place, still a layer of the one before
        self.layer = next((place for place, row in enumerate(self._rows) if row.name == name), self.layer)


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
        -1 if layer.further else layer.index,
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
