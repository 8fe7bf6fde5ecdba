"""A folder with one folder a class; windows of one recording lie in a folder of their own inside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from explorer.backend.data.collection import Collection, Named, collection, natural, plain
from explorer.backend.data.example_sources import from_file, is_ignored
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import Reading

TRAINING = ("train", "training")
NAMES = ".explorer-classes.json"  # {folder: class}, of the folders that can't be called like their class
HELD_OUT = ("validation", "valid", "val", "test")  # the first of them that is there


def sides(folder: Path) -> tuple[Path, Path] | None:
    """Return the folders to train on and to hold out, where a folder holds just these (train/ and validation/); else None.

    Upper or lower case; train/ may be called training/, validation/ also valid/, val/ or test/; a test/ beside both is left aside.
    """
    inside = folders_in(folder)
    there = {path.name.lower(): path for path in inside}
    training = [path for name, path in there.items() if name in TRAINING]
    held_out = [there[name] for name in HELD_OUT if name in there]
    spare = len(held_out) == 2 and "test" in there
    if len(training) != 1 or len(inside) != 1 + len(held_out) or not (len(held_out) == 1 or spare):
        return None
    return (training[0], held_out[0]) if folders_in(training[0]) else None


def collected(folder: Path, reading: Reading) -> Collection:
    """Return the examples in a folder of class folders: files by class and name; unreadable ones are left out and named.

    Files in one folder inside a class's folder are a group. Raises ExplorerError where there are no class folders.
    """
    classes = folders_in(folder)
    if not classes:
        raise ExplorerError(
            _("{folder} holds no folders: put the files of each class into a folder that is named after it.").format(folder=folder.name)
        )
    examples: list[Named] = []
    left_out = beside(folder)
    names = names_in(folder)
    labelled = sorted(((names.get(one.name, plain(one.name)), one) for one in classes), key=lambda pair: natural(pair[0]))
    for label, one in labelled:
        for path in files_in(one):
            inside = path.relative_to(one)
            name = plain(f"{label}/{inside.as_posix()}")
            group = plain(f"{label}/{inside.parts[0]}") if len(inside.parts) > 1 else ""
            try:
                examples.append((from_file(path, name, reading), (label,), group))
            except UnreadableExample as why:
                left_out.append((name, str(why)))
    return collection(examples, left_out=tuple(left_out), classes=dict.fromkeys(label for label, _one in labelled))


def beside(folder: Path) -> list[tuple[str, str]]:
    """Return (name, why it is left out) of the files beside the class folders."""
    names = sorted((plain(path.name) for path in folder.iterdir() if not path.is_dir() and not is_ignored(path.name)), key=natural)
    return [(name, _("{name} lies in no class's folder.").format(name=name)) for name in names]


def names_in(folder: Path) -> dict[str, str]:
    """Return the names of those classes whose folders are called otherwise, as the file `NAMES` says it, if there is one."""
    try:
        return dict(json.loads((folder / NAMES).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, in their natural order. Raises ExplorerError where it can't be read."""
    try:
        return sorted(
            (path for path in folder.iterdir() if path.is_dir() and not is_ignored(path.name)), key=lambda path: natural(path.name)
        )
    except OSError as error:
        raise ExplorerError(_("The folder {folder} can't be read: {why}.").format(folder=folder, why=error.strerror)) from error


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in those inside it, in their natural order; hidden ones are passed over."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not is_ignored(name)), key=natural)
        yield from (Path(path, name) for name in sorted(files, key=natural) if not is_ignored(name))
