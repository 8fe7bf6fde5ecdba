import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from sound_sources import encoded, piece, without_length

from explorer.backend.inputs import audio, mel_spectrogram
from explorer.catalog import SPECTROGRAMS
from explorer.errors import UnreadableExample
from explorer.values import Example, FileOnDisk, MelSpectrogram, Reading, TensorInfo

TIMBRES, TAGGER = SPECTROGRAMS["timbres"], SPECTROGRAMS["music_tagger"]
SHORT = MelSpectrogram(rate=12_000, samples=6_000, fft=512, hop=256, bands=40)


def reading_of(how):
    return Reading("audio", (TensorInfo("spectrogram", how.shape, "float32"),), "of a test", size=how.shape, sound=how)


def refusal(call, *given):
    with pytest.raises(UnreadableExample) as refused:
        call(*given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def resampled_whole(samples, rate, how):
    from librosa import resample

    return (
        resample(samples.mean(axis=1), orig_sr=rate, target_sr=how.rate, res_type="soxr_hq") if rate != how.rate else samples.mean(axis=1)
    )


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "a piece.wav"
    file.write_bytes(encoded(piece(3, 22_050, 2), 22_050, "wav of floats"))
    return file


def test_every_kind_of_source_gives_the_same_batch(path):
    (expected,) = audio.to_batch(Example("audio", path.read_bytes(), "a"), reading_of(TIMBRES))
    sources = {
        "str": str(path),
        "Path": path,
        "bytes": path.read_bytes(),
        "bytearray": bytearray(path.read_bytes()),
        "memoryview": memoryview(path.read_bytes()),
        "BytesIO": io.BytesIO(path.read_bytes()),
        "float64": (soundfile.read(path)[0], 22_050),
        "float32": (soundfile.read(path, dtype="float32")[0], np.int64(22_050)),
        "Example": audio.read(path),
    }
    batches = {name: audio.to_batch(audio.read(source), reading_of(TIMBRES))[0] for name, source in sources.items()}
    assert not [name for name, batch in batches.items() if not np.array_equal(batch, expected)]


def test_a_path_is_kept_as_a_path_and_a_file_keeps_its_name(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    example = audio.read(path.name)
    assert isinstance(example.data, FileOnDisk)
    assert example.data.path == str(path)
    assert example.name == path.name
    with path.open("rb") as file:
        assert audio.read(file).name == path.name
    before = example.digest
    path.write_bytes(path.read_bytes() + b"LIST\0\0\0\0")
    assert audio.read(path).digest != before


@pytest.mark.parametrize(("dtype", "full"), [("int16", 2**15), ("int32", 2**31)])
def test_whole_numbers_are_brought_to_the_range_of_floats(dtype, full):
    floats = np.array([0, 0.5, -1, 0.25] * 500)
    assert audio.read(((floats * full).astype(dtype), 8000)).data == audio.read((floats, 8000)).data


def test_samples_make_a_file_that_holds_them_exactly():
    samples = piece(0.5, 44_101, 3)
    data = audio.read((samples, 44_101)).data
    kept, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == 44_101
    assert np.array_equal(kept, samples)
    assert audio.read((samples, 44_101)).data == data


NOISE = np.zeros(4000, np.float32)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ((NOISE * np.nan, 8000), "The array holds samples that are NaN or infinite"),
        ((NOISE + np.inf, 8000), "The array holds samples that are NaN or infinite"),
        ((np.full(4000, 1e300), 8000), "The array holds samples that are NaN or infinite"),
        ((NOISE + 20_000, 8000), "The array holds samples up to 20000; they must be -1 to 1"),
        ((NOISE[:0], 8000), "The samples have the shape (0,); a sound is (n,) or (n, channels) with at most 64 channels."),
        ((NOISE[None], 8000), "The samples have the shape (1, 4000)"),
        ((NOISE[None, None], 8000), "The samples have the shape (1, 1, 4000)"),
        ((np.float32(1), 8000), "The samples have the shape ()"),
        ((NOISE.astype(int), 8000), "Samples are floats in -1 to 1, int16 or int32, not int64."),
        ((NOISE.astype(complex), 8000), "not complex128"),
        ((["a", "b"], 8000), "not <U1"),
        ((NOISE, 0), "The rate must be a whole number of samples a second, 1,000 to 384,000, not 0."),
        ((NOISE, -8000), "not -8000"),
        ((NOISE, 384_001), "not 384001"),
        ((NOISE, 8000.5), "not 8000.5"),
        ((NOISE, True), "not True"),
        ((NOISE, None), "not None"),
        (NOISE, "How many samples there are a second must be known: give (samples, rate), such as (samples, 44100)."),
        (3.5, "A sound is a path, bytes, a file object or a tuple (samples, rate), not float."),
        (None, "not NoneType"),
        ((NOISE,), "not tuple"),
        ({"a": 1}, "not dict"),
        (io.StringIO("a"), "The file object must be opened in binary mode ('rb')."),
        ("a\0b", "There is no file"),
        ("x" * 5000, "There is no file"),
    ],
)
def test_what_is_no_sound_is_refused_with_what_would_do(source, says):
    assert says in refusal(audio.read, source)


def test_a_path_that_leads_nowhere_and_a_folder_are_named(tmp_path):
    assert refusal(audio.read, tmp_path / "gone.wav") == f"There is no file {tmp_path / 'gone.wav'}."
    assert refusal(audio.read, str(tmp_path)) == f"{tmp_path} is not a file."


def test_more_samples_than_an_example_may_hold_are_refused(monkeypatch):
    monkeypatch.setattr(audio, "LARGEST", 4000)
    assert "take more than 200 MB; save them as a file" in refusal(audio.read, (NOISE, 8000))


def test_an_example_that_is_no_sound_is_refused():
    picture = Example("image", np.zeros((4, 5, 3), np.uint8), "the array")
    assert refusal(audio.to_batch, picture, reading_of(TIMBRES)) == "the array is no sound."


@pytest.mark.parametrize(("how", "rate"), [(TIMBRES, 16_000), (TIMBRES, 44_100), (SHORT, 12_000)], ids=["timbres", "resampled", "short"])
def test_the_network_hears_the_middle_unless_it_is_told_where_to_begin(how, rate):
    samples = piece(4, rate, 2)
    example = audio.read((samples, rate))
    whole = resampled_whole(samples, rate, how)
    middle = (4 * how.rate - how.samples) // 2
    for start, first in ((None, middle), (0, 0), (1.25, round(1.25 * how.rate))):
        (batch,) = audio.to_batch(replace(example, start=start), reading_of(how))
        assert batch.dtype == np.float32
        assert batch.shape == (1, *how.shape)
        expected = mel_spectrogram.spectrogram(np.ascontiguousarray(whole[first : first + how.samples]), how)
        assert np.abs(batch[0, ..., 0] - expected).max() < 0.05
        start_heard, stop_heard = audio.part_of(replace(example, start=start), how)
        assert start_heard == pytest.approx(first / how.rate)
        assert stop_heard - start_heard == pytest.approx(how.seconds)


@pytest.mark.parametrize("start", [3.0, 3.5, -0.1, float("nan"), float("inf")])
def test_a_start_that_is_not_in_the_sound_is_refused(start, path):
    example = replace(audio.read(path), start=start)
    for ask in (audio.to_batch, audio.to_view):
        assert refusal(ask, example, reading_of(TIMBRES)) == f"a piece.wav lasts 3.0 s; it can't be heard from {start:g} s on."


def test_silence_follows_a_short_sound_and_the_page_says_so():
    example = audio.read((piece(12, 12_000), 12_000))
    seen = audio.to_view(example, reading_of(TAGGER))
    assert (seen.sound.start, seen.sound.seconds) == (0, 12)
    assert seen.sound.stop == pytest.approx(29.12)
    assert seen.notes == ("The sound lasts 12.0 s; silence follows to 29.1 s.",)
    window = np.zeros(TAGGER.samples, np.float32)
    window[: 12 * 12_000] = piece(12, 12_000)[:, 0]
    assert np.array_equal(seen.sound.spectrogram, mel_spectrogram.spectrogram(window, TAGGER))
    later = audio.to_view(replace(example, start=11.0), reading_of(TIMBRES))
    assert later.notes == ("The sound lasts 12.0 s; silence follows to 13.0 s.",)


def test_silence_gives_numbers_and_a_note():
    example = audio.read((np.zeros((3 * 16_000, 2)), 16_000))
    for how in (TIMBRES, SHORT, replace(SHORT, exponent=2)):
        (batch,) = audio.to_batch(example, reading_of(how))
        assert np.isfinite(batch).all()
        seen = audio.to_view(example, reading_of(how))
        assert seen.notes == ("There is nothing to hear: all samples are 0.",)
        assert not seen.sound.envelope.any()


def test_a_blank_sound_is_read_by_every_network():
    for how in (*SPECTROGRAMS.values(), SHORT):
        (batch,) = audio.to_batch(audio.blank(reading_of(how)), reading_of(how))
        assert batch.shape == (1, *how.shape)
        assert np.isfinite(batch).all()


def test_the_page_sees_the_sound_as_it_came_and_what_is_heard_of_it(path):
    example = audio.read(path)
    seen = audio.to_view(example, reading_of(TIMBRES))
    assert seen.came.size == seen.seen.size == 0
    assert (seen.came_size, seen.notes) == ((), ())
    heard = seen.sound
    assert (heard.rate, heard.channels, heard.seconds) == (22_050, 2, 3)
    assert heard.envelope.shape == (1000, 2)
    assert np.array_equal(heard.spectrogram[None, ..., None], audio.to_batch(example, reading_of(TIMBRES))[0])
    assert seen.axes == audio.axes_of(reading_of(TIMBRES), example)


def test_a_defect_of_the_file_is_among_the_notes_and_found_cheaply(path):
    whole = path.read_bytes()
    assert audio.defects(audio.read(path), reading_of(TIMBRES)) == ()
    path.write_bytes(whole[: len(whole) * 5 // 6])
    example = audio.read(path)
    assert audio.defects(example, reading_of(TIMBRES)) == ("The header of a piece.wav promises 3.0 s; 2.5 s are there.",)
    assert audio.to_view(example, reading_of(TIMBRES)).notes == audio.defects(example, reading_of(TIMBRES))


def test_a_frame_lies_around_the_sample_that_it_is_centred_on():
    example = audio.read((piece(5, 16_000), 16_000))
    for start in (None, 1.0):
        one = replace(example, start=start)
        begin, _stop = audio.part_of(one, TIMBRES)
        _frequency, time, channel = audio.axes_of(reading_of(TIMBRES), one)
        assert (time.name, time.size, time.unit) == ("time", TIMBRES.frames, "s")
        for frame in (0, 1, 100, TIMBRES.frames - 1):
            centre = time.at((frame + 0.5) / time.size)
            assert centre == pytest.approx(begin + frame * TIMBRES.hop / TIMBRES.rate)
        assert (channel.name, channel.size, channel.unit) == ("channel", 1, "")
    assert audio.axes_of(reading_of(TIMBRES))[1].at(0.5 / TIMBRES.frames) == pytest.approx(0)


@pytest.mark.parametrize("how", [TIMBRES, TAGGER], ids=["timbres", "music_tagger"])
def test_a_band_lies_around_its_centre_in_hertz(how):
    from librosa import mel_frequencies

    frequency = audio.axes_of(reading_of(how))[0]
    assert (frequency.name, frequency.size, frequency.unit, frequency.upward) == ("frequency", how.bands, "Hz", True)
    assert len(frequency.scale) == how.bands + 1
    assert (frequency.start, frequency.stop) == (frequency.scale[0], frequency.scale[-1])
    assert frequency.start >= 0
    assert frequency.stop <= how.rate / 2
    centres = mel_frequencies(n_mels=how.bands + 2, fmin=0, fmax=how.rate / 2)[1:-1]
    for band, centre in enumerate(centres):
        span = frequency.span(band)
        assert span.start < centre < span.stop
        assert (span.start + span.stop) / 2 == pytest.approx(centre, rel=0.02)


def test_a_tone_is_seen_at_its_frequency_and_its_time():
    samples = np.zeros(4 * 16_000, np.float32)
    samples[32_000:40_000] = np.sin(2 * np.pi * 1000 * np.arange(8_000) / 16_000)
    example = replace(audio.read((samples, 16_000)), start=1.5)
    frequency, time, _channel = audio.axes_of(reading_of(TIMBRES), example)
    spectrogram = audio.to_view(example, reading_of(TIMBRES)).sound.spectrogram
    band, frame = np.unravel_index(spectrogram.argmax(), spectrogram.shape)
    assert frequency.span(band).start < 1000 < frequency.span(band).stop
    loud = np.nonzero(spectrogram[band] > spectrogram.max() - 3)[0]
    assert time.span(loud[0]).start == pytest.approx(2, abs=0.04)
    assert time.span(loud[-1]).stop == pytest.approx(2.5, abs=0.04)
    assert 2 < time.at(frame / time.size) < 2.5


# A part of a long sound is the same part of the whole.


@pytest.mark.parametrize(
    ("rate", "how"),
    [
        *((rate, TAGGER) for rate in (1_000, 12_000, 16_000, 44_101)),
        *((rate, TIMBRES) for rate in (8_000, 11_025, 12_000, 16_000, 44_100, 384_000)),
    ],
    ids=lambda value: str(getattr(value, "rate", value)),
)
def test_a_part_is_the_part_of_the_whole_at_every_rate(rate, how):
    samples = piece(1 if rate > 100_000 else 3, rate)
    example = audio.read((samples, rate))
    whole = resampled_whole(samples, rate, how)
    length = audio.length(example, how)
    assert length == -(-len(samples) * how.rate // rate)
    for first, count in (
        (0, 4000),
        (1, 500),
        (length // 3, 7000),
        (length // 2, 1),
        (length - 3000, 5000),
        (length, 10),
        (length + 50_000, 10),
    ):
        part = audio.resampled(example, how, first, count)
        assert part.dtype == np.float32
        assert part.shape == (count,)
        there = whole[:length][first : first + count]
        assert np.abs(part[: len(there)] - there).max(initial=0) < 1e-5
        assert not part[len(there) :].any()


@pytest.mark.parametrize(
    ("name", "rate"),
    [("wav", 8_000), ("flac of 24 bits", 48_000), ("vorbis", 8_000), ("opus", 48_000), ("mp3", 8_000), ("mp3 of few bits", 48_000)],
)
def test_a_part_is_the_part_of_the_whole_in_every_format(name, rate):
    data = encoded(piece(6, rate, 2), rate, name)
    whole = resampled_whole(soundfile.read(io.BytesIO(data), dtype="float32")[0], rate, TAGGER)
    for first in (0, 12_345, 55_555, 70_000):
        part = audio.resampled(audio.read(data), TAGGER, first, 6000)
        assert np.abs(part[: len(whole) - first] - whole[first : first + 6000]).max() < 1e-5


def test_windows_along_a_piece_fit_together():
    example = audio.read(without_length(encoded(piece(4), 44_100, "mp3")))
    length = audio.length(example, SHORT)
    parts = [audio.resampled(example, SHORT, first, 7_001) for first in range(0, length, 7_001)]
    assert np.abs(np.concatenate(parts)[:length] - audio.resampled(example, SHORT, 0, length)).max() < 1e-5


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (0.5, 1.25), (1.00001, 1.00009), (2.9, 9), (-1, 0.5)])
def test_a_stretch_is_the_original_sample_for_sample(start, stop, path):
    samples, rate = soundfile.read(path, dtype="float32")
    stretch = audio.stretch(audio.read(path), start, stop)
    kept, kept_rate = soundfile.read(io.BytesIO(stretch.data), dtype="float32")
    assert kept_rate == rate
    assert (stretch.start, stretch.stop) == pytest.approx((max(0, start), min(stop, len(samples) / rate)), abs=1 / rate)
    assert np.array_equal(kept, samples[max(0, round(start * rate)) : max(0, round(stop * rate))])


@pytest.mark.parametrize(
    ("start", "stop"), [(2, 1), (1, 1), (float("nan"), 1), (0, float("inf")), (5, 6), (-3, -1), ("a", 1), (None, None)]
)
def test_a_stretch_that_is_none_is_refused(start, stop, path):
    assert refusal(audio.stretch, audio.read(path), start, stop).startswith("a piece.wav lasts 3.0 s; there is no sound from ")
