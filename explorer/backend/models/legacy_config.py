"""The legacy configs that Keras 1 and 2 wrote into model files, converted to what Keras 3 reads; Keras 3's are left as they are.

Keras 3 promises to open the old formats, yet rejects most of what TensorFlow 2.0 to 2.15 saved: arguments that
its layers have dropped, classes that have moved, node numbers of nested models. The tables below hold the
differences between all layers of TensorFlow 2.12 and 2.15 (and tf_keras 2.21) and those of Keras 3.15.
"""

from __future__ import annotations

import json
import re
from typing import Any

from explorer.backend.models.legacy_graphs import MODELS, rewrite_graph
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import module_of

Config = dict[str, Any]

# Patterns of class names, and the arguments without effect that Keras 2 wrote for them and Keras 3 no longer accepts.
_DROPPED = (
    (r"(Depthwise|Separable)Conv\dD|Conv\dDTranspose", ("groups",)),
    (r"SeparableConv\dD", ("kernel_initializer", "kernel_regularizer", "kernel_constraint")),
    (r"SpatialDropout\dD", ("trainable", "noise_shape")),
    (r"MultiHeadAttention", ("query_shape", "key_shape", "value_shape", "softmax_robust_masking")),
    (r"Random\w+", ("rng_type",)),
    (r"Discretization", ("trainable",)),
    (r"BatchNormalization", ("virtual_batch_size", "adjustment", "fused")),
    (r"Lambda", ("function_type", "module", "output_shape_type", "output_shape_module")),
)
RENAMED = {  # the names of layers in some versions of TensorFlow 1, and of those that ran on GPUs only
    **dict.fromkeys(("BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"), "BatchNormalization"),
    **dict.fromkeys(("LSTMV1", "LSTMV2", "UnifiedLSTM", "CuDNNLSTM"), "LSTM"),
    **dict.fromkeys(("GRUV1", "GRUV2", "UnifiedGRU", "CuDNNGRU"), "GRU"),
}


@keras.saving.register_keras_serializable("explorer")  # type: ignore[untyped-decorator]
def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return 0.2 x + 0.5 clipped to 0..1, as `hard_sigmoid` did before Keras 3 made it x / 6 + 0.5."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def is_old(version: str | None) -> bool:
    """Return whether a file's `keras_version` is that of Keras 1 or 2; Keras 1 did not always write one."""
    return version is None or version.split(".")[0] in ("0", "1", "2")


def modernise(config: Config, old: bool) -> Config:
    """Return the config of a model as Keras 3 reads it.

    old: whether Keras 1 or 2 wrote it; else only dropped arguments are removed, and the modules that an .h5 of Keras 3
        leaves out are added.
    """
    new: Config = _modernise_value(config, old or "batch_input_shape" in json.dumps(config))
    for key in ("keras_version", "backend"):
        new.pop(key, None)
    return new


def _modernise_value(value: Any, old: bool) -> Any:
    if isinstance(value, list):
        return [_modernise_value(child, old) for child in value]
    if not isinstance(value, dict):
        return value
    entry = {key: _modernise_value(child, old) for key, child in value.items()}
    if isinstance(entry.get("class_name"), str) and isinstance(entry.get("config"), dict | list):
        if entry["class_name"] in RENAMED:
            _rename(entry)
        _drop(entry)
        if old or entry.get("module", "keras._legacy.layers") == "keras._legacy.layers":
            _set_module(entry, old)
        if old:
            _rewrite(entry)
        if entry["class_name"] == "GetItem":
            _expand_ellipsis(entry)
    return entry


def _rename(entry: Config) -> None:
    """Rename the class of a layer as in Keras 3."""
    if entry["class_name"] in ("CuDNNGRU", "GRUV2", "UnifiedGRU"):
        entry["config"].setdefault("reset_after", True)
    entry.update(class_name=RENAMED[entry["class_name"]], registered_name=None)


def _set_module(entry: Config, old: bool) -> None:
    """Set the module of the class of a model, a layer or an operation, which Keras 2, and Keras 3 in an .h5, left out."""
    name, arguments = entry["class_name"], entry["config"]
    if name in MODELS:
        entry.update(class_name=MODELS[name], module="keras")
        if isinstance(arguments, list):  # Keras up to 2.2 wrote no name for a Sequential
            entry["config"] = {"name": "sequential", "layers": arguments}
    elif str(entry.get("module")).startswith("tensorflow.") and hasattr(keras.initializers, name):
        entry["module"] = "keras.initializers"
    elif "name" in arguments:
        plain_name = name.removeprefix("Custom>")
        is_operation = not old and "inbound_nodes" in entry and not {"dtype", "trainable"} & set(arguments)
        module = module_of(plain_name, is_operation)
        if module and (name == plain_name or module != "keras.layers"):
            entry.update(class_name=plain_name, module=module)
    if f"{entry.get('module')}.".startswith("keras."):
        for key in ("registered_name", "build_config"):
            entry.pop(key, None)


def _expand_ellipsis(entry: Config) -> None:
    """Replace an ellipsis in `x[...]` by full slices: Keras reads it differently from an .h5 and from a .keras."""
    for node in entry.get("inbound_nodes", ()):
        tensor, key = node["args"]
        positions = [position for position, item in enumerate(key if isinstance(key, list) else ()) if _is_ellipsis(item)]
        for position in positions:
            full_slice = {"class_name": "__slice__", "config": dict.fromkeys(("start", "stop", "step"))}
            key[position : position + 1] = [full_slice] * (len(tensor["config"]["shape"]) - len(key) + 1 + key.count(None))


def _is_ellipsis(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__ellipsis__"


def _drop(entry: Config) -> None:
    for classes, arguments in _DROPPED:
        if re.fullmatch(classes, entry["class_name"]) and isinstance(entry["config"], dict):
            for argument in arguments:
                entry["config"].pop(argument, None)


def _rewrite(entry: Config) -> None:
    """Rewrite one object of an old config as Keras 3 writes it."""
    _rewrite_arguments(entry["class_name"], entry["config"])
    if "input_layers" in entry["config"]:
        rewrite_graph(entry["config"])
    elif "layers" in entry["config"]:
        _rewrite_stack(entry["config"])


def _rewrite_arguments(name: str, arguments: Config) -> None:
    """Rewrite the arguments of one layer as Keras 3 accepts them."""
    axis, dtype = arguments.get("axis"), arguments.get("dtype")
    if isinstance(arguments.get("name"), str):
        arguments["name"] = arguments["name"].replace("/", "_")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        arguments["axis"] = axis[0]
    if isinstance(dtype, dict) and dtype.get("class_name") in ("Policy", "PolicyV1"):
        arguments["dtype"] = dtype["config"]["name"]
    if arguments.get("time_major") is False:
        del arguments["time_major"]
    if name == "GRU":
        arguments.setdefault("reset_after", False)
    for key, value in arguments.items():
        if value == "hard_sigmoid" and key.endswith("activation"):
            arguments[key] = keras.saving.serialize_keras_object(hard_sigmoid_of_keras_2)
        elif key.endswith("_initializer") and isinstance(value, dict):
            value.get("config", {}).pop("dtype", None)  # TensorFlow 1 wrote one
        elif isinstance(value, dict) and value.get("type") == "ndarray":
            arguments[key] = value["value"]  # Keras 2.1 wrote the 6 of ReLU like this


def _rewrite_stack(arguments: Config) -> None:
    """Add the input layer to a Sequential whose input shape is an argument of its first layer, as Keras up to 2.2 wrote it."""
    layers = arguments["layers"]
    for index, layer in enumerate(layers):
        shape = layer["config"].pop("batch_input_shape", None) if isinstance(layer.get("config"), dict) else None
        if shape and layer["class_name"] == "InputLayer":
            layer["config"]["batch_shape"] = shape
        elif shape and index == 0:
            first = {"batch_shape": shape, "dtype": "float32", "name": f"{layer['config']['name']}_input"}
            arguments["layers"] = [{"class_name": "InputLayer", "module": "keras.layers", "config": first}, *layers]
