"""Columns: which columns of a list of files hold what, from their names and their cells."""

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
LOOKED_AT = 40  # cells of a column that are looked up as files
FEW = 20  # distinct numbers up to which they may be classes


def letters(name: str) -> str:
    """Return only the letters of a column's name, in lower case, by which names are compared."""
    return re.sub(r"[\W\d_]+", "", name).lower()


def words_of(name: str) -> list[str]:
    """Return the words in the name of a column, in lower case."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def column_named(columns: Sequence[Column], name: str, parameter: str) -> Column:
    """Return the column with a name, or a number from 1 on. Raises UnknownName."""
    for column in columns:
        if name in (column.name, column.display_name, str(column.index + 1)) and (
            column.name == name or name not in {other.name for other in columns}
        ):
            return column
    names = [column.display_name for column in columns]
    raise UnknownName(
        _("{parameter}: there is no column {name!r}.{near} There are {names}.").format(
            parameter=parameter, name=name, near=near(name, names), names=names_text(names)
        )
    )


def file_column(columns: Sequence[Column], knows: Callable[[str], bool]) -> Column:
    """Return the column of file names: most of the files exist; preferably with an extension, and in a column with a fitting name."""

    def rank(column: Column) -> tuple[bool, bool, bool, int, int]:
        cells = [cell for cell in column.cells[:: max(1, len(column.cells) // LOOKED_AT)] if cell]
        existing = [cell for cell in cells if knows(cell)]
        return (
            bool(existing) and 2 * len(existing) >= len(cells),
            any(re.search(r"\.\w{2,4}$", cell) for cell in existing),
            letters(column.name) in FILES,
            len(column.distinct) if existing else 0,
            -column.index,
        )

    return max(columns, key=rank)


def group_column(columns: Iterable[Column]) -> Column | None:
    """Return the column that groups examples, such as those of one patient; None where there is none."""
    return next((column for column in columns if letters(column.name) in GROUPS and len(column.distinct) < len(column.cells)), None)


def is_yes_or_no(column: Column) -> bool:
    """Whether it holds 0 and 1, or 1 and -1, or true and false."""
    values = {cell.lower() for cell in column.distinct}
    return bool(values) and values <= YES_OR_NO.keys() and not (values & {"-1", "-1.0"} and values & {"0", "0.0"})


def label_columns(columns: list[Column], table: str, has_header: bool) -> list[Column]:
    """Return the column of the classes, or several: a column of 0 and 1 for each class, or columns that each hold one of the classes.

    columns: all that hold neither files nor parts. Raises UndecidedColumn where several may hold the classes, ExplorerError for
    numbers to predict.
    """
    candidates = [column for column in columns if letters(column.name) not in FILES | GROUPS and not _is_index(column)] or columns
    by_name = _by_name(candidates)
    if by_name:  # more classes of an example may follow, in columns without a name
        return [*by_name, *(column for column in columns if not column.name and column.index > by_name[0].index and column.distinct)]
    flags = [column for column in candidates if is_yes_or_no(column)]
    single = all(sum(YES_OR_NO[cell.lower()] for cell in row) == 1 for row in zip(*(column.cells for column in flags), strict=True))
    if len(flags) > 1 and (len(flags) == len(candidates) or single):
        if not has_header:
            raise ExplorerError(_("{name} has columns of 0 and 1: its first line must name the class of each.").format(name=table))
        return flags
    if len(candidates) == 1 or (not has_header and _share_words(candidates)):
        return candidates
    likely = [column for column in candidates if letters(column.name) not in ABOUT and has_few_values(column)]
    if len(likely) == 1:
        return likely
    if all(is_measure(column) for column in candidates):
        raise ExplorerError(_regression_message(table, names_text([column.display_name for column in candidates])))
    raise UndecidedColumn(
        _(
            "{name} has several columns that may hold the classes ({columns}): choose one with label_column=, in a shell --label-column."
        ).format(name=table, columns=names_text([column.display_name for column in candidates])),
        [column.display_name for column in candidates],
    )


def refuse_numbers(column: Column, table: str) -> None:
    """Raise ExplorerError where a column holds numbers to predict instead of classes."""
    if is_measure(column):
        raise ExplorerError(_regression_message(table, column.display_name))


def is_measure(column: Column) -> bool:
    """Whether it holds numbers that hardly ever repeat."""
    numbers = column.numbers
    if not numbers:
        return False
    rare = 2 * len(numbers) > len(column.cells)
    whole = all(number == round(number) for number in numbers if abs(number) < 1e15)
    if whole:
        return rare and (len(numbers) > FEW or letters(column.name) in ABOUT)
    return len(numbers) > FEW or (rare and len(numbers) > 2)


def has_few_values(column: Column) -> bool:
    """Whether its values repeat, and there are at least two distinct ones."""
    return 1 < len(column.distinct) <= len(column.cells) / 2 or (1 < len(column.distinct) <= FEW and column.numbers is None)


def _by_name(columns: Sequence[Column]) -> list[Column]:
    """Return the column whose name says that it holds the classes; of equivalent columns, the one in words; of alike ones, all."""
    exact = ([column for column in columns if letters(column.name) in names] for names in LABELS)
    words = [column for column in columns if LABEL_WORDS.intersection(words_of(column.name))]
    matches = next(filter(None, (*exact, words)), [])
    if len(matches) > 1 and all(_are_equivalent(column, other) for column, other in pairwise(matches)):
        return [next((column for column in matches if column.numbers is None), matches[0])]
    if len(matches) > 1 and _share_words(matches):
        return matches
    return matches if len(matches) == 1 else []


def _are_equivalent(first: Column, second: Column) -> bool:
    """Whether two columns hold the same classes under different names."""
    return len(set(zip(first.cells, second.cells, strict=True))) == len(first.distinct) == len(second.distinct)


def _share_words(columns: Sequence[Column]) -> bool:
    """Whether several columns share words, so that each holds one of the example's classes: cat,dog in one line, dog in another."""
    first_words = columns[0].distinct
    return (
        len(columns) > 1
        and all(column.numbers is None and not is_yes_or_no(column) for column in columns if column.distinct)
        and all(not column.distinct or column.distinct & first_words for column in columns[1:])
    )


def _is_index(column: Column) -> bool:
    """Whether it holds the line numbers, as pandas writes them."""
    numbers = column.numbers or frozenset()
    consecutive = len(numbers) == len(column.cells) and max(numbers, default=0.0) - min(numbers, default=0.0) == len(numbers) - 1
    return letters(column.name) in ("", "unnamed", "index", "row", "no", "nr") and consecutive and len(numbers) > 1


def _regression_message(table: str, columns: str) -> str:
    return _("{columns} in {name}: these are numbers to predict (regression), but explorer trains on classes.").format(
        name=table, columns=columns
    )
