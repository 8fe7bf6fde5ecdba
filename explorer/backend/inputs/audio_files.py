"""Audio files: the content of a sound file, and the samples of any part of it, with every claim of its header checked."""

from __future__ import annotations

import struct
import threading
from bisect import bisect
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np

from explorer.backend.inputs import audio_segments
from explorer.backend.inputs.audio_bytes import Run, Samples
from explorer.backend.inputs.audio_decoder import BLOCK, PIECE, decoded, opened
from explorer.backend.inputs.audio_info import Sound, sound_info
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, Example, FileOnDisk

DEEP = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32")  # samples of more than 16 bits
STRETCHES = 1000  # in an envelope
WHOLE = 600  # seconds up to which an envelope uses all samples
GLANCE = 2**11  # frames of each stretch that the envelope of a longer sound uses
CACHED = 8  # sounds

_cache: OrderedDict[Hashable, Any] = OrderedDict()
_cache_lock = threading.Lock()


def sound_of(example: Example) -> Sound:
    """Return the content of an example's file; cached. Raises UnreadableExample with the reason."""
    return cast("Sound", cached("sound", example, sound_info))


def blocks(example: Example, first: int, count: int, lost: list[range] | None = None) -> Iterator[Samples]:
    """Yield float32 (frames, channels) from frame `first` on: `count` frames in total, fewer where the sound ends.

    A frame is the same wherever reading begins; those that can't be decoded are silence, and are added to `lost`. Raises UnreadableExample.
    """
    with refusing(UnreadableExample, _("{name} can't be decoded: {why}. Save the sound again, as WAV, FLAC, Ogg or MP3."), example.name):
        sound = sound_of(example)
        last = min(first + count, sound.frames)
        yield from _runs_blocks(example, sound, sound.runs or (Run(0, sound.frames, 0, 0),), first, last, lost)


def _runs_blocks(
    example: Example, sound: Sound, runs: Sequence[Run], position: int, last: int, lost: list[range] | None
) -> Iterator[Samples]:
    """Yield frames `position` to `last` of runs, with silence between them and for frames that can't be decoded."""
    for run in runs[max(0, bisect(runs, position, key=lambda run: run.first) - 1) :]:
        if run.first >= last or position >= last:
            break
        if run.last <= position:
            continue
        yield from _silent_blocks(sound, position, run.first, lost)
        position, stop = max(position, run.first), min(run.last, last)
        for block in _run_blocks(example, sound, run, position, stop, BLOCK, lost):
            yield block
            position += len(block)
        if position < stop and sound.format == "FLAC":
            frames = _flac_frame_runs(example) if run not in _flac_frame_runs(example) else ()
            yield from _runs_blocks(example, sound, frames, position, stop, lost)
            position = stop
        elif position < stop:
            yield from _blocks_in_pieces(example, sound, run, position, stop, lost)
            position = stop
    yield from _silent_blocks(sound, position, last, lost)


def _run_blocks(
    example: Example, sound: Sound, run: Run, position: int, stop: int, at_once: int, lost: list[range] | None
) -> Iterator[Samples]:
    """Yield frames `position` to `stop`, up to the first failure, after which libsndfile decodes no more of a file."""
    from soundfile import LibsndfileError

    run_start = run.first - run.skipped
    silent_ranges: list[range] = []
    try:
        with opened(example, run if sound.runs or run.head else None) as file:
            yield from decoded(file, example.name, position - run_start, stop - run_start, at_once=at_once, lost=silent_ranges)
    except LibsndfileError:
        return  # the caller adds the missing frames to `lost`
    finally:
        if lost is not None:
            lost += [range(run_start + silent.start, run_start + silent.stop) for silent in silent_ranges]


def _flac_frame_runs(example: Example) -> tuple[Run, ...]:
    """Return a run for each frame of a damaged FLAC file, to be decoded on its own."""
    return cast("tuple[Run, ...]", cached("frames", example, audio_segments.flac_runs))


def _blocks_in_pieces(example: Example, sound: Sound, run: Run, position: int, stop: int, lost: list[range] | None) -> Iterator[Samples]:
    """Yield frames of a damaged file, with a new start after each failure to decode."""
    gap = PIECE
    while position < stop:
        for block in _run_blocks(example, sound, run, position, stop, PIECE, lost):
            yield block
            position, gap = position + len(block), PIECE
        yield from _silent_blocks(sound, position, min(position + gap, stop), lost)
        position, gap = min(position + gap, stop), 2 * gap


def _silent_blocks(sound: Sound, first: int, last: int, lost: list[range] | None) -> Iterator[Samples]:
    """Yield silence for frames that can't be decoded, and add them to `lost`."""
    if first < last and lost is not None:
        lost.append(range(first, last))
    at_once = max(1, BLOCK // sound.channels)
    for position in range(first, last, at_once):
        yield np.zeros((min(at_once, last - position), sound.channels), np.float32)


def mono(example: Example, first: int, count: int, lost: list[range] | None = None) -> Samples:
    """Return float32 (count,): the channels averaged, from frame `first` (0 or more) on; zeros after the end of the sound.

    lost: is extended by the frames that can't be decoded.
    """
    samples = np.zeros(count, np.float32)
    position = 0
    for block in blocks(example, first, count, lost):
        samples[position : position + len(block)] = block.mean(axis=1)
        position += len(block)
    return samples


def wav_of(example: Example, first: int, count: int) -> bytes:
    """Return frames as a WAV file of the same rate and channels: 16 bits a sample, or 32-bit float where the source has more.

    Samples beyond the range of 16 bits are clipped. Raises UnreadableExample, also for more than 200 MB.
    """
    sound = sound_of(example)
    count = max(0, min(count, sound.frames - first))
    if count * sound.channels * 4 > LARGEST:
        raise UnreadableExample(_("This part of {name} takes more than 200 MB; choose a shorter one.").format(name=example.name))
    samples = np.concatenate([np.zeros((0, sound.channels), np.float32), *blocks(example, first, count)])
    if sound.subtype in DEEP:
        return wav(samples, sound.rate)
    full_scale = 32767 if sound.format == "OGG" else 32768  # libsndfile's integer for 1.0
    return wav(np.clip(np.rint(samples * np.float32(full_scale)), -32768, 32767).astype(np.int16), sound.rate)


def wav(samples: np.ndarray[Any, Any], rate: int) -> bytes:
    """Return int16 or float32 samples, (frames, channels), as a WAV file: the same bytes for the same samples."""
    width, channels = samples.dtype.itemsize, samples.shape[1]
    content = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    coding = 3 if samples.dtype.kind == "f" else 1
    layout = struct.pack("<HHIIHH", coding, channels, rate, rate * channels * width, channels * width, 8 * width)
    header = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(content))
    return b"RIFF" + struct.pack("<I", len(header) + len(content)) + header + content


def envelope(example: Example) -> Samples:
    """Return float32 (n, 2): the lowest and highest sample, channels averaged, of n equal stretches of the whole sound; cached.

    Up to ten minutes it uses all samples; for a longer sound only the first 2,048 of each stretch, where parts can be decoded on their
    own. n is 1000, or the number of samples where there are fewer.
    """
    return cast("Samples", cached("envelope", example, _computed_envelope))


def _computed_envelope(example: Example) -> Samples:
    sound = sound_of(example)
    count = min(STRETCHES, sound.frames)
    edges = np.arange(count + 1) * sound.frames // count
    outline = np.zeros((count, 2), np.float32)
    if sound.seconds > WHOLE and sound.any_part:
        for index, (low, high) in _glanced_extrema(example, sound, edges.tolist()):
            outline[index] = low, high
        return outline
    position = 0
    for block in blocks(example, 0, sound.frames):
        first, last = int(np.searchsorted(edges, position, "right")) - 1, int(np.searchsorted(edges[:-1], position + len(block)))
        samples, starts = block.mean(axis=1), np.maximum(edges[first:last] - position, 0)
        extrema = np.stack((np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)), axis=1)
        if edges[first] < position:  # the stretch began in the preceding block
            extrema[0] = min(extrema[0, 0], outline[first, 0]), max(extrema[0, 1], outline[first, 1])
        outline[first:last] = extrema
        position += len(block)
    return outline


def _glanced_extrema(example: Example, sound: Sound, edges: list[int]) -> Iterator[tuple[int, tuple[float, float]]]:
    """Yield the index of each stretch, and the lowest and highest of its first samples."""
    from soundfile import LibsndfileError

    done = 0
    try:
        with opened(example, sound.runs[0] if sound.runs else None) as file:
            for index, (first, last) in enumerate(pairwise(edges) if len(sound.runs) < 2 else ()):
                for block in decoded(file, example.name, first, min(first + GLANCE, last), warm_up=0):
                    samples = block.mean(axis=1)
                    yield index, (samples.min(), samples.max())
                done = index + 1
    except LibsndfileError:
        pass  # the rest is damaged, and each stretch is decoded on its own
    for index, (first, last) in list(enumerate(pairwise(edges)))[done:]:
        samples = np.concatenate([block.mean(axis=1) for block in blocks(example, first, min(GLANCE, last - first))])
        yield index, (samples.min(), samples.max())


def cached(kind: Hashable, example: Example, make: Callable[[Example], Any]) -> Any:
    """Return the result of `make` for an example, cached for the last few sounds; the example's start doesn't matter.

    All exceptions that a file can cause in `make` are raised as UnreadableExample.
    """
    data = example.data
    if not isinstance(data, bytes | FileOnDisk):
        return make(example)  # which raises the error
    # Python caches the hash of bytes, so hashing again costs nothing, and the cache keeps no reference to the bytes.
    key = (kind, example.name, (hash(data), len(data)) if isinstance(data, bytes) else data)
    with _cache_lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    with refusing(UnreadableExample, _("{name} can't be read as a sound: {why}. Save it again, as WAV, FLAC, Ogg or MP3."), example.name):
        result = make(example)
    with _cache_lock:
        _cache[key] = result
        while len(_cache) > 2 * CACHED:
            _cache.popitem(last=False)
    return result
