"""Pictures that come as arrays: pixels, uint8, or numbers such as a network reads."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from explorer.backend.inputs.array_files import arrays_in, copied, is_finite, is_npz
from explorer.backend.inputs.npy import NPY, Array
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, InputSpec, shape_text

CHANNELS = (1, 2, 3, 4)
PREPARED = 3.0  # what is prepared for a network as "torch" does lies below, pixels lie above


class Numbers(NamedTuple):
    """What a network reads of an array that is no uint8: in the shape of its input, with a batch axis.

    pixels: whether it holds 0 to 255, to be prepared like those of any picture; else it goes in as it is.
    note: what was taken for granted, in a sentence; "" for nothing.
    """

    values: Array
    pixels: bool
    note: str


def kept(array: Array) -> Array:
    """Return a read-only copy of an array that may be a picture. Raises UnreadableExample where it is none."""
    if array.dtype.kind not in "fiub":
        raise UnreadableExample(_("The array is {dtype}; a picture is uint8, 0 to 255.").format(dtype=array.dtype))
    if not array.size or not 1 <= array.ndim <= 4:
        raise _no_picture(array)
    own = copied(array)
    if not is_finite(own):
        raise UnreadableExample(_("The array holds NaN or infinite values; pixels are uint8, 0 to 255."))
    return own


def array_of(example: Example) -> Array | None:
    """Return the array that an example is, or that its .npy, .npz or .csv file holds; None for the file of a picture."""
    data = example.data
    if isinstance(data, np.ndarray):
        return data
    if not isinstance(data, bytes) or not (data.startswith(NPY) or is_npz(data) or example.name.lower().endswith(".csv")):
        return None
    found = arrays_in(data, example.name)
    if len(found) != 1:
        raise UnreadableExample(
            _("{name} holds {count} arrays ({names}); this network reads one picture.").format(
                name=example.name, count=len(found), names=", ".join(found)
            )
        )
    array = next(iter(found.values()))
    if not array.size:
        raise _no_picture(array)
    return array


def pixels_of(array: Array) -> Array:
    """Return pixels, uint8 (height, width) or (height, width, 2 to 4). Raises UnreadableExample where the array holds none."""
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[-1] in CHANNELS):
        raise _no_picture(array)
    if array.dtype != np.uint8:
        raise UnreadableExample(_("The array is {dtype}; a picture is uint8, 0 to 255.").format(dtype=array.dtype))
    return array


def plain(example: Example, input_spec: InputSpec) -> Example:
    """Return an example whose array, where it is one in the shape that the network reads, is (height, width, channels)."""
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
    """Return what the network reads of an array of other numbers than uint8; None for pixels and the files of pictures.

    Numbers that can't have been prepared yet are taken for pixels of 0 to 255, or of 0 to 1.
    Raises UnreadableExample for an array of another shape than the network reads, and for values that are none.
    """
    array = array_of(example)
    if array is None or array.dtype == np.uint8:
        return None
    fitted = in_shape(array, input_spec, isinstance(example.data, bytes))
    if fitted is None:
        raise UnreadableExample(
            _(
                "{name} is {given} of {dtype}: numbers that are no uint8 need the shape that the network reads, {wanted}; "
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
    if high > PREPARED:
        return Numbers(values, pixels=True, note=_("Its values, up to {high:g}, are taken for pixels of 0 to 255.").format(high=high))
    if input_spec.preprocess_mode == "unit":
        return Numbers(values, pixels=False, note="")
    return Numbers(values * 255, pixels=True, note=_("Its values, up to {high:g}, are taken for pixels of 0 to 1.").format(high=high))


def count(example: Example, input_spec: InputSpec) -> int:
    """Return how many pictures a file of arrays holds; 1 for anything else."""
    array = array_of(example)
    if array is None or not isinstance(example.data, bytes) or array.ndim < 2:
        return 1
    fitted = in_shape(array, input_spec, from_file=True)
    return 1 if fitted is None else array.size // fitted.size


def notes(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return what is assumed of an array or a file of arrays, in sentences; none for the file of a picture. Raises UnreadableExample."""
    several, own = count(example, input_spec), numbers(example, input_spec)
    first = (_("The first of {count} examples in the file.").format(count=several),) if several > 1 else ()
    return (*first, own.note) if own and own.note else first


def shown(values: Array, input_spec: InputSpec) -> Array:
    """Return a batch of one as something to look at: uint8 (height, width) or (height, width, 3), from its lowest to its highest value."""
    values = values.astype(np.float64)  # in which the difference of any two can be told
    one = values[0].reshape(input_spec.size) if input_spec.data_format == "channels_last" else np.moveaxis(values[0], 0, -1)
    one = one[..., : 3 if input_spec.size[2] >= 3 else 1]
    low, high = float(one.min()), float(one.max())
    scaled: Array = ((one - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)
    return scaled[..., 0] if scaled.shape[-1] == 1 else scaled


def in_shape(array: Array, input_spec: InputSpec, from_file: bool) -> Array | None:
    """Return the array in the shape of the network's input, where only axes of one or its laying out differ; None for any other.

    from_file: whether it may hold several examples, of which the first counts.
    """
    wanted = input_spec.inputs[0].shape
    one = array[0] if array.ndim == len(wanted) + 1 and _first_counts(array, from_file) else array
    forms = [one, one[..., None], one[None], *([one[..., 0]] if one.shape and one.shape[-1] == 1 else [])]
    if array.ndim > 1 and _first_counts(array, from_file):  # several that have no axis of channels
        forms += [array[0][..., None], array[0][None]]
    for form in forms:
        if form.ndim == len(wanted) and all(size in (None, own) for size, own in zip(wanted, form.shape, strict=True)):
            return np.asarray(form)
    sizes = [size for size in wanted if size is not None]
    laid_out = array.ndim == 1 or (len(wanted) == 1 and array.shape[:2] == input_spec.size[:2])
    return np.reshape(array, sizes) if laid_out and len(sizes) == len(wanted) and array.size == math.prod(sizes) else None


def _first_counts(array: Array, from_file: bool) -> bool:
    return len(array) == 1 or (from_file and len(array) > 1)


def _no_picture(array: Array) -> UnreadableExample:
    return UnreadableExample(
        _("The array has the shape {shape}; a picture is (height, width, 3), or has no axis of channels, or 1, 2 or 4 of them.").format(
            shape=array.shape
        )
    )
