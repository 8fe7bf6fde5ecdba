"""Inside: the selected layer's feature maps as one mosaic, the chosen one enlarged; vectors as bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from explorer.locale import _, counted, megabytes
from explorer.rendering import feature_maps
from explorer.rendering.axis_ticks import ticks, ticks_and_ends
from explorer.rendering.feature_maps import short
from explorer.state.session import Session
from explorer.values import FeatureMaps, Span
from explorer.widgets.base.view import View


class FeatureMapsView(View):
    """Draws what the selected layer answers: maps as a mosaic, units as bars. Click one to enlarge it.

    Maps lie as the input does: time from left to right, low frequencies at the bottom. `cells` and `cell` count
    rows and columns of what is drawn; the session's own `cell` counts along the axes of the values.
    """

    title = traitlets.Unicode().tag(sync=True)
    about = traitlets.Unicode(help="The layer's index, name and shape, and its range of values.").tag(sync=True)
    memory = traitlets.Unicode(help="How much is remembered.").tag(sync=True)
    alike = traitlets.Bool(False, help="One colour scale for all maps instead of one each.").tag(sync=True)
    gradient = traitlets.List(traitlets.Unicode(), help="The colour scale, low to high.").tag(sync=True)
    ends = traitlets.List(traitlets.Unicode(), help="What the ends of the colour scale stand for.").tag(sync=True)
    mosaic = traitlets.Bytes(help="All maps as one PNG; empty for a vector.").tag(sync=True)
    grid = traitlets.Dict(help="Count, columns, rows, and a map's width, height and gap in the mosaic.").tag(sync=True)
    values = traitlets.Bytes(help="The units of a vector, float32; empty for maps.").tag(sync=True)
    ranges = traitlets.List(traitlets.Unicode(), help="From where to where each map's values go.").tag(sync=True)
    channel = traitlets.Int(0, help="The chosen map or unit.").tag(sync=True)
    one = traitlets.Bytes(help="The chosen map as PNG, one pixel a cell.").tag(sync=True)
    one_title = traitlets.Unicode().tag(sync=True)
    one_range = traitlets.Unicode().tag(sync=True)
    cells = traitlets.List(traitlets.Int(), help="Rows and columns of the chosen map, as it is drawn.").tag(sync=True)
    cell = traitlets.List(traitlets.Int(), help="Row and column of the chosen cell, as drawn; empty when none is.").tag(sync=True)
    left: traitlets.List[list[Any]] = traitlets.List(help="Ticks beside the chosen map, in Hz: [how far up, text].").tag(sync=True)
    below: traitlets.List[list[Any]] = traitlets.List(help="Ticks below the chosen map: [how far along, text].").tag(sync=True)
    hint = traitlets.Unicode(help="What a click on the chosen map is good for.").tag(sync=True)
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
            "map": _("Map {index}"),
            "unit": _("Unit {index}"),
            "units": _("Units"),
            "one": _("Enlarged feature map"),
            "hertz": _("Hz"),
            "full": _("Full screen"),
            "small": _("Close"),
            "keys": _("Arrow keys: another map. Enter: full screen."),
        }

    def _choose(self, change: dict[str, Any]) -> None:
        self.session.channel = change["new"]
        self.channel = self.session.channel  # a click that came late may mean maps that are gone

    def _choose_cell(self, change: dict[str, Any]) -> None:
        maps, place = self.session.feature_maps, change["new"]
        self.session.cell = feature_maps.Face(maps).cell(place) if maps and maps.planes is not None and len(place) == 2 else None
        self.cell = self._place()

    def _redraw(self) -> None:
        with self.hold_sync():
            self._draw()

    def _draw(self) -> None:
        maps = self.session.feature_maps
        if maps is None:
            self.title = self.about = self.memory = ""
            self.mosaic, self.values, self.grid, self.ranges = b"", b"", {}, []
            self._draw_one()
            return
        low, high = feature_maps.finite_range(maps.values)
        shape = " × ".join(str(axis.size) for axis in maps.axes)
        self.about = _("{layer}, {shape}, values {low} to {high}").format(
            layer=maps.layer.title, shape=shape, low=short(low), high=short(high)
        )
        if gaps := int(np.count_nonzero(~np.isfinite(maps.values))):
            self.about += counted(
                "; {number} value is no number (NaN) or infinite", "; {number} values are no numbers (NaN) or infinite", gaps
            )
        self.memory = _("{kept} of {bound} MB of activations remembered").format(
            kept=megabytes(maps.remembered), bound=megabytes(maps.bound)
        )
        if maps.planes is not None:
            self._draw_mosaic(maps, feature_maps.Face(maps).drawn(maps.planes), low, high)
        else:
            self.title = counted("{number} unit", "{number} units", maps.count)
            self.mosaic, self.grid, self.ranges, self.values = b"", {}, [], np.ascontiguousarray(maps.values).tobytes()
        self._draw_one()

    def _draw_mosaic(self, maps: FeatureMaps, planes: Any, low: float, high: float) -> None:
        drawn = maps.mosaic if maps.mosaic and not self.alike else feature_maps.mosaic(planes, (low, high) if self.alike else None)
        self.title = counted("{number} feature map", "{number} feature maps", drawn.count)
        self.gradient = [f"rgb{colour}" for colour in feature_maps.colours(6)]
        self.ends = [short(low), short(high)] if self.alike else [_("its lowest"), _("its highest")]
        self.grid = feature_maps.grid_of(drawn)
        self.ranges = [_range(*ends) for ends in feature_maps.ranges(planes)]
        self.values, self.mosaic = b"", drawn.png

    def _draw_one(self) -> None:
        maps, self.channel = self.session.feature_maps, self.session.channel
        if maps is None or maps.planes is None or self.channel >= maps.count:
            self.one, self.one_range, self.cells, self.left, self.below = b"", "", [], [], []
            self.one_title = "" if maps is None else _("Unit {index}").format(index=self.channel)
        else:
            face = feature_maps.Face(maps)
            chosen = face.drawn(maps.planes)[..., self.channel]
            low, high = feature_maps.finite_range(chosen)
            scale = feature_maps.finite_range(maps.values) if self.alike else (low, high)
            self.one, self.cells = feature_maps.one_map(chosen, *scale), list(chosen.shape)
            self.one_title = _("Map {index}").format(index=self.channel)
            self.one_range = _range(low, high)
            self.left = [[part if face.down.upward else 1 - part, text] for part, text in ticks(face.down, 5)]
            self.below = [[part, text] for part, text in ticks_and_ends(face.across, 2)]
            self.hint = _hint(maps)
        self._draw_cell()

    def _place(self) -> list[int]:
        """Return where the session's cell is drawn."""
        maps, cell = self.session.feature_maps, self.session.cell
        return [] if maps is None or maps.planes is None or cell is None else list(feature_maps.Face(maps).position(cell))

    def _draw_cell(self) -> None:
        maps = self.session.feature_maps
        if maps is None:
            self.facts = []
            return  # the session keeps its cell for the maps that come
        self.cell = self._place()
        cell = self.session.cell
        if maps.planes is None:
            self.facts = self._unit_facts(maps)
        elif cell is None:
            self.facts = []
        else:
            value = short(float(maps.planes[(*cell, self.channel)]))
            self.facts = [[_("cell"), _cell(maps, cell)], [_("value"), value], *self._sees(maps)]

    def _sees(self, maps: FeatureMaps) -> list[list[str]]:
        if self.session.region is None:
            return [[_("sees"), _("nothing of the input: it lies in the padding")]] if maps.spatial else []
        spans = sorted(self.session.region.spans, key=lambda span: span.axis != "time")
        return [[_("sees"), ", ".join(map(_span, spans))]]

    def _unit_facts(self, maps: FeatureMaps) -> list[list[str]]:
        unit = min(self.session.channel, maps.count - 1)
        facts = [[_("value"), short(float(maps.values.ravel()[unit]))]]
        return [[_("class"), maps.labels[unit].replace("_", " ")], *facts] if maps.labels else facts


def _range(low: float, high: float) -> str:
    return _("{low} to {high}").format(low=short(low), high=short(high))


def _hint(maps: FeatureMaps) -> str:
    if any(axis.name == "time" for axis in maps.axes):
        return _("Click a cell to see its value and hear what it sees.")
    return _("Click a cell to see its value and its place on the input.")


def _cell(maps: FeatureMaps, cell: tuple[int, int]) -> str:
    """Name the cell by its places along the axes of the maps, time first."""
    words = {
        "row": _("row {number}"),
        "column": _("column {number}"),
        "time": _("step {number}") if maps.values.ndim == 2 else _("frame {number}"),
        "frequency": _("band {number}"),
        "step": _("step {number}"),
        "unit": _("unit {number}"),
        "channel": _("channel {number}"),
    }
    places = sorted(zip((axis.name for axis in maps.axes), cell, strict=False), key=lambda place: place[0] != "time")
    return ", ".join(words[name].format(number=number) for name, number in places)


def _span(span: Span) -> str:
    texts = {
        "row": _("rows {start} to {stop}"),
        "column": _("columns {start} to {stop}"),
        "time": _("{start} s to {stop} s"),
        "frequency": _("{start} to {stop} Hz"),
    }
    exact = {"s": ".2f", "Hz": ".0f"}.get(span.unit, "g")
    start, stop = (format(max(0.0, end), exact) for end in (span.start, span.stop))  # the first frame begins before the sound
    return texts[span.axis].format(start=start, stop=stop)
