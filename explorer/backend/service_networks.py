"""HeldNetworks: the networks that a backend has loaded, within a memory limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from explorer.backend.runtime.budget import megabytes_of
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import AdoptedModel, AnySpec, LoadedModels, ModelFile, NetworkSpec, Progress

if TYPE_CHECKING:
    from explorer.backend.network import Network
    from explorer.values import ReportProgress

MEMORY = "EXPLORER_MEMORY"  # the environment variable for the MB of weights to keep loaded
DEFAULT_MEMORY = 1024 * 2**20


class HeldNetworks:
    """Networks by spec, the most recently used last; the arguments are those of `Backend`."""

    def __init__(self, activation_memory: int | None, memory: int | None) -> None:
        self._activation_memory = activation_memory
        self._memory = memory_of_the_environment() if memory is None else memory
        self._networks: OrderedDict[AnySpec, Network] = OrderedDict()
        self._live: dict[int, tuple[Any, Any]] = {}  # live models of the user's own and their preprocess functions, by key

    def __contains__(self, spec: AnySpec) -> bool:
        return spec in self._networks

    @property
    def loaded_models(self) -> LoadedModels:
        """Which networks are loaded, the most recently used first, and the memory limit."""
        networks = tuple((spec.name, network.memory) for spec, network in reversed(self._networks.items()))
        return LoadedModels(networks, self._memory)

    def register_live_model(self, spec: AdoptedModel, model: Any, prepare: Any) -> None:
        """Take a live model of the user's own; `network` copies it."""
        self._live[spec.key] = model, prepare
        self._remove([held for held in self._networks if isinstance(held, AdoptedModel) and held.key == spec.key])

    def network(self, spec: AnySpec, report_progress: ReportProgress) -> Network:
        """Return the network of a spec, built if it is not loaded; it becomes the most recently used."""
        if spec not in self._networks:
            report_progress(Progress(_("Loading TensorFlow…")))
            from explorer.backend.runtime.memory import while_building  # TensorFlow takes seconds: on first use

            with while_building():
                network = self._built(spec, report_progress)
            self._networks[spec] = network
            self._release_oldest()
        self._networks.move_to_end(spec)
        *others, network = self._networks.values()
        self._forget([other for other in others if other.activations.size])
        return network

    def original(self, spec: AnySpec, report_progress: ReportProgress) -> Network:
        """Return the network of a spec with its original weights: built again if others were loaded into it."""
        if spec in self._networks and self._networks[spec].files.altered:
            del self._networks[spec]
        return self.network(spec, report_progress)

    def close(self) -> None:
        """Release all networks and live models."""
        self._live.clear()
        self._remove(list(self._networks))

    def _forget(self, networks: list[Network]) -> None:
        """Clear the cached activations of these networks."""
        for network in networks:
            network.forget()
        if networks:
            from explorer.backend.runtime.memory import return_freed

            return_freed()

    def _built(self, spec: AnySpec, report_progress: ReportProgress) -> Network:
        from explorer.backend import loading
        from explorer.backend.network import ACTIVATION_MEMORY

        memory = ACTIVATION_MEMORY if self._activation_memory is None else self._activation_memory
        if isinstance(spec, NetworkSpec):
            return loading.build(spec, memory, report_progress)
        if isinstance(spec, ModelFile):
            return loading.read(spec, memory, report_progress)
        if spec.key not in self._live:
            raise ExplorerError(_("{name} is not here any more; open it again.").format(name=spec.name))
        model, prepare = self._live[spec.key]
        return loading.from_live_model(model, spec, memory, prepare)

    def _release_oldest(self) -> None:
        """Release the least recently used networks until the loaded weights are within the limit."""
        held = sum(network.memory for network in self._networks.values())
        released = []
        for spec in list(self._networks)[:-1]:
            if held > self._memory:
                held -= self._networks[spec].memory
                released.append(spec)
        self._remove(released)

    def _remove(self, released: list[AnySpec]) -> None:
        for spec in released:
            del self._networks[spec]
        if released:
            from explorer.backend.runtime.memory import give_back

            give_back()


def memory_of_the_environment() -> int:
    """Return how many bytes of weights to keep loaded. Raises ExplorerError if EXPLORER_MEMORY is no number of MB."""
    return megabytes_of(MEMORY, DEFAULT_MEMORY)
