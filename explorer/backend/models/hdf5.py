"""The .h5 files of whole models, made such that they can be opened again.

Keras writes into them neither where its classes lie, so that an operation Add becomes the layer Add, nor numbers
of bfloat16, which HDF5 doesn't know. Keras 2 wrote the weights of CuDNNLSTM and CuDNNGRU in an order of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

CONFIG = "model_config"


def complete(file: h5py.File, config: Mapping[str, Any]) -> None:
    """Write the full config of a model that Keras has saved in place of Keras's, and its weights as numbers that HDF5 knows."""
    file.attrs[CONFIG] = json.dumps(config)
    replace(file, unreadable(file))


def unreadable(group: h5py.Group) -> dict[str, Any]:
    """Return the values, by their places in the file, that Keras 3 would not read or would misread, as it reads them."""
    places: dict[str, h5py.Dataset] = {}
    group.visititems(lambda place, one: places.update({place: one}) if isinstance(one, h5py.Dataset) else None)
    found = {place: _widened(one[()]) for place, one in places.items() if one.dtype.kind == "V" and one.dtype.itemsize == 2}
    for place in places:
        if place.rpartition("/")[2].split(":")[0] == "recurrent_kernel":
            found |= _plain_recurrent(place, places)
    return found


def read_list(group: h5py.Group, name: str) -> list[str]:
    """Return a list of texts among the attributes of a group; long ones are cut into `name0`, `name1`, ..."""
    pieces = [name] if name in group.attrs else [f"{name}{index}" for index in range(len(group.attrs))]
    values = [value for piece in pieces if piece in group.attrs for value in group.attrs[piece]]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def write_list(group: h5py.Group, name: str, values: list[str]) -> None:
    """Write a list of as many texts as there were in the place of another, cut as that was."""
    pieces = [name] if name in group.attrs else [f"{name}{index}" for index in range(len(group.attrs)) if f"{name}{index}" in group.attrs]
    for piece, part in zip(pieces, np.array_split(np.asarray(values, "S"), len(pieces)), strict=True):
        group.attrs[piece] = part


def replace(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """Put values into the places of others in a file that may be written."""
    for place, value in values.items():
        del group[place]
        group[place] = value


def _widened(value: Any) -> Any:
    """Return numbers of bfloat16, which h5py gives as two bytes each, as float32, of which they are the upper half."""
    return (value.view("uint16").astype("uint32") << 16).view("float32")


def _plain_recurrent(place: str, places: Mapping[str, h5py.Dataset]) -> dict[str, Any]:
    """Return the weights of an LSTM or GRU of cuDNN as Keras 3 orders them; nothing for others.

    place: of its recurrent kernel. The two biases of cuDNN in a row tell its layers from others: 8 or 6 a unit.
    """
    path, _slash, name = place.rpartition("/")
    ending = name.removeprefix("recurrent_kernel")
    bias, kernel = places.get(f"{path}/bias{ending}"), places.get(f"{path}/kernel{ending}")
    units = places[place].shape[0]
    if kernel is None or bias is None or bias.shape not in ((8 * units,), (6 * units,)):
        return {}
    gates = bias.shape[0] // units // 2
    own, recurrent = (np.split(one[()], gates, axis=1) for one in (kernel, places[place]))
    both = bias[()].reshape(2, -1)
    return {
        f"{path}/kernel{ending}": np.hstack([one.T.reshape(one.shape, order="F") for one in own]),
        place: np.hstack([one.T for one in recurrent]),
        f"{path}/bias{ending}": both.sum(axis=0) if gates == 4 else both,
    }
