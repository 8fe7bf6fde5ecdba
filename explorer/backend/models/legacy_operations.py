"""The legacy operations that Keras 2 computed between layers, converted to Keras 3's own operations.

Keras 2 wrote which TensorFlow function it called; Keras 3 has no such layers. While Keras builds the graph from
the config, a `TensorFlowFunction` replaces the layer, and is itself replaced by operations when it is called.
So the model contains no class of explorer's: Keras saves and opens it like any other model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explorer.backend.models.tensorflow_functions import known
from explorer.backend.models.tensorflow_shapes import is_tensor
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import inbound_nodes, note_outputs, origin
from explorer.backend.runtime.refusals import plain_reason
from explorer.locale import _

MOST_NUMBERS = 64  # in a computation of constants while a model is built: sizes of tensors


@keras.saving.register_keras_serializable("explorer")
class TensorFlowFunction(keras.Operation):  # type: ignore[misc]
    """A placeholder for a layer that calls a TensorFlow function, in a graph that is being built; finished graphs have none.

    Raises ValueError for a function that isn't on the list of harmless ones, and for a call that Keras 3 can't make.
    """

    def __init__(self, function: str, name: str) -> None:
        super().__init__(name=name)
        compute = known(function)
        if compute is None:
            raise ValueError(function)
        self._function, self._compute = function, compute

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Add the operations that compute the function, the last one with the layer's name; constants are computed at once."""
        positional = [_revive(value) for value in arguments]
        given = {key: _revive(value) for key, value in keywords.items() if key != "name" and (value is not None or key == "slice_spec")}
        try:
            tensors = [value for value in keras.tree.flatten((positional, given)) if is_tensor(value)]
            returned = self._compute(*positional, **given) if tensors else _fold(self._compute, positional, given)
        except Exception as error:  # Keras takes an IndexError to mean that a tensor doesn't exist yet
            raise ValueError(
                _("the layer {layer!r} calls tf.{function} in a way that Keras 3 has no operation for: {why}").format(
                    layer=self.name, function=self._function, why=plain_reason(error)
                )
            ) from error
        outputs = list(returned) if isinstance(returned, list | tuple) and any(map(is_tensor, returned)) else [returned]
        if is_tensor(outputs[0]):
            outputs = self._named(outputs, tensors)
        note_outputs(self, outputs)
        return outputs

    def _named(self, returned: list[Any], tensors: list[Any]) -> list[Any]:
        """Give the operation that returns the tensors the name of this layer, and the operations before it names derived from that."""
        before = len(inbound_nodes(self))
        name = f"{self.name}.{before}" if before else self.name
        if any(returned[0] is tensor for tensor in tensors):  # nothing was computed
            return [keras.layers.Identity(name=name)(returned[0])]
        given = {id(tensor) for tensor in tensors}
        last, *between = _added_operations(returned, given)
        last.name = name
        for index, operation in enumerate(reversed(between), 1):
            operation.name = f"{name}.{index}.{type(operation).__name__.lower()}"
        return returned


def _added_operations(returned: list[Any], given: set[int]) -> list[Any]:
    """Return the operations that were added between the given tensors (by their ids) and those returned, the last first."""
    operations: dict[int, Any] = {}
    remaining = list(returned)
    while remaining:
        tensor = remaining.pop(0)
        if id(tensor) not in given and id(operation := origin(tensor).operation) not in operations:
            operations[id(operation)] = operation
            remaining += inbound_nodes(operation)[-1].input_tensors
    return list(operations.values())


def _fold(compute: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Return the result of a function of constants as plain numbers: sizes of tensors, and what is computed from them."""
    values = keras.tree.flatten((arguments, keywords))
    if len(values) > MOST_NUMBERS or any(isinstance(value, int | float) and abs(value) > np.iinfo("int32").max for value in values):
        raise ValueError(_("it computes with constants alone"))
    returned = compute(*arguments, **keywords)
    return returned if isinstance(returned, list | int | float | None) else np.asarray(returned).tolist()


def _revive(value: Any) -> Any:
    """Return an argument with its slices and ellipses, which Keras 2 wrote as plain data, as Python objects."""
    if isinstance(value, list):
        return [_revive(item) for item in value]
    if isinstance(value, dict) and value.keys() == {"start", "stop", "step"}:
        return slice(value["start"], value["stop"], value["step"])
    return Ellipsis if value == "Ellipsis" else value
