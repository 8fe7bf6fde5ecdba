"""A folder with one folder a class, in parts or not; windows of one recording lie in a folder of their own inside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from explorer.backend.data.collection import Collection, LeftOut, Named, collection
from explorer.backend.data.example_sources import from_file, is_ignored
from explorer.backend.example_files import read_bytes
from explorer.backend.refusals import refusing
from explorer.errors import ExplorerError, UnreadableExample
from explorer.folders import Folder, Steps, folder_of
from explorer.layouts import Layout, Side, classes_in, layout
from explorer.locale import _
from explorer.values import Reading
from explorer.values.names import natural, plain

NAMES = ".explorer-classes.json"  # {folder: class}, of the folders that can't be called like their class; explorer's own folders have one


def laid_out(folder: Path, name: str = "") -> Layout:
    """Return which file in a folder is of which class and part.

    name: what to call the folder. Raises ExplorerError where that can't be told, or it can't be read.
    """
    own = names_in(folder)
    return layout(in_memory(folder), name or plain(folder.name)) if own is None else classes_in(in_memory(folder), own)


def collected(folder: Path, reading: Reading, name: str = "") -> tuple[Collection, Collection | None]:
    """Return the examples in a folder of class folders, and those that it holds for validation, None where it is not split.

    Files come by class and name; unreadable ones are left out and named. Files in one folder inside a class's folder are a group.
    name: what to call the folder. Raises ExplorerError where there are no class folders.
    """
    found = laid_out(folder, name)
    training = _of_side(folder, found.training, reading, found.left_out, found.notes)
    if found.validation is None:
        return training, None
    return training, _of_side(folder, found.validation, reading, notes=(found.split,))


def _of_side(folder: Path, side: Side, reading: Reading, left_out: LeftOut = (), notes: tuple[str, ...] = ()) -> Collection:
    examples: list[Named] = []
    unread = []
    for one in side.members:
        try:
            examples.append((from_file(folder.joinpath(*one.path), one.name, reading), (one.label,), one.group))
        except UnreadableExample as why:
            unread.append((one.name, str(why)))
    return collection(examples, left_out=(*left_out, *unread), notes=notes, classes=side.classes)


def in_memory(folder: Path) -> Folder:
    """Return all that is in a folder, but for what is hidden; links to folders are followed.

    Raises ExplorerError where it can't be read.
    """
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise ExplorerError(_("The folder {folder} can't be read: {why}.").format(folder=folder, why=error.strerror)) from error
    files: list[Steps] = []
    folders: list[Steps] = []
    been: set[str] = set()
    for path, inside, names in os.walk(folder, followlinks=True):
        steps = Path(path).relative_to(folder).parts
        inside[:] = [] if os.path.realpath(path) in been else [name for name in inside if not is_ignored(name)]
        been.add(os.path.realpath(path))
        folders.append(steps)
        files += [(*steps, name) for name in names if not is_ignored(name)]
    return folder_of(files, folders)


def names_in(folder: Path) -> dict[str, str] | None:
    """Return the names of those classes whose folders are called otherwise, as the file `NAMES` says it; None where there is none.

    Raises ExplorerError where it is damaged: the names of the classes would be lost.
    """
    path = folder / NAMES
    if not path.is_file():
        return None
    damaged = _("{name} is damaged, so the names of the classes can't be read: delete it to name them as their folders.")
    with refusing(ExplorerError, damaged, str(path)):
        names = json.loads(read_bytes(path))
        if not isinstance(names, dict) or not all(isinstance(one, str) and one.strip() for one in names.values()):
            raise TypeError
    return {one: plain(label) for one, label in names.items()}


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in those inside it, in their natural order; hidden ones are passed over."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not is_ignored(name)), key=natural)
        yield from (Path(path, name) for name in sorted(files, key=natural) if not is_ignored(name))
