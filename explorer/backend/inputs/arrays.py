"""Arrays: what networks read beside single pictures: one array an input, from a file, from Python or at random, or from a picture."""

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
from explorer.backend.inputs.array_files import arrays_in, copied, is_finite
from explorer.backend.inputs.files import read_bytes
from explorer.backend.inputs.image_files import is_picture
from explorer.backend.inputs.npy import Array
from explorer.backend.inputs.tiff_bands import bands_in, is_tiff
from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, Axis, Example, InputSpec, PreprocessedInput, TensorInfo, shape_text

OPEN = 16  # steps of a random example along an axis whose size is open
BELOW = 2  # random whole numbers are 0 or 1 where nothing says how large they may be
EMPTY = np.zeros((0, 0), np.uint8)
ALONE = ""  # the name of a picture of which nobody said for which input it is
PICTURES = (Image.Image, bytearray, memoryview)


def read(source: Any) -> Example:
    """Return the example that `source` holds.

    source: an array for the only input; a mapping from the inputs' names to arrays, or a tuple of arrays in their order;
        the path or the bytes of a .npy, .npz or .csv file. Where an input reads pictures, also a picture as `images.read`
        takes it, in a mapping or a tuple too; alone it is for each input that reads pictures.
    Raises UnreadableExample where it is none of these.
    """
    if isinstance(source, Example):
        return source
    with _refusing(_("The example")):
        return _read(source)


def _read(source: Any) -> Example:
    if isinstance(source, Mapping):
        return Example("arrays", tuple((str(name), _value(one)) for name, one in source.items()), _("the arrays"))
    if isinstance(source, tuple):
        return Example("arrays", tuple((str(place), _value(one)) for place, one in enumerate(source)), _("the arrays"))
    if isinstance(source, np.ndarray):
        return Example("arrays", (("0", copied(source)),), _("the array"))
    if isinstance(source, bytes):
        return Example("arrays", source, _("The file"))
    if isinstance(source, str | os.PathLike):
        return Example("arrays", read_bytes(Path(source)), Path(source).name)
    if isinstance(source, PICTURES) or hasattr(source, "read"):
        picture = images.read(source)
        return Example("arrays", picture.data if isinstance(picture.data, bytes) else ((ALONE, picture),), picture.name)
    raise UnreadableExample(
        _("This network reads arrays: give an array, a mapping or tuple of them, or a .npy, .npz or .csv file, not {type}.").format(
            type=type(source).__name__
        )
    )


def _refusing(name: str) -> AbstractContextManager[None]:
    """Turn what arrays, files and objects of the user's own cause into sentences."""
    return refusing(UnreadableExample, _("{name} can't be read as numbers ({why}); give plain arrays of numbers."), name)


def _value(source: Any) -> Array | Example:
    """Return what is given for one input: an array, or the file of one or of a picture."""
    if isinstance(source, Example):
        return source
    if isinstance(source, (str, os.PathLike, bytes, *PICTURES)) or hasattr(source, "read"):
        return images.read(source)
    return copied(source)


def random(input_spec: InputSpec, seed: int = 0) -> Example:
    """Return an example of random values that fit every input: normal ones, or whole numbers that the network knows."""
    generator = np.random.default_rng(seed)
    arrays = tuple((one.name, _random(one, generator)) for one in input_spec.inputs)
    return Example("arrays", arrays, _("random values, seed {seed}").format(seed=seed))


blank = random  # an example that every network of arrays can read


def _random(wanted: TensorInfo, generator: np.random.Generator) -> Array:
    shape = tuple(OPEN if size is None else size for size in wanted.shape)
    if math.prod(shape) * 8 > LARGEST:
        raise UnreadableExample(
            _("An input of shape {shape} takes more than 200 MB, so it gets no random values; give an example.").format(
                shape=shape_text(shape)
            )
        )
    if wanted.below is None and "float" in wanted.dtype:
        return generator.standard_normal(shape).astype(wanted.dtype)
    return generator.integers(0, wanted.below or BELOW, shape).astype(wanted.dtype)


def to_batch(example: Example, input_spec: InputSpec) -> tuple[Array, ...]:
    """Return one array an input, each with a batch axis of one and the input's dtype. Raises UnreadableExample."""
    with _refusing(example.name):
        return tuple(_batch(one, example) for one in _by_input(example, input_spec))


def to_view(example: Example, input_spec: InputSpec) -> PreprocessedInput:
    """Return what each input of the network gets."""
    given = _by_input(example, input_spec)
    pairs = tuple((one.wanted.name, _batch(one, example)[0]) for one in given)
    count = max((_count(one) for one in given), default=1)
    notes = (_("The first of {count} examples in the file.").format(count=count),) if count > 1 else ()
    return PreprocessedInput(EMPTY, EMPTY, (), (), aligned=False, notes=(*notes, *defects(example, input_spec)), arrays=pairs)


def defects(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return what was taken for granted of an example, in sentences. Raises UnreadableExample."""
    given = _by_input(example, input_spec)
    said = [sentence for one in given if isinstance(one.value, Example) and one.picture for sentence in one.picture.assumed]
    for one in given:
        if one.made_up:
            said.append(_("Nothing was given for {name}: it gets random values.").format(name=one.wanted.name))
        elif one.picture and _is_laid_out(one):
            said.append(_("{name} is laid out row by row, as {input} reads it.").format(name=example.name, input=one.wanted.name))
    return tuple(dict.fromkeys(said))


class ForInput(NamedTuple):
    """What one input gets: an array, or an example that is a picture.

    picture: how the input reads pictures; None where it reads none. made_up: whether nobody gave it.
    """

    wanted: TensorInfo
    picture: InputSpec | None
    value: Array | Example
    made_up: bool = False


def _by_input(example: Example, input_spec: InputSpec) -> list[ForInput]:
    """Return what an example holds for each of the network's inputs, in their order. Raises UnreadableExample where it doesn't match."""
    given = _given(example)
    names = [one.name for one in input_spec.inputs]
    pictures = input_spec.pictures or (None,) * len(names)
    if len(given) == len(names) == 1:
        return [ForInput(input_spec.inputs[0], pictures[0], next(iter(given.values())))]
    if ALONE in given:
        if not any(pictures):
            raise UnreadableExample(
                _("{name} is a picture; this network reads arrays: {names}.").format(name=example.name, names=", ".join(names))
            )
        given = {name: given[ALONE] for name, picture in zip(names, pictures, strict=True) if picture}
    unknown = [name for name in given if name not in names and not name.isdigit()]
    found = [given.get(name, given.get(str(place))) for place, name in enumerate(names)]
    count = sum(one is not None for one in found)
    with_picture = any(isinstance(one, Example) for one in found)
    if unknown or len(given) != count or (count < len(names) and not with_picture):
        raise UnreadableExample(
            _("{name} holds {given}; this network reads {names}.").format(
                name=example.name, given=", ".join(given) or _("nothing"), names=", ".join(names)
            )
        )
    generator = np.random.default_rng(0)
    return [
        ForInput(wanted, picture, _random(wanted, generator) if value is None else value, value is None)
        for wanted, picture, value in zip(input_spec.inputs, pictures, found, strict=True)
    ]


def _batch(one: ForInput, example: Example) -> Array:
    """Return what one input gets, with a batch axis of one; pixels, uint8, are prepared as those of a picture's file."""
    if one.picture is None and isinstance(one.value, Example) and isinstance(one.value.data, bytes) and is_tiff(one.value.data):
        one = one._replace(value=bands_in(one.value.data, one.value.name))
    if isinstance(one.value, np.ndarray) and one.picture and _holds_pixels(one.value, one):
        one = one._replace(value=Example("image", one.value, example.name))
    if not isinstance(one.value, Example):
        in_shape = pixel_arrays.in_shape(one.value, one.picture, isinstance(example.data, bytes)) if one.picture else None
        return _fitted(_first(one.value, one.wanted, example) if in_shape is None else in_shape, one.wanted)[None]
    if one.picture is None:
        raise UnreadableExample(_no_picture(one, example))
    if _is_vector(one):
        height, width, _channels = one.picture.size
        size = images.picture(one.value).size
        if size != (width, height):
            raise UnreadableExample(
                _("The input {input} reads pictures of {wanted} pixels laid out in a row; {name} has {given}.").format(
                    input=one.wanted.name, wanted=f"{width} × {height}", name=one.value.name, given=f"{size[0]} × {size[1]}"
                )
            )
    batch: Array = preprocessing.batch_of(one.value, one.picture)
    return batch


def _holds_pixels(array: Array, one: ForInput) -> bool:
    """Whether an array is a picture, and not a vector of numbers that happens to have as many as one."""
    return array.dtype == np.uint8 and array.ndim > 1 and (not _is_vector(one) or _is_laid_out(one))


def _count(one: ForInput) -> int:
    """Return how many examples were given for one input."""
    if isinstance(one.value, Example) or _is_laid_out(one):
        return 1
    return len(one.value) if one.value.ndim > len(one.wanted.shape) else 1


def _is_vector(one: ForInput) -> bool:
    return len(one.wanted.shape) == 1


def _is_laid_out(one: ForInput) -> bool:
    """Whether a picture, or an array that is one, becomes a vector."""
    if isinstance(one.value, Example) or not _is_vector(one):
        return _is_vector(one)
    return one.picture is not None and one.value.ndim > 1 and one.value.shape[:2] == one.picture.size[:2]


def _no_picture(one: ForInput, example: Example) -> str:
    wanted = one.wanted.shape
    if len(wanted) == 3:
        return _(
            "{name} is a picture, with 1 to 4 channels; the input {input} reads {wanted}: give an array of that shape as .npy, "
            "or a TIFF of so many bands."
        ).format(name=example.name, input=one.wanted.name, wanted=shape_text(wanted))
    return _("{name} is a picture; the input {input} reads {wanted} numbers: give an array, such as a .npy file.").format(
        name=example.name, input=one.wanted.name, wanted=shape_text(wanted) or "1"
    )


def axes_of(_input_spec: InputSpec, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return no axes: nothing says where the cells of a feature map lie on several arrays."""
    return ()


def _first(array: Array, wanted: TensorInfo, example: Example) -> Array:
    """Return one example: the first of a file of examples, the one in a batch of one, a column as the vector that it is."""
    if array.ndim == 2 and array.shape[1] == 1 and len(wanted.shape) == 1 and wanted.shape != (1,):
        return array[:, 0]
    if array.size == 1 and wanted.shape == ():
        return array.reshape(())
    batch = array.ndim == len(wanted.shape) + 1 and (len(array) == 1 or (isinstance(example.data, bytes) and len(array) > 1))
    return array[0] if batch else array


def _fitted(array: Array, wanted: TensorInfo) -> Array:
    """Return the array as the input's dtype. Raises UnreadableExample for another shape, and values that the input can't take."""
    same = array.ndim == len(wanted.shape) and all(size in (None, own) for size, own in zip(wanted.shape, array.shape, strict=True))
    if not same:
        raise UnreadableExample(
            _("The input {name} reads {wanted}, one example at a time; the array is {given}.").format(
                name=wanted.name, wanted=shape_text(wanted.shape) or _("one number"), given=shape_text(array.shape) or _("one number")
            )
        )
    cost = array.size * (2 * np.dtype(wanted.dtype).itemsize + 2)  # in the input's dtype, its rounded copy, and what is compared
    budget.check(cost, _("The array for {name}").format(name=wanted.name), _("Give a smaller one."))
    with np.errstate(over="ignore", invalid="ignore"):
        fitted = array.astype(wanted.dtype)
    if not is_finite(array) or not is_finite(fitted):
        raise UnreadableExample(_("The array for {name} holds NaN or infinite values.").format(name=wanted.name))
    if wanted.below is not None and array.size and not 0 <= array.min() <= array.max() < wanted.below:
        raise UnreadableExample(
            _("The input {name} reads whole numbers from 0 to {last}; the array has {low:g} to {high:g}.").format(
                name=wanted.name, last=wanted.below - 1, low=float(array.min()), high=float(array.max())
            )
        )
    whole = fitted if "int" in wanted.dtype else np.rint(fitted)
    if ("int" in wanted.dtype or wanted.below is not None) and not np.array_equal(whole, array):
        raise UnreadableExample(
            _("The input {name} reads whole numbers ({dtype}); the array has others.").format(name=wanted.name, dtype=wanted.dtype)
        )
    return fitted


def _given(example: Example) -> dict[str, Array | Example]:
    """Return what an example holds by input name, or by place ("0", "1") where it has none: arrays, and pictures as examples."""
    data = example.data
    if isinstance(data, tuple):
        return {name: _from_file(value) if isinstance(value, Example) else value for name, value in data}
    if isinstance(data, np.ndarray):
        return {"0": data}
    if not isinstance(data, bytes):
        raise UnreadableExample(_("{name} is a sound; the network reads arrays.").format(name=example.name))
    if data and is_picture(data):
        return {ALONE: Example("image", data, example.name)}
    if is_tiff(data):
        return {"0": bands_in(data, example.name)}
    found: dict[str, Array | Example] = dict(arrays_in(data, example.name))
    return found


def _from_file(given: Example) -> Array | Example:
    """Return the array in the file that was given for one input; a picture as it is."""
    if not isinstance(given.data, bytes) or is_picture(given.data):
        return given
    found = {"0": bands_in(given.data, given.name)} if is_tiff(given.data) else arrays_in(given.data, given.name)
    return next(iter(found.values()))
