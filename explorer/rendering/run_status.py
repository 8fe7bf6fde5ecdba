"""How far a run is, and what it has come to, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from explorer.locale import _
from explorer.values import Epoch, RunProgress, RunRecord, TrainingStep
from explorer.values.run_progress import FAILED_STATES, in_all


def progress_in_words(progress: RunProgress) -> tuple[str, float]:
    """Return how far a run of a page is: in words, and as a fraction (-1 where nobody knows)."""
    step = progress.step
    if step and progress.silent:
        step = replace(step, left=None)  # it said so before it fell silent
    said, fraction = in_words(step, progress.planned, progress.history)
    return _("Stopping…") if progress.stopping else said, fraction


def training_in_words(progress: RunProgress) -> str:
    """Return that a training of a page goes on, and how far it is where that is known."""
    if not progress.shown:
        return _("A training is running")
    far = _("no sign of life for {time}").format(time=roughly(progress.silent)) if progress.silent else progress_in_words(progress)[0]
    return _("Training: {progress}").format(progress=far)


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
