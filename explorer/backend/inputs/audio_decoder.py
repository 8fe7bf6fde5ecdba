"""Audio decoder: decodes a sound file with libsndfile from any frame on. soundfile is imported on first use, as it takes a while."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from explorer.backend.inputs import mp3_damage
from explorer.backend.inputs.audio_bytes import Run, Samples
from explorer.backend.inputs.audio_headers import HEAD, are_blocks_of_sds, claims_mpeg, description
from explorer.backend.inputs.audio_source import Source
from explorer.backend.inputs.mp3_damage import PAIR, WARM_UP
from explorer.backend.runtime.native_stderr import silenced
from explorer.catalog.options import stamp_of
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, FileOnDisk

LOUDEST = 100.0  # samples are -1 to 1; larger values than this can't be samples
BLOCK, PIECE = 2**18, 2**10  # samples, over all channels, that are decoded at once, and after a failure
SIZED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")  # whose number of frames libsndfile limits to those in the file
COMPRESSED = ("FLAC", "OGG", "MP3")  # which libsndfile decodes from any frame on
UNKNOWN = 2**62  # frames; libsndfile reports more for FLAC without a total, as in a part of a file


@contextmanager
def opened(example: Example, run: Run | None = None) -> Iterator[Any]:
    """Open the file of an example, or a run of it, as a soundfile.SoundFile. Raises UnreadableExample."""
    from soundfile import SoundFile

    with source_of(example, run) as source:
        head = source.read_at(0, HEAD)
        try:
            if claims_mpeg(head) and not source.is_mp3:
                raise ValueError(head[:2])
            with _silenced(source.is_mp3):
                file = SoundFile(source)
            if file.format == "SDS" and not are_blocks_of_sds(source):
                file.close()
                raise ValueError(_("its blocks don't follow each other"))
        except Exception as error:  # soundfile raises other exceptions, too, for unknown error codes
            kind = description(head, getattr(error, "error_string", str(error)))
            raise UnreadableExample(_("{name} is {what}.").format(name=example.name, what=kind)) from error
        file.seekable = lambda: False  # else soundfile seeks before and after reading, which is inexact in MP3 and fails at a wrong end
        with file:
            yield file


@contextmanager
def source_of(example: Example, run: Run | None = None) -> Iterator[Source]:
    """Open the bytes of an example, or of a run of it. Raises UnreadableExample where there are none, or the file has changed."""
    data = example.data
    if isinstance(data, bytes):
        file: BinaryIO = io.BytesIO(data)
    elif isinstance(data, FileOnDisk):
        try:
            if stamp_of(Path(data.path)) != data.stamp:
                raise UnreadableExample(_("{name} has changed since it was chosen; choose it again.").format(name=example.name))
            file = open(data.path, "rb")  # noqa: SIM115 - closed below
        except OSError as error:
            raise UnreadableExample(_("{path} can't be read: {why}.").format(path=data.path, why=error.strerror)) from error
    else:
        raise UnreadableExample(_("{name} is not a sound.").format(name=example.name))
    with file:
        if not file.read(1):
            raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
        yield Source(file, run)


def can_seek(file: Any) -> bool:
    """Whether decoding can begin at any frame; it can't where each sample depends on all earlier ones, or libsndfile seeks inexactly."""
    from soundfile import LibsndfileError

    if file.format in SIZED:
        try:
            file.seek(1)  # libsndfile claims to seek in some codings, and then fails
        except LibsndfileError:
            return False  # the file is still at its beginning
    return file.format in SIZED or (file.format in COMPRESSED and file.frames < UNKNOWN)


def decoded(
    file: Any, name: str, first: int, last: int, warm_up: int = WARM_UP, at_once: int = BLOCK, lost: list[range] | None = None
) -> Iterator[Samples]:
    """Yield frames `first` to `last` of a newly opened file as float32 (frames, channels), fewer where it ends earlier.

    at_once: samples, over all channels, that are decoded, and may fail, together.
    lost: is extended by the frames that are replaced with silence, as they were decoded wrongly.
    Raises soundfile.LibsndfileError where decoding fails, UnreadableExample for invalid samples.
    """
    mpeg = file.subtype.startswith("MPEG")
    position = 0
    if can_seek(file):
        position = max(0, first - warm_up) // PAIR * PAIR if mpeg or file.format == "OGG" else first  # Opus needs a warm-up, too
        with _silenced(mpeg):
            file.seek(position)
    damaged: list[range] = []
    frames = max(1, at_once // file.channels)
    try:
        for block in mp3_damage.with_silence(file, position, last, frames, damaged) if mpeg else _blocks(file, position, last, frames):
            kept = block[max(0, first - position) :]
            position += len(block)
            if len(kept):
                yield checked(kept, name)
    finally:
        if lost is not None:
            lost += filter(len, (range(max(first, fault.start), min(position, fault.stop)) for fault in damaged))


def _blocks(file: Any, position: int, last: int, frames: int) -> Iterator[Samples]:
    while position < last:
        block = file.read(min(frames, last - position), dtype="float32", always_2d=True)
        if not len(block):
            return
        position += len(block)
        yield block


def checked(block: Samples, name: str) -> Samples:
    """Return samples unchanged. Raises UnreadableExample for NaN, infinite and far too large values."""
    if not np.isfinite(block).all():
        raise UnreadableExample(_("{name} holds samples that are NaN or infinite; save it again without them.").format(name=name))
    loudest = float(np.abs(block).max())
    if loudest > LOUDEST:
        raise UnreadableExample(
            _("{name} holds samples up to {loudest:g}; they must be -1 to 1: divide them by the largest.").format(
                name=name, loudest=loudest
            )
        )
    return block


def _silenced(mpeg: bool) -> AbstractContextManager[list[str]]:
    """Silence what mpg123 prints to the process's stderr about damaged MP3."""
    return silenced(mp3_damage.CHATTER) if mpeg else nullcontext([])
