"""How many examples there are, in words."""

from __future__ import annotations

from explorer.locale import _, counted
from explorer.values import DataSummary


def amount(kind: str, number: int) -> str:
    """Return a number of examples: of "image", "audio" or "arrays"."""
    if kind == "image":
        return counted("{number} picture", "{number} pictures", number)
    if kind == "audio":
        return counted("{number} sound", "{number} sounds", number)
    return counted("{number} example", "{number} examples", number)


def amount_of(kind: str, training: int, validation: int) -> str:
    """Return how many examples there are, and how many of them are held out."""
    said = amount(kind, training + validation)
    held = counted("{number} for validation", "{number} for validation", validation)
    return _("{examples}, {held}").format(examples=said, held=held) if validation else said


def total(found: DataSummary) -> str:
    """Return the same of all classes together."""
    return amount_of(found.kind, sum(one.training for one in found.classes), sum(one.validation for one in found.classes))
