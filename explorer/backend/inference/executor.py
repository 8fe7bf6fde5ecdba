"""Running a model: one compiled call for all that is asked of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np

from explorer.backend.graph.nodes import Record, has_graph, running_order
from explorer.backend.inference.activation_capture import capture_activations
from explorer.backend.inference.run_costs import Recurrence, peak, recurrences
from explorer.backend.inputs.input_spec import structure_of, tensors_in
from explorer.backend.runtime import budget
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.keras_private import flat_layers
from explorer.backend.runtime.memory import brief_collections
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import TensorInfo

Arrays = list[np.ndarray[Any, Any]]

SIDE_BY_SIDE = 2


class ModelExecutor:
    """The ways in which a model is run: for its outputs, and for what its layers return.

    A model with a graph is compiled; what a subclassed one does in Python can't be trusted to a graph.
    inputs: those of the model, in order.
    """

    def __init__(self, model: Any, inputs: Sequence[TensorInfo]) -> None:
        self._model = model
        self._inputs = inputs
        self._graph = has_graph(model)
        self._structure = structure_of(model)
        self._order = running_order(model)
        self._batch_size = next((tensor.shape[0] for tensor in model.inputs if tensor.shape[0]), None) if self._graph else None
        self._with_state = [layer for layer in flat_layers(model) if getattr(layer, "stateful", False)]
        self._forward = self._compiled(lambda *batch: [tensor for _path, tensor in tensors_in(self._called(batch))])
        self._recurrent = self._graph and any(True for _one in recurrences(model))
        self._costs: dict[tuple[Callable[..., Any], int], int] = {}
        self._recorders: dict[tuple[str, ...], Callable[..., Any]] = {}

    def forward(self, batch: Iterable[Any]) -> Arrays:
        """Return the outputs for one array an input, (n, ...) each, in the order of the model's outputs.

        Raises ExplorerError where the model can't be run on them.
        """
        arrays = list(batch)
        at_once = self._afforded(self._forward, arrays)
        parts = [self._run(self._forward, part) for part in self._parts(arrays, at_once)]
        return [np.concatenate([np.asarray(part) for part in tensors])[: len(arrays[0])] for tensors in zip(*parts, strict=True)]

    def forward_each(self, examples: Arrays) -> list[Arrays]:
        """Return what `forward` returns for each example alone, (1, ...), of a model with one input. Raises as `forward` does.

        Where the model is compiled, two run side by side: as a batch they would crowd each other out of the processor's cache.
        """
        if not self._graph or self._with_state:
            return [self.forward([example]) for example in examples]
        self._forward.get_concrete_function()  # type: ignore[attr-defined]  # traced on this thread, as Keras keeps state by thread
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(lambda example: self.forward([example]), examples))

    def record(self, batch: Iterable[Any], names: tuple[str, ...]) -> dict[str, Any]:
        """Return the (first) outputs of these layers, by address, and those of the model, by `output_name`.

        Layers that the model did not run are missing.

        batch: one example: an array (1, ...) an input. Raises as `forward` does.
        """
        if names not in self._recorders:
            self._recorders.clear()  # one is enough: each holds a graph of the whole network
            self._recorders[names] = self._compiled(lambda *inputs: self._recorded(inputs, names))
        arrays = list(batch)
        at_once = self._afforded(self._recorders[names], arrays)
        returned: dict[str, Any] = self._run(self._recorders[names], next(self._parts(arrays, at_once)))
        return returned

    def run_eagerly(self, batch: Iterable[Any]) -> tuple[Record, Any]:
        """Call the model uncompiled; return what each layer returned, and what the model did. Raises as `forward` does."""

        def run(*tensors: Any) -> tuple[Record, Any]:
            self._called(tensors)  # layers that are not built yet are called twice the first time
            with capture_activations(self._model, self._order) as record:
                return record, self._called(tensors)

        watched: tuple[Record, Any] = self._run(run, list(batch))
        return watched

    def _called(self, batch: Iterable[Any]) -> Any:
        return self._model(keras.tree.pack_sequence_as(self._structure, list(batch)), training=False)

    def _run(self, function: Callable[..., Any], batch: Iterable[Any]) -> Any:
        with self._refusing(), brief_collections():  # the first call builds a graph
            for layer in self._with_state:
                layer.reset_state()
            return function(*map(tensorflow.constant, batch))

    def _refusing(self) -> AbstractContextManager[None]:
        return refusing(ExplorerError, _("{name} can't be run on this example: {why}."), self._model.name)

    def _afforded(self, function: Callable[..., Any], arrays: Arrays) -> int:
        """Return how many of these examples may be run at a time.

        Raises ExplorerError where not one fits into memory, or would keep a recurrent layer busy for too long.
        """
        if not self._graph:
            return len(arrays[0])
        if self._recurrent:
            self._check_steps(max((size for array in arrays for size in array.shape[1:]), default=1))
        longest = self._longest(arrays)
        with self._refusing():
            most, each = budget.limit(), self._cost(function, longest)
            if each > most and longest > 1:
                each = peak(self._exact_graph(function, arrays), self._batch_size or 1)
        budget.check(each, self._model.name, _("Give a smaller example, or build the network for a smaller input."), ExplorerError, most)
        return max(1, most // each) if each else len(arrays[0])

    def _check_steps(self, longest: int) -> None:
        """Raise ExplorerError where a recurrent layer would be busy for too long; longest: what stands for steps whose number is open."""
        for one in recurrences(self._model, longest):
            if one.steps > one.most:
                raise ExplorerError(_too_long(self._model.name, one))

    def _cost(self, function: Callable[..., Any], longest: int) -> int:
        """Return the bytes that one example, or one batch of a fixed size, takes; more where the longest open size stands for others."""
        if (function, longest) not in self._costs:
            with brief_collections():
                graph = function.get_concrete_function().graph  # type: ignore[attr-defined]
            self._costs = {key: cost for key, cost in self._costs.items() if key[0] is self._forward}  # recorders come and go
            self._costs[function, longest] = peak(graph, self._batch_size or 1, longest)
        return self._costs[function, longest]

    def _longest(self, arrays: Arrays) -> int:
        """Return the largest of the sizes that the inputs leave open, the batch aside."""
        pairs = zip(self._inputs, arrays, strict=True)
        return max(
            [given for one, array in pairs for size, given in zip(one.shape, array.shape[1:], strict=True) if size is None], default=1
        )

    def _exact_graph(self, function: Any, arrays: Arrays) -> Any:
        """Return the graph for examples of these very sizes."""
        exact = [tensorflow.TensorSpec((self._batch_size or 1, *array.shape[1:]), array.dtype) for array in arrays]
        with brief_collections():
            return tensorflow.function(function.python_function, autograph=False).get_concrete_function(*exact).graph

    def _parts(self, arrays: Arrays, at_once: int) -> Iterator[Arrays]:
        """Yield the batch as the model takes it: so many at a time, or as many as its fixed batch size, filled up with the last."""
        size = self._batch_size or at_once
        for start in range(0, len(arrays[0]), size):
            if self._batch_size is None:
                yield [array[start : start + size] for array in arrays]
            else:
                yield [np.take(array, range(start, start + size), axis=0, mode="clip") for array in arrays]

    def _compiled(self, run: Callable[..., Any]) -> Callable[..., Any]:
        if not self._graph:
            return run
        signature = [tensorflow.TensorSpec((self._batch_size, *one.shape), one.dtype) for one in self._inputs]
        # TensorFlow counts how often a piece of code is traced and complains; a partial is counted by itself.
        compiled: Callable[..., Any] = tensorflow.function(partial(run), input_signature=signature, autograph=False)
        return compiled

    def _recorded(self, inputs: tuple[Any, ...], names: tuple[str, ...]) -> dict[str, Any]:
        with capture_activations(self._model, self._order) as record:
            returned = self._called(inputs)
        outputs = {one.name: tensor for one, tensor in zip(self._inputs, inputs, strict=True)}
        outputs |= {name: keras.tree.flatten(record[name][1])[0] for name in names if name in record}
        found = {name: outputs[name] for name in names if name in outputs}
        return found | {output_name(index): tensor for index, (_path, tensor) in enumerate(tensors_in(returned))}


def output_name(index: int) -> str:
    """Return what an output of a model is called among what its layers return: no layer's address begins so."""
    return f"/{index}"


def _too_long(name: str, one: Recurrence) -> str:
    return _(
        "The recurrent layer {layer} of {name} would take {steps} steps, one after the other, and may take {most}: give a shorter "
        "example, or build the network for shorter ones."
    ).format(layer=one.layer, name=name, steps=f"{one.steps:,}", most=f"{one.most:,}")
