"""TIFF bands: reads TIFF files of any number of bands, such as satellite images, as arrays; Pillow reads only colours and alpha."""

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
    """Whether the bytes of a file begin like a TIFF."""
    return data.startswith(BEGINS)


def bands_in(data: bytes, name: str) -> Array:
    """Return the unscaled values of a TIFF, (height, width, bands), with the bands of all pages concatenated.

    Raises UnreadableExample where it is damaged, too large, or compressed by another method than deflate.
    """
    sentence = _("{name} is not a readable TIFF ({why}); save it without compression, or as .npy.")
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


def _page(data: bytes, tags: Mapping[int, Any], name: str, bytes_before: int) -> Array:
    """Return the values of a page, (height, width, bands); bytes_before: the size of the preceding pages."""
    height, width, bands = int(tags[HEIGHT]), int(tags[WIDTH]), int(tags.get(BANDS, 1))
    bits = {int(value) for value in np.atleast_1d(tags.get(BITS, 1))}
    kind = KINDS.get(int(np.atleast_1d(tags.get(KIND, 1))[0]))
    compression, predictor = tags.get(COMPRESSION, PLAIN), tags.get(PREDICTOR, 1)
    if TILES in tags or (compression != PLAIN and compression not in DEFLATED) or predictor not in (1, 2):
        raise UnreadableExample(
            _("{name} is compressed by an unsupported method: save it without compression, or as .npy.").format(name=name)
        )
    if bits not in ({8}, {16}, {32}, {64}) or kind is None:
        raise UnreadableExample(_("{name} has values of an unusual size: save it with 8, 16 or 32 bits, or as .npy.").format(name=name))
    dtype = np.dtype(f"{'<' if data.startswith(b'II') else '>'}{kind}{bits.pop() // 8}")
    size = math.prod((height, width, bands)) * dtype.itemsize
    if bytes_before + size > LARGEST:
        raise UnreadableExample(_("{name} takes more than 200 MB; save a smaller copy.").format(name=name))
    values = np.frombuffer(_unpacked(data, tags, size, compression in DEFLATED), dtype)
    if tags.get(PLANAR, 1) == 2:
        values = np.moveaxis(values.reshape(bands, height, width), 0, -1)
    values = values.reshape(height, width, bands)
    if predictor == 2:  # each value is the difference from the one to its left
        values = np.cumsum(values, axis=1, dtype=dtype)
    return values.astype(dtype.newbyteorder("="))


def _unpacked(data: bytes, tags: Mapping[int, Any], size: int, deflated: bool) -> bytes:
    """Return the concatenated bytes of a page's strips, at most as many as its values take, whatever the strips claim."""
    parts = bytearray()
    for start, length in zip(np.atleast_1d(tags[OFFSETS]), np.atleast_1d(tags[SIZES]), strict=True):
        left = size - len(parts)
        if left <= 0:
            break
        part = data[int(start) : int(start) + int(length)]
        parts += b"".join(inflated(part, left)) if deflated else part[:left]
    return bytes(parts)
