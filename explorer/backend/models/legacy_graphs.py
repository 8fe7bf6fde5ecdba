"""The legacy graphs of functional models that Keras 1 and 2 wrote, converted to what Keras 3 reads.

Keras 2 wrote a call of a layer as the tensors that it is called with, [name, node, tensor, keywords], a single one or nested in
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
_TRAINING_ONLY = ("AddLoss", "AddMetric")  # layers without effect on the outputs


def rewrite_graph(arguments: Config) -> None:
    """Rewrite the layers, calls, inputs and outputs of a functional model as Keras 3 writes them."""
    entries = [layer for layer in arguments["layers"] if layer["class_name"] not in _TRAINING_ONLY]
    layers = {layer["name"]: layer for layer in entries}
    _replace_slashes(entries)
    for layer in entries:
        shape = layer["config"].pop("batch_input_shape", None)
        if shape and layer["class_name"] == "InputLayer":
            layer["config"]["batch_shape"] = shape
        layer["inbound_nodes"] = [_call(node, layer, layers) for node in layer["inbound_nodes"]]
    for key in ("input_layers", "output_layers"):
        arguments[key] = _single(_mapped(arguments[key], layers, lambda reference: _history(reference, layers, ("Sequential",))))
    for layer in entries:
        if layer["class_name"] in CALLS:
            _become_function(layer)
    arguments["layers"] = entries


def _replace_slashes(entries: list[Config]) -> None:
    """Rename layers to unique names that Keras 3 accepts: `conv1_conv` for `conv1/conv`."""
    taken = {layer["name"] for layer in entries}
    for layer in entries:
        if "/" in layer["name"]:
            name = layer["name"].replace("/", "_")
            while name in taken:
                name += "_"
            taken.add(name)
            layer["name"] = layer["config"]["name"] = name


def _call(node: Any, layer: Config, layers: Layers) -> Config:
    """Return one call of a layer as Keras 3 writes it: its positional and its keyword arguments."""
    if isinstance(node, dict) and node.keys() == {"args", "kwargs"}:
        return node
    keywords: Config = {}

    def tensor(reference: list[Any]) -> Any:
        keywords.update(reference[3] if len(reference) > 3 else {})
        return _tensor(reference, layers)

    arguments = _mapped(node, layers, tensor)
    if layer["class_name"] == _NODES:
        positional, named = legacy_nodes.arguments_of(layer["config"], arguments if isinstance(arguments, list) else [arguments])
        return {"args": positional, "kwargs": named}
    named = {key: _mapped(value, layers, lambda reference: _tensor(reference, layers)) for key, value in keywords.items()}
    return {"args": [arguments if layer["class_name"] in CALLS else _single(arguments)], "kwargs": named}


def _single(structure: Any) -> Any:
    """Return the only item of a list of one, which is how Keras 2 wrote a single tensor; other structures as they are."""
    return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure


def _mapped(value: Any, layers: Layers, leaf: Callable[[list[Any]], Any]) -> Any:
    """Return a structure with every reference to a tensor in it replaced by the result of `leaf`."""
    if isinstance(value, list):
        is_reference = len(value) in (3, 4) and isinstance(value[0], str) and (value[0] in layers or value[0] == _CONSTANT)
        return leaf(value) if is_reference else [_mapped(child, layers, leaf) for child in value]
    if isinstance(value, dict):
        return (
            "Ellipsis" if value == {"class_name": "__ellipsis__"} else {key: _mapped(child, layers, leaf) for key, child in value.items()}
        )
    return value


def _tensor(reference: list[Any], layers: Layers) -> Any:
    """Return the tensor that a reference stands for; Keras finds it by its history and ignores the shape."""
    if reference[0] == _CONSTANT:
        return reference[2]
    history = _history(reference, layers, tuple(MODELS.values()))
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": history}}


def _history(reference: list[Any], layers: Layers, counted_from_one: tuple[str, ...]) -> list[Any]:
    """Return [name, node, tensor]; Keras 2 counted the nodes of nested models from 1, as building them already makes one node."""
    name, node, tensor = reference[:3]
    return [layers[name]["name"], node - 1 if layers[name]["class_name"] in counted_from_one else node, tensor]


def _become_function(layer: Config) -> None:
    """Replace a layer that calls a TensorFlow function by a `TensorFlowFunction`."""
    function = legacy_nodes.function_of(layer["config"]) if layer["class_name"] == _NODES else layer["config"]["function"]
    layer.pop("build_config", None)
    layer.update(
        class_name=TensorFlowFunction.__name__,
        module=TensorFlowFunction.__module__,
        registered_name=keras.saving.get_registered_name(TensorFlowFunction),
        config={"name": layer["name"], "function": function},
    )
