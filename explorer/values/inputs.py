"""The inputs of networks: their specs, examples, and preprocessed examples."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from explorer.values.axes import Axis

LARGEST = 200 * 2**20  # bytes of an example at most

Arrays: TypeAlias = "tuple[tuple[str, np.ndarray[Any, Any]], ...]"
Given: TypeAlias = "tuple[tuple[str, np.ndarray[Any, Any] | Example], ...]"


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a network: `shape` without the batch axis, None for an open size.

    dtype: NumPy's name for it.
    below: for integers, their exclusive upper bound (the number of rows of an embedding), if known.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    below: int | None = None


@dataclass(frozen=True)
class MelSpectrogram:
    """The mel spectrogram, in decibels, that a network reads of a part of a sound.

    rate: samples per second to which the sound is resampled, mixed to one channel.
    samples: how many of them the network reads at once.
    fft, hop: samples of one Fourier transform, and from one frame to the next.
    bands: mel bands, from 0 Hz to half the rate.
    exponent: the power to which the power spectrogram is raised before it is converted to decibels.
    reach: decibels below the maximum at which values are clipped.
    """

    rate: int
    samples: int
    fft: int
    hop: int
    bands: int
    exponent: int = 1
    reach: float = 80.0

    @property
    def frames(self) -> int:
        """Number of frames of the spectrogram; the first one is centred on the first sample."""
        return 1 + self.samples // self.hop

    @property
    def seconds(self) -> float:
        """Seconds of sound that the network reads at once."""
        return self.samples / self.rate

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the network's input: (bands, frames, 1)."""
        return self.bands, self.frames, 1


@dataclass(frozen=True)
class InputSpec:
    """How a network reads examples.

    kind: "image", "audio" or "arrays".
    inputs: one for each input of the network.
    preprocess_mode: for pictures, how pixels are preprocessed: "tf", "caffe", "torch", "unit", "none", "digit" or
        "custom" (a function of the user's own); for sound the name of a spectrogram in `catalog.SPECTROGRAMS`.
    data_format: the order of a picture's axes: "channels_last" or "channels_first".
    size: (height, width, channels) of the picture, or (bands, frames, 1) of the spectrogram, that is read; () for arrays.
        The input itself may have no channel axis: (height, width) of grey pixels.
    assumed: sentences about what was guessed.
    sound: the spectrogram that is computed from a sound; None for pictures and arrays.
    known: sentences about the preprocessing that the model itself does.
    pictures: for arrays, the spec by which each input reads a picture, None for an input that can't; () if none can.
    """

    kind: str
    inputs: tuple[TensorInfo, ...]
    preprocess_mode: str = "none"
    data_format: str = "channels_last"
    size: tuple[int, ...] = ()
    assumed: tuple[str, ...] = ()
    sound: MelSpectrogram | None = None
    known: tuple[str, ...] = ()
    pictures: tuple[InputSpec | None, ...] = ()

    @property
    def named_preprocess_mode(self) -> str | None:
        """The named mode that preprocesses all pictures or sounds; None for a custom function, for several modes, and if there are none."""
        specs = [spec for spec in self.pictures if spec] if self.kind == "arrays" else [self]
        modes = {spec.preprocess_mode for spec in specs} - {"custom"}
        return modes.pop() if len(modes) == 1 else None


@dataclass(frozen=True)
class FileOnDisk:
    """A file of which only the needed part is read; `stamp` identifies its version."""

    path: str
    stamp: str


@dataclass(frozen=True, eq=False)
class Example:
    """One input as the user gave it.

    kind: "image", "audio" or "arrays".
    data: the bytes of a file, or an array: for pictures (height, width, 3) of uint8, or in the shape that the network
        reads; for arrays also a tuple of (input's name, array or another example) pairs; for sound also a file on this machine.
    name: for sentences; never used as a path.
    start: for a sound, the start in seconds of the part that the network reads; None for the middle.
    """

    kind: str
    data: bytes | np.ndarray[Any, Any] | Given | FileOnDisk
    name: str
    start: float | None = None

    @cached_property
    def digest(self) -> str:
        """A hash of the content: equal for equal content, regardless of the name."""
        content = hashlib.blake2b(repr(self.start).encode(), digest_size=16)
        if isinstance(self.data, FileOnDisk):
            content.update(repr(self.data).encode())
            return content.hexdigest()
        if isinstance(self.data, bytes):
            content.update(self.data)
            return content.hexdigest()
        for name, array in self.data if isinstance(self.data, tuple) else (("", self.data),):
            if isinstance(array, Example):
                content.update(repr((name, array.digest)).encode())
                continue
            content.update(repr((name, array.shape, array.dtype.str)).encode())
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()


@dataclass(frozen=True, eq=False)
class Heard:
    """An original sound, and the part of it that a network reads.

    rate, channels: samples per second and number of channels of the original.
    seconds: length of the whole sound.
    start, stop: the part that the network reads, in seconds; it may extend beyond the sound, into silence.
    envelope: float32 (n, 2), the lowest and highest sample (-1 to 1) in n equal parts of the whole sound, the channels averaged.
    spectrogram: float32 (bands, frames) in decibels, the lowest band first.
    """

    rate: int
    channels: int
    seconds: float
    start: float
    stop: float
    envelope: np.ndarray[Any, np.dtype[np.float32]]
    spectrogram: np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class AudioClip:
    """A part of a sound with its original samples: `data` is a WAV file; `start` and `stop` are seconds into the sound."""

    start: float
    stop: float
    data: bytes


@dataclass(frozen=True, eq=False)
class PreprocessedInput:
    """An original example and its preprocessed form, both uint8 (height, width, 3) or (height, width).

    original_size: the size of the original.
    axes: of the preprocessed example.
    aligned: whether both show the same frame, so that a region of one is the same part of the other.
    notes: sentences about the preprocessing that the user should know.
    arrays: for a network of arrays, the array of each input; the pictures are empty then.
    sound: for a network of sounds; the pictures are empty then.
    """

    original: np.ndarray[Any, np.dtype[np.uint8]]
    preprocessed: np.ndarray[Any, np.dtype[np.uint8]]
    original_size: tuple[int, ...]
    axes: tuple[Axis, ...]
    aligned: bool = True
    notes: tuple[str, ...] = ()
    arrays: Arrays = ()
    sound: Heard | None = None
