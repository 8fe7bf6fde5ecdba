"""All that explorer needs of Keras beyond what Keras promises to keep: its modules under `keras.src` and underscored names.

No other file may use any; tests/backend/test_keras_private.py says which of them a new Keras no longer has.
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
    """Where a symbolic tensor comes from: the layer or operation, which of its inbound nodes, which output of that."""

    operation: Any
    node_index: int
    tensor_index: int


def nodes_by_depth(model: Any) -> Mapping[int, Sequence[Any]] | None:
    """Return the nodes of a model by depth, the outputs at 0; None for one without a graph: a subclassed or an unbuilt Sequential one."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return getattr(graph, "_nodes_by_depth", None)


def inbound_nodes(layer: Any) -> Sequence[Any]:
    """Return a node for each use of a layer or operation, in every model that uses it, in the order in which they were written."""
    nodes: Sequence[Any] = layer._inbound_nodes
    return nodes


def note_outputs(operation: Any, outputs: Sequence[Any]) -> None:
    """Let Keras, while it builds a graph from its config, find these as what the next use of an operation answers with."""
    operation._inbound_nodes.append(SimpleNamespace(output_tensors=list(outputs)))


def origin(tensor: Any) -> Origin:
    """Return where a symbolic tensor of a graph comes from."""
    return Origin(*tensor._keras_history)


def home_of(class_name: str, operation: bool = False) -> str:
    """Return the module in which Keras has a layer of this name, or an operation; empty where it has none.

    Some layers Keras has for its own applications only, and some for old files only.
    """
    if not operation and isinstance(getattr(keras.layers, class_name, None), type):
        return "keras.layers"
    homes = (*vars(keras.src.ops).values(),) if operation else (*vars(keras.src.applications).values(), keras.src.legacy.layers)
    modules = {one.__name__: one for one in homes if isinstance(one, ModuleType) and one.__name__.startswith("keras.src.")}
    kind = keras.Operation if operation else keras.layers.Layer
    for name, module in modules.items():
        found = vars(module).get(class_name)
        if isinstance(found, type) and issubclass(found, kind) and found.__module__ == name:
            return name
    return ""


def snake_case(class_name: str) -> str:
    """Return what Keras calls the folder of a layer's weights, after its class: `batch_normalization`."""
    return str(keras.src.utils.naming.to_snake_case(class_name))


def flat_layers(layer: Any) -> list[Any]:
    """Return a layer or model and every layer within it, at any depth, each one once."""
    layers: list[Any] = layer._flatten_layers()
    return layers


def own_trainable_variables(layer: Any) -> Sequence[Any]:
    """Return the variables of a layer itself, not of those within it, that a training changes unless the layer is frozen."""
    variables: Sequence[Any] = layer._trainable_variables
    return variables


def attributes(layer: Any) -> Iterator[Any]:
    """Yield the names and values of the attributes of a layer, but for those that a call of it or of a further model on it changes."""
    for name, value in vars(layer).items():
        if name not in _BOOKKEEPING:
            yield name
            yield value


def constants_of(node: Any) -> list[Any]:
    """Return what a node gives its operation beside symbolic tensors: the 255 of `x / 255`."""
    given = [*node.arguments.args, *node.arguments.kwargs.values()]
    return [one for one in given if not isinstance(one, keras.KerasTensor)]


def takes_training(layer: Any) -> bool:
    """Whether the `call` of a layer has the argument `training`."""
    return bool(layer._call_has_training_arg)


def optimized_variables(optimizer: Any) -> Sequence[Any]:
    """Return the variables that an optimizer was built to change."""
    variables: Sequence[Any] = optimizer._trainable_variables
    return variables


def pass_on_initial_epoch(source: Any, target: Any) -> None:
    """Let a model begin with the epoch that BackupAndRestore has set for another; None if it has set none."""
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
def efficientnets_that_find(file: Path) -> Iterator[Any]:
    """Yield the module of Keras's EfficientNets, whose builders take this file for the weights that they would download.

    Holds for all threads until the `with` ends.
    """
    home = keras.src.applications.efficientnet
    files = home.file_utils
    home.file_utils = SimpleNamespace(get_file=lambda *_wanted, **_options: str(file), exists=os.path.exists)
    try:
        yield home
    finally:
        home.file_utils = files
