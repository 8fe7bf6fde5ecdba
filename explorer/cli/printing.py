"""The printing of the commands, to any terminal or pipe: lines and tables without control characters, and JSON in ASCII."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control and format characters, surrogates, line separators
JOINERS = "\u200c\u200d"  # format characters that are parts of words and emoji
WIDE = ("W", "F")  # East Asian widths of characters that take two columns


def tell(text: str) -> None:
    """Print a line on stdout."""
    _print(text, sys.stdout)


def remark(sentence: str) -> None:
    """Print a note on stderr, in one line; a closed stderr is ignored."""
    with suppress(OSError):
        _print(" ".join(sentence.split()), sys.stderr)


def complain(sentence: str) -> None:
    """Print an error on stderr, in one line."""
    remark(f"explorer: {sentence}")


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of texts as a table with aligned columns."""
    shown = [tuple(visible(text, sys.stdout) for text in row) for row in rows]
    widths = [max(map(width, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        tell("  ".join(padded(text, columns) for text, columns in zip(row, widths, strict=True)).rstrip())


def visible(text: str, stream: TextIO | None = None) -> str:
    """Return a text with control characters, and characters that its stream can't encode, written as Python's escapes."""
    if text.isascii() and text.isprintable():
        return text
    escaped = "".join(
        _escaped(character) if unicodedata.category(character) in STEERING and character not in JOINERS else character for character in text
    )
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return escaped.encode(encoding, "backslashreplace").decode(encoding)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_columns(character) for character in text)


def padded(text: str, columns: int) -> str:
    """Return a text padded with spaces on the right to this number of columns."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """Return the beginning of a text that fits into this number of columns."""
    while width(text) > columns:
        text = text[:-1]
    return text


def _print(text: str, stream: TextIO | None) -> None:
    if stream is not None:  # None if the shell has closed it
        print(visible(text, stream), file=stream, flush=stream is sys.stderr)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


def print_json(value: Any) -> None:
    """Print dataclasses, rows, mappings and sequences as JSON, in ASCII."""
    if sys.stdout is not None:
        print(json.dumps(_plain(value), indent=2))


def _plain(value: Any) -> Any:
    """Return a value as plain data for JSON; NaN and infinity become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
