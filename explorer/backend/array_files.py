"""Files of arrays: .npy, .npz and text in columns, read without running anything that is in them."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any, TypeAlias

import numpy as np

from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST

Array: TypeAlias = "np.ndarray[Any, Any]"

SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+")  # of the cells in a line of text
NPY, ZIP = b"\x93NUMPY", b"PK"  # how .npy and .npz files begin


def arrays_in(data: bytes, name: str) -> dict[str, Array]:
    """Return the arrays in the bytes of a file by their names, or by place ("0", "1") where they have none.

    Raises UnreadableExample where it is no .npy, .npz or .csv file of numbers.
    """
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=name))
    try:
        if data.startswith(NPY):
            return {"0": copied(np.load(io.BytesIO(data), allow_pickle=False))}
        if data.startswith(ZIP):
            return _archived(data)
        return {"0": _comma_separated(data)}
    except UnreadableExample:
        raise
    except Exception as error:  # NumPy and zipfile raise what they like on damaged files
        why = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableExample(
            _("{name} is no .npy, .npz or .csv file of numbers that can be read ({why}).").format(name=name, why=why)
        ) from error


def is_npz(data: bytes) -> bool:
    """Whether the bytes of a file are a zip with arrays in it."""
    if not data.startswith(ZIP) or not zipfile.is_zipfile(io.BytesIO(data)):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def copied(array: Any) -> Array:
    """Return a read-only copy of an array. Raises UnreadableExample where it holds no numbers."""
    own = np.array(array)
    if own.dtype == object or own.dtype.kind not in "fiub":
        raise UnreadableExample(_("An array of {dtype} holds no numbers.").format(dtype=own.dtype))
    own.flags.writeable = False  # what is remembered of it goes by its content
    return own


def _archived(data: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
            raise UnreadableExample(_("The arrays take more than 200 MB; save fewer of them."))
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {re.sub(r"^arr_(?=\d+$)", "", name): copied(arrays[name]) for name in arrays.files}  # savez numbers what has no name


def _comma_separated(data: bytes) -> Array:
    """Return the numbers of a table of text, (rows, columns); a first line of names is left out."""
    lines = [line.strip() for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    rows = [re.split(SEPARATOR, line) for line in lines]
    if rows and not any(map(_is_number, rows[0])):
        rows = rows[1:]
    if not rows:
        raise UnreadableExample(_("It has no numbers."))
    return copied([[float(cell) for cell in row] for row in rows])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
