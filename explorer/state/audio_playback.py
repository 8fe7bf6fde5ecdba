"""The playback of sound on a page: the clip in the receptive field of the chosen cell, and the part that the network hears."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from traitlets import Bool, HasTraits, Instance

from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import AudioClip, PreprocessedInput, Span
from explorer.worker.backend import Backend

FOLLOWED = ["cell", "region", "preprocessed"]


class AudioPlayback(HasTraits):
    """The state of a page's player, for the sound that the session shows.

    session: the shared state of the page; errors are reported in its `error_message`.
    """

    clip = Instance(AudioClip, allow_none=True, help="The part of the sound in the receptive field of the chosen cell.")
    chosen = Bool(False, help="Whether it was loaded because a cell was chosen, not because the page or the network was reloaded.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._cell = session.cell
        self._asked: tuple[Any, ...] | None = None  # the arguments of the request for `clip`
        session.observe(self._look, FOLLOWED)
        self._look()

    def close(self) -> None:
        """Stop observing the session."""
        self._asked = None
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._look, FOLLOWED)

    def take_heard(self, done: Callable[[AudioClip | None], None]) -> None:
        """Request the part of the sound that the network hears.

        done: takes it, or None if that fails; not called if something else is shown by then.
        """
        network, example, preprocessed = self._session.network, self._session.example, self._session.preprocessed
        if network is None or example is None or preprocessed is None or preprocessed.sound is None:
            return

        def failed(error: Exception) -> None:
            self._session.report_error(error, self._key_of("heard part"))
            done(None)

        asked = network.spec, example, preprocessed.sound.start, min(preprocessed.sound.stop, preprocessed.sound.seconds)
        still = partial(self._shows, preprocessed)
        self._session.requests.submit(self._key_of("heard part"), Backend.clip, *asked, on_success=done, on_error=failed, still=still)

    def _shows(self, preprocessed: PreprocessedInput) -> bool:
        return self._session.preprocessed is preprocessed

    def _look(self, _change: Any = None) -> None:
        """Request the clip of the chosen cell, unless it is loaded or requested already."""
        chosen = self._session.cell is not None and self._session.cell != self._cell
        self._cell = self._session.cell
        span, network, example = time_of(self._session), self._session.network, self._session.example
        if span is None or network is None or example is None:
            self._asked = self.clip = None
            return
        asked = network.spec, example, span.start, span.stop
        if asked == self._asked and not chosen:
            return
        self._asked, self.clip = asked, None
        arrived = partial(self._arrived, chosen)
        self._session.requests.submit(self._key_of("clip"), Backend.clip, *asked, on_success=arrived, still=lambda: asked is self._asked)

    def _arrived(self, chosen: bool, clip: AudioClip) -> None:
        self.chosen = chosen
        self.clip = clip


def time_of(session: Session) -> Span | None:
    """Return the time span in the receptive field of the chosen cell; None without a sound, or without a chosen cell."""
    if session.preprocessed is None or session.preprocessed.sound is None or session.region is None:
        return None
    return next((span for span in session.region.spans if span.unit == "s"), None)
