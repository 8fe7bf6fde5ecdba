"""Augmentation: pictures changed at random, as the network reads them."""

from __future__ import annotations

from typing import Any

from explorer.backend.runtime.keras import keras
from explorer.values import Augmentation


def changes(augmentation: Augmentation, data_format: str, seed: int) -> Any:
    """Return the Keras layers that change a batch of pictures, float32 (n, height, width, channels) of any range, one after the other."""
    steps = []
    if augmentation.flip:
        steps.append(keras.layers.RandomFlip("horizontal", seed=seed, data_format=data_format))
    if augmentation.rotation:
        steps.append(keras.layers.RandomRotation(augmentation.rotation, seed=seed + 1, data_format=data_format))
    if augmentation.zoom:
        steps.append(keras.layers.RandomZoom(augmentation.zoom, seed=seed + 2, data_format=data_format))
    return keras.Sequential(steps, name="augmentation")
