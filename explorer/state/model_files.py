"""What is done with the model as a whole: files to take away, weights to load, data to evaluate on."""

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
    """The state of the page's Model tab; it belongs to the network that the session shows.

    session: the shared state of the page; failures end in its `error_message`.
    """

    taken = Instance(TakenFile, allow_none=True, help="The file that was asked for last.")
    report = Instance(WeightsReport, allow_none=True, help="Which layers the weights that were loaded last have reached.")
    evaluation = Dict(help="Loss and metrics, by name, on the data that was given last.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        session.observe(self._begin_anew, "network")
        session.loader.observe(self._opened, "loading_spec")

    def close(self) -> None:
        """Let go of the session."""
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._begin_anew, "network")
            self._session.loader.unobserve(self._opened, "loading_spec")

    def take(self, what: str) -> None:
        """Ask for a file: "summary", "config", "json", "yaml", "weights", "weights_h5", "keras" or "h5"."""
        if (network := self._session.network) is not None:
            taken = partial(setattr, self, "taken")
            self._session.requests.submit(
                self._key_of(f"take {what}"), Backend.take, network.spec, what, on_success=taken, about=self._key_of("take")
            )

    def load_weights(self, data: bytes, name: str, by_name: bool = False) -> None:
        """Load weights from the bytes of a file; the answers change with them.

        by_name: only into layers that have the same name in the file; else the file must fit as a whole.
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
        """Whether the page still shows the network that was asked about."""
        return self._session.network is not None and self._session.network.spec == network.spec

    def _loaded(self, name: str, report: WeightsReport) -> None:
        self.report, self.evaluation = report, {}
        self._session.renew(name)

    def _begin_anew(self, _change: Any) -> None:
        self.taken, self.report, self.evaluation = None, None, {}

    def _opened(self, change: Any) -> None:
        """Begin anew when the network that is shown was opened again: it is as it came, and no other."""
        network = self._session.network
        if change["new"] is None and network is not None and change["old"] == network.spec:
            self._begin_anew(change)
