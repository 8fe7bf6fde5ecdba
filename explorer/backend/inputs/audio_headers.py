"""What the bytes of a sound file say of it before it is decoded: what it is, how long it claims to be, whether it is cut off."""

from __future__ import annotations

import re
import struct

from explorer.backend.inputs.audio_bytes import Bytes
from explorer.backend.inputs.mp3_frames import is_mp3
from explorer.locale import _

OPEN_ENDED = 0x7FFF0000  # from here on, a size in a WAV header means that it wasn't known when writing began
CHUNKS = 1000  # of a WAV file before its samples
HEAD = 2**12  # bytes
PADDING = 2**12  # bytes that may follow the samples of a WAV file and mean nothing
# How libsndfile says, as it opens a file, that there is less than a header promises.
SIZES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?m)^ *(?:SSND|BODY|Data Size) *: (?P<promised>\d+) \(should be (?P<there>\d+)\)",
        r"truncated\. (?P<there>\d+) <--> (?P<promised>\d+)",
        r"Data length (?P<promised>\d+) should be (?P<there>\d+)",
        r"(?m)^riff : (?P<promised>\d+) \(should be (?P<there>\d+)\)",
    )
)
FRAMES = re.compile(r"(?m)^ *Frames *: (\d+)$|Cols : (\d+)\s(?:.*\s){3}.*wavedata")  # and how many frames one promises
NIST_FRAMES = re.compile(rb"\nsample_count -i (\d+)")
SDS_HEADER, SDS_BLOCK = 21, 127  # bytes
MEANINGLESS = re.compile("File does not exist|Internal error")  # what libsndfile says of files that exist, and of itself


def wav_sizes(source: Bytes) -> tuple[int, int] | None:
    """Return how many bytes of samples the header of a WAV file promises, and how many there is room for.

    None where they agree, where the header leaves it open as it does for what was streamed, and for other files.
    """
    head = source.read_at(0, 12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return None
    place, long_size = 12, 0
    for _chunk in range(CHUNKS):
        name, size = struct.unpack("<4sI", source.read_at(place, 8).ljust(8, b"\0"))
        place += 8
        if name == b"data":
            return _sizes(source, place, long_size or size, bool(long_size))
        if name == b"ds64":
            long_size = int.from_bytes(source.read_at(place + 8, 8), "little")
        place += size + size % 2
        if place >= source.size:
            return None
    return None


def _sizes(source: Bytes, place: int, promised: int, long: bool) -> tuple[int, int] | None:
    room = source.size - place
    if promised > room:
        return (promised, room) if long or 0 < promised < OPEN_ENDED else None
    follows = source.read_at(place + promised + promised % 2, 8)
    a_chunk = follows[:4].isascii() and follows[:4].decode("ascii").isprintable()
    return None if a_chunk or room - promised <= PADDING else (promised, room)


def caf_sizes(source: Bytes) -> tuple[int, int, int] | None:
    """Return where the samples of a CAF file begin, how many bytes of them it promises, and how many there is room for.

    None where they fit in, and for other files. What was streamed promises -1.
    """
    if source.read_at(0, 4) != b"caff":
        return None
    place = 8
    for _chunk in range(CHUNKS):
        chunk = source.read_at(place, 12)
        size, place = int.from_bytes(chunk[4:], "big", signed=True), place + 12
        if len(chunk) == 12 and chunk.startswith(b"data") and not 0 <= size <= source.size - place:
            return place, size, source.size - place
        if len(chunk) < 12 or size < 0:
            return None
        place += size
    return None


def caf_to_its_end(source: Bytes) -> bytes:
    """Return the beginning of a CAF file, to where its samples begin, that promises no more than there are; b"" where it needn't.

    libsndfile opens none that was cut off or streamed.
    """
    sizes = caf_sizes(source)
    return source.read_at(0, sizes[0] - 8) + sizes[2].to_bytes(8, "big") if sizes else b""


def promised_frames(there: int, log: str, head: bytes) -> int:
    """Return how many frames the header of a file promises, by what libsndfile writes of it; `there` where that isn't known."""
    for pattern in SIZES:
        if (sizes := pattern.search(log)) is not None:
            promised, room = int(sizes["promised"]), int(sizes["there"])
            return there * promised // room if 0 < room < promised < OPEN_ENDED else there
    told = FRAMES.search(log) or (NIST_FRAMES.search(head) if head.startswith(b"NIST") else None)
    return int(next(filter(None, told.groups()))) if told else there


def are_blocks_of_sds(source: Bytes) -> bool:
    """Whether the blocks of a MIDI sample dump follow each other; of others libsndfile makes noise, and prints to stdout."""
    return all(source.read_at(place, 2) == b"\xf0\x7e" for place in range(SDS_HEADER, source.size, SDS_BLOCK))


def claims_mpeg(head: bytes) -> bool:
    """Whether libsndfile takes a file that begins so for MP3: a tag before it, or what may be a frame of layer 1 to 3."""
    return head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and head[1] & 6 != 0)


def what_it_is(head: bytes, why: str) -> str:
    """Return what a file is that can't be read as sound, from its first bytes, and what to do; `why` is what libsndfile says."""
    if (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*"))
        or head[8:12] == b"WEBP"
        or (head[:2], head[6:10]) == (b"BM", bytes(4))
    ):
        return _("a picture; this network reads sounds: WAV, FLAC, Ogg or MP3")
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"avif", b"heic", b"heix", b"mif1"):
            return _("a picture; this network reads sounds: WAV, FLAC, Ogg or MP3")
        return _undecoded(_("an MP4 or M4A file"))
    for start, kind in (
        (b"\x1a\x45\xdf\xa3", _("a WebM or Matroska file")),
        (b"\x30\x26\xb2\x75", _("a WMA or WMV file")),
        (b"FLV\1", _("a video for Flash")),
        (b"\0\0\1\xba", _("a video in MPEG")),
        (b"\0\0\1\xb3", _("a video in MPEG")),
        (b"ADIF", _("a file of AAC sound")),
        (b"#!AMR", _("a file of AMR sound")),
        (b"wvpk", _("a WavPack file")),
        (b"MAC ", _("a Monkey's Audio file")),
    ):
        if head.startswith(start):
            return _undecoded(kind)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _undecoded(_("a video in AVI"))
    if head[:1] == b"\xff" and head[1:2] >= b"\xf0" and not head[1] & 6:
        return _undecoded(_("a file of AAC sound"))
    if head.startswith(b"MThd"):
        return _("a MIDI file, which holds notes and no sound; save what plays them as WAV, FLAC, Ogg or MP3")
    if head.startswith((b"\xf0\x7e", b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b".snd", b"caff", b"fLaC", b"OggS")) or is_mp3(head):
        return _damaged(why)
    return _("not a sound that can be read; use WAV, FLAC, Ogg or MP3")


def _damaged(why: str) -> str:
    if MEANINGLESS.search(why):
        return _("damaged or cut off: its header makes no sense. Use a whole copy")
    return _("damaged or cut off; libsndfile says: {why}. Use a whole copy").format(why=why.rstrip("."))


def _undecoded(kind: str) -> str:
    return _("{kind}, which Python can't decode; save the sound as WAV, FLAC, Ogg or MP3 (the page decodes it in the browser)").format(
        kind=kind
    )
