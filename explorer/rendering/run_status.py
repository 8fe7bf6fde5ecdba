"""How far a run is, and what it has come to: its epochs and batches put together, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from explorer.locale import _
from explorer.values import Epoch, RunRecord, TrainingStep

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


def in_words(step: TrainingStep | None, planned: Mapping[int, int], history: Sequence[Epoch]) -> tuple[str, float]:
    """Return how far a run is: in words, and as a fraction (-1 where nobody knows).

    planned: how many epochs each phase takes, by its place; history: the epochs that are through.
    """
    if step is None or step.what == "preparing":
        return (step.text if step else "") or _("Preparing…"), -1.0
    if step.what == "features":
        return features_in_words(step), step.done / step.total if step.total else -1.0
    number = sum(one.phase < step.phase for one in history) + step.epoch + 1
    total = max(number, in_all(planned, history, step.phase))
    part = step.done / step.total if step.what == "batch" and step.total else 1.0
    said = _("epoch {number} of {total}").format(number=number, total=total)
    return with_time_left(said, step), min(1.0, (number - 1 + part) / total)


def features_in_words(step: TrainingStep) -> str:
    """Return how far the pass through the frozen layers is."""
    return _("computing features: {done} of {total} examples").format(done=f"{step.done:,}", total=f"{step.total:,}")


def with_time_left(said: str, step: TrainingStep) -> str:
    """Return what is said of a step, and how long the training takes from there, as far as that is known."""
    if not step.left:
        return said
    text = _("{said}, at most {time} left") if step.sooner else _("{said}, {time} left")
    return text.format(said=said, time=roughly(step.left))


def in_all(planned: Mapping[int, int], history: Sequence[Epoch], phase: int) -> int:
    """Return how many epochs there will be in all, once a phase is reached: those before it may have ended early."""
    return sum(one.phase < phase for one in history) + sum(count for place, count in planned.items() if place >= phase)


def ended(run: RunRecord) -> str:
    """Return what a run that has ended has come to, in a sentence."""
    if run.state in FAILED_STATES:
        return failed(run.error_message, run.best_epoch)
    if run.state == "stopped":
        if run.best_epoch is None:
            return _("Stopped before the first epoch ended; there is nothing to keep.")
        return _("Stopped. The weights of epoch {epoch}, the best so far, were kept.").format(epoch=run.best_epoch + 1)
    said = _("Done in {time}.").format(time=duration(run.seconds))
    if run.accuracy is None or run.low is None or run.high is None:
        return said
    right = _("Validation accuracy: {share}.").format(share=share(run.accuracy, run.low, run.high))
    return f"{said} {right}"


def failed(why: str, kept: int | None) -> str:
    """Return why a run has failed, and the place of the epoch that its weights are of, where it has any."""
    if kept is None:
        return why
    weights = _("The weights of epoch {epoch}, the best, were kept.").format(epoch=kept + 1)
    return f"{why} {weights}"


def share(value: float, low: float, high: float) -> str:
    """Return a share in percent with its doubt: one half of its interval, or the interval where that leads past 0 or 100 %."""
    half = (high - low) / 2
    if value - half >= 0 and value + half <= 1:
        return _("{percent} ± {half} %").format(percent=f"{100 * value:.0f}", half=f"{100 * half:.0f}")
    return _("{percent} % ({low} to {high} %)").format(percent=f"{100 * value:.0f}", low=f"{100 * low:.0f}", high=f"{100 * high:.0f}")


def roughly(seconds: float) -> str:
    """Return an estimated time in words, no more exact than it is known: from two minutes on without seconds."""
    return duration(60 * round(seconds / 60) if seconds >= 120 else seconds)


def duration(seconds: float) -> str:
    """Return a time in words: seconds, then minutes, then hours."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _("{number} s").format(number=max(1, whole) if seconds > 0 else 0)
    if whole < 3600:
        text = _("{minutes} min {seconds} s") if whole % 60 else _("{minutes} min")
        return text.format(minutes=whole // 60, seconds=whole % 60)
    text = _("{hours} h {minutes} min") if whole % 3600 >= 60 else _("{hours} h")
    return text.format(hours=whole // 3600, minutes=whole % 3600 // 60)
