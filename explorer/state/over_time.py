"""Sliding: what the network answers along the whole sound, one window after the other."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from traitlets import Bool, HasTraits, Instance

from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import AnySpec, Example, ScoresOverTime, joined
from explorer.worker.backend import Backend

AT_ONCE = 8  # windows that are answered before something else gets its turn
FOLLOWED = ["preprocessed", "network"]
SCORES = "over time"  # the name of what is requested


class OverTime(HasTraits):
    """The answers over time to the sound that the session shows: they begin when it is there, and grow.

    session: the shared state of the page; failures end in its `error_message`.
    """

    scores = Instance(ScoresOverTime, allow_none=True, help="The answers so far.")
    growing = Bool(False, help="Whether more of them are on their way.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._slid: tuple[AnySpec, Any] | None = None  # the network and the sound that `scores` are of
        self._example: Example | None = None  # that sound
        self._next: int | None = None  # the window to go on with
        session.observe(self._begin, FOLLOWED)
        session.loader.observe(self._resume, "loading_spec")
        session.observe(self._begin_anew, "weights_revision")
        self._begin()

    def close(self) -> None:
        """Let go of the session; what is under way comes to nothing."""
        self._slid = self._next = None
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._begin, FOLLOWED)
            self._session.loader.unobserve(self._resume, "loading_spec")
            self._session.unobserve(self._begin_anew, "weights_revision")

    def _begin(self, _change: Any = None) -> None:
        network, example, preprocessed = self._session.network, self._session.example, self._session.preprocessed
        if network is None or example is None or preprocessed is None or preprocessed.sound is None or not any(network.classes):
            self._slid, self._next, self.scores, self.growing = None, None, None, False
            return
        now = network.spec, example.data
        if now == self._slid:  # the same sound, heard from another place
            return
        self._slid, self._example, self._next, self.scores, self.growing = now, example, 0, None, True
        self._resume()

    def _begin_anew(self, _change: Any) -> None:
        self._slid = None
        self._begin()

    def _resume(self, _change: Any = None) -> None:
        """Ask for the next part; not while another network is being opened, for this one might have to be built again for it."""
        slid, example, first = self._slid, self._example, self._next
        if slid is None or example is None or first is None or self._session.loader.loading_spec is not None:
            return
        self._next = None
        asked = slid[0], example, first, AT_ONCE
        arrived, failed = self._arrived, self._failed
        key, still = self._key_of(SCORES), lambda: slid is self._slid
        self._session.requests.submit(key, Backend.over_time, *asked, on_success=arrived, on_error=failed, still=still)

    def _arrived(self, part: ScoresOverTime) -> None:
        scores = part if self.scores is None else _joined(self.scores, part)
        self.growing = len(scores.starts) < part.total
        self.scores = scores
        if self.growing:
            self._next = len(scores.starts)
            self._resume()

    def _failed(self, error: Exception) -> None:
        """Keep what is there; the sound heard again, or another one, begins anew."""
        self._slid, self.growing = None, False
        self._session.report_error(error, self._key_of(SCORES))


def _joined(first: ScoresOverTime, then: ScoresOverTime) -> ScoresOverTime:
    starts, scores = np.concatenate([first.starts, then.starts]), np.concatenate([first.scores, then.scores])
    gaps = joined(first.gaps + then.gaps)
    return ScoresOverTime(starts, scores, then.labels, then.window, then.hop, then.scale, then.total, gaps)
