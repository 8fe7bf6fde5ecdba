"""The graph of a functional model as Keras 1 and 2 wrote it, put the way that Keras 3 reads it.

Keras 2 wrote a call of a layer as the tensors that it is called with, [name, node, tensor, keywords], one alone or in
lists and dicts; a constant as ["_CONSTANT_VALUE", -1, value, keywords].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from explorer.backend.models import legacy_nodes
from explorer.backend.models.legacy_operations import TensorFlowFunction
from explorer.backend.runtime.keras import keras

Config = dict[str, Any]
Layers = Mapping[str, Config]

MODELS = {"Sequential": "Sequential", "Functional": "Model", "Model": "Model"}
_CONSTANT = "_CONSTANT_VALUE"
_NODES = "TensorFlowOpLayer"
CALLS = ("TFOpLambda", "SlicingOpLambda", _NODES)
_AT_THE_SIDE = ("AddLoss", "AddMetric")  # what is trained for beside the outputs


def rewrite_graph(arguments: Config) -> None:
    """Put the layers, calls, inputs and outputs of a functional model as Keras 3 writes them."""
    entries = [layer for layer in arguments["layers"] if layer["class_name"] not in _AT_THE_SIDE]
    layers = {layer["name"]: layer for layer in entries}
    _without_slashes(entries)
    for layer in entries:
        shape = layer["config"].pop("batch_input_shape", None)
        if shape and layer["class_name"] == "InputLayer":
            layer["config"]["batch_shape"] = shape
        layer["inbound_nodes"] = [_call(node, layer, layers) for node in layer["inbound_nodes"]]
    for key in ("input_layers", "output_layers"):
        arguments[key] = _single(_mapped(arguments[key], layers, lambda reference: _place(reference, layers, ("Sequential",))))
    for layer in entries:
        if layer["class_name"] in CALLS:
            _become_function(layer)
    arguments["layers"] = entries


def _without_slashes(entries: list[Config]) -> None:
    """Give layers names that Keras 3 takes, each its own: `conv1_conv` for `conv1/conv`."""
    taken = {layer["name"] for layer in entries}
    for layer in entries:
        if "/" in layer["name"]:
            name = layer["name"].replace("/", "_")
            while name in taken:
                name += "_"
            taken.add(name)
            layer["name"] = layer["config"]["name"] = name


def _call(node: Any, layer: Config, layers: Layers) -> Config:
    """Return one call of a layer as Keras 3 writes it: its arguments by place and by name."""
    if isinstance(node, dict) and node.keys() == {"args", "kwargs"}:
        return node
    keywords: Config = {}

    def tensor(reference: list[Any]) -> Any:
        keywords.update(reference[3] if len(reference) > 3 else {})
        return _tensor(reference, layers)

    given = _mapped(node, layers, tensor)
    if layer["class_name"] == _NODES:
        places, named = legacy_nodes.arguments_of(layer["config"], given if isinstance(given, list) else [given])
        return {"args": places, "kwargs": named}
    named = {key: _mapped(value, layers, lambda reference: _tensor(reference, layers)) for key, value in keywords.items()}
    return {"args": [given if layer["class_name"] in CALLS else _single(given)], "kwargs": named}


def _single(structure: Any) -> Any:
    """Return what is alone in a list, as Keras 2 wrote one tensor like a list of one."""
    return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure


def _mapped(value: Any, layers: Layers, leaf: Callable[[list[Any]], Any]) -> Any:
    """Return a structure with every reference to a tensor in it replaced by what `leaf` makes of it."""
    if isinstance(value, list):
        referring = len(value) in (3, 4) and isinstance(value[0], str) and (value[0] in layers or value[0] == _CONSTANT)
        return leaf(value) if referring else [_mapped(one, layers, leaf) for one in value]
    if isinstance(value, dict):
        return "Ellipsis" if value == {"class_name": "__ellipsis__"} else {key: _mapped(one, layers, leaf) for key, one in value.items()}
    return value


def _tensor(reference: list[Any], layers: Layers) -> Any:
    """Return the output that a reference stands for; Keras finds it by its history and never looks at the shape."""
    if reference[0] == _CONSTANT:
        return reference[2]
    history = _place(reference, layers, tuple(MODELS.values()))
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": history}}


def _place(reference: list[Any], layers: Layers, counted_from_one: tuple[str, ...]) -> list[Any]:
    """Return [name, node, tensor]; Keras 2 counted the nodes of nested models from 1, as they call themselves once."""
    name, node, tensor = reference[:3]
    return [layers[name]["name"], node - 1 if layers[name]["class_name"] in counted_from_one else node, tensor]


def _become_function(layer: Config) -> None:
    """Put a layer that calls a function of TensorFlow as what explorer builds in its place."""
    function = legacy_nodes.function_of(layer["config"]) if layer["class_name"] == _NODES else layer["config"]["function"]
    layer.pop("build_config", None)
    layer.update(
        class_name=TensorFlowFunction.__name__,
        module=TensorFlowFunction.__module__,
        registered_name=keras.saving.get_registered_name(TensorFlowFunction),
        config={"name": layer["name"], "function": function},
    )
