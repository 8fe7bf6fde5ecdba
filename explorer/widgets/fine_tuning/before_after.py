"""Before and after: the example that is shown, answered by the network before and after its training, and the selected layer's maps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import traitlets

from explorer.locale import _, counted
from explorer.rendering import feature_maps
from explorer.rendering.feature_maps import short
from explorer.state.run_comparison import RunComparison
from explorer.state.session import Session
from explorer.values import FeatureMaps, ModelFile, Predictions
from explorer.widgets.base.view import View

Array = np.ndarray[Any, Any]

LARGEST = feature_maps.LARGEST // 2  # pixels of a map's longest side in a mosaic: two of them share the width of one
ROUNDING = 1e-6  # of the range of values: sides that differ by no more are alike
FEWEST = 1e-5  # of it: less is written so
STEPS = 6  # of the colour scale
SIDES = ("before", "after")


class BeforeAfterView(View):
    """Draws answers and maps before and after a training beside each other; a click on a map enlarges it on both sides.

    aftermath: the state behind; without one the view makes its own.
    """

    missing = traitlets.Unicode(help="Why a run that has ended has come to nothing; empty for nothing to say.").tag(sync=True)
    there = traitlets.Bool(False, help="Whether there is a tuned network.").tag(sync=True)
    openable = traitlets.Bool(False, help="Whether it is another one than the network on screen.").tag(sync=True)
    example = traitlets.Unicode(help="What the example is called.").tag(sync=True)
    predictions: traitlets.List[dict[str, Any]] = traitlets.List(help="Before and after: bars, others, and about in a sentence.").tag(
        sync=True
    )
    layer = traitlets.Unicode(help="The selected layer.").tag(sync=True)
    note = traitlets.Unicode(help="Why there are no maps to compare, or how much they differ.").tag(sync=True)
    mosaics = traitlets.List(traitlets.Bytes(), help="All maps before and after as PNG, on one colour scale.").tag(sync=True)
    grid = traitlets.Dict(help="Count, columns, rows, and a map's width and height in a mosaic, the gap included.").tag(sync=True)
    gradient = traitlets.List(traitlets.Unicode(), help="The colour scale, low to high.").tag(sync=True)
    ends = traitlets.List(traitlets.Unicode(), help="What its ends stand for.").tag(sync=True)
    channel = traitlets.Int(0, help="The chosen map or unit.").tag(sync=True)
    furthest = traitlets.Int(-1, help="The map that differs the most; -1 where none does.").tag(sync=True)
    ones = traitlets.List(traitlets.Bytes(), help="The chosen map before and after as PNG; empty for a unit.").tag(sync=True)
    cells = traitlets.List(traitlets.Int(), help="Rows and columns of it.").tag(sync=True)
    one = traitlets.Unicode(help="What it is, and its values.").tag(sync=True)

    def __init__(self, session: Session | None = None, run_comparison: RunComparison | None = None) -> None:
        super().__init__(session)
        self._own = run_comparison is None
        self.run_comparison = run_comparison or RunComparison(self.session)
        self.run_comparison.shown = self.run_comparison.shown or self._own
        self.follow("tuned", "missing", by=self._draw_tuned, of=self.run_comparison)
        self.follow("network", by=self._draw_tuned)
        self.follow("predictions", by=self._draw_answers, of=self.run_comparison)
        self.follow("maps", by=self._draw_maps, of=self.run_comparison)
        self.follow("channel", by=self._draw_one)
        self.observe(self._choose, "channel")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "title": _("Before and after"),
            "none": _("The answers and feature maps of the input before and after training appear here when training ends."),
            "open": _("Open the tuned network"),
            "sides": [_("before"), _("after")],
            "predictions": [_("Answers before"), _("Answers after")],
            "maps": [_("Feature maps before"), _("Feature maps after")],
            "pair": _("Feature maps before and after"),
            "ones": [_("The chosen map before"), _("The chosen map after")],
            "keys": _("Arrow keys: another map."),
            "furthest": _("Show the largest change"),
            "waiting": _("Loading…"),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Open the tuned network."""
        if message.get("open"):
            self.run_comparison.open_tuned()

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own:
            self.run_comparison.close()
        super().close()

    def _draw_tuned(self) -> None:
        tuned, network = self.run_comparison.tuned, self.session.network
        shown = network.spec if network else None
        self.there, self.missing = tuned is not None, self.run_comparison.missing
        self.openable = tuned is not None and not (isinstance(shown, ModelFile) and shown.path == tuned.path)

    def _draw_answers(self) -> None:
        self.example = self.session.example.name if self.session.example else ""
        self.predictions = [{"about": side} if isinstance(side, str) else _bars(side) for side in self.run_comparison.predictions]

    def _draw_maps(self) -> None:
        sides = self.run_comparison.maps
        layer = next((side.layer.title for side in sides if isinstance(side, FeatureMaps)), "")
        self.layer, self.mosaics, self.grid, self.ends, self.furthest = layer, [], {}, [], -1
        pair = _pair(sides)
        self.note = _why_none(sides) if pair is None else ""
        if pair is not None:
            before, after = pair
            low, high = feature_maps.finite_range(np.stack(pair))
            apart = _apart(before, after)
            same = apart.max() <= ROUNDING * (high - low)
            self.furthest = -1 if same else int(apart.argmax())
            self.note = _("Both sides are identical: nothing that this layer depends on has changed.")
            if not same:
                self.note = _difference(apart, high - low, sides[0])
            self.gradient = [f"rgb{colour}" for colour in feature_maps.colours(STEPS)]
            self.ends = [short(low), short(high)]
            drawn = [feature_maps.mosaic(side, (low, high), LARGEST) for side in pair]
            self.grid, self.mosaics = feature_maps.grid_of(drawn[0]), [one.png for one in drawn]
        self._draw_one()

    def _choose(self, change: dict[str, Any]) -> None:
        self.session.channel = change["new"]
        self._draw_one()

    def _draw_one(self) -> None:
        sides = self.run_comparison.maps
        pair = _pair(sides)
        if pair is None:
            self.ones, self.cells, self.one = [], [], ""
            return
        self.channel = max(0, min(self.session.channel, pair[0].shape[-1] - 1))
        before, after = (planes[..., self.channel] for planes in pair)
        if sides[0].planes is None:
            values = {side: short(float(one[0, 0])) for side, one in zip(SIDES, (before, after), strict=True)}
            self.ones, self.cells = [], []
            self.one = _("Unit {index}: {before} before, {after} after").format(index=self.channel, **values)
            return
        low, high = feature_maps.finite_range(np.stack([before, after]))
        self.ones, self.cells = [feature_maps.one_map(one, low, high) for one in (before, after)], list(before.shape)
        self.one = _("Map {index}: values from {low} to {high}, the same colours on both sides").format(
            index=self.channel, low=short(low), high=short(high)
        )


def _bars(predictions: Predictions) -> dict[str, Any]:
    """Return the answers of one side: values are drawn against the largest of them, scores against 1."""
    finite = [abs(one.score) for one in predictions.predictions if math.isfinite(one.score)]
    reach = max(finite, default=0.0) if predictions.scale == "values" else 1.0
    bars = [_bar(one.label.replace("_", " "), one.score, predictions.scale, reach) for one in predictions.predictions]
    others = ""
    if predictions.others and predictions.scale == "shares":
        label = counted("{number} other", "{number} others together", predictions.others)
        others = _("{label}: {share} %").format(label=label, share=f"{max(0.0, predictions.others_score) * 100:.1f}")
    return {"bars": bars, "others": others, "about": ""}


def _bar(label: str, score: float, scale: str, reach: float) -> dict[str, Any]:
    known = math.isfinite(score)
    text = short(score) if scale == "values" else _("{number} %").format(number=f"{score * 100:.1f}")
    return {"label": label, "text": text if known else str(score), "share": abs(score) / reach if known and reach else 0.0}


def _pair(sides: tuple[FeatureMaps | str, ...]) -> tuple[Array, Array] | None:
    """Return the maps before and after (rows, columns, channels) as they are drawn, a unit as a map of one cell; None without both."""
    maps = [side for side in sides if isinstance(side, FeatureMaps)]
    if len(maps) < len(SIDES) or maps[0].values.shape != maps[1].values.shape:
        return None
    before, after = (one.values.reshape(1, 1, -1) if one.planes is None else feature_maps.Face(one).drawn(one.planes) for one in maps)
    return before, after


def _why_none(sides: tuple[FeatureMaps | str, ...]) -> str:
    said = [side for side in sides if isinstance(side, str)]
    if said or not sides:
        return " ".join(dict.fromkeys(said))
    return _("The layer has another shape in the tuned network; select another one to compare.")


def _apart(before: Array, after: Array) -> Array:
    """Return how far each map differs on average, float (channels,); cells that are no numbers don't count."""
    apart: Array = np.nan_to_num(np.abs(after.astype(np.float64) - before), nan=0, posinf=0, neginf=0).mean(axis=(0, 1))
    return apart


def _difference(apart: Array, reach: float, maps: FeatureMaps) -> str:
    mean, most = (_percent(float(one) / reach) for one in (apart.mean(), apart.max()))
    said = _("The values differ by {mean} of their range on average; unit {index} differs most, by {most}.")
    if maps.planes is not None:
        said = _("The values differ by {mean} of their range on average; map {index} differs most, by {most}.")
    return said.format(mean=mean, most=most, index=int(apart.argmax()))


def _percent(share: float) -> str:
    return _("{number} %").format(number=f"{100 * share:.2g}") if share >= FEWEST else _("less than {number} %").format(number=100 * FEWEST)
