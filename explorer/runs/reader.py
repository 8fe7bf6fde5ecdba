"""The reader of run folders: the state, progress and result of runs."""

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
    """Return all runs in the home folder, the newest first; other files are left out. On a shared server these are all visitors' runs."""
    runs = []
    for path in home().iterdir() if home().is_dir() else ():
        with suppress(ExplorerError, OSError):  # a run that can't be read may be another user's
            runs.append(record(path.name))
    return tuple(sorted(runs, key=lambda run: run.started, reverse=True))


def record(key: str) -> RunRecord:
    """Return the record of a run. Raises UnknownName if there is no such run, ExplorerError if its settings can't be read."""
    path = folder(key)
    settings, started = files.read_settings(path)
    alive = process(path) is not None  # before reading the result: a process that has ended by now has left its result
    ended = result(key)
    steps, newest = ([], None) if ended and ended.history else _progress(path)
    state = ended.state if ended else "running" if alive else "lost" if (path / files.PID).exists() else "waiting"
    outcome = ended.outcome if ended else None
    return RunRecord(
        key,
        settings,
        state,
        started,
        ended.seconds if ended else newest.seconds if newest else 0.0,
        ended.history if ended and ended.history else _history(steps),
        newest.step if newest else None,
        ended.best_epoch if ended else None,
        outcome.accuracy if outcome else None,
        outcome.low if outcome else None,
        outcome.high if outcome else None,
        ended.error_message if ended else why_lost(path) if state == "lost" else "",
        (ended.notices if ended else ()) or tuple(dict.fromkeys(step.text for step in steps if step.what == "notice")),
        state in ("stopped", "lost") or (state == "failed" and files.has_checkpoint(path)),
    )


def result(key: str) -> RunResult | None:
    """Return the result of a run; None if it has not ended, or its process is gone."""
    return files.read_result(folder(key) / files.RESULT)


def steps(key: str, after: int = 0) -> tuple[tuple[TrainingStep, ...], int]:
    """Return the steps of a run from a byte offset of its progress file on, and the offset to pass next time.

    after: bytes from the beginning of the file.
    """
    try:
        with (folder(key) / files.PROGRESS).open("rb") as stream:
            stream.seek(after)
            text = stream.read()
    except FileNotFoundError:
        return (), after
    whole = text[: text.rfind(b"\n") + 1]
    entries = [files.parse_line(line) for line in whole.split(b"\n") if line]
    return tuple(entry.step for entry in entries if entry), after + len(whole)


def pulse(key: str) -> tuple[int, int]:
    """Return a value that changes only when a training writes progress: the time of its last change in ns, and the file's size in bytes.

    (0, 0) before any progress. Raises UnknownName if there is no such run.
    """
    try:
        stat = (folder(key) / files.PROGRESS).stat()
    except FileNotFoundError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _progress(path: Path) -> tuple[list[TrainingStep], files.LogEntry | None]:
    """Return the steps that stay relevant, which are those at the end of an epoch and notices, and the newest entry."""
    try:
        text = (path / files.PROGRESS).read_bytes()
    except FileNotFoundError:
        return [], None
    entries = [files.parse_line(line) for line in text.split(b"\n")[:-1] if b'"what": "epoch"' in line or b'"what": "notice"' in line]
    return [entry.step for entry in entries if entry], files.last_entry(text)


def _history(steps: Sequence[TrainingStep]) -> tuple[Epoch, ...]:
    """Return the epochs; of those that were repeated after resuming from a checkpoint, the last repetition counts."""
    history: list[Epoch] = []
    for epoch in [step.record for step in steps if step.record]:
        while history and (history[-1].phase, history[-1].epoch) >= (epoch.phase, epoch.epoch):
            history.pop()
        history.append(epoch)
    return tuple(history)
