"""Axes with units, and stretches of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """One named axis of an input or of feature maps, as a stretch of the input.

    name: "row", "column", "frequency", "time", "channel", "step" or "unit".
    size: number of cells along it.
    unit: what `start` and `stop` count ("pixel", "Hz", "s"); empty for axes that are not a stretch of the input.
    scale: the values at evenly spaced places from `start` to `stop`, for an axis that is not linear (mel bands); else empty.
    upward: whether it is drawn from the bottom to the top.
    fields: for each cell of feature maps the stretch of the input that it sees (first, last value), None for one that sees
        nothing of it; empty where that isn't known.
    """

    name: str
    size: int
    unit: str = ""
    start: float = 0.0
    stop: float = 0.0
    scale: tuple[float, ...] = ()
    upward: bool = False
    fields: tuple[tuple[float, float] | None, ...] = ()

    @property
    def spatial(self) -> bool:
        """Whether the axis runs along the input."""
        return bool(self.unit)

    def at(self, part: float) -> float:
        """Return the value at a place along the axis: 0 is its start, 1 its stop."""
        if not self.scale:
            return self.start + part * (self.stop - self.start)
        return float(np.interp(part * (len(self.scale) - 1), range(len(self.scale)), self.scale))

    def part(self, value: float) -> float:
        """Return how far along the axis a value lies, 0 to 1: the inverse of `at`."""
        if not self.scale:
            return (value - self.start) / (self.stop - self.start)
        return float(np.interp(value, self.scale, np.arange(len(self.scale)) / (len(self.scale) - 1)))

    def span(self, cell: int) -> Span:
        """Return the place of `cell` (0 to size - 1) on the input: where it would lie if the cells shared the axis evenly."""
        return Span(self.name, self.unit, self.at(cell / self.size), self.at((cell + 1) / self.size))

    def field(self, cell: int) -> Span | None:
        """Return the stretch of the input that `cell` sees: its receptive field, else its place; None where it sees nothing."""
        if not self.fields:
            return self.span(cell)
        seen = self.fields[cell]
        return None if seen is None else Span(self.name, self.unit, *seen)


@dataclass(frozen=True)
class Span:
    """A stretch of one input axis, in that axis's unit."""

    axis: str
    unit: str
    start: float
    stop: float


@dataclass(frozen=True)
class Region:
    """A part of the input: one span for each axis that is bounded."""

    spans: tuple[Span, ...]


def joined(stretches: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return stretches (start, stop) in order, those that overlap or touch as one."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return tuple(found)


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Return 28 × 28 × 192; an open size shows as a question mark."""
    return " × ".join("?" if size is None else str(size) for size in shape)
