"""Audio source: presents a sound file to libsndfile so that it finds the samples, whatever precedes them in the file."""

from __future__ import annotations

from copy import copy
from typing import Any, BinaryIO

from explorer.backend.inputs import flac_frames, mp3_frames
from explorer.backend.inputs.audio_bytes import Bytes, Run
from explorer.backend.inputs.audio_headers import repaired_caf_head

TAG = 128  # bytes at the end of an MP3
SLOWEST = 40  # the largest ratio of bitrates in an MP3: 320 to 8 kbit/s


class Source(Bytes):
    """A file object for libsndfile: without a name to guess from, and with a larger size where the true one would mislead.

    plain: the bytes of the file after its leading tags; an MP3 begins with its first frame.
    run: the part to present; None for the whole file, with a header that matches what follows.

    Where an MP3 doesn't state its length, libsndfile estimates it from the file's size and the first frame, and reads no further:
    with a larger size the estimate lies past the end, which is then found by reading. It recognises an MP3 without a name by its
    first bytes alone, so tags before the first frame are left out.
    """

    def __init__(self, file: BinaryIO, run: Run | None = None) -> None:
        size = file.seek(0, 2)
        self.plain = Bytes(file, _begin(Bytes(file, 0, size)), size)
        self.is_mp3 = _is_mp3(self.plain)
        run = run or _whole(self.plain)
        super().__init__(file, self.plain.begin + run.begin, self.plain.begin + run.end, run.head)
        self.position = 0
        info = mp3_frames.info(self.plain) if self.is_mp3 and not run.begin else None
        self.end = self.size * SLOWEST if self.is_mp3 and (info is None or not info.frames) else self.size

    def reopened(self) -> Source:
        """Return another source of the same bytes, at their beginning."""
        source = copy(self)
        source.position = 0
        return source

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position, as in any file object; return it."""
        self.position = max(0, offset + (0, self.position, self.end)[whence])
        return self.position

    def tell(self) -> int:
        """Return the position."""
        return self.position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on; return the number of bytes, fewer only at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, count: int) -> bytes:
        """Return `count` bytes from the position on, fewer only at the end."""
        in_padding = self.position >= self.end - TAG > self.size  # mpg123 looks for a tag there
        data = bytes(min(count, max(0, self.end - self.position))) if in_padding else self.read_at(self.position, count)
        self.position += len(data)
        return data


def _begin(whole: Bytes) -> int:
    """Return the offset after a leading ID3 tag: that of the first frame, where the file is an MP3."""
    tag_end = min(mp3_frames.tag_size(whole.read_at(0, 10)), whole.size)
    return tag_end + (mp3_frames.first_frame(whole.read_at(tag_end, mp3_frames.SEARCHED)) or 0) if tag_end else 0


def _is_mp3(plain: Bytes) -> bool:
    return plain.read_at(0, 1) == b"\xff" and mp3_frames.is_mp3(plain.read_at(0, mp3_frames.SEARCHED))


def _whole(plain: Bytes) -> Run:
    flac = flac_frames.stream_of(plain)
    if flac is not None:
        return Run(0, flac.total, flac.begin, plain.size, flac.head)
    head = repaired_caf_head(plain)
    return Run(0, 0, len(head), plain.size, head)
