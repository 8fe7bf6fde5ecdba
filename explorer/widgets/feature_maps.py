"""Inside: the selected layer's feature maps as one mosaic, the chosen one enlarged; vectors as bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from explorer import rendering
from explorer.locale import _, counted, megabytes
from explorer.rendering import short
from explorer.session import Session
from explorer.values import FeatureMaps, Span
from explorer.widgets.view import View


class FeatureMapsView(View):
    """Draws what the selected layer answers: maps as a mosaic, units as bars. Click one to enlarge it."""

    title = traitlets.Unicode().tag(sync=True)
    about = traitlets.Unicode(help="The layer's index, name and shape, and its range of values.").tag(sync=True)
    memory = traitlets.Unicode(help="How much is remembered.").tag(sync=True)
    alike = traitlets.Bool(False, help="One colour scale for all maps instead of one each.").tag(sync=True)
    gradient = traitlets.List(traitlets.Unicode(), help="The colour scale, low to high.").tag(sync=True)
    ends = traitlets.List(traitlets.Unicode(), help="What the ends of the colour scale stand for.").tag(sync=True)
    mosaic = traitlets.Bytes(help="All maps as one PNG; empty for a vector.").tag(sync=True)
    grid = traitlets.Dict(help="Count, columns, rows, and a map's width, height and gap in the mosaic.").tag(sync=True)
    values = traitlets.Bytes(help="The units of a vector, float32; empty for maps.").tag(sync=True)
    channel = traitlets.Int(0, help="The chosen map or unit.").tag(sync=True)
    one = traitlets.Bytes(help="The chosen map as PNG, one pixel a cell.").tag(sync=True)
    one_title = traitlets.Unicode().tag(sync=True)
    one_range = traitlets.Unicode().tag(sync=True)
    cells = traitlets.List(traitlets.Int(), help="Rows and columns of the chosen map.").tag(sync=True)
    cell = traitlets.List(traitlets.Int(), help="Row and column of the chosen cell; empty when none is.").tag(sync=True)
    facts: traitlets.List[list[str]] = traitlets.List(help="Pairs of a term and what it is, about the chosen cell or unit.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("feature_maps", by=self._draw)
        self.follow("channel", by=self._draw_one)
        self.follow("cell", by=self._draw_cell)
        self.observe(lambda _change: self._redraw(), "alike")
        self.observe(self._choose, "channel")
        self.observe(self._choose_cell, "cell")

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "each": _("each map on its own scale"),
            "alike": _("all maps on one scale"),
            "scale": _("Colour scale"),
            "empty": _("The feature maps of the selected layer appear here."),
            "mosaic": _("Feature maps"),
            "units": _("Units"),
            "one": _("Enlarged feature map"),
            "choose_cell": _("Click a cell to see its value and its place on the input."),
            "keys": _("Arrow keys: another one."),
        }

    def _choose(self, change: dict[str, Any]) -> None:
        self.session.channel = change["new"]
        self.channel = self.session.channel  # a click that came late may mean maps that are gone

    def _choose_cell(self, change: dict[str, Any]) -> None:
        self.session.cell = tuple(change["new"]) or None
        self.cell = list(self.session.cell or ())

    def _redraw(self) -> None:
        with self.hold_sync():
            self._draw()

    def _draw(self) -> None:
        maps = self.session.feature_maps
        if maps is None:
            self.title = self.about = self.memory = ""
            self.mosaic, self.values, self.grid = b"", b"", {}
            self._draw_one()
            return
        low, high = rendering.finite_range(maps.values)
        shape = " × ".join(str(axis.size) for axis in maps.axes)
        self.about = _("{layer}, {shape}, values {low} to {high}").format(
            layer=maps.layer.title, shape=shape, low=short(low), high=short(high)
        )
        self.memory = _("{kept} of {bound} MB of activations remembered").format(
            kept=megabytes(maps.remembered), bound=megabytes(maps.bound)
        )
        if maps.planes is not None:
            self._draw_mosaic(maps.planes, low, high)
        else:
            self.title = counted("{number} unit", "{number} units", maps.count)
            self.mosaic, self.grid, self.values = b"", {}, np.ascontiguousarray(maps.values).tobytes()
        self._draw_one()

    def _draw_mosaic(self, planes: Any, low: float, high: float) -> None:
        drawn = rendering.mosaic(planes, self.alike)
        self.title = counted("{number} feature map", "{number} feature maps", drawn.count)
        self.gradient = [f"rgb{colour}" for colour in rendering.colours(6)]
        self.ends = [short(low), short(high)] if self.alike else [_("its lowest"), _("its highest")]
        self.grid = {
            "count": drawn.count,
            "columns": drawn.columns,
            "rows": drawn.rows,
            "width": drawn.width,
            "height": drawn.height,
            "gap": rendering.GAP,
        }
        self.values, self.mosaic = b"", drawn.png

    def _draw_one(self) -> None:
        maps, self.channel = self.session.feature_maps, self.session.channel
        if maps is None or maps.planes is None or self.channel >= maps.count:
            self.one, self.one_range, self.cells = b"", "", []
            self.one_title = "" if maps is None else _("Unit {index}").format(index=self.channel)
        else:
            chosen = maps.planes[..., self.channel]
            low, high = rendering.finite_range(chosen)
            scale = rendering.finite_range(maps.values) if self.alike else (low, high)
            self.one, self.cells = rendering.one_map(chosen, *scale), list(chosen.shape)
            self.one_title = _("Map {index}").format(index=self.channel)
            self.one_range = _("{low} to {high}").format(low=short(low), high=short(high))
        self._draw_cell()

    def _draw_cell(self) -> None:
        maps, cell = self.session.feature_maps, self.session.cell
        self.cell = list(cell or ())
        if maps is None:
            self.facts = []
        elif maps.planes is None:
            self.facts = self._unit_facts(maps)
        elif cell is None:
            self.facts = []
        else:
            region = self.session.region
            self.facts = [
                [_("cell"), _cell(maps, cell)],
                [_("value"), short(float(maps.planes[(*cell, self.channel)]))],
                *([_on_input(span.axis), _span(span)] for span in (region.spans if region else ())),
            ]

    def _unit_facts(self, maps: FeatureMaps) -> list[list[str]]:
        unit = min(self.session.channel, maps.count - 1)
        facts = [[_("value"), short(float(maps.values.ravel()[unit]))]]
        return [[_("class"), maps.labels[unit].replace("_", " ")], *facts] if maps.labels else facts


def _cell(maps: FeatureMaps, cell: tuple[int, int]) -> str:
    if maps.axes[0].name == "step":
        return _("step {step}, unit {unit}").format(step=cell[0], unit=cell[1])
    return _("row {row}, column {column}").format(row=cell[0], column=cell[1])


def _on_input(axis: str) -> str:
    return {"row": _("input rows"), "column": _("input columns")}.get(axis, axis)


def _span(span: Span) -> str:
    return _("{start} to {stop}").format(start=f"{span.start:g}", stop=f"{span.stop:g}")
