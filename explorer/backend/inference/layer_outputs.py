"""What the layers of a network return for an example: remembered, or recorded in one run for all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from explorer.backend.inference.activation_cache import Activations, Array
from explorer.backend.inference.executor import output_name
from explorer.backend.inference.model_structure import ModelStructure
from explorer.errors import ExplorerError
from explorer.locale import _


def layer_outputs(
    now: ModelStructure, remembered: Activations, digest: str, names: list[str], batch: Callable[[], tuple[Any, ...]]
) -> dict[str, Array]:
    """Return what these layers return for an example, float32 without the batch axis, by name.

    now: the network as it stands; remembered: what is known already, and filled up here.
    digest: tells the example from others; batch: makes of it what the network reads, where something has to be run.
    Raises ExplorerError for a layer that the network does not run.
    """
    found = remembered.get(digest, names)
    if found is None:
        kept = _run(now, remembered, digest, _recorded(now, names, remembered.bound), batch)
        if silent_layers := [name for name in names if name not in kept]:
            raise ExplorerError(_("The network does not run its layer {name}.").format(name=silent_layers[0]))
        found = {name: kept[name] for name in names}
    return found


def model_outputs(now: ModelStructure, remembered: Activations, digest: str, batch: Callable[[], tuple[Any, ...]]) -> list[Array] | None:
    """Return the outputs of the network for an example, without the batch axis, from the run that records its layers.

    None where its layers do not fit into what may be remembered. The arguments are those of `layer_outputs`.
    """
    names = [output_name(index) for index in range(len(now.outputs))]
    found = remembered.get(digest, names)
    if found is None:
        recorded = _recorded(now, [], remembered.bound)
        if not recorded:
            return None
        found = _run(now, remembered, digest, recorded, batch)
    return [found[name] for name in names]


def _run(
    now: ModelStructure, remembered: Activations, digest: str, recorded: tuple[str, ...], batch: Callable[[], tuple[Any, ...]]
) -> dict[str, Array]:
    """Run the network, and remember and return what these layers and the whole return."""
    returned = now.executor.record(batch(), recorded)
    kept = {name: np.asarray(values)[0] for name, values in returned.items()}
    kept |= {name: kept[name].astype(np.float32, copy=False) for name in recorded if name in kept}
    remembered.put(digest, kept)
    return kept


def _recorded(now: ModelStructure, wanted: list[str], bound: int) -> tuple[str, ...]:
    """Return the layers to record in one run: all, when they are known to fit into what may be remembered."""
    sizes = [size for row in now.layers.rows for size in row.output_shape]
    needed = math.inf if None in sizes else sum(4 * math.prod(map(int, row.output_shape)) for row in now.layers.rows)  # type: ignore[arg-type,misc]  # none is None
    return tuple(row.name for row in now.layers.rows) if needed <= bound else tuple(sorted(set(wanted)))
