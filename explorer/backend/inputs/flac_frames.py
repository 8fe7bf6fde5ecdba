"""The frames of a FLAC file, found by their headers (RFC 9639): where they lie, and what the header of the file should say of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from explorer.backend.inputs.audio_bytes import Bytes

MARK = b"fLaC"
STREAM_INFO = 34  # bytes
BLOCKS = 1000  # of metadata before the first frame
SYNCS = (b"\xff\xf8", b"\xff\xf9")  # how frames of one length begin, and those of any length
HEADER = 16  # bytes of the longest one
AT_ONCE = 2**20  # bytes that are looked at at once
RATES = (0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
BITS = (0, 8, 12, -1, 16, 20, 24, 32)
TOTAL = 2**36  # no file has as many samples


class Header(NamedTuple):
    """What the header of a frame says; a rate or bits of 0 are what the file's own header says.

    number: of the frame, or of its first sample where frames have any length.
    """

    place: int
    number: int
    samples: int
    any_length: bool
    rate: int
    channels: int
    bits: int


class Frame(NamedTuple):
    """A frame: it holds samples `first` to `last` in bytes `begin` to `end`, or fewer."""

    first: int
    last: int
    begin: int
    end: int


class Shown(NamedTuple):
    """What libsndfile is shown of a FLAC file: `head`, and the file's own bytes from `begin`, its first frame, on.

    block: samples of each frame but the last; 0 where frames have any length.
    total: samples, as the header says; 0 where it doesn't.
    contradicted: whether the header said of the frames what isn't so.
    """

    head: bytes
    begin: int
    block: int
    total: int
    contradicted: bool


def shown(source: Bytes) -> Shown | None:
    """Return what libsndfile is shown of a FLAC file, so that its samples come out whatever stands before its frames.

    None where it is no FLAC, or has no frames.
    """
    head = source.read_at(0, 8 + STREAM_INFO)
    if not head.startswith(MARK) or len(head) < 8 + STREAM_INFO:
        return None
    first = _first(source)
    if first is None:
        return None
    told = head[8:]
    bits = int.from_bytes(told[10:18], "big")  # rate: 20 bits, channels - 1: 3, bits a sample - 1: 5, total: 36
    rate, depth = bits >> 44, (bits >> 36 & 31) + 1
    true = (first.rate or rate, first.channels, first.bits or depth)
    total, block = bits % TOTAL, 0 if first.any_length else first.samples
    sizes = told[:4] if first.any_length or 0 < total <= first.samples else first.samples.to_bytes(2, "big") * 2
    written = (true[0] << 44 | true[1] - 1 << 41 | true[2] - 1 << 36 | total).to_bytes(8, "big")
    new = sizes + told[4:10] + written + told[18:]
    return Shown(MARK + b"\x80\0\0" + bytes([STREAM_INFO]) + new, first.place, block, total, new[10:18] != told[10:18])


def with_total(head: bytes, total: int) -> bytes:
    """Return what is shown before the frames with another number of samples; 0 for one that isn't known."""
    bits = int.from_bytes(head[18:26], "big")
    return head[:18] + (bits // TOTAL * TOTAL + total).to_bytes(8, "big") + head[26:]


def _first(source: Bytes) -> Header | None:
    """Return the header of the first frame: behind the metadata, or where frames begin if its sizes are wrong."""
    place = len(MARK)
    for _block in range(BLOCKS):
        block = source.read_at(place, 4)
        place += 4 + int.from_bytes(block[1:], "big")
        if len(block) < 4 or block[0] & 0x80:
            break
    head = source.read_at(place, HEADER)
    if (header := _header(head, place)) is not None:
        return header
    before: dict[int, Header] = {}  # by what number would follow
    for one in headers(source, len(MARK) + 4 + STREAM_INFO, source.size):
        if one.number in before:
            return before[one.number]
        before[one.number + (one.samples if one.any_length else 1)] = one
    return None


def headers(source: Bytes, begin: int, end: int) -> Iterator[Header]:
    """Yield whatever looks like the header of a frame between two places."""
    while begin < end:
        data = source.read_at(begin, AT_ONCE + HEADER)
        for at in sorted(place for sync in SYNCS for place in _found(data[:AT_ONCE], sync)):
            if begin + at < end and (header := _header(data[at : at + HEADER], begin + at)) is not None:
                yield header
        begin += AT_ONCE
        if len(data) <= AT_ONCE:
            return


def frames(source: Bytes, file: Shown, begin: int, end: int) -> list[Frame]:
    """Return the frames between two places, as far as their headers are whole.

    What looks like a header is one where it goes on with the frame before it, is gone on with itself, or ends the sound.
    """
    found = [one for one in headers(source, begin, end) if one.any_length == (file.block == 0)]
    firsts = [one.number * (file.block or 1) for one in found]
    begun, kept = set(firsts), list[tuple[int, Header]]()
    for first, one in zip(firsts, found, strict=True):
        expected = kept[-1][0] + kept[-1][1].samples if kept else None
        if first == expected or (first > (expected or -1) and (first + one.samples in begun or first + one.samples == file.total)):
            kept.append((first, one))
    ends: Iterable[int] = [one.place for _first, one in kept[1:]] + [source.size]
    return [Frame(first, first + one.samples, one.place, stop) for (first, one), stop in zip(kept, ends, strict=True)]


def _found(data: bytes, what: bytes) -> Iterator[int]:
    place = data.find(what)
    while place >= 0:
        yield place
        place = data.find(what, place + 1)


def _header(data: bytes, place: int) -> Header | None:
    """Return what the header of a frame says; None where its bytes are none, or their check sum is another."""
    if data[:2] not in SYNCS or len(data) < 6:
        return None
    size, rate, channels, depth = data[2] >> 4, data[2] & 15, data[3] >> 4, data[3] >> 1 & 7
    number = _number(data[4:11])
    if number is None or not size or rate == 15 or channels > 10 or BITS[depth] < 0 or data[3] & 1:
        return None
    at = 4 + number[1]
    count_size, rate_size = {6: 1, 7: 2}.get(size, 0), {12: 1, 13: 2, 14: 2}.get(rate, 0)
    given, told_rate = data[at : at + count_size], data[at + count_size : at + count_size + rate_size]
    at += count_size + rate_size
    if at >= len(data) or _crc(data[:at]) != data[at]:
        return None
    count = int.from_bytes(given, "big") + 1 if given else 192 if size == 1 else 576 << size - 2 if size < 6 else 256 << size - 8
    per_second = int.from_bytes(told_rate, "big") * {12: 1000, 14: 10}.get(rate, 1) if told_rate else RATES[rate]
    return Header(place, number[0], count, data[1] & 1 == 1, per_second, channels + 1 if channels < 8 else 2, BITS[depth])


def _number(data: bytes) -> tuple[int, int] | None:
    """Return the number that is coded as UTF-8 codes characters, of up to 36 bits, and its bytes."""
    if not data or data[0] == 0xFF:
        return None
    ones = 8 - (data[0] ^ 0xFF).bit_length()
    length = ones or 1
    if ones == 1 or length > len(data) or any(byte & 0xC0 != 0x80 for byte in data[1:length]):
        return None
    number = data[0] & (0x7F if not ones else 0xFF >> (ones + 1))
    for byte in data[1:length]:
        number = number << 6 | byte & 0x3F
    return number, length


def _crc(data: bytes) -> int:
    """Return the check sum of a header: x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = (crc << 1 ^ 7) & 0xFF if crc & 0x80 else crc << 1
    return crc
