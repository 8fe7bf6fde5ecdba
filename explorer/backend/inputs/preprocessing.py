"""Preprocessing: pixels, 0 to 255, as the network was trained to read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from explorer.backend.inputs import images, pixel_arrays
from explorer.backend.inputs.images import Pixels
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Example, InputSpec, shape_text


def batch_of(
    example: Example, input_spec: InputSpec, prepare: Callable[[Any], Any] | None = None, picture: Image.Image | None = None
) -> Any:
    """Return what a network reads of a picture, or of an array of numbers that stands for one: (1, ...) in its dtype.

    prepare: as for `prepared`; picture: the decoded one, where it is at hand. Raises UnreadableExample, and as `prepared` does.
    """
    numbers = pixel_arrays.numbers(example, input_spec)
    if numbers is None:
        return prepared(images.to_batch(example, input_spec, picture)[0], input_spec, prepare)
    return (
        prepared(numbers.values, input_spec, prepare) if numbers.pixels else numbers.values.astype(input_spec.inputs[0].dtype, copy=False)
    )


def prepared(pixels: Pixels, input_spec: InputSpec, prepare: Callable[[Any], Any] | None) -> Any:
    """Return pixels as the network reads them, in its dtype.

    pixels: float32 in 0 to 255, (n, height, width, channels) or (n, channels, height, width) as `input_spec` says;
        for the convention "digit" ready to use.
    prepare: the user's own function, for the convention "custom".
    Raises ExplorerError where that function returns something of another shape.
    """
    done = _prepared(pixels, input_spec, prepare)
    if done.shape != pixels.shape:
        raise ExplorerError(
            _("The function given as preprocess returns {given} for pixels of {wanted}; it must keep their shape.").format(
                given=shape_text(done.shape), wanted=shape_text(pixels.shape)
            )
        )
    return done.astype(input_spec.inputs[0].dtype, copy=False)


def _prepared(pixels: Pixels, input_spec: InputSpec, prepare: Callable[[Any], Any] | None) -> Any:
    if prepare is not None:
        return np.asarray(prepare(pixels))
    if input_spec.preprocess_mode in ("none", "digit"):
        return pixels
    if input_spec.preprocess_mode == "unit":
        return pixels / np.float32(255)
    return keras.applications.imagenet_utils.preprocess_input(pixels, data_format=input_spec.data_format, mode=input_spec.preprocess_mode)
