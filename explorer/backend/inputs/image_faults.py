"""What is wrong with a file that begins as a picture does: it is damaged, or intact and of a form that isn't read here."""

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

SAYS_SO = ("not configured", "not implemented", "not yet supported", "not installed")  # what libtiff and Pillow say of it
# The registered compressions of TIFF that Pillow knows nothing of: JBIG, JPEG 2000, JPEG XR, JPEG XL, LERC, PixarLog and the like.
COMPRESSIONS = (
    *(9, 10, 22_610, 32_766, 32_895, 32_896, 32_897, 32_898, 32_908, 32_909, 32_947, 33_003, 33_005),
    *(34_661, 34_712, 34_718, 34_887, 34_892, 34_933, 34_934, 50_002, 52_546),
)
COMPRESSION, OFFSETS, SIZES, TILE_OFFSETS, TILE_SIZES = 259, 273, 279, 324, 325  # a TIFF's tags
BITS, COLOURS, FORMAT, ORDER = 258, 262, 339, 266  # and those that say what its values are, with the numbers that there are
THERE_ARE = {
    BITS: (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64),
    COLOURS: (*range(7), 8, 9, 10, 32_803, 32_844, 32_845, 34_892),
    FORMAT: range(1, 7),
    ORDER: (1, 2),
}
PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # bits, by the type of colour
FRAMES = range(0xC0, 0xD0)  # JPEG's markers of how it is packed, but for three that are something else
NO_FRAMES, DECODED = (0xC4, 0xC8, 0xCC), (0xC0, 0xC1, 0xC2)
# What BMP has and Pillow doesn't: compression as JPEG, as PNG, of inks, with alpha; 2 and 64 bits; the short header of OS/2.
BMP_COMPRESSIONS, BMP_BITS, BMP_HEADER = (4, 5, 6, 11, 12, 13), (2, 64), 16


def why_not_opened(data: bytes) -> Exception:
    """Return what Pillow's reader of a format raises on a file of which Pillow only says that it can't be identified."""
    try:
        reader: Any = Image.OPEN[kind_of(data)][0]
        reader(io.BytesIO(data), "")
    except Exception as error:  # noqa: BLE001  # they raise what they like, and wrap what others raise
        inner = error.args[0] if error.args else None
        if "not identified by this driver" not in str(error):
            return inner if isinstance(inner, Exception) else error
    return IndexError()


def unsupported(data: bytes, error: Exception, said: Iterable[str] = ()) -> str:
    """Return which form that isn't read here an intact picture has; "" where it is damaged, as far as can be told.

    error: what was raised as it was read; said: what libtiff said meanwhile.
    """
    why = reason(error)
    told = next((one for one in (*map(point, said), why) if any(words in one for words in SAYS_SO)), "")
    form = FORMS.get(kind_of(data))
    return told or (form(data, why) if form else "")


def point(line: str) -> str:
    """Return what a line of libtiff's says, without the places in its code, and the file's name of Pillow's, that come before."""
    return re.sub(r"^([\w.]*: )+", "", line).rstrip(".")


def _of_tiff(data: bytes, why: str) -> str:
    """Return how a TIFF whose tags make sense is packed, or how many bits its values have, where Pillow can't take it."""
    try:
        tags = _directory(data)
        starts, sizes = (_numbers(tags.get(one) or tags.get(other)) for one, other in ((OFFSETS, TILE_OFFSETS), (SIZES, TILE_SIZES)))
        intact = all(start + size <= len(data) for start, size in zip(starts, sizes, strict=True))
        intact &= all(set(_numbers(tags.get(tag, numbers[0]))) <= set(numbers) for tag, numbers in THERE_ARE.items())
    except Exception:  # noqa: BLE001  # a damaged directory raises what it likes
        return ""
    if intact and tags.get(COMPRESSION, 1) in COMPRESSIONS:
        return _("packed by the method {number}").format(number=tags[COMPRESSION])
    bits = _numbers(tags.get(BITS, 1))
    told = _("{count} values of {bits} bits a pixel, colours of type {type}")
    return told.format(count=len(bits), bits=max(bits), type=tags.get(COLOURS, 0)) if intact and why == "unknown pixel mode" else ""


def _directory(data: bytes) -> Any:
    """Return the tags of the first page of a TIFF."""
    tags: Any = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    stream = io.BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    return tags


def _numbers(value: Any) -> tuple[int, ...]:
    return tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)


def _of_png(data: bytes, why: str) -> str:
    """Return what an intact PNG has that Pillow can't take: something in its header, or in what is packed beside the pixels."""
    if data[12:16] == b"CgBI":
        return _("packed for an iPhone's app")
    if "MAX_TEXT" in why:
        return _("with more than 1 MB of packed notes")
    header = data[12:29]
    if len(header) < 17 or header[:4] != b"IHDR" or zlib.crc32(header) != int.from_bytes(data[29:33], "big"):
        return ""
    bits, colour, packed, filtered, interlaced = header[12:]
    if bits not in PNG_DEPTHS.get(colour, ()):
        return _("{bits} bits a value, colours of type {type}").format(bits=bits, type=colour)
    return _("packed by a method of its own") if packed or filtered or interlaced > 1 or why.startswith("Unknown compression") else ""


def _of_jpeg(data: bytes, _why: str) -> str:
    """Return how a JPEG is packed, where it isn't plain or progressive and of 8 bits."""
    place = 2
    while place + 10 < len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in FRAMES and marker not in NO_FRAMES:
            if length != 8 + 3 * data[place + 9]:
                return ""
            if data[place + 4] != 8:
                return _("{bits} bits a value").format(bits=data[place + 4])
            return "" if marker in DECODED else _("lossless, hierarchical or arithmetic coding")
        place += 2 + length if length > 1 else len(data)
    return ""


def _of_bmp(data: bytes, why: str) -> str:
    size, _planes, bits, compression = struct.unpack_from("<I8xHHI", data, 14) if len(data) >= 34 else (0, 0, 0, 0)
    if size == BMP_HEADER:
        return _("with the header of OS/2")
    if compression in BMP_COMPRESSIONS:
        return _("packed by the method {number}").format(number=compression)
    return _("{bits} bits a pixel").format(bits=bits) if bits in BMP_BITS or "bitfields layout" in why else ""


def _of_webp(data: bytes, _why: str) -> str:
    begins = data[12:16]
    newer = begins.startswith(b"VP8") and begins not in (b"VP8 ", b"VP8L", b"VP8X")
    return _("of a newer version") if newer or (begins == b"VP8L" and data[20:21] == b"\x2f" and data[24] >> 5) else ""


FORMS: dict[str, Callable[[bytes, str], str]] = {"TIFF": _of_tiff, "PNG": _of_png, "JPEG": _of_jpeg, "BMP": _of_bmp, "WEBP": _of_webp}
