"""The bundled network `timbres`: classifies eight kinds of instrument, small enough to be inspected layer by layer."""

from __future__ import annotations

from typing import Any

from explorer.backend.runtime.keras import keras
from explorer.catalog.sounds import SPECTROGRAMS, TIMBRES


def build(include_top: bool = True, input_tensor: Any = None, classes: int | None = None) -> Any:
    """Return the network, with random initial weights: float32 (n, 64, 128, 1) decibels, frequency by time -> (n, classes) scores.

    Convolutions that reduce the frequency to one row and the time to 16 steps of 1/8 s, then two recurrent layers that read the
    steps in order: a small CRNN after Choi et al. 2016 (arXiv 1609.04243). Without the top it returns (n, 32), the output of the
    last recurrent layer. The options are those of `explorer.load`.
    """
    inputs = keras.Input(SPECTROGRAMS["timbres"].shape, name="spectrogram") if input_tensor is None else input_tensor
    x = keras.layers.BatchNormalization(name="normalization")(inputs)
    for block, filters in enumerate((8, 16, 32), start=1):
        x = keras.layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv")(x)
        x = keras.layers.Activation("relu", name=f"block{block}_relu")(x)
        x = keras.layers.MaxPooling2D((4, 2), name=f"block{block}_pool")(x)
    _batch, rows, steps, channels = x.shape
    x = keras.layers.Reshape((steps, rows * channels), name="sequence")(x)
    x = keras.layers.GRU(32, return_sequences=True, name="gru")(x)
    x = keras.layers.GRU(32, name="gru_last")(x)
    if include_top:
        x = keras.layers.Dropout(0.3, name="dropout")(x)
        x = keras.layers.Dense(classes or len(TIMBRES), activation="softmax", name="predictions")(x)
    sources = keras.utils.get_source_inputs(inputs)
    return keras.Model(sources[0] if len(sources) == 1 else sources, x, name="timbres")
