"""The legacy order of layers in which Keras 2 wrote weights, converted to the order of Keras 3.

Keras finds weights by the index of their layer, in a .keras by the index among the layers of one class. If a TensorFlow
function became several operations, or none, the order of the layers may change; and a class that was renamed
is counted with another class. So the weights are moved to where Keras 3 looks for them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from io import BytesIO
from itertools import chain
from typing import Any

import h5py

from explorer.backend.models.hdf5 import read_list, write_list
from explorer.backend.models.legacy_config import RENAMED
from explorer.backend.models.legacy_graphs import CALLS
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import snake_case

Config = dict[str, Any]


def may_differ(written: Config) -> bool:
    """Return whether the order of layers in Keras 3 may differ from that in the config that Keras 2 wrote."""
    text = json.dumps(written)
    return any(f'"{name}"' in text for name in (*CALLS, *RENAMED))


def reorder_listed(group: h5py.Group, model: Any, written: Config) -> None:
    """Reorder the weights of an .h5 to the order of the layers of `model`, which was built from its config."""
    index_of = {layer.name: index for index, layer in enumerate(model.layers)}
    names = read_list(group, "layer_names")
    write_list(group, "layer_names", sorted(names, key=lambda name: index_of.get(_flat(name), len(index_of))))
    layers = {_name(layer): layer for layer in _layers(written)}
    for name in names:
        if _layers(layers.get(_flat(name), {})):
            _reorder_nested(group[name], model.get_layer(_flat(name)), layers[_flat(name)])


def _reorder_nested(group: h5py.Group, model: Any, written: Config) -> None:
    """Reorder the weights of a nested model, which are one list in an .h5, to the order of its layers."""
    names = read_list(group, "weight_names")
    index_of = {id(variable): index for index, variable in enumerate(chain(*_in_order(model, written)))}
    variables = [id(variable) for variable in (*model.trainable_weights, *model.non_trainable_weights)]
    if len(names) == len(index_of) and set(variables) == set(index_of):
        write_list(group, "weight_names", [names[index_of[variable]] for variable in variables])


def _in_order(layer: Any, written: Config) -> tuple[list[Any], list[Any]]:
    """Return the trainable and the other weights of a layer; those of a model in the order of the layers in its config."""
    if not _layers(written):
        return list(layer.trainable_weights), list(layer.non_trainable_weights)
    names = {child.name for child in layer.layers}
    inner = [_in_order(layer.get_layer(_name(child)), child) for child in _layers(written) if _name(child) in names]
    return list(chain(*(trainable for trainable, _others in inner))), list(chain(*(others for _trainable, others in inner)))


def reorder_folders(content: bytes, model: Any, written: Config) -> bytes:
    """Return the weights of a .keras in folders with the names that Keras 3 expects for `model`, which was built from its config."""
    buffer = BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        if "layers" in file:
            _rename_folders(file["layers"], model, written)
    return buffer.getvalue()


def _rename_folders(group: h5py.Group, model: Any, written: Config) -> None:
    layers = {_name(layer): layer for layer in _layers(written)}
    before = _folders((name, layer["class_name"]) for name, layer in layers.items())
    after = _folders((layer.name, type(layer).__name__) for layer in model.layers)
    moved = {name: folder for name, folder in before.items() if name in after and folder in group}
    for name, folder in moved.items():
        group.move(folder, f"moved {name}")
    for layer in model.layers:
        if layer.name in moved:
            if after[layer.name] in group:
                del group[after[layer.name]]  # the folder of a layer without weights
            group.move(f"moved {layer.name}", after[layer.name])
            inner = group[after[layer.name]]
            if _layers(layers[layer.name]) and isinstance(layer, keras.Model) and "layers" in inner:
                _rename_folders(inner["layers"], layer, layers[layer.name])


def _folders(layers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return layer name -> folder (`conv2d`, `conv2d_1`, ...) for layers given as (name, class name)."""
    seen: Counter[str] = Counter()
    folders = {}
    for name, class_name in layers:
        folder = snake_case(class_name.removeprefix("Custom>"))
        folders[name] = f"{folder}_{seen[folder]}" if seen[folder] else folder
        seen[folder] += 1
    return folders


def _layers(written: Config) -> list[Config]:
    """Return the layers in the config of a model; none for a layer."""
    inner = written.get("config", {})
    entries = inner if isinstance(inner, list) else inner.get("layers", ())
    return [layer for layer in entries if isinstance(layer, dict)]


def _name(layer: Config) -> str:
    """Return the name of a layer in Keras 3; in a Sequential only the layer's own config has it."""
    return _flat(str(layer.get("name") or layer["config"].get("name", "")))


def _flat(name: str) -> str:
    return name.replace("/", "_")
