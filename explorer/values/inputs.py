"""What goes into a network: how it reads, examples, and what it sees of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from explorer.values.axes import Axis

LARGEST = 200 * 2**20  # bytes of an example

Arrays: TypeAlias = "tuple[tuple[str, np.ndarray[Any, Any]], ...]"
Given: TypeAlias = "tuple[tuple[str, np.ndarray[Any, Any] | Example], ...]"


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a network: `shape` without the batch axis, None where a size is open.

    dtype: as NumPy names it.
    below: for whole numbers, the smallest one that is too large (the rows of an embedding), where known.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    below: int | None = None


@dataclass(frozen=True)
class MelSpectrogram:
    """How a network hears: the mel spectrogram, in decibels, of a stretch of sound.

    rate: samples per second that the sound is brought to, as one channel.
    samples: how many of them the network hears at once.
    fft, hop: samples of one Fourier transform, and from one frame to the next.
    bands: mel bands, from 0 Hz to half the rate.
    exponent: what the power spectrogram is raised to before it is brought to decibels.
    reach: decibels below the loudest point at which everything quieter is cut off.
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
        """Frames of the spectrogram; the first one is centred on the first sample."""
        return 1 + self.samples // self.hop

    @property
    def seconds(self) -> float:
        """How long the stretch is that the network hears at once."""
        return self.samples / self.rate

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of what the network reads: (bands, frames, 1)."""
        return self.bands, self.frames, 1


@dataclass(frozen=True)
class InputSpec:
    """How a network reads examples.

    kind: "image", "audio" or "arrays".
    inputs: one for each input of the network.
    convention: for pictures, how pixels are prepared: "tf", "caffe", "torch", "unit", "none", "digit" or
        "custom" (a function of the user's own); for sound the name of a spectrogram in `catalog.SPECTROGRAMS`.
    data_format: the order of a picture's axes: "channels_last" or "channels_first".
    size: (height, width, channels) of the picture, or (bands, frames, 1) of the spectrogram, that is read; () for arrays.
        The input itself may have no axis of channels: (height, width) of grey pixels.
    assumed: what was guessed, in sentences.
    sound: how sound becomes that spectrogram; None for pictures and arrays.
    known: what the model itself says of how it reads, in sentences.
    pictures: for arrays, how each input reads a picture that is given for it, None where it reads none; () where none does.
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
    def named_convention(self) -> str | None:
        """The one convention by its name that prepares all pictures or sounds; None for a function, for several, and where none is read."""
        readings = [one for one in self.pictures if one] if self.kind == "arrays" else [self]
        named = {one.preprocess_mode for one in readings} - {"custom"}
        return named.pop() if len(named) == 1 else None


@dataclass(frozen=True)
class FileOnDisk:
    """A file that is read by the part that is needed; `stamp` tells versions of it apart."""

    path: str
    stamp: str


@dataclass(frozen=True, eq=False)
class Example:
    """One input as the user gave it.

    kind: "image", "audio" or "arrays".
    data: the bytes of a file, or an array: for pictures (height, width, 3) of uint8, or in the shape that the network
        reads; for arrays also a tuple of (input's name, array or another example) pairs; for sound also a file on this machine.
    name: what to call it in sentences; never used as a path.
    start: seconds into a sound at which the part begins that is heard; None for the middle.
    """

    kind: str
    data: bytes | np.ndarray[Any, Any] | Given | FileOnDisk
    name: str
    start: float | None = None

    @cached_property
    def digest(self) -> str:
        """A hash of the content: equal for equal content, whatever its name."""
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
    """A sound as it came, and the part of it that a network hears.

    rate, channels: samples per second and channels, as it came.
    seconds: how long all of it is.
    start, stop: the part that is heard, in seconds; it may end after the sound does, in silence.
    envelope: float32 (n, 2), the lowest and highest sample (-1 to 1) of n equal stretches of the whole sound, the channels averaged.
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
    """A stretch of a sound, sample for sample as it came: `data` is a WAV file; `start` and `stop` are seconds into the sound."""

    start: float
    stop: float
    data: bytes


@dataclass(frozen=True, eq=False)
class PreprocessedInput:
    """An example as it came and as the network sees it, both uint8 (height, width, 3) or (height, width).

    aligned: both show the same frame, so a region of one is the same part of the other.
    notes: what was done on the way that the user should know.
    arrays: for a network that reads arrays, what each of its inputs gets; the pictures are empty then.
    sound: for a network that hears; the pictures are empty then.
    """

    original: np.ndarray[Any, np.dtype[np.uint8]]
    preprocessed: np.ndarray[Any, np.dtype[np.uint8]]
    came_size: tuple[int, ...]
    axes: tuple[Axis, ...]
    aligned: bool = True
    notes: tuple[str, ...] = ()
    arrays: Arrays = ()
    sound: Heard | None = None
