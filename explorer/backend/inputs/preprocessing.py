"""Preprocessing: turns pixels of 0 to 255 into the values that the network was trained on."""

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
    example: Example, input_spec: InputSpec, function: Callable[[Any], Any] | None = None, picture: Image.Image | None = None
) -> Any:
    """Return the batch that a network reads for a picture, or for an array in place of one: (1, ...) in its dtype.

    function: as in `preprocessed`; picture: the decoded one, if there is one already.
    Raises UnreadableExample, and as `preprocessed` does.
    """
    numbers = pixel_arrays.numbers(example, input_spec)
    if numbers is None:
        return preprocessed(images.to_batch(example, input_spec, picture)[0], input_spec, function)
    return (
        preprocessed(numbers.values, input_spec, function)
        if numbers.pixels
        else numbers.values.astype(input_spec.inputs[0].dtype, copy=False)
    )


def preprocessed(pixels: Pixels, input_spec: InputSpec, function: Callable[[Any], Any] | None) -> Any:
    """Return pixels preprocessed as the network reads them, in its dtype.

    pixels: float32 in 0 to 255, (n, height, width, channels) or (n, channels, height, width) as `input_spec` says;
        in the mode "digit" already preprocessed.
    function: the user's own preprocessing, for the mode "custom"; else None.
    Raises ExplorerError where that function returns something of another shape.
    """
    result = _preprocessed(pixels, input_spec, function)
    if result.shape != pixels.shape:
        raise ExplorerError(
            _("The function given as preprocess returns {given} for pixels of {wanted}; it must keep their shape.").format(
                given=shape_text(result.shape), wanted=shape_text(pixels.shape)
            )
        )
    return result.astype(input_spec.inputs[0].dtype, copy=False)


def _preprocessed(pixels: Pixels, input_spec: InputSpec, function: Callable[[Any], Any] | None) -> Any:
    if function is not None:
        return np.asarray(function(pixels))
    if input_spec.preprocess_mode in ("none", "digit"):
        return pixels
    if input_spec.preprocess_mode == "unit":
        return pixels / np.float32(255)
    return keras.applications.imagenet_utils.preprocess_input(pixels, data_format=input_spec.data_format, mode=input_spec.preprocess_mode)
