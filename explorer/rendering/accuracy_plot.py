"""The plot of the architectures' accuracy as plotly traces and layout: its points, and where their labels fit. Doesn't import plotly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log10
from typing import Any, NamedTuple

from explorer.catalog import Architecture, architectures
from explorer.locale import _, megabytes

HEIGHT = 400  # CSS pixels of the plot
LEFT, RIGHT, TOP, BELOW = 52, 12, 8, 44  # CSS pixels of its margins, without the legend
LEGEND_ENTRY, LEGEND_LINE = 136, 20
LEGEND = {"orientation": "h", "entrywidth": LEGEND_ENTRY - 40, "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}
GREY = "#8b949e"
MARKER, LETTER, LINE = 9, 7, 13  # CSS pixels: a marker, a bold letter's usual width, and a line of a label
# Colours that colour-blind people can tell apart, each dark enough on white and light enough on black;
# related families share a colour and differ by the marker.
STYLES = {
    "VGG": ("#7a828c", "square"),
    "ResNet": ("#0072b2", "circle"),
    "ResNetV2": ("#0072b2", "circle-open"),
    "ResNeXt": ("#0072b2", "circle-x-open"),
    "Inception": ("#b87a00", "diamond"),
    "Xception": ("#b87a00", "diamond-open"),
    "MobileNet": ("#009e73", "triangle-up"),
    "DenseNet": ("#c2629a", "pentagon"),
    "NASNet": ("#009e73", "star-triangle-down-open"),
    "EfficientNet": ("#d55e00", "cross"),
    "EfficientNetV2": ("#d55e00", "x"),
    "ConvNeXt": ("#3a93c8", "hexagram"),
}
# Where a label may be put beside its marker, the preferred position first: plotly's name -> the direction, across and down.
LABEL_POSITIONS = {
    "top center": (0, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "bottom center": (0, 1),
    "top right": (1, -1),
    "top left": (-1, -1),
    "bottom right": (1, 1),
    "bottom left": (-1, 1),
}


class Box(NamedTuple):
    """A rectangle of the plot in CSS pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets_any(self, others: Iterable[Box]) -> bool:
        """Whether it overlaps any of the others."""
        return any(
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom for other in others
        )

    def inside(self, other: Box) -> bool:
        """Whether it lies within the other box."""
        return other.left <= self.left and self.right <= other.right and other.top <= self.top and self.bottom <= other.bottom


@dataclass(frozen=True)
class Plot:
    """The chart as plotly traces and layout.

    across: what the x axis shows, "parameters" or "size". width: of the whole chart, in CSS pixels.
    """

    across: str = "parameters"
    width: int = 0

    @cached_property
    def rows(self) -> dict[str, Architecture]:
        """The architectures to draw: those whose accuracy on ImageNet is known."""
        return {name: row for name, row in architectures.items() if row.measured_on == "ImageNet"}

    @cached_property
    def x(self) -> dict[str, float]:
        """Millions of parameters, or MB of weights."""
        return {name: row.parameters / 1e6 if self.across == "parameters" else row.size / 2**20 for name, row in self.rows.items()}

    @cached_property
    def y(self) -> dict[str, float]:
        """Top-1 accuracy in %."""
        return {name: _percent(row) for name, row in self.rows.items()}

    @cached_property
    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The (low, high) of the x axis, as logarithms to base 10, and of the y axis, in %."""
        across, up = self.x.values(), self.y.values()
        return (log10(min(across) / 1.3), log10(max(across) * 1.3)), (min(up) - 1.5, max(up) + 1.5)

    def traces(self, chosen: str, locally_available: Collection[str]) -> list[dict[str, Any]]:
        """Return the traces: the Pareto front as a line, the families, and a ring around the `chosen` architecture."""
        best = pareto_front(self.x, self.y)
        positions = label_positions(self.points(), [chosen, *best], self.width - LEFT - RIGHT, HEIGHT)
        line = self._series(_("best for its size"), best) | {"mode": "lines", "line": {"color": GREY, "width": 1, "dash": "dot"}}
        ring = self._series(_("loaded"), [name for name in self.rows if name == chosen]) | {
            "mode": "markers",
            "marker": {"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2.5}},
        }
        families = [
            self._family(family, positions, chosen, locally_available) for family in dict.fromkeys(row.family for row in self.rows.values())
        ]
        return [line | {"hoverinfo": "skip"}, *families, ring | {"hoverinfo": "skip"}]

    def layout(self) -> dict[str, Any]:
        """Return the layout: the sizes, the axes, and colours that suit light and dark themes."""
        across, up = self.ranges
        columns = max(1, (self.width - LEFT - RIGHT) // LEGEND_ENTRY)
        legend = ceil((len({row.family for row in self.rows.values()}) + 2) / columns) * LEGEND_LINE
        ticks = [value for value in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if across[0] <= log10(value) <= across[1]]
        axis = {"gridcolor": GREY, "zeroline": False, "ticks": "outside", "tickcolor": GREY}
        title = _("Parameters in millions") if self.across == "parameters" else _("Size of the weights in MB")
        font = {"family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif", "size": 11, "color": GREY}
        return {
            "width": self.width,
            "height": TOP + HEIGHT + BELOW + legend,
            "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BELOW + legend},
            "font": font,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "font": font},
            "xaxis": axis | {"type": "log", "range": across, "tickvals": ticks, "title": {"text": title, "standoff": 6, "font": font}},
            "yaxis": axis | {"range": up, "title": {"text": _("Top-1 accuracy on ImageNet in %"), "standoff": 4, "font": font}},
            "legend": LEGEND,
        }

    def _series(self, title: str, names: Sequence[str]) -> dict[str, Any]:
        return {"name": title, "x": [self.x[name] for name in names], "y": [self.y[name] for name in names]}

    def points(self) -> dict[str, tuple[float, float]]:
        """Return the positions of the points, (x, y) in CSS pixels from the plot's upper left corner."""
        (left, right), (low, high) = self.ranges
        width = self.width - LEFT - RIGHT
        return {
            name: ((log10(x) - left) / (right - left) * width, (high - self.y[name]) / (high - low) * HEIGHT) for name, x in self.x.items()
        }

    def _family(self, family: str, positions: Mapping[str, str], chosen: str, locally_available: Collection[str]) -> dict[str, Any]:
        colour, symbol = STYLES[family]
        names = [name for name, row in self.rows.items() if row.family == family]
        return self._series(family, names) | {
            "mode": "markers+text",
            "ids": names,
            "text": [(f"<b>{name}</b>" if name == chosen else name) if name in positions else "" for name in names],
            "textposition": [positions.get(name, "top center") for name in names],
            "hovertext": [hover_text(self.rows[name], name in locally_available) for name in names],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"color": colour, "symbol": symbol, "size": MARKER, "line": {"width": 1.5 if symbol.endswith("open") else 0}},
        }


def _percent(row: Architecture) -> float:
    return (row.top1 or 0.0) * 100


def hover_text(row: Architecture, here: bool) -> str:
    """Return the facts of an architecture as lines in plotly's markup; `here`: whether its weights are on this machine."""
    weights = _("{size} MB, on this machine") if here else _("{size} MB to download")
    lines = (
        f"<b>{row.name}</b>",
        _("top-1 {percent} %").format(percent=f"{_percent(row):.1f}"),
        _("{number} parameters").format(number=f"{row.parameters:,}"),
        weights.format(size=megabytes(row.size)),
    )
    return "<br>".join(lines)


def pareto_front(x: Mapping[str, float], y: Mapping[str, float]) -> list[str]:
    """Return the Pareto front by rising x: the names with more y than every other name whose x is not larger."""
    best: list[str] = []
    for name in sorted(x, key=lambda name: (x[name], -y[name])):
        if not best or y[name] > y[best[-1]]:
            best.append(name)
    return best


def label_positions(points: Mapping[str, tuple[float, float]], first: Sequence[str], width: float, height: float) -> dict[str, str]:
    """Return the labels that fit beside their points, and their positions (plotly's textposition).

    points: (x, y) in CSS pixels from the plot's upper left corner. first: the names to place before the others; their labels
    may cover markers if there is no other position.
    """
    plot = Box(0, 0, width, height)
    markers = {name: _around(x, y, MARKER, MARKER) for name, (x, y) in points.items()}
    placed: dict[str, tuple[str, Box]] = {}
    for name in dict.fromkeys([*(name for name in first if name in points), *points]):
        labels = [box for _position, box in placed.values()]
        others = [box for other, box in markers.items() if other != name]
        free = [(position, box) for position, box in _beside(name, *points[name]) if box.inside(plot) and not box.meets_any(labels)]
        clear = [(position, box) for position, box in free if not box.meets_any(others)]
        if candidates := clear or (free if name in first else []):
            placed[name] = candidates[0]
    return {name: position for name, (position, _box) in placed.items()}


def _beside(name: str, x: float, y: float) -> Iterator[tuple[str, Box]]:
    width = len(name) * LETTER
    for position, (across, down) in LABEL_POSITIONS.items():
        yield position, _around(x + across * (width + MARKER) / 2, y + down * (LINE + MARKER) / 2, width, LINE)


def _around(x: float, y: float, width: float, height: float) -> Box:
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
