"""HeldNetworks: the networks that a backend has built, within a bound of memory."""

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

MEMORY = "EXPLORER_MEMORY"  # the variable that sets how many MB of weights are held
DEFAULT_MEMORY = 1024 * 2**20


class HeldNetworks:
    """Networks by their specs, the one used last at the end; the arguments are those of `Backend`."""

    def __init__(self, activation_memory: int | None, memory: int | None) -> None:
        self._activation_memory = activation_memory
        self._memory = memory_of_the_environment() if memory is None else memory
        self._networks: OrderedDict[AnySpec, Network] = OrderedDict()
        self._live: dict[int, tuple[Any, Any]] = {}  # models handed over by their owner, and how they read pictures

    def __contains__(self, spec: AnySpec) -> bool:
        return spec in self._networks

    @property
    def loaded_models(self) -> LoadedModels:
        """Which networks are held, the one used last first, and within what bound."""
        networks = tuple((spec.name, network.memory) for spec, network in reversed(self._networks.items()))
        return LoadedModels(networks, self._memory)

    def register_live_model(self, spec: AdoptedModel, model: Any, prepare: Any) -> None:
        """Take a live model of the user's own; `network` copies it."""
        self._live[spec.key] = model, prepare
        self._remove([one for one in self._networks if isinstance(one, AdoptedModel) and one.key == spec.key])

    def network(self, spec: AnySpec, report_progress: ReportProgress) -> Network:
        """Return the network of a spec, built where it is not held; it is the one used last then."""
        if spec not in self._networks:
            report_progress(Progress(_("Loading TensorFlow…")))
            from explorer.backend.runtime.memory import while_building  # TensorFlow takes seconds: on first use

            with while_building():
                network = self._built(spec, report_progress)
            self._networks[spec] = network
            self._let_go()
        self._networks.move_to_end(spec)
        *others, network = self._networks.values()
        self._forget([other for other in others if other.activations.size])
        return network

    def anew(self, spec: AnySpec, report_progress: ReportProgress) -> Network:
        """Return the network of a spec as it came: built again where it was given other weights."""
        if spec in self._networks and self._networks[spec].files.altered:
            del self._networks[spec]
        return self.network(spec, report_progress)

    def close(self) -> None:
        """Let go of all networks and live models."""
        self._live.clear()
        self._remove(list(self._networks))

    def _forget(self, networks: list[Network]) -> None:
        """Let these networks forget their activations."""
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

    def _let_go(self) -> None:
        """Let the networks used longest ago go until the weights that are held fit the bound."""
        held = sum(network.memory for network in self._networks.values())
        going = []
        for spec in list(self._networks)[:-1]:
            if held > self._memory:
                held -= self._networks[spec].memory
                going.append(spec)
        self._remove(going)

    def _remove(self, going: list[AnySpec]) -> None:
        for spec in going:
            del self._networks[spec]
        if going:
            from explorer.backend.runtime.memory import give_back

            give_back()


def memory_of_the_environment() -> int:
    """Return how many bytes of weights to hold. Raises ExplorerError where EXPLORER_MEMORY is no number of MB."""
    return megabytes_of(MEMORY, DEFAULT_MEMORY)
