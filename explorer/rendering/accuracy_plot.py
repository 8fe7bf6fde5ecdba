"""The plot of the architectures' accuracy, as plotly's traces and layout: which points, and where their names find room. No plotly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log10
from typing import Any, NamedTuple

from explorer.catalog import Architecture, architectures
from explorer.locale import _, megabytes

HEIGHT = 400  # CSS pixels of the plot
LEFT, RIGHT, TOP, BELOW = 52, 12, 8, 44  # and of what is around it, without the legend
LEGEND_ENTRY, LEGEND_LINE = 136, 20
LEGEND = {"orientation": "h", "entrywidth": LEGEND_ENTRY - 40, "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}
GREY = "#8b949e"
MARKER, LETTER, LINE = 9, 7, 13  # CSS pixels: a marker, a bold letter's usual width, and a line of a label
# Blue, orange, green, ... that colour-blind people tell apart, each dark enough on white and light enough on
# black; families that are kin share one and differ by the marker.
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
# Where a name may stand beside its marker, the first choice first: plotly's name, then across and down.
PLACES = {
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
        """Whether it covers a part of one of them."""
        return any(self.left < one.right and one.left < self.right and self.top < one.bottom and one.top < self.bottom for one in others)

    def inside(self, other: Box) -> bool:
        """Whether it lies in the other one."""
        return other.left <= self.left and self.right <= other.right and other.top <= self.top and self.bottom <= other.bottom


@dataclass(frozen=True)
class Plot:
    """The chart as plotly's traces and layout.

    across: what runs across, "parameters" or "size". width: of the whole chart, in CSS pixels.
    """

    across: str = "parameters"
    width: int = 0

    @cached_property
    def rows(self) -> dict[str, Architecture]:
        """The architectures that are drawn: those whose accuracy on ImageNet is known."""
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
        """From where to where x, as its logarithm to base 10, and y run."""
        across, up = self.x.values(), self.y.values()
        return (log10(min(across) / 1.3), log10(max(across) * 1.3)), (min(up) - 1.5, max(up) + 1.5)

    def traces(self, chosen: str, locally_available: Collection[str]) -> list[dict[str, Any]]:
        """Return the line of the best, the families, and a ring around the `chosen` architecture."""
        best = front(self.x, self.y)
        places = labelled(self.points(), [chosen, *best], self.width - LEFT - RIGHT, HEIGHT)
        line = self._series(_("best for its size"), best) | {"mode": "lines", "line": {"color": GREY, "width": 1, "dash": "dot"}}
        ring = self._series(_("loaded"), [name for name in self.rows if name == chosen]) | {
            "mode": "markers",
            "marker": {"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2.5}},
        }
        families = [
            self._family(family, places, chosen, locally_available) for family in dict.fromkeys(row.family for row in self.rows.values())
        ]
        return [line | {"hoverinfo": "skip"}, *families, ring | {"hoverinfo": "skip"}]

    def layout(self) -> dict[str, Any]:
        """Return the sizes, the axes, and colours that suit light and dark."""
        across, up = self.ranges
        columns = max(1, (self.width - LEFT - RIGHT) // LEGEND_ENTRY)
        legend = ceil((len({row.family for row in self.rows.values()}) + 2) / columns) * LEGEND_LINE
        ticks = [one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if across[0] <= log10(one) <= across[1]]
        axis = {"gridcolor": GREY, "zeroline": False, "ticks": "outside", "tickcolor": GREY}
        named = _("Parameters in millions") if self.across == "parameters" else _("Size of the weights in MB")
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
            "xaxis": axis | {"type": "log", "range": across, "tickvals": ticks, "title": {"text": named, "standoff": 6, "font": font}},
            "yaxis": axis | {"range": up, "title": {"text": _("Top-1 accuracy on ImageNet in %"), "standoff": 4, "font": font}},
            "legend": LEGEND,
        }

    def _series(self, name: str, names: Sequence[str]) -> dict[str, Any]:
        return {"name": name, "x": [self.x[one] for one in names], "y": [self.y[one] for one in names]}

    def points(self) -> dict[str, tuple[float, float]]:
        """Return where the points are, in CSS pixels from the plot's upper left corner."""
        (left, right), (low, high) = self.ranges
        width = self.width - LEFT - RIGHT
        return {
            name: ((log10(x) - left) / (right - left) * width, (high - self.y[name]) / (high - low) * HEIGHT) for name, x in self.x.items()
        }

    def _family(self, family: str, places: Mapping[str, str], chosen: str, locally_available: Collection[str]) -> dict[str, Any]:
        colour, symbol = STYLES[family]
        names = [name for name, row in self.rows.items() if row.family == family]
        return self._series(family, names) | {
            "mode": "markers+text",
            "ids": names,
            "text": [(f"<b>{name}</b>" if name == chosen else name) if name in places else "" for name in names],
            "textposition": [places.get(name, "top center") for name in names],
            "hovertext": [described(self.rows[name], name in locally_available) for name in names],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"color": colour, "symbol": symbol, "size": MARKER, "line": {"width": 1.5 if symbol.endswith("open") else 0}},
        }


def _percent(row: Architecture) -> float:
    return (row.top1 or 0.0) * 100


def described(row: Architecture, here: bool) -> str:
    """Return the facts of an architecture in lines, as plotly writes them."""
    weights = _("{size} MB, on this machine") if here else _("{size} MB to download")
    lines = (
        f"<b>{row.name}</b>",
        _("top-1 {percent} %").format(percent=f"{_percent(row):.1f}"),
        _("{number} parameters").format(number=f"{row.parameters:,}"),
        weights.format(size=megabytes(row.size)),
    )
    return "<br>".join(lines)


def front(x: Mapping[str, float], y: Mapping[str, float]) -> list[str]:
    """Return the names that have more y than every other of no more x, by rising x (the Pareto front)."""
    best: list[str] = []
    for name in sorted(x, key=lambda one: (x[one], -y[one])):
        if not best or y[name] > y[best[-1]]:
            best.append(name)
    return best


def labelled(points: Mapping[str, tuple[float, float]], first: Sequence[str], width: float, height: float) -> dict[str, str]:
    """Return the names that fit beside their points, and where (plotly's textposition).

    points: CSS pixels from the plot's upper left corner. first: the names to place before the others; these may
    cover markers where nothing else is left.
    """
    plot = Box(0, 0, width, height)
    markers = {name: _around(x, y, MARKER, MARKER) for name, (x, y) in points.items()}
    placed: dict[str, tuple[str, Box]] = {}
    for name in dict.fromkeys([*(one for one in first if one in points), *points]):
        labels = [box for _place, box in placed.values()]
        others = [box for other, box in markers.items() if other != name]
        free = [(place, box) for place, box in _beside(name, *points[name]) if box.inside(plot) and not box.meets_any(labels)]
        clear = [(place, box) for place, box in free if not box.meets_any(others)]
        if found := clear or (free if name in first else []):
            placed[name] = found[0]
    return {name: place for name, (place, _box) in placed.items()}


def _beside(name: str, x: float, y: float) -> Iterator[tuple[str, Box]]:
    width = len(name) * LETTER
    for place, (across, down) in PLACES.items():
        yield place, _around(x + across * (width + MARKER) / 2, y + down * (LINE + MARKER) / 2, width, LINE)


def _around(x: float, y: float, width: float, height: float) -> Box:
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
