"""The nodes of a Keras model's graph in the order in which Keras runs them, and which use of its layer each node is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import flat_layers, inbound_nodes, nodes_by_depth, origin

Order: TypeAlias = Mapping[tuple[int, int], Sequence[int]]
Record: TypeAlias = dict[str, tuple[Any, Any]]  # address -> (layer, output) in one call of the model


def has_graph(model: Any) -> bool:
    """Whether Keras knows how the layers of the model are connected; it doesn't for subclassed models."""
    return nodes_by_depth(model) is not None


def opens(node: Any) -> bool:
    """Whether the layers of a nested model can replace it at this node: it only runs its graph, and has a single output."""
    model = node.operation
    if not isinstance(model, keras.Model) or not has_graph(model) or not type(model).call.__module__.startswith("keras."):
        return False
    return len(model.outputs) == 1 and [len(tensor.shape) for tensor in node.input_tensors] == [
        len(tensor.shape) for tensor in model.inputs
    ]


def nodes(model: Any) -> list[Any]:
    """Return the nodes of a model in the order in which Keras runs them; none if it has no graph."""
    by_depth = nodes_by_depth(model) or {}
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def uses(model_nodes: Sequence[Any]) -> dict[int, int]:
    """Return, by the id of each of these nodes of one model, which use of its layer it is.

    Uses count from 0 in the order in which the calls were written, as Keras counts nodes (`get_output_at`).
    """
    node_ids = {id(node) for node in model_nodes}
    layers = {id(node.operation): node.operation for node in model_nodes}
    groups = [[node for node in inbound_nodes(layer) if id(node) in node_ids] for layer in layers.values()]
    return {id(node): use for group in groups for use, node in enumerate(group)}


def running_order(model: Any) -> Order:
    """Return the layers whose uses run in another order than their calls were written in, nested models included.

    (id of the model that uses the layer, id of the layer) -> the numbers of its uses, in the order in which they run.
    """
    order: dict[tuple[int, int], list[int]] = {}
    for part in flat_layers(model):
        if isinstance(part, keras.Model) and has_graph(part):
            running = nodes(part)
            use_of = uses(running)
            for node in running:
                order.setdefault((id(part), id(node.operation)), []).append(use_of[id(node)])
    return {key: numbers for key, numbers in order.items() if numbers != sorted(numbers)}


def address_of(path: str, use: int) -> str:
    """Return the address of a use of a layer, counted from 0: `lstm`, `lstm:1`."""
    return f"{path}:{use}" if use else path


def output_addresses(model: Any) -> list[str]:
    """Return the address of the layer or operation that makes each output of a model that has a graph."""
    use_of = uses(nodes(model))
    return [address_of(maker_of(tensor).name, use_of[id(node_of(tensor))]) for tensor in model.outputs]


def node_of(tensor: Any) -> Any:
    """Return the node whose output the tensor is."""
    history = origin(tensor)
    return inbound_nodes(history.operation)[history.node_index]


def maker_of(tensor: Any) -> Any:
    """Return the layer or operation whose output the tensor is."""
    return origin(tensor).operation


def outputs_by_address(model: Any) -> dict[str, list[Any]]:
    """Return the output tensors of each of the model's own layers and operations, by its address."""
    running = nodes(model)
    use_of = uses(running)
    return {address_of(node.operation.name, use_of[id(node)]): list(node.output_tensors) for node in running}


def layer_at(model: Any, address: str) -> Any:
    """Return the layer at an address, regardless of the use."""
    for name in address.split("/"):
        model = model.get_layer(name.split(":")[0])
    return model


def indices(model: Any) -> dict[int, int]:
    """Return id -> index: for a layer its index in `model.layers`, for an operation the number of layers before it."""
    indices: dict[int, int] = {}
    known = {id(layer) for layer in model.layers}
    before = 0
    for operation in [] if isinstance(model, keras.Sequential) else model.operations:
        if id(operation) in known or not isinstance(operation, keras.layers.Layer):
            indices[id(operation)] = before
            before += id(operation) in known
    return indices or {id(layer): index for index, layer in enumerate(model.layers)}
