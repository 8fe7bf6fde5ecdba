"""How far a run is: its epochs and batches as they are folded together from what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from explorer.values.runs import RunRecord
from explorer.values.training import Epoch, TrainingStep

BATCHES = 200  # of an epoch that are remembered at most
ACTIVE_STATES = ("waiting", "running")
FAILED_STATES = ("failed", "lost")


class Batch(NamedTuple):
    """How far an epoch was after one of its batches; `fraction` is 0 to 1."""

    phase: int
    epoch: int
    fraction: float
    loss: float | None
    accuracy: float | None


@dataclass(frozen=True)
class RunNews:
    """What a run has told since it was asked last.

    position: where its progress is to be read on from; pulse: changes whenever the training moves, and else does not.
    record: the run as its folder tells it, where it told no further step.
    """

    steps: tuple[TrainingStep, ...]
    position: int
    pulse: tuple[int, int]
    record: RunRecord | None = None


@dataclass(frozen=True)
class RunProgress:
    """How far a run of a page is, or the training that is being started.

    step: the newest; planned: how many epochs each phase takes, by its index in the recipe; history: the epochs so far.
    stopping: whether it was asked to stop; silent: for how many seconds it has given no sign of life, 0 for nothing to speak of.
    shown: whether the page shows this run; of another one it is not known how far it is.
    """

    step: TrainingStep | None = None
    planned: Mapping[int, int] = field(default_factory=dict)
    history: tuple[Epoch, ...] = ()
    stopping: bool = False
    silent: int = 0
    shown: bool = True


def with_epoch(history: tuple[Epoch, ...], epoch: Epoch) -> tuple[Epoch, ...]:
    """Return the epochs with a further one; those done before it went on from a backup give way."""
    earlier = [one for one in history if (one.phase, one.epoch) < (epoch.phase, epoch.epoch)]
    return (*earlier, epoch)


def taken_in(
    told: Iterable[TrainingStep], step: TrainingStep | None, history: tuple[Epoch, ...], batches: tuple[Batch, ...]
) -> tuple[TrainingStep | None, tuple[Epoch, ...], tuple[Batch, ...]]:
    """Return the newest step, the epochs and the batches of the one under way, after further steps; notices are none of them."""
    for one in told:
        if one.what == "notice":
            continue
        step = one
        if one.record is not None:
            history = with_epoch(history, one.record)
        batches = of_epoch(batches, one) if one.what == "batch" else ()
    return step, history, batches


def of_epoch(batches: tuple[Batch, ...], step: TrainingStep) -> tuple[Batch, ...]:
    """Return the batches of the epoch that a further one is of; of too many every second one."""
    same = [one for one in batches if (one.phase, one.epoch) == (step.phase, step.epoch)]
    fraction = step.done / step.total if step.total else 0.0
    thinned = same[::2] if len(same) >= BATCHES else same
    return (*thinned, Batch(step.phase, step.epoch, fraction, step.loss, step.accuracy))


def in_all(planned: Mapping[int, int], history: Sequence[Epoch], phase: int) -> int:
    """Return how many epochs there will be in all, once a phase is reached: those before it may have ended early."""
    return sum(one.phase < phase for one in history) + sum(count for place, count in planned.items() if place >= phase)
