"""The run of a command: following it while its process trains, stopping it by signals, and the command that resumes it."""

from __future__ import annotations

import os
import shlex
import signal
import string
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from explorer import runs
from explorer.backend.runtime import temporary_files
from explorer.backend.runtime.file_locks import Note, hold
from explorer.cli.printing import complain
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.rendering.run_status import failed
from explorer.runs import serialization as files
from explorer.runs.process import process
from explorer.values import RunRecord, TrainingStep
from explorer.values.run_progress import FAILED_STATES

LOOK = 0.1  # seconds between two polls of a run
KEPT = string.ascii_letters + string.digits + "/._-+=,:@%~"  # characters that are not escaped between $' and '
SHORT = 8  # characters of a run's key that are shown to the user
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # not every system has all of them


@contextmanager
def claiming(output: Path) -> Iterator[Callable[[str], None]]:
    """Yield a function that claims a run, by its key, for the command that writes it into `output`; claims are released at the end.

    The function raises ExplorerError if another command has claimed the run.
    """
    notes: list[Note] = []

    def claim(key: str) -> None:
        lock = runs.folder(key) / files.WRITER
        with suppress(PermissionError):  # a user who may only read a run needs no claim
            note = hold(lock)
            if note is None:
                sentence = _("Run {run} is being written into {path} by another command: wait until that has ended, or stop it first.")
                raise ExplorerError(sentence.format(run=short(key), path=lock.read_text(errors="replace")))
            notes.append(note)
            note.text = os.path.abspath(output).encode(errors="replace").decode()

    try:
        yield claim
    finally:
        for note in notes:
            note.release()


class Stop:
    """Whether the training was asked to stop, and by which signal; 0 for none."""

    signal = 0

    @property
    def ends(self) -> bool:
        """Whether the whole command has to end, not only the training: after these signals nothing more is written."""
        return self.signal not in (0, signal.SIGINT)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Make the first signal that would end this process stop the training instead; a second one has its usual effect."""
    stop = Stop()
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}  # ignored by nohup

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def on_signal(number: int, _frame: Any) -> None:
        stop.signal = number
        restore()

    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
        yield stop
        return
    for number in before:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        restore()


def follow(key: str, after: int, stop: Stop, report_progress: Callable[[TrainingStep], None]) -> RunRecord:
    """Report the steps of a run until its process has ended, and return its record.

    after: the byte offset in its progress file to begin from.
    """
    folder, asked_to_stop = runs.folder(key), False
    try:
        while True:
            alive = process(folder) is not None  # before reading: a process that has ended by now has written all steps
            steps, after = runs.steps(key, after)
            for step in steps:
                with suppress(OSError):  # the terminal is closed
                    report_progress(step)
            if not alive:
                return runs.record(key)
            if stop.signal and not asked_to_stop:
                runs.ask_to_stop(key)
                asked_to_stop = True
            time.sleep(LOOK)
    except KeyboardInterrupt:  # the second one
        runs.kill(key)
        return runs.record(key)


def command(key: str, output: Path | str, weights: str | None = None) -> str:
    """Return the shell command that resumes a run; weights: the folder of weights that it needs."""
    words = ["explorer", "fine-tune", "--resume", short(key)]
    words += ["--weights", _path(weights)] if weights and os.path.isdir(os.path.expanduser(weights)) else []
    return " ".join(map(_quoted, [*words, "--output", _path(output)]))


def _path(given: Path | str) -> str:
    """Return a path in a form that can't be mistaken for an option."""
    return f"./{given}" if str(given).startswith("-") else str(given)


def _quoted(word: str) -> str:
    """Return a word quoted for a shell, with escapes for what the terminal can't show or a one-line message can't hold."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    shown = word.isprintable() and word.encode(encoding, "replace").decode(encoding) == word
    if shown and "  " not in word:
        return shlex.quote(word)
    kept = (chr(byte) if chr(byte) in KEPT else f"\\{byte:03o}" for byte in os.fsencode(word))
    return f"$'{''.join(kept)}'"


def short(key: str) -> str:
    """Return the beginning of a run's key, long enough to identify it."""
    return key[:SHORT]


def tuned(record: RunRecord) -> bool:
    """Whether the last attempt of an ended run has left a tuned network."""
    return record.state != "lost" and (runs.folder(record.key) / files.TUNED).exists()


def conclude(record: RunRecord, stop: Stop, again: str, written: bool) -> None:
    """Print how an unfinished run has ended, and end the command if nothing else is to be printed.

    again: the command that resumes it; written: whether its results are written.
    """
    goes_on = _("`{command}` resumes it.").format(command=again)
    if record.state == "lost":
        temporary_files.clear()  # its process could not do that
    if stop.signal == signal.SIGINT and record.state == "lost":
        complain(_("The training was killed. {goes_on}").format(goes_on=goes_on))
        raise SystemExit(128 + stop.signal)
    if record.state == "stopped" and not written:
        if stop.signal == signal.SIGINT and not record.history:
            runs.delete(record.key)  # nothing was trained
        else:
            complain(_("The training was stopped. {goes_on}").format(goes_on=goes_on))
        raise SystemExit(128 + (stop.signal or signal.SIGINT))
    if record.state in FAILED_STATES:
        raise ExplorerError(
            f"{failed(record.error_message, record.best_epoch)} {goes_on}"
            if record.resumable
            else failed(record.error_message, record.best_epoch)
        )
    if record.state == "stopped":
        complain(_("The training was stopped. {goes_on}").format(goes_on=goes_on))
