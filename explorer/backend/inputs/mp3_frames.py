"""The frames of an MP3, found by their headers alone: where they lie, where there is something else between them, what is lost there.

All layers of MPEG audio (ISO/IEC 11172-3, 2.4.1.3): libsndfile decodes each of them as "MP3".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from explorer.backend.inputs.audio_bytes import Bytes

CHAIN = 3  # frames that follow each other: so many are no accident
SEARCHED = 2**16  # bytes behind a tag in which the first frame is looked for
COUNTED = 2**20  # bytes that are looked at at once
SAME = 0xFFFE0C00  # the bits of a header that are the same in all frames: sync, version, layer, rate
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # what may lie between frames, and loses nothing
RESERVOIR = 511  # bytes of frames before it that a frame may need
DECODER_DELAY = 529  # samples that come out of a decoder before the first one that went in
KBITS = {  # by MPEG 1 or not, and by layer
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class Stretch(NamedTuple):
    """Frames that follow each other: bytes `begin` to `end`, so many frames, and the same before it: those that are lost there."""

    begin: int
    end: int
    frames: int
    lost: int = 0


class Info(NamedTuple):
    """What the first frame says, where it holds no sound: how many frames follow, and the samples that are no sound before them."""

    frames: int = 0
    delay: int = 0


@lru_cache(maxsize=4096)
def frame(header: bytes) -> tuple[int, int]:
    """Return how many bytes and samples a frame has that begins so; (0, 0) where none does."""
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
    """Whether a file that begins so is an MP3: frames follow each other at its beginning, or behind a tag.

    head: as much of the file as there is at hand; frames behind a tag of which it doesn't hold the end are not seen.
    """
    begin = tag_size(head)
    if not begin and not frame(head[:4])[0]:
        return False
    return first_frame(head[begin : begin + SEARCHED]) is not None


def tag_size(head: bytes) -> int:
    """Return how many bytes the ID3 tag has that begins so; 0 where none does."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(head[6:10])))
    return 10 + size + (10 if head[5] & 0x10 else 0)


def first_frame(data: bytes) -> int | None:
    """Return the first place from which on frames follow each other; None where they do nowhere."""
    place = data.find(b"\xff")
    while place >= 0:
        if _chained(data, place):
            return place
        place = data.find(b"\xff", place + 1)
    return None


def _chained(data: bytes, place: int) -> bool:
    """Whether frames of one kind follow each other from there on, some of them or to the end."""
    kind = _kind(data[place : place + 4])
    for _number in range(CHAIN):
        length = frame(data[place : place + 4])[0]
        if not length or _kind(data[place : place + 4]) != kind:
            return False
        place += length
        if place == len(data):
            return True
    return True


def _kind(header: bytes) -> int:
    return int.from_bytes(header, "big") & SAME


def info(source: Bytes) -> Info | None:
    """Return what the first frame says of the others; None where it is one of them."""
    head = source.read_at(0, 256)
    place = max(head.find(b"Xing", 0, 64), head.find(b"Info", 0, 64))
    if place < 0:
        return None
    flags = int.from_bytes(head[place + 4 : place + 8], "big")
    frames = int.from_bytes(head[place + 8 : place + 12], "big") if flags & 1 else 0
    lame = place + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    delay = int.from_bytes(head[lame + 21 : lame + 24], "big") >> 12
    return Info(frames, delay + DECODER_DELAY if head[lame : lame + 4] in (b"LAME", b"Lavc", b"Lavf") else 0)


def incomplete(source: Bytes) -> int:
    """Return up to which sample frames may need bits of frames before the first one, as where a stream was cut; 0 where it needs none."""
    head = source.read_at(0, 8)
    length, samples = frame(head[:4])
    needed = head[4 if head[1] & 1 else 6 :][:1]  # behind a check sum, where there is one
    if not length or (head[1] >> 1 & 3) != 1 or not any(needed):  # only layer 3 has them
        return 0
    return (math.ceil(RESERVOIR / length) + 1) * samples


def stretches(source: Bytes) -> list[Stretch]:
    """Return the stretches of frames that follow each other, of the kind of the first; one where nothing is lost between them.

    A frame whose end is not followed by another one is taken for damaged, unless nothing at all follows, or a tag.
    """
    said = info(source)
    skipped = frame(source.read_at(0, 4))[0] if said else 0
    found = list(_found(source, skipped))
    if len(found) < 2:
        return found
    mean = sum(one.end - one.begin for one in found) / sum(one.frames for one in found)
    gaps = [0] + [_gap(source, before.end, after.begin, mean) for before, after in pairwise(found)]
    missing = said.frames - sum(one.frames for one in found) if said else 0
    if missing > 0 and sum(map(bool, gaps)) == 1:  # then it is known, and not estimated
        gaps = [missing if gap else 0 for gap in gaps]
    return [one._replace(lost=gap) for one, gap in zip(found, gaps, strict=True)]


def samples_in(source: Bytes) -> int:
    """Return how many samples of each channel the frames make."""
    return sum(one.frames for one in stretches(source)) * frame(source.read_at(0, 4))[1]


def _gap(source: Bytes, begin: int, end: int, mean: float) -> int:
    """Return how many frames of mean length are lost between two stretches."""
    return 0 if source.read_at(begin, 16).startswith(TAGS) else max(1, round((end - begin) / mean))


def _found(source: Bytes, place: int) -> Iterator[Stretch]:
    kind = _kind(source.read_at(place, 4))
    while place < source.size:
        begin, count, length = place, 0, 0
        for header, at in _headers(source, place):
            length = frame(header)[0]
            if not length or _kind(header) != kind or at + length > source.size:
                break
            place, count = at + length, count + 1
        begins_anew = _next(source, place, kind)
        if begins_anew is None:
            if count:
                yield Stretch(begin, place, count)
            return
        whole = count if source.read_at(place, 16).startswith(TAGS) else count - 1
        if whole > 0:
            yield Stretch(begin, place if whole == count else _last(source, begin, whole), whole)
        place = begins_anew


def _headers(source: Bytes, place: int) -> Iterator[tuple[bytes, int]]:
    """Yield the header at a place and at the end of each frame after it."""
    base, data = place, source.read_at(place, COUNTED)
    while place + 4 <= source.size:
        if place + 4 > base + len(data):
            base, data = place, source.read_at(place, COUNTED)
        header = data[place - base : place - base + 4]
        yield header, place
        place += frame(header)[0]


def _last(source: Bytes, begin: int, count: int) -> int:
    """Return where so many frames end."""
    for number, (_header, place) in enumerate(_headers(source, begin)):
        if number == count:
            return place
    return source.size


def _next(source: Bytes, place: int, kind: int) -> int | None:
    """Return the next place from which on frames of a kind follow each other."""
    while place < source.size:
        data = source.read_at(place, COUNTED)
        at = data.find(b"\xff")
        while at >= 0:
            if _kind(data[at : at + 4]) == kind and _chained(data, at):
                return place + at
            at = data.find(b"\xff", at + 1)
        if place + len(data) >= source.size:
            return None
        place += len(data) - SEARCHED
    return None
