"""Pixel chunks: processes large pictures in pieces, so that intermediate values never take a multiple of the picture's memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

Box: TypeAlias = tuple[int, int, int, int]  # left, upper, right, lower, as Pillow has it
Array: TypeAlias = "np.ndarray[Any, Any]"

PIXELS = 2**16  # in a piece at most, so that its intermediate values fit into the processor's cache


def boxes(size: tuple[int, int]) -> Iterator[Box]:
    """Yield the boxes of the pieces of a picture of (width, height), which together cover it."""
    width, height = size
    columns = min(width, PIXELS)
    rows = max(1, PIXELS // max(1, columns))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield left, top, min(width, left + columns), min(height, top + rows)


def pieces(image: Image.Image) -> Iterator[tuple[Box, Array]]:
    """Yield the box of each piece of a picture and its values, (rows, columns) or (rows, columns, channels)."""
    for box in boxes(image.size):
        yield box, np.asarray(image.crop(box))


def slices_of(box: Box) -> tuple[slice, slice]:
    """Return the slices of rows and columns of a box, to index an array."""
    left, upper, right, lower = box
    return slice(upper, lower), slice(left, right)


def pixel_values(image: Image.Image) -> Array:
    """Return the values of a picture of 8 bits, uint8 (height, width, channels), without a temporary copy."""
    values = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    for box, piece in pieces(image):
        values[slices_of(box)] = piece
    return values
