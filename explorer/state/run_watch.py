"""Looking at what goes on elsewhere: again and again, and for how long it has given no sign of life."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

OFTEN = 0.25  # seconds between two looks

QUIET = 30  # seconds without a sign of life that are worth a word
STEP = 5  # seconds between two words
GAP = 2.0  # seconds between two looks that count at most: who did not look, as in a laptop that slept, has heard nothing


class Silence:
    """Counts the seconds since what shows that something lives has changed last, those in which nobody looked left out.

    clock: what time is read from; never that of the day, which may be set.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._seen = clock, object()
        self._looked, self._seconds = clock(), 0.0

    def look(self, pulse: Any) -> int:
        """Take in a look at what changes with each sign of life; return the whole seconds without one, 0 below `QUIET`."""
        now = self._clock()
        self._seconds = self._seconds + min(max(0.0, now - self._looked), GAP) if pulse == self._seen else 0.0
        self._seen, self._looked = pulse, now
        return int(self._seconds // STEP) * STEP if self._seconds >= QUIET else 0


class Looks:
    """Looks again and again on the event loop that runs where this is made, while there is something to see; without a loop never.

    look: what is called; where it is answered, or there may be more to see, it calls `follow`.
    wanted: whether there is something to see.
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
        """Look again soon; the event loop's own thread waits, whichever this is."""
        if self._loop is not None and not self._closed:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to look
                self._loop.call_soon_threadsafe(self._wait, context=self._context)

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._loop is not None and self._timer is None and self._wanted() and not self._closed:
            self._timer = self._loop.call_later(OFTEN, self._tick, context=self._context)

    def _tick(self) -> None:
        self._timer = None
        self._look()
