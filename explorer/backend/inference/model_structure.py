"""ModelStructure: what is known of a Keras model as it stands, and whether it still stands so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import is_
from typing import Any

from explorer.backend.graph import layer_table, nodes
from explorer.backend.inference import predictions
from explorer.backend.inference.executor import ModelExecutor
from explorer.backend.inputs import input_spec
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import attributes, flat_layers
from explorer.values import Layers, TensorInfo


class ModelStructure:
    """The layers of a model, its outputs, and the compiled ways to run it.

    Compiled code and the layer table are as old as the model was when this was made: after a change it is made anew.
    graph: whether Keras knows how the layers are joined; last: the addresses of the layers that make the outputs;
    scorings: how the numbers of each output are read.
    """

    layer_table: Layers
    outputs: tuple[TensorInfo, ...]

    def __init__(self, model: Any, inputs: Sequence[TensorInfo], blank: Callable[[], Iterable[Any]], labels: int, headless: bool) -> None:
        """Read a model.

        inputs: those of the model, in order; blank: makes an array (1, ...) for each; labels: how many classes have names; headless:
        whether it was built without its classification head.
        """
        finalize_statistics(model)
        self.executor = ModelExecutor(model, inputs)
        self.graph = nodes.has_graph(model)
        if self.graph:
            self.layers, self.outputs = layer_table.table(model), input_spec.outputs_of(model)
            self.last = frozenset(nodes.output_addresses(model))
            activations = [predictions.last_activation(tensor) for tensor in model.outputs]
        else:
            record, returned = self.executor.run_eagerly(blank())
            self.layers, self.outputs = layer_table.recorded_table(model, record), input_spec.outputs_of(model, returned)
            self.last = frozenset([name for name in record if "/" not in name][-1:])
            activations = [predictions.activation_of(record[name][0]) for name in self.last if len(self.outputs) == 1]
            activations = activations or [""] * len(self.outputs)
        self.scorings = predictions.scorings(model, self.outputs, activations, labels, headless)
        self._parts = list(_parts(model))

    def describes(self, model: Any) -> bool:
        """Return whether the model has the layers, and these the attributes, that they had when this was made.

        It takes 1 ms for 155 layers.
        """
        now = list(_parts(model))
        return len(now) == len(self._parts) and all(map(is_, now, self._parts))


def _parts(model: Any) -> Iterator[Any]:
    """Yield all that the layers of a model hold, by reference: their attributes, and what is in lists and dicts among them."""
    for layer in flat_layers(model):
        yield layer
        for value in attributes(layer):
            yield value
            if isinstance(value, dict):
                yield from value.values()
            elif isinstance(value, list | tuple):
                yield from value


def finalize_statistics(model: Any) -> None:
    """Let each Normalization compute with the mean and variance that its variables hold: Keras does not after `set_weights`."""
    for layer in flat_layers(model):
        if isinstance(layer, keras.layers.Normalization) and layer.built and layer.input_mean is None:
            held = [keras.ops.convert_to_numpy(one).ravel() for one in (layer.adapt_mean, layer.adapt_variance)]
            used = [keras.ops.convert_to_numpy(one).ravel() for one in (layer.mean, layer.variance)]
            if any((one.astype(other.dtype) != other).any() for one, other in zip(held, used, strict=True)):
                layer.finalize_state()


def forget_compiled(model: Any) -> None:
    """Let Keras compile anew what it evaluates, predicts and trains with: the old code holds statistics and layers as they were."""
    for part in flat_layers(model):
        if isinstance(part, keras.Model):
            part.train_function = part.test_function = part.predict_function = None
