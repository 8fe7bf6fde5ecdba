"""Class folders that grow: a folder for each class, whatever the class is called, and numbered files in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from explorer import disk
from explorer.backend.datasets.class_folders import NAMES, files_in
from explorer.backend.datasets.example_reader import is_ignored
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.names import plain

LONGEST = 100  # characters of a class's name
# What a folder can be called on every system; classes with other names have a folder with a number, and so have those that look like one.
PLAIN = re.compile(r"(?!class \d{5}|(con|prn|aux|nul|com\d|lpt\d)(\.|$))[\w(][\w ()+&',.-]{0,59}(?<![ .])", re.IGNORECASE)


class KeptClasses:
    """A folder of class folders, which `class_folders.collected` reads.

    folder: is made; it is this object's own.
    bytes, files: of all files, as far as they were `counted`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytes = self.files = 0
        self._folders: dict[str, Path] = {}
        self._numbers = count(1)
        folder.mkdir()
        self._write_names({})

    def labels(self) -> dict[str, Path]:
        """Return the folder of each class."""
        return dict(self._folders)

    def of(self, label: str) -> Path:
        """Return the folder of a class, made if need be. Raises ExplorerError for a class without a name, or with a very long one."""
        label = composed(label)
        if label in self._folders:
            return self._folders[label]
        if not label or len(label) > LONGEST:
            raise ExplorerError(_("The name of a class has 1 to {longest} characters.").format(longest=LONGEST))
        taken = {path.name.casefold() for path in self._folders.values()}
        numbered = not PLAIN.fullmatch(label) or label.casefold() in taken or is_ignored(label)
        path = self.folder / (f"class {next(self._numbers):05}" if numbered else label)
        if numbered:
            self._write_names({**self._folders, label: path})
        path.mkdir()
        self._folders[label] = path
        return path

    def new_file(self, label: str, group: str, name: str) -> Path:
        """Return where a file of a class, and of a group in it, is to be kept; the numbers keep the order in which files come.

        name: what it is called, whatever that is.
        """
        folder = self.of(label)
        if group:
            folder = folder / f"group {hashlib.blake2b(group.encode(), digest_size=6).hexdigest()}"
            folder.mkdir(exist_ok=True)
        return folder / f"{next(self._numbers):05} {short(name)}"

    def count(self, path: Path) -> None:
        """Count a file that was put in."""
        self.bytes, self.files = self.bytes + path.stat().st_size, self.files + 1

    def drop(self, path: Path) -> None:
        """Take a file away that was counted."""
        self.bytes, self.files = self.bytes - path.stat().st_size, self.files - 1
        path.unlink()

    def take_out(self, path: Path, there: Path) -> None:
        """Move a file that was counted to another folder."""
        self.bytes, self.files = self.bytes - path.stat().st_size, self.files - 1
        path.replace(there)

    def rename(self, label: str, new: str) -> dict[Path, Path]:
        """Give a class another name, or to one that is there its files; return where each file has gone."""
        label, new = composed(label), composed(new)
        source = self._folders.get(label)
        if source is None or label == new:
            return {}
        target = self.of(new)
        moved = {path: target / path.relative_to(source) for path in files_in(source)}
        for path, there in moved.items():
            there.parent.mkdir(exist_ok=True)
            path.replace(there)
        self._remove_folder(label)
        return moved

    def remove(self, label: str) -> None:
        """Remove a class with its files, where it is there."""
        label = composed(label)
        if label in self._folders:
            self._remove_folder(label)
            sizes = [file.stat().st_size for file in files_in(self.folder)]
            self.bytes, self.files = sum(sizes), len(sizes)

    def _remove_folder(self, label: str) -> None:
        shutil.rmtree(self._folders[label])
        del self._folders[label]
        self._write_names(self._folders)

    def _write_names(self, folders: Mapping[str, Path]) -> None:
        """Put a new file in the place of the old one, which a run may have linked to."""
        names = {path.name: label for label, path in folders.items() if path.name != label}
        disk.write(self.folder / NAMES, json.dumps(names))


def composed(label: str) -> str:
    """Return a class's name as text, without spaces around it."""
    return plain(label).strip()


def short(name: str) -> str:
    """Return a name as a file may be called on any system; its ending stays."""
    stem, ending = os.path.splitext(re.sub(r"[^\w ()+,.-]", "_", name))
    return f"{stem[:40].strip(' .') or '_'}{ending[:10].rstrip(' .')}"
