"""The strips and tiles of a TIFF that are packed with deflate, up to their check sums, which libtiff leaves unread once a strip is full."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from explorer.errors import UnreadableExample
from explorer.locale import _

COMPRESSION, DEFLATED = 259, (8, 32_946)
WIDTH, HEIGHT, BITS, BANDS, ROWS, PLANAR, TILE_WIDTH, TILE_HEIGHT = 256, 257, 258, 277, 278, 284, 322, 323  # tags
STRIPS, TILES = (273, 279), (324, 325)  # of where they lie, and how long they are
AT_ONCE = 2**16  # bytes
MOST_SHARED = 4  # times the file that strips may take, of which some lie at one place


def check(data: bytes, tags: Mapping[int, Any], name: str) -> None:
    """Raise UnreadableExample where a check sum of a page is wrong; data: the file; tags: the page's."""
    if tags.get(COMPRESSION) not in DEFLATED:
        return
    try:
        for packed, most in list(_blocks(data, tags)):
            for _piece in inflated(packed, most):
                pass
    except zlib.error as error:
        raise UnreadableExample(
            _("{name} is damaged: the check sum of its pixels is wrong. Save it again, or take another copy of it.").format(name=name)
        ) from error


def inflated(packed: bytes | memoryview, most: int) -> Iterator[bytes]:
    """Yield what is packed, at most so many bytes, piece by piece. Raises zlib.error where it is damaged, or its check sum is wrong."""
    unpacking = zlib.decompressobj()
    for place in range(0, len(packed), AT_ONCE):
        piece = packed[place : place + AT_ONCE]
        while (part := unpacking.decompress(piece, min(most, AT_ONCE) or 1)) and most:  # 1: what is behind the last byte is read, too
            yield part
            most, piece = most - len(part), unpacking.unconsumed_tail
        if part or unpacking.eof:
            return


def _blocks(data: bytes, tags: Mapping[int, Any]) -> Iterator[tuple[memoryview, int]]:
    """Yield the strips or tiles of a page that libtiff unpacks, and how many bytes each of them holds at most."""
    try:
        starts, sizes = (np.atleast_1d(tags[tag]).tolist() for tag in (TILES if TILE_WIDTH in tags else STRIPS))
        count, most = _layout(tags)
        left = MOST_SHARED * len(data)
        for start, size in zip(starts[:count], sizes[:count], strict=True):
            left -= size
            if left < 0:
                return
            yield memoryview(data)[start : start + size], most
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return  # tags that make no sense, of which libtiff says so, or makes some


def _layout(tags: Mapping[int, Any]) -> tuple[int, int]:
    """Return how many strips or tiles a page has, and how many bytes each of them holds at most."""
    width, height, bands = tags[WIDTH], tags[HEIGHT], tags.get(BANDS, 1)
    wide, high = tags.get(TILE_WIDTH, width), tags.get(TILE_HEIGHT, min(height, tags.get(ROWS, height)))
    apart = tags.get(PLANAR, 1) == 2
    bits = int(np.max(tags.get(BITS, 1))) * (1 if apart else bands)
    return math.ceil(width / wide) * math.ceil(height / high) * (bands if apart else 1), math.ceil(wide * bits / 8) * high
