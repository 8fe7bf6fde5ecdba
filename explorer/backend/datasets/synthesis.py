"""Synthesis: sounds of eight timbres, computed with NumPy, for training the bundled network `timbres` and playing the bundled pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.inputs.mel_spectrogram import Samples

Rng: TypeAlias = np.random.Generator
Array: TypeAlias = np.ndarray[Any, Any]

RATE = 16_000
QUIETEST, LOUDEST = -36.0, -1.0  # decibels of the peaks of random sounds, 0 is full scale
FAINTEST, STRONGEST = -90.0, -30.0  # decibels of the background, relative to the sound's peak
DRAWBARS = (0.5, 1.5, 1, 2, 3, 4, 5, 6, 8)  # 16', 5 1/3', 8', 4', 2 2/3', 2', 1 3/5', 1 1/3', 1'
CHORDS = ((0,), (0,), (0,), (0, 7), (0, 4, 7), (0, 3, 7), (0, 4, 7, 12), (-12, 0, 3, 7))  # semitones


@dataclass(frozen=True)
class Instrument:
    """How one timbre is played.

    play: (frequency, number of samples, rate, rng) -> samples of any amplitude; the rng decides the instrument's character.
    lowest, highest: the range of random sounds in Hz.
    attack, release: seconds of fading in and out.
    sustained: whether a note lasts, so that notes can form chords and a sound can start in the middle of a note.
    """

    play: Callable[[float, int, int, Rng], Array]
    lowest: float
    highest: float
    attack: float
    release: float
    sustained: bool = True


def note(timbre: str, frequency: float, seconds: float, rate: int = RATE, loudness: float = -6.0, rng: Rng | None = None) -> Samples:
    """Return one note, silent at both ends: float32 (round(seconds * rate),), in -1 to 1, with a mean of about 0.

    timbre: one of `CLASSES`; raises KeyError otherwise.
    frequency: the pitch in Hz, below half the rate. Drums: the higher, the more noise: a bass drum at 50 Hz, a snare
        at 200 Hz, a hi-hat at 800 Hz. Noise: the centre of the loudest band.
    loudness: peak level in decibels; 0 is full scale.
    rng: decides the instrument's character (how bright, how much vibrato, ...); generators with equal state give equal notes;
        None always gives the same character.
    """
    instrument = INSTRUMENTS[timbre]
    length = round(seconds * rate)
    sound = instrument.play(frequency, length, rate, rng or np.random.default_rng(0)) * _fades(
        length, rate, instrument.attack, instrument.release
    )
    return _scaled(sound, loudness)


def random_sound(timbre: str, rng: Rng, seconds: float = 2.032, rate: int = RATE) -> Samples:
    """Return some seconds of one instrument, float32 (round(seconds * rate),): a note, a tune, chords or beats.

    Pitch, tempo, character, loudness (over a range of 35 dB) and background noise are drawn from `rng`. The first note begins at the
    first sample, before it, or before the middle of the sound; some sounds break off and end in zeros. Generators with
    equal state give equal sounds.
    timbre: one of `CLASSES`; raises KeyError otherwise.
    """
    instrument = INSTRUMENTS[timbre]
    sound = np.zeros(round(seconds * rate), np.float32)
    character = int(rng.integers(2**32))  # one instrument plays all the notes
    base = instrument.lowest * (instrument.highest / instrument.lowest) ** rng.uniform()
    chord = CHORDS[rng.integers(len(CHORDS))] if instrument.sustained else (0,)
    spacing = float(np.exp(rng.uniform(np.log(0.2), np.log(max(0.2, 2 * seconds)))))  # from one note to the next
    lead = 0.5 * min(spacing, seconds) if instrument.sustained else 0.0
    first = rng.uniform(-lead, 0.5 * seconds) if rng.uniform() < 0.75 else 0.0
    onsets = np.arange(first, seconds, spacing)
    for onset in onsets:
        root, length, loudness = rng.integers(-7, 8), spacing * rng.uniform(0.55, 1.3), rng.uniform(-6, 0)
        for interval in chord:
            frequency = float(np.clip(base * 2 ** ((root + interval) / 12), instrument.lowest, instrument.highest))
            add(sound, note(timbre, frequency, length, rate, loudness, np.random.default_rng(character)), round(onset * rate))
    sound += _background(sound, rate, rng)
    end = rng.choice(onsets.clip(0)) + rng.uniform(min(0.3, seconds), 2 * seconds)
    sound[round(end * rate) :] = 0
    return _scaled(sound, rng.uniform(QUIETEST, LOUDEST))


def add(piece: Samples, sound: Samples, start: int) -> None:
    """Add a sound to a piece, in place, from sample `start` on; samples before its start or after its end are left out."""
    first, last = max(start, 0), min(start + len(sound), len(piece))
    if first < last:
        piece[first:last] += sound[first - start : last - start]


def _scaled(sound: Array, loudness: float) -> Samples:
    peak = np.abs(sound).max(initial=1e-9)
    return np.asarray(sound * (10 ** (loudness / 20) / peak), np.float32)


def _fades(length: int, rate: int, attack: float, release: float) -> Array:
    """Return an envelope that rises from 0 to 1 and falls to 0 at the end, along half cosines; short notes shorten both."""
    scale = min(1.0, length / rate / (attack + release))
    seconds = np.arange(length, dtype=np.float32) / rate
    rise = np.minimum(seconds / (attack * scale), 1)
    fall = np.minimum(seconds[::-1] / (release * scale), 1)
    envelope: Array = np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2
    return envelope


def _background(sound: Samples, rate: int, rng: Rng) -> Array:
    """Return noise far below the sound's peak, of a colour between white and brown."""
    peak = np.abs(sound).max(initial=1e-9)
    noise = _coloured(len(sound), rate, rng, rng.uniform(-2, 0))
    background: Array = _scaled(noise, rng.uniform(FAINTEST, STRONGEST)) * peak
    return background


def _coloured(length: int, rate: int, rng: Rng, slope: float, centre: float = 1000.0, sharpness: float = 0.0) -> Array:
    """Return noise whose power is proportional to frequency ** slope (0 is white, -1 pink, -2 brown, 1 blue), through a resonance."""
    frequencies = np.fft.rfftfreq(length, 1 / rate).clip(20)
    distance = frequencies / centre - centre / frequencies
    gains = (frequencies / centre) ** (slope / 2) / np.sqrt(1 + (sharpness * distance) ** 2)
    gains[0] = 0  # no constant part
    noise: Array = np.fft.irfft(np.fft.rfft(rng.standard_normal(length)) * gains, length)
    return noise


def _seconds(length: int, rate: int) -> Array:
    return np.arange(length) / rate


def _vibrato(frequency: float, length: int, rate: int, depth: float, speed: float) -> Array:
    """Return the phase, in cycles, of a tone with a vibrato of relative `depth`, `speed` times a second, that sets in gradually."""
    t = _seconds(length, rate)
    pitch = frequency * (1 + depth * np.minimum(t / 0.4, 1) * np.sin(2 * np.pi * speed * t))
    phase: Array = np.cumsum(pitch) / rate
    return phase


def _partials(phase: Array, numbers: Array, gains: Array) -> Array:
    """Return the sum of sines at whole `numbers` times the pitch; phase: cycles."""
    turn = ((phase % 1) * (2 * np.pi)).astype(np.float32)
    waves: Array = gains.astype(np.float32) @ np.sin(np.outer(numbers.astype(np.float32), turn))
    return waves


def _harmonics(frequency: float, rate: int, most: int) -> Array:
    """Return the numbers 1, 2, ... of the harmonics below 0.45 times the rate, at most `most` of them."""
    return np.arange(1, max(1, min(most, int(0.45 * rate / frequency))) + 1)


def _plucked(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Karplus and Strong 1983: a burst of noise circulates in a delay line of one period, a little softer each time.

    The fractional delay is tuned after Jaffe and Smith 1983. Each period is computed at once from the one before.
    """
    softness = rng.uniform(0.25, 0.5) * min(1.0, 300 / frequency)
    loss = 0.001 ** (1 / (frequency * rng.uniform(1.5, 4)))  # a decay of 60 dB in so many seconds
    whole, fraction = divmod(rate / frequency - softness, 1)
    period = int(whole)
    taps = loss * np.convolve([1 - softness, softness], [1 - fraction, fraction])
    line = np.zeros(length + period + 2)
    burst = rng.uniform(-1, 1, period)
    for _times in range(rng.integers(2, 6)):  # softer than noise, like a finger
        burst = (burst + np.roll(burst, 1)) / 2
    line[2 : period + 2] = burst - burst.mean()
    for start in range(period + 2, len(line), period):
        stop = min(start + period, len(line))
        line[start:stop] = np.convolve(line[start - period - 2 : stop - period], taps, "valid")
    return line[2 : length + 2]


def _bowed(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Additive: a sawtooth, as the string moves (Helmholtz 1863), through a body's resonances, with vibrato and bow noise."""
    numbers = _harmonics(frequency, rate, 30)
    frequencies = numbers * frequency
    body = 0.3 + sum(1 / (1 + (4 * (frequencies / peak - peak / frequencies)) ** 2) for peak in (280, 460, 1000, 2500))
    phase = _vibrato(frequency, length, rate, rng.uniform(0.003, 0.01), rng.uniform(4.5, 6.5))
    tone = _partials(phase, numbers, body / numbers ** rng.uniform(0.9, 1.2))
    scratch = _coloured(length, rate, rng, -1, 2500, 0.5)
    result: Array = tone / tone.std() + scratch / scratch.std() * rng.uniform(0.01, 0.04)
    return result


def _flute(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Additive: a few soft harmonics with tremolo (after Fletcher 1975), and breath, strongest at the start of the note."""
    t = _seconds(length, rate)
    speed = rng.uniform(4, 6)
    numbers = _harmonics(frequency, rate, 6)
    phase = _vibrato(frequency, length, rate, rng.uniform(0.001, 0.004), speed)
    tone = _partials(phase, numbers, rng.uniform(0.2, 0.4) ** (numbers - 1))
    swing = 1 + rng.uniform(0.08, 0.2) * np.minimum(t / 0.4, 1) * np.sin(2 * np.pi * speed * t)
    breath = _coloured(length, rate, rng, -0.5, 1.5 * frequency, 1)
    chiff = rng.uniform(0.03, 0.08) * (1 + 4 * np.exp(-t / 0.04))
    result: Array = (tone / tone.std() + breath / breath.std() * chiff) * swing
    return result


def _organ(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Sines at the pitches of nine drawbars, 0 to 8 each in steps of 3 dB, steady while the key is down (Hammond 1934, US 1,956,350)."""
    settings = rng.integers(0, 7, len(DRAWBARS)) * (rng.uniform(size=len(DRAWBARS)) < rng.uniform())  # from a bare sine to a full organ
    settings[2] = 8  # 8', the written pitch
    ratios = np.array(DRAWBARS)
    settings[ratios * frequency > 0.45 * rate] = 0
    phase = _seconds(length, rate) * (frequency / 2)
    return _partials(phase, 2 * ratios, np.where(settings > 0, 10 ** (-3 * (8 - settings) / 20), 0))


def _brass(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Frequency modulation 1:1 (Chowning 1973): the louder, the brighter, so the brightness rises with the attack."""
    t = _seconds(length, rate)
    attack, hold = rng.uniform(0.05, 0.12), rng.uniform(0.65, 0.85)
    strength = np.minimum(t / attack, 1) * (hold + (1 - hold) * np.exp(-np.maximum(t - attack, 0) / 0.15))
    turn = 2 * np.pi * _vibrato(frequency, length, rate, rng.uniform(0, 0.003), rng.uniform(4.5, 6))
    index = min(rng.uniform(3.5, 5), _highest_index(frequency, frequency, rate)) * strength
    result: Array = strength * np.sin(turn + index * np.sin(turn))
    return result


def _bell(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Frequency modulation 1:1.4 (Chowning 1973): inharmonic partials that decay from the highest on."""
    t = _seconds(length, rate)
    strength = np.exp(-t / rng.uniform(0.4, 1.2))
    turn = 2 * np.pi * frequency * t
    index = min(rng.uniform(5, 10), _highest_index(frequency, 1.4 * frequency, rate)) * strength
    result: Array = strength * np.sin(turn + index * np.sin(1.4 * turn))
    return result


def _highest_index(carrier: float, modulator: float, rate: int) -> float:
    """Return the largest modulation index whose sidebands (about index + 1 of them) stay below half the rate."""
    return max(0.0, (rate / 2 - carrier) / modulator - 1)


def _drum(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Subtractive: a tone that falls in pitch as the skin slackens, and filtered noise, both decaying fast."""
    t = _seconds(length, rate)
    fall = frequency * (1 + rng.uniform(0.5, 2) * np.exp(-t / 0.03))
    tone = np.sin(2 * np.pi * np.cumsum(fall) / rate) * np.exp(-t / (rng.uniform(6, 14) / (frequency + 40)))
    rattle = _coloured(length, rate, rng, 0, 20 * frequency**0.8, 0.7)
    rattle *= np.exp(-t / rng.uniform(0.03, 0.1)) / np.abs(rattle).max()
    noise_share = np.clip(np.log2(frequency / 40) / np.log2(20), 0.02, 0.98)
    result: Array = (1 - noise_share) * tone + noise_share * rattle
    return result


def _noise(frequency: float, length: int, rate: int, rng: Rng) -> Array:
    """Subtractive: noise from brown to blue through a wide or narrow resonance, with slow swells."""
    swell = 1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * (rng.uniform(0.2, 2) * _seconds(length, rate) + rng.uniform()))
    sharpness = np.exp(rng.uniform(np.log(0.2), np.log(6)))
    result: Array = _coloured(length, rate, rng, rng.uniform(-2, 1), frequency, sharpness) * swell
    return result


INSTRUMENTS = {
    "plucked string": Instrument(_plucked, 65, 900, attack=0.002, release=0.05),
    "bowed string": Instrument(_bowed, 65, 1400, attack=0.12, release=0.1),
    "flute": Instrument(_flute, 200, 2100, attack=0.07, release=0.08),
    "organ": Instrument(_organ, 60, 1200, attack=0.01, release=0.03),
    "bell": Instrument(_bell, 120, 2000, attack=0.002, release=0.1),
    "brass": Instrument(_brass, 50, 1100, attack=0.01, release=0.08),
    "drum": Instrument(_drum, 45, 900, attack=0.002, release=0.02, sustained=False),
    "noise": Instrument(_noise, 100, 5000, attack=0.08, release=0.1),
}
CLASSES = tuple(INSTRUMENTS)
