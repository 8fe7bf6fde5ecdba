"""Workbench: what is done with the model as a whole: files to take away, weights to load, data to evaluate on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Dict, HasTraits, Instance

from explorer.state.network_loader import last_part
from explorer.state.session import Session
from explorer.values import TakenFile


class ModelFiles(HasTraits):
    """The state of the page's Model tab; it belongs to the network that the session shows.

    session: the shared state of the page; failures end in its `error_message`.
    """

    taken = Instance(TakenFile, allow_none=True, help="The file that was asked for last.")
    report = AnyTrait(None, allow_none=True, help="Which layers the weights that were loaded last have reached: a WeightsReport.")
    evaluation = Dict(help="Loss and metrics, by name, on the data that was given last.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        session.observe(self._begin_anew, "network")
        session.observe(self._opened, "loading_spec")

    def close(self) -> None:
        """Let go of the session."""
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._begin_anew, "network")
            self._session.unobserve(self._opened, "loading_spec")

    def take(self, what: str) -> None:
        """Ask for a file: "summary", "config", "json", "yaml", "weights", "weights_h5", "keras" or "h5"."""
        self._ask(f"take {what}", "take", what, done=lambda _still, file: setattr(self, "taken", file))

    def load_weights(self, data: bytes, name: str, by_name: bool = False) -> None:
        """Load weights from the bytes of a file; the answers change with them.

        by_name: only into layers that have the same name in the file; else the file must fit as a whole.
        """
        self.report = None
        self._ask("weights", "load_weights", data, name, by_name, done=partial(self._loaded, last_part(name)))

    def evaluate(self, data: bytes, name: str) -> None:
        """Evaluate the model on the arrays of an .npz file: x and y, or x_<input> and y_<output>."""
        self.evaluation = {}
        self._ask("evaluate", "evaluate", data, name, done=self._evaluated)

    def _ask(self, key: str, method: str, *arguments: Any, done: Callable[[bool, Any], None]) -> None:
        """Ask about the network that is shown; `done` takes whether it still is, and the result."""
        network = self._session.network
        if network is None:
            return

        def arrived(result: Any) -> None:
            done(self._session.network is not None and self._session.network.spec == network.spec, result)

        self._session.error_message = ""
        self._session.submit(key, method, network.spec, *arguments, done=arrived)

    def _loaded(self, name: str, still: bool, report: Any) -> None:
        if still:
            self.report, self.evaluation = report, {}
            self._session.renew(name)

    def _evaluated(self, still: bool, scores: dict[str, float]) -> None:
        if still:
            self.evaluation = scores

    def _begin_anew(self, _change: Any) -> None:
        self.taken, self.report, self.evaluation = None, None, {}

    def _opened(self, change: Any) -> None:
        """Begin anew when the network that is shown was opened again: it is as it came, and no other."""
        network = self._session.network
        if change["new"] is None and network is not None and change["old"] == network.spec:
            self._begin_anew(change)
