"""Examples of the same content, byte for byte: they are kept together, so that none is held out of which a copy is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from explorer.values import Example, FileOnDisk, Labelled

Places: TypeAlias = "tuple[int, ...]"


def same_content(examples: Sequence[Example]) -> tuple[Places, ...]:
    """Return the places of those of the same content, two or more at a time; parts of one sound are among them.

    Only files of one size are read for it.
    """
    same: list[Places] = []
    for alike in _by_key((_size(example), place) for place, example in enumerate(examples)):
        same += _by_key((_content(examples[place]), place) for place in alike)
    return tuple(sorted(same))


def copies(examples: Sequence[Example], same: Iterable[Places]) -> tuple[Places, ...]:
    """Return, of those of the same content, the ones that are heard from the same second on: copies, not parts of one sound."""
    return tuple(alike for places in same for alike in _by_key((examples[place].start, place) for place in places))


def needless(examples: Sequence[Labelled]) -> tuple[int, ...]:
    """Return the places of copies of an example before them of the same classes; which of several classes is right nobody knows."""
    alone = [one.example for one in examples]
    of_class = [_by_key((examples[place].classes, place) for place in places) for places in copies(alone, same_content(alone))]
    return tuple(sorted(place for found in of_class for places in found for place in places[1:]))


def together(examples: Sequence[Labelled], same: Iterable[Places]) -> tuple[Labelled, ...]:
    """Return the examples with one group for copies and for all that were in a group with one of them."""
    leaders = {one.group or f"#{place}": one.group or f"#{place}" for place, one in enumerate(examples)}

    def leader(key: str) -> str:
        while leaders[key] != key:
            key = leaders[key]
        return key

    for places in same:
        found = sorted({leader(examples[place].group or f"#{place}") for place in places})
        leaders.update(dict.fromkeys(found, found[0]))
    shared = {place for places in same for place in places}
    return tuple(
        replace(one, group=leader(one.group or f"#{place}")) if one.group or place in shared else one for place, one in enumerate(examples)
    )


def _by_key(keyed: Iterable[tuple[object, int]]) -> list[Places]:
    """Return the places that share a key, where two or more do."""
    found: dict[object, list[int]] = {}
    for key, place in keyed:
        found.setdefault(key, []).append(place)
    return [tuple(places) for places in found.values() if len(places) > 1]


def _size(example: Example) -> object:
    return example.data.stamp.split("-")[0] if isinstance(example.data, FileOnDisk) else _digest(example)


def _content(example: Example) -> object:
    if not isinstance(example.data, FileOnDisk):
        return _digest(example)
    try:
        with Path(example.data.path).open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    except OSError:
        return example.data  # it is said when it is read


def _digest(example: Example) -> str:
    """Return a hash of the whole content, also where only a part of a sound is heard."""
    return example.digest if example.start is None else replace(example, start=None).digest
