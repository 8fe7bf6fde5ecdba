"""MP3 damage inside frames with intact headers, where mpg123 prints an error and goes on, or decodes impossibly loud samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from explorer.backend.inputs import mp3_frames
from explorer.backend.inputs.audio_bytes import Samples
from explorer.backend.runtime.native_stderr import silenced

# MP3 takes bits from earlier frames; from even frames on, mpg123 adds in the same order, which decides the last bit.
WARM_UP, PAIR = 32 * 1152, 2 * 1152
LOUDEST = 4.0  # for samples of -1 to 1; heavily compressed noise is decoded at up to 3.5
STEP = 192  # samples that are decoded at once to locate mpg123's errors
OVERLAP = 576 + 480  # samples after a frame that it still affects: half of a transform, and the filters
CHATTER = re.compile(rb"\s*$|(Note|Warning|Error): |\[[^]]*mpg123[^]]*\]")  # what mpg123 prints
FAULT = re.compile(r"(layer[123]\.c|getbits\.h)\b[^]]*\] error: ")  # errors in a frame's content


def with_silence(file: Any, position: int, last: int, at_once: int, lost: list[range]) -> Iterator[Samples]:
    """Yield frames `position` to `last` of a soundfile.SoundFile that is at `position`, with silence for damaged ones.

    at_once: frames that are decoded together; lost: is extended by the damaged frames, also those outside the range.
    Raises soundfile.LibsndfileError where decoding fails.
    """
    from soundfile import LibsndfileError

    reach = _reach(file)
    pending: Samples = np.zeros((0, file.channels), np.float32)  # samples that a fault in the next block may still affect
    faults: list[range] = []
    while position < last:
        try:
            block, has_errors = _read(file, min(at_once, last - position))
        except LibsndfileError:
            yield _silenced_faults(pending, position - len(pending), faults)
            raise
        if not len(block):
            break
        damaged = [
            *(_error_ranges(file, position, position + len(block), reach) if has_errors else ()),
            *_loud_ranges(block, position, reach),
        ]
        faults, position = [fault for fault in faults if fault.stop > position - len(pending)] + damaged, position + len(block)
        lost += damaged
        pending = np.concatenate((pending, block))
        ready = max(0, len(pending) - reach)
        yield _silenced_faults(pending[:ready], position - len(pending), faults)
        pending = pending[ready:]
    yield _silenced_faults(pending, position - len(pending), faults)


def _reach(file: Any) -> int:
    """Return the number of samples that a frame affects."""
    return (1152 if file.samplerate >= 32_000 or not file.subtype.endswith("III") else 576) + OVERLAP


def _read(file: Any, count: int) -> tuple[Samples, bool]:
    """Return the next frames, and whether mpg123 reports an error in them."""
    with silenced(CHATTER) as messages:
        block = file.read(count, dtype="float32", always_2d=True)
    return block, any(map(FAULT.search, messages))


def _error_ranges(file: Any, first: int, last: int, reach: int) -> list[range]:
    """Return the frames from `first` to `last`, and shortly after, that mpg123 reports as damaged.

    A second SoundFile is used, as seeking back in the first would change the last bits of later samples.
    """
    from soundfile import LibsndfileError, SoundFile

    start, ranges = max(0, first - WARM_UP) // PAIR * PAIR, list[range]()
    try:
        with silenced(CHATTER):
            second_file = SoundFile(file.name.reopened())
            second_file.seekable = file.seekable
            second_file.seek(start)
            second_file.read(first - start, dtype="float32")
        with second_file:
            first_complete = mp3_frames.first_complete_sample(file.name)
            for position in range(first, last, STEP):
                if _read(second_file, min(STEP, last - position))[1] and position >= first_complete:
                    ranges.append(range(position, position + STEP + reach))
    except LibsndfileError:  # no closer location is possible
        return [range(first, last + reach)]
    return ranges


def _loud_ranges(block: Samples, start: int, reach: int) -> list[range]:
    """Return the frames around those that are louder than any sound; start: the first frame of the block."""
    indices = start + np.flatnonzero(~(np.abs(block).max(axis=1) <= LOUDEST))
    groups = np.split(indices, np.flatnonzero(np.diff(indices) > reach) + 1) if len(indices) else []
    return [range(max(0, int(group[0]) - reach), int(group[-1]) + reach) for group in groups]


def _silenced_faults(block: Samples, start: int, faults: list[range]) -> Samples:
    """Return the block, whose first frame is `start`, with silence for faults; it is changed in place."""
    for fault in faults:
        block[max(0, fault.start - start) : max(0, fault.stop - start)] = 0
    return block
