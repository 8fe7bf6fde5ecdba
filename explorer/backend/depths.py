"""Pictures of more than 8 bits a value brought to 8: by the range that their values were made for, as far as the values show it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from explorer.locale import _

Array: TypeAlias = "np.ndarray[Any, Any]"
Range: TypeAlias = tuple[float, float]

# What pictures are made for: (black, white, and the least share of it that is used, or else it was made for something else).
WHOLE = tuple((0.0, 2.0**bits - 1, 1 / 8) for bits in (8, 10, 12, 14, 16, 31))
FLOATS = ((0.0, 1.0, 1 / 8), (-1.0, 1.0, 3 / 4), (0.0, 255.0, 1 / 2), (0.0, 65_535.0, 1 / 2))
PLAIN_WHOLE, PLAIN_FLOATS = (65_535, 2**31 - 1), (1, 255)  # what nobody needs to be told is white
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF's tag
DEEP_COLOURS = (";16B", ";16L", ";16N")  # how Pillow's names for what it reads end where it keeps the upper byte alone
OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
OVER_14_BITS = 64  # an upper byte that is so large


def is_deep(image: Image.Image) -> bool:
    """Whether the values of a picture, which may not be decoded yet, have more than 8 bits."""
    return _is_grey(image) or _raw_mode(image).endswith(DEEP_COLOURS)


def to_eight_bits(image: Image.Image, again: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture with 8 bits a value, and a sentence on how, where that isn't plain.

    again: opens the same picture once more, not decoded yet. Raises FloatingPointError for values that are NaN or infinite.
    """
    if _is_grey(image):
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all():
            raise FloatingPointError
        scaled, notes = _scaled(values, image.mode != "F", _is_inverted(image))
        return Image.fromarray(scaled), notes
    if _raw_mode(image).endswith(DEEP_COLOURS) and image.mode in ("RGB", "RGBA"):
        return _coloured(image, again)
    return image, ()


def _is_grey(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white, which Pillow minds in TIFFs of 8 bits only."""
    return getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO


def _raw_mode(image: Image.Image) -> str:
    """Return Pillow's name for how the values of a picture lie in its file; "" where it has been decoded."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _scaled(values: Array, whole: bool, inverted: bool = False) -> tuple[Array, tuple[str, ...]]:
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    black, white = _range(low, high, whole)
    scaled = np.clip((values - black) / ((white - black) or 1) * 255, 0, 255).round().astype(np.uint8)
    if inverted:
        scaled, black, white = 255 - scaled, white, black
    if black == 0 and (white in (PLAIN_WHOLE if whole else PLAIN_FLOATS) or high == 0):
        return scaled, ()
    told = _("The picture's values go from {low} to {high}: {black} is taken for black, {white} for white.")
    return scaled, (told.format(low=_number(low), high=_number(high), black=_number(black), white=_number(white)),)


def _range(low: float, high: float, whole: bool) -> Range:
    """Return which values are black and white: those that pictures are made for, or the lowest and highest ones."""
    for black, white, least in WHOLE if whole else FLOATS:
        if black <= low and high <= white:
            return (black, white) if low == high or high - low >= least * (white - black) else (low, high)
    return low, high


def _number(value: float) -> str:
    return f"{value + 0.0:,.0f}" if value == round(value) else f"{value:.3g}"  # no -0


def _coloured(image: Image.Image, again: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture in colour, of which Pillow reads the upper bytes: brighter, where they are next to empty."""
    raw_mode = _raw_mode(image)
    upper = np.asarray(image)
    if upper[..., :3].max(initial=0) >= OVER_14_BITS:
        return image, ()
    other = again()
    if raw_mode.startswith("LA"):  # one value and alpha, both bytes of each: as many as RGBA has
        lower = np.asarray(_read_as(other, "RGBA"))[..., 1:2]
    else:
        lower = np.asarray(_read_as(other, raw_mode[:-1] + OTHER_BYTE[raw_mode[-1]]))[..., :3]
    scaled, notes = _scaled(upper[..., :3].astype(np.float64) * 256 + lower, whole=True)
    return Image.fromarray(np.concatenate((scaled, upper[..., 3:]), axis=-1)), notes


def _read_as(image: Any, raw_mode: str) -> Any:
    image.tile = [one._replace(args=(raw_mode, *one.args[1:]) if isinstance(one.args, tuple) else raw_mode) for one in image.tile]
    return image
