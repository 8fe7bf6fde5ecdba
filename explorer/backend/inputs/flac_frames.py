"""FLAC frames, found by their headers (RFC 9639): their positions, and a file header that matches them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from explorer.backend.inputs.audio_bytes import Bytes

MARK = b"fLaC"
STREAM_INFO = 34  # bytes
BLOCKS = 1000  # of metadata before the first frame
SYNCS = (b"\xff\xf8", b"\xff\xf9")  # how frames of fixed and of variable length begin
HEADER = 16  # bytes of the longest frame header
AT_ONCE = 2**20  # bytes that are read at once
RATES = (0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
BITS = (0, 8, 12, -1, 16, 20, 24, 32)
TOTAL = 2**36  # above the largest number of samples that a file can have


class Header(NamedTuple):
    """The header of a frame; a rate or bits of 0 refer to the file's own header.

    number: of the frame, or of its first sample where frames have variable length.
    """

    offset: int
    number: int
    samples: int
    any_length: bool
    rate: int
    channels: int
    bits: int


class Frame(NamedTuple):
    """A frame: samples `first` to `last`, in bytes `begin` to `end` at most."""

    first: int
    last: int
    begin: int
    end: int


class Stream(NamedTuple):
    """A FLAC file for libsndfile: `head`, followed by the file's own bytes from `begin`, its first frame, on.

    block: samples in each frame but the last; 0 where frames have variable length.
    total: samples according to the file's header; 0 where it doesn't state them.
    contradicted: whether the file's header contradicts the frames.
    """

    head: bytes
    begin: int
    block: int
    total: int
    contradicted: bool


def stream_of(source: Bytes) -> Stream | None:
    """Return a FLAC file with a header that matches its frames, so that libsndfile decodes it whatever its own header says.

    None where it is no FLAC, or has no frames.
    """
    head = source.read_at(0, 8 + STREAM_INFO)
    if not head.startswith(MARK) or len(head) < 8 + STREAM_INFO:
        return None
    first = _first_header(source)
    if first is None:
        return None
    stream_info = head[8:]
    bits = int.from_bytes(stream_info[10:18], "big")  # rate: 20 bits, channels - 1: 3, bits a sample - 1: 5, total: 36
    rate, depth = bits >> 44, (bits >> 36 & 31) + 1
    actual = (first.rate or rate, first.channels, first.bits or depth)
    total, block = bits % TOTAL, 0 if first.any_length else first.samples
    sizes = stream_info[:4] if first.any_length or 0 < total <= first.samples else first.samples.to_bytes(2, "big") * 2
    packed = (actual[0] << 44 | actual[1] - 1 << 41 | actual[2] - 1 << 36 | total).to_bytes(8, "big")
    new_info = sizes + stream_info[4:10] + packed + stream_info[18:]
    return Stream(MARK + b"\x80\0\0" + bytes([STREAM_INFO]) + new_info, first.offset, block, total, new_info[10:18] != stream_info[10:18])


def with_total(head: bytes, total: int) -> bytes:
    """Return a file header with another total number of samples; 0 for an unknown number."""
    bits = int.from_bytes(head[18:26], "big")
    return head[:18] + (bits // TOTAL * TOTAL + total).to_bytes(8, "big") + head[26:]


def _first_header(source: Bytes) -> Header | None:
    """Return the header of the first frame: after the metadata, or, where its sizes are wrong, the first of consecutive frames."""
    offset = len(MARK)
    for _block in range(BLOCKS):
        block = source.read_at(offset, 4)
        offset += 4 + int.from_bytes(block[1:], "big")
        if len(block) < 4 or block[0] & 0x80:
            break
    head = source.read_at(offset, HEADER)
    if (header := _header(head, offset)) is not None:
        return header
    expected_next: dict[int, Header] = {}  # by the number of the frame that should follow
    for header in headers(source, len(MARK) + 4 + STREAM_INFO, source.size):
        if header.number in expected_next:
            return expected_next[header.number]
        expected_next[header.number + (header.samples if header.any_length else 1)] = header
    return None


def headers(source: Bytes, begin: int, end: int) -> Iterator[Header]:
    """Yield everything between two offsets that looks like the header of a frame."""
    while begin < end:
        data = source.read_at(begin, AT_ONCE + HEADER)
        for position in sorted(offset for sync in SYNCS for offset in _offsets_of(data[:AT_ONCE], sync)):
            if begin + position < end and (header := _header(data[position : position + HEADER], begin + position)) is not None:
                yield header
        begin += AT_ONCE
        if len(data) <= AT_ONCE:
            return


def frames(source: Bytes, file: Stream, begin: int, end: int) -> list[Frame]:
    """Return the frames with intact headers between two offsets.

    What looks like a header is one where it continues the preceding frame, is continued by another, or ends the sound.
    """
    candidates = [header for header in headers(source, begin, end) if header.any_length == (file.block == 0)]
    firsts = [header.number * (file.block or 1) for header in candidates]
    starts, accepted = set(firsts), list[tuple[int, Header]]()
    for first, header in zip(firsts, candidates, strict=True):
        expected = accepted[-1][0] + accepted[-1][1].samples if accepted else None
        if first == expected or (first > (expected or -1) and (first + header.samples in starts or first + header.samples == file.total)):
            accepted.append((first, header))
    ends: Iterable[int] = [header.offset for _first, header in accepted[1:]] + [source.size]
    return [Frame(first, first + header.samples, header.offset, stop) for (first, header), stop in zip(accepted, ends, strict=True)]


def _offsets_of(data: bytes, pattern: bytes) -> Iterator[int]:
    offset = data.find(pattern)
    while offset >= 0:
        yield offset
        offset = data.find(pattern, offset + 1)


def _header(data: bytes, offset: int) -> Header | None:
    """Return the parsed header of a frame; None where the bytes are no header, or their checksum is wrong."""
    if data[:2] not in SYNCS or len(data) < 6:
        return None
    size, rate, channels, depth = data[2] >> 4, data[2] & 15, data[3] >> 4, data[3] >> 1 & 7
    number = _number(data[4:11])
    if number is None or not size or rate == 15 or channels > 10 or BITS[depth] < 0 or data[3] & 1:
        return None
    position = 4 + number[1]
    count_size, rate_size = {6: 1, 7: 2}.get(size, 0), {12: 1, 13: 2, 14: 2}.get(rate, 0)
    count_bytes, rate_bytes = data[position : position + count_size], data[position + count_size : position + count_size + rate_size]
    position += count_size + rate_size
    if position >= len(data) or _crc(data[:position]) != data[position]:
        return None
    count = (
        int.from_bytes(count_bytes, "big") + 1 if count_bytes else 192 if size == 1 else 576 << size - 2 if size < 6 else 256 << size - 8
    )
    actual_rate = int.from_bytes(rate_bytes, "big") * {12: 1000, 14: 10}.get(rate, 1) if rate_bytes else RATES[rate]
    return Header(offset, number[0], count, data[1] & 1 == 1, actual_rate, channels + 1 if channels < 8 else 2, BITS[depth])


def _number(data: bytes) -> tuple[int, int] | None:
    """Return a number of up to 36 bits in the coding of UTF-8, and its length in bytes; None where it is invalid."""
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
    """Return the checksum (CRC-8, x^8 + x^2 + x + 1) of a header."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = (crc << 1 ^ 7) & 0xFF if crc & 0x80 else crc << 1
    return crc
