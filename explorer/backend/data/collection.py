"""Examples with their classes as a source gives them, before any are held out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from explorer.values import Example, Labelled

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


def natural(text: str) -> tuple[tuple[object, ...], str]:
    """Return what texts are sorted by: letters whatever their case and dots, numbers by their value: "b 2" before "B 10"."""
    parts = re.split("([0-9]+)", unicodedata.normalize("NFD", text).casefold())
    digits = (part.lstrip("0") for part in parts[1::2])
    return (*sum(zip(parts[::2], [*((len(one), one) for one in digits), (0, "")], strict=True), ()),), text


def plain(name: str) -> str:
    """Return a name as text that can be written and compared: what is no character replaced, letters composed.

    macOS writes an umlaut as two characters; file names may hold any bytes, and a name from a page half a character.
    """
    return unicodedata.normalize("NFC", name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
