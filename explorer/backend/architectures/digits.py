"""The bundled network `digits`: small, with few and well-named layers, for a first lesson."""

from __future__ import annotations

from typing import Any

from explorer.backend.runtime.keras import keras


def build(
    include_top: bool = True, input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None, classes: int | None = None
) -> Any:
    """Return the network, with random initial weights: float32 (n, 32, 32, 1) in 0 to 1 -> (n, classes) scores.

    Three blocks of a 3 x 3 convolution, a ReLU and 2 x 2 max pooling each, after LeCun et al. 1998, then one hidden layer.
    The options are those of `explorer.load`.
    """
    inputs = keras.Input(input_shape or (32, 32, 1), name="image") if input_tensor is None else input_tensor
    x = inputs
    for block, filters in enumerate((8, 16, 32), start=1):
        x = keras.layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv")(x)
        x = keras.layers.Activation("relu", name=f"block{block}_relu")(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    if include_top:
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(64, activation="relu", name="hidden")(x)
        x = keras.layers.Dropout(0.3, name="dropout")(x)
        x = keras.layers.Dense(classes or 10, activation="softmax", name="predictions")(x)
    elif pooling:
        pool = keras.layers.GlobalAveragePooling2D if pooling == "avg" else keras.layers.GlobalMaxPooling2D
        x = pool(name=f"{pooling}_pool")(x)
    sources = keras.utils.get_source_inputs(inputs)
    return keras.Model(sources[0] if len(sources) == 1 else sources, x, name="digits")


def set_weights(model: Any, trained: Any) -> None:
    """Copy to the layers of `model` the weights of the layers of the same name in `trained`."""
    for layer in trained.layers:
        if layer.weights and any(target.name == layer.name for target in model.layers):
            model.get_layer(layer.name).set_weights(layer.get_weights())
