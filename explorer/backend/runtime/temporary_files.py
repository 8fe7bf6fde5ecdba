"""Temporary folders: those of a process lie in one that it holds a lock in, so that what a killed one has left is found and cleared."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from explorer.backend.runtime.file_locks import Note, hold
from explorer.runs import serialization as files
from explorer.runs.store import home

PREFIX = "explorer-"
LOCK = "lock-of-explorer"  # in the folder of a process

_own: dict[tuple[int, str], tuple[Path, Note]] = {}  # by process, as one may be forked, and by where temporary files lie
_making = threading.Lock()


def make(beginning: str = "") -> Path:
    """Make a folder that is gone when this process has ended, if nobody has removed it before. Raises OSError."""
    return Path(tempfile.mkdtemp(prefix=beginning, dir=_folder()))


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return the context manager that gives the path of a new folder, and removes it afterwards. Raises OSError."""
    return tempfile.TemporaryDirectory(dir=_folder())


@contextmanager
def everything() -> Iterator[None]:
    """Let all that this process keeps in temporary files lie in its folder, TensorFlow's own too; for a process that is ours alone."""
    before = tempfile.tempdir
    with suppress(OSError):  # nothing can be written there: whoever needs it says so
        tempfile.tempdir = str(_folder())
    try:
        yield
    finally:
        tempfile.tempdir = before


def clear() -> None:
    """Remove what processes have left that were killed: in the folder of temporary files, and in those of runs.

    Nothing that is in use, on whichever machine, nor another user's: a lock says so, and its process lets go of it in dying.
    """
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and _is_ours(entry):
                _clear(Path(entry.path, LOCK), Path(entry.path))
    with suppress(OSError):
        for place in home().iterdir():
            for left in place.glob(f"{files.TEMPORARY}*"):
                _clear(place / files.LOCK, left)


def _folder() -> Path:
    """Return the folder of this process, made where there is none."""
    key = os.getpid(), tempfile.gettempdir()
    with _making:
        if key in _own and _own[key][0].is_dir():
            return _own[key][0]
        held = None
        while held is None:  # one that is cleared before it is locked
            place = Path(tempfile.mkdtemp(prefix=PREFIX))
            held = hold(place / LOCK)
        _own[key] = place, held
        atexit.register(_remove, os.getpid(), place)
        return place


def _remove(process: int, place: Path) -> None:
    if process == os.getpid():  # and not one that was forked
        shutil.rmtree(place, ignore_errors=True)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    own = not hasattr(os, "getuid") or entry.stat(follow_symlinks=False).st_uid == os.getuid()
    return own and entry.is_dir(follow_symlinks=False) and os.path.isfile(os.path.join(entry.path, LOCK))


def _clear(lock: Path, left: Path) -> None:
    """Remove a folder where nobody holds the lock; no longer than it takes to give it another name is it held here."""
    with suppress(OSError):
        held = hold(lock)
        if held is None:
            return
        aside = left.with_name(f"{left.name}-{secrets.token_hex(4)}")
        try:
            if held.locked:
                left.rename(aside)
        finally:
            held.release()
        shutil.rmtree(aside, ignore_errors=True)
