"""What a picture would cost to decode, from its header alone: refused where it can't be true, or is more than there is."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from explorer.backend.inputs.image_formats import ICON
from explorer.backend.runtime import budget
from explorer.errors import UnreadableExample
from explorer.locale import _

UNPACKED = 3000  # bytes that one byte of a file may become; deflate can make 1,032, LZW 1,300
COPIED = 2  # the same without compression
SPARSE = ("WEBP", "AVIF", "group3", "group4", "tiff_ccitt", "zstd", "lzma", "webp")  # which make any number of them
# Bytes a pixel: as Pillow stores its modes, of what is made of a picture, and of what decoders take for themselves.
STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
ANY_MODE, MADE = 4, 8  # one in RGB, and another that is turned, laid on white or brought from 16 bits to 8
DECODERS = {"WEBP": 12, "AVIF": 12, "ICO": 8}
PROGRESSIVE = 6  # JPEG, whose coefficients are all kept
ROW = 32  # bytes of a row beside its pixels: where it lies, in each of those pictures
SCANS = 100  # of a progressive JPEG, each of which goes over all pixels; programs make some ten
TILE_WIDTH, TILE_HEIGHT = 322, 323  # a TIFF's tags


def check(image: Image.Image, data: bytes, name: str) -> None:
    """Raise UnreadableExample where a picture that was opened, but not decoded yet, is not to be decoded; `data` is its file."""
    _check_claim(image.size, _bits(image), _growth(image), data, name)
    if image.info.get("progressive") and (scans := data.count(b"\xff\xda")) > SCANS:
        raise UnreadableExample(
            _("{name} is drawn over {count} times, which would take very long; save it again as an ordinary JPEG or PNG.").format(
                name=name, count=f"{scans:,}"
            )
        )
    check_budget(image, name)


def check_budget(image: Image.Image, name: str) -> None:
    """Raise UnreadableExample where a picture that is not decoded yet takes more memory than one input may."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    if isinstance(tags.get(TILE_WIDTH), int) and isinstance(tags.get(TILE_HEIGHT), int):  # each tile is decoded whole
        width, height = max(width, tags[TILE_WIDTH]), max(height, tags[TILE_HEIGHT])
    decoder = DECODERS.get(image.format or "", PROGRESSIVE if image.info.get("progressive") else 0)
    _check_budget(width, height, STORED.get(image.mode, ANY_MODE) + decoder, name)


def check_icon(data: bytes, name: str) -> None:
    """Raise UnreadableExample where the file of an icon, which Pillow decodes as it opens it, is not to be opened."""
    for size in _in_icon(data) if data.startswith(ICON) else ():
        _check_claim(size, 24, UNPACKED, data, name)
        _check_budget(*size, ANY_MODE + DECODERS["ICO"], name)


def _check_budget(width: int, height: int, stored: int, name: str) -> None:
    cost = height * (-(-width * stored // 4) * 4 + width * MADE + ROW)
    budget.check(cost, name, _("Save a smaller copy of it, or a part."))


def _check_claim(size: tuple[int, int], bits: int, growth: int, data: bytes, name: str) -> None:
    width, height = size
    if growth and width * height * bits / 8 > growth * len(data):
        raise UnreadableExample(
            _("{name} claims to hold {width} x {height} pixels, which can't be in its {size} bytes; save the picture again.").format(
                name=name, width=f"{width:,}", height=f"{height:,}", size=f"{len(data):,}"
            )
        )


def _growth(image: Image.Image) -> int:
    """Return how many bytes one byte of a file may become; 0 for any number."""
    compression = image.info.get("compression", image.format)
    if image.format in SPARSE or compression in SPARSE:
        return 0
    return COPIED if compression == "raw" else UNPACKED


def _bits(image: Image.Image) -> int:
    return {"1": 1, "L": 8, "P": 8}.get(image.mode, 16 if image.mode.startswith("I;16") else 24)


def _in_icon(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (width, height) of the pictures in an icon as their own headers say it; each is a PNG, or a BMP with a mask under it."""
    for entry in range(6, 6 + 16 * int.from_bytes(data[4:6], "little"), 16):
        start = int.from_bytes(data[entry + 12 : entry + 16], "little")
        if data[start : start + 4] == b"\x89PNG":
            yield int.from_bytes(data[start + 16 : start + 20], "big"), int.from_bytes(data[start + 20 : start + 24], "big")
        elif len(data) >= start + 12:
            width, height = (int.from_bytes(data[place : place + 4], "little", signed=True) for place in (start + 4, start + 8))
            yield abs(width), abs(height) // 2
