"""The private parts of Keras that explorer uses: modules under `keras.src` and underscored names.

No other file may use them; tests/backend/runtime/test_keras_private.py shows which of them a new Keras no longer has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from explorer.backend.runtime.keras import keras

_BOOKKEEPING = frozenset({"_called", "_inbound_nodes", "_outbound_nodes", "_losses", "_loss_ids", "_metrics"})


class Origin(NamedTuple):
    """The origin of a symbolic tensor: the layer or operation, the index of its inbound node, and the index of that node's output."""

    operation: Any
    node_index: int
    tensor_index: int


def nodes_by_depth(model: Any) -> Mapping[int, Sequence[Any]] | None:
    """Return the nodes of a model by depth, 0 for the outputs; None for a model without a graph: subclassed, or an unbuilt Sequential."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return getattr(graph, "_nodes_by_depth", None)


def inbound_nodes(layer: Any) -> Sequence[Any]:
    """Return a node for each use of a layer or operation, in all models that use it, in the order in which they were created."""
    nodes: Sequence[Any] = layer._inbound_nodes
    return nodes


def note_outputs(operation: Any, outputs: Sequence[Any]) -> None:
    """Register tensors as the outputs of the next use of an operation, for Keras while it builds a graph from a config."""
    operation._inbound_nodes.append(SimpleNamespace(output_tensors=list(outputs)))


def origin(tensor: Any) -> Origin:
    """Return the origin of a symbolic tensor of a graph."""
    return Origin(*tensor._keras_history)


def module_of(class_name: str, operation: bool = False) -> str:
    """Return the module in which Keras has a layer (or an operation) of this name; "" if it has none.

    Keras has some layers for its own applications only, and some for old files only.
    """
    if not operation and isinstance(getattr(keras.layers, class_name, None), type):
        return "keras.layers"
    candidates = (*vars(keras.src.ops).values(),) if operation else (*vars(keras.src.applications).values(), keras.src.legacy.layers)
    modules = {
        candidate.__name__: candidate
        for candidate in candidates
        if isinstance(candidate, ModuleType) and candidate.__name__.startswith("keras.src.")
    }
    kind = keras.Operation if operation else keras.layers.Layer
    for name, module in modules.items():
        candidate = vars(module).get(class_name)
        if isinstance(candidate, type) and issubclass(candidate, kind) and candidate.__module__ == name:
            return name
    return ""


def snake_case(class_name: str) -> str:
    """Return the name that Keras derives from a class for the folder of a layer's weights: `batch_normalization`."""
    return str(keras.src.utils.naming.to_snake_case(class_name))


def flat_layers(layer: Any) -> list[Any]:
    """Return a layer or model and all layers within it, at any depth, each once."""
    layers: list[Any] = layer._flatten_layers()
    return layers


def own_trainable_variables(layer: Any) -> Sequence[Any]:
    """Return the variables of a layer itself, not of those within it, that training changes unless the layer is frozen."""
    variables: Sequence[Any] = layer._trainable_variables
    return variables


def attributes(layer: Any) -> Iterator[Any]:
    """Yield the names and values of the attributes of a layer, except those that change when it, or a model that uses it, is called."""
    for name, value in vars(layer).items():
        if name not in _BOOKKEEPING:
            yield name
            yield value


def constants_of(node: Any) -> list[Any]:
    """Return the arguments of a node's operation that aren't symbolic tensors: the 255 of `x / 255`."""
    values = [*node.arguments.args, *node.arguments.kwargs.values()]
    return [value for value in values if not isinstance(value, keras.KerasTensor)]


def takes_training(layer: Any) -> bool:
    """Whether the `call` of a layer has the argument `training`."""
    return bool(layer._call_has_training_arg)


def optimized_variables(optimizer: Any) -> Sequence[Any]:
    """Return the variables that an optimizer was built for."""
    variables: Sequence[Any] = optimizer._trainable_variables
    return variables


def pass_on_initial_epoch(source: Any, target: Any) -> None:
    """Copy the initial epoch that BackupAndRestore has set for one model (None if it hasn't) to another."""
    target._initial_epoch = source._initial_epoch


class _Scopes(list[Any]):
    """The name scopes that are open on a thread, as Keras keeps them; each of `entered` is called with the layer of one that opens."""

    entered: tuple[Callable[[Any], None], ...] = ()

    def append(self, scope: Any) -> None:
        for entered in self.entered if scope.caller is not None else ():
            entered(scope.caller)
        super().append(scope)


@contextmanager
def when_entered(entered: Callable[[Any], None]) -> Iterator[None]:
    """Call `entered` with each layer that this thread is about to build or call: Keras opens a name scope for it, on this thread only."""
    state = keras.src.backend.common.global_state
    before = state.get_global_attribute("name_scope_stack", [])
    scopes = _Scopes(before)
    scopes.entered = (*getattr(before, "entered", ()), entered)
    state.set_global_attribute("name_scope_stack", scopes)
    try:
        yield
    finally:
        state.set_global_attribute("name_scope_stack", before)


@contextmanager
def efficientnets_with_weights(file: Path) -> Iterator[Any]:
    """Yield the module of Keras's EfficientNets, whose builders load this file instead of downloading the weights.

    This affects all threads until the `with` ends.
    """
    module = keras.src.applications.efficientnet
    files = module.file_utils
    module.file_utils = SimpleNamespace(get_file=lambda *_wanted, **_options: str(file), exists=os.path.exists)
    try:
        yield module
    finally:
        module.file_utils = files
