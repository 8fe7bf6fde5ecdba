"""Folders as they are laid out, from the paths of their files alone: on disk, in a zip, or dropped on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from explorer.dataset_layout.splits import kind_of
from explorer.values.names import caseless, natural

Steps: TypeAlias = "tuple[str, ...]"  # the parts of a path

HOLDERS = (
    "images",
    "image",
    "imgs",
    "img",
    "pictures",
    "photos",
    "jpg",
    "jpegs",
    "png",
    "jpegimages",
    "audio",
    "sounds",
    "data",
    "dataset",
)
BESIDE = (  # folders that lie beside the examples and hold none
    *("annotations", "annotation", "labels", "label", "masks", "mask", "xmls", "xml", "trimaps", "metadata", "meta", "csv"),
    *("docs", "doc", "json", "models", "notebooks", "segmentations", "bboxes"),
)


@dataclass
class Folder:
    """A folder: the names of its files, and the folders in it by their names."""

    path: Steps = ()
    files: list[str] = field(default_factory=list)
    folders: dict[str, Folder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what it is called; "" for the top."""
        return self.path[-1] if self.path else ""

    @property
    def inner_names(self) -> set[str]:
        """Return the names of the folders in it, whatever their case."""
        return set(map(caseless, self.folders))

    def inner(self, name: str) -> Folder:
        """Return a folder in it, made if need be."""
        return self.folders.setdefault(name, Folder((*self.path, name)))

    def walk(self) -> Iterator[Steps]:
        """Yield the paths of all files in it, in their natural order."""
        yield from ((*self.path, name) for name in self.files)
        for one in self.folders.values():
            yield from one.walk()


def folder_of(files: Iterable[Steps], folders: Iterable[Steps] = ()) -> Folder:
    """Return the folder that holds these files, and these folders, which may be empty."""
    top = Folder()
    for path, is_file in (*((path, True) for path in files), *((path, False) for path in folders)):
        one = top
        for name in path[:-1] if is_file else path:
            one = one.inner(name)
        if is_file:
            one.files.append(path[-1])
    _sort(top)
    return top


def _sort(folder: Folder) -> None:
    folder.files.sort(key=natural)
    folder.folders = {name: folder.folders[name] for name in sorted(folder.folders, key=natural)}
    for one in folder.folders.values():
        _sort(one)


def core(folder: Folder) -> tuple[Folder, list[str]]:
    """Return the folder that branches out, inside those that hold nothing but it, and the names of the files and folders beside it."""
    beside: list[str] = []
    while (inner := _only(folder)) is not None:
        beside += [*folder.files, *(name for name in folder.folders if name != inner.name)]
        folder = inner
    return folder, beside


def _only(folder: Folder) -> Folder | None:
    """Return the one folder in it that holds the examples; None for one that is a class itself."""
    inside = [one for one in folder.folders.values() if len(folder.folders) == 1 or caseless(one.name) not in BESIDE]
    if len(inside) != 1:
        return None
    (one,) = inside
    holds = caseless(one.name) in HOLDERS
    if len(folder.folders) > 1:
        return one if holds else None
    return one if one.folders or holds or kind_of(one.name) or caseless(one.name) == caseless(folder.name) else None
