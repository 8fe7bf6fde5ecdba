"""Which lines of a table are trained on, and which validated with, where a column of it says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from explorer.backend.datasets.column_names import FOLDS, SPLITS
from explorer.backend.datasets.columns import YES_OR_NO, is_yes_or_no, letters, words_of
from explorer.backend.datasets.tables import Column
from explorer.dataset_layout.splits import Parts, kind_of, parts
from explorer.locale import _
from explorer.values.names import natural

USUAL = ("training", "validation", "test")  # what 0, 1, 2 and 1, 2, 3 stand for


def split_column(columns: Sequence[Column]) -> tuple[Column, Parts] | None:
    """Return the column that says the part of each line, and what its values are for; None where there is none."""
    for how in (_of_words, _of_flags, _of_numbers):
        for column in columns:
            found = how(column, len(columns))
            if found and (found.validation or found.spare):
                said = _("{column} says which part each file is of.").format(column=column.called)
                return column, replace(found, note=f"{said} {found.note}".strip())
    return None


def _of_words(column: Column, _count: int) -> Parts | None:
    """Return the parts where all values are names of parts; others are left aside in a column that is called so."""
    known = [one for one in column.distinct if kind_of(one)]
    enough = len(known) == len(column.distinct) or letters(column.name) in SPLITS
    return parts(column.distinct) if known and column.numbers is None and enough else None


def _of_flags(column: Column, count: int) -> Parts | None:
    """Return the parts of a column like is_valid."""
    kind = kind_of(column.name)
    if kind not in USUAL or not is_yes_or_no(column) or ("is" not in words_of(column.name) and count > 2):
        return None
    yes, no = (tuple(one for one in column.distinct if YES_OR_NO[one.lower()] is wanted) for wanted in (True, False))
    training, validation = (yes, no) if kind == "training" else (no, yes)
    return Parts(training, validation) if training else None


def _of_numbers(column: Column, _count: int) -> Parts | None:
    """Return the parts of a column of the numbers of folds, or of 0, 1, 2 for training, validation and test."""
    name, values = letters(column.name), sorted(column.distinct, key=natural)
    if column.numbers is None or len(values) < 2 or name not in SPLITS | FOLDS or any(not one.isdigit() for one in values):
        return None
    if name in FOLDS or len(values) > len(USUAL):
        folds = {f"fold {one}": one for one in values}
        found = parts(folds)
        return found and Parts(tuple(folds[one] for one in found.training), (folds[found.validation[0]],), note=found.note)
    said = _("Of its numbers, {training} is taken for training and {validation} for validation.")
    return Parts((values[0],), (values[1],), tuple(values[2:]), said.format(training=values[0], validation=values[1]))
