"""What Keras 2 computed between its layers, put into Keras 3's own operations.

Keras 2 wrote down which function of TensorFlow it called; Keras 3 has no such layers. While Keras builds the graph from
the config, a `TensorFlowFunction` stands where the layer was, and puts operations in its place when it is called.
So what is built has nothing of explorer's in it: Keras saves and opens it as any other model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explorer.backend.models.tensorflow_functions import known
from explorer.backend.models.tensorflow_shapes import is_tensor
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import inbound_nodes, note_outputs, origin
from explorer.backend.runtime.refusals import for_people
from explorer.locale import _

MOST_NUMBERS = 64  # that are computed while a model is built: sizes of tensors


@keras.saving.register_keras_serializable("explorer")
class TensorFlowFunction(keras.Operation):  # type: ignore[misc]
    """Stands for one layer that calls a function of TensorFlow in a graph that is being built; never in one that is done.

    Raises ValueError for a function that isn't in the list of harmless ones, and for a call that Keras 3 can't do.
    """

    def __init__(self, function: str, name: str) -> None:
        super().__init__(name=name)
        compute = known(function)
        if compute is None:
            raise ValueError(function)
        self._function, self._compute = function, compute

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Add the operations that compute the function, the last of them named as the layer was; compute sizes at once."""
        places = [_revived(one) for one in arguments]
        given = {key: _revived(value) for key, value in keywords.items() if key != "name" and (value is not None or key == "slice_spec")}
        try:
            tensors = [one for one in keras.tree.flatten((places, given)) if is_tensor(one)]
            returned = self._compute(*places, **given) if tensors else _folded(self._compute, places, given)
        except Exception as error:  # an IndexError would tell Keras that a tensor isn't there yet
            raise ValueError(
                _("the layer {layer!r} calls tf.{function} in a way that Keras 3 has no operation for: {why}").format(
                    layer=self.name, function=self._function, why=for_people(error)
                )
            ) from error
        outputs = list(returned) if isinstance(returned, list | tuple) and any(map(is_tensor, returned)) else [returned]
        if is_tensor(outputs[0]):
            outputs = self._named(outputs, tensors)
        note_outputs(self, outputs)
        return outputs

    def _named(self, returned: list[Any], tensors: list[Any]) -> list[Any]:
        """Name what makes the tensors that are returned as this layer, and what comes between after it."""
        before = len(inbound_nodes(self))
        name = f"{self.name}.{before}" if before else self.name
        if any(returned[0] is one for one in tensors):  # nothing was computed
            return [keras.layers.Identity(name=name)(returned[0])]
        given = {id(one) for one in tensors}
        last, *between = _made(returned, given)
        last.name = name
        for number, operation in enumerate(reversed(between), 1):
            operation.name = f"{name}.{number}.{type(operation).__name__.lower()}"
        return returned


def _made(returned: list[Any], given: set[int]) -> list[Any]:
    """Return the operations that were added to make these tensors of those given, the last first."""
    found: dict[int, Any] = {}
    left = list(returned)
    while left:
        tensor = left.pop(0)
        if id(tensor) not in given and id(operation := origin(tensor).operation) not in found:
            found[id(operation)] = operation
            left += inbound_nodes(operation)[-1].input_tensors
    return list(found.values())


def _folded(compute: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Return what a function makes of plain numbers, as plain numbers: sizes of tensors and what is computed of them."""
    given = keras.tree.flatten((arguments, keywords))
    if len(given) > MOST_NUMBERS or any(isinstance(one, int | float) and abs(one) > np.iinfo("int32").max for one in given):
        raise ValueError(_("it computes with constants alone"))
    returned = compute(*arguments, **keywords)
    return returned if isinstance(returned, list | int | float | None) else np.asarray(returned).tolist()


def _revived(value: Any) -> Any:
    """Return an argument with the slices and ellipses in it that Keras 2 wrote as plain data."""
    if isinstance(value, list):
        return [_revived(one) for one in value]
    if isinstance(value, dict) and value.keys() == {"start", "stop", "step"}:
        return slice(value["start"], value["stop"], value["step"])
    return Ellipsis if value == "Ellipsis" else value
