"""Tables: .csv and .tsv files in the encodings and with the separators that common programs write."""

from __future__ import annotations

import codecs
import csv
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from explorer.backend.inputs.array_files import lines_in
from explorer.backend.inputs.files import read_bytes
from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _

SEPARATORS = ("\t", ",", ";", "|")
LOOKED_AT = 50  # lines that decide on the separator
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SAMPLE = 2**20  # characters in which these lines must lie
LONGEST_NAME = 100  # characters of a column's name
MOST = 2_000_000  # lines
LINE, CELL = 600, 90  # bytes that a line and a cell take at most, until they are examples
LONGEST = 2**24  # characters of a cell, which may hold the pixels of a picture

Row: TypeAlias = "list[str]"


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, "" for none; its index from 0 on; its cells from top to bottom."""

    name: str
    index: int
    cells: tuple[str, ...]

    @property
    def display_name(self) -> str:
        """Return its name for sentences: "column 3" where it has no name, or one that is too long."""
        return self.name if 0 < len(self.name) <= LONGEST_NAME else _("column {number}").format(number=self.index + 1)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Return the cells that are not empty, each once."""
        return frozenset(self.cells) - {""}

    @cached_property
    def numbers(self) -> frozenset[float] | None:
        """Return the distinct cells as numbers; None where any of them is not a finite number."""
        try:
            numbers = frozenset(map(float, self.distinct))
        except ValueError:
            return None
        return numbers if all(map(math.isfinite, numbers)) else None


def rows_of(path: Path) -> list[Row]:
    """Return the lines of a table that are not empty, cell by cell. Raises ExplorerError for a file that is no table."""
    try:
        data = read_bytes(path)
    except UnreadableExample as error:
        raise ExplorerError(str(error)) from error
    if (lines := _line_ends(data)) > MOST:
        message = _("{name} has {lines} lines, more than {most}; use a part of them, or a folder with a folder for each class.")
        raise ExplorerError(message.format(name=path.name, lines=f"{lines:,}", most=f"{MOST:,}"))
    budget.check(_cost(data), path.name, _("Use a part of its lines, or a folder with a folder for each class."), ExplorerError)
    message = _("{name} is not a text table: save it as .csv in UTF-8.")
    with refusing(ExplorerError, message, path.name):
        text = _decoded(data)
    if "\0" in text:
        raise ExplorerError(message.format(name=path.name))
    first, _end, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.rstrip("\r")) == 5:  # a line for Excel
        return _split(path, rest, first[4])
    return _split(path, text, _separator(text))


def columns_of(header: Row, rows: list[Row]) -> tuple[Column, ...]:
    """Return the columns of lines of equal length."""
    width = len(rows[0] if rows else header)
    return tuple(Column(header[index] if header else "", index, tuple(row[index] for row in rows)) for index in range(width))


def _line_ends(data: bytes) -> int:
    return max(data.count(b"\n"), data.count(b"\r"))


def _cost(data: bytes) -> int:
    """Return how many bytes the lines of a table and its columns take at most."""
    lines = _line_ends(data) + 1
    cells = lines + max(data.count(separator.encode()) for separator in SEPARATORS)
    return 4 * len(data) + LINE * lines + CELL * cells


def _split(path: Path, text: str, separator: str) -> list[Row]:
    csv.field_size_limit(LONGEST)
    message = _("{name} has a cell of more than 16 million characters: is a quotation mark missing, or one too many?")
    with refusing(ExplorerError, message, path.name):
        lines = csv.reader(lines_in(text), delimiter=separator, skipinitialspace=True)
        return [row for line in lines if any(row := [*map(_cell, line)])]


def _cell(text: str) -> str:
    """Return a cell without surrounding space, as a single line."""
    return " ".join(text.split()) if "\n" in text or "\r" in text else text.strip()


def _separator(text: str) -> str:
    """Return the separator that gives most lines the same number of cells, two or more."""
    csv.field_size_limit(LONGEST)
    sample = [*islice(lines_in(text[:SAMPLE]), LOOKED_AT)]

    def fits(separator: str) -> float:
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=separator) if any(row)]
        except csv.Error:
            return 0.0
        return sum(width > 1 for width in widths) + max((widths.count(width) for width in set(widths) if width > 1), default=0) / 2

    return max(SEPARATORS, key=fits)


def _decoded(data: bytes) -> str:
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding)
    if data[1:40:2].count(0) > 10:  # UTF-16 without its mark
        return data.decode("utf-16-le")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
