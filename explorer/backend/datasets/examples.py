"""Examples with their classes as read from a source, before the split into training and validation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from explorer.values import Example, Labelled
from explorer.values.names import natural

Named: TypeAlias = "tuple[Example, Sequence[str], str]"  # an example, the names of its classes, its group
LeftOut: TypeAlias = "tuple[tuple[str, str], ...]"


@dataclass(frozen=True, eq=False)
class Collection:
    """The examples of a source; its fields are those of `TrainingData`, and its classes may include some without examples."""

    classes: tuple[str, ...]
    examples: tuple[Labelled, ...]
    multi_label: bool = False
    left_out: LeftOut = ()
    notes: tuple[str, ...] = ()


def collection(
    examples: Iterable[Named],
    multi_label: bool = False,
    left_out: LeftOut = (),
    notes: tuple[str, ...] = (),
    classes: Iterable[str] | None = None,
) -> Collection:
    """Return a collection of examples.

    classes: the names of the classes in order; None for those of the examples, in natural order.
    """
    examples = list(examples)
    names = tuple(sorted({name for _example, labels, _group in examples for name in labels}, key=natural) if classes is None else classes)
    index_of = {name: index for index, name in enumerate(names)}
    labelled = tuple(Labelled(example, tuple(sorted({index_of[name] for name in labels})), group) for example, labels, group in examples)
    return Collection(names, labelled, multi_label, left_out, notes)
