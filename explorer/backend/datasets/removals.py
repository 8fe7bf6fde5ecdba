"""Files that were taken out of collected classes: they can be put back, the last removal first."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

from explorer.backend.datasets.upload_store import KeptClasses

LeftOut: TypeAlias = "tuple[tuple[str, str, str], ...]"  # class, name, why


@dataclass(frozen=True)
class Removal:
    """What one removal took away.

    said: the same in a sentence; labels: classes that went as a whole; files: of each its class, its path in that class's folder
    and where it lies now; left_out, notes: what was said of files that could not be read.
    """

    said: str
    labels: tuple[str, ...]
    files: tuple[tuple[str, Path, Path], ...]
    left_out: LeftOut
    notes: tuple[str, ...]


class Removals:
    """The removals from a folder of classes.

    place: a folder of this object's own, which is made when it is needed.
    """

    def __init__(self, classes: KeptClasses, place: Path) -> None:
        self._classes, self._place = classes, place
        self._numbers = count(1)
        self._done: list[Removal] = []

    @property
    def said(self) -> str:
        """What the last removal took away, in a sentence; empty where there is none that can be undone."""
        return self._done[-1].said if self._done else ""

    def take(
        self, said: str, files: Sequence[tuple[str, Path]], labels: Sequence[str] = (), left_out: LeftOut = (), notes: tuple[str, ...] = ()
    ) -> None:
        """Take files, each with its class, and whole classes away."""
        self._place.mkdir(exist_ok=True)
        folders, moved = self._classes.labels(), []
        for label, path in files:
            there = self._place / str(next(self._numbers))
            inside = path.relative_to(folders[label])
            self._classes.take_out(path, there)
            moved.append((label, inside, there))
        for label in labels:
            self._classes.remove(label)
        self._done.append(Removal(said, tuple(labels), tuple(moved), left_out, notes))

    def undo(self) -> Removal | None:
        """Put back what the last removal took away, and return it; None where there is none."""
        if not self._done:
            return None
        last = self._done.pop()
        for label in last.labels:
            self._classes.of(label)
        for label, inside, there in last.files:
            path = self._classes.of(label) / inside
            path.parent.mkdir(exist_ok=True)
            there.replace(path)
            self._classes.count(path)
        return last

    def forget(self) -> None:
        """Give the room on the disk back; nothing can be undone then."""
        self._done.clear()
        shutil.rmtree(self._place, ignore_errors=True)

    @property
    def bytes(self) -> int:
        """Of all files that can be put back."""
        return sum(there.stat().st_size for one in self._done for _label, _inside, there in one.files)
