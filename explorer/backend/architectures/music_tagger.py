"""The music tagger MusicTaggerCRNN, which Keras no longer has: tags music by its mel spectrogram (Choi et al. 2016, arXiv 1609.04243)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from explorer.backend.models import weights
from explorer.backend.models.archives import hdf5
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.refusals import reason
from explorer.catalog import SPECTROGRAMS, architectures
from explorer.errors import ExplorerError
from explorer.locale import _

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

PADDING = 37  # frames of zeros on either side
POOLS = ((2, 2), (3, 3), (4, 4), (4, 4))  # the pool sizes, in bands and frames
FILTERS = (64, 128, 128, 128)
STEEPER = 1.2  # scales the inputs of the gates: the slope of Keras 3's hard sigmoid is 1/6, that of Keras 1 was 1/5


def build(include_top: bool = True, input_tensor: Any = None, classes: int | None = None) -> Any:
    """Return the network with random initial weights: float32 (n, 96, 1366, 1), decibels -> (n, classes) tags, each 0 to 1.

    Four convolutions, then two GRUs along time. Without its top it returns 32 features. The first batch normalisation
    runs along time, so the length is fixed. All layers are Keras's own: a saved network opens without explorer.
    """
    layers = keras.layers
    inputs = keras.Input(SPECTROGRAMS["music_tagger"].shape, name="spectrogram") if input_tensor is None else input_tensor
    x = layers.ZeroPadding2D((0, PADDING), name="padding")(inputs)
    x = layers.BatchNormalization(axis=2, name="bn_0_freq")(x)
    for block, (filters, pool) in enumerate(zip(FILTERS, POOLS, strict=True), start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv{block}")(x)
        x = layers.BatchNormalization(name=f"bn{block}")(x)
        x = layers.Activation("elu", name=f"elu{block}")(x)
        x = layers.MaxPooling2D(pool, name=f"pool{block}")(x)
        x = layers.Dropout(0.1, name=f"dropout{block}")(x)
    x = layers.Reshape((x.shape[1] * x.shape[2], x.shape[3]), name="sequence")(x)
    gates = {"recurrent_activation": "hard_sigmoid", "reset_after": False}
    x = layers.GRU(32, return_sequences=True, name="gru1", **gates)(x)
    x = layers.GRU(32, name="gru2", **gates)(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    if include_top:
        tags = architectures["MusicTaggerCRNN"].classes
        x = layers.Dense(classes or tags, activation="sigmoid", name="output")(x)
    sources = keras.utils.get_source_inputs(inputs)
    return keras.Model(sources[0] if len(sources) == 1 else sources, x, name="music_tagger_crnn")


def load_weights(model: Any, path: str | Path) -> None:
    """Load a weights file into `model`: as the author published it (Keras 1), or as Keras 2 and 3 save it.

    Raises ExplorerError, naming the first layer that does not match; for a file of Keras 1 `model` is then unchanged.
    """
    path = Path(path)
    try:
        published = _published_weights(path)
        fitted = [(layer, _arrays_for(layer, published)) for layer in model.layers if layer.weights] if published else []
    except Exception as error:  # h5py raises many kinds
        raise ExplorerError(
            _("{path} does not hold the weights of {name}: {why}.").format(path=path, name=model.name, why=reason(error).rstrip("."))
        ) from error
    for layer, arrays in fitted:
        layer.set_weights(arrays)
    if not published:
        weights.load_weights(model, path)


def _published_weights(path: Path) -> dict[str, list[Array]]:
    """Return layer name -> its weights in their order, for a file of Keras 1; empty for other files."""
    if not path.is_file() or not h5py.is_hdf5(path):
        return {}
    with hdf5(path, path.stat().st_size, path.name) as (file, _held):
        if "layer_names" not in file.attrs or "gru1" not in file or len(file["gru1"].attrs.get("weight_names", ())) != 9:
            return {}  # Keras 1 has three weights for each of a GRU's three gates
        groups = {_text(name): file[_text(name)] for name in file.attrs["layer_names"]}
        return {name: [_read(group[_text(weight)]) for weight in group.attrs["weight_names"]] for name, group in groups.items()}


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _read(dataset: Any) -> Array:
    if dataset.size > 10**6:  # a file can claim any size
        raise ExplorerError(_("the weight {name!r} is not in the file").format(name=dataset.name))
    array: Array = dataset[()]
    return array


def _arrays_for(layer: Any, published: dict[str, list[Array]]) -> list[Array]:
    """Return the published weights of `layer` in the layout of Keras 3."""
    if layer.name not in published:
        raise ExplorerError(_("the layer {name!r} is missing").format(name=layer.name))
    arrays, expected = published[layer.name], [tuple(weight.shape) for weight in layer.weights]
    if isinstance(layer, keras.layers.GRU):
        arrays = _joined_gates(arrays)
    elif isinstance(layer, keras.layers.Conv2D) and arrays[0].shape != expected[0]:
        arrays = [arrays[0].transpose(2, 3, 1, 0), *arrays[1:]]  # (out, in, rows, columns), as Theano wrote it
    if (shapes := [array.shape for array in arrays]) != expected:
        raise ExplorerError(
            _("the layer {name!r} has weights of the shapes {found}, not {wanted}").format(name=layer.name, found=shapes, wanted=expected)
        )
    return arrays  # the running "std" of a batch normalisation in Keras 1 is its variance


def _joined_gates(arrays: list[Array]) -> list[Array]:
    """Return kernel, recurrent kernel and bias; Keras 1 lists these three for each of the gates z, r and h."""
    scales = (STEEPER, STEEPER, 1.0)
    return [np.concatenate([scale * arrays[3 * gate + part] for gate, scale in enumerate(scales)], axis=-1) for part in range(3)]
