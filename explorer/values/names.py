"""The names of files, folders and classes: normalisation, comparison and natural sort order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def natural(text: str) -> tuple[tuple[object, ...], str]:
    """Return the sort key of a text: letters regardless of case and diacritics, numbers by their value: "b 2" before "B 10"."""
    parts = re.split("([0-9]+)", unicodedata.normalize("NFD", text).casefold())
    digits = (part.lstrip("0") for part in parts[1::2])
    return (*sum(zip(parts[::2], [*((len(number), number) for number in digits), (0, "")], strict=True), ()),), text


def plain(name: str) -> str:
    """Return a name as text that can be written and compared: composed (NFC), with invalid characters replaced.

    macOS writes an umlaut as two characters; file names may hold any bytes, and a name from a page a lone surrogate.
    """
    return unicodedata.normalize("NFC", name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def caseless(name: str) -> str:
    """Return the form that names have in common if they differ only in case and in surrounding whitespace."""
    return plain(name).casefold().strip()


def spelled_as(known: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return name -> its spelling among the known ones, regardless of case; an unknown name as it is."""
    known = list(known)
    spellings = {caseless(name): name for name in reversed(known)} | {name: name for name in known}
    return {name: spellings.get(name) or spellings.get(caseless(name), name) for name in names}
