"""Where the files are that a list names: beside it, in folders inside its own, without an ending, under a path of another machine."""

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

MOST = 200_000  # files that are looked through
OTHERS = (".npy", ".npz", ".tif", ".tiff", ".webp")  # endings of examples that not every system knows


class ListedFiles:
    """Finds the files that a list names, seen from its folder.

    Where none of them lies there, the folder around it is looked through, as lists often have a folder of their own.
    """

    def __init__(self, path: Path) -> None:
        self._folder = self._top = path.parent  # `_top`: what is looked through
        self._part = kind_of(path.stem) or "training"  # of the files of the same name in several parts, those are meant
        self._found: dict[str, list[Path]] | None = None  # examples, by name and by name without its ending

    def find(self, name: str) -> Path:
        """Return the path of a file that is called so. Raises UnreadableExample where there is none, or there are several."""
        found = self._matches(name)
        if not found:
            return existing(self._folder / os.path.expanduser(name))
        if not all(filecmp.cmp(found[0], path, shallow=False) for path in found[1:]):  # else they are copies
            one, other = (path.relative_to(self._top) for path in found[:2])
            raise UnreadableExample(
                _("{name} may be {one} or {other}: write the folder before it.").format(name=name, one=one, other=other)
            )
        return found[0]

    def knows(self, name: str) -> bool:
        """Whether there is a file that is called so."""
        return bool(name and self._matches(name))

    def _matches(self, name: str) -> list[Path]:
        named = self._folder / os.path.expanduser(name)
        if os.path.isfile(named):  # unlike Path.is_file, False for what is too long to be a name
            return [named]
        steps = [one for one in name.replace("\\", "/").split("/") if one not in ("", ".", "..")]
        absolute = name.startswith(("/", "\\")) or name[1:2] == ":"
        return self._likeliest(self._examples().get(caseless(steps[-1]), []), steps, absolute) if steps else []

    def _likeliest(self, found: list[Path], steps: list[str], absolute: bool) -> list[Path]:
        """Return, of files of the same name, those under the most folders that are named, in none of masks, and in the list's own part.

        One that lies in another folder than the one named is none, but for a path of another machine whose last folder is not there.
        """
        folders = [caseless(one) for one in reversed(steps[:-1])]

        def rank(path: Path) -> tuple[int, bool, bool]:
            inside = [caseless(one) for one in reversed(path.relative_to(self._top).parts[:-1])]
            same = [one == other for one, other in zip(folders, inside, strict=False)]
            return [*same, False].index(False), not any(one in BESIDE for one in inside), self._part in map(kind_of, inside)

        def may_be(path: Path) -> bool:
            plain_folders = all(caseless(one) in HOLDERS or kind_of(one) for one in path.relative_to(self._top).parts[:-1])
            return not folders or rank(path)[0] > 0 or (absolute and plain_folders)

        found = [path for path in found if may_be(path)]
        best = max(map(rank, found), default=None)
        return [path for path in found if rank(path) == best]

    def _examples(self) -> dict[str, list[Path]]:
        if self._found is None:
            paths = list(islice(_examples_in(self._folder), MOST))
            if not paths:
                self._top = self._folder.parent
                paths = list(islice(_examples_in(self._top), MOST))
            self._found = {}
            for path in paths:
                for name in {caseless(path.name), caseless(path.stem)}:
                    self._found.setdefault(name, []).append(path)
        return self._found


def _examples_in(folder: Path) -> Iterator[Path]:
    for path in files_in(folder):
        kind = (mimetypes.guess_type(path.name)[0] or "").split("/")[0]
        if kind in ("image", "audio") or path.suffix.lower() in OTHERS:
            yield path
