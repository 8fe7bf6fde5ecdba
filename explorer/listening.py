"""Listening: the sound that is heard on a page: the stretch that a chosen cell sees."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from traitlets import HasTraits, Instance

from explorer.session import Session
from explorer.values import Span, Stretch


class Listening(HasTraits):
    """The state of a page's player; it belongs to the sound that the session shows.

    session: the shared state of the page; failures end in its `failure`.
    """

    stretch = Instance(Stretch, allow_none=True, help="The stretch of the sound that the chosen cell sees.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        session.observe(self._look, ["region", "seen"])
        self._look()

    def close(self) -> None:
        """Let go of the session."""
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._look, ["region", "seen"])

    def _look(self, _change: Any = None) -> None:
        span = time_of(self._session)
        if span is None or self._session.network is None:
            self.stretch = None
            return
        asked = self._session.network.spec, self._session.example, span.start, span.stop
        self._session.ask("stretch", "stretch", *asked, done=self._arrived)

    def _arrived(self, stretch: Stretch) -> None:
        if time_of(self._session) is not None:
            self.stretch = stretch


def time_of(session: Session) -> Span | None:
    """Return the stretch of the sound that the chosen cell sees; None where there is no sound, or no cell is chosen."""
    if session.seen is None or session.seen.sound is None or session.region is None:
        return None
    return next((span for span in session.region.spans if span.unit == "s"), None)
