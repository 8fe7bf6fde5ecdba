"""Bit depth: reduces pictures of more than 8 bits a value to 8, by the range that their values appear to be made for.

It works in pieces, so that memory holds no more than the decoded picture and the one made from it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from explorer.backend.inputs.pixel_chunks import Box, pieces, slices_of
from explorer.locale import _

Array: TypeAlias = "np.ndarray[Any, Any]"
Deep: TypeAlias = "Iterator[tuple[Box, Array, Array | bool]]"  # the box of a piece, its values, and which of them are transparent

# Ranges that pictures are made for: (black, white, the smallest share of the range that a picture made for it uses).
INTEGER_RANGES = tuple((0.0, 2.0**bits - 1, 1 / 8) for bits in (8, 10, 12, 14, 16, 31, 32))
FLOAT_RANGES = ((0.0, 1.0, 1 / 8), (-1.0, 1.0, 3 / 4), (0.0, 255.0, 1 / 2), (0.0, 65_535.0, 1 / 2))
USUAL_INTEGER_WHITES, USUAL_FLOAT_WHITES = (65_535, 2**31 - 1, 2**32 - 1), (1, 255)  # whites that need no note
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF's tags
FORMAT, UNSIGNED = 339, 1
DEEP_COLOURS = (";16B", ";16L", ";16N")  # the endings of Pillow's raw modes of which it keeps only the upper byte
OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
OVER_14_BITS = 64  # the smallest upper byte of values over 14 bits
DIGITS = 15  # number of digits above which an exponent is used


class Scale(NamedTuple):
    """The values that are black and white, and the lowest and highest values."""

    black: float
    white: float
    low: float
    high: float

    def eight_bits(self, values: Array) -> Array:
        """Return values scaled to uint8."""
        scaled = (values.astype(np.float64) - self.black) / ((self.white - self.black) or 1) * 255
        return np.clip(scaled, 0, 255).round().astype(np.uint8)


def is_deep(image: Image.Image) -> bool:
    """Whether the values of a picture, which may not be decoded yet, have more than 8 bits."""
    return _is_grey(image) or raw_mode(image).endswith(DEEP_COLOURS)


def to_eight_bits(image: Image.Image, reopen: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture with 8 bits a value, LA or RGBA where a colour is transparent, and a note on the scaling where it isn't obvious.

    reopen: opens the same picture once more, without decoding it. Raises FloatingPointError for values that are NaN or infinite.
    """
    if _is_grey(image):
        return _grey(image)
    if raw_mode(image).endswith(DEEP_COLOURS) and image.mode in ("RGB", "RGBA"):
        return _coloured(image, reopen)
    return image, ()


def raw_mode(image: Image.Image) -> str:
    """Return Pillow's raw mode, which names the layout of values in the file; "" where the picture has been decoded."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _is_grey(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _grey(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    tags = getattr(image, "tag_v2", {})
    inverted = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO  # which Pillow respects in TIFFs of 8 bits only
    # Unsigned values of 32 bits, which Pillow reads as signed.
    unsigned = image.mode == "I" and image.format == "TIFF" and UNSIGNED in np.atleast_1d(tags.get(FORMAT, UNSIGNED))
    transparent = image.info.get("transparency")

    def values() -> Deep:
        for box, piece in pieces(image):
            yield box, piece.view(np.uint32) if unsigned else piece, False if transparent is None else piece == transparent

    is_integer = image.mode != "F"
    scale = _scale(values(), is_integer)
    result = np.empty((image.height, image.width), np.uint8)
    alpha = None if transparent is None else np.empty_like(result)
    for box, piece, is_transparent in values():
        scaled = scale.eight_bits(piece)
        result[slices_of(box)] = 255 - scaled if inverted else scaled
        if alpha is not None:
            alpha[slices_of(box)] = np.where(is_transparent, 0, 255)
    grey = Image.fromarray(result)
    notes = _notes(scale._replace(black=scale.white, white=scale.black) if inverted else scale, is_integer)
    return (grey if alpha is None else Image.merge("LA", (grey, Image.fromarray(alpha)))), notes


def _scale(values: Deep, is_integer: bool) -> Scale:
    """Return the black and white values of a picture; transparent pixels don't count."""
    low, high = float("inf"), float("-inf")
    for _box, piece, is_transparent in values:
        if not is_integer and not np.isfinite(piece).all():
            raise FloatingPointError
        visible = piece[~is_transparent] if isinstance(is_transparent, np.ndarray) else piece
        if visible.size:
            low, high = min(low, float(visible.min())), max(high, float(visible.max()))
    if low > high:
        low = high = 0.0
    return Scale(*_range(low, high, is_integer), low, high)


def _range(low: float, high: float, is_integer: bool) -> tuple[float, float]:
    """Return the black and white values: those of a range that pictures are made for, or the lowest and highest values."""
    for black, white, least in INTEGER_RANGES if is_integer else FLOAT_RANGES:
        if black <= low and high <= white:
            return (black, white) if low == high or high - low >= least * (white - black) else (low, high)
    return low, high


def _notes(scale: Scale, is_integer: bool) -> tuple[str, ...]:
    if scale.black == 0 and (scale.white in (USUAL_INTEGER_WHITES if is_integer else USUAL_FLOAT_WHITES) or scale.high == 0):
        return ()
    message = _("The picture's values go from {low} to {high}: {black} is taken as black, {white} as white.")
    return (message.format(low=_number(scale.low), high=_number(scale.high), black=_number(scale.black), white=_number(scale.white)),)


def _number(value: float) -> str:
    return f"{value + 0.0:,.0f}" if value == round(value) and abs(value) < 10**DIGITS else f"{value:.3g}"  # no -0


def _coloured(image: Image.Image, reopen: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a colour picture, of which Pillow reads only the upper bytes; brightened from both bytes where those are very dark."""
    read_as, transparent = raw_mode(image), image.info.get("transparency")
    extrema: Any = image.getextrema()
    dark = max(high for _low, high in extrema[:3]) < OVER_14_BITS
    if not dark and transparent is None:
        return image, ()
    if read_as.startswith("LA"):  # grey and alpha of two bytes each, as many bytes as RGBA has
        lower, lower_bytes = _with_raw_mode(reopen(), "RGBA"), slice(1, 2)
    else:
        lower, lower_bytes = _with_raw_mode(reopen(), read_as[:-1] + OTHER_BYTE[read_as[-1]]), slice(0, 3)

    def values() -> Deep:
        for (box, upper), (_box, rest) in zip(pieces(image), pieces(lower), strict=True):
            both = upper[..., :3].astype(np.uint16) * 256 + rest[..., lower_bytes]
            yield box, both, False if transparent is None else (both == transparent).all(axis=-1)

    scale = _scale(values(), is_integer=True) if dark else None
    result, alpha = lower, None if transparent is None else Image.new("L", image.size)
    for box, both, is_transparent in values():  # each piece is read before its result is written to the same box
        upper = np.asarray(image.crop(box))
        colours = upper[..., :3] if scale is None else scale.eight_bits(both)
        result.paste(Image.fromarray(np.concatenate((colours, upper[..., 3:]), axis=-1)), box)
        if alpha is not None:
            alpha.paste(Image.fromarray(np.where(is_transparent, 0, 255).astype(np.uint8)), box)
    if alpha is not None:
        result.putalpha(alpha)
        result.info.pop("transparency")
    return result, _notes(scale, is_integer=True) if scale else ()


def _with_raw_mode(image: Any, mode: str) -> Any:
    image.tile = [tile._replace(args=(mode, *tile.args[1:]) if isinstance(tile.args, tuple) else mode) for tile in image.tile]
    return image
