"""Audio headers: what a sound file's bytes reveal before it is decoded: its kind, the length that it claims, whether it is cut off."""

from __future__ import annotations

import re
import struct

from explorer.backend.inputs.audio_bytes import Bytes
from explorer.backend.inputs.mp3_frames import is_mp3
from explorer.locale import _

OPEN_ENDED = 0x7FFF0000  # a size in a WAV header from here on means that it wasn't known when writing began
CHUNKS = 1000  # of a WAV file before its samples
HEAD = 2**12  # bytes
PADDING = 2**12  # meaningless bytes that may follow the samples of a WAV file
# What libsndfile logs on opening a file that holds less than its header promises.
SIZES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?m)^ *(?:SSND|BODY|Data Size) *: (?P<promised>\d+) \(should be (?P<there>\d+)\)",
        r"truncated\. (?P<there>\d+) <--> (?P<promised>\d+)",
        r"Data length (?P<promised>\d+) should be (?P<there>\d+)",
        r"(?m)^riff : (?P<promised>\d+) \(should be (?P<there>\d+)\)",
    )
)
FRAMES = re.compile(r"(?m)^ *Frames *: (\d+)$|Cols : (\d+)\s(?:.*\s){3}.*wavedata")  # the number of frames in a header
NIST_FRAMES = re.compile(rb"\nsample_count -i (\d+)")
SDS_HEADER, SDS_BLOCK = 21, 127  # bytes
MEANINGLESS = re.compile("File does not exist|Internal error")  # misleading messages of libsndfile


def wav_sizes(source: Bytes) -> tuple[int, int] | None:
    """Return the bytes of samples that the header of a WAV file promises, and those that the file has room for.

    None where they agree, where the header leaves the size open, as in a streamed file, and for other files.
    """
    head = source.read_at(0, 12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return None
    offset, size_64_bit = 12, 0
    for _chunk in range(CHUNKS):
        name, size = struct.unpack("<4sI", source.read_at(offset, 8).ljust(8, b"\0"))
        offset += 8
        if name == b"data":
            return _sizes(source, offset, size_64_bit or size, bool(size_64_bit))
        if name == b"ds64":
            size_64_bit = int.from_bytes(source.read_at(offset + 8, 8), "little")
        offset += size + size % 2
        if offset >= source.size:
            return None
    return None


def _sizes(source: Bytes, offset: int, promised: int, is_64_bit: bool) -> tuple[int, int] | None:
    room = source.size - offset
    if promised > room:
        return (promised, room) if is_64_bit or 0 < promised < OPEN_ENDED else None
    follows = source.read_at(offset + promised + promised % 2, 8)
    is_chunk = follows[:4].isascii() and follows[:4].decode("ascii").isprintable()
    return None if is_chunk or room - promised <= PADDING else (promised, room)


def caf_sizes(source: Bytes) -> tuple[int, int, int] | None:
    """Return the offset of the samples of a CAF file, the bytes of samples that it promises, and those that it has room for.

    None where they fit, and for other files. A streamed file promises -1.
    """
    if source.read_at(0, 4) != b"caff":
        return None
    offset = 8
    for _chunk in range(CHUNKS):
        chunk = source.read_at(offset, 12)
        size, offset = int.from_bytes(chunk[4:], "big", signed=True), offset + 12
        if len(chunk) == 12 and chunk.startswith(b"data") and not 0 <= size <= source.size - offset:
            return offset, size, source.size - offset
        if len(chunk) < 12 or size < 0:
            return None
        offset += size
    return None


def repaired_caf_head(source: Bytes) -> bytes:
    """Return the beginning of a CAF file, up to its samples, with the true size; b"" where the size is right.

    libsndfile doesn't open CAF files that were cut off or streamed.
    """
    sizes = caf_sizes(source)
    return source.read_at(0, sizes[0] - 8) + sizes[2].to_bytes(8, "big") if sizes else b""


def promised_frames(decodable: int, log: str, head: bytes) -> int:
    """Return the number of frames that the header of a file promises, from libsndfile's log; `decodable` where it isn't known."""
    for pattern in SIZES:
        if (sizes := pattern.search(log)) is not None:
            promised, room = int(sizes["promised"]), int(sizes["there"])
            return decodable * promised // room if 0 < room < promised < OPEN_ENDED else decodable
    match = FRAMES.search(log) or (NIST_FRAMES.search(head) if head.startswith(b"NIST") else None)
    return int(next(filter(None, match.groups()))) if match else decodable


def are_blocks_of_sds(source: Bytes) -> bool:
    """Whether a MIDI sample dump has consecutive blocks; others libsndfile decodes to noise, and prints to stdout."""
    return all(source.read_at(offset, 2) == b"\xf0\x7e" for offset in range(SDS_HEADER, source.size, SDS_BLOCK))


def claims_mpeg(head: bytes) -> bool:
    """Whether libsndfile treats a file with this beginning as MP3: it begins with a tag, or what may be a frame of layer 1 to 3."""
    return head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and head[1] & 6 != 0)


def description(head: bytes, why: str) -> str:
    """Return what a file is that can't be read as sound, from its first bytes, and what to do; why: libsndfile's message."""
    if (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*"))
        or head[8:12] == b"WEBP"
        or (head[:2], head[6:10]) == (b"BM", bytes(4))
    ):
        return _("a picture; this network reads sounds: WAV, FLAC, Ogg or MP3")
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"avif", b"heic", b"heix", b"mif1"):
            return _("a picture; this network reads sounds: WAV, FLAC, Ogg or MP3")
        return _unsupported_description(_("an MP4 or M4A file"))
    for start, kind in (
        (b"\x1a\x45\xdf\xa3", _("a WebM or Matroska file")),
        (b"\x30\x26\xb2\x75", _("a WMA or WMV file")),
        (b"FLV\1", _("a Flash video")),
        (b"\0\0\1\xba", _("an MPEG video")),
        (b"\0\0\1\xb3", _("an MPEG video")),
        (b"ADIF", _("an AAC file")),
        (b"#!AMR", _("an AMR file")),
        (b"wvpk", _("a WavPack file")),
        (b"MAC ", _("a Monkey's Audio file")),
    ):
        if head.startswith(start):
            return _unsupported_description(kind)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _unsupported_description(_("an AVI video"))
    if head[:1] == b"\xff" and head[1:2] >= b"\xf0" and not head[1] & 6:
        return _unsupported_description(_("an AAC file"))
    if head.startswith(b"MThd"):
        return _("a MIDI file, which holds notes and no sound; render it to WAV, FLAC, Ogg or MP3")
    if head.startswith((b"\xf0\x7e", b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b".snd", b"caff", b"fLaC", b"OggS")) or is_mp3(head):
        return _damaged_description(why)
    return _("not a sound that can be read; use WAV, FLAC, Ogg or MP3")


def _damaged_description(why: str) -> str:
    if MEANINGLESS.search(why):
        return _("damaged or cut off: its header is invalid. Use a whole copy")
    return _("damaged or cut off; libsndfile says: {why}. Use a whole copy").format(why=why.rstrip("."))


def _unsupported_description(kind: str) -> str:
    return _("{kind}, which Python can't decode; save the sound as WAV, FLAC, Ogg or MP3 (the page decodes it in the browser)").format(
        kind=kind
    )
