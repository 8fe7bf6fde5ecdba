"""Over time: a network of sound slid along a piece, one window after the other.

Exact: each window's scores are those of a spectrogram of its own samples. Frames that lie whole inside a window are
computed once for all windows that share them; the first and the last, which look past its ends, from its samples alone;
decibels window by window, for they hang on its loudest point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.inputs import audio, mel_spectrogram
from explorer.backend.runtime import budget
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Example, MelSpectrogram

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

SHARE = 0.19  # of a window: from one to the next, where nobody says how far
TOGETHER = 2**22  # samples that windows which are made together may span
KEPT = 24  # bytes that an answer takes on its way
FEWEST, MOST = 10, 100  # windows along a piece, where nobody says how many


def hop_of(example: Example, how: MelSpectrogram, hop: float | None) -> int:
    """Return the samples from one window to the next: a multiple of the spectrogram's own hop, so that windows share frames.

    hop: in seconds; None for a fifth of a window, less on pieces that would have fewer than 10 windows so, more for more than 100.
    Raises ExplorerError for one that is shorter than a frame.
    """
    if hop is None:
        room = max(0, audio.length(example, how) - how.samples) / how.hop
        frames = min(round(SHARE * how.samples / how.hop), int(room / (FEWEST - 1)) or how.frames)
        return how.hop * max(frames, math.ceil(room / (MOST - 1)))
    frame = how.hop / how.rate
    if not isinstance(hop, Real) or isinstance(hop, bool) or not math.isfinite(hop) or round(hop / frame) < 1:
        raise ExplorerError(
            _("hop must be a number of seconds, at least {frame:.3f} (one frame), not {hop!r}.").format(frame=frame, hop=hop)
        )
    return how.hop * round(hop / frame)


def count_of(example: Example, how: MelSpectrogram, hop: int) -> int:
    """Return how many windows lie whole in the sound; 1 for a sound that is shorter than one, which silence fills up."""
    return 1 + max(0, audio.length(example, how) - how.samples) // hop


def covered(how: MelSpectrogram, hop: int, count: int) -> float:
    """Return how many seconds of a sound so many windows hear."""
    return (how.samples + (count - 1) * min(hop, how.samples)) / how.rate


def windows(example: Example, how: MelSpectrogram, hop: int, first: int, count: int, at_once: int, lost: list[range]) -> Iterator[Array]:
    """Yield the spectrograms of windows `first` to `first + count`, float32 (at most at_once, bands, frames, 1), in decibels.

    hop: samples from one to the next, a multiple of how.hop.
    lost: gets the sound's own frames that can't be decoded, and are silence.
    Fewer are made together where they lie far apart, so that what is between them takes no room.
    """
    at_once = max(1, min(at_once, TOGETHER // hop))
    for start in range(first, first + count, at_once):
        yield _spectrograms(example, how, hop, start, min(at_once, first + count - start), lost)


def check_count(example: Example, count: int, classes: int) -> None:
    """Raise UnreadableExample where the answers to so many windows would not fit into memory."""
    budget.check(count * classes * KEPT, example.name, _("Give a longer hop, or a shorter piece."))


def _spectrograms(example: Example, how: MelSpectrogram, hop: int, first: int, count: int, lost: list[range]) -> Array:
    samples = audio.resampled(example, how, first * hop, (count - 1) * hop + how.samples, lost)
    shared, step = mel_spectrogram.power(samples, how), hop // how.hop
    power = np.stack([shared[:, place * step : place * step + how.frames] for place in range(count)])
    power[:, :, [0, -1]] = _ends(samples, how, hop, count)
    return mel_spectrogram.decibels(power, how)[..., None]


def _ends(samples: Array, how: MelSpectrogram, hop: int, count: int) -> Array:
    """Return the first and the last frame of each window, (count, bands, 2): half silence, half its own samples."""
    half = how.fft // 2
    silence = np.zeros(half, np.float32)
    last = how.hop * (how.frames - 1)  # the sample that the last frame is centred on
    pieces = []
    for start in range(0, count * hop, hop):
        after = samples[start + last : start + how.samples]
        pieces += [silence, samples[start : start + half]]
        pieces += [samples[start + last - half : start + last], after, np.zeros(half - len(after), np.float32)]
    apart = np.concatenate(pieces)
    frames = mel_spectrogram.power(apart, how, centred=False)[:, :: how.fft // how.hop]
    return frames.reshape(how.bands, count, 2).transpose(1, 0, 2)
