"""The axis ticks of a sound: the positions of round values along an axis, and their texts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from explorer.locale import _
from explorer.values import Axis

LONG = 120  # seconds; from this length on times are written as minutes and seconds
CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds between ticks that are written as minutes and seconds


def ticks(axis: Axis, most: int, margin: float = 0.0) -> list[tuple[float, str]]:
    """Return at most `most` round values along an axis, lowest first: the position of each, 0 to 1, and its text.

    Values are 1, 2 or 5 times a power of ten apart; on an axis that isn't linear (mel) the values themselves are 1, 2 or 5 times
    a power of ten, at least 1 / `most` of the axis apart. Seconds are written "0.5 s", in long sounds "3:30"; Hz "500"
    and "2k", without a unit. An axis with other units than seconds and Hz has no ticks.

    margin: the part of the axis to leave free at each end, 0 to 0.5.
    """
    low, high = axis.at(margin), axis.at(1 - margin)
    if axis.unit not in ("s", "Hz") or not low < high or most < 1:
        return []
    if axis.scale:
        return _spread(axis, low, high, most)
    step = _step(low, high, most, clock=axis.unit == "s" and axis.stop >= LONG)
    return [(axis.part(value), _text(axis, value, step)) for value in _multiples(step, low, high)]


def ticks_and_ends(axis: Axis, most: int) -> list[tuple[float, str]]:
    """Return the axis's start and stop, and at most `most` round values well between them, all in the same format."""
    if axis.unit not in ("s", "Hz") or not axis.start < axis.stop:
        return []
    exact = min(1.0, 10.0 ** (math.floor(math.log10(axis.stop - axis.start)) - 1))  # two digits of its length
    parts = [0.0, *(part for part, _written in ticks(axis, most, 0.25)), 1.0]
    return [(part, _text(axis, axis.at(part), exact)) for part in parts]


def _spread(axis: Axis, low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return ticks at 1, 2 and 5 times the powers of ten, chosen from the highest down, wherever there is room."""
    kept: list[tuple[float, str]] = []
    for power in range(math.floor(math.log10(high)), -1, -1):
        for value in (factor * 10.0**power for factor in (5, 2, 1)):
            part, above = axis.part(value), kept[-1][0] if kept else math.inf
            if low <= value <= high and part >= 0.5 / most and above - part >= 1 / most:
                kept.append((part, _text(axis, value, 1)))
    return kept[::-1]


def _step(low: float, high: float, most: int, clock: bool) -> float:
    """Return the smallest step that gives at most `most` ticks: one of `CLOCK`, or 1, 2 or 5 times a power of ten."""
    return next(step for step in _steps(high - low, clock) if len(_multiples(step, low, high)) <= most)


def _steps(reach: float, clock: bool) -> Iterator[float]:
    least = reach / 1000
    if clock and least >= CLOCK[0] / 1000:
        yield from (step for step in CLOCK if step >= least)
    power = math.floor(math.log10(least))
    while True:
        yield from (factor * 10.0**power for factor in (1, 2, 5))
        power += 1


def _multiples(step: float, low: float, high: float) -> list[float]:
    return [count * step for count in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _text(axis: Axis, value: float, step: float) -> str:
    """Return the text of a value, with as many digits as the step between ticks requires."""
    if axis.unit == "Hz":
        return f"{round(value)}" if value < 1000 else f"{round(value) / 1000:g}k"
    if axis.stop >= LONG and step >= 1:
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes}:{seconds:02d}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return _("{seconds} s").format(seconds=f"{round(value, digits) + 0.0:.{digits}f}")
