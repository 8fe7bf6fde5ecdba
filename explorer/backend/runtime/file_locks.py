"""A file that one process at a time may hold, with a line of text in it; a process that dies lets go of it."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

import filelock

LONGEST = 1000  # characters that a note may have
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # some network file systems know no locks: better unlocked than not at all


class Note:
    """The held file: `text` is read and written; `release` lets go of it, `remove` deletes it too.

    locked: whether it is; False where the file system knows no locks.
    """

    def __init__(self, path: Path, handle: int, locked: bool = True) -> None:
        self.locked = locked
        self._path = path
        self._handle = handle

    @property
    def text(self) -> str:
        """What the file says: empty where it is new."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        return os.read(self._handle, LONGEST).decode("utf-8", "replace")

    @text.setter
    def text(self, text: str) -> None:
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, text.encode())

    def release(self) -> None:
        """Let go of the file; it stays."""
        handle, self._handle = self._handle, -1
        os.close(handle)

    def remove(self) -> None:
        """Delete the file and let go of it."""
        if sys.platform == "win32":  # which deletes no open file: the next in line keeps it
            self.release()
            with suppress(PermissionError):
                self._path.unlink(missing_ok=True)
        else:
            self._path.unlink(missing_ok=True)  # first: whoever gets hold of it must see that it is gone
            self.release()


def hold(path: Path) -> Note | None:
    """Return the file, made where it is missing, or None while another process or thread holds it.

    Raises OSError where it can't be written.
    """
    handle, locked = os.open(path, os.O_RDWR | os.O_CREAT, 0o666), True
    try:
        held = filelock.lock_descriptor(handle, blocking=False)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(handle)
            raise
        held, locked = True, False
    if not held or not _is(handle, path):  # whoever held it may have deleted it meanwhile
        os.close(handle)
        return None
    return Note(path, handle, locked)


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
