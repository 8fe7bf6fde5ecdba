"""The output folder of a command: claimed and checked before the work begins, and filled as a whole when it has ended."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from explorer import disk
from explorer.backend.runtime.file_locks import Note, hold
from explorer.errors import ExplorerError
from explorer.locale import _

HIDDEN = ".explorer-"  # the prefix of temporary names beside or in the folder until it is complete


class Output:
    """A new or empty folder that is claimed within the `with`; its path may be a link, and its parents may be missing.

    given: the path as the user gave it.
    Entering raises ExplorerError if it isn't a folder, isn't empty, is claimed by another process, or can't be written.
    """

    def __init__(self, given: Path) -> None:
        self.given = given
        self._path = Path(os.path.realpath(given))
        self._made: list[Path] = []  # the parent folders that were created, the outermost first
        self._lock: Note | None = None

    def __enter__(self) -> Output:
        try:
            self._check()
            self._claim()
            self._try()
        except OSError as error:
            self.__exit__()
            raise self._unwritable(error) from error
        except ExplorerError:
            self.__exit__()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None, traceback: TracebackType | None = None
    ) -> None:
        if self._lock is not None:
            with suppress(OSError):
                self._lock.remove()
        for folder in reversed(self._made):
            with suppress(OSError):  # it isn't empty now
                folder.rmdir()

    @property
    def room(self) -> Path:
        """The existing or future folder in which the output is prepared, on the disk that will hold the result."""
        return self._path if self._path.is_dir() else self._path.parent

    def write(self, files: Mapping[str, Path | bytes]) -> None:
        """Write files, given as file name -> path to copy or content, into the folder: all of them, or none.

        Raises ExplorerError if that fails, or if the folder is no longer empty; it is then unchanged.
        """
        self._check()
        part = self._part
        try:
            part.mkdir()
            for name, content in files.items():
                shutil.copyfile(content, part / name) if isinstance(content, Path) else (part / name).write_bytes(content)
                disk.settle(part / name)
            if self._path.is_dir():  # it may be mounted, or a working folder, so it isn't replaced; the slow part is done
                for name in files:
                    os.replace(part / name, self._path / name)
            else:
                part.rename(self._path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    @property
    def _part(self) -> Path:
        digest = hashlib.blake2b(os.fsencode(self._path.name), digest_size=4).hexdigest()
        return self.room / f"{HIDDEN}{digest}"

    def _check(self) -> None:
        if os.path.lexists(self._path) and not self._path.is_dir():
            raise ExplorerError(_("{path} is not a folder.").format(path=self.given))
        if self._path.is_dir() and any(not name.startswith(self._part.name) for name in os.listdir(self._path)):
            raise ExplorerError(_("{path} is not empty: name a new folder.").format(path=self.given))

    def _claim(self) -> None:
        missing = [folder for folder in (self.room, *self.room.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._made.append(folder)
        lock = self._part.with_suffix(".lock")
        self._lock = hold(lock) or hold(lock)  # the process that has just released it may have deleted the file
        if self._lock is None:
            raise ExplorerError(_("Another training is going to write into {path}: name another folder.").format(path=self.given))

    def _try(self) -> None:
        """Try what `write` will do, and undo it."""
        shutil.rmtree(self._part, ignore_errors=True)  # left by a killed process
        self._part.mkdir()
        if not self._path.exists():
            self._part.rename(self._path)
            self._path.rmdir()
        else:
            self._part.rmdir()

    def _unwritable(self, error: OSError) -> ExplorerError:
        return ExplorerError(_("{path} can't be written: {why}.").format(path=self.given, why=disk.why_not(error)))
