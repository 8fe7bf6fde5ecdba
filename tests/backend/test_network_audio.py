"""What a network of sound does: predict, look inside, save and open again."""

import io
import warnings

import numpy as np
import pytest
from sound_sources import encoded, piece, written

import explorer
from explorer.backend.runtime.keras import keras
from explorer.catalog import BUNDLED, SPECTROGRAMS
from explorer.errors import ExampleWarning, ExplorerError, UnreadableExample

MELODY = BUNDLED / "samples" / "melody.ogg"


@pytest.fixture(scope="module")
def timbres():
    return explorer.load("timbres")


@pytest.fixture(scope="module")
def tone():
    """A second of a tone and its rate."""
    return np.sin(np.arange(22_050) * 2 * np.pi * 440 / 22_050).astype(np.float32) * 0.3, 22_050


def test_a_path_bytes_a_file_and_samples_are_answered_alike(timbres, tone):
    with MELODY.open("rb") as file:
        predictions = [timbres.predict(one) for one in (MELODY, str(MELODY), MELODY.read_bytes(), file)]
    assert all(one == predictions[0] for one in predictions)
    alone, listed = timbres.predict(tone), timbres.predict([tone, MELODY])
    np.testing.assert_allclose([one.score for one in alone], [one.score for one in listed[0]], atol=1e-6)
    assert listed[1][0].label == predictions[0][0].label


def test_feature_maps_are_those_of_keras_on_the_same_spectrogram(timbres):
    batch = timbres.feature_maps(MELODY, "spectrogram")[None]
    names = ["block1_relu", "block3_pool", "sequence", "gru", "predictions"]
    model = keras.Model(timbres.model.input, [timbres.model.get_layer(name).output for name in names])
    for name, expected in zip(names, model.predict(batch, verbose=0), strict=True):
        np.testing.assert_allclose(timbres.feature_maps(MELODY, name), expected[0], atol=1e-4)


def test_maps_have_the_layers_own_time_and_frequency(timbres):
    how = SPECTROGRAMS["timbres"]
    example = timbres.read(MELODY)
    start = timbres.inputs.view(example).sound.start
    frequency, time, channel = timbres.inside.maps(example, "block2_relu").axes
    assert (frequency.name, frequency.unit, frequency.upward, time.name, time.unit, channel.name) == (
        *("frequency", "Hz", True),
        *("time", "s", "channel"),
    )
    assert (frequency.start, frequency.stop) == pytest.approx((timbres.inputs.axes()[0].start, timbres.inputs.axes()[0].stop))
    half = how.hop / how.rate / 2
    assert (time.start, time.stop) == pytest.approx((start - half, start + how.seconds + half))
    middle = time.field(time.size // 2)
    assert middle.start < time.span(time.size // 2).start < time.span(time.size // 2).stop < middle.stop


def test_a_recurrent_layer_has_time_by_units_and_sees_all_up_to_each_step(timbres):
    example = timbres.read(MELODY)
    time, unit = timbres.inside.maps(example, "gru").axes
    assert (time.name, unit.name) == ("time", "unit")
    first, last = time.field(0), time.field(time.size - 1)
    assert first.start == last.start == pytest.approx(time.start)
    assert first.stop < last.stop == pytest.approx(time.stop)


def test_features_are_what_lies_before_the_head(timbres):
    headless = explorer.load("timbres", include_top=False)
    features = headless.features(MELODY)
    assert features.ndim == 1
    np.testing.assert_allclose(timbres.features(MELODY), features, atol=1e-5)


def test_another_part_is_heard_from_where_the_example_says(timbres):
    from dataclasses import replace

    example = timbres.read(MELODY)
    predictions = [timbres.predict(replace(example, start=start), top=1)[0].label for start in (1.0, 5.0, 9.0)]
    assert predictions == ["plucked string", "flute", "brass"]


def test_silence_is_answered_with_numbers(timbres):
    predictions = timbres.predict((np.zeros(16_000, np.float32), 16_000), top=8)
    assert sum(one.score for one in predictions) == pytest.approx(1, abs=1e-3)


def test_a_saved_network_still_hears_and_keras_opens_it(timbres, tmp_path):
    timbres.save(tmp_path / "mine.keras")
    again = explorer.load(tmp_path / "mine.keras")
    assert again.input_spec.kind == "audio"
    assert [(one.label, pytest.approx(one.score, abs=1e-5)) for one in timbres.predict(MELODY)] == [
        (one.label, one.score) for one in again.predict(MELODY)
    ]
    assert again.samples == timbres.samples
    assert keras.saving.load_model(tmp_path / "mine.keras").count_params() == timbres.model.count_params()


def test_a_model_of_the_users_own_hears_as_it_is_told():
    inputs = keras.Input(SPECTROGRAMS["timbres"].shape)
    scores = keras.layers.Dense(2, activation="softmax")(keras.layers.GlobalAveragePooling2D()(inputs))
    network = explorer.load(keras.Model(inputs, scores), preprocess="timbres", labels=["low", "high"])
    assert {one.label for one in network.predict(MELODY, top=2)} == {"low", "high"}
    with pytest.raises(ExplorerError, match="makes spectrograms of 96 × 1366 × 1"):
        explorer.load(keras.Model(inputs, scores), preprocess="music_tagger")


def test_a_model_with_the_layers_of_a_network_of_sound_is_taken_for_one(timbres):
    copy = keras.models.clone_model(timbres.model)
    copy.set_weights(timbres.model.get_weights())
    network = explorer.load(copy)
    assert network.input_spec.kind == "audio"
    assert "It reads sound as timbres does, whose layers the model has." in network.input_spec.assumed
    assert any("taken for those of timbres" in one for one in network.input_spec.assumed)
    assert network.predict(MELODY, top=1)[0].label == timbres.predict(MELODY, top=1)[0].label


def test_a_file_that_is_cut_off_is_answered_with_a_warning(timbres, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "cut.wav", np.sin(np.arange(48_000) / 7) / 2, 16_000)
    whole = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(ExampleWarning, match=r"The header of cut\.wav promises 3\.0 s; the file holds 1\.5 s"):
        assert timbres.predict(tmp_path / "cut.wav", top=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timbres.predict(MELODY, top=1)


def test_a_file_that_is_damaged_in_the_middle_is_answered_with_a_warning_of_what_is_lost(timbres):
    data = bytearray(encoded(piece(3, 16_000), 16_000, "flac"))
    intact = timbres.predict(bytes(data), top=8)
    data[len(data) // 2] ^= 16
    said = r"the sound is damaged: 0\.\d\d s from 1\.\d\d s on can't be decoded and are heard as silence\. Use a whole copy\."
    with pytest.warns(ExampleWarning, match=said):
        damaged = timbres.predict(bytes(data), top=8)
    assert damaged != intact
    with pytest.warns(ExampleWarning, match="can't be decoded"):
        timbres.over_time(bytes(data), hop=0.5)
    assert any("can't be decoded" in note for note in timbres.inputs.view(timbres.read(bytes(data))).notes)


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "GSM610"), ("AU", "G723_24"), ("WAV", "NMS_ADPCM_32")])
def test_a_coding_that_can_not_be_sought_is_answered_as_its_samples_are(kind, subtype, timbres):
    import soundfile

    data = written(piece(6, 16_000), 16_000, kind, subtype)
    file = soundfile.SoundFile(io.BytesIO(data))
    file.seekable = lambda: False
    samples = file.read(file.frames, dtype="float32")
    assert timbres.predict(data) == timbres.predict((samples, 16_000))
    slid, expected = timbres.over_time(data), timbres.over_time((samples, 16_000))
    np.testing.assert_array_equal(slid.starts, expected.starts)
    np.testing.assert_allclose(slid.scores, expected.scores, atol=1e-5)


def test_a_stretch_is_the_files_own_samples(timbres):
    import io

    import soundfile

    whole, rate = soundfile.read(MELODY, dtype="int16")
    clip = timbres.clip(MELODY, 3.2, 4.7)
    heard, same = soundfile.read(io.BytesIO(clip.data), dtype="int16")
    assert (rate, clip.start, clip.stop) == (same, 3.2, 4.7)
    assert np.array_equal(heard, whole[round(3.2 * rate) : round(4.7 * rate)])


@pytest.mark.parametrize("source", [np.zeros(16_000, np.float32), 3, (np.zeros(0), 16_000), (np.zeros(16_000), 0), "nowhere.wav"])
def test_what_is_no_sound_is_refused_in_a_sentence(timbres, source):
    with pytest.raises(UnreadableExample):
        timbres.predict(source)


@pytest.mark.parametrize("name", ["timbres", "MusicTaggerCRNN"])
def test_it_is_built_on_a_tensor_of_its_own_size_only(name):
    shape = explorer.architectures[name].input_size
    inputs = keras.Input(shape)
    network = explorer.load(name, weights=None, input_tensor=inputs)
    assert network.model.inputs[0] is inputs
    assert network.input_spec.kind == "audio"
    with pytest.raises(ExplorerError, match="reads spectrograms of"):
        explorer.load(name, weights=None, input_tensor=keras.Input((64, 64, 1)))


def test_a_published_file_brings_its_tags_along(test_data):
    file = test_data / "music_tagger" / "music_tagger_crnn_weights_tensorflow.h5"
    assert explorer.load("MusicTaggerCRNN", weights=file).predict(MELODY, top=1)[0].label == "jazz"
