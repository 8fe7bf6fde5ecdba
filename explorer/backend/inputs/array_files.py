"""Array files: .npy, .npz and text in columns, read without running any code in them."""

from __future__ import annotations

import re
from array import array as numbers
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from explorer.backend.inputs.npy import NPY, ZIP, Array, from_npy, from_npz, is_from_file
from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _, size_text
from explorer.values import LARGEST

LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")
SEPARATOR = re.compile(r"(?=[\s,;])\s*[,;]?\s*")  # between cells in a line of text
SEPARATORS = (b",", b";", b"\t", b" ")
BYTES = 8  # of a number read from text
NAMES = 1000  # cells of the first line that decide whether it holds names
LONGEST = 40  # characters of a cell that a sentence quotes


def arrays_in(data: bytes, name: str) -> dict[str, Array]:
    """Return the arrays in the bytes of a file, read-only, by name, or by index ("0", "1") where they have none.

    Raises UnreadableExample for anything but a .npy, .npz or .csv file of numbers, and for more than 200 MB.
    """
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=name))
    if data.startswith(NPY):
        return {"0": read_only_copy(from_npy(data, name))}
    if data.startswith(ZIP):
        return _archived(data, name)
    with refusing(UnreadableExample, _("{name} is not a .npy, .npz or .csv file of numbers; save it again as one."), name):
        return {"0": _comma_separated(data, name)}


def is_npz(data: bytes) -> bool:
    """Whether the bytes of a file are a zip that holds arrays."""
    return data.startswith(ZIP) and b".npy" in data


def read_only_copy(array: Any) -> Array:
    """Return a read-only copy of an array; an array that was read from a file is returned itself.

    Raises UnreadableExample where it holds no numbers, or exceeds the memory for one input.
    """
    name = _("The array")
    if is_from_file(array):
        result: Array = array
    else:
        message = _("{name} can't be read: it holds no numbers, or rows of unequal lengths; give an array of numbers.")
        with refusing(UnreadableExample, message, name):
            if np.ma.is_masked(array):
                raise UnreadableExample(_("The array has masked values: fill them first, as with array.filled(0)."))
            if isinstance(array, np.ndarray):
                budget.check(array.nbytes, name, _("Give a smaller one."))
            result = np.array(array)
            result.flags.writeable = False  # cached results are looked up by its content
    if result.dtype.kind not in "fiub":
        raise UnreadableExample(_("An array of {dtype} holds no numbers.").format(dtype=result.dtype))
    return result


def is_finite(array: Array) -> bool:
    """Whether all numbers in an array are finite; found without a temporary array."""
    if array.dtype.kind != "f" or not array.size:
        return True
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(array.min()) and np.isfinite(array.max()))


def lines_in(text: str) -> Iterator[str]:
    """Yield the lines of a text with their line ends, one at a time, as there may be millions."""
    return (match[0] for match in LINE.finditer(text))


def _archived(data: bytes, name: str) -> dict[str, Array]:
    arrays = from_npz(data, name, LARGEST)
    if not arrays:
        raise UnreadableExample(_("{name} holds no arrays; save some in it with numpy.savez.").format(name=name))
    return {
        re.sub(r"^arr_(?=\d+$)", "", key): read_only_copy(array) for key, array in arrays.items()
    }  # savez numbers arrays without a name


def _comma_separated(data: bytes, name: str) -> Array:
    """Return the numbers in a text table, (rows, columns), without a first line of names."""
    size = BYTES * (data.count(b"\n") + max(map(data.count, SEPARATORS)))
    if size > LARGEST:
        raise UnreadableExample(
            _("The numbers in {name} take more than {largest}; save fewer of them.").format(name=name, largest=size_text(LARGEST))
        )
    budget.check(size + 4 * len(data), name, _("Save fewer numbers in it."))  # a character takes 4 bytes at most
    values, width, height = numbers("d"), 0, 0
    lines = ((number, cells) for number, line in enumerate(lines_in(data.decode("utf-8-sig")), start=1) if (cells := line.strip()))
    for index, (number, line) in enumerate(lines):
        if index == 0 and not any(map(_is_number, islice(_cells(line), NAMES))):
            continue
        _append_numbers(values, line, number, name)
        height, width = height + 1, width or len(values)
        if len(values) != height * width:
            raise UnreadableExample(
                _(
                    "{name} is not a table of numbers: line {line} has {count} of them, the first {width}; each must have the same number."
                ).format(name=name, line=number, count=len(values) - (height - 1) * width, width=width)
            )
    if not height:
        raise UnreadableExample(_("{name} has no numbers in it; give a table of them.").format(name=name))
    table = np.frombuffer(values, np.float64).reshape(height, width)
    table.flags.writeable = False
    return table


def _append_numbers(values: numbers[float], line: str, number: int, name: str) -> None:
    for cell in _cells(line):
        try:
            values.append(float(cell))
        except ValueError:
            raise UnreadableExample(
                _(
                    "{name} is not a table of numbers: line {line} holds {cell!r}; leave only numbers, and a line of names above them."
                ).format(name=name, line=number, cell=cell[:LONGEST])
            ) from None


def _cells(line: str) -> Iterator[str]:
    """Yield the cells of a line, one at a time, as there may be millions."""
    start = 0
    for match in SEPARATOR.finditer(line):
        yield line[start : match.start()]
        start = match.end()
    yield line[start:]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
