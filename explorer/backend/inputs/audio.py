"""Audio: from a sound in any form to an `Example`, the spectrogram that a network reads, and a view of it.

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
SILENCE = np.zeros((1, 1), np.float32)  # the power spectrogram of silence
MARGIN = 0.25  # seconds on both sides of a part that is resampled: soxr_hq reaches 0.1 s at 1,000 samples a second, less above
TRIES = 50  # positions at which a decodable part is searched for
FULL_SCALE = {"int16": 2**15, "int32": 2**31}  # the integer for 1.0


def read(source: Source) -> Example:
    """Return the example in `source`; the sound is decoded later.

    source: a path, of whose file only the needed part is read; the bytes of a sound file, or a binary file object;
        a tuple of samples, (n,) or (n, channels) of floats in -1 to 1, int16 or int32, and their rate per second.
    Raises UnreadableExample for anything else, and where there is no such file.
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
        raise UnreadableExample(_("The number of samples a second must be known: give (samples, rate), such as (samples, 44100)."))
    if hasattr(source, "read"):
        return Example("audio", bytes_from(source), Path(str(getattr(source, "name", _("the sound")))).name)
    raise UnreadableExample(
        _("A sound is a path, bytes, a file object or a tuple (samples, rate), not {type}.").format(type=type(source).__name__)
    )


def _encoded(samples: Any, rate: Any) -> bytes:
    """Return samples as a WAV file of 32-bit floats. Raises UnreadableExample for invalid samples or rates."""
    low, high = audio_info.RATES
    if isinstance(samples, Real) and isinstance(rate, np.ndarray):
        raise UnreadableExample(_("Give the samples first, then their number a second: (samples, rate)."))
    whole_rate = int(rate) if isinstance(rate, Integral) or (isinstance(rate, float) and rate.is_integer()) else 0
    if not low <= whole_rate <= high:
        given = rate if isinstance(rate, Real) else type(rate).__name__
        raise UnreadableExample(_("The rate must be a whole number of samples a second, 1,000 to 384,000, not {rate}.").format(rate=given))
    try:
        array = np.asarray(samples)
    except ValueError as error:  # rows of different lengths
        raise UnreadableExample(_("The samples are rows of different lengths; a sound is (n,) or (n, channels).")) from error
    if array.dtype.kind != "f" and array.dtype.name not in FULL_SCALE:
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
        floats = (array / FULL_SCALE[array.dtype.name]).astype(np.float32)
    return audio_files.wav(floats.reshape(len(floats), -1), whole_rate)


def to_batch(example: Example, input_spec: InputSpec) -> tuple[Samples]:
    """Return the spectrogram that a network reads, in decibels, as a tuple of one array: float32 (1, bands, frames, 1).

    The channels are averaged, resampled by librosa's "soxr_hq", and read from `example.start` on, or around the middle.
    Raises UnreadableExample with the reason, also where more than half of that part can't be decoded; warns (ExampleWarning) where
    less can't, which is read as silence.
    """
    warn_of(damage(example, input_spec))
    return (_spectrogram(example, _settings(input_spec))[0][None, ..., None],)


def to_view(example: Example, input_spec: InputSpec) -> PreprocessedInput:
    """Return the envelope of the whole sound, and the spectrogram of the part that the network reads."""
    settings = _settings(input_spec)
    sound, (spectrogram, _lost) = audio_files.sound_of(example), _spectrogram(example, settings)
    start, stop = part_of(example, settings)
    notes = [*sound.defects, *damage(example, input_spec)]
    if stop - sound.seconds > 0.05:  # smaller differences don't show in one decimal
        notes.append(_("The sound lasts {seconds:.1f} s; silence follows to {stop:.1f} s.").format(seconds=sound.seconds, stop=stop))
    if spectrogram.max() <= mel_spectrogram.decibels(SILENCE, settings).max():
        notes.append(_("There is nothing to hear: all samples are 0."))
    heard = Heard(sound.rate, sound.channels, sound.seconds, start, stop, audio_files.envelope(example), spectrogram)
    return PreprocessedInput(EMPTY, EMPTY, (), axes_of(input_spec, example), aligned=False, notes=tuple(notes), sound=heard)


def blank(input_spec: InputSpec) -> Example:
    """Return a silent sound, which every network of sounds can read."""
    rate = _settings(input_spec).rate
    return Example("audio", audio_files.wav(np.zeros((rate, 1), np.int16), rate), _("a silent sound"))


def axes_of(input_spec: InputSpec, example: Example | None = None) -> tuple[Axis, ...]:
    """Return the axes of the spectrogram that the network reads: frequency in Hz, time in seconds of the sound, channel.

    Without an example, the part begins with the sound. A frame extends half a hop to both sides of its centre.
    """
    settings = _settings(input_spec)
    start = 0.0 if example is None else part_of(example, settings)[0]
    edges, half = _edges(settings), settings.hop / settings.rate / 2
    return (
        Axis("frequency", settings.bands, "Hz", edges[0], edges[-1], scale=edges, upward=True),
        Axis("time", settings.frames, "s", start - half, start + (2 * settings.frames - 1) * half),
        Axis("channel", 1),
    )


@lru_cache
def _edges(settings: MelSpectrogram) -> tuple[float, ...]:
    """Return the edges of the bands in Hz, lowest to highest: half-way between their centres on the mel scale."""
    from librosa import hz_to_mel, mel_to_hz

    positions = (np.arange(settings.bands + 1) + 0.5) / (settings.bands + 1)  # the centres lie at 1, 2, ... of bands + 1 equal steps
    return tuple(np.clip(mel_to_hz(positions * hz_to_mel(settings.rate / 2)), 0, settings.rate / 2).tolist())


def part_of(example: Example, settings: MelSpectrogram) -> tuple[float, float]:
    """Return start and stop, in seconds, of the part that is read; it may end after the sound. Raises UnreadableExample."""
    first = _first_sample(example, settings)
    return first / settings.rate, (first + settings.samples) / settings.rate


def clip(example: Example, start: float, stop: float) -> AudioClip:
    """Return a sound from `start` to `stop` seconds, or to its end, sample for sample, with its own rate and channels.

    16 bits a sample, or 32-bit float where the source has more. Raises UnreadableExample, also where there is no sound.
    """
    sound = audio_files.sound_of(example)
    seconds = [second for second in (start, stop) if isinstance(second, Real) and math.isfinite(second)]
    first, last = (min(max(0, round(second * sound.rate)), sound.frames) for second in seconds) if len(seconds) == 2 else (0, 0)
    if first >= last:
        raise UnreadableExample(
            _("{name} lasts {seconds:.1f} s; there is no sound from {start} to {stop} s.").format(
                name=example.name, seconds=sound.seconds, start=start, stop=stop
            )
        )
    return AudioClip(first / sound.rate, last / sound.rate, audio_files.wav_of(example, first, last - first))


def length(example: Example, settings: MelSpectrogram) -> int:
    """Return the number of samples of the whole sound at settings.rate."""
    sound = audio_files.sound_of(example)
    return -(-sound.frames * settings.rate // sound.rate)


def resampled(example: Example, settings: MelSpectrogram, first: int, count: int, lost: list[range] | None = None) -> Samples:
    """Return float32 (count,): samples of the whole sound at settings.rate, one channel, from `first` on; zeros after its end.

    lost: is extended by the sound's own frames that can't be decoded, and are silence.
    Only this part is decoded; the result equals that of resampling the whole sound to within 1e-5. Raises UnreadableExample.
    """
    from librosa import resample

    sound = audio_files.sound_of(example)
    if sound.rate == settings.rate:
        return audio_files.mono(example, first, count, lost)
    common = math.gcd(sound.rate, settings.rate)
    # source_step samples of the sound last as long as target_step samples at settings.rate
    source_step, target_step = sound.rate // common, settings.rate // common
    margin = math.ceil(MARGIN * settings.rate)
    step_count = max(0, first - margin) // target_step  # so that the part begins where samples of both rates coincide
    last = min(sound.frames, -(-(first + count + margin) * source_step // target_step))
    result = np.zeros(count, np.float32)
    if last > step_count * source_step:
        source_samples = audio_files.mono(example, step_count * source_step, last - step_count * source_step, lost)
        part = resample(source_samples, orig_sr=sound.rate, target_sr=settings.rate, res_type="soxr_hq")
        usable = part[first - step_count * target_step :][: max(0, min(count, length(example, settings) - first))]
        result[: len(usable)] = usable
    return result


def defects(example: Example, _input_spec: InputSpec) -> tuple[str, ...]:
    """Return the defects of a file that can still be read, in sentences. Raises UnreadableExample."""
    return audio_files.sound_of(example).defects


def damage(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return a sentence about what can't be decoded, and is silence, in the part that is read; cached. Raises UnreadableExample."""
    settings = _settings(input_spec)
    gaps = _gaps(example, settings)
    start, stop = part_of(example, settings)
    seconds = audio_files.sound_of(example).seconds
    if audio_damage.is_mostly(gaps, start, min(stop, seconds)):
        raise UnreadableExample(
            audio_damage.refusal_sentence(example, gaps, start, min(stop, seconds), _decodable_start(example, settings))
        )
    return audio_damage.damage_notes(example.name, gaps)


def _gaps(example: Example, settings: MelSpectrogram) -> audio_damage.Gaps:
    """Return the gaps in the part that is read."""
    return _spectrogram(example, settings)[1]


def _decodable_start(example: Example, settings: MelSpectrogram) -> float | None:
    """Return the second from which on most of a part can be decoded; None where no try finds one."""
    last = max(0.0, audio_files.sound_of(example).seconds - settings.seconds)
    for start in dict.fromkeys(math.floor(last * index / TRIES) for index in range(TRIES + 1)):
        first = round(start * settings.rate)
        lost: list[range] = []
        resampled(example, settings, first, settings.samples, lost)
        stop = min(start + settings.seconds, audio_files.sound_of(example).seconds)
        if not audio_damage.is_mostly(audio_damage.gaps(example, lost), start, stop):
            return start
    return None


def _spectrogram(example: Example, settings: MelSpectrogram) -> tuple[Samples, audio_damage.Gaps]:
    """Return the spectrogram of the part that is read, read-only, and its gaps; cached, as a page asks for it three times."""

    def computed(_example: Example) -> tuple[Samples, audio_damage.Gaps]:
        lost: list[range] = []
        spectrogram = mel_spectrogram.spectrogram(
            resampled(example, settings, _first_sample(example, settings), settings.samples, lost), settings
        )
        spectrogram.flags.writeable = False
        return spectrogram, audio_damage.gaps(example, lost)

    return cast("tuple[Samples, audio_damage.Gaps]", audio_files.cached((example.start, settings), example, computed))


def _first_sample(example: Example, settings: MelSpectrogram) -> int:
    """Return the first sample, at settings.rate, of the part that is read."""
    if example.start is None:
        return max(0, (length(example, settings) - settings.samples) // 2)
    seconds = audio_files.sound_of(example).seconds
    if not 0 <= example.start < seconds:
        raise UnreadableExample(
            _("{name} lasts {seconds:.1f} s; it can't be heard from {start:g} s on.").format(
                name=example.name, seconds=seconds, start=example.start
            )
        )
    return round(example.start * settings.rate)


def _settings(input_spec: InputSpec) -> MelSpectrogram:
    if input_spec.sound is None:
        raise UnreadableExample(_("This network doesn't read sound."))
    return input_spec.sound
