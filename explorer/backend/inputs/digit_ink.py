"""Digit ink: the ink in a picture as the network of digits reads it: cropped, centred in a square, and as coarse as its training data."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from explorer.backend.inputs.pixel_chunks import pieces

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

CELLS = 8  # the digits that the bundled network was trained on have 8 x 8 cells
LONGEST = 2048  # longest side, in pixels, of ink that is drawn on a square
THRESHOLD = 0.25  # of the full contrast, above which a pixel is ink
LEVELS = 256  # of grey


class Ink(NamedTuple):
    """values: float32 (height, width, 1) in 0 to 1; inverted: whether dark ink on light paper was inverted."""

    values: Values
    inverted: bool


def ink_of(grey: Image.Image, height: int, width: int) -> Ink:
    """Return the ink in a picture of mode L, stretched to its full contrast, as values of (height, width, 1); 0 where there is none.

    All computations are done once for each of the 256 grey levels, so that a large picture takes few bytes per pixel.
    """
    contrast, inverted = _contrast(grey)
    box = grey.point(np.where(contrast > THRESHOLD, 255, 0).tolist(), "1").getbbox()
    if box is None:
        return Ink(np.zeros((height, width, 1), np.float32), inverted)
    ink = _reduced(grey.crop(box), contrast)
    side = max(ink.size)
    square = Image.new("F", (side, side))
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    coarse = square.resize((CELLS, CELLS), Image.Resampling.BOX)
    fitted = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return Ink(np.clip(fitted / max(1.0, float(fitted.max())), 0, 1)[..., None], inverted)


def _contrast(grey: Image.Image) -> tuple[Values, bool]:
    """Return how much ink each of the 256 grey levels is, 0 to 1, and whether dark levels are ink; the border shows the paper."""
    right, lower = grey.size
    edges = ((0, 0, right, 1), (0, lower - 1, right, lower), (0, 0, 1, lower), (right - 1, 0, right, lower))
    border = np.sum([grey.crop(edge).histogram() for edge in edges], axis=0)
    levels: Values = np.arange(LEVELS, dtype=np.float32) / np.float32(255)
    inverted = bool(_median(levels, border) > 0.5)
    if inverted:
        levels = np.float32(1) - levels
    ink = np.clip(levels - _median(levels, border), 0, None)
    most = ink[np.array(grey.histogram()) > 0].max()
    return (ink / most if most > 0 else ink), inverted


def _median(levels: Any, counts: Any) -> Any:
    """Return the median of sorted values, given how often each occurs."""
    so_far = np.cumsum(counts)
    middle = np.searchsorted(so_far, ((so_far[-1] - 1) // 2, so_far[-1] // 2), side="right")
    return np.mean(levels[middle])


def _reduced(grey: Image.Image, contrast: Values) -> Image.Image:
    """Return the ink in a picture, mode F, reduced so that its longest side is at most `LONGEST`."""
    ink = Image.new("F", grey.size)
    for box, piece in pieces(grey):
        ink.paste(Image.fromarray(contrast[piece]), box)
    longest = max(ink.size)
    if longest <= LONGEST:
        return ink
    width, height = (max(1, size * LONGEST // longest) for size in ink.size)
    return ink.resize((width, height), Image.Resampling.BOX)
