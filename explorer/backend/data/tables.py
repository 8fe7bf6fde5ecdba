"""Tables as text: .csv and .tsv in the encodings and with the separators that people's programs write."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from explorer.backend.example_files import read_bytes
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _

SEPARATORS = ("\t", ",", ";", "|")
LOOKED_AT = 50  # lines that decide on the separator
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
LONGEST = 2**24  # characters of a cell, which may hold the pixels of a picture

Row: TypeAlias = "list[str]"


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, "" where it has none, its place from 0 on, and its cells from top to bottom."""

    name: str
    place: int
    cells: tuple[str, ...]

    @property
    def called(self) -> str:
        """Return what to call it."""
        return self.name or _("column {number}").format(number=self.place + 1)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Return the cells that are not empty, each once."""
        return frozenset(self.cells) - {""}

    @cached_property
    def numbers(self) -> frozenset[float] | None:
        """Return the same as numbers; None where one is no number."""
        try:
            return frozenset(float(cell) for cell in self.distinct)
        except ValueError:
            return None


def rows_of(path: Path) -> list[Row]:
    """Return the lines of a table that are not empty, cell by cell. Raises ExplorerError for what is none."""
    try:
        text = _decoded(read_bytes(path))
    except UnreadableExample as error:
        raise ExplorerError(str(error)) from error
    except UnicodeError as error:
        raise ExplorerError(_("{name} is no table of text: save it as .csv in UTF-8.").format(name=path.name)) from error
    if "\0" in text:
        raise ExplorerError(_("{name} is no table of text: save it as .csv in UTF-8.").format(name=path.name))
    first, _end, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.rstrip("\r")) == 5:  # a line for Excel
        return _split(path, rest, first[4])
    return _split(path, text, _separator(text))


def columns_of(header: Row, rows: list[Row]) -> tuple[Column, ...]:
    """Return the columns of lines that are as long as the longest of them."""
    width = len(rows[0] if rows else header)
    return tuple(Column(header[place] if header else "", place, tuple(row[place] for row in rows)) for place in range(width))


def _split(path: Path, text: str, separator: str) -> list[Row]:
    csv.field_size_limit(LONGEST)
    try:
        rows = [[*map(str.strip, row)] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)]
    except csv.Error as error:
        raise ExplorerError(_("{name} is no table of text: {why}.").format(name=path.name, why=error)) from error
    return [row for row in rows if any(row)]


def _separator(text: str) -> str:
    """Return what separates the cells: what gives most lines the same number of them, two or more."""

    def fits(separator: str) -> float:
        sample = io.StringIO("\n".join(text.splitlines()[:LOOKED_AT]))
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
