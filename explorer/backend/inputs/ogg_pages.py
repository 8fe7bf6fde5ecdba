"""The pages of an Ogg file (RFC 3533), each with its check sum: where they lie, and which are damaged or missing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from explorer.backend.inputs.audio_bytes import Bytes

MARK = b"OggS"
HEADER = 27  # bytes of a page before the sizes of its parts
LARGEST = HEADER + 255 + 255 * 255  # bytes of a page
AT_ONCE = 2**20  # bytes that are looked at at once
FIRST, LAST = 2, 4  # flags of a page
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
OPUS_RATE = 48_000  # what positions in Opus count, whatever the rate of the sound
OPUS_PREROLL = 3840  # samples after which Opus that begins anywhere has come right


class Page(NamedTuple):
    """A page that is whole: its bytes, and where in the sound its last sample lies."""

    begin: int
    end: int
    position: int
    serial: bytes
    number: int
    flags: int


class Stretch(NamedTuple):
    """Pages that follow each other, in bytes `begin` to `end`; `number` is that of the first.

    last: where in the sound their last sample lies.
    """

    begin: int
    end: int
    last: int
    number: int


class Layout(NamedTuple):
    """The pages of the first stream: `head`, the bytes of those before the sound, so many, and the stretches of those with sound.

    codec: how the first packet begins; delay: positions before the first sample that is heard.
    last: where in the sound the last of all samples lies; ends: whether its page says that it is the last.
    """

    head: bytes
    before: int
    stretches: tuple[Stretch, ...]
    codec: bytes
    delay: int
    last: int
    ends: bool


def layout(source: Bytes) -> Layout | None:
    """Return how an Ogg file is laid out; None where it is none, or its first page is damaged."""
    pages = list(_stream(source))
    if not pages or pages[0].begin:
        return None
    count = next((place for place, page in enumerate(pages) if page.position > 0), len(pages))
    codec = source.read_at(pages[0].begin, 128)[HEADER + 1 :]
    delay = int.from_bytes(codec[10:12], "little") if codec.startswith(b"OpusHead") else 0
    head = source.read_at(0, pages[count - 1].end) if _follow(pages[:count]) else b""
    return Layout(
        head, count, tuple(_stretches(pages[count:])), codec[:8], delay, max(page.position for page in pages), bool(pages[-1].flags & LAST)
    )


def _follow(pages: list[Page]) -> bool:
    return [page.number for page in pages] == list(range(len(pages)))


def _stretches(pages: list[Page]) -> Iterator[Stretch]:
    begun: list[Page] = []
    for page in [*pages, None]:
        if begun and (page is None or page.number != begun[-1].number + 1):
            placed = [one for one in begun if one.position >= 0]  # one in which no packet ends has no position
            alone = len(begun) == 1 and begun[0].flags & LAST  # it may be cut short, so nothing says where it begins
            if placed and not alone:
                yield Stretch(begun[0].begin, placed[-1].end, placed[-1].position, begun[0].number)
            begun = []
        if page is not None:
            begun.append(page)


def _stream(source: Bytes) -> Iterator[Page]:
    """Yield the whole pages of the first stream, up to where another one begins that follows it."""
    serial, ended = b"", False
    for page in _pages(source):
        if ended and page.flags & FIRST:
            return
        serial = serial or page.serial
        if page.serial == serial:
            ended = ended or bool(page.flags & LAST)
            yield page


def _pages(source: Bytes) -> Iterator[Page]:
    """Yield the pages whose check sum is right."""
    place = base = 0
    data = b""
    while place + HEADER <= source.size:
        if place + LARGEST > base + len(data) and base + len(data) < source.size:
            base, data = place, source.read_at(place, AT_ONCE)
        if (page := _page(data, place - base, base)) is not None:
            yield page
            place = page.end
            continue
        found = data.find(MARK, place - base + 1)
        place = base + (found if found >= 0 else max(len(data) - len(MARK) + 1, place - base + 1))


def _page(data: bytes, at: int, base: int) -> Page | None:
    head = data[at : at + HEADER]
    if len(head) < HEADER or not head.startswith(MARK):
        return None
    end = at + HEADER + head[26]
    end += sum(data[at + HEADER : end])
    page = data[at:end]
    if len(page) < end - at or _crc(page[:22] + bytes(4) + page[26:]) != int.from_bytes(head[22:26], "little"):
        return None
    position = int.from_bytes(head[6:14], "little", signed=True)
    return Page(base + at, base + end, position, head[14:18], int.from_bytes(head[18:22], "little"), head[5])


def _crc(data: bytes) -> int:
    """Return the check sum of a page, which goes through the bits of each byte the other way than zlib's."""
    mirrored = zlib.crc32(data.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
