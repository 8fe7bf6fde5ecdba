"""The axes of inputs and feature maps, with units, and intervals on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """One named axis of an input or of feature maps, as an interval of the input.

    name: "row", "column", "frequency", "time", "channel", "step" or "unit".
    size: number of cells along it.
    unit: of `start` and `stop` ("pixel", "Hz", "s"); empty for axes that don't run along the input.
    scale: the values at evenly spaced positions from `start` to `stop`, for an axis that is not linear (mel bands); else empty.
    upward: whether it is drawn from the bottom to the top.
    fields: the receptive field (start, stop) of each cell of feature maps, None for a cell that sees nothing of the input;
        empty if they aren't known.
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
        """Return the value at a position along the axis: 0 is its start, 1 its stop."""
        if not self.scale:
            return self.start + part * (self.stop - self.start)
        return float(np.interp(part * (len(self.scale) - 1), range(len(self.scale)), self.scale))

    def part(self, value: float) -> float:
        """Return the position of a value along the axis, 0 to 1: the inverse of `at`."""
        if not self.scale:
            return (value - self.start) / (self.stop - self.start)
        return float(np.interp(value, self.scale, np.arange(len(self.scale)) / (len(self.scale) - 1)))

    def span(self, cell: int) -> Span:
        """Return the interval of `cell` (0 to size - 1) on the input, as if the cells divided the axis evenly."""
        return Span(self.name, self.unit, self.at(cell / self.size), self.at((cell + 1) / self.size))

    def field(self, cell: int) -> Span | None:
        """Return the receptive field of `cell`, or its `span` if that isn't known; None if it sees nothing."""
        if not self.fields:
            return self.span(cell)
        seen = self.fields[cell]
        return None if seen is None else Span(self.name, self.unit, *seen)


@dataclass(frozen=True)
class Span:
    """An interval of one input axis, in that axis's unit."""

    axis: str
    unit: str
    start: float
    stop: float


@dataclass(frozen=True)
class Region:
    """A part of the input: one span for each axis that is bounded."""

    spans: tuple[Span, ...]


def joined(intervals: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return intervals (start, stop) in order, with those that overlap or touch merged."""
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return tuple(merged)


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Return a shape as text, such as 28 × 28 × 192; an open size is a question mark."""
    return " × ".join("?" if size is None else str(size) for size in shape)
