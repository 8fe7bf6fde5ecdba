"""The budget: what one input may take of the memory, looked at in headers and configurations before anything is decoded or built."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from textwrap import shorten

import psutil  # type: ignore[import-untyped]  # it has no types

from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, size_text

VARIABLE = "EXPLORER_INPUT_MEMORY"  # sets how many MB one input may take
DIGITS = 12  # of a number of MB; Python takes no number of thousands of digits
MOST = 4 * 2**30  # bytes, where the variable says nothing
# What a container may use and uses, by the second and the first version of Linux's control groups; psutil sees the whole machine.
GROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def limit(at_least: int = 0) -> int:
    """Return how many bytes one input may take: what EXPLORER_INPUT_MEMORY says in MB, else half of the free memory, at most 4 GB.

    at_least: bytes that nobody is surprised by, such as those of a file of weights itself: without a setting, they may take all that is
    free.
    """
    free = _free()
    return megabytes_of(VARIABLE, 0) or max(min(MOST, free // 2), min(free, at_least))


def check(cost: float, name: str, advice: str, refused: type[ExplorerError] = UnreadableExample, most: int | None = None) -> None:
    """Raise `refused` where an input would take more than `limit` allows.

    cost: in bytes, all that is needed at a time beside what was there before; name: what to call the input;
    advice: a sentence on what to do; most: another limit in bytes.
    """
    most = limit() if most is None else most
    if cost > most:
        said = _("{name} would take {cost} of memory, and one input may take {limit} here. {advice} {variable} sets the limit in MB.")
        raise refused(said.format(name=name, cost=size_text(cost), limit=size_text(most), advice=advice, variable=VARIABLE))


def megabytes_of(variable: str, default: int) -> int:
    """Return how many bytes a variable of the environment says, in MB. Raises ExplorerError where it is no whole number of them."""
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
        with suppress(OSError, ValueError):  # elsewhere than on Linux, outside a container ("max")
            group = Path("/sys/fs/cgroup")
            free = min(free, int((group / most).read_text()) - int((group / used).read_text()))
    return max(0, free)
