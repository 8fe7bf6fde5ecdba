"""Image costs: the memory that decoding a picture takes, from its header alone; impossible and too large sizes are refused."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from explorer.backend.inputs.image_formats import ICON
from explorer.backend.runtime import budget
from explorer.errors import UnreadableExample
from explorer.locale import _

MAX_GROWTH = 3000  # bytes that one byte of a file may become; at most 1,032 with deflate, 1,300 with LZW
MAX_GROWTH_RAW = 2  # the same for uncompressed pixels
UNLIMITED = ("WEBP", "AVIF", "group3", "group4", "tiff_ccitt", "zstd", "lzma", "webp")  # formats and compressions without such a limit
# Bytes per pixel: of Pillow's modes, of the pictures made from one, and of the decoders' own buffers.
BYTES_OF_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
ANY_MODE, RESULTS = 4, 8  # a picture in RGB, and another that is rotated, laid on white or reduced from 16 bits to 8
DECODERS = {"WEBP": 12, "AVIF": 12, "ICO": 8}
PROGRESSIVE = 6  # a progressive JPEG, whose coefficients are all kept in memory
ROW = 32  # bytes of each row besides its pixels: its pointer in each of those pictures
SCANS = 100  # of a progressive JPEG, each of which processes all pixels; usual files have about ten
TILE_WIDTH, TILE_HEIGHT = 322, 323  # a TIFF's tags


def check(image: Image.Image, data: bytes, name: str) -> None:
    """Raise UnreadableExample where an opened picture must not be decoded; data: its file."""
    _check_claim(image.size, _bits(image), _largest_growth(image), data, name)
    if image.info.get("progressive") and (scans := data.count(b"\xff\xda")) > SCANS:
        raise UnreadableExample(
            _(
                "{name} is a progressive JPEG of {count} scans, which would take very long; save it again as an ordinary JPEG or PNG."
            ).format(name=name, count=f"{scans:,}")
        )
    check_budget(image, name)


def check_budget(image: Image.Image, name: str) -> None:
    """Raise UnreadableExample where decoding a picture exceeds the memory for one input."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    if isinstance(tags.get(TILE_WIDTH), int) and isinstance(tags.get(TILE_HEIGHT), int):  # tiles are decoded as a whole
        width, height = max(width, tags[TILE_WIDTH]), max(height, tags[TILE_HEIGHT])
    decoder = DECODERS.get(image.format or "", PROGRESSIVE if image.info.get("progressive") else 0)
    _check_budget(width, height, BYTES_OF_MODE.get(image.mode, ANY_MODE) + decoder, name)


def check_icon(data: bytes, name: str) -> None:
    """Raise UnreadableExample where an icon, which Pillow decodes on opening, must not be opened."""
    for size in _icon_sizes(data) if data.startswith(ICON) else ():
        _check_claim(size, 24, MAX_GROWTH, data, name)
        _check_budget(*size, ANY_MODE + DECODERS["ICO"], name)


def _check_budget(width: int, height: int, stored: int, name: str) -> None:
    cost = height * (-(-width * stored // 4) * 4 + width * RESULTS + ROW)
    budget.check(cost, name, _("Save a smaller copy of it, or a part."))


def _check_claim(size: tuple[int, int], bits: int, growth: int, data: bytes, name: str) -> None:
    width, height = size
    if growth and width * height * bits / 8 > growth * len(data):
        raise UnreadableExample(
            _("{name} claims to hold {width} x {height} pixels, which can't be in its {size} bytes; save the picture again.").format(
                name=name, width=f"{width:,}", height=f"{height:,}", size=f"{len(data):,}"
            )
        )


def _largest_growth(image: Image.Image) -> int:
    """Return how many bytes one byte of a file may become; 0 where there is no limit."""
    compression = image.info.get("compression", image.format)
    if image.format in UNLIMITED or compression in UNLIMITED:
        return 0
    return MAX_GROWTH_RAW if compression == "raw" else MAX_GROWTH


def _bits(image: Image.Image) -> int:
    return {"1": 1, "L": 8, "P": 8}.get(image.mode, 16 if image.mode.startswith("I;16") else 24)


def _icon_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (width, height) of the pictures in an icon, from their own headers; each is a PNG, or a BMP with a mask below it."""
    for entry in range(6, 6 + 16 * int.from_bytes(data[4:6], "little"), 16):
        start = int.from_bytes(data[entry + 12 : entry + 16], "little")
        if data[start : start + 4] == b"\x89PNG":
            yield int.from_bytes(data[start + 16 : start + 20], "big"), int.from_bytes(data[start + 20 : start + 24], "big")
        elif len(data) >= start + 12:
            width, height = (int.from_bytes(data[offset : offset + 4], "little", signed=True) for offset in (start + 4, start + 8))
            yield abs(width), abs(height) // 2
