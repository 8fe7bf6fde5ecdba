"""Ogg pages (RFC 3533), each with its checksum: their positions, and which are damaged or missing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from explorer.backend.inputs.audio_bytes import Bytes

MARK = b"OggS"
HEADER = 27  # bytes of a page before its segment table
LARGEST = HEADER + 255 + 255 * 255  # bytes of a page
AT_ONCE = 2**20  # bytes that are read at once
FIRST, LAST = 2, 4  # flags of a page
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
OPUS_RATE = 48_000  # the rate of positions in Opus, whatever the rate of the sound
OPUS_PREROLL = 3840  # samples after which Opus decodes correctly from any position


class Page(NamedTuple):
    """An intact page: its bytes, and the position of its last sample in the sound; -1 where no packet ends in it."""

    begin: int
    end: int
    position: int
    serial: bytes
    number: int
    flags: int


class Stretch(NamedTuple):
    """Consecutive pages in bytes `begin` to `end`; number: that of the first page.

    last: the position of their last sample in the sound.
    """

    begin: int
    end: int
    last: int
    number: int


class Layout(NamedTuple):
    """The pages of the first stream: `head`, the bytes of the `head_pages` pages before the sound, and the stretches with sound.

    codec: the beginning of the first packet; delay: positions before the first audible sample.
    last: the position of the last sample; ends: whether the last page is marked as such.
    """

    head: bytes
    head_pages: int
    stretches: tuple[Stretch, ...]
    codec: bytes
    delay: int
    last: int
    ends: bool


def layout(source: Bytes) -> Layout | None:
    """Return the layout of an Ogg file; None where it is no Ogg file, or its first page is damaged."""
    pages = list(_first_stream_pages(source))
    if not pages or pages[0].begin:
        return None
    count = next((index for index, page in enumerate(pages) if page.position > 0), len(pages))
    codec = source.read_at(pages[0].begin, 128)[HEADER + 1 :]
    delay = int.from_bytes(codec[10:12], "little") if codec.startswith(b"OpusHead") else 0
    head = source.read_at(0, pages[count - 1].end) if _are_consecutive(pages[:count]) else b""
    return Layout(
        head, count, tuple(_stretches(pages[count:])), codec[:8], delay, max(page.position for page in pages), bool(pages[-1].flags & LAST)
    )


def _are_consecutive(pages: list[Page]) -> bool:
    return [page.number for page in pages] == list(range(len(pages)))


def _stretches(pages: list[Page]) -> Iterator[Stretch]:
    current: list[Page] = []
    for page in [*pages, None]:
        if current and (page is None or page.number != current[-1].number + 1):
            positioned = [page for page in current if page.position >= 0]  # a page in which no packet ends has no position
            is_lone_last = len(current) == 1 and current[0].flags & LAST  # it may be shortened, so its first position is unknown
            if positioned and not is_lone_last:
                yield Stretch(current[0].begin, positioned[-1].end, positioned[-1].position, current[0].number)
            current = []
        if page is not None:
            current.append(page)


def _first_stream_pages(source: Bytes) -> Iterator[Page]:
    """Yield the intact pages of the first stream, up to the beginning of another stream after it."""
    serial, ended = b"", False
    for page in _pages(source):
        if ended and page.flags & FIRST:
            return
        serial = serial or page.serial
        if page.serial == serial:
            ended = ended or bool(page.flags & LAST)
            yield page


def _pages(source: Bytes) -> Iterator[Page]:
    """Yield the pages with a correct checksum."""
    offset = base = 0
    data = b""
    while offset + HEADER <= source.size:
        if offset + LARGEST > base + len(data) and base + len(data) < source.size:
            base, data = offset, source.read_at(offset, AT_ONCE)
        if (page := _page(data, offset - base, base)) is not None:
            yield page
            offset = page.end
            continue
        next_mark = data.find(MARK, offset - base + 1)
        offset = base + (next_mark if next_mark >= 0 else max(len(data) - len(MARK) + 1, offset - base + 1))


def _page(data: bytes, start: int, base: int) -> Page | None:
    head = data[start : start + HEADER]
    if len(head) < HEADER or not head.startswith(MARK):
        return None
    end = start + HEADER + head[26]
    end += sum(data[start + HEADER : end])
    page = data[start:end]
    if len(page) < end - start or _crc(page[:22] + bytes(4) + page[26:]) != int.from_bytes(head[22:26], "little"):
        return None
    position = int.from_bytes(head[6:14], "little", signed=True)
    return Page(base + start, base + end, position, head[14:18], int.from_bytes(head[18:22], "little"), head[5])


def _crc(data: bytes) -> int:
    """Return the checksum of a page, which processes the bits of each byte in the opposite order to zlib's."""
    mirrored = zlib.crc32(data.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
