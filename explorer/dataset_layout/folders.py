"""Folders: a tree of folders built from the paths of files alone, whether on disk, in a zip or dropped on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from explorer.dataset_layout.splits import kind_of
from explorer.values.names import caseless, natural

PathParts: TypeAlias = "tuple[str, ...]"

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
BESIDE = (  # names of folders that lie beside the examples and hold none
    *("annotations", "annotation", "labels", "label", "masks", "mask", "xmls", "xml", "trimaps", "metadata", "meta", "csv"),
    *("docs", "doc", "json", "models", "notebooks", "segmentations", "bboxes"),
)


@dataclass
class Folder:
    """A folder: the names of its files, and the folders in it by their names."""

    path: PathParts = ()
    files: list[str] = field(default_factory=list)
    folders: dict[str, Folder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return its name; "" for the top."""
        return self.path[-1] if self.path else ""

    @property
    def inner_names(self) -> set[str]:
        """Return the names of the folders in it, without regard to case."""
        return set(map(caseless, self.folders))

    def inner(self, name: str) -> Folder:
        """Return a folder in it, created where there is none."""
        return self.folders.setdefault(name, Folder((*self.path, name)))

    def walk(self) -> Iterator[PathParts]:
        """Yield the paths of all files in it, in natural order."""
        yield from ((*self.path, name) for name in self.files)
        for folder in self.folders.values():
            yield from folder.walk()


def folder_of(files: Iterable[PathParts], folders: Iterable[PathParts] = ()) -> Folder:
    """Return the folder that holds these files and these folders, which may be empty."""
    top = Folder()
    for path, is_file in (*((path, True) for path in files), *((path, False) for path in folders)):
        folder = top
        for name in path[:-1] if is_file else path:
            folder = folder.inner(name)
        if is_file:
            folder.files.append(path[-1])
    _sort(top)
    return top


def _sort(folder: Folder) -> None:
    folder.files.sort(key=natural)
    folder.folders = {name: folder.folders[name] for name in sorted(folder.folders, key=natural)}
    for inner in folder.folders.values():
        _sort(inner)


def core(folder: Folder) -> tuple[Folder, list[str]]:
    """Return the first folder that branches, below those that hold only one folder, and the names of the files and folders passed over."""
    beside: list[str] = []
    while (inner := _only(folder)) is not None:
        beside += [*folder.files, *(name for name in folder.folders if name != inner.name)]
        folder = inner
    return folder, beside


def _only(folder: Folder) -> Folder | None:
    """Return the only folder in it that holds the examples; None where that folder is a class itself."""
    candidates = [inner for inner in folder.folders.values() if len(folder.folders) == 1 or caseless(inner.name) not in BESIDE]
    if len(candidates) != 1:
        return None
    (inner,) = candidates
    holds = caseless(inner.name) in HOLDERS
    if len(folder.folders) > 1:
        return inner if holds else None
    return inner if inner.folders or holds or kind_of(inner.name) or caseless(inner.name) == caseless(folder.name) else None
