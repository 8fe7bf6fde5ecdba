"""What the columns of a list of files are: by their names, and by what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from explorer.backend.datasets.column_names import ABOUT, FILES, GROUPS, LABEL_WORDS, LABELS
from explorer.backend.datasets.tables import Column
from explorer.dataset_layout.splits import names_text
from explorer.errors import ExplorerError, UndecidedColumn, UnknownName, near
from explorer.locale import _

YES_OR_NO = {"0": False, "1": True, "0.0": False, "1.0": True, "": False, "false": False, "true": True, "-1": False, "-1.0": False}
LOOKED_AT = 40  # cells of a column that are looked for as files
FEW = 20  # different numbers that may be classes, whatever there is of each


def letters(name: str) -> str:
    """Return what names of columns are compared by."""
    return re.sub(r"[\W\d_]+", "", name).lower()


def words_of(name: str) -> list[str]:
    """Return the words that the name of a column is made of."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def named(columns: Sequence[Column], name: str, parameter: str) -> Column:
    """Return the column of a name, or of a number from 1 on. Raises UnknownName."""
    for one in columns:
        if name in (one.name, one.called, str(one.place + 1)) and (one.name == name or name not in {other.name for other in columns}):
            return one
    names = [one.called for one in columns]
    raise UnknownName(
        _("{parameter}: there is no column {name!r}.{near} There are {names}.").format(
            parameter=parameter, name=name, near=near(name, names), names=names_text(names)
        )
    )


def file_column(columns: Sequence[Column], knows: Callable[[str], bool]) -> Column:
    """Return the column that names files: most of which are there, rather by a name with an ending, in a column that is called so."""

    def rank(column: Column) -> tuple[bool, bool, bool, int, int]:
        cells = [cell for cell in column.cells[:: max(1, len(column.cells) // LOOKED_AT)] if cell]
        there = [cell for cell in cells if knows(cell)]
        return (
            bool(there) and 2 * len(there) >= len(cells),
            any(re.search(r"\.\w{2,4}$", cell) for cell in there),
            letters(column.name) in FILES,
            len(column.distinct) if there else 0,
            -column.place,
        )

    return max(columns, key=rank)


def group_column(columns: Iterable[Column]) -> Column | None:
    """Return the column that says which examples belong together, such as those of one patient; None where there is none."""
    return next((one for one in columns if letters(one.name) in GROUPS and len(one.distinct) < len(one.cells)), None)


def is_yes_or_no(column: Column) -> bool:
    """Whether it holds 0 and 1, or 1 and -1, or true and false."""
    values = {cell.lower() for cell in column.distinct}
    return bool(values) and values <= YES_OR_NO.keys() and not (values & {"-1", "-1.0"} and values & {"0", "0.0"})


def label_columns(columns: list[Column], table: str, has_header: bool) -> list[Column]:
    """Return the column of the classes, or several: of 0 and 1 for a class each, or of one class of the example each.

    columns: all that hold neither files nor parts. Raises UndecidedColumn where several may be it, ExplorerError for numbers to predict.
    """
    candidates = [one for one in columns if letters(one.name) not in FILES | GROUPS and not _is_index(one)] or columns
    by_name = _by_name(candidates)
    if by_name:  # further classes of an example may follow, in columns that the header doesn't name
        return [*by_name, *(one for one in columns if not one.name and one.place > by_name[0].place and one.distinct)]
    flags = [one for one in candidates if is_yes_or_no(one)]
    single = all(sum(YES_OR_NO[cell.lower()] for cell in row) == 1 for row in zip(*(one.cells for one in flags), strict=True))
    if len(flags) > 1 and (len(flags) == len(candidates) or single):
        if not has_header:
            raise ExplorerError(_("{name} has columns of 0 and 1: its first line must name the class of each.").format(name=table))
        return flags
    if len(candidates) == 1 or (not has_header and _share_words(candidates)):
        return candidates
    likely = [one for one in candidates if letters(one.name) not in ABOUT and has_few_values(one)]
    if len(likely) == 1:
        return likely
    if all(is_measure(one) for one in candidates):
        raise ExplorerError(_regression(table, names_text([one.called for one in candidates])))
    raise UndecidedColumn(
        _(
            "{name} has several columns that may hold the classes ({columns}): choose one with label_column=, in a shell --label-column."
        ).format(name=table, columns=names_text([one.called for one in candidates])),
        [one.called for one in candidates],
    )


def refuse_numbers(column: Column, table: str) -> None:
    """Raise ExplorerError for a column of numbers to predict, where there are no classes."""
    if is_measure(column):
        raise ExplorerError(_regression(table, column.called))


def is_measure(column: Column) -> bool:
    """Whether it holds numbers of which hardly any comes again."""
    numbers = column.numbers
    if not numbers:
        return False
    rare = 2 * len(numbers) > len(column.cells)
    whole = all(number == round(number) for number in numbers if abs(number) < 1e15)
    if whole:
        return rare and (len(numbers) > FEW or letters(column.name) in ABOUT)
    return len(numbers) > FEW or (rare and len(numbers) > 2)


def has_few_values(column: Column) -> bool:
    """Whether its values come again, two different ones at least."""
    return 1 < len(column.distinct) <= len(column.cells) / 2 or (1 < len(column.distinct) <= FEW and column.numbers is None)


def _by_name(columns: Sequence[Column]) -> list[Column]:
    """Return the column whose name says that it holds the classes; of those that hold the same, the one in words."""
    exact = ([one for one in columns if letters(one.name) in names] for names in LABELS)
    words = [one for one in columns if LABEL_WORDS.intersection(words_of(one.name))]
    found = next(filter(None, (*exact, words)), [])
    if len(found) > 1 and all(_say_the_same(one, other) for one, other in pairwise(found)):
        return [next((one for one in found if one.numbers is None), found[0])]
    if len(found) > 1 and _share_words(found):
        return found
    return found if len(found) == 1 else []


def _say_the_same(one: Column, other: Column) -> bool:
    """Whether two columns hold the same classes under different names."""
    return len(set(zip(one.cells, other.cells, strict=True))) == len(one.distinct) == len(other.distinct)


def _share_words(columns: Sequence[Column]) -> bool:
    """Whether several columns hold words of the same kind, so that each is a class of the example: cat,dog in one line, dog in another."""
    first = columns[0].distinct
    return (
        len(columns) > 1
        and all(one.numbers is None and not is_yes_or_no(one) for one in columns if one.distinct)
        and all(not one.distinct or one.distinct & first for one in columns[1:])
    )


def _is_index(column: Column) -> bool:
    """Whether it holds the numbers of the lines, as pandas writes them."""
    numbers = column.numbers or frozenset()
    in_a_row = len(numbers) == len(column.cells) and max(numbers, default=0.0) - min(numbers, default=0.0) == len(numbers) - 1
    return letters(column.name) in ("", "unnamed", "index", "row", "no", "nr") and in_a_row and len(numbers) > 1


def _regression(table: str, columns: str) -> str:
    return _("{columns} in {name}: these are numbers to predict (regression), but explorer trains on classes.").format(
        name=table, columns=columns
    )
