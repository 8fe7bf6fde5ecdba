"""The folder that a command writes: claimed and tried before the work begins, and filled as a whole when it has ended."""

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

HIDDEN = ".explorer-"  # how the names begin of what lies beside or in the folder until it is whole


class Output:
    """A new or empty folder that is ours while it is entered; its path may be a link, and what leads there may be missing.

    given: the path as the user gave it.
    Entering raises ExplorerError where it is no folder, not empty, claimed by another process, or can't be written.
    """

    def __init__(self, given: Path) -> None:
        self.given = given
        self._place = Path(os.path.realpath(given))
        self._made: list[Path] = []  # the folders that lead there and were missing, the outermost first
        self._held: Note | None = None

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
        if self._held is not None:
            with suppress(OSError):
                self._held.remove()
        for folder in reversed(self._made):
            with suppress(OSError):  # there is something in it now
                folder.rmdir()

    @property
    def room(self) -> Path:
        """The folder in which all is prepared: it is on the disk that will hold the result."""
        return self._place if self._place.is_dir() else self._place.parent

    def write(self, files: Mapping[str, Path | bytes]) -> None:
        """Put copies of files, or what they hold, into the folder by their names: all of them, or none.

        Raises ExplorerError where that can't be done, or something else has come into the folder; it is as it was then.
        """
        self._check()
        part = self._part
        try:
            part.mkdir()
            for name, content in files.items():
                shutil.copyfile(content, part / name) if isinstance(content, Path) else (part / name).write_bytes(content)
                disk.settle(part / name)
            if self._place.is_dir():  # which someone may stand in, or have mounted: it stays, and all that was slow is done
                for name in files:
                    os.replace(part / name, self._place / name)
            else:
                part.rename(self._place)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    @property
    def _part(self) -> Path:
        named = hashlib.blake2b(os.fsencode(self._place.name), digest_size=4).hexdigest()
        return self.room / f"{HIDDEN}{named}"

    def _check(self) -> None:
        if os.path.lexists(self._place) and not self._place.is_dir():
            raise ExplorerError(_("{path} is not a folder.").format(path=self.given))
        if self._place.is_dir() and any(not name.startswith(self._part.name) for name in os.listdir(self._place)):
            raise ExplorerError(_("{path} is not empty: name a new folder.").format(path=self.given))

    def _claim(self) -> None:
        missing = [folder for folder in (self.room, *self.room.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._made.append(folder)
        lock = self._part.with_suffix(".lock")
        self._held = hold(lock) or hold(lock)  # one that has just let go of it has deleted the file
        if self._held is None:
            raise ExplorerError(_("Another training is going to write into {path}: name another folder.").format(path=self.given))

    def _try(self) -> None:
        """Do what will be done in the end, and take it back."""
        shutil.rmtree(self._part, ignore_errors=True)  # of one that was killed
        self._part.mkdir()
        if not self._place.exists():
            self._part.rename(self._place)
            self._place.rmdir()
        else:
            self._part.rmdir()

    def _unwritable(self, error: OSError) -> ExplorerError:
        return ExplorerError(_("{path} can't be written: {why}.").format(path=self.given, why=disk.why_not(error)))
