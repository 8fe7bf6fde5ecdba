"""The legacy weights format of Keras 1 and 2, and of Keras 3's whole-model .h5: an ordered list of layers, each a list of weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py

from explorer.backend.models import hdf5
from explorer.backend.models.archives import check_backend
from explorer.backend.models.files import file_for_keras
from explorer.backend.models.weights_report import compared, misfit, paired
from explorer.backend.runtime.keras import keras
from explorer.values.weights import Shapes, WeightsReport


def is_listed(group: h5py.Group) -> bool:
    """Return whether weights are in this format."""
    return "layer_names" in group.attrs or "layer_names0" in group.attrs


def load_listed(model: Any, group: h5py.Group, path: Path, by_name: bool) -> WeightsReport:
    """Load the weights in `group` of the file `path` into a model, as `weights.load_weights` does."""
    check_backend(group, path.name)
    saved = _listed(group)
    if not by_name:
        layers = {layer.name: layer for layer in model.layers if layer.weights}
        pairs = dict(zip(layers, saved, strict=True)) if len(layers) == len(saved) else paired(layers, saved)
        report = compared({name: _shapes(layer) for name, layer in layers.items()}, _saved_shapes(saved), pairs)
        if len(report.loaded) < max(len(layers), len(saved)):
            raise misfit(model, path.name, report)
        misread = hdf5.unreadable(group)
        is_readable = not path.name.endswith(".weights.h5") and not misread
        with file_for_keras(path, ".h5", is_readable) as (file, fresh):
            if fresh:
                shutil.copyfile(path, file)
                with h5py.File(file, "r+") as new:
                    hdf5.replace(new.get("model_weights", new), misread)
            model.load_weights(file)
        return WeightsReport(loaded=tuple(_leaves(model)))
    leaves = _leaves(model)
    saved = _unfolded(saved, {name.rsplit("/", 1)[-1] for name in leaves})
    pairs = paired(leaves, saved)
    report = compared({name: _shapes(layer) for name, layer in leaves.items()}, _saved_shapes(saved), pairs)
    for name in report.loaded:
        for variable, value in zip(_variables(leaves[name]), saved[pairs[name]].values(), strict=True):
            variable.assign(value[()])
    return report


def _listed(group: h5py.Group) -> dict[str, dict[str, h5py.Dataset]]:
    """Return the layers with weights: layer name -> weight name -> dataset."""
    layers = {name: hdf5.read_list(group[name], "weight_names") for name in hdf5.read_list(group, "layer_names")}
    values = hdf5.unreadable(group)
    return {  # Keras 3 has no slashes in names
        name.replace("/", "_"): {weight: values.get(f"{name}/{weight}", group[name][weight]) for weight in weights}
        for name, weights in layers.items()
        if weights
    }


def _unfolded(saved: dict[str, dict[str, h5py.Dataset]], names: set[str]) -> dict[str, dict[str, h5py.Dataset]]:
    """Return the layers of a file with nested models, which the file lists as one layer each, split into their layers.

    names: the names of the model's layers, which identify the layer in the path of a weight.
    """
    layers: dict[str, dict[str, h5py.Dataset]] = {}
    for name, weights in saved.items():
        for weight, value in weights.items():
            inner = None if name in names else next((part for part in weight.split("/")[:-1] if part in names), None)
            layers.setdefault(f"{name}/{inner}" if inner else name, {})[weight] = value
    return layers


def _leaves(model: Any, within: str = "") -> dict[str, Any]:
    """Return name -> layer for the layers with weights, those of nested models as "model/layer"."""
    leaves: dict[str, Any] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            leaves |= _leaves(layer, f"{within}{layer.name}/")
        elif layer.weights:
            leaves[within + layer.name] = layer
    return leaves


def _variables(layer: Any) -> list[Any]:
    """Return the weights of a layer in the order of an .h5 file."""
    return list(layer.trainable_weights + layer.non_trainable_weights)


def _shapes(layer: Any) -> Shapes:
    return tuple(tuple(variable.shape) for variable in _variables(layer))


def _saved_shapes(saved: dict[str, dict[str, h5py.Dataset]]) -> dict[str, Shapes]:
    return {name: tuple(value.shape for value in weights.values()) for name, weights in saved.items()}
