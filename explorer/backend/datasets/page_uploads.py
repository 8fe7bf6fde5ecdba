"""What a page collects to train on, file by file: kept in a temporary folder, bounded, and read as class folders."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

from explorer import disk
from explorer.backend.datasets.cards import cards, key_of, shown_name
from explorer.backend.datasets.class_folders import collected, files_in, in_memory
from explorer.backend.datasets.duplicates import needless
from explorer.backend.datasets.example_reader import from_file
from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.removals import Removals
from explorer.backend.datasets.specs import data_spec
from explorer.backend.datasets.summary import summary
from explorer.backend.datasets.upload_store import KeptClasses, composed, short
from explorer.backend.datasets.warnings import counts
from explorer.backend.datasets.zip_archives import unpacked
from explorer.backend.runtime import temporary_files
from explorer.dataset_layout.dropped_files import on_page
from explorer.dataset_layout.layouts import Layout, layout_or_class
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, counted
from explorer.values import DataClass, DatasetChange, DataSpec, DataSummary, ExampleCard, InputSpec, TrainingData
from explorer.values.names import natural, plain

LARGEST = 2 * 2**30  # bytes of all files together
MOST = 20_000  # files


class CollectedFolder:
    """Files by class, as they come from a page; the temporary folder is gone with this object.

    largest, most: how many bytes and files are kept.
    """

    def __init__(self, largest: int = LARGEST, most: int = MOST) -> None:
        self._largest, self._most = largest, most
        self._place = temporary_files.make("data-").resolve()
        weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
        self._classes = KeptClasses(self._place / "collected")
        self._zips = count(1)
        self._fresh: list[tuple[Path, str, str]] = []  # files that nobody has looked at, each with its class and its name
        self._removals = Removals(self._classes, self._place / "removed")
        self._data: TrainingData | None = None  # what was there at the last summary
        self._left_out: list[tuple[str, str, str]] = []  # class, name, why
        self._notes: list[str] = []

    def apply(self, changes: DatasetChange | Iterable[DatasetChange]) -> None:
        """Take in changes, in their order, or none.

        A file for which there is no room is left out and named. Raises ExplorerError for a zip that can't be taken, for a
        class without a name, and where the disk is full; what was kept before stays.
        """
        doing = {
            "file": self._add,
            "zip": self._add_zip,
            "class": lambda change: self._classes.of(change.label),
            "note": lambda change: self._notes.append(change.name),
            "rename": self._rename,
            "remove": self._remove,
            "example": self._remove_example,
            "copies": self._remove_copies,
            "clear": self._clear,
            "undo": self._undo,
        }
        for change in (changes,) if isinstance(changes, DatasetChange) else changes:
            try:
                doing[change.what](change)
            except OSError as error:
                name, why = change.name or change.label, disk.why_not(error)
                raise ExplorerError(_("{name} can't be kept: {why}.").format(name=name, why=why)) from error

    def summary(self, input_spec: InputSpec, validation: float, seed: int) -> DataSummary | None:
        """Return what is collected, for a network that reads as `input_spec` says; None where there are no classes.

        As long as it can't be trained on, a note says what is missing, and all examples count as trained on. Classes without
        examples are among the others. New files that can't be read are thrown away, and named.
        """
        self._sift(input_spec)
        spec = data_spec(self._classes.folder, validation, seed)
        if not self._classes.labels():
            self._data = None
            return DataSummary(spec, input_spec.kind, (), removed=self._removals.said) if self._removals.said else None
        try:
            data = training_data(spec, input_spec)
        except ExplorerError as error:
            data = self._unfinished(input_spec, error)
        self._data = data
        left_out = (*((name, why) for _label, name, why in self._left_out), *data.left_out)
        found = summary(spec, replace(data, left_out=left_out, notes=(*self._notes, *data.notes)), input_spec)
        empty = (DataClass(label, 0, 0) for label in self._classes.labels() if label not in data.classes)
        classes = tuple(sorted((*found.classes, *empty), key=lambda one: natural(one.name)))
        return replace(found, classes=classes, copies=len(self._copies()), removed=self._removals.said)

    def examples(self, label: str, first: int, count: int, input_spec: InputSpec) -> tuple[tuple[ExampleCard, ...], int]:
        """Return some examples of a class as they were at the last summary, and how many it has; their keys are for `apply`."""
        return cards(self._data, label, first, count, input_spec, removable=True) if self._data else ((), 0)

    def holds(self, spec: DataSpec) -> bool:
        """Whether it is these files that a spec means."""
        return spec.source == "folder" and spec.path == str(self._classes.folder)

    def _unfinished(self, input_spec: InputSpec, error: ExplorerError) -> TrainingData:
        """Return what can't be trained on yet, and what is missing."""
        found, _held = collected(self._classes.folder, input_spec)
        filled = [name for name, number in zip(found.classes, counts(found.classes, found.examples), strict=True) if number]
        if not filled and found.left_out:
            missing = str(error)
        elif len(found.classes) < 2:
            missing = _("Add a second class to train.")
        elif filled:
            empty = _(" or ").join(name for name in found.classes if name not in filled)
            missing = _("Add examples of {names} to train.").format(names=empty)
        else:
            missing = _("Add examples to two classes to train.")
        return TrainingData(input_spec.kind, found.classes, found.examples, (), False, found.left_out, (missing,))

    def _sift(self, input_spec: InputSpec) -> None:
        """Throw away and name the new files that can't be read."""
        fresh, self._fresh = self._fresh, []
        folders = self._classes.labels()
        for path, label, name in fresh:
            if not path.exists():  # its class was removed meanwhile
                continue
            full = f"{label}/{path.relative_to(folders[label]).as_posix()}"  # as it is called later on
            try:
                from_file(path, full, input_spec)
            except UnreadableExample as why:
                self._classes.drop(path)
                self._left_out.append((label, name, str(why).replace(full, name)))

    def _add(self, change: DatasetChange) -> None:
        label, name = composed(change.label), _last_part(change.name)
        self._classes.of(label)
        if not self._fits(1, len(change.data)):
            self._left_out.append((label, name, self._full()))
            return
        path = self._classes.new_file(label, change.group, name)
        with disk.writing(path, lasting=False) as part:
            part.write_bytes(change.data)
        self._keep(path, label, name)

    def _add_zip(self, change: DatasetChange) -> None:
        with tempfile.TemporaryDirectory(dir=self._place) as room:
            packed = Path(room) / short(_last_part(change.name))
            packed.write_bytes(change.data)
            folder = unpacked(packed, Path(room) / "files" / composed(packed.stem))
            packed.unlink()
            top, _lost = in_memory(folder)  # it was just written
            self._move_in(packed.name, folder, layout_or_class(top, composed(packed.stem)))

    def _move_in(self, name: str, folder: Path, found: Layout) -> None:
        """Move in the files of the classes that a zip was found to hold; name what lies beside them."""
        members, serial = found.both.members, next(self._zips)
        if not members:
            raise ExplorerError(_("There are no files in {name}.").format(name=name))
        if not self._fits(len(members), sum(folder.joinpath(*one.path).stat().st_size for one in members)):
            raise ExplorerError(f"{name}: {self._full()}")
        for one in members:
            label = composed(one.label)
            path = self._classes.new_file(label, f"{serial} {one.inside[0]}" if one.group else "", one.path[-1])
            folder.joinpath(*one.path).replace(path)
            self._keep(path, label, one.name)
        self._left_out += [("", one, why) for one, why in found.left_out]
        self._notes += on_page(name, found)

    def _rename(self, change: DatasetChange) -> None:
        moved, old, new = self._classes.rename(change.label, change.name), composed(change.label), composed(change.name)
        self._fresh = [(moved[path], new, name) if path in moved else (path, label, name) for path, label, name in self._fresh]
        self._left_out = [(new if label == old else label, name, why) for label, name, why in self._left_out]

    def _remove(self, change: DatasetChange) -> None:
        label = composed(change.label)
        if label in self._classes.labels():
            self._remove_classes(_("The class {name} was removed.").format(name=label), (label,))

    def _clear(self, _change: DatasetChange) -> None:
        if labels := tuple(self._classes.labels()):
            self._remove_classes(_("All classes were removed."), labels, tuple(self._notes))
        self._fresh, self._left_out, self._notes = [], [], []

    def _remove_classes(self, said: str, labels: tuple[str, ...], notes: tuple[str, ...] = ()) -> None:
        folders = self._classes.labels()
        left_out = tuple(one for one in self._left_out if one[0] in labels)
        self._removals.take(said, [(label, path) for label in labels for path in files_in(folders[label])], labels, left_out, notes)
        self._left_out = [one for one in self._left_out if one[0] not in labels]

    def _remove_example(self, change: DatasetChange) -> None:
        label = composed(change.label)
        folder = self._classes.labels().get(label)
        if folder is not None and (path := folder / change.name) in files_in(folder):  # else it was clicked twice
            self._removals.take(_("{name} was removed.").format(name=shown_name(change.name)), [(label, path)])

    def _remove_copies(self, _change: DatasetChange) -> None:
        if paths := self._copies():
            self._removals.take(counted("{number} copy was removed.", "{number} copies were removed.", len(paths)), paths)

    def _copies(self) -> list[tuple[str, Path]]:
        """Return the class and the file of each copy."""
        if self._data is None:
            return []
        examples, folders = (*self._data.training, *self._data.validation), self._classes.labels()
        found = [(self._data.classes[examples[place].classes[0]], examples[place]) for place in needless(examples)]
        files = [(label, folders[label] / key_of(one, label)) for label, one in found if label in folders]
        return [(label, path) for label, path in files if path.exists()]

    def _undo(self, _change: DatasetChange) -> None:
        if (last := self._removals.undo()) is not None:
            self._left_out += last.left_out
            self._notes += last.notes

    def _keep(self, path: Path, label: str, name: str) -> None:
        self._classes.count(path)
        self._fresh.append((path, label, name))

    def _fits(self, files: int, size: int) -> bool:
        if self._classes.bytes + self._removals.bytes + size > self._largest:
            self._removals.forget()
        return self._classes.files + files <= self._most and self._classes.bytes + size <= self._largest

    def _full(self) -> str:
        return _("No more than {files} files and {size} GB are collected on a page: put them into a folder, and give its path.").format(
            files=f"{self._most:,}", size=f"{self._largest / 2**30:g}"
        )


def _last_part(name: str) -> str:
    """Return the last part of a name from a browser, which may hold a path."""
    return Path(plain(name).replace("\\", "/")).name or _("the file")
