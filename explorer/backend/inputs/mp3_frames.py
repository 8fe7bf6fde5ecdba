"""MP3 frames, found by their headers alone: their positions, the gaps between them, and what is lost there.

All layers of MPEG audio (ISO/IEC 11172-3, 2.4.1.3): libsndfile decodes each of them as "MP3".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from explorer.backend.inputs.audio_bytes import Bytes

CHAIN = 3  # consecutive frames that are needed to rule out coincidence
SEARCHED = 2**16  # bytes after a tag in which the first frame is searched for
COUNTED = 2**20  # bytes that are read at once
SAME = 0xFFFE0C00  # the bits of a header that are the same in all frames: sync, version, layer, rate
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # what may lie between frames without any loss
RESERVOIR = 511  # bytes of earlier frames that a frame may need
DECODER_DELAY = 529  # samples that a decoder returns before the first encoded one
KBITS = {  # by (is MPEG 1, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class Stretch(NamedTuple):
    """Consecutive frames: bytes `begin` to `end`; frames: how many; lost: the estimated number of frames lost before them."""

    begin: int
    end: int
    frames: int
    lost: int = 0


class Info(NamedTuple):
    """The content of an information frame, which holds no sound: the number of frames that follow, and the encoder's delay in samples."""

    frames: int = 0
    delay: int = 0


@lru_cache(maxsize=4096)
def frame(header: bytes) -> tuple[int, int]:
    """Return the size in bytes and in samples of the frame with this header; (0, 0) for an invalid header."""
    bits = int.from_bytes(header, "big")
    version, layer, bitrate, rate, padding = bits >> 19 & 3, 4 - (bits >> 17 & 3), bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    if len(header) < 4 or bits >> 21 != 0x7FF or version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0, 0
    first = version == 3  # MPEG 1; else 2 or 2.5
    per_second = (44_100, 48_000, 32_000)[rate] >> (0 if first else 1 if version == 2 else 2)
    samples = 384 if layer == 1 else 1152 if first or layer == 2 else 576
    bits_a_second = KBITS[first, layer][bitrate] * 1000
    if layer == 1:
        return (12 * bits_a_second // per_second + padding) * 4, samples
    return samples // 8 * bits_a_second // per_second + padding, samples


def is_mp3(head: bytes) -> bool:
    """Whether a file with this beginning is an MP3: it has consecutive frames at its beginning, or after a tag.

    head: as much of the file as is available; frames after a tag that is longer than it are not found.
    """
    begin = tag_size(head)
    if not begin and not frame(head[:4])[0]:
        return False
    return first_frame(head[begin : begin + SEARCHED]) is not None


def tag_size(head: bytes) -> int:
    """Return the size in bytes of the ID3 tag with this beginning; 0 where there is none."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = sum((byte & 0x7F) << 7 * position for position, byte in enumerate(reversed(head[6:10])))
    return 10 + size + (10 if head[5] & 0x10 else 0)


def first_frame(data: bytes) -> int | None:
    """Return the offset of the first of consecutive frames; None where there are none."""
    offset = data.find(b"\xff")
    while offset >= 0:
        if _chained(data, offset):
            return offset
        offset = data.find(b"\xff", offset + 1)
    return None


def _chained(data: bytes, offset: int) -> bool:
    """Whether consecutive frames of one kind begin at an offset: `CHAIN` of them, or up to the end."""
    kind = _kind(data[offset : offset + 4])
    for _frame in range(CHAIN):
        length = frame(data[offset : offset + 4])[0]
        if not length or _kind(data[offset : offset + 4]) != kind:
            return False
        offset += length
        if offset == len(data):
            return True
    return True


def _kind(header: bytes) -> int:
    return int.from_bytes(header, "big") & SAME


def info(source: Bytes) -> Info | None:
    """Return the information frame at the beginning; None where the first frame holds sound."""
    head = source.read_at(0, 256)
    offset = max(head.find(b"Xing", 0, 64), head.find(b"Info", 0, 64))
    if offset < 0:
        return None
    flags = int.from_bytes(head[offset + 4 : offset + 8], "big")
    frames = int.from_bytes(head[offset + 8 : offset + 12], "big") if flags & 1 else 0
    lame = offset + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    delay = int.from_bytes(head[lame + 21 : lame + 24], "big") >> 12
    return Info(frames, delay + DECODER_DELAY if head[lame : lame + 4] in (b"LAME", b"Lavc", b"Lavf") else 0)


def first_complete_sample(source: Bytes) -> int:
    """Return the sample up to which frames may need bits from before the first frame, as in a cut stream; 0 where none does."""
    head = source.read_at(0, 8)
    length, samples = frame(head[:4])
    needed = head[4 if head[1] & 1 else 6 :][:1]  # after the checksum, where there is one
    if not length or (head[1] >> 1 & 3) != 1 or not any(needed):  # only layer 3 has a bit reservoir
        return 0
    return (math.ceil(RESERVOIR / length) + 1) * samples


def stretches(source: Bytes) -> list[Stretch]:
    """Return the stretches of consecutive frames, of the same kind as the first frame; one stretch where nothing is lost.

    A frame that is not followed by another one counts as damaged, unless the end of the file or a tag follows.
    """
    stream_info = info(source)
    skipped = frame(source.read_at(0, 4))[0] if stream_info else 0
    result = list(_intact_stretches(source, skipped))
    if len(result) < 2:
        return result
    mean = sum(stretch.end - stretch.begin for stretch in result) / sum(stretch.frames for stretch in result)
    gaps = [0] + [_gap(source, before.end, after.begin, mean) for before, after in pairwise(result)]
    missing = stream_info.frames - sum(stretch.frames for stretch in result) if stream_info else 0
    if missing > 0 and sum(map(bool, gaps)) == 1:  # then the number is known, not estimated
        gaps = [missing if gap else 0 for gap in gaps]
    return [stretch._replace(lost=gap) for stretch, gap in zip(result, gaps, strict=True)]


def count_samples(source: Bytes) -> int:
    """Return the number of samples per channel in all frames."""
    return sum(stretch.frames for stretch in stretches(source)) * frame(source.read_at(0, 4))[1]


def _gap(source: Bytes, begin: int, end: int, mean: float) -> int:
    """Return the number of lost frames of mean length between two stretches."""
    return 0 if source.read_at(begin, 16).startswith(TAGS) else max(1, round((end - begin) / mean))


def _intact_stretches(source: Bytes, offset: int) -> Iterator[Stretch]:
    kind = _kind(source.read_at(offset, 4))
    while offset < source.size:
        begin, count, length = offset, 0, 0
        for header, frame_offset in _headers(source, offset):
            length = frame(header)[0]
            if not length or _kind(header) != kind or frame_offset + length > source.size:
                break
            offset, count = frame_offset + length, count + 1
        next_begin = _next(source, offset, kind)
        if next_begin is None:
            if count:
                yield Stretch(begin, offset, count)
            return
        intact = count if source.read_at(offset, 16).startswith(TAGS) else count - 1
        if intact > 0:
            yield Stretch(begin, offset if intact == count else _end_of(source, begin, intact), intact)
        offset = next_begin


def _headers(source: Bytes, offset: int) -> Iterator[tuple[bytes, int]]:
    """Yield the header at an offset, and those at the end of each following frame, with their offsets."""
    base, data = offset, source.read_at(offset, COUNTED)
    while offset + 4 <= source.size:
        if offset + 4 > base + len(data):
            base, data = offset, source.read_at(offset, COUNTED)
        header = data[offset - base : offset - base + 4]
        yield header, offset
        offset += frame(header)[0]


def _end_of(source: Bytes, begin: int, count: int) -> int:
    """Return the offset of the end of `count` frames."""
    for index, (_header, offset) in enumerate(_headers(source, begin)):
        if index == count:
            return offset
    return source.size


def _next(source: Bytes, offset: int, kind: int) -> int | None:
    """Return the next offset at which consecutive frames of a kind begin; None where there are none."""
    while offset < source.size:
        data = source.read_at(offset, COUNTED)
        position = data.find(b"\xff")
        while position >= 0:
            if _kind(data[position : position + 4]) == kind and _chained(data, position):
                return offset + position
            position = data.find(b"\xff", position + 1)
        if offset + len(data) >= source.size:
            return None
        offset += len(data) - SEARCHED
    return None
