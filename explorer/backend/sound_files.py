"""Files of sound: what is in them, and any part of them; no header is believed before it is checked."""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np

from explorer.backend.sound_decoding import BLOCK, COMPRESSED, PIECE, SIZED, UNKNOWN, Samples, can_seek, decoded, opened, source_of
from explorer.backend.sound_headers import Source, is_cut_ogg, mp3_frames, wav_sizes
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, Example, FileOnDisk

DEEP = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32")  # samples of more than 16 bits
SHORTEST = 0.1  # seconds
RATES = (1000, 384_000)
CHANNELS = (1, 64)
STRETCHES = 1000  # of an envelope
WHOLE = 600  # seconds up to which an envelope is made of all samples
NEAR = 2**24  # frames of MP3 that are decoded sooner than a place in them is found
GLANCE = 2**11  # frames of each stretch that the envelope of a longer sound is made of
REMEMBERED = 8  # sounds

_remembered: OrderedDict[Hashable, Any] = OrderedDict()
_remembering = threading.Lock()


@dataclass(frozen=True)
class Sound:
    """What is in a file: samples per second, channels, the frames that are there, how they are coded, and what is wrong with it.

    any_part: whether a part can be decoded without all that comes before it.
    """

    rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    any_part: bool = True
    defects: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


def sound_of(example: Example) -> Sound:
    """Return what is in the file of an example; remembered. Raises UnreadableExample with the reason."""
    return cast("Sound", remembered("sound", example, _looked_at))


def blocks(example: Example, first: int, count: int, lost: list[range] | None = None) -> Iterator[Samples]:
    """Yield float32 (frames, channels) from frame `first` on: `count` frames in all, fewer where the sound ends.

    Frames are the same wherever reading begins; those that can't be decoded are silence, and go into `lost`. Raises UnreadableExample.
    """
    sound = sound_of(example)
    at, last, gap, at_once = first, min(first + count, sound.frames), PIECE, BLOCK
    while at < last:
        with opened(example) as file:  # libsndfile decodes no more of a file in which it failed once
            for block in decoded(file, example.name, at, last, at_once=at_once):
                at, gap = at + len(block), PIECE
                yield block
        if at < last and at_once == PIECE:
            gap = min(gap, last - at)
            if lost is not None:
                lost.append(range(at, at + gap))
            yield np.zeros((gap, sound.channels), np.float32)
            at, gap = at + gap, 2 * gap
        at_once = BLOCK if at_once == PIECE else PIECE


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
        with opened(example) as file:
            for place, (first, last) in enumerate(pairwise(edges.tolist())):
                for block in decoded(file, example.name, first, min(first + GLANCE, last), warm_up=0):
                    heard = block.mean(axis=1)
                    outline[place] = heard.min(), heard.max()
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


def remembered(what: Hashable, example: Example, make: Callable[[Example], Any]) -> Any:
    """Return what `make` returns for an example, from the last few times; wherever in the sound the example starts."""
    data = example.data
    if not isinstance(data, bytes | FileOnDisk):
        return make(example)  # which refuses it
    # Python keeps the hash of bytes beside them, so asking again costs nothing, and nothing holds on to the bytes.
    key = (what, example.name, (hash(data), len(data)) if isinstance(data, bytes) else data)
    with _remembering:
        if key in _remembered:
            _remembered.move_to_end(key)
            return _remembered[key]
    made = make(example)
    with _remembering:
        _remembered[key] = made
        while len(_remembered) > 2 * REMEMBERED:
            _remembered.popitem(last=False)
    return made


def _looked_at(example: Example) -> Sound:
    name = example.name
    with opened(example) as file:
        rate, channels, frames, kind, subtype = file.samplerate, file.channels, file.frames, file.format, file.subtype
        any_part = can_seek(file)
    if not RATES[0] <= rate <= RATES[1]:
        raise UnreadableExample(_("{name} has {rate} samples a second; a sound has 1,000 to 384,000.").format(name=name, rate=rate))
    if not CHANNELS[0] <= channels <= CHANNELS[1]:
        raise UnreadableExample(_("{name} has {channels} channels; a sound has 1 to 64.").format(name=name, channels=channels))
    with source_of(example) as source:
        sized = source.end == source.size
        if kind in COMPRESSED:
            there = _frames_there(example, frames if sized else min(frames, mp3_frames(source) or frames), kind == "MP3")
        else:
            there = frames if kind in SIZED else _count(example, 0, frames)
        promised = frames if kind in ("FLAC", "MP3") and sized and frames < UNKNOWN else there
        defects = _defects(example, Sound(rate, channels, there, kind, subtype, any_part), promised, source)
    if there < SHORTEST * rate:
        lasts = _("{name} lasts {seconds:.2f} s; a sound must last 0.1 s or more.").format(name=name, seconds=there / rate)
        raise UnreadableExample(" ".join((*defects, lasts)))
    return Sound(rate, channels, there, kind, subtype, any_part, defects)


def _defects(example: Example, sound: Sound, promised: float, source: Source) -> tuple[str, ...]:
    """Return what is wrong with the length of a file, in sentences; `promised` is how many frames its header says."""
    sizes = wav_sizes(source)
    if sizes and sizes[0] < sizes[1]:
        return (
            _("The header of {name} promises {promised:.1f} s; {count} more MB follow that are not heard.").format(
                name=example.name, promised=sound.seconds, count=f"{(sizes[1] - sizes[0]) / 2**20:.1f}"
            ),
        )
    if sizes:
        promised = sound.frames * sizes[0] / sizes[1]
    if promised - sound.frames > SHORTEST * sound.rate:
        return (
            _("The header of {name} promises {promised:.1f} s; {there:.1f} s are there.").format(
                name=example.name, promised=promised / sound.rate, there=sound.seconds
            ),
        )
    if is_cut_ogg(source):
        return (_("{name} is cut off; {there:.1f} s are there.").format(name=example.name, there=sound.seconds),)
    return ()


def _frames_there(example: Example, promised: int, mp3: bool) -> int:
    """Return how many frames can be decoded, at most what the header promises: found by looking whether there is one at a place."""

    def is_there(frame: int) -> bool:
        return _count(example, frame, frame + 1) == 1

    if promised < 1 or is_there(promised - 1):
        return max(0, promised)
    low, high = 0, min(2**16, promised)
    while high < promised and is_there(high - 1):
        low, high = high, min(2 * high, promised)
    near = NEAR if mp3 else 1
    while high - low > near:
        middle = (low + high) // 2
        low, high = (middle, high) if is_there(middle - 1) else (low, middle)
    return low + _count(example, low, high) if mp3 else low


def _count(example: Example, first: int, last: int) -> int:
    """Return how many of these frames can be decoded, one after the other."""
    with opened(example) as file:
        return sum(map(len, decoded(file, example.name, first, last)))
