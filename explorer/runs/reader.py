"""What the folder of a run tells: how far it is, how it went, what it has come to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.runs import serialization as files
from explorer.runs.exit_reason import why_lost
from explorer.runs.process import process
from explorer.runs.store import folder, home
from explorer.values import Epoch, RunRecord, RunResult, TrainingStep


def records() -> tuple[RunRecord, ...]:
    """Return all runs in the home, the newest first; what is no run is left out. On a shared server they are those of all visitors."""
    found = []
    for place in home().iterdir() if home().is_dir() else ():
        with suppress(ExplorerError, OSError):  # one that can't be read may be another's
            found.append(record(place.name))
    return tuple(sorted(found, key=lambda one: one.started, reverse=True))


def record(key: str) -> RunRecord:
    """Return a run as its folder tells it. Raises UnknownName where there is none, ExplorerError where its settings can't be read."""
    place = folder(key)
    settings, started = files.read_settings(place)
    alive = process(place) is not None  # first: a process that has ended by now has left its result
    found = result(key)
    kept, told = ([], None) if found and found.history else _progress(place)
    state = found.state if found else "running" if alive else "lost" if (place / files.PID).exists() else "waiting"
    outcome = found.outcome if found else None
    return RunRecord(
        key,
        settings,
        state,
        started,
        found.seconds if found else told.seconds if told else 0.0,
        found.history if found and found.history else _history(kept),
        told.step if told else None,
        found.best_epoch if found else None,
        outcome.accuracy if outcome else None,
        outcome.low if outcome else None,
        outcome.high if outcome else None,
        found.error_message if found else why_lost(place) if state == "lost" else "",
        (found.notices if found else ()) or tuple(dict.fromkeys(step.text for step in kept if step.what == "notice")),
        state in ("stopped", "lost") or (state == "failed" and files.has_checkpoint(place)),
    )


def result(key: str) -> RunResult | None:
    """Return what a run has come to; None for one that has not ended, or whose process is gone."""
    return files.read_result(folder(key) / files.RESULT)


def steps(key: str, after: int = 0) -> tuple[tuple[TrainingStep, ...], int]:
    """Return the steps of a run from a place in its progress on, and the place after them, to ask from there next time."""
    try:
        with (folder(key) / files.PROGRESS).open("rb") as stream:
            stream.seek(after)
            text = stream.read()
    except FileNotFoundError:
        return (), after
    whole = text[: text.rfind(b"\n") + 1]
    told = [files.parse_line(line) for line in whole.split(b"\n") if line]
    return tuple(one.step for one in told if one), after + len(whole)


def pulse(key: str) -> tuple[int, int]:
    """Return what changes whenever the training of a run moves, and else does not. Raises UnknownName where there is no run."""
    try:
        found = (folder(key) / files.PROGRESS).stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _progress(place: Path) -> tuple[list[TrainingStep], files.LogEntry | None]:
    """Return the steps that stay known, which are those at the end of an epoch and notices, and the newest line."""
    try:
        text = (place / files.PROGRESS).read_bytes()
    except FileNotFoundError:
        return [], None
    told = [files.parse_line(line) for line in text.split(b"\n")[:-1] if b'"what": "epoch"' in line or b'"what": "notice"' in line]
    return [one.step for one in told if one], files.last_entry(text)


def _history(steps: Sequence[TrainingStep]) -> tuple[Epoch, ...]:
    """Return the epochs; those that were done once more after going on from a backup count as they were then."""
    history: list[Epoch] = []
    for epoch in [step.record for step in steps if step.record]:
        while history and (history[-1].phase, history[-1].epoch) >= (epoch.phase, epoch.epoch):
            history.pop()
        history.append(epoch)
    return tuple(history)
