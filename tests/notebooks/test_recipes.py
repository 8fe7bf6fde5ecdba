"""The recipes of the Keras Applications guides: plain Keras and explorer answer with the same numbers."""

import re
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest

import explorer
from explorer.catalog import BUNDLED

PICTURE = BUNDLED / "samples" / "cat.jpg"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "recipes.ipynb"
DOWNLOADS = {  # what the notebook downloads, as its table names it -> (architecture, include_top)
    "ResNet50": ("ResNet50", True),
    "VGG16 without its top": ("VGG16", False),
    "VGG19": ("VGG19", True),
    "InceptionV3 without its top": ("InceptionV3", False),
    "InceptionV3": ("InceptionV3", True),
    "MusicTaggerCRNN": ("MusicTaggerCRNN", True),
    "MusicTaggerCRNN without its top": ("MusicTaggerCRNN", False),
}


@pytest.fixture
def keras():
    from explorer.backend.runtime.keras import keras

    begin(keras)
    yield keras
    keras.utils.clear_session()  # frees the networks


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves the weights of a model and returns the file."""

    def saved(model):
        path = tmp_path / "of_keras.weights.h5"
        model.save_weights(path)
        return path

    return saved


def begin(keras):
    """Let Keras count its layers anew, and draw the same random weights again."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)


def answer(keras, model, recipe, picture=PICTURE, side=224):
    """Return what the model answers to a picture that is read as in the guides; recipe: its module in keras.applications."""
    pixels = keras.utils.img_to_array(keras.utils.load_img(picture, target_size=(side, side)))
    return model.predict(recipe.preprocess_input(np.expand_dims(pixels, axis=0)), verbose=0)[0]


def with_top(keras, base):
    vector = keras.layers.GlobalAveragePooling2D()(base.output)
    hidden = keras.layers.Dense(1024, activation="relu")(vector)
    return keras.Model(base.input, keras.layers.Dense(200, activation="softmax")(hidden))


def listed(model):
    return list(enumerate(layer.name for layer in model.layers))


def assert_same(ours, expected):
    """Check that numbers agree to 1e-5 of the largest, and that there is something to compare."""
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_vgg16_without_its_top_extracts_features(keras, saved):
    small = {"include_top": False, "input_shape": (64, 64, 3)}  # the notebook has it at its full size
    model = keras.applications.VGG16(weights=None, **small)
    net = explorer.load("VGG16", weights=saved(model), **small)
    features = answer(keras, model, keras.applications.vgg16, side=64)
    assert_same(net.features(PICTURE), features)
    assert_same(net.features(PICTURE, pooling="avg"), features.mean(axis=(0, 1)))


def test_inception_v3_gets_a_top_for_new_classes_and_lists_where_to_freeze(keras):
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        base = keras.applications.InceptionV3(weights=None, include_top=False)
        names, frozen = listed(base), listed(with_top(keras, base))[:249]
    begin(keras)
    with keras.StatelessScope(initialize_variables=False):
        net = explorer.load("InceptionV3", weights=None, include_top=False)
        new = explorer.load(with_top(keras, net.model), preprocess="tf")
    assert [(layer.index, layer.name) for layer in net.layers] == names
    assert [(layer.index, layer.name) for layer in new.layers[: new.layers["mixed8"].index + 1]] == frozen
    assert {layer.block for layer in new.layers[249:311]} == {"mixed9", "mixed10"}


def heard(path):
    """Return the batch that the guide's `preprocess_input` makes of a piece of music, with today's librosa."""
    import librosa

    rate, length = 12_000, int(29.12 * 12_000)
    samples, _rate = librosa.load(path, sr=rate)
    samples = np.pad(samples, (0, max(0, length - len(samples))))
    first = (len(samples) - length) // 2
    mel = librosa.feature.melspectrogram(y=samples[first : first + length], sr=rate, n_fft=512, hop_length=256, n_mels=96)
    return librosa.power_to_db(mel**2, ref=1.0)[np.newaxis, ..., np.newaxis]


@pytest.fixture(scope="module")
def music(test_data):
    return test_data / "music_tagger"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:audioread")
@pytest.mark.parametrize("track", ["bensound-cute.mp3", "bensound-actionable.mp3"])
def test_the_music_tagger_tags_as_in_the_guide(music, track):
    net = explorer.load("MusicTaggerCRNN", weights=music / "music_tagger_crnn_weights_tensorflow.h5")
    scores = net.model.predict(heard(music / track), verbose=0)[0]
    answers = net.predict(music / track, top=50)
    np.testing.assert_allclose([one.score for one in answers], np.sort(scores)[::-1], atol=1e-4)
    assert [one.id for one in answers[:5]] == [str(place) for place in np.argsort(-scores)[:5]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:audioread")
def test_the_music_tagger_describes_music_by_32_features_as_in_the_guide(music):
    net = explorer.load("MusicTaggerCRNN", weights=music / "music_tagger_crnn_weights_tensorflow.h5", include_top=False)
    features = net.features(music / "bensound-cute.mp3")
    assert features.shape == (32,)
    np.testing.assert_allclose(features, net.model.predict(heard(music / "bensound-cute.mp3"), verbose=0)[0], atol=1e-4)


def test_the_notebook_says_what_it_downloads():
    text = "\n".join(cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "markdown")
    sizes = {name: explorer.architectures[row].file(include_top).about / 2**20 for name, (row, include_top) in DOWNLOADS.items()}
    rows = re.findall(r"^\|.*\| (.+) \| (\d+) MB \|$", text, re.MULTILINE)
    assert rows == [(name, str(round(size))) for name, size in sizes.items()]
    assert f"about {round(sum(sizes.values()), -1):.0f} MB" in text


@pytest.mark.slow
def test_the_notebook_runs_offline_with_random_weights(no_network):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    [chosen] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    assert chosen.source.startswith("WEIGHTS = None")
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(no_network)}}).execute()
    streams = [output for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == "stream"]
    assert {output.name for output in streams} == {"stdout"}
    said = "".join(output.text for output in streams)
    assert len(re.findall(r"The same [\d,]+ numbers", said)) == 7
    assert "The same layers: True" in said
    assert "WARNING" not in said
