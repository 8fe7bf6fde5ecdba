"""A folder with one folder a class, in parts or not; windows of one recording lie in a folder of their own inside it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from explorer.backend.datasets.example_reader import from_file, is_ignored
from explorer.backend.datasets.examples import Collection, LeftOut, Named, collection
from explorer.backend.inputs.files import read_bytes
from explorer.backend.runtime.refusals import refusing
from explorer.dataset_layout.folders import Folder, Steps, folder_of
from explorer.dataset_layout.layouts import Layout, Side, classes_in, layout
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import InputSpec
from explorer.values.names import natural, plain

DEEPEST = 100  # folders inside each other
MOST_BEHIND = 12_000  # folders behind one link; the largest published sets have 10,000 classes
NAMES = ".explorer-classes.json"  # {folder: class}, of the folders that can't be called like their class; explorer's own folders have one


def laid_out(folder: Path, name: str = "") -> Layout:
    """Return which file in a folder is of which class and part.

    name: what to call the folder. Raises ExplorerError where that can't be told, or it can't be read.
    """
    top, lost = in_memory(folder)
    own = names_in(folder)
    try:
        found = layout(top, name or plain(folder.name)) if own is None else classes_in(top, own)
    except ExplorerError as error:
        if not lost:
            raise
        raise type(error)(f"{error} {lost[0][1]}") from error  # what is missing may lie where one may not look
    return replace(found, left_out=(*found.left_out, *lost))


def collected(folder: Path, input_spec: InputSpec, name: str = "") -> tuple[Collection, Collection | None]:
    """Return the examples in a folder of class folders, and those that it holds for validation, None where it is not split.

    Files come by class and name; unreadable ones are left out and named. Files in one folder inside a class's folder are a group.
    name: what to call the folder. Raises ExplorerError where there are no class folders.
    """
    found = laid_out(folder, name)
    training = _of_side(folder, found.training, input_spec, found.left_out, found.notes)
    if found.validation is None:
        return training, None
    return training, _of_side(folder, found.validation, input_spec, notes=(found.split,))


def _of_side(folder: Path, side: Side, input_spec: InputSpec, left_out: LeftOut = (), notes: tuple[str, ...] = ()) -> Collection:
    examples: list[Named] = []
    unread = []
    for one in side.members:
        try:
            examples.append((from_file(folder.joinpath(*one.path), one.name, input_spec), (one.label,), one.group))
        except UnreadableExample as why:
            unread.append((one.name, str(why)))
    return collection(examples, left_out=(*left_out, *unread), notes=notes, classes=side.classes)


def in_memory(folder: Path) -> tuple[Folder, LeftOut]:
    """Return all that is in a folder, but for what is hidden, and what in it can't be looked into; links to folders are followed.

    A link behind which there are more than 12,000 folders is left out, as one to the whole system is. Raises ExplorerError where the
    folder itself can't be read.
    """
    walk = _Walk(folder)
    walk.through()
    behind = set(walk.endless)

    def kept(all_of: list[Steps]) -> list[Steps]:
        return [steps for steps in all_of if not behind or not any(steps[:depth] in behind for depth in range(1, len(steps) + 1))]

    return folder_of(kept(walk.files), kept(walk.folders)), tuple(walk.lost)


class _Walk:
    """A walk through a folder: the files and folders in it, what could not be looked into, and links that led too far."""

    def __init__(self, folder: Path) -> None:
        self.files: list[Steps] = []
        self.folders: list[Steps] = []
        self.lost: list[tuple[str, str]] = []
        self.endless: list[Steps] = []
        self._folder = folder
        self._been: set[str] = set()
        self._behind: Counter[Steps] = Counter()  # how many folders lie behind each link

    def through(self) -> None:
        """Walk through all of it."""
        waiting: list[tuple[Steps, Steps]] = [((), ())]  # a folder, and the link that it lies behind
        while waiting:
            steps, link = waiting.pop()
            path = self._folder.joinpath(*steps)
            link = link or (steps if steps and path.is_symlink() else ())
            if link and self._leads_too_far(link):
                continue
            try:
                inside, names = _listed(path)
            except OSError as error:
                why = _("The folder {folder} can't be read: {why}.").format(folder=path, why=error.strerror)
                if not steps:
                    raise ExplorerError(why) from error
                self.lost.append((plain("/".join(steps)), why))
                continue
            if len(steps) == DEEPEST and inside:
                self.lost.append(
                    (plain("/".join(steps[:3])), _("There are more than {count} folders inside each other.").format(count=DEEPEST))
                )
            real = os.path.realpath(path)
            if real not in self._been and len(steps) < DEEPEST:
                waiting += [((*steps, name), link) for name in inside]
            self._been.add(real)
            self.folders.append(steps)
            self.files += [(*steps, name) for name in names]

    def _leads_too_far(self, link: Steps) -> bool:
        self._behind[link] += 1
        if self._behind[link] == MOST_BEHIND:
            self.endless.append(link)
            said = _("Behind this link there are more than {count} folders: put the folder of a class itself there.")
            self.lost.append((plain("/".join(link)), said.format(count=f"{MOST_BEHIND:,}")))
        return self._behind[link] >= MOST_BEHIND


def _listed(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in a folder that aren't hidden; a link that can't be followed counts as a folder."""
    inside: list[str] = []
    names: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if is_ignored(entry.name):
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:  # looking into it will say why
                is_folder = True
            (inside if is_folder else names).append(entry.name)
    return inside, names


def names_in(folder: Path) -> dict[str, str] | None:
    """Return the names of those classes whose folders are called otherwise, as the file `NAMES` says it; None where there is none.

    Raises ExplorerError where it is damaged: the names of the classes would be lost.
    """
    path = folder / NAMES
    if not os.path.isfile(path):  # unlike Path.is_file, False where one may not look
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
