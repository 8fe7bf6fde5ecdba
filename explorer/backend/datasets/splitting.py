"""Splitting: which examples are for validation, a share of each class drawn by a seed; a group stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from explorer.values import Labelled

Unit: TypeAlias = "tuple[int, ...]"  # indices of examples that stay together
NONE = (-1,)  # the class index that stands for examples without a class


def validation_indices(examples: Sequence[Labelled], share: float, seed: int) -> frozenset[int]:
    """Return the indices of the validation examples: as near to the share of each class as its groups allow.

    At least one group of each class stays for training; at least one is for validation, where the class has two or more groups
    and the classes drawn earlier leave one. The rarest class is drawn first, which decides for examples of several classes (after
    Sechidis et al. 2011, iterative stratification).
    share: 0 to below 1; with 0 there is no validation.
    """
    if share == 0:
        return frozenset()
    units = _units(examples)
    order = np.random.default_rng(seed).permutation(len(units))
    is_validation: dict[Unit, bool] = {}
    of_class: dict[int, list[Unit]] = {}
    for unit in (units[index] for index in order):
        for class_index in dict.fromkeys(class_index for index in unit for class_index in examples[index].classes or NONE):
            of_class.setdefault(class_index, []).append(unit)
    for class_index in sorted(of_class, key=lambda class_index: (len(of_class[class_index]), class_index)):
        counts = {unit: sum(class_index in (examples[index].classes or NONE) for index in unit) for unit in of_class[class_index]}
        _divide(counts, share, is_validation)
    return frozenset(index for unit, chosen in is_validation.items() if chosen for index in unit)


def _units(examples: Sequence[Labelled]) -> list[Unit]:
    members: dict[str | int, list[int]] = {}
    for index, example in enumerate(examples):
        members.setdefault(example.group or index, []).append(index)
    return [tuple(indices) for indices in members.values()]


def _divide(counts: dict[Unit, int], share: float, is_validation: dict[Unit, bool]) -> None:
    """Split those units of a class that no earlier class has split; counts: unit to the number of its examples in the class."""
    target = share * sum(counts.values())
    undecided = {unit: count for unit, count in counts.items() if unit not in is_validation}
    validation_count = sum(count for unit, count in counts.items() if is_validation.get(unit))
    chosen: set[Unit] = set()
    for unit, count in undecided.items():
        if validation_count + count / 2 <= target:
            chosen.add(unit)
            validation_count += count
    if undecided and not validation_count:
        chosen.add(min(undecided, key=lambda unit: undecided[unit]))
    is_validation.update({unit: unit in chosen for unit in undecided})
    if all(is_validation[unit] for unit in counts):  # something must be left to train on, even where other classes chose it for validation
        is_validation[min(counts, key=lambda unit: (unit not in undecided, counts[unit]))] = False
