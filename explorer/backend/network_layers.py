"""NetworkLayers: what the layers of a network return for an example: feature maps and features, with a cache of activations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from explorer.backend.graph import layer_table, receptive_fields
from explorer.backend.graph.feature_layer import feature_layer
from explorer.backend.inference.activation_cache import Activations, Array
from explorer.backend.inference.layer_outputs import layer_outputs, model_outputs
from explorer.backend.models.finite import check_answers
from explorer.backend.network_inputs import NetworkInputs
from explorer.backend.network_state import ModelState
from explorer.backend.runtime.refusals import within_memory
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Example, FeatureMaps, LayerKey


class NetworkLayers:
    """The part of a network that looks inside; `activations` is the cache, of at most `memory` bytes."""

    def __init__(self, state: ModelState, inputs: NetworkInputs, memory: int) -> None:
        self.activations = Activations(memory)
        self._state = state
        self._inputs = inputs
        self._axis_mappings: dict[str, tuple[receptive_fields.AxisMapping | None, ...]] = {}
        state.when_renewed += [self.activations.forget, self._axis_mappings.clear]

    def forget(self) -> None:
        """Clear the cached activations, and the examples that were decoded for them."""
        with self._state.lock:
            self.activations.forget()
            self._inputs.forget()

    def feature_maps(self, example: Example, layer: Any) -> Any:
        """Return what `Network.feature_maps` does for one example."""
        several = isinstance(layer, Iterable) and not isinstance(layer, str | bytes)
        layers = self._state.current().layers
        rows = [layers.find(key) for key in (layer if several else [layer])]
        found = self._activations(example, [row.name for row in rows])
        if several:
            return {row.name: found[row.name].copy() for row in rows}
        return found[rows[0].name].copy()

    def features(self, example: Example, pooling: str | None) -> Array:
        """Return what `Network.features` does for one example."""
        if pooling not in (None, "avg", "max"):
            raise ExplorerError(_("pooling must be 'avg', 'max' or None, not {pooling!r}.").format(pooling=pooling))
        last = feature_layer(self._state.current().layers, self._state.headless)
        values: Array = self.feature_maps(example, last.name)
        check_answers(values, self._state.model)
        if pooling is None or values.ndim not in (2, 3):
            return values
        by_channel = np.moveaxis(values, 0, -1) if values.ndim == 3 and self._channels_first else values
        cells = by_channel.reshape(-1, by_channel.shape[-1])
        vector: Array = cells.mean(axis=0) if pooling == "avg" else cells.max(axis=0)
        return vector

    def maps(self, example: Example, layer: LayerKey) -> FeatureMaps:
        """Return one layer's feature maps with their axes, channels last; read-only, as they may be cached."""
        now = self._state.current()
        row = now.layers.find(layer)
        values = self._activations(example, [row.name])[row.name]
        if self._channels_first and values.ndim == 3:
            values = np.moveaxis(values, 0, -1)
        mappings = self._mappings(row.name, values.shape)
        if values.ndim == 2 and len(mappings) == 2 and all(mappings):  # grey pixels without a channel axis
            values, mappings = values[..., None], (*mappings, None)
        axes = layer_table.axes_of(self._inputs.axes(example), values.shape, mappings)
        if values.ndim > 3:  # such as (steps, rows, columns, channels): a map for each step and channel
            values = np.moveaxis(values, (-3, -2), (0, 1))
        values = values.reshape([axis.size for axis in axes])
        values.flags.writeable = False
        named = row.name in now.last and values.shape == (len(self._state.labels),)
        labels = tuple(label for _id, label in self._state.labels) if named else ()
        return FeatureMaps(row, values, axes, self.activations.size, self.activations.bound, labels)

    def outputs(self, example: Example) -> list[Any] | None:
        """Return the network's outputs for an example, without the batch axis, from the run whose activations are cached.

        None if not all layers can be cached: then the next layer would need another run.
        """
        if self._state.live:
            return None
        with self._state.lock, within_memory():
            return model_outputs(self._state.current(), self.activations, example.digest, lambda: self._inputs.decoded(example))

    @property
    def _channels_first(self) -> bool:
        return self._inputs.input_spec.data_format == "channels_first"

    def _mappings(self, name: str, shape: tuple[int, ...]) -> tuple[receptive_fields.AxisMapping | None, ...]:
        """Return how each axis of a layer's output, channels last, maps to the input; () if that is unknown."""
        input_spec = self._inputs.input_spec
        if not input_spec.size:
            return ()
        if name not in self._axis_mappings:  # the same for every example; a thousand layers take 30 ms
            self._axis_mappings[name] = receptive_fields.axis_mappings(self._state.model, name, input_spec.data_format)
        mappings = self._axis_mappings[name]
        if self._channels_first and len(mappings) == 3:
            mappings = (*mappings[1:], mappings[0])
        return mappings if len(mappings) == len(shape) else ()

    def _activations(self, example: Example, names: list[str]) -> dict[str, Array]:
        with self._state.lock, within_memory():
            now = self._state.current()
            if self._state.live:
                self.activations.forget()
            return layer_outputs(now, self.activations, example.digest, names, lambda: self._inputs.decoded(example))
