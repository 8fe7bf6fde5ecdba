"""The example counts of a dataset as text."""

from __future__ import annotations

from explorer.locale import _, counted
from explorer.values import DataSummary


def amount(kind: str, number: int) -> str:
    """Return the text for a number of examples of a kind: "image", "audio" or "arrays"."""
    if kind == "image":
        return counted("{number} picture", "{number} pictures", number)
    if kind == "audio":
        return counted("{number} sound", "{number} sounds", number)
    return counted("{number} example", "{number} examples", number)


def amount_of(kind: str, training: int, validation: int) -> str:
    """Return the text for how many examples there are, and how many of them are for validation."""
    examples = amount(kind, training + validation)
    held_out = counted("{number} for validation", "{number} for validation", validation)
    return _("{examples}, {held}").format(examples=examples, held=held_out) if validation else examples


def total(summary: DataSummary) -> str:
    """Return the same text as `amount_of` for all classes together."""
    return amount_of(summary.kind, sum(count.training for count in summary.classes), sum(count.validation for count in summary.classes))
