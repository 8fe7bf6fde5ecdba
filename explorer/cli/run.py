"""A run as the shell sees it: followed while its process trains, stopped by signals, and how to go on with it."""

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

LOOK = 0.1  # seconds between two looks at a run
KEPT = string.ascii_letters + string.digits + "/._-+=,:@%~"  # what is written as it is between $' and '
SHORT = 8  # characters of a run's name that the user is told
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that the system has


@contextmanager
def claiming(output: Path) -> Iterator[Callable[[str], None]]:
    """Give what claims a run, by its key, for the command that writes it into `output`; what is claimed is let go of in the end.

    It raises ExplorerError where another command has claimed the run.
    """
    held: list[Note] = []

    def claim(key: str) -> None:
        lock = runs.folder(key) / files.WRITER
        with suppress(PermissionError):  # whoever may only read a run takes nothing away from others
            note = hold(lock)
            if note is None:
                said = _("Run {run} is being written into {path} by another command: wait until that has ended, or stop it first.")
                raise ExplorerError(said.format(run=short(key), path=lock.read_text(errors="replace")))
            held.append(note)
            note.text = os.path.abspath(output).encode(errors="replace").decode()

    try:
        yield claim
    finally:
        for note in held:
            note.release()


class Stop:
    """Whether the training was asked to stop, and by which signal; 0 for none."""

    signal = 0

    @property
    def ends(self) -> bool:
        """Whether more than the training is to end: whoever sends these signals waits for nothing to be written."""
        return self.signal not in (0, signal.SIGINT)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Let the first signal that would end this process stop the training; a second one does what it always does."""
    stop = Stop()
    known = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in known if signal.getsignal(one) != signal.SIG_IGN}  # as nohup has it

    def put_back() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)

    def asked(number: int, _frame: Any) -> None:
        stop.signal = number
        put_back()

    if threading.current_thread() is not threading.main_thread():  # which hears no signals
        yield stop
        return
    for one in before:
        signal.signal(one, asked)
    try:
        yield stop
    finally:
        put_back()


def follow(key: str, after: int, stop: Stop, report_progress: Callable[[TrainingStep], None]) -> RunRecord:
    """Say what the process of a run tells until it has ended, and return what the run has come to.

    after: the place in its progress to begin from.
    """
    place, told_to_stop = runs.folder(key), False
    try:
        while True:
            alive = process(place) is not None  # first: one that has ended by now has told all
            told, after = runs.steps(key, after)
            for step in told:
                with suppress(OSError):  # a terminal that is gone
                    report_progress(step)
            if not alive:
                return runs.record(key)
            if stop.signal and not told_to_stop:
                runs.ask_to_stop(key)
                told_to_stop = True
            time.sleep(LOOK)
    except KeyboardInterrupt:  # the second one
        runs.kill(key)
        return runs.record(key)


def command(key: str, output: Path | str, weights: str | None = None) -> str:
    """Return what to type to go on with a run; weights: the folder of weights that it needs."""
    words = ["explorer", "fine-tune", "--resume", short(key)]
    words += ["--weights", _path(weights)] if weights and os.path.isdir(os.path.expanduser(weights)) else []
    return " ".join(map(_quoted, [*words, "--output", _path(output)]))


def _path(given: Path | str) -> str:
    """Return a path that is not taken for an option."""
    return f"./{given}" if str(given).startswith("-") else str(given)


def _quoted(word: str) -> str:
    """Return a word so that a shell reads the same one, even where the terminal can't show it and a line of a message can't hold it."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    shown = word.isprintable() and word.encode(encoding, "replace").decode(encoding) == word
    if shown and "  " not in word:
        return shlex.quote(word)
    kept = (chr(byte) if chr(byte) in KEPT else f"\\{byte:03o}" for byte in os.fsencode(word))
    return f"$'{''.join(kept)}'"


def short(key: str) -> str:
    """Return so much of a run's key as tells it from others."""
    return key[:SHORT]


def tuned(record: RunRecord) -> bool:
    """Whether a run that has ended has left a tuned network, and not just one of an attempt before."""
    return record.state != "lost" and (runs.folder(record.key) / files.TUNED).exists()


def conclude(record: RunRecord, stop: Stop, again: str, written: bool) -> None:
    """Say how a run has ended that did not come to its end, and end the command where there is nothing more to say.

    again: the command that goes on with it; written: whether what it came to is written.
    """
    goes_on = _("`{command}` goes on with it.").format(command=again)
    if record.state == "lost":
        temporary_files.clear()  # what its process had no time to
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
