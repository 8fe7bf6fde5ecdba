"""A .csv that lists files and the classes of each: one column, several, or a column of 0 and 1 for each class."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from explorer.backend.data.collection import Collection, Named, collection
from explorer.backend.data.example_sources import from_file
from explorer.backend.example_files import read_bytes
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import Reading
from explorer.values.names import plain

FILES = (
    "file",
    "filename",
    "file_name",
    "path",
    "filepath",
    "image",
    "picture",
    "sound",
    "audio",
    "name",
)  # what their column may be called
YES_OR_NO = {"0": False, "1": True, "0.0": False, "1.0": True, "": False}

Row: TypeAlias = "list[str]"


def collected(path: Path, reading: Reading) -> Collection:
    """Return the examples that a .csv lists; files that are not there or can't be read are left out and named.

    Each line names a file, seen from the folder of the .csv, and its classes: in one cell ("cat", or "cat;dog" for several
    at once), in several cells, or as 0 and 1 in columns that a first line names. Separated by commas, tabs or semicolons.
    Raises ExplorerError for what is no such table.
    """
    header, rows = _table(path)
    files = next((place for place, name in enumerate(header) if name.lower() in FILES), 0)
    multi_label, classes_of, classes = _classes(path.name, header, [_without(row, files) for row in rows], _without(header, files))
    examples: list[Named] = []
    left_out = []
    for row in rows:
        name = row[files].strip()
        own = classes_of(_without(row, files))
        try:
            if len(own) != 1 and not multi_label:
                raise UnreadableExample(_("{name} is listed without a class.").format(name=name))
            examples.append((from_file(path.parent / os.path.expanduser(name), name, reading), own, ""))
        except UnreadableExample as why:
            left_out.append((name, str(why)))
    return collection(examples, multi_label, tuple(left_out), classes=classes)


def _table(path: Path) -> tuple[Row, list[Row]]:
    """Return the first line, [] where it names no columns, and all others, each with as many cells as the longest."""
    rows = _rows(path)
    named = bool(rows) and _is_header(rows[0], path.parent)
    if named and not rows[0][0] and _names_files(rows[0]):  # the numbers of the rows, as pandas writes them
        rows = [row[1:] for row in rows]
    width = max(map(len, rows), default=0)
    if width < 2:
        raise ExplorerError(
            _("{name} must list a file and its class in each line, separated by a comma: roses/1.jpg,rose.").format(name=path.name)
        )
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    return (rows[0], rows[1:]) if named else ([], rows)


def _rows(path: Path) -> list[Row]:
    """Return the lines that are not empty, cell by cell."""
    try:
        text = _decoded(read_bytes(path))
    except UnreadableExample as error:
        raise ExplorerError(str(error)) from error
    if "\0" in text:
        raise ExplorerError(_("{name} is no table of text: save it as .csv in UTF-8.").format(name=path.name))
    first = text.lstrip().split("\n", 1)[0]
    separator = next((one for one in ("\t", ",", ";") if one in first), ",")
    try:
        rows = [[*map(str.strip, row)] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    except csv.Error as error:
        raise ExplorerError(_("{name} is no table of text: {why}.").format(name=path.name, why=error)) from error
    return [row for row in rows if any(row)]


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _is_header(row: Row, folder: Path) -> bool:
    """Whether a line names columns: no file that is there, but what a column of files is called, or first what has no ending."""
    if any(os.path.isfile(folder / cell) for cell in row):  # unlike Path.is_file, False for what is too long to be a name
        return False
    return _names_files(row) or not Path(row[0]).suffix


def _names_files(row: Row) -> bool:
    return any(cell.lower() in FILES for cell in row)


def _without(row: Row, place: int) -> Row:
    return row[:place] + row[place + 1 :]


def _classes(
    name: str, header: Row, cells: list[Row], columns: Row
) -> tuple[bool, Callable[[Row], tuple[str, ...]], tuple[str, ...] | None]:
    """Return whether an example may be of several classes, what finds those of a line, and the classes where columns are named so."""
    width = max(map(len, cells), default=0)
    if width > 1 and all(cell.lower() in YES_OR_NO for row in cells for cell in row):
        if not header:
            raise ExplorerError(_("{name} has columns of 0 and 1: its first line must name the class of each.").format(name=name))
        names = [plain(one) for one in columns]
        return True, lambda row: tuple(one for one, cell in zip(names, row, strict=True) if YES_OR_NO[cell]), tuple(dict.fromkeys(names))
    if width > 1 or any(";" in cell for row in cells for cell in row):
        return True, lambda row: tuple(plain(one.strip()) for cell in row for one in cell.split(";") if one.strip()), None
    return False, lambda row: tuple(plain(cell) for cell in row if cell), None
