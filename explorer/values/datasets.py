"""The datasets to train on: examples with their classes, and summaries of them."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.values.inputs import Example
from explorer.values.training import DataSpec


@dataclass(frozen=True, eq=False)
class Labelled:
    """An example and its classes, as indices into the class names: one, or any number of them.

    group: examples of one group (windows of one recording, duplicates of one picture) stay on one side of the split.
    """

    example: Example
    classes: tuple[int, ...]
    group: str = ""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The training and validation examples.

    kind: of the examples: "image", "audio" or "arrays".
    classes: the names of the classes.
    multi_label: whether an example may have any number of classes.
    left_out: (name, reason) of the files that could not be read.
    notes: sentences about the data: imbalance, duplicates on both sides of the split, a class without examples.
    """

    kind: str
    classes: tuple[str, ...]
    training: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    multi_label: bool = False
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExampleCard:
    """An example of a class as a page shows it.

    key: identifies it for removal, if it was collected on the page; else "".
    validation: whether it is a validation example; picture: a thumbnail (PNG), b"" for none.
    """

    key: str
    name: str
    validation: bool
    picture: bytes = b""


@dataclass(frozen=True, eq=False)
class DataClass:
    """One class of a dataset: how many training and validation examples it has, and a thumbnail (PNG) of one, b"" for none."""

    name: str
    training: int
    validation: int
    thumbnail: bytes = b""


@dataclass(frozen=True, eq=False)
class DataSummary:
    """What a page needs to know about a dataset; other fields are those of `TrainingData`.

    copies: how many examples collected on the page are duplicates of another one of their class.
    removed: a sentence about what was removed last and can be restored; empty for nothing.
    """

    spec: DataSpec
    kind: str
    classes: tuple[DataClass, ...]
    multi_label: bool = False
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    copies: int = 0
    removed: str = ""


@dataclass(frozen=True, eq=False)
class DatasetChange:
    """A change to the dataset that is collected on a page.

    what: "class" (add an empty class `label`), "file" (add an example of the class `label`), "zip" (add class folders), "rename" (the
        class `label` to `name`), "remove" (the class `label`), "example" (remove the one with the key `name` from the class `label`),
        "copies" (remove all duplicates but one of each), "clear" (remove all), "undo" (restore what was removed last) or "note"
        (`name` is a sentence to show).
    data, name: of the file; the name is never used as a path.
    group: the name of a recording whose parts stay on one side of the split; "" for none.
    """

    what: str
    label: str = ""
    data: bytes = b""
    name: str = ""
    group: str = ""
