"""Files of sound: what is in them, and any part of them; no header is believed before it is checked."""

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
from explorer.backend.inputs.audio_info import Sound, looked_at
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, Example, FileOnDisk

DEEP = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32")  # samples of more than 16 bits
STRETCHES = 1000  # of an envelope
WHOLE = 600  # seconds up to which an envelope is made of all samples
GLANCE = 2**11  # frames of each stretch that the envelope of a longer sound is made of
REMEMBERED = 8  # sounds

_remembered: OrderedDict[Hashable, Any] = OrderedDict()
_remembering = threading.Lock()


def sound_of(example: Example) -> Sound:
    """Return what is in the file of an example; remembered. Raises UnreadableExample with the reason."""
    return cast("Sound", remembered("sound", example, looked_at))


def blocks(example: Example, first: int, count: int, lost: list[range] | None = None) -> Iterator[Samples]:
    """Yield float32 (frames, channels) from frame `first` on: `count` frames in all, fewer where the sound ends.

    Frames are the same wherever reading begins; those that can't be decoded are silence, and go into `lost`. Raises UnreadableExample.
    """
    with refusing(UnreadableExample, _("{name} can't be decoded: {why}. Save the sound again, as WAV, FLAC, Ogg or MP3."), example.name):
        sound = sound_of(example)
        last = min(first + count, sound.frames)
        yield from _of_runs(example, sound, sound.runs or (Run(0, sound.frames, 0, 0),), first, last, lost)


def _of_runs(example: Example, sound: Sound, runs: Sequence[Run], at: int, last: int, lost: list[range] | None) -> Iterator[Samples]:
    """Yield frames `at` to `last` of runs; silence between them, and for what of them can't be decoded."""
    for run in runs[max(0, bisect(runs, at, key=lambda one: one.first) - 1) :]:
        if run.first >= last or at >= last:
            break
        if run.last <= at:
            continue
        yield from _silence(sound, at, run.first, lost)
        at, stop = max(at, run.first), min(run.last, last)
        for block in _of_run(example, sound, run, at, stop, BLOCK, lost):
            yield block
            at += len(block)
        if at < stop and sound.format == "FLAC":
            frames = _frames(example) if run not in _frames(example) else ()
            yield from _of_runs(example, sound, frames, at, stop, lost)
            at = stop
        elif at < stop:
            yield from _by_pieces(example, sound, run, at, stop, lost)
            at = stop
    yield from _silence(sound, at, last, lost)


def _of_run(example: Example, sound: Sound, run: Run, at: int, stop: int, at_once: int, lost: list[range] | None) -> Iterator[Samples]:
    """Yield frames `at` to `stop`, as far as they can be decoded in one go: libsndfile decodes no more of a file in which it failed."""
    from soundfile import LibsndfileError

    before = run.first - run.skipped
    silent: list[range] = []
    try:
        with opened(example, run if sound.runs or run.head else None) as file:
            yield from decoded(file, example.name, at - before, stop - before, at_once=at_once, lost=silent)
    except LibsndfileError:
        return  # the caller sees how far it came, and says what is lost
    finally:
        if lost is not None:
            lost += [range(before + one.start, before + one.stop) for one in silent]


def _frames(example: Example) -> tuple[Run, ...]:
    """Return the frames of a damaged FLAC file, each of which can be decoded on its own, or can't."""
    return cast("tuple[Run, ...]", remembered("frames", example, audio_segments.of_flac))


def _by_pieces(example: Example, sound: Sound, run: Run, at: int, stop: int, lost: list[range] | None) -> Iterator[Samples]:
    """Yield frames of a damaged file, beginning anew behind each place where decoding fails."""
    gap = PIECE
    while at < stop:
        for block in _of_run(example, sound, run, at, stop, PIECE, lost):
            yield block
            at, gap = at + len(block), PIECE
        yield from _silence(sound, at, min(at + gap, stop), lost)
        at, gap = min(at + gap, stop), 2 * gap


def _silence(sound: Sound, first: int, last: int, lost: list[range] | None) -> Iterator[Samples]:
    """Yield silence for frames that can't be decoded, and take down which."""
    if first < last and lost is not None:
        lost.append(range(first, last))
    at_once = max(1, BLOCK // sound.channels)
    for at in range(first, last, at_once):
        yield np.zeros((min(at_once, last - at), sound.channels), np.float32)


def mono(example: Example, first: int, count: int, lost: list[range] | None = None) -> Samples:
    """Return float32 (count,): the channels averaged, from frame `first` (0 or more) on; zeros where there is no sound.

    lost: gets the frames that can't be decoded.
    """
    heard = np.zeros(count, np.float32)
    at = 0
    for block in blocks(example, first, count, lost):
        heard[at : at + len(block)] = block.mean(axis=1)
        at += len(block)
    return heard


def wav_of(example: Example, first: int, count: int) -> bytes:
    """Return frames as a WAV file of the same rate and channels: 16 bits a sample, or 32-bit float where the source has more.

    What is louder than 16 bits can say is cut off. Raises UnreadableExample, also for more than 200 MB.
    """
    sound = sound_of(example)
    count = max(0, min(count, sound.frames - first))
    if count * sound.channels * 4 > LARGEST:
        raise UnreadableExample(_("That stretch of {name} takes more than 200 MB; choose a shorter one.").format(name=example.name))
    samples = np.concatenate([np.zeros((0, sound.channels), np.float32), *blocks(example, first, count)])
    if sound.subtype in DEEP:
        return wav(samples, sound.rate)
    full = 32767 if sound.format == "OGG" else 32768  # what libsndfile makes of 1.0
    return wav(np.clip(np.rint(samples * np.float32(full)), -32768, 32767).astype(np.int16), sound.rate)


def wav(samples: np.ndarray[Any, Any], rate: int) -> bytes:
    """Return int16 or float32 samples, (frames, channels), as a WAV file: the same bytes for the same samples."""
    width, channels = samples.dtype.itemsize, samples.shape[1]
    content = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    coding = 3 if samples.dtype.kind == "f" else 1
    layout = struct.pack("<HHIIHH", coding, channels, rate, rate * channels * width, channels * width, 8 * width)
    header = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(content))
    return b"RIFF" + struct.pack("<I", len(header) + len(content)) + header + content


def envelope(example: Example) -> Samples:
    """Return float32 (n, 2): the lowest and highest sample, channels averaged, of n equal stretches of the whole sound; remembered.

    Up to ten minutes it is made of all samples, for a longer sound of the first 2,048 of each stretch, where any can be decoded without
    the rest. n is 1000, or the number of samples where there are fewer.
    """
    return cast("Samples", remembered("envelope", example, _outlined))


def _outlined(example: Example) -> Samples:
    sound = sound_of(example)
    count = min(STRETCHES, sound.frames)
    edges = np.arange(count + 1) * sound.frames // count
    outline = np.zeros((count, 2), np.float32)
    if sound.seconds > WHOLE and sound.any_part:
        for place, (low, high) in _glimpsed(example, sound, edges.tolist()):
            outline[place] = low, high
        return outline
    at = 0
    for block in blocks(example, 0, sound.frames):
        first, last = int(np.searchsorted(edges, at, "right")) - 1, int(np.searchsorted(edges[:-1], at + len(block)))
        heard, starts = block.mean(axis=1), np.maximum(edges[first:last] - at, 0)
        ends = np.stack((np.minimum.reduceat(heard, starts), np.maximum.reduceat(heard, starts)), axis=1)
        if edges[first] < at:  # the stretch began in the block before
            ends[0] = min(ends[0, 0], outline[first, 0]), max(ends[0, 1], outline[first, 1])
        outline[first:last] = ends
        at += len(block)
    return outline


def _glimpsed(example: Example, sound: Sound, edges: list[int]) -> Iterator[tuple[int, tuple[float, float]]]:
    """Yield the place of each stretch, and the lowest and highest of its first samples."""
    from soundfile import LibsndfileError

    done = 0
    try:
        with opened(example, sound.runs[0] if sound.runs else None) as file:
            for place, (first, last) in enumerate(pairwise(edges) if len(sound.runs) < 2 else ()):
                for block in decoded(file, example.name, first, min(first + GLANCE, last), warm_up=0):
                    heard = block.mean(axis=1)
                    yield place, (heard.min(), heard.max())
                done = place + 1
    except LibsndfileError:
        pass  # from there on it is damaged, and each stretch is looked for on its own
    for place, (first, last) in list(enumerate(pairwise(edges)))[done:]:
        heard = np.concatenate([block.mean(axis=1) for block in blocks(example, first, min(GLANCE, last - first))])
        yield place, (heard.min(), heard.max())


def remembered(what: Hashable, example: Example, make: Callable[[Example], Any]) -> Any:
    """Return what `make` returns for an example, from the last few times; wherever in the sound the example starts.

    Whatever a file can cause to be raised in it is raised as UnreadableExample.
    """
    data = example.data
    if not isinstance(data, bytes | FileOnDisk):
        return make(example)  # which refuses it
    # Python keeps the hash of bytes beside them, so asking again costs nothing, and nothing holds on to the bytes.
    key = (what, example.name, (hash(data), len(data)) if isinstance(data, bytes) else data)
    with _remembering:
        if key in _remembered:
            _remembered.move_to_end(key)
            return _remembered[key]
    with refusing(UnreadableExample, _("{name} can't be read as a sound: {why}. Save it again, as WAV, FLAC, Ogg or MP3."), example.name):
        made = make(example)
    with _remembering:
        _remembered[key] = made
        while len(_remembered) > 2 * REMEMBERED:
            _remembered.popitem(last=False)
    return made
