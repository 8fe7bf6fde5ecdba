"""Page uploads: the files that a page collects to train on, kept in a temporary folder of limited size and read as class folders."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

from explorer import disk
from explorer.backend.datasets.cards import cards, key_of, original_name
from explorer.backend.datasets.class_folders import files_in, folder_tree, read_collection
from explorer.backend.datasets.duplicates import redundant_indices
from explorer.backend.datasets.example_reader import from_file
from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.removals import Removals
from explorer.backend.datasets.specs import data_spec
from explorer.backend.datasets.summary import summary
from explorer.backend.datasets.upload_store import ClassFolders, clean_label, safe_file_name
from explorer.backend.datasets.warnings import counts
from explorer.backend.datasets.zip_archives import unpacked
from explorer.backend.runtime import temporary_files
from explorer.dataset_layout.dropped_files import notes_on_page
from explorer.dataset_layout.layouts import Layout, layout_or_class
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, counted
from explorer.values import DataClass, DatasetChange, DataSpec, DataSummary, ExampleCard, InputSpec, TrainingData
from explorer.values.names import natural, plain

LARGEST = 2 * 2**30  # bytes of all files together
MOST = 20_000  # files


class CollectedFolder:
    """The files uploaded on a page, by class; the temporary folder is deleted with this object.

    largest, most: the limits in bytes and in files.
    """

    def __init__(self, largest: int = LARGEST, most: int = MOST) -> None:
        self._largest, self._most = largest, most
        self._folder = temporary_files.make("data-").resolve()
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._classes = ClassFolders(self._folder / "collected")
        self._zips = count(1)
        self._unchecked: list[tuple[Path, str, str]] = []  # files that were not read yet, each with its class and its name
        self._removals = Removals(self._classes, self._folder / "removed")
        self._data: TrainingData | None = None  # as of the last summary
        self._left_out: list[tuple[str, str, str]] = []  # class, name, reason
        self._notes: list[str] = []

    def apply(self, changes: DatasetChange | Iterable[DatasetChange]) -> None:
        """Apply changes in their order.

        A file for which there is no room is left out and named. Raises ExplorerError for a zip that can't be used, for a
        class without a name, and where the disk is full; changes before that one stay applied.
        """
        handlers = {
            "file": self._add,
            "zip": self._add_zip,
            "class": lambda change: self._classes.folder_of(change.label),
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
                handlers[change.what](change)
            except OSError as error:
                name, why = change.name or change.label, disk.why_not(error)
                raise ExplorerError(_("{name} can't be kept: {why}.").format(name=name, why=why)) from error

    def summary(self, input_spec: InputSpec, validation: float, seed: int) -> DataSummary | None:
        """Return a summary of the collected data for a network with this input spec; None where there are no classes.

        While the data can't be trained on, a note says what is missing, and all examples count as training examples. Classes without
        examples are listed as well. New files that can't be read are deleted and named.
        """
        self._discard_unreadable(input_spec)
        spec = data_spec(self._classes.folder, validation, seed)
        if not self._classes.labels():
            self._data = None
            return DataSummary(spec, input_spec.kind, (), removed=self._removals.last_sentence) if self._removals.last_sentence else None
        try:
            data = training_data(spec, input_spec)
        except ExplorerError as error:
            data = self._incomplete_data(input_spec, error)
        self._data = data
        left_out = (*((name, why) for _label, name, why in self._left_out), *data.left_out)
        result = summary(spec, replace(data, left_out=left_out, notes=(*self._notes, *data.notes)), input_spec)
        empty = (DataClass(label, 0, 0) for label in self._classes.labels() if label not in data.classes)
        classes = tuple(sorted((*result.classes, *empty), key=lambda data_class: natural(data_class.name)))
        return replace(result, classes=classes, copies=len(self._copies()), removed=self._removals.last_sentence)

    def examples(self, label: str, first: int, count: int, input_spec: InputSpec) -> tuple[tuple[ExampleCard, ...], int]:
        """Return `count` examples of a class from `first` on, as of the last summary, and how many it has; their keys are for `apply`."""
        return cards(self._data, label, first, count, input_spec, removable=True) if self._data else ((), 0)

    def holds(self, spec: DataSpec) -> bool:
        """Whether a spec refers to these files."""
        return spec.source == "folder" and spec.path == str(self._classes.folder)

    def _incomplete_data(self, input_spec: InputSpec, error: ExplorerError) -> TrainingData:
        """Return data that can't be trained on yet, with a note that says what is missing."""
        collection, _validation = read_collection(self._classes.folder, input_spec)
        filled = [name for name, number in zip(collection.classes, counts(collection.classes, collection.examples), strict=True) if number]
        if not filled and collection.left_out:
            missing = str(error)
        elif len(collection.classes) < 2:
            missing = _("Add a second class to train.")
        elif filled:
            empty = _(" or ").join(name for name in collection.classes if name not in filled)
            missing = _("Add examples of {names} to train.").format(names=empty)
        else:
            missing = _("Add examples to two classes to train.")
        return TrainingData(input_spec.kind, collection.classes, collection.examples, (), False, collection.left_out, (missing,))

    def _discard_unreadable(self, input_spec: InputSpec) -> None:
        """Delete the new files that can't be read, and list them as left out."""
        files, self._unchecked = self._unchecked, []
        folders = self._classes.labels()
        for path, label, name in files:
            if not path.exists():  # its class has been removed meanwhile
                continue
            full_name = f"{label}/{path.relative_to(folders[label]).as_posix()}"  # its name in the data
            try:
                from_file(path, full_name, input_spec)
            except UnreadableExample as error:
                self._classes.delete(path)
                self._left_out.append((label, name, str(error).replace(full_name, name)))

    def _add(self, change: DatasetChange) -> None:
        label, name = clean_label(change.label), _last_part(change.name)
        self._classes.folder_of(label)
        if not self._has_room(1, len(change.data)):
            self._left_out.append((label, name, self._no_room_message()))
            return
        path = self._classes.new_file(label, change.group, name)
        with disk.writing(path, lasting=False) as part:
            part.write_bytes(change.data)
        self._add_to_unchecked(path, label, name)

    def _add_zip(self, change: DatasetChange) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            packed = Path(folder) / safe_file_name(_last_part(change.name))
            packed.write_bytes(change.data)
            unpacked_folder = unpacked(packed, Path(folder) / "files" / clean_label(packed.stem))
            packed.unlink()
            top, _unreadable = folder_tree(unpacked_folder)  # it was just written
            self._move_in(packed.name, unpacked_folder, layout_or_class(top, clean_label(packed.stem)))

    def _move_in(self, name: str, folder: Path, layout: Layout) -> None:
        """Move in the files of the classes in a zip; list the other files as left out."""
        members, number = layout.both.members, next(self._zips)
        if not members:
            raise ExplorerError(_("There are no files in {name}.").format(name=name))
        if not self._has_room(len(members), sum(folder.joinpath(*member.path).stat().st_size for member in members)):
            raise ExplorerError(f"{name}: {self._no_room_message()}")
        for member in members:
            label = clean_label(member.label)
            path = self._classes.new_file(label, f"{number} {member.inside[0]}" if member.group else "", member.path[-1])
            folder.joinpath(*member.path).replace(path)
            self._add_to_unchecked(path, label, member.name)
        self._left_out += [("", *entry) for entry in layout.left_out]
        self._notes += notes_on_page(name, layout)

    def _rename(self, change: DatasetChange) -> None:
        moved, old, new = self._classes.rename(change.label, change.name), clean_label(change.label), clean_label(change.name)
        self._unchecked = [(moved[path], new, name) if path in moved else (path, label, name) for path, label, name in self._unchecked]
        self._left_out = [(new if label == old else label, name, why) for label, name, why in self._left_out]

    def _remove(self, change: DatasetChange) -> None:
        label = clean_label(change.label)
        if label in self._classes.labels():
            self._remove_classes(_("The class {name} was removed.").format(name=label), (label,))

    def _clear(self, _change: DatasetChange) -> None:
        if labels := tuple(self._classes.labels()):
            self._remove_classes(_("All classes were removed."), labels, tuple(self._notes))
        self._unchecked, self._left_out, self._notes = [], [], []

    def _remove_classes(self, sentence: str, labels: tuple[str, ...], notes: tuple[str, ...] = ()) -> None:
        folders = self._classes.labels()
        left_out = tuple(entry for entry in self._left_out if entry[0] in labels)
        self._removals.remove(sentence, [(label, path) for label in labels for path in files_in(folders[label])], labels, left_out, notes)
        self._left_out = [entry for entry in self._left_out if entry[0] not in labels]

    def _remove_example(self, change: DatasetChange) -> None:
        label = clean_label(change.label)
        folder = self._classes.labels().get(label)
        if folder is not None and (path := folder / change.name) in files_in(folder):  # False after a second click on the same example
            self._removals.remove(_("{name} was removed.").format(name=original_name(change.name)), [(label, path)])

    def _remove_copies(self, _change: DatasetChange) -> None:
        if paths := self._copies():
            self._removals.remove(counted("{number} copy was removed.", "{number} copies were removed.", len(paths)), paths)

    def _copies(self) -> list[tuple[str, Path]]:
        """Return the class and the path of each redundant copy."""
        if self._data is None:
            return []
        examples, folders = (*self._data.training, *self._data.validation), self._classes.labels()
        copies = [(self._data.classes[examples[index].classes[0]], examples[index]) for index in redundant_indices(examples)]
        files = [(label, folders[label] / key_of(example, label)) for label, example in copies if label in folders]
        return [(label, path) for label, path in files if path.exists()]

    def _undo(self, _change: DatasetChange) -> None:
        if (last := self._removals.undo()) is not None:
            self._left_out += last.left_out
            self._notes += last.notes

    def _add_to_unchecked(self, path: Path, label: str, name: str) -> None:
        self._classes.count(path)
        self._unchecked.append((path, label, name))

    def _has_room(self, files: int, size: int) -> bool:
        if self._classes.bytes + self._removals.bytes + size > self._largest:
            self._removals.clear()
        return self._classes.files + files <= self._most and self._classes.bytes + size <= self._largest

    def _no_room_message(self) -> str:
        return _("A page collects no more than {files} files and {size} GB: put them into a folder, and give its path.").format(
            files=f"{self._most:,}", size=f"{self._largest / 2**30:g}"
        )


def _last_part(name: str) -> str:
    """Return the last part of a name that a browser gave, which may be a path."""
    return Path(plain(name).replace("\\", "/")).name or _("the file")
