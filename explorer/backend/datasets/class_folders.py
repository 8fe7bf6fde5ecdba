"""Class folders: reads a folder with one folder for each class, split or not; windows of one recording share a folder inside it."""

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
from explorer.dataset_layout.folders import Folder, PathParts, folder_of
from explorer.dataset_layout.layouts import Layout, Side, classes_in, layout
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import InputSpec
from explorer.values.names import natural, plain

DEEPEST = 100  # nested folders
MOST_BEHIND = 12_000  # folders behind one link; the largest published sets have 10,000 classes
NAMES = ".explorer-classes.json"  # {folder: class} of the folders that can't be named after their class; explorer's own folders have one


def layout_of(folder: Path, name: str = "") -> Layout:
    """Return how a folder is laid out: the class and part of each file.

    name: the folder's name in messages. Raises ExplorerError where the layout isn't clear, or the folder can't be read.
    """
    top, unreadable = folder_tree(folder)
    names = class_names_in(folder)
    try:
        result = layout(top, name or plain(folder.name)) if names is None else classes_in(top, names)
    except ExplorerError as error:
        if not unreadable:
            raise
        raise type(error)(f"{error} {unreadable[0][1]}") from error  # what is missing may lie in an unreadable folder
    return replace(result, left_out=(*result.left_out, *unreadable))


def read_collection(folder: Path, input_spec: InputSpec, name: str = "") -> tuple[Collection, Collection | None]:
    """Return the examples in a folder of class folders, and those that it holds for validation; None where it is not split.

    Files are sorted by class and name; unreadable ones are left out and named. Files in a folder inside a class folder are a group.
    name: the folder's name in messages. Raises ExplorerError where there are no class folders.
    """
    data_layout = layout_of(folder, name)
    training = _examples_of(folder, data_layout.training, input_spec, data_layout.left_out, data_layout.notes)
    if data_layout.validation is None:
        return training, None
    return training, _examples_of(folder, data_layout.validation, input_spec, notes=(data_layout.split,))


def _examples_of(folder: Path, side: Side, input_spec: InputSpec, left_out: LeftOut = (), notes: tuple[str, ...] = ()) -> Collection:
    examples: list[Named] = []
    unread = []
    for member in side.members:
        try:
            examples.append((from_file(folder.joinpath(*member.path), member.name, input_spec), (member.label,), member.group))
        except UnreadableExample as error:
            unread.append((member.name, str(error)))
    return collection(examples, left_out=(*left_out, *unread), notes=notes, classes=side.classes)


def folder_tree(folder: Path) -> tuple[Folder, LeftOut]:
    """Return all that is in a folder, except hidden files and folders, and (name, reason) of what can't be read.

    Links to folders are followed; a link to more than 12,000 folders, such as one to the whole disk, is left out. Raises ExplorerError
    where the folder itself can't be read.
    """
    walk = _Walk(folder)
    walk.run()
    too_large_links = set(walk.too_large_links)

    def without_links(paths: list[PathParts]) -> list[PathParts]:
        return [
            path for path in paths if not too_large_links or not any(path[:depth] in too_large_links for depth in range(1, len(path) + 1))
        ]

    return folder_of(without_links(walk.files), without_links(walk.folders)), tuple(walk.unreadable)


class _Walk:
    """A walk through a folder: the files and folders in it, what could not be read, and links to too many folders."""

    def __init__(self, folder: Path) -> None:
        self.files: list[PathParts] = []
        self.folders: list[PathParts] = []
        self.unreadable: list[tuple[str, str]] = []
        self.too_large_links: list[PathParts] = []
        self._folder = folder
        self._visited: set[str] = set()
        self._folders_behind: Counter[PathParts] = Counter()  # how many folders each link leads to

    def run(self) -> None:
        """Walk through the whole folder."""
        waiting: list[tuple[PathParts, PathParts]] = [((), ())]  # a folder, and the link that leads to it
        while waiting:
            parts, link = waiting.pop()
            path = self._folder.joinpath(*parts)
            link = link or (parts if parts and path.is_symlink() else ())
            if link and self._is_too_large(link):
                continue
            try:
                folders, files = _entries(path)
            except OSError as error:
                why = _("The folder {folder} can't be read: {why}.").format(folder=path, why=error.strerror)
                if not parts:
                    raise ExplorerError(why) from error
                self.unreadable.append((plain("/".join(parts)), why))
                continue
            if len(parts) == DEEPEST and folders:
                self.unreadable.append((plain("/".join(parts[:3])), _("There are more than {count} nested folders.").format(count=DEEPEST)))
            real = os.path.realpath(path)
            if real not in self._visited and len(parts) < DEEPEST:
                waiting += [((*parts, name), link) for name in folders]
            self._visited.add(real)
            self.folders.append(parts)
            self.files += [(*parts, name) for name in files]

    def _is_too_large(self, link: PathParts) -> bool:
        self._folders_behind[link] += 1
        if self._folders_behind[link] == MOST_BEHIND:
            self.too_large_links.append(link)
            message = _("This link leads to more than {count} folders: replace it with the folder of the class itself.")
            self.unreadable.append((plain("/".join(link)), message.format(count=f"{MOST_BEHIND:,}")))
        return self._folders_behind[link] >= MOST_BEHIND


def _entries(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and the files in a folder, except hidden ones; a link that can't be followed counts as a folder."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if is_ignored(entry.name):
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:  # reading it will report the reason
                is_folder = True
            (folders if is_folder else files).append(entry.name)
    return folders, files


def class_names_in(folder: Path) -> dict[str, str] | None:
    """Return folder name to class name, where they differ, from the file `NAMES`; None where there is no such file.

    Raises ExplorerError where it is damaged: the names of the classes would be lost.
    """
    path = folder / NAMES
    if not os.path.isfile(path):  # unlike Path.is_file, False without permission
        return None
    damaged = _("{name} is damaged, so the names of the classes can't be read: delete it to name them as their folders.")
    with refusing(ExplorerError, damaged, str(path)):
        names = json.loads(read_bytes(path))
        if not isinstance(names, dict) or not all(isinstance(label, str) and label.strip() for label in names.values()):
            raise TypeError
    return {key: plain(label) for key, label in names.items()}


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, in natural order, except hidden ones."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not is_ignored(name)), key=natural)
        yield from (Path(path, name) for name in sorted(files, key=natural) if not is_ignored(name))
