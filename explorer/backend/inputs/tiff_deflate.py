"""TIFF deflate: strips and tiles compressed with deflate, including their checksums, which libtiff skips once a strip is complete."""

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
STRIPS, TILES = (273, 279), (324, 325)  # the tags of their offsets and lengths
AT_ONCE = 2**16  # bytes
MOST_SHARED = 4  # the limit for all strips together, in sizes of the file, as strips may share bytes


def check(data: bytes, tags: Mapping[int, Any], name: str) -> None:
    """Raise UnreadableExample where a checksum of a page is wrong; data: the file; tags: those of the page."""
    if tags.get(COMPRESSION) not in DEFLATED:
        return
    try:
        for packed, limit in list(_blocks(data, tags)):
            for _part in inflated(packed, limit):
                pass
    except zlib.error as error:
        raise UnreadableExample(
            _("{name} is damaged: the checksum of its pixels is wrong. Save it again, or use another copy of it.").format(name=name)
        ) from error


def inflated(data: bytes | memoryview, limit: int) -> Iterator[bytes]:
    """Yield decompressed data in pieces, `limit` bytes at most. Raises zlib.error where it is damaged, or its checksum is wrong."""
    decompressor = zlib.decompressobj()
    for offset in range(0, len(data), AT_ONCE):
        chunk = data[offset : offset + AT_ONCE]
        while (
            part := decompressor.decompress(chunk, min(limit, AT_ONCE) or 1)
        ) and limit:  # 1: reads the checksum after the last byte, too
            yield part
            limit, chunk = limit - len(part), decompressor.unconsumed_tail
        if part or decompressor.eof:
            return


def _blocks(data: bytes, tags: Mapping[int, Any]) -> Iterator[tuple[memoryview, int]]:
    """Yield the strips or tiles of a page that libtiff decompresses, and the most bytes that each may hold."""
    try:
        starts, sizes = (np.atleast_1d(tags[tag]).tolist() for tag in (TILES if TILE_WIDTH in tags else STRIPS))
        count, most = _block_layout(tags)
        left = MOST_SHARED * len(data)
        for start, size in zip(starts[:count], sizes[:count], strict=True):
            left -= size
            if left < 0:
                return
            yield memoryview(data)[start : start + size], most
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return  # invalid tags, which libtiff reports or repairs


def _block_layout(tags: Mapping[int, Any]) -> tuple[int, int]:
    """Return the number of strips or tiles of a page, and the most bytes that each may hold."""
    width, height, bands = tags[WIDTH], tags[HEIGHT], tags.get(BANDS, 1)
    tile_width, tile_height = tags.get(TILE_WIDTH, width), tags.get(TILE_HEIGHT, min(height, tags.get(ROWS, height)))
    planar = tags.get(PLANAR, 1) == 2
    bits = int(np.max(tags.get(BITS, 1))) * (1 if planar else bands)
    return math.ceil(width / tile_width) * math.ceil(height / tile_height) * (bands if planar else 1), math.ceil(
        tile_width * bits / 8
    ) * tile_height
