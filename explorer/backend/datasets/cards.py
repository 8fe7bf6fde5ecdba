"""Cards: the examples of a class as a page shows them, some at a time."""

from __future__ import annotations

import re

from explorer.backend.datasets.summary import thumbnail
from explorer.values import ExampleCard, InputSpec, Labelled, TrainingData

NUMBER = re.compile(r"(.*/)?\d{5} ")  # the prefix of a file that a page has collected


def cards(
    data: TrainingData, label: str, first: int, count: int, input_spec: InputSpec, removable: bool = False
) -> tuple[tuple[ExampleCard, ...], int]:
    """Return `count` examples of a class from index `first` on, validation examples last, and how many examples it has.

    removable: whether they are files that a page has collected.
    """
    if label not in data.classes:
        return (), 0
    class_index = data.classes.index(label)
    examples = [
        (labelled, is_validation)
        for is_validation, side in ((False, data.training), (True, data.validation))
        for labelled in side
        if class_index in labelled.classes
    ]
    chosen = examples[first : first + count]
    return tuple(_card(labelled, label, is_validation, input_spec, removable) for labelled, is_validation in chosen), len(examples)


def key_of(labelled: Labelled, label: str) -> str:
    """Return the path of an example relative to the folder of its class."""
    return labelled.example.name.removeprefix(f"{label}/")


def original_name(key: str) -> str:
    """Return the name that a file had before a page collected it."""
    return NUMBER.sub("", key, count=1)


def _card(labelled: Labelled, label: str, is_validation: bool, input_spec: InputSpec, removable: bool) -> ExampleCard:
    key = key_of(labelled, label)
    return ExampleCard(
        key if removable else "", original_name(key) if removable else key, is_validation, thumbnail(labelled.example, input_spec)
    )
