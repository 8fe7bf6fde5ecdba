"""Removals: files that were removed from classes collected on a page, and can be put back, the last removal first."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

from explorer.backend.datasets.upload_store import ClassFolders

LeftOut: TypeAlias = "tuple[tuple[str, str, str], ...]"  # class, name, why


@dataclass(frozen=True)
class Removal:
    """One removal.

    sentence: what was removed; labels: classes that were removed as a whole; files: for each its class, its path in the class folder
    and its present path; left_out, notes: those that were removed with the classes.
    """

    sentence: str
    labels: tuple[str, ...]
    files: tuple[tuple[str, Path, Path], ...]
    left_out: LeftOut
    notes: tuple[str, ...]


class Removals:
    """The removals from a folder of classes.

    folder: for the removed files; created with the first removal, and used by this object only.
    """

    def __init__(self, classes: ClassFolders, folder: Path) -> None:
        self._classes, self._folder = classes, folder
        self._numbers = count(1)
        self._removals: list[Removal] = []

    @property
    def last_sentence(self) -> str:
        """The sentence of the last removal that can be undone; "" for none."""
        return self._removals[-1].sentence if self._removals else ""

    def remove(
        self,
        sentence: str,
        files: Sequence[tuple[str, Path]],
        labels: Sequence[str] = (),
        left_out: LeftOut = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        """Remove files, each given with its class, and whole classes."""
        self._folder.mkdir(exist_ok=True)
        folders, moved = self._classes.labels(), []
        for label, path in files:
            target = self._folder / str(next(self._numbers))
            inner_path = path.relative_to(folders[label])
            self._classes.move_out(path, target)
            moved.append((label, inner_path, target))
        for label in labels:
            self._classes.remove(label)
        self._removals.append(Removal(sentence, tuple(labels), tuple(moved), left_out, notes))

    def undo(self) -> Removal | None:
        """Undo the last removal and return it; None where there is none."""
        if not self._removals:
            return None
        last = self._removals.pop()
        for label in last.labels:
            self._classes.folder_of(label)
        for label, inner_path, source in last.files:
            path = self._classes.folder_of(label) / inner_path
            path.parent.mkdir(exist_ok=True)
            source.replace(path)
            self._classes.count(path)
        return last

    def clear(self) -> None:
        """Delete all removed files, so that nothing can be undone."""
        self._removals.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def bytes(self) -> int:
        """The size of all files that can be put back."""
        return sum(path.stat().st_size for removal in self._removals for _label, _inner_path, path in removal.files)
