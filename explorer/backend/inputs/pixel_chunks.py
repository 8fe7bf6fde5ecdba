"""Large pictures piece by piece, so that what is made of each value never takes a multiple of the whole picture's memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

Box: TypeAlias = tuple[int, int, int, int]  # left, upper, right, lower, as Pillow has it
Array: TypeAlias = "np.ndarray[Any, Any]"

PIXELS = 2**16  # of a piece at most: what is made of it stays in the processor's cache


def boxes(size: tuple[int, int]) -> Iterator[Box]:
    """Yield where the pieces of a picture of (width, height) lie; together they cover it."""
    width, height = size
    columns = min(width, PIXELS)
    rows = max(1, PIXELS // max(1, columns))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield left, top, min(width, left + columns), min(height, top + rows)


def pieces(image: Image.Image) -> Iterator[tuple[Box, Array]]:
    """Yield the values of each piece of a picture, (rows, columns) or (rows, columns, channels), and where it lies."""
    for box in boxes(image.size):
        yield box, np.asarray(image.crop(box))


def place(box: Box) -> tuple[slice, slice]:
    """Return the rows and columns of a box, to find a piece in an array."""
    left, upper, right, lower = box
    return slice(upper, lower), slice(left, right)


def whole(image: Image.Image) -> Array:
    """Return the values of a picture of 8 bits, uint8 (height, width, channels), with no more memory than they take."""
    values = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    for box, piece in pieces(image):
        values[place(box)] = piece
    return values
