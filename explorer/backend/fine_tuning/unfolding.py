"""Unfolding: a model as one flat graph, so that it can be cut inside of the models that are nested in it; it shares their layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from explorer.backend.graph.nodes import address_of, maker_of, node_of, nodes, opens, outputs_by_address, uses
from explorer.backend.runtime.keras import keras


@dataclass(frozen=True, eq=False)
class Unfolded:
    """A flat model.

    model: the Keras model, of the layers and inputs of the one that it was made of.
    outputs: the tensors that each layer and operation answers with, by its address in that one.
    """

    model: Any
    outputs: dict[str, list[Any]]


def unfolded(model: Any) -> Unfolded:
    """Return a model that has a graph without the nested models that `opens` tells; the model itself where there are none."""
    running = nodes(model)
    if not any(map(opens, running)):
        return Unfolded(model, outputs_by_address(model))
    outputs: dict[str, list[Any]] = {}
    tensors = {id(tensor): tensor for tensor in model.inputs}
    return Unfolded(joined(model.inputs, _run(model, tensors, "", outputs), model.name), outputs)


def joined(inputs: Sequence[Any], outputs: Any, name: str) -> Any:
    """Return the Keras model between tensors of a flat one, in which several layers may have the same name."""
    between, makers = _between(inputs, keras.tree.flatten(outputs)), {id(maker_of(tensor)) for tensor in inputs}
    if any(id(node.operation) in makers for node in between):  # Keras would take each use of such a layer for an input
        inputs, outputs = _anew(inputs, outputs, between)
    with _named_apart(list({id(node.operation): node.operation for node in between}.values())):
        return keras.Model(list(inputs), outputs, name=name)


def _run(model: Any, tensors: dict[int, Any], path: str, outputs: dict[str, list[Any]]) -> list[Any]:
    """Run a model's graph on other tensors; return what its outputs are.

    tensors: what its inputs are, by the ids of its own; outputs: filled, as `Unfolded` has it.
    """
    running = nodes(model)
    number = uses(running)
    for node in running:
        address = path + address_of(node.operation.name, number[id(node)])
        given = [tensors[id(tensor)] for tensor in node.input_tensors]
        if node.is_input:
            made = [tensors[id(tensor)] for tensor in node.output_tensors]
        elif opens(node):
            own = node.operation.inputs
            into = {id(tensor): _cast(one, tensor.dtype) for tensor, one in zip(own, given, strict=True)}
            made = _run(node.operation, into, f"{address}/", outputs)
        elif all(one is tensor for one, tensor in zip(given, node.input_tensors, strict=True)):
            made = list(node.output_tensors)
        else:
            made = _called(node, tensors)
        tensors.update((id(tensor), one) for tensor, one in zip(node.output_tensors, made, strict=True))
        if not opens(node) and not (path and node.is_input):
            outputs[address] = made
    return [tensors[id(tensor)] for tensor in model.outputs]


def _cast(tensor: Any, dtype: str) -> Any:
    return tensor if tensor.dtype == dtype else keras.ops.cast(tensor, dtype)


def _between(inputs: Iterable[Any], outputs: Iterable[Any]) -> list[Any]:
    """Return the nodes between tensors, each behind those that it reads."""
    known, found = {id(tensor) for tensor in inputs}, []
    waiting = [node_of(tensor) for tensor in outputs if id(tensor) not in known]
    while waiting:
        node = waiting[-1]
        missing = [tensor for tensor in node.input_tensors if id(tensor) not in known]
        if missing:
            waiting += map(node_of, missing)
            continue
        waiting.pop()
        if id(node.output_tensors[0]) not in known:
            known |= set(map(id, node.output_tensors))
            found.append(node)
    return found


def _anew(inputs: Sequence[Any], outputs: Any, between: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return inputs and outputs of a graph of its own that runs these nodes."""
    fresh = [keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype) for tensor in inputs]
    tensors = {id(tensor): one for tensor, one in zip(inputs, fresh, strict=True)}
    for node in between:
        tensors.update((id(tensor), one) for tensor, one in zip(node.output_tensors, _called(node, tensors), strict=True))
    return fresh, keras.tree.map_structure(lambda tensor: tensors[id(tensor)], outputs)


def _called(node: Any, tensors: Mapping[int, Any]) -> list[Any]:
    """Call a layer as one of its nodes does, on other tensors, given by the ids of those of the node."""
    arguments, named = node.arguments.fill_in(tensors)
    called: list[Any] = keras.tree.flatten(node.operation(*arguments, **named))
    return called


@contextmanager
def _named_apart(operations: Sequence[Any]) -> Iterator[None]:
    """Give each a name of its own for a while: Keras makes no model of two layers with the same."""
    names = [operation.name for operation in operations]
    try:
        for place, operation in enumerate(operations):
            operation.name = f"{operation.name}_at_{place}"
        yield
    finally:
        for operation, name in zip(operations, names, strict=True):
            operation.name = name
