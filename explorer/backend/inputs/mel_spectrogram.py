"""Mel spectrograms: samples -> what a network of sound reads. librosa is imported on first use: it takes seconds."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from explorer.values import MelSpectrogram

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

SMALLEST = 1e-10  # the power below which decibels are not told apart, as in librosa


def spectrogram(samples: Samples, how: MelSpectrogram) -> Samples:
    """Return the mel spectrogram of one window in decibels: float32 (bands, frames), the lowest band first.

    samples: float32 (how.samples,) at how.rate, one channel, -1 to 1.
    What librosa's `melspectrogram` and `power_to_db(ref=1.0)` return, as the paper (arXiv 1609.04243) and the Keras guide use them.
    """
    return decibels(power(samples, how), how)


def power(samples: Samples, how: MelSpectrogram, centred: bool = True) -> Samples:
    """Return the mel power spectrogram, float32 (bands, frames).

    centred: whether the first frame is centred on the first sample, with silence before it, else begins with it.
    """
    from librosa.feature import melspectrogram

    mel: Samples = melspectrogram(
        y=samples, sr=how.rate, n_fft=how.fft, hop_length=how.hop, n_mels=how.bands, center=centred, pad_mode="constant"
    )
    return mel


def decibels(mel: Samples, how: MelSpectrogram) -> Samples:
    """Return power, (..., bands, frames), in decibels; what lies more than `how.reach` below the loudest point of a window is cut off."""
    loud = 10 * how.exponent * np.log10(np.maximum(mel, np.float32(SMALLEST ** (1 / how.exponent))))
    floor = loud.max(axis=(-2, -1), keepdims=True) - how.reach
    cut: Samples = np.maximum(loud, floor).astype(np.float32)
    return cut
