"""The samples of a sound file, decoded by libsndfile from any frame on. soundfile is imported on first use, as it takes a while."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from explorer.backend.inputs import mp3_damage
from explorer.backend.inputs.audio_bytes import Run, Samples
from explorer.backend.inputs.audio_headers import HEAD, are_blocks_of_sds, claims_mpeg, what_it_is
from explorer.backend.inputs.audio_source import Source
from explorer.backend.inputs.mp3_damage import PAIR, WARM_UP
from explorer.backend.runtime.native_stderr import silenced
from explorer.catalog.options import stamp_of
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, FileOnDisk

LOUDEST = 100.0  # samples are -1 to 1; beyond this they are surely something else
BLOCK, PIECE = 2**18, 2**10  # samples, over all channels, that are decoded at once, and where that fails
SIZED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")  # libsndfile cuts what their headers say to what is there
COMPRESSED = ("FLAC", "OGG", "MP3")  # which libsndfile decodes from any frame on
UNKNOWN = 2**62  # frames; FLAC that doesn't say how many it has, as a part of one doesn't, is said to have more


@contextmanager
def opened(example: Example, run: Run | None = None) -> Iterator[Any]:
    """Give the file of an example, or a run of it, as a soundfile.SoundFile. Raises UnreadableExample."""
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
        except Exception as error:  # soundfile raises other kinds too, where libsndfile says what it doesn't know
            what = what_it_is(head, getattr(error, "error_string", str(error)))
            raise UnreadableExample(_("{name} is {what}.").format(name=example.name, what=what)) from error
        file.seekable = lambda: False  # else soundfile seeks before and after it reads, which is inexact in MP3 and fails at a lying end
        with file:
            yield file


@contextmanager
def source_of(example: Example, run: Run | None = None) -> Iterator[Source]:
    """Give the bytes of an example, or of a run of it. Raises UnreadableExample where there are none, or they changed."""
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
        raise UnreadableExample(_("{name} is no sound.").format(name=example.name))
    with file:
        if not file.read(1):
            raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
        yield Source(file, run)


def can_seek(file: Any) -> bool:
    """Whether decoding may begin at any frame; where it may not, each sample hangs on all before it, or libsndfile misses the place."""
    from soundfile import LibsndfileError

    if file.format in SIZED:
        try:
            file.seek(1)  # libsndfile says of some codings that it can, and then can't
        except LibsndfileError:
            return False  # and the file is where it was: at its beginning
    return file.format in SIZED or (file.format in COMPRESSED and file.frames < UNKNOWN)


def decoded(
    file: Any, name: str, first: int, last: int, warm_up: int = WARM_UP, at_once: int = BLOCK, lost: list[range] | None = None
) -> Iterator[Samples]:
    """Yield frames first to last as float32 (frames, channels) of a file that was just opened, fewer where it ends before.

    at_once: samples, over all channels, that are decoded, and may fail, together.
    lost: gets which of the frames are silence, as what was decoded there can't be the sound.
    Raises soundfile.LibsndfileError where decoding fails, UnreadableExample for samples that are none.
    """
    mpeg = file.subtype.startswith("MPEG")
    at = 0
    if can_seek(file):
        at = max(0, first - warm_up) // PAIR * PAIR if mpeg or file.format == "OGG" else first  # Opus converges, too
        with _silenced(mpeg):
            file.seek(at)
    damaged: list[range] = []
    frames = max(1, at_once // file.channels)
    try:
        for block in mp3_damage.mended(file, at, last, frames, damaged) if mpeg else _blocks(file, at, last, frames):
            wanted = block[max(0, first - at) :]
            at += len(block)
            if len(wanted):
                yield checked(wanted, name)
    finally:
        if lost is not None:
            lost += filter(len, (range(max(first, one.start), min(at, one.stop)) for one in damaged))


def _blocks(file: Any, at: int, last: int, frames: int) -> Iterator[Samples]:
    while at < last:
        block = file.read(min(frames, last - at), dtype="float32", always_2d=True)
        if not len(block):
            return
        at += len(block)
        yield block


def checked(block: Samples, name: str) -> Samples:
    """Return samples as they are. Raises UnreadableExample where they can be none."""
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
    """Keep from the process's stderr what mpg123 prints there of MP3 that it doesn't like."""
    return silenced(mp3_damage.CHATTER) if mpeg else nullcontext([])
