"""Making a run: all that a process elsewhere needs to do it, as plain data in the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from explorer import runs
from explorer.backend.fine_tuning.heads import backbone_table
from explorer.backend.network import Network
from explorer.backend.runtime import temporary_files
from explorer.catalog.options import model_file
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.recipe.freeze_plan import start_of
from explorer.values import AdoptedModel, AnySpec, DataSpec, ModelFile, NetworkSpec, Recipe, RunSettings

ROOM = 3  # times the weights: the tuned network, its backup and the one before


def new_run(network: Network, data: DataSpec, recipe: Recipe, copy_data: bool = False) -> str:
    """Make the folder of a run, which is not started yet, and return its key.

    copy_data: whether the data, which may be deleted, is kept with the run.
    Raises ExplorerError where there is no room for it, and for a network that no other process can have.
    """
    runs.check_room(room_for(network))
    with _as_data(network) as kept:
        settings = RunSettings(kept, data, recipe, start_of(backbone_table(network, recipe.head_at), recipe))
        return runs.create(settings, copy_network=isinstance(kept, ModelFile), copy_data=copy_data)


def room_for(network: Network) -> int:
    """Return how many bytes a run leaves in its folder, about."""
    return ROOM * 4 * network.summary().parameters


@contextmanager
def _as_data(network: Network) -> Iterator[AnySpec]:
    """Give a spec that a process elsewhere can build the same from; a live network, random or loaded weights go as a file."""
    spec = network.spec
    random = isinstance(spec, NetworkSpec) and spec.weights is None
    if not (isinstance(spec, AdoptedModel) or random or network.files.altered):
        yield spec
        return
    if network.input_spec.preprocess_mode == "custom":
        raise ExplorerError(
            _("{name} prepares pictures with a function of your own, which no other process has: train it with explorer.fine_tune.").format(
                name=network.spec.name
            )
        )
    with temporary_files.folder() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        yield replace(model_file(str(path)), name=network.spec.name)
