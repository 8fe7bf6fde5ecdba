"""The watch over runs in other processes: polling, and how long a run has given no sign of life."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

OFTEN = 0.25  # seconds between two polls

QUIET = 30  # seconds without a sign of life from which on they are shown
STEP = 5  # seconds between two updates of what is shown
GAP = 2.0  # seconds between two polls that count at most: a laptop that slept did not poll


class Silence:
    """Counts the seconds since the last sign of life, without those in which nothing was polled.

    clock: returns the time; never the time of day, which may be set.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._seen = clock, object()
        self._looked, self._seconds = clock(), 0.0

    def look(self, pulse: Any) -> int:
        """Take a value that changes with each sign of life; return the whole seconds without a change, 0 below `QUIET`."""
        now = self._clock()
        self._seconds = self._seconds + min(max(0.0, now - self._looked), GAP) if pulse == self._seen else 0.0
        self._seen, self._looked = pulse, now
        return int(self._seconds // STEP) * STEP if self._seconds >= QUIET else 0


class Poller:
    """Polls on the running event loop while that is wanted; without a loop never.

    look: polls once, and calls `follow` when its result is there.
    wanted: whether to poll again.
    """

    def __init__(self, look: Callable[[], None], wanted: Callable[[], bool]) -> None:
        self._look, self._wanted = look, wanted
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.copy_context()  # of the cell that the widgets belong to
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def follow(self) -> None:
        """Poll again soon, on the thread of the event loop, whichever thread calls this."""
        if self._loop is not None and not self._closed:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wait, context=self._context)

    def close(self) -> None:
        """Stop polling."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._loop is not None and self._timer is None and self._wanted() and not self._closed:
            self._timer = self._loop.call_later(OFTEN, self._tick, context=self._context)

    def _tick(self) -> None:
        self._timer = None
        self._look()
