"""The parts of a training: the copied backbone with its new head, the freeze plan, and where the two phases cut it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from explorer.backend.fine_tuning import heads
from explorer.backend.fine_tuning.head_names import head_names
from explorer.backend.fine_tuning.model_split import Cut, cut
from explorer.backend.fine_tuning.unfolding import unfolded
from explorer.backend.graph import layer_table
from explorer.backend.graph.nodes import layer_at
from explorer.backend.network import Network
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.recipe.freeze_plan import BATCH_NORM, cached_when_all_is_frozen, done_phases, freeze_plan
from explorer.values import FreezePlan, Layers, Phase, Recipe


class Parts:
    """A tuned network in the making.

    base: the Keras model of the backbone; table: its layers, nested models opened; plan: what the recipe freezes of them; whole: the
        Keras model with its new head.
    """

    def __init__(self, network: Network, recipe: Recipe, classes: int) -> None:
        keras.utils.set_random_seed(recipe.seed)  # what is random in the backbone, such as a dropout
        base, order = heads.backbone(network, recipe.head_at), network.input_spec.data_format
        self.base = base
        self.table: Layers = layer_table.table(base, opened=True)
        self.plan = freeze_plan(self.table, recipe, classes, order)
        self.whole = heads.with_head(base, recipe.head, classes, order, recipe.seed)
        self._flat = unfolded(self.whole)
        self._recipe = recipe
        self._backbone = list(base.layers)
        own = {id(layer) for layer in self._backbone}
        self._head = [layer for layer in self.whole.layers if id(layer) not in own]

    @property
    def norms(self) -> int:
        """How many batch norms the backbone has."""
        return sum(row.class_name == BATCH_NORM for row in self.table.layer_rows)

    def phases(self) -> dict[int, Phase]:
        """Return the phases that are done, by their places in the recipe: those with epochs, and with something to train."""
        return phases_of(self._recipe, self.plan)

    def cut(self, trains: str) -> Cut:
        """Return the cut for a phase; with pictures that change in each epoch nothing but the input is cached."""
        augmentation = self._recipe.augmentation
        if augmentation and not augmentation.copies:
            return cut(self.whole, self._flat, [layer.name for layer in self._backbone if isinstance(layer, keras.layers.InputLayer)])
        cached = self.plan.cached if trains == "tail" else cached_when_all_is_frozen(self.table)
        pooling = head_names([layer.name for layer in self._backbone]).pooling
        return cut(self.whole, self._flat, [*cached, *([pooling] if self.table[-1].name in cached else [])])

    def thaw(self, trains: str) -> None:
        """Freeze the backbone for a phase: all of it for the head's, as the plan says for the tail's."""
        for layer in self._backbone:
            layer.trainable = trains == "tail"
        if trains == "tail":
            for name in self.plan.frozen:
                layer_at(self.whole, name).trainable = False

    def trained(self, variables: Iterable[Any]) -> tuple[str, ...]:
        """Return the names of the layers that have one of these variables; those inside of nested models by their address."""
        own = {id(variable) for variable in variables}
        nests = {row.name.rpartition("/")[0] for row in self.table.layer_rows}
        layer_table = [(row.name, layer_at(self.whole, row.name)) for row in self.table.layer_rows if row.name not in nests]
        layer_table += [(layer.name, layer) for layer in self._head]
        return tuple(name for name, layer in layer_table if any(id(one) in own for one in layer.variables))


def phases_of(recipe: Recipe, plan: FreezePlan) -> dict[int, Phase]:
    """Return the phases that are done, by their places in the recipe. Raises ExplorerError where there are none."""
    kept = done_phases(recipe, plan.trained_parameters > 0)
    if not kept:
        raise ExplorerError(_("Nothing would be trained: the whole backbone is frozen, and no phase is for the head."))
    return kept
