"""Duplicates: examples of the same content, byte for byte, kept in one group so that no validation example is a copy of a training one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from explorer.values import Example, FileOnDisk, Labelled

Indices: TypeAlias = "tuple[int, ...]"


def same_content(examples: Sequence[Example]) -> tuple[Indices, ...]:
    """Return groups of two or more indices of examples with the same content; parts of one sound are among them.

    Only files of equal size are read.
    """
    groups: list[Indices] = []
    for indices in _by_key((_size_key(example), index) for index, example in enumerate(examples)):
        groups += _by_key((_content_key(examples[index]), index) for index in indices)
    return tuple(sorted(groups))


def copy_groups(examples: Sequence[Example], same: Iterable[Indices]) -> tuple[Indices, ...]:
    """Return, of groups of the same content, those that also start at the same second: copies, not parts of one sound."""
    return tuple(copies for indices in same for copies in _by_key((examples[index].start, index) for index in indices))


def redundant_indices(examples: Sequence[Labelled]) -> tuple[int, ...]:
    """Return the indices of copies of an earlier example with the same classes; copies in other classes stay, as either may be right."""
    sources = [labelled.example for labelled in examples]
    groups_by_class = [
        _by_key((examples[index].classes, index) for index in indices) for indices in copy_groups(sources, same_content(sources))
    ]
    return tuple(sorted(index for groups in groups_by_class for indices in groups for index in indices[1:]))


def with_shared_groups(examples: Sequence[Labelled], same: Iterable[Indices]) -> tuple[Labelled, ...]:
    """Return the examples with one group for copies of each other and all examples that share a group with one of them."""
    leaders = {example.group or f"#{index}": example.group or f"#{index}" for index, example in enumerate(examples)}

    def leader(key: str) -> str:
        while leaders[key] != key:
            key = leaders[key]
        return key

    for indices in same:
        keys = sorted({leader(examples[index].group or f"#{index}") for index in indices})
        leaders.update(dict.fromkeys(keys, keys[0]))
    shared = {index for indices in same for index in indices}
    return tuple(
        replace(example, group=leader(example.group or f"#{index}")) if example.group or index in shared else example
        for index, example in enumerate(examples)
    )


def _by_key(keyed: Iterable[tuple[object, int]]) -> list[Indices]:
    """Return the indices that share a key, as groups of two or more."""
    groups: dict[object, list[int]] = {}
    for key, index in keyed:
        groups.setdefault(key, []).append(index)
    return [tuple(indices) for indices in groups.values() if len(indices) > 1]


def _size_key(example: Example) -> object:
    return example.data.stamp.split("-")[0] if isinstance(example.data, FileOnDisk) else _digest(example)


def _content_key(example: Example) -> object:
    if not isinstance(example.data, FileOnDisk):
        return _digest(example)
    try:
        with Path(example.data.path).open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    except OSError:
        return example.data  # reading it later reports the error


def _digest(example: Example) -> str:
    """Return a hash of the whole content, even where the example is only a part of a sound."""
    return example.digest if example.start is None else replace(example, start=None).digest
