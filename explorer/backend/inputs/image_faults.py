"""Image faults: whether a file that begins like a picture is damaged, or intact but of an unsupported form."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from PIL import Image, TiffImagePlugin

from explorer.backend.inputs.image_formats import kind_of
from explorer.backend.runtime.refusals import reason
from explorer.locale import _

UNSUPPORTED_PHRASES = ("not configured", "not implemented", "not yet supported", "not installed")  # of libtiff and Pillow
# The registered compressions of TIFF that Pillow doesn't know: JBIG, JPEG 2000, JPEG XR, JPEG XL, LERC, PixarLog and the like.
COMPRESSIONS = (
    *(9, 10, 22_610, 32_766, 32_895, 32_896, 32_897, 32_898, 32_908, 32_909, 32_947, 33_003, 33_005),
    *(34_661, 34_712, 34_718, 34_887, 34_892, 34_933, 34_934, 50_002, 52_546),
)
COMPRESSION, OFFSETS, SIZES, TILE_OFFSETS, TILE_SIZES = 259, 273, 279, 324, 325  # a TIFF's tags
BITS, COLOURS, FORMAT, ORDER = 258, 262, 339, 266  # and the tags about its values, with their valid numbers
VALID = {
    BITS: (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64),
    COLOURS: (*range(7), 8, 9, 10, 32_803, 32_844, 32_845, 34_892),
    FORMAT: range(1, 7),
    ORDER: (1, 2),
}
PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # bits, by the type of colour
FRAMES = range(0xC0, 0xD0)  # JPEG's frame markers, except for three with another meaning
NO_FRAMES, DECODED = (0xC4, 0xC8, 0xCC), (0xC0, 0xC1, 0xC2)
# What BMP allows and Pillow doesn't support: compression as JPEG, as PNG, of CMYK, with alpha; 2 and 64 bits; the short OS/2 header.
BMP_COMPRESSIONS, BMP_BITS, BMP_HEADER = (4, 5, 6, 11, 12, 13), (2, 64), 16


def error_of_reader(data: bytes) -> Exception:
    """Return the error of the format's own reader for a file that Pillow only reports as not identified."""
    try:
        reader: Any = Image.OPEN[kind_of(data)][0]
        reader(io.BytesIO(data), "")
    except Exception as error:  # noqa: BLE001  # readers raise various exceptions, and wrap others
        inner = error.args[0] if error.args else None
        if "not identified by this driver" not in str(error):
            return inner if isinstance(inner, Exception) else error
    return IndexError()


def unsupported_form(data: bytes, error: Exception, libtiff_lines: Iterable[str] = ()) -> str:
    """Return the unsupported form of an intact picture; "" where it seems damaged.

    error: the exception on reading it; libtiff_lines: what libtiff printed meanwhile.
    """
    text = reason(error)
    message = next(
        (line for line in (*map(libtiff_message, libtiff_lines), text) if any(phrase in line for phrase in UNSUPPORTED_PHRASES)), ""
    )
    form = FORMS.get(kind_of(data))
    return message or (form(data, text) if form else "")


def libtiff_message(line: str) -> str:
    """Return the message in a line that libtiff printed, without the leading function and file names."""
    return re.sub(r"^([\w.]*: )+", "", line).rstrip(".")


def _tiff_form(data: bytes, why: str) -> str:
    """Return the compression of a TIFF with valid tags, or the size of its values, where Pillow doesn't support it."""
    try:
        tags = _first_page_tags(data)
        starts, sizes = (_numbers(tags.get(tag) or tags.get(tile_tag)) for tag, tile_tag in ((OFFSETS, TILE_OFFSETS), (SIZES, TILE_SIZES)))
        intact = all(start + size <= len(data) for start, size in zip(starts, sizes, strict=True))
        intact &= all(set(_numbers(tags.get(tag, numbers[0]))) <= set(numbers) for tag, numbers in VALID.items())
    except Exception:  # noqa: BLE001  # a damaged directory raises various exceptions
        return ""
    if intact and tags.get(COMPRESSION, 1) in COMPRESSIONS:
        return _("compression method {number}").format(number=tags[COMPRESSION])
    bits = _numbers(tags.get(BITS, 1))
    message = _("{count} values of {bits} bits a pixel, colours of type {type}")
    return message.format(count=len(bits), bits=max(bits), type=tags.get(COLOURS, 0)) if intact and why == "unknown pixel mode" else ""


def _first_page_tags(data: bytes) -> Any:
    """Return the tags of the first page of a TIFF."""
    tags: Any = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    stream = io.BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    return tags


def _numbers(value: Any) -> tuple[int, ...]:
    return tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)


def _png_form(data: bytes, why: str) -> str:
    """Return the unsupported feature of an intact PNG: in its header, or in its compressed text."""
    if data[12:16] == b"CgBI":
        return _("optimised for iPhone apps")
    if "MAX_TEXT" in why:
        return _("with more than 1 MB of compressed text")
    header = data[12:29]
    if len(header) < 17 or header[:4] != b"IHDR" or zlib.crc32(header) != int.from_bytes(data[29:33], "big"):
        return ""
    bits, colour, packed, filtered, interlaced = header[12:]
    if bits not in PNG_DEPTHS.get(colour, ()):
        return _("{bits} bits a value, colours of type {type}").format(bits=bits, type=colour)
    return _("a non-standard compression method") if packed or filtered or interlaced > 1 or why.startswith("Unknown compression") else ""


def _jpeg_form(data: bytes, _why: str) -> str:
    """Return the coding of a JPEG that is neither baseline nor progressive with 8 bits; "" for one that is, or is damaged."""
    position = 2
    while position + 10 < len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in FRAMES and marker not in NO_FRAMES:
            if length != 8 + 3 * data[position + 9]:
                return ""
            if data[position + 4] != 8:
                return _("{bits} bits a value").format(bits=data[position + 4])
            return "" if marker in DECODED else _("lossless, hierarchical or arithmetic coding")
        position += 2 + length if length > 1 else len(data)
    return ""


def _bmp_form(data: bytes, why: str) -> str:
    size, _planes, bits, compression = struct.unpack_from("<I8xHHI", data, 14) if len(data) >= 34 else (0, 0, 0, 0)
    if size == BMP_HEADER:
        return _("with the header of OS/2")
    if compression in BMP_COMPRESSIONS:
        return _("compression method {number}").format(number=compression)
    return _("{bits} bits a pixel").format(bits=bits) if bits in BMP_BITS or "bitfields layout" in why else ""


def _webp_form(data: bytes, _why: str) -> str:
    begins = data[12:16]
    newer = begins.startswith(b"VP8") and begins not in (b"VP8 ", b"VP8L", b"VP8X")
    return _("of a newer version") if newer or (begins == b"VP8L" and data[20:21] == b"\x2f" and data[24] >> 5) else ""


FORMS: dict[str, Callable[[bytes, str], str]] = {
    "TIFF": _tiff_form,
    "PNG": _png_form,
    "JPEG": _jpeg_form,
    "BMP": _bmp_form,
    "WEBP": _webp_form,
}
