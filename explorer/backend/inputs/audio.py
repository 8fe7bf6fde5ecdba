"""Sound: whatever people have -> an `Example` -> the spectrogram a network reads -> what that looks like.

librosa is imported on first use, as it takes seconds.
"""

from __future__ import annotations

import math
import os
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np

from explorer.backend.inputs import audio_damage, audio_files, audio_info, mel_spectrogram
from explorer.backend.inputs.audio_bytes import Samples
from explorer.backend.inputs.audio_decoder import checked
from explorer.backend.inputs.files import bytes_from, existing, warn_of
from explorer.catalog.options import stamp_of
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, AudioClip, Axis, Example, FileOnDisk, Heard, InputSpec, MelSpectrogram, PreprocessedInput

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | tuple[np.ndarray[Any, Any], int] | Example"

EMPTY = np.zeros((0, 0), np.uint8)
SILENCE = np.zeros((1, 1), np.float32)  # its power
MARGIN = 0.25  # seconds on both sides of a part that is resampled: soxr_hq reaches 0.1 s at 1,000 samples a second, less above
TRIED = 50  # places in which a part is looked for that can be heard
WHOLE_NUMBERS = {"int16": 2**15, "int32": 2**31}  # what stands for 1.0


def read(source: Source) -> Example:
    """Return the example that `source` holds; the sound is only decoded later.

    source: a path, whose file is read by the part that is needed; the bytes of a sound file, or a binary file object;
        a tuple of samples, (n,) or (n, channels) of floats in -1 to 1, int16 or int32, and how many there are a second.
    Raises UnreadableExample where it is none of these, or where the path leads nowhere.
    """
    if isinstance(source, Example):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return Example("audio", bytes(source), _("the sound"))
    if isinstance(source, str | os.PathLike):
        path = existing(Path(source))
        return Example("audio", FileOnDisk(os.path.abspath(path), stamp_of(path)), path.name)
    if isinstance(source, tuple) and len(source) == 2:
        return Example("audio", _encoded(*source), _("the sound"))
    if isinstance(source, np.ndarray):
        raise UnreadableExample(_("How many samples there are a second must be known: give (samples, rate), such as (samples, 44100)."))
    if hasattr(source, "read"):
        return Example("audio", bytes_from(source), Path(str(getattr(source, "name", _("the sound")))).name)
    raise UnreadableExample(
        _("A sound is a path, bytes, a file object or a tuple (samples, rate), not {type}.").format(type=type(source).__name__)
    )


def _encoded(samples: Any, rate: Any) -> bytes:
    """Return samples as a WAV file of 32-bit floats. Raises UnreadableExample where they are none."""
    low, high = audio_info.RATES
    if isinstance(samples, Real) and isinstance(rate, np.ndarray):
        raise UnreadableExample(_("Give the samples first, then how many there are a second: (samples, rate)."))
    whole = int(rate) if isinstance(rate, Integral) or (isinstance(rate, float) and rate.is_integer()) else 0
    if not low <= whole <= high:
        given = rate if isinstance(rate, Real) else type(rate).__name__
        raise UnreadableExample(_("The rate must be a whole number of samples a second, 1,000 to 384,000, not {rate}.").format(rate=given))
    try:
        array = np.asarray(samples)
    except ValueError as error:  # rows of different lengths
        raise UnreadableExample(_("The samples are rows of different lengths; a sound is (n,) or (n, channels).")) from error
    if array.dtype.kind != "f" and array.dtype.name not in WHOLE_NUMBERS:
        raise UnreadableExample(_("Samples are floats in -1 to 1, int16 or int32, not {dtype}.").format(dtype=array.dtype))
    if array.ndim not in (1, 2) or 0 in array.shape or (array.ndim == 2 and array.shape[1] > audio_info.CHANNELS[1]):
        raise UnreadableExample(
            _("The samples have the shape {shape}; a sound is (n,) or (n, channels) with at most 64 channels.").format(shape=array.shape)
        )
    if array.size * 4 > LARGEST:
        raise UnreadableExample(_("The samples take more than 200 MB; save them as a file and give its path."))
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            floats = checked(array.astype(np.float32), _("The array"))
    else:
        floats = (array / WHOLE_NUMBERS[array.dtype.name]).astype(np.float32)
    return audio_files.wav(floats.reshape(len(floats), -1), whole)


def to_batch(example: Example, input_spec: InputSpec) -> tuple[Samples]:
    """Return the spectrogram a network reads, in decibels, in a tuple of one: float32 (1, bands, frames, 1).

    The channels are averaged, resampled by librosa's "soxr_hq", and heard from `example.start` on, or around the middle.
    Raises UnreadableExample with the reason, also where more than half of that part can't be decoded; warns (ExampleWarning) of less,
    which is heard as silence.
    """
    warn_of(damage(example, input_spec))
    return (_spectrogram(example, _how(input_spec))[0][None, ..., None],)


def to_view(example: Example, input_spec: InputSpec) -> PreprocessedInput:
    """Return the sound as it came, as its envelope, and the spectrogram that the network sees of a part of it."""
    how = _how(input_spec)
    sound, (spectrogram, _gaps) = audio_files.sound_of(example), _spectrogram(example, how)
    start, stop = part_of(example, how)
    notes = [*sound.defects, *damage(example, input_spec)]
    if stop - sound.seconds > 0.05:  # else both would be shown as the same
        notes.append(_("The sound lasts {seconds:.1f} s; silence follows to {stop:.1f} s.").format(seconds=sound.seconds, stop=stop))
    if spectrogram.max() <= mel_spectrogram.decibels(SILENCE, how).max():
        notes.append(_("There is nothing to hear: all samples are 0."))
    heard = Heard(sound.rate, sound.channels, sound.seconds, start, stop, audio_files.envelope(example), spectrogram)
    return PreprocessedInput(EMPTY, EMPTY, (), axes_of(input_spec, example), aligned=False, notes=tuple(notes), sound=heard)


def blank(input_spec: InputSpec) -> Example:
    """Return an example that every network of sounds can read: a silent one."""
    rate = _how(input_spec).rate
    return Example("audio", audio_files.wav(np.zeros((rate, 1), np.int16), rate), _("a silent sound"))


def axes_of(input_spec: InputSpec, example: Example | None = None) -> tuple[Axis, ...]:
    """Return the axes of the spectrogram that is read: frequency in Hz, time in seconds of the sound, channel.

    Without an example, time is that of a part that begins with the sound. A frame reaches half a hop to both sides of its centre.
    """
    how = _how(input_spec)
    start = 0.0 if example is None else part_of(example, how)[0]
    edges, half = _edges(how), how.hop / how.rate / 2
    return (
        Axis("frequency", how.bands, "Hz", edges[0], edges[-1], scale=edges, upward=True),
        Axis("time", how.frames, "s", start - half, start + (2 * how.frames - 1) * half),
        Axis("channel", 1),
    )


@lru_cache
def _edges(how: MelSpectrogram) -> tuple[float, ...]:
    """Return the frequencies between the bands, and at both ends, in Hz: half-way between their centres on the mel scale."""
    from librosa import hz_to_mel, mel_to_hz

    places = (np.arange(how.bands + 1) + 0.5) / (how.bands + 1)  # the centres lie at 1, 2, ... of bands + 1 equal steps
    return tuple(np.clip(mel_to_hz(places * hz_to_mel(how.rate / 2)), 0, how.rate / 2).tolist())


def part_of(example: Example, how: MelSpectrogram) -> tuple[float, float]:
    """Return which part is heard, in seconds; it may end after the sound does. Raises UnreadableExample."""
    first = _first(example, how)
    return first / how.rate, (first + how.samples) / how.rate


def clip(example: Example, start: float, stop: float) -> AudioClip:
    """Return from `start` to `stop` seconds of a sound, as far as it goes, sample for sample, with its own rate and channels.

    16 bits a sample, or 32-bit float where the source has more. Raises UnreadableExample, also where there is no sound.
    """
    sound = audio_files.sound_of(example)
    seconds = [one for one in (start, stop) if isinstance(one, Real) and math.isfinite(one)]
    first, last = (min(max(0, round(one * sound.rate)), sound.frames) for one in seconds) if len(seconds) == 2 else (0, 0)
    if first >= last:
        raise UnreadableExample(
            _("{name} lasts {seconds:.1f} s; there is no sound from {start} to {stop} s.").format(
                name=example.name, seconds=sound.seconds, start=start, stop=stop
            )
        )
    return AudioClip(first / sound.rate, last / sound.rate, audio_files.wav_of(example, first, last - first))


def length(example: Example, how: MelSpectrogram) -> int:
    """Return how many samples the whole sound has at how.rate."""
    sound = audio_files.sound_of(example)
    return -(-sound.frames * how.rate // sound.rate)


def resampled(example: Example, how: MelSpectrogram, first: int, count: int, lost: list[range] | None = None) -> Samples:
    """Return float32 (count,): samples of the whole sound at how.rate, one channel, from `first` on; zeros where it has ended.

    lost: gets the sound's own frames that can't be decoded, and are silence.
    Only that part is decoded; the result is that of resampling the whole to 1e-5. Raises UnreadableExample.
    """
    from librosa import resample

    sound = audio_files.sound_of(example)
    if sound.rate == how.rate:
        return audio_files.mono(example, first, count, lost)
    common = math.gcd(sound.rate, how.rate)
    own, new = sound.rate // common, how.rate // common  # so many samples of the sound are so many at how.rate
    margin = math.ceil(MARGIN * how.rate)
    steps = max(0, first - margin) // new  # the part begins where a sample lies on one of the sound's own
    last = min(sound.frames, -(-(first + count + margin) * own // new))
    heard = np.zeros(count, np.float32)
    if last > steps * own:
        own_samples = audio_files.mono(example, steps * own, last - steps * own, lost)
        part = resample(own_samples, orig_sr=sound.rate, target_sr=how.rate, res_type="soxr_hq")
        wanted = part[first - steps * new :][: max(0, min(count, length(example, how) - first))]
        heard[: len(wanted)] = wanted
    return heard


def defects(example: Example, _input_spec: InputSpec) -> tuple[str, ...]:
    """Return what is wrong with a file that can be heard all the same, in sentences. Raises UnreadableExample."""
    return audio_files.sound_of(example).defects


def damage(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return what can't be decoded of the part that is heard, and is silence, in a sentence; remembered. Raises UnreadableExample."""
    how = _how(input_spec)
    lost = _lost(example, how)
    start, stop = part_of(example, how)
    seconds = audio_files.sound_of(example).seconds
    if audio_damage.is_mostly(lost, start, min(stop, seconds)):
        raise UnreadableExample(audio_damage.refusal(example, lost, start, min(stop, seconds), _elsewhere(example, how)))
    return audio_damage.in_words(example.name, lost)


def _lost(example: Example, how: MelSpectrogram) -> audio_damage.Gaps:
    """Return what can't be decoded of the part that is heard."""
    return _spectrogram(example, how)[1]


def _elsewhere(example: Example, how: MelSpectrogram) -> float | None:
    """Return the second from which on a part can be heard of which most can be decoded; None where none was found in some tries."""
    last = max(0.0, audio_files.sound_of(example).seconds - how.seconds)
    for start in dict.fromkeys(math.floor(last * place / TRIED) for place in range(TRIED + 1)):
        first = round(start * how.rate)
        lost: list[range] = []
        resampled(example, how, first, how.samples, lost)
        stop = min(start + how.seconds, audio_files.sound_of(example).seconds)
        if not audio_damage.is_mostly(audio_damage.gaps(example, lost), start, stop):
            return start
    return None


def _spectrogram(example: Example, how: MelSpectrogram) -> tuple[Samples, audio_damage.Gaps]:
    """Return the spectrogram of the part that is heard, and what was lost of it; remembered, as the page asks thrice, so read-only."""

    def made(_example: Example) -> tuple[Samples, audio_damage.Gaps]:
        lost: list[range] = []
        spectrogram = mel_spectrogram.spectrogram(resampled(example, how, _first(example, how), how.samples, lost), how)
        spectrogram.flags.writeable = False
        return spectrogram, audio_damage.gaps(example, lost)

    return cast("tuple[Samples, audio_damage.Gaps]", audio_files.remembered((example.start, how), example, made))


def _first(example: Example, how: MelSpectrogram) -> int:
    """Return the sample at how.rate with which the part begins that is heard."""
    if example.start is None:
        return max(0, (length(example, how) - how.samples) // 2)
    seconds = audio_files.sound_of(example).seconds
    if not 0 <= example.start < seconds:
        raise UnreadableExample(
            _("{name} lasts {seconds:.1f} s; it can't be heard from {start:g} s on.").format(
                name=example.name, seconds=seconds, start=example.start
            )
        )
    return round(example.start * how.rate)


def _how(input_spec: InputSpec) -> MelSpectrogram:
    if input_spec.sound is None:
        raise UnreadableExample(_("This network reads no sound."))
    return input_spec.sound
