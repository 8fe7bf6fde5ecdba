"""TIFF files of any number of bands, such as satellites' pictures, as arrays; Pillow reads those of colours and alpha only."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import TiffImagePlugin

from explorer.backend.inputs.npy import Array
from explorer.backend.inputs.tiff_deflate import DEFLATED, inflated
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST

BEGINS = (b"II*\0", b"MM\0*")
WIDTH, HEIGHT, BITS, COMPRESSION, OFFSETS, BANDS, SIZES, PLANAR, PREDICTOR, TILES, KIND = (
    256,
    257,
    258,
    259,
    273,
    277,
    279,
    284,
    317,
    322,
    339,
)
PLAIN = 1
KINDS = {1: "u", 2: "i", 3: "f"}
MOST_PAGES = 1000


def is_tiff(data: bytes) -> bool:
    """Whether the bytes of a file begin as those of a TIFF do."""
    return data.startswith(BEGINS)


def bands_in(data: bytes, name: str) -> Array:
    """Return the values of a TIFF as they are, (height, width, bands); the bands of its pages behind each other.

    Raises UnreadableExample where it is damaged, too large, or packed otherwise than with deflate.
    """
    sentence = _("{name} is no TIFF that can be read ({why}); save it without compression, or as .npy.")
    with refusing(UnreadableExample, sentence, name):
        pages: list[Array] = []
        for tags in _directories(data):
            pages.append(_page(data, tags, name, sum(page.nbytes for page in pages)))
        return np.concatenate(pages, axis=-1)


def _directories(data: bytes) -> Iterator[Mapping[int, Any]]:
    """Yield the tags of each page."""
    stream = io.BytesIO(data)
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    for _page_number in range(MOST_PAGES):
        if not tags.next:
            return
        stream.seek(tags.next)
        tags.load(stream)
        yield dict(tags)


def _page(data: bytes, tags: Mapping[int, Any], name: str, before: int) -> Array:
    """Return the values of a page, (height, width, bands); before: how many bytes the pages before it have."""
    height, width, bands = int(tags[HEIGHT]), int(tags[WIDTH]), int(tags.get(BANDS, 1))
    bits = {int(one) for one in np.atleast_1d(tags.get(BITS, 1))}
    kind = KINDS.get(int(np.atleast_1d(tags.get(KIND, 1))[0]))
    compression, predictor = tags.get(COMPRESSION, PLAIN), tags.get(PREDICTOR, 1)
    if TILES in tags or (compression != PLAIN and compression not in DEFLATED) or predictor not in (1, 2):
        raise UnreadableExample(
            _("{name} is packed in a way that isn't read here: save it without compression, or as .npy.").format(name=name)
        )
    if bits not in ({8}, {16}, {32}, {64}) or kind is None:
        raise UnreadableExample(_("{name} has values of an unusual size: save it with 8, 16 or 32 bits, or as .npy.").format(name=name))
    dtype = np.dtype(f"{'<' if data.startswith(b'II') else '>'}{kind}{bits.pop() // 8}")
    size = math.prod((height, width, bands)) * dtype.itemsize
    if before + size > LARGEST:
        raise UnreadableExample(_("{name} takes more than 200 MB; save a smaller copy.").format(name=name))
    values = np.frombuffer(_unpacked(data, tags, size, compression in DEFLATED), dtype)
    if tags.get(PLANAR, 1) == 2:
        values = np.moveaxis(values.reshape(bands, height, width), 0, -1)
    values = values.reshape(height, width, bands)
    if predictor == 2:  # each value is the difference from the one to its left
        values = np.cumsum(values, axis=1, dtype=dtype)
    return values.astype(dtype.newbyteorder("="))


def _unpacked(data: bytes, tags: Mapping[int, Any], size: int, deflated: bool) -> bytes:
    """Return the bytes of a page's strips one behind the other, as many as its values take, however many they claim to be."""
    parts = bytearray()
    for start, length in zip(np.atleast_1d(tags[OFFSETS]), np.atleast_1d(tags[SIZES]), strict=True):
        left = size - len(parts)
        if left <= 0:
            break
        part = data[int(start) : int(start) + int(length)]
        parts += b"".join(inflated(part, left)) if deflated else part[:left]
    return bytes(parts)
