"""Examples with their classes, to train on."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.values.inputs import Example
from explorer.values.training import DataSpec


@dataclass(frozen=True, eq=False)
class Labelled:
    """An example and its classes, as places among the names of the classes: one, or any number of them.

    group: examples of one group (windows of one recording, copies of one picture) stay on one side of the split.
    """

    example: Example
    classes: tuple[int, ...]
    group: str = ""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Examples to train on, and those that are held out.

    kind: of the examples: "image", "audio" or "arrays".
    classes: their names.
    multi_label: whether an example may be of any number of classes.
    left_out: (name, why) of the files that could not be read.
    notes: what there is to know of the data, in sentences: imbalance, copies on both sides, a class without examples.
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

    key: what it is removed by, where it was collected on the page; else "".
    validation: whether it is held out; picture: a small one (PNG), b"" for none.
    """

    key: str
    name: str
    validation: bool
    picture: bytes = b""


@dataclass(frozen=True, eq=False)
class DataClass:
    """One class of a data set: how many examples are trained on and held out, and a small picture (PNG) of one; b"" without."""

    name: str
    training: int
    validation: int
    thumbnail: bytes = b""


@dataclass(frozen=True, eq=False)
class DataSummary:
    """What a page needs to know of a data set; the fields are those of `TrainingData`.

    copies: how many examples of what is collected on the page are copies of another one of their class.
    removed: what was removed last and can be put back, in a sentence; empty for nothing.
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
    """What was dropped or captured on a page for its data.

    what: "class" (an empty class `label`), "file" (an example of the class `label`), "zip" (of class folders), "rename" (the class
        `label` becomes `name`), "remove" (the class `label` goes), "example" (the one of the class `label` with the key `name` goes),
        "copies" (they go but for one of each), "clear" (all go), "undo" (what went last comes back) or "note"
        (`name` is a sentence to show).
    data, name: of the file; the name is never used as a path.
    group: what a recording is called whose parts stay on one side of the split; "" for none.
    """

    what: str
    label: str = ""
    data: bytes = b""
    name: str = ""
    group: str = ""
