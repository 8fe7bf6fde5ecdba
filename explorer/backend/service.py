"""Backend: a bounded dict NetworkSpec -> Network and the verbs by name; no logic of its own."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from explorer.backend import images, weights
from explorer.catalog import architectures
from explorer.locale import _
from explorer.values import Answers, Example, FeatureMaps, NetworkSpec, NetworkSummary, Progress, SeenInput

if TYPE_CHECKING:
    from explorer.backend.network import Network, Say

HELD = 3


class Backend:
    """Does a worker's verbs; each takes data, says its progress to `say` and returns data.

    activation_memory: bytes of activations to remember for each network; None for the default, 256 MB.
    """

    def __init__(self, activation_memory: int | None = None) -> None:
        self._activation_memory = activation_memory
        self._networks: OrderedDict[NetworkSpec, Network] = OrderedDict()

    def at_hand(self, _say: Say) -> frozenset[str]:
        """Return the names of the architectures whose weights are on this machine."""
        return weights.at_hand()

    def view(self, spec: NetworkSpec, example: Example, say: Say) -> SeenInput:
        """Return the example as it came and as the network sees it."""
        say(Progress(_("Reading {name}…").format(name=example.name)))
        return images.to_view(example, architectures[spec.architecture])

    def open(self, spec: NetworkSpec, say: Say) -> NetworkSummary:
        """Build or find the network; return what a page needs to know of it."""
        return self._network(spec, say).summary()

    def predict(self, spec: NetworkSpec, example: Example, top: int, say: Say) -> Answers:
        """Return the answers to an example."""
        network = self._network(spec, say)
        say(Progress(_("Computing the answers…")))
        return network.answers(example, top)

    def feature_maps(self, spec: NetworkSpec, example: Example, layer: int, say: Say) -> FeatureMaps:
        """Return what one layer answers to an example."""
        network = self._network(spec, say)
        say(Progress(_("Computing the feature maps…")))
        return network.maps(example, layer)

    def _network(self, spec: NetworkSpec, say: Say) -> Network:
        if spec not in self._networks:
            say(Progress(_("Loading TensorFlow…")))
            from explorer.backend.network import ACTIVATION_MEMORY, build  # TensorFlow takes seconds: on first use

            memory = ACTIVATION_MEMORY if self._activation_memory is None else self._activation_memory
            self._networks[spec] = build(spec, memory, say)
            while len(self._networks) > HELD:
                self._networks.popitem(last=False)
        self._networks.move_to_end(spec)
        return self._networks[spec]
