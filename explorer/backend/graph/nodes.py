"""The graph of a Keras model: its nodes in the order in which Keras runs them, and which use of its layer each one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import flat_layers, inbound_nodes, nodes_by_depth, origin

Order: TypeAlias = Mapping[tuple[int, int], Sequence[int]]
Record: TypeAlias = dict[str, tuple[Any, Any]]  # what each layer took and returned in a run, by its address


def has_graph(model: Any) -> bool:
    """Whether Keras knows how the layers of the model are joined: not so for subclassed models."""
    return nodes_by_depth(model) is not None


def opens(node: Any) -> bool:
    """Whether the layers of a nested model can stand for it where it is used: it does nothing but run its graph, to one output."""
    model = node.operation
    if not isinstance(model, keras.Model) or not has_graph(model) or not type(model).call.__module__.startswith("keras."):
        return False
    return len(model.outputs) == 1 and [len(one.shape) for one in node.input_tensors] == [len(one.shape) for one in model.inputs]


def nodes(model: Any) -> list[Any]:
    """Return the nodes of a model in the order in which Keras runs them; none where it has no graph."""
    by_depth = nodes_by_depth(model) or {}
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def uses(of: Sequence[Any]) -> dict[int, int]:
    """Return, by the id of each of these nodes of one model, which use of its layer it is.

    Counted from 0 in the order in which the uses were written, as Keras counts nodes (`get_output_at`).
    """
    here = {id(node) for node in of}
    layers = {id(node.operation): node.operation for node in of}
    own = [[node for node in inbound_nodes(layer) if id(node) in here] for layer in layers.values()]
    return {id(node): use for group in own for use, node in enumerate(group)}


def running_order(model: Any) -> Order:
    """Return the layers with uses that run in another order than they were written in, nested models included.

    (id of the model that uses it, id of the layer) -> the numbers of its uses, in the order in which they run.
    """
    order: dict[tuple[int, int], list[int]] = {}
    for part in flat_layers(model):
        if isinstance(part, keras.Model) and has_graph(part):
            running = nodes(part)
            number = uses(running)
            for node in running:
                order.setdefault((id(part), id(node.operation)), []).append(number[id(node)])
    return {key: numbers for key, numbers in order.items() if numbers != sorted(numbers)}


def address_of(path: str, use: int) -> str:
    """Return the address of a layer's use, counted from 0: `lstm`, `lstm:1`."""
    return f"{path}:{use}" if use else path


def output_addresses(model: Any) -> list[str]:
    """Return what makes each output of a model that has a graph: the address of a layer, or the name of an operation."""
    number = uses(nodes(model))
    return [address_of(maker_of(tensor).name, number[id(node_of(tensor))]) for tensor in model.outputs]


def node_of(tensor: Any) -> Any:
    """Return the node whose output the tensor is."""
    came = origin(tensor)
    return inbound_nodes(came.operation)[came.node_index]


def maker_of(tensor: Any) -> Any:
    """Return the layer or operation whose output the tensor is."""
    return origin(tensor).operation


def outputs_by_address(model: Any) -> dict[str, list[Any]]:
    """Return the tensors that each of the model's own layers and operations answers with, by its address."""
    running = nodes(model)
    number = uses(running)
    return {address_of(node.operation.name, number[id(node)]): list(node.output_tensors) for node in running}


def layer_at(model: Any, address: str) -> Any:
    """Return the layer at an address, whichever use of it that is."""
    for name in address.split("/"):
        model = model.get_layer(name.split(":")[0])
    return model


def indices(model: Any) -> dict[int, int]:
    """Return by the ids of a model's layers their places in `model.layers`, and by those of the operations between how many come before."""
    indices: dict[int, int] = {}
    known = {id(layer) for layer in model.layers}
    before = 0
    for operation in [] if isinstance(model, keras.Sequential) else model.operations:
        if id(operation) in known or not isinstance(operation, keras.layers.Layer):
            indices[id(operation)] = before
            before += id(operation) in known
    return indices or {id(layer): index for index, layer in enumerate(model.layers)}
