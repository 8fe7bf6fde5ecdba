"""Sliding: what the network answers along the whole sound, one window after the other."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from traitlets import HasTraits, Instance

from explorer.session import Session
from explorer.values import Example, ScoresOverTime

AT_ONCE = 8  # windows that are answered before something else gets its turn


class Sliding(HasTraits):
    """The answers over time to the sound that the session shows: they begin when it is there, and grow.

    session: the shared state of the page; failures end in its `failure`.
    """

    scores = Instance(ScoresOverTime, allow_none=True, help="The answers so far.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._slid: tuple[Any, Any] = None, None  # the network and the sound that `scores` are of
        session.observe(self._begin, ["seen", "network"])
        self._begin()

    def close(self) -> None:
        """Let go of the session."""
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._begin, ["seen", "network"])

    def _begin(self, _change: Any = None) -> None:
        network, example, seen = self._session.network, self._session.example, self._session.seen
        if network is None or example is None or seen is None or seen.sound is None or not any(network.classes):
            self._slid, self.scores = (None, None), None
            return
        now = network.spec, example.data
        if now == self._slid:  # the same sound, heard from another place
            return
        self._slid, self.scores = now, None
        self._ask(example, 0)

    def _ask(self, example: Example, first: int) -> None:
        asked = self._slid[0], example, first, AT_ONCE
        self._session.ask("over time", "over_time", *asked, done=partial(self._arrived, self._slid, example))

    def _arrived(self, of: tuple[Any, Any], example: Example, part: ScoresOverTime) -> None:
        if of is not self._slid:
            return
        before = self.scores
        self.scores = part if before is None else _joined(before, part)
        if len(self.scores.starts) < part.total:
            self._ask(example, len(self.scores.starts))


def _joined(first: ScoresOverTime, then: ScoresOverTime) -> ScoresOverTime:
    starts, scores = np.concatenate([first.starts, then.starts]), np.concatenate([first.scores, then.scores])
    return ScoresOverTime(starts, scores, then.labels, then.window, then.hop, then.scale, then.total)
