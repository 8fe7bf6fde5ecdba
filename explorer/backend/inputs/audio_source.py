"""A sound file as libsndfile is shown it, so that it finds what is there whatever stands before it."""

from __future__ import annotations

from copy import copy
from typing import Any, BinaryIO

from explorer.backend.inputs import flac_frames, mp3_frames
from explorer.backend.inputs.audio_bytes import Bytes, Run
from explorer.backend.inputs.audio_headers import caf_to_its_end

TAG = 128  # bytes at the end of an MP3
SLOWEST = 40  # times that the bitrate of MP3 may fall: from 320 to 8 kbit/s


class Source(Bytes):
    """A file as libsndfile reads it: without a name to guess from, and seemingly longer where its size would mislead.

    plain: the bytes of the file behind its tags; an MP3 begins with its first frame.
    run: the stretch that is shown; None for the whole, with a header that fits what follows.

    Where an MP3 doesn't say how long it is, libsndfile guesses from the file's size and the first frame, and reads no further:
    with a larger size the guess lies behind the end, which reading then finds. It knows an MP3 without a name by its first
    bytes alone, so tags before its first frame are left out.
    """

    def __init__(self, file: BinaryIO, run: Run | None = None) -> None:
        size = file.seek(0, 2)
        self.plain = Bytes(file, _begin(Bytes(file, 0, size)), size)
        self.is_mp3 = _is_mp3(self.plain)
        run = run or _whole(self.plain)
        super().__init__(file, self.plain.begin + run.begin, self.plain.begin + run.end, run.head)
        self.at = 0
        told = mp3_frames.info(self.plain) if self.is_mp3 and not run.begin else None
        self.end = self.size * SLOWEST if self.is_mp3 and (told is None or not told.frames) else self.size

    def afresh(self) -> Source:
        """Return the same bytes, to be read from their beginning."""
        again = copy(self)
        again.at = 0
        return again

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
        where_a_tag_may_be = self.at >= self.end - TAG > self.size  # which mpg123 looks for
        data = bytes(min(count, max(0, self.end - self.at))) if where_a_tag_may_be else self.read_at(self.at, count)
        self.at += len(data)
        return data


def _begin(whole: Bytes) -> int:
    """Return where a file goes on behind an ID3 tag: with its first frame, where it is an MP3."""
    behind = min(mp3_frames.tag_size(whole.read_at(0, 10)), whole.size)
    return behind + (mp3_frames.first_frame(whole.read_at(behind, mp3_frames.SEARCHED)) or 0) if behind else 0


def _is_mp3(plain: Bytes) -> bool:
    return plain.read_at(0, 1) == b"\xff" and mp3_frames.is_mp3(plain.read_at(0, mp3_frames.SEARCHED))


def _whole(plain: Bytes) -> Run:
    flac = flac_frames.shown(plain)
    if flac is not None:
        return Run(0, flac.total, flac.begin, plain.size, flac.head)
    head = caf_to_its_end(plain)
    return Run(0, 0, len(head), plain.size, head)
