"""What is damaged inside the frames of an MP3, whose headers are whole: mpg123 says so and goes on, or makes of it what can be no sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from explorer.backend.inputs import mp3_frames
from explorer.backend.inputs.audio_bytes import Samples
from explorer.backend.runtime.native_stderr import silenced

# MP3 takes bits from frames before; at even frames mpg123 adds in the same order, which decides the last bit.
WARM_UP, PAIR = 32 * 1152, 2 * 1152
LOUDEST = 4.0  # of samples of -1 to 1: noise that is all peaks, packed tightly, comes out at up to 3.5
STEP = 192  # samples that are decoded at once to find where mpg123 complains
OVERLAP = 576 + 480  # samples behind a frame in which it is still heard: half of a transform, and the filters
CHATTER = re.compile(rb"\s*$|(Note|Warning|Error): |\[[^]]*mpg123[^]]*\]")  # what mpg123 prints
FAULT = re.compile(r"(layer[123]\.c|getbits\.h)\b[^]]*\] error: ")  # what it says of a frame's content


def mended(file: Any, at: int, last: int, at_once: int, lost: list[range]) -> Iterator[Samples]:
    """Yield frames `at` to `last` of a soundfile.SoundFile that stands at the first of them, with silence for what is damaged.

    at_once: frames that are decoded together; lost: gets which frames are damaged, also outside of those.
    Raises soundfile.LibsndfileError where decoding fails.
    """
    from soundfile import LibsndfileError

    reach = _reach(file)
    held: Samples = np.zeros((0, file.channels), np.float32)  # what the next block may tell to be damaged
    faults: list[range] = []
    while at < last:
        try:
            block, complains = _read(file, min(at_once, last - at))
        except LibsndfileError:
            yield _silent(held, at - len(held), faults)
            raise
        if not len(block):
            break
        found = [*(_complaints(file, at, at + len(block), reach) if complains else ()), *_loud(block, at, reach)]
        faults, at = [one for one in faults if one.stop > at - len(held)] + found, at + len(block)
        lost += found
        held = np.concatenate((held, block))
        ready = max(0, len(held) - reach)
        yield _silent(held[:ready], at - len(held), faults)
        held = held[ready:]
    yield _silent(held, at - len(held), faults)


def _reach(file: Any) -> int:
    """Return how many samples a frame is heard in."""
    return (1152 if file.samplerate >= 32_000 or not file.subtype.endswith("III") else 576) + OVERLAP


def _read(file: Any, count: int) -> tuple[Samples, bool]:
    """Return the next frames, and whether mpg123 says that anything in them is damaged."""
    with silenced(CHATTER) as said:
        block = file.read(count, dtype="float32", always_2d=True)
    return block, any(map(FAULT.search, said))


def _complaints(file: Any, first: int, last: int, reach: int) -> list[range]:
    """Return the frames from `first` to `last`, and behind them, that mpg123 says to be damaged.

    They are looked for in a second SoundFile: one that was moved back goes on with other last bits.
    """
    from soundfile import LibsndfileError, SoundFile

    at, found = max(0, first - WARM_UP) // PAIR * PAIR, list[range]()
    try:
        with silenced(CHATTER):
            again = SoundFile(file.name.afresh())
            again.seekable = file.seekable
            again.seek(at)
            again.read(first - at, dtype="float32")
        with again:
            begun = mp3_frames.incomplete(file.name)
            for step in range(first, last, STEP):
                if _read(again, min(STEP, last - step))[1] and step >= begun:
                    found.append(range(step, step + STEP + reach))
    except LibsndfileError:  # it can't be told more exactly
        return [range(first, last + reach)]
    return found


def _loud(block: Samples, at: int, reach: int) -> list[range]:
    """Return the frames around those that are louder than any sound; `at` is the first of the block."""
    places = at + np.flatnonzero(~(np.abs(block).max(axis=1) <= LOUDEST))
    parts = np.split(places, np.flatnonzero(np.diff(places) > reach) + 1) if len(places) else []
    return [range(max(0, int(part[0]) - reach), int(part[-1]) + reach) for part in parts]


def _silent(block: Samples, at: int, faults: list[range]) -> Samples:
    """Return a block that begins at a frame with silence for faults; it is changed."""
    for one in faults:
        block[max(0, one.start - at) : max(0, one.stop - at)] = 0
    return block
