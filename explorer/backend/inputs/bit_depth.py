"""Pictures of more than 8 bits a value brought to 8: by the range that their values were made for, as far as the values show it.

It is done piece by piece: beside the picture as it is decoded there is never more than the one that is made of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from explorer.backend.inputs.pixel_chunks import Box, pieces, place
from explorer.locale import _

Array: TypeAlias = "np.ndarray[Any, Any]"
Deep: TypeAlias = "Iterator[tuple[Box, Array, Array | bool]]"  # where a piece lies, its values, and which of them are seen through

# What pictures are made for: (black, white, and the least share of it that is used, or else it was made for something else).
WHOLE = tuple((0.0, 2.0**bits - 1, 1 / 8) for bits in (8, 10, 12, 14, 16, 31, 32))
FLOATS = ((0.0, 1.0, 1 / 8), (-1.0, 1.0, 3 / 4), (0.0, 255.0, 1 / 2), (0.0, 65_535.0, 1 / 2))
PLAIN_WHOLE, PLAIN_FLOATS = (65_535, 2**31 - 1, 2**32 - 1), (1, 255)  # what nobody needs to be told is white
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF's tags
FORMAT, UNSIGNED = 339, 1
DEEP_COLOURS = (";16B", ";16L", ";16N")  # how Pillow's names for what it reads end where it keeps the upper byte alone
OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
OVER_14_BITS = 64  # an upper byte that is so large
DIGITS = 15  # from which on a number is written with an exponent


class Scale(NamedTuple):
    """Which values are black and white, and the lowest and highest that there are."""

    black: float
    white: float
    low: float
    high: float

    def eight_bits(self, values: Array) -> Array:
        """Return values as uint8."""
        scaled = (values.astype(np.float64) - self.black) / ((self.white - self.black) or 1) * 255
        return np.clip(scaled, 0, 255).round().astype(np.uint8)


def is_deep(image: Image.Image) -> bool:
    """Whether the values of a picture, which may not be decoded yet, have more than 8 bits."""
    return _is_grey(image) or raw_mode(image).endswith(DEEP_COLOURS)


def to_eight_bits(image: Image.Image, again: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture with 8 bits a value, LA or RGBA where a colour of it is to be seen through, and a sentence on how, if not plain.

    again: opens the same picture once more, not decoded yet. Raises FloatingPointError for values that are NaN or infinite.
    """
    if _is_grey(image):
        return _grey(image)
    if raw_mode(image).endswith(DEEP_COLOURS) and image.mode in ("RGB", "RGBA"):
        return _coloured(image, again)
    return image, ()


def raw_mode(image: Image.Image) -> str:
    """Return Pillow's name for how the values of a picture lie in its file; "" where it has been decoded."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _is_grey(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _grey(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    tags = getattr(image, "tag_v2", {})
    inverted = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO  # which Pillow minds in TIFFs of 8 bits only
    # Values of 32 bits without a sign, which Pillow takes for signed.
    unsigned = image.mode == "I" and image.format == "TIFF" and UNSIGNED in np.atleast_1d(tags.get(FORMAT, UNSIGNED))
    seen_through = image.info.get("transparency")

    def values() -> Deep:
        for box, piece in pieces(image):
            yield box, piece.view(np.uint32) if unsigned else piece, False if seen_through is None else piece == seen_through

    whole = image.mode != "F"
    scale = _scale(values(), whole)
    made = np.empty((image.height, image.width), np.uint8)
    alpha = None if seen_through is None else np.empty_like(made)
    for box, piece, hidden in values():
        scaled = scale.eight_bits(piece)
        made[place(box)] = 255 - scaled if inverted else scaled
        if alpha is not None:
            alpha[place(box)] = np.where(hidden, 0, 255)
    grey = Image.fromarray(made)
    notes = _notes(scale._replace(black=scale.white, white=scale.black) if inverted else scale, whole)
    return (grey if alpha is None else Image.merge("LA", (grey, Image.fromarray(alpha)))), notes


def _scale(values: Deep, whole: bool) -> Scale:
    """Return what is black and white in a picture; what is seen through doesn't count."""
    low, high = float("inf"), float("-inf")
    for _box, piece, hidden in values:
        if not whole and not np.isfinite(piece).all():
            raise FloatingPointError
        seen = piece[~hidden] if isinstance(hidden, np.ndarray) else piece
        if seen.size:
            low, high = min(low, float(seen.min())), max(high, float(seen.max()))
    if low > high:
        low = high = 0.0
    return Scale(*_range(low, high, whole), low, high)


def _range(low: float, high: float, whole: bool) -> tuple[float, float]:
    """Return which values are black and white: those that pictures are made for, or the lowest and highest ones."""
    for black, white, least in WHOLE if whole else FLOATS:
        if black <= low and high <= white:
            return (black, white) if low == high or high - low >= least * (white - black) else (low, high)
    return low, high


def _notes(scale: Scale, whole: bool) -> tuple[str, ...]:
    if scale.black == 0 and (scale.white in (PLAIN_WHOLE if whole else PLAIN_FLOATS) or scale.high == 0):
        return ()
    told = _("The picture's values go from {low} to {high}: {black} is taken for black, {white} for white.")
    return (told.format(low=_number(scale.low), high=_number(scale.high), black=_number(scale.black), white=_number(scale.white)),)


def _number(value: float) -> str:
    return f"{value + 0.0:,.0f}" if value == round(value) and abs(value) < 10**DIGITS else f"{value:.3g}"  # no -0


def _coloured(image: Image.Image, again: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture in colour, of which Pillow reads the upper bytes: brighter, where they are next to empty."""
    read_as, seen_through = raw_mode(image), image.info.get("transparency")
    extrema: Any = image.getextrema()
    dark = max(high for _low, high in extrema[:3]) < OVER_14_BITS
    if not dark and seen_through is None:
        return image, ()
    if read_as.startswith("LA"):  # one value and alpha, both bytes of each: as many as RGBA has
        lower, lower_bytes = _read_as(again(), "RGBA"), slice(1, 2)
    else:
        lower, lower_bytes = _read_as(again(), read_as[:-1] + OTHER_BYTE[read_as[-1]]), slice(0, 3)

    def values() -> Deep:
        for (box, upper), (_box, rest) in zip(pieces(image), pieces(lower), strict=True):
            both = upper[..., :3].astype(np.uint16) * 256 + rest[..., lower_bytes]
            yield box, both, False if seen_through is None else (both == seen_through).all(axis=-1)

    scale = _scale(values(), whole=True) if dark else None
    made, alpha = lower, None if seen_through is None else Image.new("L", image.size)
    for box, both, hidden in values():  # each piece is read before what it becomes is written in its place
        upper = np.asarray(image.crop(box))
        colours = upper[..., :3] if scale is None else scale.eight_bits(both)
        made.paste(Image.fromarray(np.concatenate((colours, upper[..., 3:]), axis=-1)), box)
        if alpha is not None:
            alpha.paste(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)), box)
    if alpha is not None:
        made.putalpha(alpha)
        made.info.pop("transparency")
    return made, _notes(scale, whole=True) if scale else ()


def _read_as(image: Any, mode: str) -> Any:
    image.tile = [one._replace(args=(mode, *one.args[1:]) if isinstance(one.args, tuple) else mode) for one in image.tile]
    return image
