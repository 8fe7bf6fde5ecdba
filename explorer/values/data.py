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


@dataclass(frozen=True, eq=False)
class DataClass:
    """One class of a data set: how many examples are trained on and held out, and a small picture (PNG) of one; b"" without."""

    name: str
    training: int
    validation: int
    thumbnail: bytes = b""


@dataclass(frozen=True, eq=False)
class DataSummary:
    """What a page needs to know of a data set; the fields are those of `TrainingData`."""

    spec: DataSpec
    kind: str
    classes: tuple[DataClass, ...]
    multi_label: bool = False
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Collected:
    """What was dropped or captured on a page for its data.

    what: "class" (an empty class `label`), "file" (an example of the class `label`), "zip" (of class folders), "rename" (the class
        `label` becomes `name`), "remove" (the class `label` goes) or "clear" (all go).
    data, name: of the file; the name is never used as a path.
    group: what a recording is called whose parts stay on one side of the split; "" for none.
    """

    what: str
    label: str = ""
    data: bytes = b""
    name: str = ""
    group: str = ""
