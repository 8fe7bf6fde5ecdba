"""The memory budget of one input, checked by headers and configurations before anything is decoded or built."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from textwrap import shorten

import psutil  # type: ignore[import-untyped]  # it has no types

from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, size_text

VARIABLE = "EXPLORER_INPUT_MEMORY"  # the environment variable for how many MB one input may take
DIGITS = 12  # of a number of MB at most; Python doesn't parse numbers of thousands of digits
MOST = 4 * 2**30  # bytes, if the variable isn't set
# The files with the limit and the usage of a container, for Linux's control groups v2 and v1; psutil sees the whole machine.
GROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def limit(at_least: int = 0) -> int:
    """Return how many bytes one input may take: EXPLORER_INPUT_MEMORY, in MB, else half of the free memory, at most 4 GB.

    at_least: bytes that the input is known to take, such as those of a weights file: without a setting, they may take all of the
        free memory.
    """
    free = _free()
    return megabytes_of(VARIABLE, 0) or max(min(MOST, free // 2), min(free, at_least))


def check(
    cost: float, name: str, advice: str, error_class: type[ExplorerError] = UnreadableExample, limit_bytes: int | None = None
) -> None:
    """Raise `error_class` if an input would take more memory than the limit.

    cost: bytes needed at a time, in addition to those in use; name: of the input, for the sentence;
    advice: a sentence about what to do; limit_bytes: another limit than `limit()`.
    """
    limit_bytes = limit() if limit_bytes is None else limit_bytes
    if cost > limit_bytes:
        sentence = _("{name} would take {cost} of memory, and one input may take {limit} here. {advice} {variable} sets the limit in MB.")
        raise error_class(sentence.format(name=name, cost=size_text(cost), limit=size_text(limit_bytes), advice=advice, variable=VARIABLE))


def megabytes_of(variable: str, default: int) -> int:
    """Return an environment variable that is given in MB, in bytes. Raises ExplorerError if it isn't a whole number."""
    text = os.environ.get(variable, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > DIGITS or int(text) == 0:
        shown = shorten(text, 40, placeholder="…")
        raise ExplorerError(_("{variable} must be a whole number of MB, not {text!r}.").format(variable=variable, text=shown))
    return int(text) * 2**20


def _free() -> int:
    """Return how many bytes are free, on the machine and in the container."""
    free = int(psutil.virtual_memory().available)
    for most, used in GROUPS:
        with suppress(OSError, ValueError):  # not on Linux, or without a limit ("max")
            group = Path("/sys/fs/cgroup")
            free = min(free, int((group / most).read_text()) - int((group / used).read_text()))
    return max(0, free)
