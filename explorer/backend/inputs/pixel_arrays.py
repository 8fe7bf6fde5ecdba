"""Pixel arrays: pictures given as arrays, of uint8 pixels or of numbers as the network reads them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from explorer.backend.inputs.array_files import arrays_in, is_finite, is_npz, read_only_copy
from explorer.backend.inputs.npy import NPY, Array
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, InputSpec, shape_text

CHANNELS = (1, 2, 3, 4)
PREPROCESSED_MAX = 3.0  # values preprocessed as "torch" does lie below this, pixels above


class Numbers(NamedTuple):
    """An array of another dtype than uint8, in the shape of the network's input with a batch axis.

    pixels: whether the values are pixels of 0 to 255, still to be preprocessed; else they go in unchanged.
    note: what was assumed, in a sentence; "" for nothing.
    """

    values: Array
    pixels: bool
    note: str


def read_only_pixels(array: Array) -> Array:
    """Return a read-only copy of an array that may be a picture. Raises UnreadableExample where it can't be one."""
    if array.dtype.kind not in "fiub":
        raise UnreadableExample(_("The array is {dtype}; a picture is uint8, 0 to 255.").format(dtype=array.dtype))
    if not array.size or not 1 <= array.ndim <= 4:
        raise _not_a_picture(array)
    result = read_only_copy(array)
    if not is_finite(result):
        raise UnreadableExample(_("The array holds NaN or infinite values; pixels are uint8, 0 to 255."))
    return result


def array_of(example: Example) -> Array | None:
    """Return the array of an example, or the one in its .npy, .npz or .csv file; None for the file of a picture."""
    data = example.data
    if isinstance(data, np.ndarray):
        return data
    if not isinstance(data, bytes) or not (data.startswith(NPY) or is_npz(data) or example.name.lower().endswith(".csv")):
        return None
    arrays = arrays_in(data, example.name)
    if len(arrays) != 1:
        raise UnreadableExample(
            _("{name} holds {count} arrays ({names}); this network reads one picture.").format(
                name=example.name, count=len(arrays), names=", ".join(arrays)
            )
        )
    array = next(iter(arrays.values()))
    if not array.size:
        raise _not_a_picture(array)
    return array


def pixels_of(array: Array) -> Array:
    """Return pixels, uint8 (height, width) or (height, width, 2 to 4). Raises UnreadableExample for other arrays."""
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[-1] in CHANNELS):
        raise _not_a_picture(array)
    if array.dtype != np.uint8:
        raise UnreadableExample(_("The array is {dtype}; a picture is uint8, 0 to 255.").format(dtype=array.dtype))
    return array


def channels_last(example: Example, input_spec: InputSpec) -> Example:
    """Return the example; an array in the shape that the network reads becomes (height, width, channels)."""
    array = array_of(example)
    if array is None:
        return example
    fitted = in_shape(array, input_spec, isinstance(example.data, bytes))
    if fitted is None:
        return replace(example, data=array)
    if len(input_spec.inputs[0].shape) < 3:
        fitted = fitted.reshape(input_spec.size)
    return replace(example, data=np.moveaxis(fitted, 0, -1) if input_spec.data_format == "channels_first" else fitted)


def numbers(example: Example, input_spec: InputSpec) -> Numbers | None:
    """Return an array of another dtype than uint8 as the network reads it; None for uint8 pixels and the files of pictures.

    Numbers that can't be preprocessed already are assumed to be pixels of 0 to 255, or of 0 to 1.
    Raises UnreadableExample for an array of another shape than the network reads, and for NaN and infinite values.
    """
    array = array_of(example)
    if array is None or array.dtype == np.uint8:
        return None
    fitted = in_shape(array, input_spec, isinstance(example.data, bytes))
    if fitted is None:
        raise UnreadableExample(
            _(
                "{name} is {given} of {dtype}: numbers other than uint8 need the shape that the network reads, {wanted}; "
                "pixels of any size are uint8, 0 to 255."
            ).format(name=example.name, given=shape_text(array.shape), dtype=array.dtype, wanted=shape_text(input_spec.inputs[0].shape))
        )
    with np.errstate(over="ignore"):
        values = fitted.astype(np.float32)[None]
        if not np.isfinite(values.astype(input_spec.inputs[0].dtype)).all():
            raise UnreadableExample(
                _(
                    "{name} holds NaN or infinite values, or larger ones than the network can read; save it with others in their place."
                ).format(name=example.name)
            )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255 or input_spec.preprocess_mode in ("none", "digit"):
        return Numbers(values, pixels=False, note="")
    if high > PREPROCESSED_MAX:
        return Numbers(values, pixels=True, note=_("Its values, up to {high:g}, are taken as pixels of 0 to 255.").format(high=high))
    if input_spec.preprocess_mode == "unit":
        return Numbers(values, pixels=False, note="")
    return Numbers(values * 255, pixels=True, note=_("Its values, up to {high:g}, are taken as pixels of 0 to 1.").format(high=high))


def count(example: Example, input_spec: InputSpec) -> int:
    """Return the number of pictures in a file of arrays; 1 for anything else."""
    array = array_of(example)
    if array is None or not isinstance(example.data, bytes) or array.ndim < 2:
        return 1
    fitted = in_shape(array, input_spec, from_file=True)
    return 1 if fitted is None else array.size // fitted.size


def notes(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return what is assumed about an array or a file of arrays, in sentences; () for the file of a picture. Raises UnreadableExample."""
    count_in_file, preprocessed = count(example, input_spec), numbers(example, input_spec)
    first = (_("The first of {count} examples in the file.").format(count=count_in_file),) if count_in_file > 1 else ()
    return (*first, preprocessed.note) if preprocessed and preprocessed.note else first


def to_picture(values: Array, input_spec: InputSpec) -> Array:
    """Return a batch of 1 as a picture, scaled from its lowest to its highest value: uint8 (height, width) or (height, width, 3)."""
    values = values.astype(np.float64)  # so that no difference of two values overflows
    picture = values[0].reshape(input_spec.size) if input_spec.data_format == "channels_last" else np.moveaxis(values[0], 0, -1)
    picture = picture[..., : 3 if input_spec.size[2] >= 3 else 1]
    low, high = float(picture.min()), float(picture.max())
    scaled: Array = ((picture - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)
    return scaled[..., 0] if scaled.shape[-1] == 1 else scaled


def in_shape(array: Array, input_spec: InputSpec, from_file: bool) -> Array | None:
    """Return the array in the shape of the network's input, where it differs only by axes of size 1 or by flattening; else None.

    from_file: whether it may hold several examples, of which the first is used.
    """
    shape = input_spec.inputs[0].shape
    first = array[0] if array.ndim == len(shape) + 1 and _first_counts(array, from_file) else array
    candidates = [first, first[..., None], first[None], *([first[..., 0]] if first.shape and first.shape[-1] == 1 else [])]
    if array.ndim > 1 and _first_counts(array, from_file):  # several examples without an axis of channels
        candidates += [array[0][..., None], array[0][None]]
    for candidate in candidates:
        if candidate.ndim == len(shape) and all(size in (None, given) for size, given in zip(shape, candidate.shape, strict=True)):
            return np.asarray(candidate)
    sizes = [size for size in shape if size is not None]
    laid_out = array.ndim == 1 or (len(shape) == 1 and array.shape[:2] == input_spec.size[:2])
    return np.reshape(array, sizes) if laid_out and len(sizes) == len(shape) and array.size == math.prod(sizes) else None


def _first_counts(array: Array, from_file: bool) -> bool:
    return len(array) == 1 or (from_file and len(array) > 1)


def _not_a_picture(array: Array) -> UnreadableExample:
    return UnreadableExample(
        _("The array has the shape {shape}; a picture is (height, width, 3), or has no axis of channels, or 1, 2 or 4 of them.").format(
            shape=array.shape
        )
    )
