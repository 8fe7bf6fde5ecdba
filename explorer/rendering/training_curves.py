"""The training curves: accuracy and loss by epoch, as plotly traces and layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from explorer.locale import _
from explorer.values import Epoch
from explorer.values.run_progress import Batch, in_all

HEIGHT, LOW_HEIGHT = 250, 400  # CSS pixels of the figure with its plots side by side, and with one below the other
SIDE_BY_SIDE = 480  # CSS pixels of width from which on the plots are side by side
LEFT, RIGHT, TOP, BELOW = 46, 10, 30, 34
BETWEEN = 62  # CSS pixels between the two plots
TICKS = 8  # at most, along the epochs
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # epochs between two ticks
FIRST_SEEN = 20  # epochs shown at the beginning of a long training
MARKED = 40  # epochs up to which each has a marker
GREY, BLUE = "#8b949e", "#1f77d0"  # they differ in lightness too, on white and on black


@dataclass(frozen=True)
class Curves:
    """Accuracy and loss by epoch, as plotly traces and layout.

    history: the finished epochs; batches: those of the current epoch.
    planned: phase index -> how many epochs the phase takes; tails: the indices of phases that thaw a tail.
    best_epoch: the index in the history of the epoch whose weights are kept; None for the last.
    width: of the figure, in CSS pixels.
    """

    history: Sequence[Epoch]
    batches: Sequence[Batch]
    planned: Mapping[int, int]
    tails: frozenset[int] | set[int]
    best_epoch: int | None
    width: int

    @property
    def total(self) -> int:
        """Return how many epochs there will be: at least as many as there are already."""
        return max(1, in_all(self.planned, self.history, self._phase), len(self.history) + bool(self.batches))

    @property
    def seen(self) -> int:
        """Return how many epochs the x axis shows: `FIRST_SEEN` of a long training, doubled whenever they are full."""
        doubled = FIRST_SEEN
        while doubled <= len(self.history):
            doubled *= 2
        return min(self.total, doubled)

    @property
    def _phase(self) -> int:
        """Return the index of the newest phase that has epochs or batches."""
        return max([item.phase for item in self.history] + [item.phase for item in self.batches], default=0)

    def traces(self) -> list[dict[str, Any]]:
        """Return four traces each for accuracy (in %) and loss: training, the current epoch, validation, and the best epoch."""
        return [*self._of("", "accuracy", 100.0, "%{y:.1f} %"), *self._of("2", "loss", 1.0, "%{y:.3g}")]

    def _of(self, axis: str, field: str, factor: float, form: str) -> list[dict[str, Any]]:
        def values(records: Sequence[Any], name: str) -> list[float | None]:
            return [None if getattr(record, name) is None else getattr(record, name) * factor for record in records]

        x, training, validation = list(range(1, len(self.history) + 1)), values(self.history, field), values(self.history, f"val_{field}")
        current_x: list[float] = [len(self.history) + batch.fraction for batch in self.batches]
        current = values(self.batches, field)
        if current_x:
            current_x, current = [*x[-1:], *current_x], [*training[-1:], *current]
        marked = [trained if validated is None else validated for trained, validated in zip(training, validation, strict=True)]
        best = [] if self.best_epoch is None or self.best_epoch >= len(self.history) else [self.best_epoch]
        mode = "lines+markers" if len(self.history) <= MARKED else "lines"
        series = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "hovertemplate": f"%{{x}}: {form}", "mode": mode, "cliponaxis": False}
        still = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "hoverinfo": "skip", "showlegend": False, "cliponaxis": False}
        grey = {"line": {"color": GREY, "width": 2}, "marker": {"size": 5, "symbol": "square"}}
        blue = {"line": {"color": BLUE, "width": 2.4}, "marker": {"size": 6}}
        dotted = {"mode": "lines", "line": {"color": GREY, "width": 1.5, "dash": "dot"}}
        ring = {"mode": "markers", "marker": {"symbol": "circle-open", "size": 14, "color": BLUE, "line": {"width": 2}}}
        return [
            series | grey | {"name": _("training"), "x": x, "y": training},
            still | dotted | {"x": current_x, "y": current},
            series | blue | {"name": _("validation"), "x": x, "y": validation},
            still | ring | {"x": [x[index] for index in best], "y": [marked[index] for index in best]},
        ]

    def thaws(self) -> int | None:
        """Return after how many epochs the first tail thaws; None if there is no tail, or the training begins with it."""
        first = min((phase for phase in self.planned if phase in self.tails), default=None)
        if first is None:
            return None
        planned = {phase: count for phase, count in self.planned.items() if phase < first}
        return in_all(planned, [epoch for epoch in self.history if epoch.phase < first], self._phase) or None

    def layout(self) -> dict[str, Any]:
        """Return the layout: sizes, axes, the mark where the tail thaws, and colours that suit light and dark themes."""
        beside = self.width >= SIDE_BY_SIDE
        font = {"family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif", "size": 11, "color": GREY}
        axis = {"gridcolor": GREY, "zeroline": False, "ticks": "", "fixedrange": True}
        every = next((step for step in STEPS if self.seen / step <= TICKS), ceil(self.seen / TICKS))
        epochs = axis | {"range": [0, self.seen + 0.15], "tickvals": list(range(every, self.seen + 1, every)), "showgrid": False}
        height = HEIGHT if beside else LOW_HEIGHT
        first, second = self._domains(beside, height)
        lows = [100 * value for epoch in self.history for value in (epoch.accuracy, epoch.val_accuracy) if value is not None]
        lows += [100 * batch.accuracy for batch in self.batches if batch.accuracy is not None]
        low = max(0, 10 * int((min(lows, default=0) - 4) // 10))
        return {
            "width": max(120, self.width),
            "height": height,
            "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BELOW},
            "font": font,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "font": font},
            "xaxis": epochs | {"domain": first[0], "anchor": "y", "title": {"text": _("epoch"), "standoff": 4, "font": font}},
            "yaxis": axis | {"domain": first[1], "anchor": "x", "range": [low, 101], "ticksuffix": " %"},
            "xaxis2": epochs | {"domain": second[0], "anchor": "y2", "title": {"text": _("epoch"), "standoff": 4, "font": font}},
            "yaxis2": axis | {"domain": second[1], "anchor": "x2", "rangemode": "tozero"},
            "shapes": self._marks("line"),
            "annotations": [self._title(_("Accuracy"), ""), self._title(_("Loss"), "2"), *self._marks("text")],
        }

    def _domains(self, beside: bool, height: int) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
        """Return the x and y domains of the two plots, as fractions of the figure."""
        if beside:
            gap = BETWEEN / max(1, self.width - LEFT - RIGHT) / 2
            return ([0.0, 0.5 - gap], [0.0, 1.0]), ([0.5 + gap, 1.0], [0.0, 1.0])
        gap = BETWEEN / (height - TOP - BELOW) / 2
        return ([0.0, 1.0], [0.5 + gap, 1.0]), ([0.0, 1.0], [0.0, 0.5 - gap])

    def _title(self, text: str, axis: str) -> dict[str, Any]:
        position = {
            "xref": f"x{axis} domain",
            "yref": f"y{axis} domain",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 8,
        }
        return position | {"text": f"<b>{text}</b>", "showarrow": False}

    def _marks(self, kind: str) -> list[dict[str, Any]]:
        thaws = self.thaws()
        if thaws is None or thaws > self.seen:
            return []
        if kind == "line":
            line = {"type": "line", "x0": thaws, "x1": thaws, "y0": 0, "y1": 1, "line": {"color": GREY, "width": 1, "dash": "3px,3px"}}
            return [line | {"xref": f"x{axis}", "yref": f"y{axis} domain"} for axis in ("", "2")]
        text = {"text": _("tail thaws"), "showarrow": False, "x": thaws, "y": 1, "yanchor": "bottom", "xanchor": "center", "yshift": -1}
        return [text | {"xref": f"x{axis}", "yref": f"y{axis} domain", "font": {"size": 10, "color": GREY}} for axis in ("", "2")]
