"""Which examples are held out: a share of each class, drawn by a seed; a group stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from explorer.values import Labelled

Unit: TypeAlias = "tuple[int, ...]"  # places of examples that stay together
NONE = (-1,)  # stands for the class of examples that are of none


def held_out(examples: Sequence[Labelled], share: float, seed: int) -> frozenset[int]:
    """Return the places of the examples to hold out: as near to the share of each class as its groups allow.

    At least one group of each class is trained on; at least one is held out, where it has two or more and what other
    classes decided leaves one. The rarest class is drawn first, which decides for examples of several classes (after
    Sechidis et al. 2011, iterative stratification).
    share: 0 to below 1; with 0 nothing is held out.
    """
    if share == 0:
        return frozenset()
    units = _units(examples)
    order = np.random.default_rng(seed).permutation(len(units))
    side: dict[Unit, bool] = {}  # whether it is held out
    of_class: dict[int, list[Unit]] = {}
    for unit in (units[place] for place in order):
        for one in dict.fromkeys(one for place in unit for one in examples[place].classes or NONE):
            of_class.setdefault(one, []).append(unit)
    for one in sorted(of_class, key=lambda one: (len(of_class[one]), one)):
        counts = {unit: sum(one in (examples[place].classes or NONE) for place in unit) for unit in of_class[one]}
        _divide(counts, share, side)
    return frozenset(place for unit, out in side.items() if out for place in unit)


def _units(examples: Sequence[Labelled]) -> list[Unit]:
    found: dict[str | int, list[int]] = {}
    for place, one in enumerate(examples):
        found.setdefault(one.group or place, []).append(place)
    return [tuple(places) for places in found.values()]


def _divide(counts: dict[Unit, int], share: float, side: dict[Unit, bool]) -> None:
    """Decide for those units of a class that other classes have not decided for; `counts` are examples of the class in each."""
    target = share * sum(counts.values())
    free = {unit: count for unit, count in counts.items() if unit not in side}
    held = sum(count for unit, count in counts.items() if side.get(unit))
    chosen: set[Unit] = set()
    for unit, count in free.items():
        if held + count / 2 <= target:
            chosen.add(unit)
            held += count
    if free and not held:
        chosen.add(min(free, key=lambda unit: free[unit]))
    side.update({unit: unit in chosen for unit in free})
    if all(side[unit] for unit in counts):  # something must be left to train on, even of what other classes hold out
        side[min(counts, key=lambda unit: (unit not in free, counts[unit]))] = False
