"""How long the rest of a training takes, by what was measured of it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median, median_low

from explorer.values import Phase

NEWEST = 3  # epochs of a kind that its pace is told by: their median, which one that was held up does not move
HITCH = 5  # times as long as usual: what takes longer than that was held up, as by a machine that slept, and counts as usual


@dataclass
class _Epoch:
    """An epoch under way: the times of its beginning and of the ends of its batches.

    traced: whether its first batches are, which tells nothing of those that follow.
    """

    place: int
    number: int
    traced: bool
    batches: list[float]
    validation: list[float] = field(default_factory=list)
    fraction: float = 0.0
    end: float | None = None

    def measured(self, end: float) -> tuple[float, float] | None:
        """Return the usual seconds of its training batches and of what comes after them; None where all that was measured is traced."""
        training = _usual(self.batches, self.traced)
        after = _usual([self.batches[-1], *self.validation], self.traced) if self.validation else 0.0
        if training is None or after is None:
            return None
        return training, after + end - (self.validation or self.batches)[-1]


class Throughput:
    """How long the rest of a training takes.

    Nobody knows before an epoch of each kind that is still to come was measured: the pass through the frozen part and epochs of
    the head tell nothing of those of the tail, and a batch that is traced nothing of those after it.

    phases: by their places; clock: returns seconds.
    sooner: whether the training may end before its last epoch.
    """

    def __init__(self, phases: Mapping[int, Phase], sooner: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self.sooner = sooner
        self._phases, self._clock = phases, clock
        self._epochs: dict[tuple[str, int], list[tuple[float, float]]] = {}  # seconds of the newest: of training batches, and of all else
        self._measured: dict[tuple[str, int], tuple[float, float]] = {}  # the medians of both
        self._now = _Epoch(-1, 0, True, [0.0])
        self._pauses: list[float] = []  # seconds from the ends of the newest epochs of a phase to the beginnings of the next

    def begin(self, place: int, epoch: int) -> None:
        """Note that an epoch begins; the first one of a phase is traced."""
        now, before = self._clock(), self._now
        same = before.place == place
        self._pauses = [*self._pauses, now - before.end][-NEWEST:] if same and before.end is not None else []
        self._now = _Epoch(place, epoch, not same, [now])

    def batch(self, done: int, total: int | None) -> None:
        """Note the end of a training batch."""
        self._now.batches.append(self._clock())
        self._now.fraction = done / total if total else 0.0

    def validated(self) -> None:
        """Note the end of a batch of validation."""
        self._now.validation.append(self._clock())

    def finish(self) -> None:
        """Note the end of the epoch."""
        self._now.end = self._clock()
        found, kind = self._now.measured(self._now.end), self._kind(self._now.place)
        if found is not None:
            newest = self._epochs[kind] = [*self._epochs.get(kind, ()), found][-NEWEST:]
            training, after = zip(*newest, strict=True)
            self._measured[kind] = median_low(training), median_low(after)

    def left(self) -> float | None:
        """Return the seconds to the end of the last epoch; None as long as they can't be known."""
        now, coming = self._now, {place: phase.epochs for place, phase in self._phases.items() if phase.epochs and place >= self._now.place}
        if not all(self._kind(place) in self._measured for place in coming):
            return None
        training, after = self._measured[self._kind(now.place)]
        through = now.number * self._epoch(now.place) + (now.fraction * training if now.end is None else training + after)
        return max(0.0, sum(count * self._epoch(place) for place, count in coming.items()) - through) * self._speed()

    def _epoch(self, place: int) -> float:
        return sum(self._measured[self._kind(place)]) + (median_low(self._pauses) if self._pauses else 0.0)

    def _speed(self) -> float:
        """Return how much slower the epoch under way is than those before it; a hitch at its beginning counts little."""
        now = self._now
        if now.traced or now.end is not None:
            return 1.0
        training, _after = self._measured[self._kind(now.place)]
        batches = len(now.batches) - 1
        passed = _steady(now.batches, now.fraction * training / batches) if batches else 0.0
        return (passed + training) / (now.fraction * training + training) if training else 1.0

    def _kind(self, place: int) -> tuple[str, int]:
        phase = self._phases[place]
        return phase.trains, phase.batch_size


def _usual(times: Sequence[float], traced: bool) -> float | None:
    """Return the seconds from the first time to the last, those of what is traced as all others; None where there are no others."""
    seconds = [end - start for start, end in pairwise(times)]
    if not traced:
        return _steady(times)
    return median(seconds[1:]) * len(seconds) if len(seconds) > 1 else None


def _steady(times: Sequence[float], *expected: float) -> float:
    """Return the seconds from the first time to the last; a step that was held up counts as the others, or as is expected of it."""
    seconds = [end - start for start, end in pairwise(times)]
    usual = median_low([*expected, *seconds] or [0.0])
    return sum(one if one <= HITCH * usual else usual for one in seconds)
