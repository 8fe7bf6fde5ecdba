"""The temporary files of a process, in one folder that it locks, so that those of a killed process are recognised and removed."""

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

_folders: dict[
    tuple[int, str], tuple[Path, Note]
] = {}  # (process id, as it may fork; system's folder for temporary files) -> (folder, lock)
_lock = threading.Lock()


def make(beginning: str = "") -> Path:
    """Create a temporary folder, which is deleted at the latest when this process ends, and return its path. Raises OSError."""
    return Path(tempfile.mkdtemp(prefix=beginning, dir=_folder()))


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a context manager that yields the path of a new temporary folder, and deletes it afterwards. Raises OSError."""
    return tempfile.TemporaryDirectory(dir=_folder())


@contextmanager
def everything() -> Iterator[None]:
    """Put all temporary files of this process into its folder, also TensorFlow's; for a process that runs nothing but explorer."""
    before = tempfile.tempdir
    with suppress(OSError):  # it can't be written: the code that needs it will report that
        tempfile.tempdir = str(_folder())
    try:
        yield
    finally:
        tempfile.tempdir = before


def clear() -> None:
    """Remove the temporary files of killed processes, in the system's folder for them and in the folders of runs.

    Files that are in use, on any machine, are locked and stay, as do those of other users; the lock ends with its process.
    """
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and _is_own(entry):
                _remove_unlocked(Path(entry.path, LOCK), Path(entry.path))
    with suppress(OSError):
        for run_folder in home().iterdir():
            for leftover in run_folder.glob(f"{files.TEMPORARY}*"):
                _remove_unlocked(run_folder / files.LOCK, leftover)


def _folder() -> Path:
    """Return the folder of this process, created if there is none."""
    key = os.getpid(), tempfile.gettempdir()
    with _lock:
        if key in _folders and _folders[key][0].is_dir():
            return _folders[key][0]
        note = None
        while note is None:  # another process may remove the folder before it is locked
            path = Path(tempfile.mkdtemp(prefix=PREFIX))
            note = hold(path / LOCK)
        _folders[key] = path, note
        atexit.register(_remove, os.getpid(), path)
        return path


def _remove(process: int, path: Path) -> None:
    if process == os.getpid():  # not in a forked process
        shutil.rmtree(path, ignore_errors=True)


def _is_own(entry: os.DirEntry[str]) -> bool:
    same_user = not hasattr(os, "getuid") or entry.stat(follow_symlinks=False).st_uid == os.getuid()
    return same_user and entry.is_dir(follow_symlinks=False) and os.path.isfile(os.path.join(entry.path, LOCK))


def _remove_unlocked(lock: Path, leftover: Path) -> None:
    """Remove a folder if no process holds its lock; the lock is held here only while the folder is renamed."""
    with suppress(OSError):
        note = hold(lock)
        if note is None:
            return
        renamed = leftover.with_name(f"{leftover.name}-{secrets.token_hex(4)}")
        try:
            if note.locked:
                leftover.rename(renamed)
        finally:
            note.release()
        shutil.rmtree(renamed, ignore_errors=True)
