"""Upload store: a growing folder with a folder for each class, whatever the class is called, and numbered files in it."""

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
# Names that a folder can have on every system. Classes with other names get a numbered folder, as do those named like one.
PLAIN = re.compile(r"(?!class \d{5}|(con|prn|aux|nul|com\d|lpt\d)(\.|$))[\w(][\w ()+&',.-]{0,59}(?<![ .])", re.IGNORECASE)


class ClassFolders:
    """A folder of class folders, which `class_folders.read_collection` reads.

    folder: is created, and used by this object only.
    bytes, files: size and number of all files that were counted with `count`.
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

    def folder_of(self, label: str) -> Path:
        """Return the folder of a class, created where there is none. Raises ExplorerError for an empty name and a very long one."""
        label = clean_label(label)
        if label in self._folders:
            return self._folders[label]
        if not label or len(label) > LONGEST:
            raise ExplorerError(_("The name of a class has 1 to {longest} characters.").format(longest=LONGEST))
        used_names = {path.name.casefold() for path in self._folders.values()}
        numbered = not PLAIN.fullmatch(label) or label.casefold() in used_names or is_ignored(label)
        path = self.folder / (f"class {next(self._numbers):05}" if numbered else label)
        if numbered:
            self._write_names({**self._folders, label: path})
        path.mkdir()
        self._folders[label] = path
        return path

    def new_file(self, label: str, group: str, name: str) -> Path:
        """Return the path for a new file of a class, and of a group in it; numbers keep the files in the order of their arrival.

        name: its name, which may hold any characters.
        """
        folder = self.folder_of(label)
        if group:
            folder = folder / f"group {hashlib.blake2b(group.encode(), digest_size=6).hexdigest()}"
            folder.mkdir(exist_ok=True)
        return folder / f"{next(self._numbers):05} {safe_file_name(name)}"

    def count(self, path: Path) -> None:
        """Count a file that was added."""
        self.bytes, self.files = self.bytes + path.stat().st_size, self.files + 1

    def delete(self, path: Path) -> None:
        """Delete a counted file."""
        self.bytes, self.files = self.bytes - path.stat().st_size, self.files - 1
        path.unlink()

    def move_out(self, path: Path, target: Path) -> None:
        """Move a counted file out of the store."""
        self.bytes, self.files = self.bytes - path.stat().st_size, self.files - 1
        path.replace(target)

    def rename(self, label: str, new_label: str) -> dict[Path, Path]:
        """Rename a class, or merge it into an existing one; return old path to new path of each file."""
        label, new_label = clean_label(label), clean_label(new_label)
        source = self._folders.get(label)
        if source is None or label == new_label:
            return {}
        new_folder = self.folder_of(new_label)
        moved = {path: new_folder / path.relative_to(source) for path in files_in(source)}
        for path, target in moved.items():
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
        self._remove_folder(label)
        return moved

    def remove(self, label: str) -> None:
        """Remove a class with its files, where it exists."""
        label = clean_label(label)
        if label in self._folders:
            self._remove_folder(label)
            sizes = [file.stat().st_size for file in files_in(self.folder)]
            self.bytes, self.files = sum(sizes), len(sizes)

    def _remove_folder(self, label: str) -> None:
        shutil.rmtree(self._folders[label])
        del self._folders[label]
        self._write_names(self._folders)

    def _write_names(self, folders: Mapping[str, Path]) -> None:
        """Write the file of names anew, instead of changing one that a run may have linked to."""
        names = {path.name: label for label, path in folders.items() if path.name != label}
        disk.write(self.folder / NAMES, json.dumps(names))


def clean_label(label: str) -> str:
    """Return the name of a class as text without surrounding space."""
    return plain(label).strip()


def safe_file_name(name: str) -> str:
    """Return a name that is valid for a file on any system, with the same extension."""
    stem, ending = os.path.splitext(re.sub(r"[^\w ()+,.-]", "_", name))
    return f"{stem[:40].strip(' .') or '_'}{ending[:10].rstrip(' .')}"
