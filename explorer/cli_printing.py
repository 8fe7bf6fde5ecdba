"""What the commands print: tables, and JSON that any encoding can hold."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of texts, the columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip())


def print_json(value: Any) -> None:
    """Print dataclasses, rows, mappings and sequences as JSON, in ASCII."""
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
