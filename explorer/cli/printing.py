"""What the commands print, to any terminal and pipe: lines and tables without anything that would steer a terminal, and JSON in ASCII."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode: control codes, marks of direction, halves of characters, ends of lines
JOINERS = "\u200c\u200d"  # which belong to words and signs
WIDE = ("W", "F")  # kinds of characters that take two columns


def tell(text: str) -> None:
    """Print a line on stdout."""
    _print(text, sys.stdout)


def remark(sentence: str) -> None:
    """Print on stderr, in one line, what is said beside the answer; where nobody listens any more, it is no matter."""
    with suppress(OSError):
        _print(" ".join(sentence.split()), sys.stderr)


def complain(sentence: str) -> None:
    """Print on stderr, in one line, what went wrong."""
    remark(f"explorer: {sentence}")


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of texts, the columns below each other."""
    shown = [tuple(visible(text, sys.stdout) for text in row) for row in rows]
    widths = [max(map(width, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        tell("  ".join(padded(text, columns) for text, columns in zip(row, widths, strict=True)).rstrip())


def visible(text: str, stream: TextIO | None = None) -> str:
    """Return a text where what would steer a terminal, or what its stream can't encode, is written as Python writes it in quotes."""
    if text.isascii() and text.isprintable():
        return text
    escaped = "".join(_escaped(one) if unicodedata.category(one) in STEERING and one not in JOINERS else one for one in text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return escaped.encode(encoding, "backslashreplace").decode(encoding)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_columns(one) for one in text)


def padded(text: str, columns: int) -> str:
    """Return a text with as many spaces after it as it needs to take that many columns."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """Return as much of the beginning of a text as fits into that many columns."""
    while width(text) > columns:
        text = text[:-1]
    return text


def _print(text: str, stream: TextIO | None) -> None:
    if stream is not None:  # as where the shell has closed it
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
    """Return a value as JSON takes it: what is no finite number is null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
