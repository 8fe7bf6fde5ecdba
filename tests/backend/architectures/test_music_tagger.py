"""MusicTaggerCRNN: the network that its author published, by its answers."""

import h5py
import numpy as np
import pytest

from explorer.backend.architectures import music_tagger
from explorer.backend.runtime.keras import keras
from explorer.catalog import TAGS
from explorer.errors import ExplorerError

# What the author published for his two tracks, to three decimals.
PUBLISHED = {
    "bensound-cute": {
        "jazz": 0.444,
        "instrumental": 0.151,
        "folk": 0.103,
        "Hip-Hop": 0.103,
        "ambient": 0.077,
        "guitar": 0.068,
        "rock": 0.058,
    },
    "bensound-actionable": {"jazz": 0.416, "instrumental": 0.181, "Hip-Hop": 0.085, "folk": 0.085, "rock": 0.081, "ambient": 0.068},
}
FILE = "music_tagger_crnn_weights_tensorflow.h5"


@pytest.fixture(scope="module")
def published(test_data):
    """The network with the author's weights."""
    model = music_tagger.build()
    music_tagger.load_weights(model, test_data / "music_tagger" / FILE)
    return model


@pytest.fixture(scope="module")
def untrained():
    keras.utils.set_random_seed(0)
    return music_tagger.build()


def author_spectrogram(test_data, track):
    return np.load(test_data / "music_tagger" / f"{track}.npy")[0, 0][None, ..., None].astype(np.float32)


def sizes(variables):
    return sum(int(np.prod(one.shape)) for one in variables)


def write_keras_1(path, model, theano=False, change=lambda name, arrays: arrays):
    """Save the weights of a model in the layout of Keras 1, as the published files have it."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            arrays = [np.array(one) for one in layer.get_weights()]
            if isinstance(layer, keras.layers.Conv2D) and theano:
                arrays[0] = arrays[0].transpose(3, 2, 0, 1)
            if isinstance(layer, keras.layers.GRU):
                parts = [np.split(one, 3, axis=-1) for one in arrays]
                arrays = [parts[part][gate] / (1.2 if gate < 2 else 1.0) for gate in range(3) for part in range(3)]
            arrays = change(layer.name, arrays)
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}_{place}:0".encode() for place in range(len(arrays))]
            for place, array in enumerate(arrays):
                group[f"{layer.name}_{place}:0"] = array
    return path


def shaken(model):
    """Return the same network with weights that no initialisation gives: biases and statistics too."""
    rng = np.random.default_rng(1)
    other = music_tagger.build()
    other.set_weights([rng.uniform(0.1, 0.3, one.shape).astype(np.float32) for one in model.get_weights()])
    return other


def test_it_has_the_parameters_of_the_paper(untrained):
    assert sizes(untrained.trainable_weights) == 396_786
    assert untrained.count_params() == 400_562
    assert untrained.input_shape == (None, 96, 1366, 1)
    assert untrained.output_shape == (None, 50)


def test_it_is_built_without_its_top_for_other_tags_and_on_a_tensor_of_the_users_own():
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        assert music_tagger.build(include_top=False).output_shape == (None, 32)
        assert music_tagger.build(classes=7).output_shape == (None, 7)
        inputs = keras.Input((96, 1366, 1))
        model = music_tagger.build(input_tensor=keras.layers.Rescaling(2.0)(inputs))
    assert model.inputs[0] is inputs
    assert model.output_shape == (None, 50)


@pytest.mark.parametrize("track", PUBLISHED)
def test_the_tags_are_the_published_ones_to_three_decimals(published, test_data, track):
    scores = dict(zip(TAGS, published.predict(author_spectrogram(test_data, track), verbose=0)[0], strict=True))
    assert {tag: round(float(scores[tag]), 3) for tag in PUBLISHED[track]} == pytest.approx(PUBLISHED[track], abs=1e-9)
    assert sorted(scores, key=scores.get, reverse=True)[0] == "jazz"


def test_its_gates_are_those_of_keras_1(published, test_data):
    """The steeper weights and today's hard sigmoid make up the old one, clip(0.2 x + 0.5, 0, 1)."""
    with h5py.File(test_data / "music_tagger" / FILE) as file:
        w, u, b = ([file["gru1"][f"gru1_{kind}_{gate}:0"][()] for gate in "zrh"] for kind in "WUb")
    x = np.random.default_rng(0).normal(size=(1, 15, 128)).astype(np.float32)
    state, states = np.zeros(32), []
    for step in x[0].astype(np.float64):
        z, r = (np.clip(0.2 * (step @ w[gate] + state @ u[gate] + b[gate]) + 0.5, 0, 1) for gate in (0, 1))
        state = z * state + (1 - z) * np.tanh(step @ w[2] + (r * state) @ u[2] + b[2])
        states.append(state)
    np.testing.assert_allclose(np.asarray(published.get_layer("gru1")(x))[0], states, atol=1e-5)


@pytest.mark.parametrize("theano", [False, True])
def test_both_ways_of_writing_kernels_are_read(untrained, tmp_path, theano):
    wanted = shaken(untrained)
    music_tagger.load_weights(model := music_tagger.build(), write_keras_1(tmp_path / "published.h5", wanted, theano))
    for one, other in zip(model.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_files_of_keras_itself_are_read_too(untrained, tmp_path, ending):
    path = tmp_path / f"mine{ending}"
    (untrained.save_weights if ending == ".weights.h5" else untrained.save)(path)
    music_tagger.load_weights(model := shaken(untrained), path)
    assert all(np.array_equal(one, other) for one, other in zip(model.get_weights(), untrained.get_weights(), strict=True))


def test_without_the_top_the_same_file_is_read(untrained, tmp_path):
    model = music_tagger.build(include_top=False)
    music_tagger.load_weights(model, write_keras_1(tmp_path / "published.h5", untrained))
    np.testing.assert_allclose(model.get_layer("gru2").get_weights()[0], untrained.get_layer("gru2").get_weights()[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda name, arrays: arrays[:1] if name == "conv2" else arrays, "'conv2' has weights of the shapes"),
        (lambda name, arrays: [one[..., :5] for one in arrays] if name == "bn3" else arrays, "'bn3' has weights of the shapes"),
        (lambda name, arrays: [*arrays[:8], np.zeros(1)] if name == "gru2" else arrays, "does not hold the weights"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(untrained, tmp_path, change, sentence):
    before = [one.copy() for one in untrained.get_weights()]
    path = write_keras_1(tmp_path / "wrong.h5", untrained, change=change)
    with pytest.raises(ExplorerError, match=sentence):
        music_tagger.load_weights(untrained, path)
    assert all(np.array_equal(one, other) for one, other in zip(before, untrained.get_weights(), strict=True))


def test_a_missing_layer_is_named(untrained, tmp_path):
    path = write_keras_1(tmp_path / "wrong.h5", untrained)
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = [name for name in file.attrs["layer_names"] if "conv4" not in str(name)]
    with pytest.raises(ExplorerError, match="'conv4' is missing"):
        music_tagger.load_weights(untrained, path)


def test_a_file_that_is_not_there_or_no_weights_is_refused(untrained, tmp_path):
    text = tmp_path / "song.h5"
    text.write_text("la la la")
    for path in (tmp_path / "nowhere.h5", text):
        with pytest.raises(ExplorerError, match=path.name):
            music_tagger.load_weights(untrained, path)


def test_a_saved_network_opens_in_keras_alone(untrained, tmp_path):
    untrained.save(tmp_path / "tagger.keras")
    opened = keras.saving.load_model(tmp_path / "tagger.keras")
    x = np.random.default_rng(0).normal(size=(1, 96, 1366, 1)).astype(np.float32)
    np.testing.assert_allclose(opened.predict(x, verbose=0), untrained.predict(x, verbose=0), atol=1e-6)
