"""What the bytes of a sound file say of it before it is decoded: what it is, how long it claims to be, whether it is cut off."""

from __future__ import annotations

import re
import struct
from typing import Any, BinaryIO

from explorer.locale import _

OPEN_ENDED = 0x7FFF0000  # from here on, a size in a WAV header means that it wasn't known when writing began
CHUNKS = 1000  # of a WAV file before its samples
HEAD = 2**12  # bytes
PAGE = 2**16  # bytes; an Ogg page is smaller
PADDING = 2**12  # bytes that may follow the samples of a WAV file and mean nothing
MEANINGLESS = re.compile("File does not exist|Internal error")  # what libsndfile says of files that exist, and of itself
SEARCHED = 2**16  # bytes behind a tag in which the first frame of an MP3 is looked for
KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # bitrates of MPEG 1, layer 3
KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
COUNTED = 2**20  # bytes of an MP3 that are looked at at once
TAG = 128  # bytes at the end of an MP3
SLOWEST = 40  # times that the bitrate of MP3 may fall: from 320 to 8 kbit/s


class Source:
    """A file as libsndfile is shown it: without a name to guess from, and seemingly longer where its size would mislead.

    Where an MP3 doesn't say how long it is, libsndfile guesses from the file's size and the first frame, and reads no further:
    with a larger size the guess lies behind the end, which reading then finds. It knows an MP3 without a name by its first
    bytes alone, so tags before its first frame are left out.
    """

    def __init__(self, file: BinaryIO):
        self.file = file
        self.at = self.begin = 0
        self.size = self.end = file.seek(0, 2)
        self.begin = _behind_tags(self)
        self.size = self.end = self.size - self.begin
        if _is_unsized_mp3(self):
            self.end *= SLOWEST

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place, counted as in any file; return it."""
        self.at = max(0, offset + (0, self.at, self.end)[whence])
        return self.at

    def tell(self) -> int:
        """Return the place."""
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from here on; return how much of it, less only at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, count: int) -> bytes:
        """Return that many bytes from here on, fewer only at the end."""
        if self.at >= self.end - TAG > self.size:  # where mpg123 looks for a tag
            data = bytes(min(count, max(0, self.end - self.at)))
        else:
            self.file.seek(self.begin + min(self.at, self.size))
            data = self.file.read(count)
        self.at += len(data)
        return data

    def read_at(self, place: int, count: int = HEAD) -> bytes:
        """Return bytes from `place` on."""
        self.seek(place)
        return self.read(count)


def is_mpeg(head: bytes) -> bool:
    """Whether a file that begins so may be MP3: a tag before it, or a frame of layer 1 to 3."""
    return head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and head[1] & 6 != 0)


def _behind_tags(source: Source) -> int:
    """Return where a file that begins with an ID3 tag goes on: with its first frame, where it is an MP3."""
    head = source.read_at(0, 10)
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(head[6:])))
    behind = min(10 + size + (10 if head[5] & 0x10 else 0), source.size)
    follows = source.read_at(behind, SEARCHED)
    frames = (place for place in range(len(follows) - 4) if follows[place] == 0xFF and _is_frame(follows, place))
    return behind + next(frames, 0)


def _is_frame(data: bytes, place: int) -> bool:
    """Whether a frame of MPEG layer 3 lies there, with another one behind it."""
    length = _length_of_frame(data[place : place + 4])
    return length > 0 and (place + length + 4 > len(data) or _length_of_frame(data[place + length : place + length + 4]) > 0)


def is_mp3(data: bytes) -> bool:
    """Whether the bytes of a file begin with a frame of MPEG layer 3 and another one follows."""
    length = _length_of_frame(data[:4])
    return length > 0 and _length_of_frame(data[length : length + 4]) > 0


def _length_of_frame(header: bytes) -> int:
    """Return how many bytes the frame of MPEG layer 3 has that begins so; 0 where none does (ISO/IEC 11172-3, 2.4.1.3)."""
    bits = int.from_bytes(header, "big")
    version, layer, bitrate, rate, padding = bits >> 19 & 3, bits >> 17 & 3, bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    if bits >> 21 != 0x7FF or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0
    first = version == 3  # MPEG 1; else 2 or 2.5, with half of everything
    samples_per_second = (44_100, 48_000, 32_000)[rate] >> (0 if first else 1 if version == 2 else 2)
    return (144 if first else 72) * (KBITS_1 if first else KBITS_2)[bitrate] * 1000 // samples_per_second + padding


def mp3_frames(source: Source) -> int:
    """Return how many samples of each channel the frames of an MP3 make, counted one by one; 0 for other layers of MPEG."""
    count = place = base = 0
    data = b""
    while place + 4 <= source.size:
        if place + 4 > base + len(data):
            base, data = place, source.read_at(place, COUNTED)
        header = data[place - base : place - base + 4]
        length = _length_of_frame(header)
        if not length:
            sync = data.find(b"\xff", place - base + 1)
            place = base + (sync if sync >= 0 else len(data))
        else:
            place += length
            count += (1152 if header[1] & 8 else 576) if place <= source.size else 0
    return count


def _is_unsized_mp3(source: Source) -> bool:
    """Whether this is an MP3 whose first frame doesn't say how many there are."""
    head = source.read_at(0)
    if not is_mpeg(head):
        return False
    source.seek(0)
    place = max(head.find(b"Xing", 0, 64), head.find(b"Info", 0, 64))
    return place < 0 or not head[place + 7 : place + 8] or not head[place + 7] & 1


def wav_sizes(source: Source) -> tuple[int, int] | None:
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


def _sizes(source: Source, place: int, promised: int, long: bool) -> tuple[int, int] | None:
    room = source.size - place
    if promised > room:
        return (promised, room) if long or 0 < promised < OPEN_ENDED else None
    follows = source.read_at(place + promised + promised % 2, 8)
    a_chunk = follows[:4].isascii() and follows[:4].decode("ascii").isprintable()
    return None if a_chunk or room - promised <= PADDING else (promised, room)


def is_cut_ogg(source: Source) -> bool:
    """Whether this is an Ogg file whose last page ends behind the end of the file."""
    if source.read_at(0, 4) != b"OggS":
        return False
    tail = source.read_at(max(0, source.size - 2 * PAGE), 2 * PAGE)
    page = tail[tail.rfind(b"OggS") :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


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
    if head.startswith((b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b".snd", b"caff", b"fLaC", b"OggS")) or is_mpeg(head):
        return _damaged(why)
    return _("not a sound that can be read; use WAV, FLAC, Ogg or MP3")


def _damaged(why: str) -> str:
    if MEANINGLESS.search(why):
        return _("damaged or cut off: its header makes no sense")
    return _("damaged or cut off; libsndfile says: {why}").format(why=why.rstrip("."))


def _undecoded(kind: str) -> str:
    return _("{kind}, which Python can't decode; save the sound as WAV, FLAC, Ogg or MP3 (the page decodes it in the browser)").format(
        kind=kind
    )
