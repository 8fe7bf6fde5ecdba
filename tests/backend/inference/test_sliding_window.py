"""Sliding a network along a piece gives what each window alone would give."""

import numpy as np
import pytest

import explorer
from explorer.backend.inference import sliding_window
from explorer.backend.inputs import audio, mel_spectrogram
from explorer.catalog import SPECTROGRAMS
from explorer.errors import ExplorerError, UnreadableExample

TIMBRES = SPECTROGRAMS["timbres"]
TAGGER = SPECTROGRAMS["music_tagger"]


def piece(seconds, rate, seed=0):
    """A sound whose loudness changes much, so that decibels hang on the window: float32 (n,)."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * 440 * time * (1 + time / seconds)) * np.abs(np.sin(time)) ** 8
    return (0.5 * tone + random.normal(0, 10.0 ** random.uniform(-6, -2, 1), len(time))).astype(np.float32)


@pytest.fixture(scope="module")
def timbres():
    return explorer.load("timbres")


@pytest.mark.parametrize("how", [TIMBRES, TAGGER], ids=["timbres", "music_tagger"])
def test_each_window_has_the_spectrogram_of_its_own_samples(how):
    samples = piece(2.7 * how.seconds, how.rate)
    example = audio.read((samples, how.rate))
    hop = 3 * how.hop * (how.frames // 16)
    count = sliding_window.count_of(example, how, hop)
    slid = np.concatenate(list(sliding_window.windows(example, how, hop, 0, count, 2, [])))
    alone = [mel_spectrogram.spectrogram(samples[start : start + how.samples], how) for start in range(0, count * hop, hop)]
    assert len(slid) == len(alone) > 4
    np.testing.assert_allclose(slid[..., 0], alone, atol=2e-3)


def test_the_scores_are_those_of_predict_for_each_window_alone(timbres):
    rate = TIMBRES.rate
    samples = piece(9, rate)
    slid = timbres.over_time((samples, rate), hop=1.1)
    for start, scores in zip(slid.starts, slid.scores, strict=True):
        first = round(start * rate)
        alone = timbres.predict((samples[first : first + TIMBRES.samples], rate), top=8)
        by_label = dict(zip(slid.labels, scores, strict=True))
        assert {one.label: one.score for one in alone} == pytest.approx({one.label: by_label[one.label] for one in alone}, abs=1e-4)


def test_a_sound_at_another_rate_is_slid_over_alike(timbres):
    samples = piece(7, 44_100)
    slid = timbres.over_time((samples, 44_100), hop=1.0)
    whole = audio.resampled(audio.read((samples, 44_100)), TIMBRES, 0, 7 * TIMBRES.rate)
    for start, scores in zip(slid.starts, slid.scores, strict=True):
        first = round(start * TIMBRES.rate)
        alone = timbres.predict((whole[first : first + TIMBRES.samples], TIMBRES.rate), top=8)
        assert max(one.score for one in alone) == pytest.approx(scores.max(), abs=1e-4)


def test_it_says_where_the_windows_are(timbres):
    slid = timbres.over_time((piece(10, 16_000), 16_000), hop=0.5)
    assert slid.window == pytest.approx(2.032)
    assert slid.hop == pytest.approx(0.496)  # 31 frames
    assert slid.starts.tolist() == pytest.approx([0.496 * place for place in range(17)])
    assert slid.scores.shape == (17, 8)
    assert slid.total == 17
    assert slid.labels[0] == "plucked string"
    assert slid.scale == "shares"
    assert slid.starts[-1] + slid.window <= 10


def test_parts_are_the_whole(timbres):
    example = audio.read((piece(8, 16_000), 16_000))
    whole = timbres.audio.over_time(example, 0.4)
    parts = [timbres.audio.over_time(example, 0.4, first, 5) for first in range(0, whole.total, 5)]
    assert {part.total for part in parts} == {whole.total}
    np.testing.assert_allclose(np.concatenate([part.scores for part in parts]), whole.scores, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([part.starts for part in parts]), whole.starts)
    assert timbres.audio.over_time(example, 0.4, whole.total, 5).scores.shape == (0, 8)


def test_a_short_sound_is_one_window_with_silence_after_it(timbres):
    sound = (piece(0.7, 16_000), 16_000)
    slid = timbres.over_time(sound)
    assert slid.starts.tolist() == [0]
    assert slid.scores[0].max() == pytest.approx(timbres.predict(sound, top=1)[0].score, abs=1e-4)


@pytest.mark.parametrize(("how", "expected"), [(TIMBRES, 0.384), (TAGGER, 5.525)], ids=["timbres", "music_tagger"])
def test_the_hop_is_a_fifth_of_a_window_where_nobody_says(how, expected):
    example = audio.read((piece(4 * how.seconds, how.rate), how.rate))
    assert sliding_window.hop_of(example, how, None) / how.rate == pytest.approx(expected, abs=1e-3)


def test_a_piece_hardly_longer_than_a_window_is_slid_over_in_small_steps():
    example = audio.read((piece(TIMBRES.seconds + 0.5, TIMBRES.rate), TIMBRES.rate))
    hop = sliding_window.hop_of(example, TIMBRES, None)
    assert hop % TIMBRES.hop == 0
    assert sliding_window.count_of(example, TIMBRES, hop) in (10, 11)


def test_a_long_piece_has_no_more_than_a_hundred_windows(timbres):
    example = audio.read((piece(300, 4_000), 4_000))
    hop = sliding_window.hop_of(example, TIMBRES, None)
    assert hop % TIMBRES.hop == 0
    assert sliding_window.count_of(example, TIMBRES, hop) in range(95, 101)


@pytest.mark.parametrize("hop", [0, -1, float("nan"), float("inf"), 1e-9, "a", True])
def test_a_hop_that_leads_nowhere_is_refused(timbres, hop):
    with pytest.raises(ExplorerError, match=r"hop must be a number of seconds, at least 0\.016"):
        timbres.over_time((piece(3, 16_000), 16_000), hop=hop)


def test_a_network_of_pictures_does_not_slide(digits, samples):
    with pytest.raises(ExplorerError, match="digits reads no sound"):
        digits.over_time(samples / "digit_3.png")


def test_without_its_top_it_names_nothing_over_time():
    network = explorer.load("timbres", weights=None, include_top=False)
    with pytest.raises(ExplorerError, match="without its top"):
        network.over_time((piece(3, 16_000), 16_000))


def test_what_is_no_sound_is_refused(timbres, samples):
    with pytest.raises(UnreadableExample, match=r"cat\.jpg"):
        timbres.over_time(samples / "cat.jpg")
