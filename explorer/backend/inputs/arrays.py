"""Arrays: one array for each input of a network, from a file, from Python, from a picture, or random."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from explorer.backend.inputs import images, pixel_arrays, preprocessing
from explorer.backend.inputs.array_files import arrays_in, is_finite, read_only_copy
from explorer.backend.inputs.files import read_bytes
from explorer.backend.inputs.image_files import is_picture
from explorer.backend.inputs.npy import Array
from explorer.backend.inputs.tiff_bands import bands_in, is_tiff
from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, Axis, Example, InputSpec, PreprocessedInput, TensorInfo, shape_text

OPEN_SIZE = 16  # size of a random example along an axis of open size
DEFAULT_BELOW = 2  # random whole numbers are 0 or 1 where the network sets no limit
EMPTY = np.zeros((0, 0), np.uint8)
SINGLE_PICTURE = ""  # the name of a picture that was given without an input's name
PICTURES = (Image.Image, bytearray, memoryview)


def read(source: Any) -> Example:
    """Return the example in `source`.

    source: an array for a single input; a mapping from input name to array, or a tuple of arrays in input order;
        the path or the bytes of a .npy, .npz or .csv file. Where an input reads pictures, also a picture as `images.read`
        takes it, in a mapping or a tuple too; on its own it is for each input that reads pictures.
    Raises UnreadableExample for anything else.
    """
    if isinstance(source, Example):
        return source
    with _array_errors(_("The example")):
        return _read(source)


def _read(source: Any) -> Example:
    if isinstance(source, Mapping):
        return Example("arrays", tuple((str(name), _array_or_example(value)) for name, value in source.items()), _("the arrays"))
    if isinstance(source, tuple):
        return Example("arrays", tuple((str(index), _array_or_example(value)) for index, value in enumerate(source)), _("the arrays"))
    if isinstance(source, np.ndarray):
        return Example("arrays", (("0", read_only_copy(source)),), _("the array"))
    if isinstance(source, bytes):
        return Example("arrays", source, _("The file"))
    if isinstance(source, str | os.PathLike):
        return Example("arrays", read_bytes(Path(source)), Path(source).name)
    if isinstance(source, PICTURES) or hasattr(source, "read"):
        picture = images.read(source)
        return Example("arrays", picture.data if isinstance(picture.data, bytes) else ((SINGLE_PICTURE, picture),), picture.name)
    raise UnreadableExample(
        _("This network reads arrays: give an array, a mapping or tuple of them, or a .npy, .npz or .csv file, not {type}.").format(
            type=type(source).__name__
        )
    )


def _array_errors(name: str) -> AbstractContextManager[None]:
    """Turn exceptions from the user's arrays, files and objects into sentences."""
    return refusing(UnreadableExample, _("{name} can't be read as numbers ({why}); give plain arrays of numbers."), name)


def _array_or_example(source: Any) -> Array | Example:
    """Return the value for one input: an array, or the file of an array or a picture as an example."""
    if isinstance(source, Example):
        return source
    if isinstance(source, (str, os.PathLike, bytes, *PICTURES)) or hasattr(source, "read"):
        return images.read(source)
    return read_only_copy(source)


def random(input_spec: InputSpec, seed: int = 0) -> Example:
    """Return an example of random values for every input: normally distributed, or whole numbers within the input's range."""
    generator = np.random.default_rng(seed)
    arrays = tuple((tensor.name, _random(tensor, generator)) for tensor in input_spec.inputs)
    return Example("arrays", arrays, _("random values, seed {seed}").format(seed=seed))


blank = random  # an example that every network of arrays can read


def _random(tensor: TensorInfo, generator: np.random.Generator) -> Array:
    shape = tuple(OPEN_SIZE if size is None else size for size in tensor.shape)
    if math.prod(shape) * 8 > LARGEST:
        raise UnreadableExample(
            _("An input of shape {shape} takes more than 200 MB, so it gets no random values; give an example.").format(
                shape=shape_text(shape)
            )
        )
    if tensor.below is None and "float" in tensor.dtype:
        return generator.standard_normal(shape).astype(tensor.dtype)
    return generator.integers(0, tensor.below or DEFAULT_BELOW, shape).astype(tensor.dtype)


def to_batch(example: Example, input_spec: InputSpec) -> tuple[Array, ...]:
    """Return one array for each input, with a batch axis of 1 and the input's dtype. Raises UnreadableExample."""
    with _array_errors(example.name):
        return tuple(_batch(item, example) for item in _input_values(example, input_spec))


def to_view(example: Example, input_spec: InputSpec) -> PreprocessedInput:
    """Return the array that each input of the network gets."""
    items = _input_values(example, input_spec)
    pairs = tuple((item.tensor.name, _batch(item, example)[0]) for item in items)
    count = max((_count(item) for item in items), default=1)
    notes = (_("The first of {count} examples in the file.").format(count=count),) if count > 1 else ()
    return PreprocessedInput(EMPTY, EMPTY, (), (), aligned=False, notes=(*notes, *defects(example, input_spec)), arrays=pairs)


def defects(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return what was assumed about an example, in sentences. Raises UnreadableExample."""
    items = _input_values(example, input_spec)
    sentences = [sentence for item in items if isinstance(item.value, Example) and item.picture for sentence in item.picture.assumed]
    for item in items:
        if item.is_random:
            sentences.append(_("Nothing was given for {name}: it gets random values.").format(name=item.tensor.name))
        elif item.picture and _is_laid_out(item):
            sentences.append(_("{name} is laid out row by row, as {input} reads it.").format(name=example.name, input=item.tensor.name))
    return tuple(dict.fromkeys(sentences))


class InputValue(NamedTuple):
    """The value for one input: an array, or a picture as an example.

    picture: how the input reads pictures; None where it reads none. is_random: whether no value was given.
    """

    tensor: TensorInfo
    picture: InputSpec | None
    value: Array | Example
    is_random: bool = False


def _input_values(example: Example, input_spec: InputSpec) -> list[InputValue]:
    """Return the value for each of the network's inputs, in order. Raises UnreadableExample where the example doesn't match them."""
    given = _values_by_name(example)
    names = [tensor.name for tensor in input_spec.inputs]
    pictures = input_spec.pictures or (None,) * len(names)
    if len(given) == len(names) == 1:
        return [InputValue(input_spec.inputs[0], pictures[0], next(iter(given.values())))]
    if SINGLE_PICTURE in given:
        if not any(pictures):
            raise UnreadableExample(
                _("{name} is a picture; this network reads arrays: {names}.").format(name=example.name, names=", ".join(names))
            )
        given = {name: given[SINGLE_PICTURE] for name, picture in zip(names, pictures, strict=True) if picture}
    unknown = [name for name in given if name not in names and not name.isdigit()]
    values = [given.get(name, given.get(str(index))) for index, name in enumerate(names)]
    count = sum(value is not None for value in values)
    with_picture = any(isinstance(value, Example) for value in values)
    if unknown or len(given) != count or (count < len(names) and not with_picture):
        raise UnreadableExample(
            _("{name} holds {given}; this network reads {names}.").format(
                name=example.name, given=", ".join(given) or _("nothing"), names=", ".join(names)
            )
        )
    generator = np.random.default_rng(0)
    return [
        InputValue(tensor, picture, _random(tensor, generator) if value is None else value, value is None)
        for tensor, picture, value in zip(input_spec.inputs, pictures, values, strict=True)
    ]


def _batch(item: InputValue, example: Example) -> Array:
    """Return the array for one input, with a batch axis of 1; uint8 pixels are preprocessed like a picture from a file."""
    if item.picture is None and isinstance(item.value, Example) and isinstance(item.value.data, bytes) and is_tiff(item.value.data):
        item = item._replace(value=bands_in(item.value.data, item.value.name))
    if isinstance(item.value, np.ndarray) and item.picture and _holds_pixels(item.value, item):
        item = item._replace(value=Example("image", item.value, example.name))
    if not isinstance(item.value, Example):
        in_shape = pixel_arrays.in_shape(item.value, item.picture, isinstance(example.data, bytes)) if item.picture else None
        return _as_input(_single_example(item.value, item.tensor, example) if in_shape is None else in_shape, item.tensor)[None]
    if item.picture is None:
        raise UnreadableExample(_not_a_picture_input(item, example))
    if _is_vector(item):
        height, width, _channels = item.picture.size
        size = images.picture(item.value).size
        if size != (width, height):
            raise UnreadableExample(
                _("The input {input} reads pictures of {wanted} pixels laid out in a row; {name} has {given}.").format(
                    input=item.tensor.name, wanted=f"{width} × {height}", name=item.value.name, given=f"{size[0]} × {size[1]}"
                )
            )
    batch: Array = preprocessing.batch_of(item.value, item.picture)
    return batch


def _holds_pixels(array: Array, item: InputValue) -> bool:
    """Whether an array is a picture, rather than a vector that happens to have as many values."""
    return array.dtype == np.uint8 and array.ndim > 1 and (not _is_vector(item) or _is_laid_out(item))


def _count(item: InputValue) -> int:
    """Return the number of examples that were given for one input."""
    if isinstance(item.value, Example) or _is_laid_out(item):
        return 1
    return len(item.value) if item.value.ndim > len(item.tensor.shape) else 1


def _is_vector(item: InputValue) -> bool:
    return len(item.tensor.shape) == 1


def _is_laid_out(item: InputValue) -> bool:
    """Whether a picture, or an array of one, is flattened into a vector."""
    if isinstance(item.value, Example) or not _is_vector(item):
        return _is_vector(item)
    return item.picture is not None and item.value.ndim > 1 and item.value.shape[:2] == item.picture.size[:2]


def _not_a_picture_input(item: InputValue, example: Example) -> str:
    shape = item.tensor.shape
    if len(shape) == 3:
        return _(
            "{name} is a picture, with 1 to 4 channels; the input {input} reads {wanted}: give an array of that shape as .npy, "
            "or a TIFF of so many bands."
        ).format(name=example.name, input=item.tensor.name, wanted=shape_text(shape))
    return _("{name} is a picture; the input {input} reads {wanted} numbers: give an array, such as a .npy file.").format(
        name=example.name, input=item.tensor.name, wanted=shape_text(shape) or "1"
    )


def axes_of(_input_spec: InputSpec, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return no axes, as the position of a feature map's cells on several arrays is unknown."""
    return ()


def _single_example(array: Array, tensor: TensorInfo, example: Example) -> Array:
    """Return a single example: the first one in a file, the one in a batch of 1, or a column as a vector."""
    if array.ndim == 2 and array.shape[1] == 1 and len(tensor.shape) == 1 and tensor.shape != (1,):
        return array[:, 0]
    if array.size == 1 and tensor.shape == ():
        return array.reshape(())
    batch = array.ndim == len(tensor.shape) + 1 and (len(array) == 1 or (isinstance(example.data, bytes) and len(array) > 1))
    return array[0] if batch else array


def _as_input(array: Array, tensor: TensorInfo) -> Array:
    """Return the array in the input's dtype. Raises UnreadableExample for another shape, and for values that the input can't take."""
    fits = array.ndim == len(tensor.shape) and all(size in (None, given) for size, given in zip(tensor.shape, array.shape, strict=True))
    if not fits:
        raise UnreadableExample(
            _("The input {name} reads {wanted}, one example at a time; the array is {given}.").format(
                name=tensor.name, wanted=shape_text(tensor.shape) or _("one number"), given=shape_text(array.shape) or _("one number")
            )
        )
    cost = array.size * (2 * np.dtype(tensor.dtype).itemsize + 2)  # the array in the input's dtype, its rounded copy, and the comparison
    budget.check(cost, _("The array for {name}").format(name=tensor.name), _("Give a smaller one."))
    with np.errstate(over="ignore", invalid="ignore"):
        fitted = array.astype(tensor.dtype)
    if not is_finite(array) or not is_finite(fitted):
        raise UnreadableExample(_("The array for {name} holds NaN or infinite values.").format(name=tensor.name))
    if tensor.below is not None and array.size and not 0 <= array.min() <= array.max() < tensor.below:
        raise UnreadableExample(
            _("The input {name} reads whole numbers from 0 to {last}; the array has {low:g} to {high:g}.").format(
                name=tensor.name, last=tensor.below - 1, low=float(array.min()), high=float(array.max())
            )
        )
    whole = fitted if "int" in tensor.dtype else np.rint(fitted)
    if ("int" in tensor.dtype or tensor.below is not None) and not np.array_equal(whole, array):
        raise UnreadableExample(
            _("The input {name} reads whole numbers ({dtype}); the array has others.").format(name=tensor.name, dtype=tensor.dtype)
        )
    return fitted


def _values_by_name(example: Example) -> dict[str, Array | Example]:
    """Return the values of an example by input name, or by index ("0", "1") where they have none: arrays, and pictures as examples."""
    data = example.data
    if isinstance(data, tuple):
        return {name: _from_file(value) if isinstance(value, Example) else value for name, value in data}
    if isinstance(data, np.ndarray):
        return {"0": data}
    if not isinstance(data, bytes):
        raise UnreadableExample(_("{name} is a sound; the network reads arrays.").format(name=example.name))
    if data and is_picture(data):
        return {SINGLE_PICTURE: Example("image", data, example.name)}
    if is_tiff(data):
        return {"0": bands_in(data, example.name)}
    arrays: dict[str, Array | Example] = dict(arrays_in(data, example.name))
    return arrays


def _from_file(example: Example) -> Array | Example:
    """Return the array in the file that was given for one input; a picture unchanged."""
    if not isinstance(example.data, bytes) or is_picture(example.data):
        return example
    arrays = {"0": bands_in(example.data, example.name)} if is_tiff(example.data) else arrays_in(example.data, example.name)
    return next(iter(arrays.values()))
