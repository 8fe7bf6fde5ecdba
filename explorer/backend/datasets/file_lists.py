"""File lists: a .csv with files and their classes, in one column, in several, or as a column of 0 and 1 for each class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from explorer.backend.datasets import columns as by_columns
from explorer.backend.datasets.column_names import FILES, LABELS, SEVERAL
from explorer.backend.datasets.column_parts import split_column
from explorer.backend.datasets.columns import YES_OR_NO, letters
from explorer.backend.datasets.example_reader import from_file
from explorer.backend.datasets.examples import Collection, Named, collection
from explorer.backend.datasets.listed_files import ListedFiles
from explorer.backend.datasets.tables import Column, Row, columns_of, rows_of
from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.dataset_layout.splits import Parts, names_text
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, counted
from explorer.values import InputSpec
from explorer.values.names import plain

MOST = 20_000  # columns
CELL = 30  # bytes of an empty cell while the table is a list of lines
PATH, LONGEST = 1_000, 10_000  # characters of a cell with a file name, and of one with classes
PIXELS = 100  # numbers in a cell, or columns of numbers, above which they count as a picture

Classes: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True)
class Labels:
    """The classes of each line; all class names in order, None where they have none; whether an example may have any number of classes."""

    of_lines: Sequence[Classes]
    classes: Classes | None
    multi_label: bool
    note: str = ""


@dataclass(frozen=True)
class Roles:
    """The roles of a list's columns."""

    files: Column
    labels: Sequence[Column]
    split: tuple[Column, Parts] | None
    group: Column | None


def read_collection(
    path: Path, input_spec: InputSpec, label_column: str = "", file_column: str = ""
) -> tuple[Collection, Collection | None]:
    """Return the examples that a .csv lists, and those that it lists for validation; None where no column holds a split.

    Each line names a file, relative to the folder of the .csv or to a folder inside it, with or without its extension, and its classes:
    in one cell ("cat", or "cat;dog" for several), in several cells, or as 0 and 1 in columns named in the first line.
    The role of a column follows from its name and its cells. Files that don't exist or can't be read are left out and named.
    label_column, file_column: the name of the column of the classes and of the files, or its number from 1 on; "" to find it.
    Raises ExplorerError for a file that is no such table, and for numbers to predict; UndecidedColumn where several columns may hold
    the classes; UnknownName for a column that doesn't exist.
    """
    message = _("{name} can't be read as a list of files and their classes ({why}); write a file and its class into each line.")
    with refusing(ExplorerError, message, path.name):
        return _read_collection(path, input_spec, label_column, file_column)


def _read_collection(path: Path, input_spec: InputSpec, label_column: str, file_column: str) -> tuple[Collection, Collection | None]:
    listed = ListedFiles(path)
    header, columns = _table(path, listed)
    roles = _roles(path.name, columns, listed, label_column, file_column, has_header=bool(header))
    for column, longest in ((roles.files, PATH), *((column, LONGEST) for column in roles.labels)):
        if any(len(cell) > longest for cell in column.distinct):
            raise ExplorerError(
                _("{column} in {name} holds whole texts, not names of files or classes: choose another column.").format(
                    column=column.display_name, name=path.name
                )
            )
    labels = _labels(roles.labels)
    training = _examples_of(roles, labels, True, listed, input_spec)
    training = replace(training, notes=(*_column_notes(roles, columns, header), *([labels.note] if labels.note else []), *training.notes))
    return training, _examples_of(roles, labels, False, listed, input_spec) if roles.split and roles.split[1].validation else None


def _table(path: Path, listed: ListedFiles) -> tuple[Row, tuple[Column, ...]]:
    """Return the header, [] where there is none, and the columns. Raises ExplorerError for a table that lists no files."""
    rows = rows_of(path)
    width = max(map(len, rows), default=0)
    if width < 2:
        raise ExplorerError(_no_classes_message(path.name))
    if width > MOST:
        raise ExplorerError(_pixels_message(path.name))
    advice = _("Use a part of its lines, or a folder with a folder for each class.")
    budget.check(CELL * width * len(rows), path.name, advice, ExplorerError)  # a single line may be longer than all others
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    header, rows = (rows[0], rows[1:]) if _is_header(rows[0], listed) else ([], rows)
    columns = tuple(column for column in columns_of(header, rows) if column.name or column.distinct)
    if _holds_pixels(columns):
        raise ExplorerError(_pixels_message(path.name))
    return header, columns


def _no_classes_message(table: str) -> str:
    return _("{name} must list a file and its class in each line, separated by a comma: roses/1.jpg,rose.").format(name=table)


def _pixels_message(table: str) -> str:
    return _("{name} holds the pixels themselves, not names of files: save them as an .npz with x and y, and give that.").format(name=table)


def _holds_pixels(columns: Sequence[Column]) -> bool:
    numbers = sum(column.numbers is not None and not by_columns.is_yes_or_no(column) for column in columns)
    first_row = next(zip(*(column.cells for column in columns), strict=True), ())
    return numbers > PIXELS or any(len(cell.split()) > PIXELS and cell.replace(" ", "").isdigit() for cell in first_row)


def _is_header(row: Row, listed: ListedFiles) -> bool:
    """Whether a line is a header: it holds no existing file, but the name of a file column, or only cells without an extension."""
    names = [letters(cell) for cell in row]
    names_files = any(name in FILES for name in names)
    if names_files and any(name in group for group in LABELS for name in names):
        return True
    if any(listed.knows(cell) for cell in row):
        return False
    return names_files or not any(re.search(r"\.\w{2,4}$", cell) for cell in row)


def _roles(table: str, columns: Sequence[Column], listed: ListedFiles, label_column: str, file_column: str, has_header: bool) -> Roles:
    """Return the role of each column."""
    chosen = by_columns.column_named(columns, label_column, "label_column") if label_column else None
    if file_column:
        files = by_columns.column_named(columns, file_column, "file_column")
    else:
        files = by_columns.file_column([column for column in columns if column is not chosen], listed.knows)
    rest = [column for column in columns if column not in (files, chosen)]
    split = split_column(rest) if chosen or len(rest) > 1 else None
    rest = [column for column in rest if split is None or column is not split[0]]
    if not chosen and not rest:
        raise ExplorerError(_no_classes_message(table))
    labels = [chosen] if chosen else by_columns.label_columns(rest, table, has_header)
    if len(labels) == 1:
        by_columns.refuse_numbers(labels[0], table)
    return Roles(files, labels, split, by_columns.group_column(column for column in rest if column not in labels))


def _column_notes(roles: Roles, columns: Sequence[Column], header: Row) -> list[str]:
    """Return notes about which columns are used, where others would have been possible."""
    used = [roles.files, *roles.labels, *([roles.split[0]] if roles.split else []), *([roles.group] if roles.group else [])]
    others = [column.display_name for column in columns if column not in used and column.name]
    notes = []
    if others or (header and len(columns) > 1 + len(roles.labels)):
        sentence = _("The files are in {files}, their classes in {labels}.")
        notes.append(sentence.format(files=roles.files.display_name, labels=names_text([column.display_name for column in roles.labels])))
    if others:
        notes.append(_("Not used: {columns}.").format(columns=names_text(others)))
    if roles.group:
        notes.append(_("Examples of the same {column} stay on one side of the split.").format(column=roles.group.display_name))
    if roles.split and not roles.split[1].validation:
        notes.append(roles.split[1].note)
    if roles.split and roles.split[1].spare:
        notes.append(_("Left out: {names}.").format(names=names_text(roles.split[1].spare)))
    return notes


def _examples_of(roles: Roles, labels: Labels, training: bool, listed: ListedFiles, input_spec: InputSpec) -> Collection:
    """Return the training or the validation examples: one for each file, whose lines must agree."""
    lines_of_file: dict[str, list[int]] = {}
    parts = roles.split[0].cells if roles.split else None
    part_names = (roles.split[1].training if training else roles.split[1].validation) if roles.split else ()
    for line, name in enumerate(roles.files.cells):
        if name and (parts is None or parts[line] in part_names):
            lines_of_file.setdefault(name, []).append(line)
    examples: list[Named] = []
    left_out: list[tuple[str, str]] = []
    conflicts = 0
    for name, line_numbers in lines_of_file.items():
        label_sets = dict.fromkeys(labels.of_lines[line] for line in line_numbers)
        try:
            if len(label_sets) > 1:
                conflicts += 1
                classes = names_text(sorted({label for labels_of_line in label_sets for label in labels_of_line}))
                raise UnreadableExample(_("{name} is listed with different classes: {classes}.").format(name=name, classes=classes))
            (label_set,) = label_sets
            if len(label_set) != 1 and not labels.multi_label:
                raise UnreadableExample(_("{name} is listed without a class.").format(name=name))
            group = f"{roles.group.display_name} {cell}" if roles.group and (cell := roles.group.cells[line_numbers[0]]) else ""
            examples.append((from_file(listed.find(name), name, input_spec), label_set, group))
        except UnreadableExample as why:
            left_out.append((name, str(why)))
    notes = (*_repetition_notes(lines_of_file, conflicts), *((roles.split[1].note,) if roles.split and not training else ()))
    return collection(examples, labels.multi_label, tuple(left_out), notes, labels.classes)


def _repetition_notes(lines_of_file: dict[str, list[int]], conflicts: int) -> Iterable[str]:
    """Yield notes about files that are listed more than once."""
    repeated = sum(len(line_numbers) > 1 for line_numbers in lines_of_file.values())
    if (merged := repeated - conflicts) > 0:
        yield counted(
            "{number} file is listed several times, and used once.", "{number} files are listed several times, and used once.", merged
        )
    if conflicts:
        files = counted("{number} file is listed with different classes", "{number} files are listed with different classes", conflicts)
        yield _('{files}, and left out: write "cat;dog" into one cell to train on several classes at once.').format(files=files)


def _labels(columns: Sequence[Column]) -> Labels:
    """Return the labels that these columns hold."""
    if len(columns) > 1 and all(map(by_columns.is_yes_or_no, columns)):
        names = [plain(column.name) for column in columns]
        rows = zip(*(column.cells for column in columns), strict=True)
        label_sets = [tuple(name for name, cell in zip(names, row, strict=True) if YES_OR_NO[cell.lower()]) for row in rows]
        one_each = bool(label_sets) and all(len(label_set) == 1 for label_set in label_sets)
        note = _("Each line has a single 1, so each example is taken to be of one class.")
        return Labels(label_sets, tuple(dict.fromkeys(names)), not one_each, note if one_each else "")
    classes_in_cell, note = _cell_parser(columns)
    rows = zip(*(column.cells for column in columns), strict=True)
    label_sets = [tuple(dict.fromkeys(plain(label) for cell in row for label in classes_in_cell(cell))) for row in rows]
    return Labels(label_sets, None, len(columns) > 1 or any(len(label_set) > 1 for label_set in label_sets), note)


def _cell_parser(columns: Sequence[Column]) -> tuple[Callable[[str], Iterable[str]], str]:
    """Return a function that reads the classes in a cell, and a note about it; "" for none."""
    cells = {cell for column in columns for cell in column.distinct}
    if all(column.numbers is not None and all(number == int(number) for number in column.numbers) for column in columns):
        return lambda cell: [str(int(float(cell)))] if cell else [], ""
    separator = next((mark for mark in (";", "|") if any(mark in cell for cell in cells)), "")
    name = letters(columns[0].name)
    if not separator and (name in SEVERAL or all(cell.startswith("[") for cell in cells)):
        separator = next((mark for mark in (",", " ") if any(mark in cell for cell in cells)), "")
        if separator == " " and not _are_words(cells, always=name.startswith(("tag", "attribute"))):
            separator = ""
    if not separator:
        return lambda cell: [cell] if cell else [], ""
    note = _("A cell of {column} names several classes, with {separator!r} between them.").format(
        column=columns[0].display_name, separator=separator
    )
    return lambda cell: [label for part in cell.strip("[]").split(separator) if (label := part.strip(" '\""))], note


def _are_words(cells: Iterable[str], always: bool) -> bool:
    """Whether each word in the cells is a class: there are fewer words than cells, or a word is also a cell of its own."""
    words = {word for cell in cells for word in cell.split()}
    alone = {cell for cell in cells if " " not in cell}
    return always or len(words) < len(set(cells)) or any(word in alone for cell in cells if " " in cell for word in cell.split())
