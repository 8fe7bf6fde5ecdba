"""The predictions over time: the scores of the network along the whole sound, window by window."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from traitlets import Bool, HasTraits, Instance

from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import AnySpec, Example, ScoresOverTime, joined
from explorer.worker.backend import Backend

AT_ONCE = 8  # windows in one request; other requests get their turn in between
FOLLOWED = ["preprocessed", "network"]
SCORES = "over time"  # the name of what is requested


class OverTime(HasTraits):
    """The scores over time for the sound that the session shows: they begin when it is loaded, and grow.

    session: the shared state of the page; errors are reported in its `error_message`.
    """

    scores = Instance(ScoresOverTime, allow_none=True, help="The scores so far.")
    growing = Bool(False, help="Whether more are to come.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._source: tuple[AnySpec, Any] | None = None  # the network and the data of the sound that `scores` belong to
        self._example: Example | None = None  # that sound
        self._next: int | None = None  # index of the next window to request
        session.observe(self._begin, FOLLOWED)
        session.loader.observe(self._resume, "loading_spec")
        session.observe(self._restart, "weights_revision")
        self._begin()

    def close(self) -> None:
        """Stop observing the session; the pending result is dropped."""
        self._source = self._next = None
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._begin, FOLLOWED)
            self._session.loader.unobserve(self._resume, "loading_spec")
            self._session.unobserve(self._restart, "weights_revision")

    def _begin(self, _change: Any = None) -> None:
        network, example, preprocessed = self._session.network, self._session.example, self._session.preprocessed
        if network is None or example is None or preprocessed is None or preprocessed.sound is None or not any(network.classes):
            self._source, self._next, self.scores, self.growing = None, None, None, False
            return
        source = network.spec, example.data
        if source == self._source:  # the same sound, heard from another start
            return
        self._source, self._example, self._next, self.scores, self.growing = source, example, 0, None, True
        self._resume()

    def _restart(self, _change: Any) -> None:
        self._source = None
        self._begin()

    def _resume(self, _change: Any = None) -> None:
        """Request the next windows; not while another network is being opened, or this one might have to be built again."""
        source, example, first = self._source, self._example, self._next
        if source is None or example is None or first is None or self._session.loader.loading_spec is not None:
            return
        self._next = None
        asked = source[0], example, first, AT_ONCE
        arrived, failed = self._arrived, self._failed
        key, still = self._key_of(SCORES), lambda: source is self._source
        self._session.requests.submit(key, Backend.over_time, *asked, on_success=arrived, on_error=failed, still=still)

    def _arrived(self, part: ScoresOverTime) -> None:
        scores = part if self.scores is None else _joined(self.scores, part)
        self.growing = len(scores.starts) < part.total
        self.scores = scores
        if self.growing:
            self._next = len(scores.starts)
            self._resume()

    def _failed(self, error: Exception) -> None:
        """Keep the scores so far; showing the sound again, or another one, starts from the beginning."""
        self._source, self.growing = None, False
        self._session.report_error(error, self._key_of(SCORES))


def _joined(first: ScoresOverTime, then: ScoresOverTime) -> ScoresOverTime:
    starts, scores = np.concatenate([first.starts, then.starts]), np.concatenate([first.scores, then.scores])
    gaps = joined(first.gaps + then.gaps)
    return ScoresOverTime(starts, scores, then.labels, then.window, then.hop, then.scale, then.total, gaps)
