"""The HDF5 files of whole models (.h5), completed so that they can be opened again.

Keras leaves out the modules of its classes, so that an operation Add becomes the layer Add, and writes bfloat16 as a type that HDF5
doesn't know. Keras 2 wrote the weights of CuDNNLSTM and CuDNNGRU in another order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

CONFIG = "model_config"


def complete(file: h5py.File, config: Mapping[str, Any]) -> None:
    """Replace the config in a file that Keras has saved by the full one, and its weights by values of types that HDF5 knows."""
    file.attrs[CONFIG] = json.dumps(config)
    replace(file, unreadable(file))


def unreadable(group: h5py.Group) -> dict[str, Any]:
    """Return path in the file -> corrected value, for the datasets that Keras 3 can't read or would misread."""
    datasets: dict[str, h5py.Dataset] = {}
    group.visititems(lambda path, child: datasets.update({path: child}) if isinstance(child, h5py.Dataset) else None)
    values = {path: _widened(child[()]) for path, child in datasets.items() if child.dtype.kind == "V" and child.dtype.itemsize == 2}
    for path in datasets:
        if path.rpartition("/")[2].split(":")[0] == "recurrent_kernel":
            values |= _plain_recurrent(path, datasets)
    return values


def read_list(group: h5py.Group, name: str) -> list[str]:
    """Return a list of strings from the attributes of a group; Keras splits long ones into `name0`, `name1`, ..."""
    pieces = [name] if name in group.attrs else [f"{name}{index}" for index in range(len(group.attrs))]
    values = [value for piece in pieces if piece in group.attrs for value in group.attrs[piece]]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def write_list(group: h5py.Group, name: str, values: list[str]) -> None:
    """Replace a list of strings by another one of the same length, split in the same way."""
    pieces = [name] if name in group.attrs else [f"{name}{index}" for index in range(len(group.attrs)) if f"{name}{index}" in group.attrs]
    for piece, part in zip(pieces, np.array_split(np.asarray(values, "S"), len(pieces)), strict=True):
        group.attrs[piece] = part


def replace(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """Replace the datasets at these paths in a writable file."""
    for path, value in values.items():
        del group[path]
        group[path] = value


def _widened(value: Any) -> Any:
    """Return bfloat16 values, which h5py reads as two raw bytes each, as float32; they are its upper two bytes."""
    return (value.view("uint16").astype("uint32") << 16).view("float32")


def _plain_recurrent(path: str, datasets: Mapping[str, h5py.Dataset]) -> dict[str, Any]:
    """Return the weights of an LSTM or GRU of cuDNN in the order of Keras 3, by path; empty for other layers.

    path: of its recurrent kernel. cuDNN's layers are recognised by their concatenated biases: 8 or 6 values per unit.
    """
    folder, _slash, name = path.rpartition("/")
    ending = name.removeprefix("recurrent_kernel")
    bias, kernel = datasets.get(f"{folder}/bias{ending}"), datasets.get(f"{folder}/kernel{ending}")
    units = datasets[path].shape[0]
    if kernel is None or bias is None or bias.shape not in ((8 * units,), (6 * units,)):
        return {}
    gates = bias.shape[0] // units // 2
    kernels, recurrent = (np.split(dataset[()], gates, axis=1) for dataset in (kernel, datasets[path]))
    biases = bias[()].reshape(2, -1)
    return {
        f"{folder}/kernel{ending}": np.hstack([part.T.reshape(part.shape, order="F") for part in kernels]),
        path: np.hstack([part.T for part in recurrent]),
        f"{folder}/bias{ending}": biases.sum(axis=0) if gates == 4 else biases,
    }
