"""The examples of a class as a page shows them, some at a time."""

from __future__ import annotations

import re

from explorer.backend.datasets.summary import thumbnail
from explorer.values import ExampleCard, InputSpec, Labelled, TrainingData

NUMBER = re.compile(r"(.*/)?\d{5} ")  # in front of the name of a file that a page has collected


def cards(
    data: TrainingData, label: str, first: int, count: int, input_spec: InputSpec, removable: bool = False
) -> tuple[tuple[ExampleCard, ...], int]:
    """Return `count` examples of a class from the place `first` on, those that are held out last, and how many it has.

    removable: whether they are files that a page has collected.
    """
    if label not in data.classes:
        return (), 0
    place = data.classes.index(label)
    both = [(one, held) for held, side in ((False, data.training), (True, data.validation)) for one in side if place in one.classes]
    return tuple(_card(one, label, held, input_spec, removable) for one, held in both[first : first + count]), len(both)


def key_of(one: Labelled, label: str) -> str:
    """Return where an example of a class lies in the class's folder."""
    return one.example.name.removeprefix(f"{label}/")


def shown_name(key: str) -> str:
    """Return what a file was called before it was collected."""
    return NUMBER.sub("", key, count=1)


def _card(one: Labelled, label: str, held: bool, input_spec: InputSpec, removable: bool) -> ExampleCard:
    key = key_of(one, label)
    return ExampleCard(key if removable else "", shown_name(key) if removable else key, held, thumbnail(one.example, input_spec))
