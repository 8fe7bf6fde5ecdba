"""The bundled network `digits`: small, with few and well-named layers, the first that a class looks into."""

from __future__ import annotations

from typing import Any

from explorer.backend.runtime import keras

LAST_OF_BACKBONE = "block3_pool"


def build(classes: int = 10) -> Any:
    """Return the network, with random initial weights: float32 (n, 32, 32, 1) in 0 to 1 -> (n, classes) scores.

    Three blocks of one 3 x 3 convolution, a ReLU and a halving each, after LeCun et al. 1998, then one hidden layer.
    """
    inputs = keras.Input((32, 32, 1), name="image")
    x = inputs
    for block, filters in enumerate((8, 16, 32), start=1):
        x = keras.layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv")(x)
        x = keras.layers.Activation("relu", name=f"block{block}_relu")(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(64, activation="relu", name="hidden")(x)
    x = keras.layers.Dropout(0.3, name="dropout")(x)
    outputs = keras.layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="digits")


def without_top(model: Any) -> Any:
    """Return the part of `model` before its classification head; it shares the layers."""
    return keras.Model(model.input, model.get_layer(LAST_OF_BACKBONE).output, name=model.name)
