"""The bundled network `timbres` and the sample sounds: what is said about them is so."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from explorer.backend.datasets.synthesis import CLASSES, INSTRUMENTS, RATE, note, random_sound
from explorer.backend.inputs import mel_spectrogram
from explorer.backend.runtime.keras import keras
from explorer.catalog import BUNDLED, SPECTROGRAMS

ASSETS = Path(__file__).parent.parent / "assets"
HOW = SPECTROGRAMS["timbres"]
FACTS = json.loads((BUNDLED / "timbres.json").read_text())
PIECES = {"melody": 32.0, "chords": 24.0, "drums": 16.0, "sweep": 12.0}  # seconds
STEADY = ("bowed string", "flute", "organ", "brass", "noise")


def script(name):
    """Return a script of assets/ as a module."""
    loading = importlib.util.spec_from_file_location(name, ASSETS / f"{name}.py")
    module = importlib.util.module_from_spec(loading)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TF_ENABLE_ONEDNN_OPTS", "1")  # the scripts that train set it, and it is set back afterwards
        loading.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def training():
    return script("train_timbres")


@pytest.fixture(scope="module")
def making():
    return script("make_sounds")


@pytest.fixture(scope="module")
def network():
    """Return the bundled network, opened by Keras alone."""
    return keras.saving.load_model(BUNDLED / "timbres.keras", compile=False)


@pytest.fixture(scope="module")
def held_out(training):
    return training.held_out()


@pytest.fixture(scope="module")
def guess(network):
    """Return a function: sounds, (n, HOW.samples) -> the names of the classes they are taken for."""

    def guess(sounds):
        x = mel_spectrogram.spectrogram(np.stack(sounds).astype(np.float32), HOW)[..., None]
        return [CLASSES[one] for one in network.predict(x, verbose=0).argmax(1)]

    return guess


@pytest.fixture(scope="module")
def pieces(samples):
    """Return the sample sounds, float32, by name."""
    return {name: soundfile.read(samples / f"{name}.ogg", dtype="float32")[0] for name in PIECES}


def part(piece, second):
    return piece[round(second * RATE) :][: HOW.samples]


def windows(piece, first, last):
    """Return stretches that begin every half second, from `first` to `last`, both in seconds."""
    return [part(piece, second) for second in np.arange(first, last - HOW.seconds, 0.5)]


def accuracy(model, held_out):
    x, classes = held_out
    return float((model.predict(x, verbose=0).argmax(1) == classes).mean())


def test_the_bundled_network_is_small_enough_to_travel_with_the_code():
    assert (BUNDLED / "timbres.keras").stat().st_size == FACTS["size"] < 500_000


def test_its_facts_are_those_of_the_network(network):
    assert FACTS["parameters"] == network.count_params()
    assert FACTS["depth"] == len(network.layers)
    assert tuple(FACTS["classes"]) == CLASSES


def test_the_held_out_sounds_are_not_those_it_was_trained_on(training):
    trained, _ = training.sounds(2, training.SEED)
    others, classes = training.sounds(2, training.HELD_OUT_SEED)
    assert sorted(classes) == sorted(2 * [*range(len(CLASSES))])
    assert not {one.tobytes() for one in trained} & {one.tobytes() for one in others}


@pytest.mark.slow
def test_its_accuracy_is_the_one_that_is_said(network, held_out):
    measured = accuracy(network, held_out)
    assert len(held_out[1]) == FACTS["held_out"]
    assert measured == pytest.approx(FACTS["accuracy"], abs=0.003)
    assert measured >= 0.95


@pytest.mark.parametrize("timbre", CLASSES)
def test_it_knows_single_notes_of_every_timbre_at_any_pitch(timbre, guess):
    kind = INSTRUMENTS[timbre]
    pitches = np.geomspace(1.1 * kind.lowest, 0.9 * kind.highest, 10)
    notes = [note(timbre, one, HOW.seconds, rng=np.random.default_rng(seed)) for seed, one in enumerate(pitches)]
    assert guess(notes).count(timbre) >= 8


@pytest.mark.parametrize("timbre", STEADY)
def test_it_knows_a_note_that_began_before(timbre, guess):
    kind = INSTRUMENTS[timbre]
    pitches = np.geomspace(1.1 * kind.lowest, 0.9 * kind.highest, 10)
    notes = [part(note(timbre, one, 4, rng=np.random.default_rng(seed)), 1) for seed, one in enumerate(pitches)]
    assert guess(notes).count(timbre) >= 8


@pytest.mark.parametrize("timbre", CLASSES)
def test_it_knows_a_sound_that_is_shorter_than_what_it_hears(timbre, guess):
    sounds = [random_sound(timbre, np.random.default_rng(seed), 0.6) for seed in range(10)]
    assert guess([np.pad(one, (0, HOW.samples - len(one))) for one in sounds]).count(timbre) >= 8


def test_silence_is_no_instrument(network):
    silence = mel_spectrogram.spectrogram(np.zeros((1, HOW.samples), np.float32), HOW)[..., None]
    assert network.predict(silence, verbose=0).max() < 0.3


@pytest.mark.parametrize("name", PIECES)
def test_the_sample_sounds_are_as_long_as_said_and_small(name, samples):
    path = samples / f"{name}.ogg"
    about = soundfile.info(path)
    assert (about.samplerate, about.channels, about.format) == (16_000, 1, "OGG")
    assert about.duration == pytest.approx(PIECES[name], abs=0.01)
    assert path.stat().st_size < 300_000


@pytest.mark.parametrize("name", PIECES)
def test_the_sample_sounds_are_loud_and_do_not_clip(name, pieces):
    piece = pieces[name]
    assert 0.5 < np.abs(piece).max() < 0.99
    assert piece.std() > 0.05
    assert abs(piece.mean()) < 0.002
    assert np.abs(piece[-20:]).max() < 0.01  # it ends in silence, not with a click


@pytest.mark.parametrize("name", PIECES)
def test_the_sample_sounds_are_what_the_script_plays(name, pieces, making):
    played = making.PIECES[name]()
    played *= making.PEAK / np.abs(played).max()
    heard = pieces[name][: len(played)]
    assert np.corrcoef(played, heard)[0, 1] > 0.95


def test_the_melody_is_played_by_each_instrument_in_turn(making, pieces, guess):
    turns = [timbre for timbre, _ in making.MELODY]
    assert set(turns) == set(CLASSES) - {"drum", "noise"}
    for turn, timbre in enumerate(turns):
        answers = guess(windows(pieces["melody"], 4 * turn, 4 * turn + 4))
        assert answers.count(timbre) > len(answers) / 2


def test_the_chords_the_drums_and_the_noise_are_heard_as_such(making, pieces, guess):
    expected = [("chords", 8 * turn, 8 * turn + 8, timbre) for turn, timbre in enumerate(making.CHORDS)]
    for name, first, last, timbre in (*expected, ("drums", 0, 16, "drum"), ("sweep", 0, 12, "noise")):
        answers = guess(windows(pieces[name], first, last))
        assert answers.count(timbre) > 0.8 * len(answers)


def test_the_band_of_the_sweep_rises_and_falls(pieces):
    bands = [mel_spectrogram.power(part(pieces["sweep"], second), HOW).mean(1) for second in (0.2, 2, 4.9, 8, 9.8)]
    heights = [(band * np.arange(HOW.bands)).sum() / band.sum() for band in bands]
    assert heights[0] < heights[1] < heights[2]
    assert heights[2] > heights[3] > heights[4]


@pytest.mark.slow
def test_training_again_gives_as_good_a_network(training, held_out):
    again = accuracy(training.train(), held_out)
    assert again >= 0.95
    assert again == pytest.approx(FACTS["accuracy"], abs=0.02)


@pytest.mark.slow
def test_training_twice_gives_the_same_weights(training):
    first, second = (training.train(each=20, epochs=2).get_weights() for _again in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
