"""Synthesised sounds: loud enough, in range, of the right pitch, and the same whenever they are made."""

import subprocess
import sys

import numpy as np
import pytest

from explorer.backend.datasets import synthesis
from explorer.backend.datasets.synthesis import CLASSES, RATE, add, note, random_sound
from explorer.catalog.sounds import TIMBRES

PITCHED = [name for name in CLASSES if name not in ("drum", "noise")]
HARMONIC = [name for name in PITCHED if name != "bell"]


def pitch(sound, rate, near):
    """Return the frequency whose period repeats best, looked for within an octave."""
    around = np.fft.irfft(np.abs(np.fft.rfft(sound, 2 * len(sound))) ** 2)
    periods = np.arange(round(rate / near / 1.6), round(rate / near * 1.6) + 1)
    best = periods[around[periods].argmax()]
    before, at, after = around[best - 1 : best + 2]
    return rate / (best + (before - after) / (before - 2 * at + after) / 2)


def spectrum(sound, rate):
    """Return the frequencies and the power at each."""
    return np.fft.rfftfreq(len(sound), 1 / rate), np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2


def middle(sound, rate):
    """Return the mean frequency of a sound."""
    frequencies, power = spectrum(sound, rate)
    return (frequencies * power).sum() / power.sum()


def decibels(sound):
    return 20 * np.log10(np.abs(sound).max())


def test_the_classes_are_those_of_the_network():
    assert CLASSES == TIMBRES


@pytest.mark.parametrize("timbre", CLASSES)
def test_a_note_is_as_long_and_loud_as_asked(timbre):
    for loudness in (0.0, -40.0):
        sound = note(timbre, 300, 0.7, rate=22_050, loudness=loudness)
        assert (sound.shape, sound.dtype) == ((15_435,), np.float32)
        assert decibels(sound) == pytest.approx(loudness, abs=0.01)


@pytest.mark.parametrize("timbre", CLASSES)
def test_a_note_begins_and_ends_in_silence_and_has_no_constant_part(timbre):
    sound = note(timbre, 220, 1.5, loudness=0)
    assert abs(sound[0]) < 0.001
    assert np.abs(sound[-8:]).max() < 0.001
    assert abs(sound.mean()) < 0.003


@pytest.mark.parametrize("timbre", CLASSES)
def test_a_note_sounds_for_some_time(timbre):
    sound = note(timbre, 220, 1.0, loudness=0)
    heard = np.sqrt((sound[: RATE // 4] ** 2).mean())
    assert 20 * np.log10(heard) > -35


@pytest.mark.parametrize("frequency", [98.0, 220.0, 440.0, 830.6])
@pytest.mark.parametrize("timbre", HARMONIC)
def test_the_pitch_is_the_one_asked_for(timbre, frequency):
    for seed in range(3):
        sound = note(timbre, frequency, 1.0, rng=np.random.default_rng(seed))
        assert pitch(sound, RATE, frequency) == pytest.approx(frequency, rel=0.03)


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize("timbre", HARMONIC)
def test_the_pitch_does_not_depend_on_the_rate(timbre, rate):
    assert pitch(note(timbre, 220, 1.0, rate), rate, 220) == pytest.approx(220, rel=0.03)


@pytest.mark.parametrize("frequency", [220.0, 440.0, 880.0])
def test_what_rings_on_of_a_bell_is_its_pitch_and_what_it_begins_with_are_no_harmonics(frequency):
    sound = note("bell", frequency, 3.0)
    frequencies, power = spectrum(sound[2 * RATE :], RATE)
    assert frequencies[power.argmax()] == pytest.approx(frequency, rel=0.03)
    frequencies, power = spectrum(sound[: RATE // 2], RATE)
    parts = frequencies / frequency
    assert power[np.abs(parts - np.round(parts)) > 0.15].sum() > 0.3 * power.sum()


def test_drums_are_more_of_noise_the_higher_and_die_away_at_once():
    heights = []
    for frequency in (50, 200, 800):
        sound = note("drum", frequency, 1.0)
        heights.append(middle(sound, RATE))
        assert (sound[RATE // 2 :] ** 2).sum() < 0.01 * (sound**2).sum()
    assert heights[0] < 150
    assert heights[0] < heights[1] < heights[2]
    assert heights[2] > 1500


def test_noise_lies_around_the_frequency_asked_for():
    heights = [middle(note("noise", frequency, 1.0), RATE) for frequency in (150, 800, 4000)]
    assert heights[0] < heights[1] < heights[2]


@pytest.mark.parametrize("timbre", CLASSES)
def test_the_same_generator_gives_the_same_note_and_another_another(timbre):
    first, again, other = (note(timbre, 300, 0.3, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(note(timbre, 300, 0.3), note(timbre, 300, 0.3))


@pytest.mark.parametrize("timbre", CLASSES)
def test_the_same_generator_gives_the_same_random_sounds(timbre):
    first, again = ([random_sound(timbre, rng, 1.0) for _time in range(2)] for rng in (np.random.default_rng(3), np.random.default_rng(3)))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not np.array_equal(*first)


@pytest.mark.parametrize("timbre", CLASSES)
def test_random_sounds_are_in_range_and_of_many_loudnesses(timbre):
    rng = np.random.default_rng(0)
    sounds = np.stack([random_sound(timbre, rng) for _time in range(30)])
    assert (sounds.shape, sounds.dtype) == ((30, 32_512), np.float32)
    assert np.isfinite(sounds).all()
    peaks = [decibels(sound) for sound in sounds]
    assert synthesis.QUIETEST - 0.01 <= min(peaks) < -28
    assert -9 < max(peaks) <= synthesis.LOUDEST + 0.01


@pytest.mark.parametrize("timbre", HARMONIC)
def test_random_sounds_are_of_many_pitches(timbre):
    lowest = []
    for seed in range(20):
        frequencies, power = spectrum(random_sound(timbre, np.random.default_rng(seed), 0.5), RATE)
        lowest.append(frequencies[np.searchsorted(power.cumsum(), 0.1 * power.sum())])
    assert max(lowest) > 4 * min(lowest)


def test_some_random_sounds_break_off():
    ends = [np.flatnonzero(random_sound("organ", np.random.default_rng(seed)))[-1] for seed in range(20)]
    assert 0 < sum(end < 30_000 for end in ends) < 15


def test_very_short_and_very_high_notes_are_notes_too():
    for timbre in CLASSES:
        assert np.abs(note(timbre, 300, 0.01)).max() > 0.4
        assert np.isfinite(note(timbre, 3900, 0.1, rate=8_000)).all()
        assert np.isfinite(random_sound(timbre, np.random.default_rng(0), 0.1)).all()


def test_an_unknown_timbre_is_no_key():
    with pytest.raises(KeyError):
        note("kazoo", 300, 1.0)
    with pytest.raises(KeyError):
        random_sound("kazoo", np.random.default_rng(0))


def test_adding_leaves_out_what_lies_outside_the_piece():
    piece = np.zeros(6, np.float32)
    for start in (-2, 4, 6, -3):
        add(piece, np.array([1, 2, 3], np.float32), start)
    assert piece.tolist() == [3, 0, 0, 0, 1, 2]


def test_no_other_library_is_needed():
    play = "from explorer.backend.datasets.synthesis import note; note('flute', 440, 0.1)"
    code = f"import sys; {play}; print({{'keras', 'librosa', 'scipy'}} & {{*sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
