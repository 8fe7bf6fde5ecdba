"""Actions on the whole model: save it as a file, load weights, evaluate it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from traitlets import Dict, HasTraits, Instance

from explorer.state.network_loader import last_part
from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import NetworkSummary, TakenFile, WeightsReport
from explorer.worker.backend import Backend


class ModelFiles(HasTraits):
    """The state of the page's Model tab, for the network that the session shows.

    session: the shared state of the page; errors are reported in its `error_message`.
    """

    taken = Instance(TakenFile, allow_none=True, help="The file that was requested last.")
    report = Instance(WeightsReport, allow_none=True, help="Which layers got weights when they were last loaded from a file.")
    evaluation = Dict(help="Loss and metrics by name, from the last evaluation.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        session.observe(self._reset, "network")
        session.loader.observe(self._opened, "loading_spec")

    def close(self) -> None:
        """Stop observing the session."""
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._reset, "network")
            self._session.loader.unobserve(self._opened, "loading_spec")

    def take(self, what: str) -> None:
        """Request a file: "summary", "config", "json", "yaml", "weights", "weights_h5", "keras" or "h5"."""
        if (network := self._session.network) is not None:
            taken = partial(setattr, self, "taken")
            self._session.requests.submit(
                self._key_of(f"take {what}"), Backend.take, network.spec, what, on_success=taken, about=self._key_of("take")
            )

    def load_weights(self, data: bytes, name: str, by_name: bool = False) -> None:
        """Load weights from the bytes of a file; the predictions change with them.

        by_name: whether to load only into layers whose names the file has; else the whole file must fit.
        """
        self.report = None
        if (network := self._session.network) is not None:
            loaded, still = partial(self._loaded, last_part(name)), partial(self._shows, network)
            asked = network.spec, data, name, by_name
            self._session.requests.submit(self._key_of("weights"), Backend.load_weights, *asked, on_success=loaded, still=still)

    def evaluate(self, data: bytes, name: str) -> None:
        """Evaluate the model on the arrays of an .npz file: x and y, or x_<input> and y_<output>."""
        self.evaluation = {}
        if (network := self._session.network) is not None:
            evaluated, still = partial(setattr, self, "evaluation"), partial(self._shows, network)
            self._session.requests.submit(
                self._key_of("evaluate"), Backend.evaluate, network.spec, data, name, on_success=evaluated, still=still
            )

    def _shows(self, network: NetworkSummary) -> bool:
        """Whether the page still shows the network that the request was about."""
        return self._session.network is not None and self._session.network.spec == network.spec

    def _loaded(self, name: str, report: WeightsReport) -> None:
        self.report, self.evaluation = report, {}
        self._session.renew(name)

    def _reset(self, _change: Any) -> None:
        self.taken, self.report, self.evaluation = None, None, {}

    def _opened(self, change: Any) -> None:
        """Reset when the network that is shown was opened again: it has its original weights, though `network` may not have changed."""
        network = self._session.network
        if change["new"] is None and network is not None and change["old"] == network.spec:
            self._reset(change)
