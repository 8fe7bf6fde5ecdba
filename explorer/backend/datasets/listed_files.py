"""Listed files: finds the files that a list names, beside it or in subfolders, without an extension, or by a path of another machine."""

from __future__ import annotations

import filecmp
import mimetypes
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from explorer.backend.datasets.class_folders import files_in
from explorer.backend.inputs.files import existing
from explorer.dataset_layout.folders import BESIDE, HOLDERS
from explorer.dataset_layout.splits import kind_of
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values.names import caseless

MOST = 200_000  # files that are searched
OTHERS = (".npy", ".npz", ".tif", ".tiff", ".webp")  # extensions of examples that not every system knows


class ListedFiles:
    """Finds the files that a list names, relative to its folder.

    Where there are none, its parent folder is searched, as lists often have a folder of their own.
    """

    def __init__(self, path: Path) -> None:
        self._folder = self._top = path.parent  # `_top`: the folder that is searched
        self._part = kind_of(path.stem) or "training"  # which part's files are meant, where several have the same names
        self._by_name: dict[str, list[Path]] | None = None  # examples by name, with and without extension

    def find(self, name: str) -> Path:
        """Return the path of the file with this name. Raises UnreadableExample where there is none, or several that differ."""
        matches = self._matches(name)
        if not matches:
            return existing(self._folder / os.path.expanduser(name))
        if not all(filecmp.cmp(matches[0], path, shallow=False) for path in matches[1:]):
            first, second = (path.relative_to(self._top) for path in matches[:2])
            raise UnreadableExample(
                _("{name} may be {one} or {other}: write the folder before it.").format(name=name, one=first, other=second)
            )
        return matches[0]

    def knows(self, name: str) -> bool:
        """Whether there is a file with this name."""
        return bool(name and self._matches(name))

    def _matches(self, name: str) -> list[Path]:
        named = self._folder / os.path.expanduser(name)
        if os.path.isfile(named):  # unlike Path.is_file, False for what is too long to be a name
            return [named]
        steps = [step for step in name.replace("\\", "/").split("/") if step not in ("", ".", "..")]
        absolute = name.startswith(("/", "\\")) or name[1:2] == ":"
        return self._likeliest(self._examples().get(caseless(steps[-1]), []), steps, absolute) if steps else []

    def _likeliest(self, paths: list[Path], steps: list[str], absolute: bool) -> list[Path]:
        """Return, of files with the same name, those that share most of the named folders, aren't masks, and are in the list's own part.

        A file in another folder than the named one is no match, except for a path of another machine whose last folder doesn't exist.
        """
        folders = [caseless(folder) for folder in reversed(steps[:-1])]

        def rank(path: Path) -> tuple[int, bool, bool]:
            inner_folders = [caseless(folder) for folder in reversed(path.relative_to(self._top).parts[:-1])]
            same = [folder == inner for folder, inner in zip(folders, inner_folders, strict=False)]
            return (
                [*same, False].index(False),
                not any(folder in BESIDE for folder in inner_folders),
                self._part in map(kind_of, inner_folders),
            )

        def is_possible(path: Path) -> bool:
            plain_folders = all(caseless(folder) in HOLDERS or kind_of(folder) for folder in path.relative_to(self._top).parts[:-1])
            return not folders or rank(path)[0] > 0 or (absolute and plain_folders)

        paths = [path for path in paths if is_possible(path)]
        best = max(map(rank, paths), default=None)
        return [path for path in paths if rank(path) == best]

    def _examples(self) -> dict[str, list[Path]]:
        if self._by_name is None:
            paths = list(islice(_examples_in(self._folder), MOST))
            if not paths:
                self._top = self._folder.parent
                paths = list(islice(_examples_in(self._top), MOST))
            self._by_name = {}
            for path in paths:
                for name in {caseless(path.name), caseless(path.stem)}:
                    self._by_name.setdefault(name, []).append(path)
        return self._by_name


def _examples_in(folder: Path) -> Iterator[Path]:
    for path in files_in(folder):
        kind = (mimetypes.guess_type(path.name)[0] or "").split("/")[0]
        if kind in ("image", "audio") or path.suffix.lower() in OTHERS:
            yield path
