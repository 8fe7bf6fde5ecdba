"""The names of the layers of a new head, and what pools maps for it."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count
from typing import NamedTuple

POOLS = {"avg": "GlobalAveragePooling", "max": "GlobalMaxPooling"}


class HeadNames(NamedTuple):
    """What the layers of a head are called."""

    pooling: str
    dense: str
    dropout: str
    predictions: str


def head_names(taken: Collection[str]) -> HeadNames:
    """Return names that no layer of the backbone has: `head_dense`, or `head_2_dense` on a network that was tuned before."""
    for number in count(1):
        start = "head" if number == 1 else f"head_{number}"
        names = HeadNames(*(f"{start}_{layer}" for layer in HeadNames._fields))
        if not any(name in taken for name in names):
            break
    return names
