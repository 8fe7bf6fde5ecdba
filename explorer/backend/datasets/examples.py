"""Examples with their classes as a source gives them, before any are held out."""

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
    """What a source holds; the fields are those of `TrainingData`, and classes without examples may be among its own."""

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
    """Return a collection whose classes are in their natural order.

    classes: their names in their order, where the source has one of its own; else those that the examples name.
    """
    examples = list(examples)
    names = tuple(sorted({name for _example, own, _group in examples for name in own}, key=natural) if classes is None else classes)
    place_of = {name: place for place, name in enumerate(names)}
    labelled = tuple(Labelled(example, tuple(sorted({place_of[name] for name in own})), group) for example, own, group in examples)
    return Collection(names, labelled, multi_label, left_out, notes)
