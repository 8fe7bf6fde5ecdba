"""Column parts: which lines of a table are for training and which for validation, where a column says so."""

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
    """Return the column that holds the part of each line, and the use of its values; None where there is none."""
    for read_parts in (_parts_of_words, _parts_of_flags, _parts_of_numbers):
        for column in columns:
            split = read_parts(column, len(columns))
            if split and (split.validation or split.spare):
                sentence = _("{column} says which part each file belongs to.").format(column=column.display_name)
                return column, replace(split, note=f"{sentence} {split.note}".strip())
    return None


def _parts_of_words(column: Column, _count: int) -> Parts | None:
    """Return the parts where all values are names of parts; other values are left aside where the column is named as a split."""
    known = [value for value in column.distinct if kind_of(value)]
    enough = len(known) == len(column.distinct) or letters(column.name) in SPLITS
    return parts(column.distinct) if known and column.numbers is None and enough else None


def _parts_of_flags(column: Column, count: int) -> Parts | None:
    """Return the parts of a yes-or-no column like is_valid."""
    kind = kind_of(column.name)
    if kind not in USUAL or not is_yes_or_no(column) or ("is" not in words_of(column.name) and count > 2):
        return None
    yes, no = (tuple(value for value in column.distinct if YES_OR_NO[value.lower()] is flag) for flag in (True, False))
    training, validation = (yes, no) if kind == "training" else (no, yes)
    return Parts(training, validation) if training else None


def _parts_of_numbers(column: Column, _count: int) -> Parts | None:
    """Return the parts of a column of fold numbers, or of 0, 1, 2 for training, validation and test."""
    name, values = letters(column.name), sorted(column.distinct, key=natural)
    if column.numbers is None or len(values) < 2 or name not in SPLITS | FOLDS or any(not value.isdigit() for value in values):
        return None
    if name in FOLDS or len(values) > len(USUAL):
        folds = {f"fold {value}": value for value in values}
        split = parts(folds)
        return split and Parts(tuple(folds[value] for value in split.training), (folds[split.validation[0]],), note=split.note)
    note = _("Of its numbers, {training} means training and {validation} means validation.")
    return Parts((values[0],), (values[1],), tuple(values[2:]), note.format(training=values[0], validation=values[1]))
