"""Names of files, folders and classes: as text, and in the order that people expect."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def natural(text: str) -> tuple[tuple[object, ...], str]:
    """Return what texts are sorted by: letters whatever their case and dots, numbers by their value: "b 2" before "B 10"."""
    parts = re.split("([0-9]+)", unicodedata.normalize("NFD", text).casefold())
    digits = (part.lstrip("0") for part in parts[1::2])
    return (*sum(zip(parts[::2], [*((len(one), one) for one in digits), (0, "")], strict=True), ()),), text


def plain(name: str) -> str:
    """Return a name as text that can be written and compared: what is no character replaced, letters composed.

    macOS writes an umlaut as two characters; file names may hold any bytes, and a name from a page half a character.
    """
    return unicodedata.normalize("NFC", name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def caseless(name: str) -> str:
    """Return what names that differ only in case, and in spaces around them, have in common."""
    return plain(name).casefold().strip()


def spelled_as(known: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return for each name how it is spelled among those that are known, whatever its case; itself where it is not known."""
    known = list(known)
    spellings = {caseless(one): one for one in reversed(known)} | {one: one for one in known}
    return {name: spellings.get(name) or spellings.get(caseless(name), name) for name in names}
