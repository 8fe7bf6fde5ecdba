"""Arrays: what networks read that read no pictures: one array an input, from a file, from Python or at random."""

from __future__ import annotations

import io
import math
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.example_files import read_bytes
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, Axis, Example, Reading, SeenInput, TensorInfo, shape_text

Array: TypeAlias = "np.ndarray[Any, Any]"

OPEN = 16  # steps of a random example along an axis whose size is open
BELOW = 2  # random whole numbers are 0 or 1 where nothing says how large they may be
EMPTY = np.zeros((0, 0), np.uint8)
SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+")  # of the cells in a line of text


def read(source: Any) -> Example:
    """Return the example that `source` holds.

    source: an array for the only input; a mapping from the inputs' names to arrays, or a tuple of arrays
        in their order; the path or the bytes of a .npy, .npz or .csv file.
    Raises UnreadableExample where it is none of these.
    """
    if isinstance(source, Example):
        return source
    if isinstance(source, Mapping):
        return Example("arrays", tuple((str(name), _copied(array)) for name, array in source.items()), _("the arrays"))
    if isinstance(source, tuple):
        return Example("arrays", tuple((str(place), _copied(array)) for place, array in enumerate(source)), _("the arrays"))
    if isinstance(source, np.ndarray):
        return Example("arrays", (("0", _copied(source)),), _("the array"))
    if isinstance(source, bytes):
        return Example("arrays", source, _("the arrays"))
    if isinstance(source, str | os.PathLike):
        return Example("arrays", read_bytes(Path(source)), Path(source).name)
    raise UnreadableExample(
        _("This network reads arrays: give an array, a mapping or tuple of them, or a .npy, .npz or .csv file, not {type}.").format(
            type=type(source).__name__
        )
    )


def random(reading: Reading, seed: int = 0) -> Example:
    """Return an example of random values that fit every input: normal ones, or whole numbers that the network knows."""
    generator = np.random.default_rng(seed)
    arrays = tuple((one.name, _random(one, generator)) for one in reading.inputs)
    return Example("arrays", arrays, _("random values, seed {seed}").format(seed=seed))


blank = random  # an example that every network of arrays can read


def _random(wanted: TensorInfo, generator: np.random.Generator) -> Array:
    shape = tuple(OPEN if size is None else size for size in wanted.shape)
    if math.prod(shape) * 8 > LARGEST:
        raise UnreadableExample(_("An input of shape {shape} takes more than 200 MB.").format(shape=shape))
    if wanted.below is None and "float" in wanted.dtype:
        return generator.standard_normal(shape).astype(wanted.dtype)
    return generator.integers(0, wanted.below or BELOW, shape).astype(wanted.dtype)


def to_batch(example: Example, reading: Reading) -> tuple[Array, ...]:
    """Return one array an input, each with a batch axis of one and the input's dtype. Raises UnreadableExample."""
    arrays = zip(_by_input(example, reading), reading.inputs, strict=True)
    return tuple(_fitted(_first(array, wanted, example), wanted)[None] for array, wanted in arrays)


def to_view(example: Example, reading: Reading) -> SeenInput:
    """Return what each input of the network gets."""
    pairs = tuple((wanted.name, array[0]) for wanted, array in zip(reading.inputs, to_batch(example, reading), strict=True))
    given = zip(_by_input(example, reading), reading.inputs, strict=True)
    count = max(len(array) if array.ndim > len(wanted.shape) else 1 for array, wanted in given)
    notes = (_("The first of {count} examples in the file.").format(count=count),) if count > 1 else ()
    return SeenInput(EMPTY, EMPTY, (), (), aligned=False, notes=notes, arrays=pairs)


def _by_input(example: Example, reading: Reading) -> list[Array]:
    """Return the arrays of an example in the order of the network's inputs. Raises UnreadableExample where they don't match."""
    given = _given(example)
    names = [one.name for one in reading.inputs]
    if len(given) == len(names) == 1:
        return list(given.values())
    unknown = [name for name in given if name not in names and not name.isdigit()]
    found = [given.get(name, given.get(str(place))) for place, name in enumerate(names)]
    matched = [array for array in found if array is not None]
    if unknown or not len(given) == len(matched) == len(names):
        raise UnreadableExample(
            _("{name} holds {given}; this network reads {names}.").format(
                name=example.name, given=", ".join(given) or _("nothing"), names=", ".join(names)
            )
        )
    return matched


def defects(_example: Example) -> tuple[str, ...]:
    """Return nothing: arrays are taken as they are."""
    return ()


def axes_of(_reading: Reading, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return no axes: nothing says where the cells of a feature map lie on several arrays."""
    return ()


def _copied(array: Any) -> Array:
    copied = np.array(array)
    if copied.dtype == object or copied.dtype.kind not in "fiub":
        raise UnreadableExample(_("An array of {dtype} holds no numbers.").format(dtype=copied.dtype))
    copied.flags.writeable = False  # what is remembered of it goes by its content
    return copied


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
    with np.errstate(over="ignore", invalid="ignore"):
        fitted = array.astype(wanted.dtype)
    if not np.isfinite(array).all() or not np.isfinite(fitted).all():
        raise UnreadableExample(_("The array for {name} holds NaN or infinite values.").format(name=wanted.name))
    if wanted.below is not None and array.size and not 0 <= array.min() <= array.max() < wanted.below:
        raise UnreadableExample(
            _("The input {name} reads whole numbers from 0 to {last}; the array has {low:g} to {high:g}.").format(
                name=wanted.name, last=wanted.below - 1, low=array.min(), high=array.max()
            )
        )
    whole = fitted if "int" in wanted.dtype else np.rint(fitted)
    if ("int" in wanted.dtype or wanted.below is not None) and not np.array_equal(whole, array):
        raise UnreadableExample(
            _("The input {name} reads whole numbers ({dtype}); the array has others.").format(name=wanted.name, dtype=wanted.dtype)
        )
    return fitted


def _given(example: Example) -> dict[str, Array]:
    """Return the arrays of an example by input name, or by place ("0", "1") where they have none."""
    data = example.data
    if isinstance(data, tuple):
        return dict(data)
    if isinstance(data, np.ndarray):
        return {"0": data}
    if not isinstance(data, bytes):
        raise UnreadableExample(_("{name} is a sound; the network reads arrays.").format(name=example.name))
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
    try:
        if data.startswith(b"\x93NUMPY"):
            return {"0": _copied(np.load(io.BytesIO(data), allow_pickle=False))}
        if data.startswith(b"PK"):
            return _archived(data)
        return {"0": _comma_separated(data)}
    except UnreadableExample:
        raise
    except Exception as error:  # NumPy and zipfile raise what they like on damaged files
        why = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableExample(
            _("{name} is no .npy, .npz or .csv file of numbers that can be read ({why}).").format(name=example.name, why=why)
        ) from error


def _archived(data: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
            raise UnreadableExample(_("The arrays take more than 200 MB; save fewer of them."))
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {re.sub(r"^arr_(?=\d+$)", "", name): _copied(arrays[name]) for name in arrays.files}  # savez numbers what has no name


def _comma_separated(data: bytes) -> Array:
    """Return the numbers of a table of text, (rows, columns); a first line of names is left out."""
    lines = [line.strip() for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    rows = [re.split(SEPARATOR, line) for line in lines]
    if rows and not any(map(_is_number, rows[0])):
        rows = rows[1:]
    if not rows:
        raise UnreadableExample(_("It has no numbers."))
    return _copied([[float(cell) for cell in row] for row in rows])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
