"""A .csv that lists files and the classes of each: one column, several, or a column of 0 and 1 for each class."""

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
CELL = 30  # bytes of an empty cell, until the lines are columns
PATH, LONGEST = 1_000, 10_000  # characters of a cell that names a file, and of one that names classes
PIXELS = 100  # numbers in a cell, or columns of them, from which on they are taken for a picture

Classes: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True)
class Labels:
    """The classes of each line, the names of all where they have an order, and whether an example may be of any number of them."""

    of_lines: Sequence[Classes]
    classes: Classes | None
    multi_label: bool
    note: str = ""


@dataclass(frozen=True)
class Roles:
    """What the columns of a list are."""

    files: Column
    labels: Sequence[Column]
    split: tuple[Column, Parts] | None
    group: Column | None


def collected(path: Path, input_spec: InputSpec, label_column: str = "", file_column: str = "") -> tuple[Collection, Collection | None]:
    """Return the examples that a .csv lists, and those that it lists for validation, None where no column says a split.

    Each line names a file, seen from the folder of the .csv or in a folder inside it, with or without its ending, and its classes:
    in one cell ("cat", or "cat;dog" for several at once), in several cells, or as 0 and 1 in columns that a first line names.
    Which column is what is told by its name and by what it holds. Files that are not there or can't be read are left out and named.
    label_column, file_column: the name of the column of the classes and of the files, or its number from 1 on; "" to find it.
    Raises ExplorerError for what is no such table, and for numbers to predict; UndecidedColumn where several columns may hold the
    classes; UnknownName for a column that is not there.
    """
    said = _("{name} can't be read as a list of files and their classes ({why}); write a file and its class into each line.")
    with refusing(ExplorerError, said, path.name):
        return _collected(path, input_spec, label_column, file_column)


def _collected(path: Path, input_spec: InputSpec, label_column: str, file_column: str) -> tuple[Collection, Collection | None]:
    listed = ListedFiles(path)
    header, columns = _table(path, listed)
    roles = _roles(path.name, columns, listed, label_column, file_column, has_header=bool(header))
    for column, longest in ((roles.files, PATH), *((one, LONGEST) for one in roles.labels)):
        if any(len(cell) > longest for cell in column.distinct):
            raise ExplorerError(
                _("{column} in {name} holds whole texts, not names of files or classes: name another column.").format(
                    column=column.called, name=path.name
                )
            )
    labels = _labels(roles.labels)
    own = _of_side(roles, labels, True, listed, input_spec)
    own = replace(own, notes=(*_said(roles, columns, header), *([labels.note] if labels.note else []), *own.notes))
    return own, _of_side(roles, labels, False, listed, input_spec) if roles.split and roles.split[1].validation else None


def _table(path: Path, listed: ListedFiles) -> tuple[Row, tuple[Column, ...]]:
    """Return the first line, [] where it names no columns, and the columns. Raises ExplorerError for what lists no files."""
    rows = rows_of(path)
    width = max(map(len, rows), default=0)
    if width < 2:
        raise ExplorerError(_no_classes(path.name))
    if width > MOST:
        raise ExplorerError(_pixels(path.name))
    advice = _("Use a part of its lines, or a folder with a folder for each class.")
    budget.check(CELL * width * len(rows), path.name, advice, ExplorerError)  # a single line may be longer than all others
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    header, rows = (rows[0], rows[1:]) if _is_header(rows[0], listed) else ([], rows)
    columns = tuple(one for one in columns_of(header, rows) if one.name or one.distinct)
    if _holds_pixels(columns):
        raise ExplorerError(_pixels(path.name))
    return header, columns


def _no_classes(table: str) -> str:
    return _("{name} must list a file and its class in each line, separated by a comma: roses/1.jpg,rose.").format(name=table)


def _pixels(table: str) -> str:
    return _("{name} holds the pixels themselves, not names of files: save them as an .npz with x and y, and give that.").format(name=table)


def _holds_pixels(columns: Sequence[Column]) -> bool:
    numbers = sum(one.numbers is not None and not by_columns.is_yes_or_no(one) for one in columns)
    first = next(zip(*(one.cells for one in columns), strict=True), ())
    return numbers > PIXELS or any(len(cell.split()) > PIXELS and cell.replace(" ", "").isdigit() for cell in first)


def _is_header(row: Row, listed: ListedFiles) -> bool:
    """Whether a line names columns: no file that is there, but what a column of files is called, or what has no ending."""
    names = [letters(cell) for cell in row]
    names_files = any(name in FILES for name in names)
    if names_files and any(name in group for group in LABELS for name in names):
        return True
    if any(listed.knows(cell) for cell in row):
        return False
    return names_files or not any(re.search(r"\.\w{2,4}$", cell) for cell in row)


def _roles(table: str, columns: Sequence[Column], listed: ListedFiles, label_column: str, file_column: str, has_header: bool) -> Roles:
    """Return what each column is."""
    chosen = by_columns.named(columns, label_column, "label_column") if label_column else None
    if file_column:
        files = by_columns.named(columns, file_column, "file_column")
    else:
        files = by_columns.file_column([one for one in columns if one is not chosen], listed.knows)
    rest = [one for one in columns if one not in (files, chosen)]
    split = split_column(rest) if chosen or len(rest) > 1 else None
    rest = [one for one in rest if split is None or one is not split[0]]
    if not chosen and not rest:
        raise ExplorerError(_no_classes(table))
    labels = [chosen] if chosen else by_columns.label_columns(rest, table, has_header)
    if len(labels) == 1:
        by_columns.refuse_numbers(labels[0], table)
    return Roles(files, labels, split, by_columns.group_column(one for one in rest if one not in labels))


def _said(roles: Roles, columns: Sequence[Column], header: Row) -> list[str]:
    """Say which columns are used, where it might have been others."""
    used = [roles.files, *roles.labels, *([roles.split[0]] if roles.split else []), *([roles.group] if roles.group else [])]
    others = [one.called for one in columns if one not in used and one.name]
    notes = []
    if others or (header and len(columns) > 1 + len(roles.labels)):
        said = _("The files are in {files}, their classes in {labels}.")
        notes.append(said.format(files=roles.files.called, labels=names_text([one.called for one in roles.labels])))
    if others:
        notes.append(_("Not used: {columns}.").format(columns=names_text(others)))
    if roles.group:
        notes.append(_("Examples of the same {column} stay on one side of the split.").format(column=roles.group.called))
    if roles.split and not roles.split[1].validation:
        notes.append(roles.split[1].note)
    if roles.split and roles.split[1].spare:
        notes.append(_("Left aside: {names}.").format(names=names_text(roles.split[1].spare)))
    return notes


def _of_side(roles: Roles, labels: Labels, training: bool, listed: ListedFiles, input_spec: InputSpec) -> Collection:
    """Return the examples that are trained on, or validated with: one for each file, whose lines must agree."""
    lines: dict[str, list[int]] = {}
    part_of = roles.split[0].cells if roles.split else None
    wanted = (roles.split[1].training if training else roles.split[1].validation) if roles.split else ()
    for place, name in enumerate(roles.files.cells):
        if name and (part_of is None or part_of[place] in wanted):
            lines.setdefault(name, []).append(place)
    examples: list[Named] = []
    left_out: list[tuple[str, str]] = []
    torn = 0
    for name, places in lines.items():
        own = dict.fromkeys(labels.of_lines[place] for place in places)
        try:
            if len(own) > 1:
                torn += 1
                classes = names_text(sorted({one for several in own for one in several}))
                raise UnreadableExample(_("{name} is listed with different classes: {classes}.").format(name=name, classes=classes))
            (classes_of,) = own
            if len(classes_of) != 1 and not labels.multi_label:
                raise UnreadableExample(_("{name} is listed without a class.").format(name=name))
            group = f"{roles.group.called} {cell}" if roles.group and (cell := roles.group.cells[places[0]]) else ""
            examples.append((from_file(listed.find(name), name, input_spec), classes_of, group))
        except UnreadableExample as why:
            left_out.append((name, str(why)))
    notes = (*_on_lines(lines, torn), *((roles.split[1].note,) if roles.split and not training else ()))
    return collection(examples, labels.multi_label, tuple(left_out), notes, labels.classes)


def _on_lines(lines: dict[str, list[int]], torn: int) -> Iterable[str]:
    """Say where files are listed more than once."""
    again = sum(len(places) > 1 for places in lines.values())
    if (merged := again - torn) > 0:
        yield counted("{number} file is in several lines, and taken once.", "{number} files are in several lines, and taken once.", merged)
    if torn:
        said = counted("{number} file is listed with different classes", "{number} files are listed with different classes", torn)
        yield _('{files}, and left out: write "cat;dog" into one cell to train on several classes at once.').format(files=said)


def _labels(columns: Sequence[Column]) -> Labels:
    """Return the classes that columns give."""
    if len(columns) > 1 and all(map(by_columns.is_yes_or_no, columns)):
        names = [plain(one.name) for one in columns]
        rows = zip(*(one.cells for one in columns), strict=True)
        found = [tuple(name for name, cell in zip(names, row, strict=True) if YES_OR_NO[cell.lower()]) for row in rows]
        one_each = bool(found) and all(len(one) == 1 for one in found)
        said = _("Each line has a single 1, so each example is taken to be of one class.")
        return Labels(found, tuple(dict.fromkeys(names)), not one_each, said if one_each else "")
    read, said = _reader(columns)
    rows = zip(*(one.cells for one in columns), strict=True)
    found = [tuple(dict.fromkeys(plain(one) for cell in row for one in read(cell))) for row in rows]
    return Labels(found, None, len(columns) > 1 or any(len(one) > 1 for one in found), said)


def _reader(columns: Sequence[Column]) -> tuple[Callable[[str], Iterable[str]], str]:
    """Return what reads the classes in a cell, and what there is to say of it."""
    cells = {cell for one in columns for cell in one.distinct}
    if all(one.numbers is not None and all(number == int(number) for number in one.numbers) for one in columns):
        return lambda cell: [str(int(float(cell)))] if cell else [], ""
    separator = next((one for one in (";", "|") if any(one in cell for cell in cells)), "")
    name = letters(columns[0].name)
    if not separator and (name in SEVERAL or all(cell.startswith("[") for cell in cells)):
        separator = next((one for one in (",", " ") if any(one in cell for cell in cells)), "")
        if separator == " " and not _are_words(cells, always=name.startswith(("tag", "attribute"))):
            separator = ""
    if not separator:
        return lambda cell: [cell] if cell else [], ""
    said = _("A cell of {column} names several classes, with {separator!r} between them.").format(
        column=columns[0].called, separator=separator
    )
    return lambda cell: [inner for one in cell.strip("[]").split(separator) if (inner := one.strip(" '\""))], said


def _are_words(cells: Iterable[str], always: bool) -> bool:
    """Whether each word in the cells is a class of its own: there are fewer of them than cells, or one stands alone in another cell."""
    words = {word for cell in cells for word in cell.split()}
    alone = {cell for cell in cells if " " not in cell}
    return always or len(words) < len(set(cells)) or any(word in alone for cell in cells if " " in cell for word in cell.split())
