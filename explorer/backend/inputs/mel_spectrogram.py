"""Mel spectrograms: computes what a network of sounds reads from samples. librosa is imported on first use, as it takes seconds."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from explorer.values import MelSpectrogram

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

SMALLEST = 1e-10  # the power at which decibels are clipped, as in librosa


def spectrogram(samples: Samples, settings: MelSpectrogram) -> Samples:
    """Return the mel spectrogram of a window in decibels: float32 (bands, frames), the lowest band first.

    samples: float32 (settings.samples,) at settings.rate, one channel, -1 to 1.
    Equals librosa's `melspectrogram` and `power_to_db(ref=1.0)`, as used by the paper (arXiv 1609.04243) and the Keras guide.
    """
    return decibels(power(samples, settings), settings)


def power(samples: Samples, settings: MelSpectrogram, centred: bool = True) -> Samples:
    """Return the mel power spectrogram, float32 (bands, frames).

    centred: whether the first frame is centred on the first sample, with silence before it, or begins with it.
    """
    from librosa.feature import melspectrogram

    mel: Samples = melspectrogram(
        y=samples, sr=settings.rate, n_fft=settings.fft, hop_length=settings.hop, n_mels=settings.bands, center=centred, pad_mode="constant"
    )
    return mel


def decibels(power: Samples, settings: MelSpectrogram) -> Samples:
    """Return power, (..., bands, frames), in decibels, clipped at `settings.reach` below the loudest point of each window."""
    levels = 10 * settings.exponent * np.log10(np.maximum(power, np.float32(SMALLEST ** (1 / settings.exponent))))
    floor = levels.max(axis=(-2, -1), keepdims=True) - settings.reach
    clipped: Samples = np.maximum(levels, floor).astype(np.float32)
    return clipped
