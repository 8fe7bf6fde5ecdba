"""Every row of the table, held against what Keras builds, asks for and refuses."""

import gc

import keras_settings
import numpy as np
import pytest

import explorer
from explorer.backend.graph.recognition import recognised
from explorer.backend.inputs import images
from explorer.backend.loading import data_format
from explorer.backend.runtime.keras import keras
from explorer.catalog import architectures

# Name -> the number of layers with and without its top; those marked slow are built in CI only.
LAYERS = {
    "digits": (14, 10),
    "timbres": (16, 14),
    "MusicTaggerCRNN": (28, 27),
    "MobileNetV2": (156, 154),
    "MobileNet": (91, 86),
    "VGG16": (23, 19),
    "VGG19": (26, 22),
    "ResNet50": (177, 175),
    "ResNet101": (347, 345),
    "ResNet152": (517, 515),
    "ResNet50V2": (192, 190),
    "ResNet101V2": (379, 377),
    "ResNet152V2": (566, 564),
    "ResNeXt50": (193, 191),
    "ResNeXt101": (380, 378),
    "InceptionV3": (313, 311),
    "InceptionResNetV2": (782, 780),
    "Xception": (134, 132),
    "DenseNet121": (429, 427),
    "DenseNet169": (597, 595),
    "DenseNet201": (709, 707),
    "NASNetMobile": (771, 769),
    "NASNetLarge": (1041, 1039),
    "MobileNetV3Small": (164, 157),
    "MobileNetV3Large": (194, 187),
    "EfficientNetB0": (240, 237),
    "EfficientNetB1": (342, 339),
    "EfficientNetB2": (342, 339),
    "EfficientNetB3": (387, 384),
    "EfficientNetB4": (477, 474),
    "EfficientNetB5": (579, 576),
    "EfficientNetB6": (669, 666),
    "EfficientNetB7": (816, 813),
    "EfficientNetV2B0": (273, 270),
    "EfficientNetV2B1": (337, 334),
    "EfficientNetV2B2": (352, 349),
    "EfficientNetV2B3": (412, 409),
    "EfficientNetV2S": (516, 513),
    "EfficientNetV2M": (743, 740),
    "EfficientNetV2L": (1031, 1028),
    "ConvNeXtTiny": (135, 133),
    "ConvNeXtSmall": (261, 259),
    "ConvNeXtBase": (261, 259),
    "ConvNeXtLarge": (261, 259),
    "ConvNeXtXLarge": (261, 259),
}
ALL = list(architectures)
OF_KERAS = [name for name in ALL if architectures[name].input == "image" and name != "digits" and not name.startswith("ResNeXt")]
FIRST_OF_EACH = [
    *("digits", "timbres", "MusicTaggerCRNN", "MobileNetV2", "MobileNet", "VGG16", "ResNet50", "ResNet50V2", "ResNeXt50", "InceptionV3"),
    *("Xception", "MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny"),
]
# Of each family one network, as small as it gets: all of a family are built by the same code.
CHANNELS_FIRST = {
    "MobileNet": {"alpha": 0.25, "input_shape": (48, 32, 3)},
    "Xception": {"include_top": False, "input_shape": (75, 71, 3)},
    "VGG16": {"include_top": False, "input_shape": (48, 32, 3)},
    "MobileNetV2": {"alpha": 0.35, "input_shape": (48, 32, 3)},
    "ResNet50": {"input_shape": (48, 32, 3)},
    "ResNet50V2": {"input_shape": (48, 32, 3)},
    "ResNeXt50": {"input_shape": (48, 32, 3)},
    "InceptionV3": {"input_shape": (90, 75, 3)},
    "InceptionResNetV2": {"input_shape": (90, 75, 3)},
    "MobileNetV3Small": {"input_shape": (48, 32, 3)},
    "EfficientNetB0": {"input_shape": (48, 32, 3)},
    "EfficientNetV2B0": {"input_shape": (48, 32, 3)},
}
CHANNELS_LAST = {
    "digits": {},
    "DenseNet121": {"input_shape": (48, 32, 3)},
    "NASNetMobile": {"input_shape": (48, 32, 3)},
    "ConvNeXtTiny": {"input_shape": (48, 32, 3)},
}


def each(names, quick=()):
    """Return the names as parameters; those that are not quick are marked slow."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


BARE = {"MobileNetV3": "tf", "EfficientNetV2": "tf", "EfficientNet": "torch", "ConvNeXt": "torch"}  # built without what scales their input


def structure(name, **options):
    """Return a network whose weights are never made: what it is built of costs a fifth of the time, and no memory."""
    with keras.StatelessScope(initialize_variables=False):
        return explorer.load(name, weights=None, **options)


@pytest.fixture
def let_go():
    """Free networks that have weights before the next are built: they take some 100 MB each."""
    yield
    gc.collect()


def test_the_table_here_is_of_all_architectures_and_each_family_answers():
    assert list(LAYERS) == ALL
    pictured = [row for row in architectures.values() if row.input == "image"]
    assert {architectures[name].family for name in (*CHANNELS_FIRST, *CHANNELS_LAST)} == {row.family for row in pictured}
    assert {row.family for row in pictured if row.channels_first} == {architectures[name].family for name in CHANNELS_FIRST}


@pytest.mark.parametrize("name", each(ALL, quick=FIRST_OF_EACH))
def test_it_is_built_as_the_table_says_with_and_without_its_top(name):
    row = architectures[name]
    whole = structure(name).model
    assert whole.count_params() == row.parameters
    assert whole.input_shape == (None, *row.input_size)
    assert whole.output_shape == (None, row.classes)
    sized = {"input_shape": (row.smallest, row.smallest, row.input_size[2])} if row.input == "image" else {}
    body = structure(name, include_top=False, **sized).model
    assert (len(whole.layers), len(body.layers)) == LAYERS[name]
    assert body.input_shape == (None, *sized.get("input_shape", row.input_size))
    assert len(body.output_shape) == (4 if row.input == "image" else 2)  # a network of sound ends in a vector
    assert body.count_params() < row.parameters
    if row.input == "image" and not row.bundled:
        assert_known_by_its_layers(row, body)


def assert_known_by_its_layers(row, body):
    """Check that an architecture is recognised under another head, and where only a part of it is left."""
    with keras.StatelessScope(initialize_variables=False):
        head = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(body.output))
        found = recognised(keras.Model(body.input, head))
        cut = recognised(keras.Model(body.input, body.layers[len(body.layers) * 2 // 5].output))
    assert found is not None
    convention = next((convention for start, convention in BARE.items() if row.name.startswith(start)), row.convention)
    assert (found.row, found.by_layers, found.convention) == (row, True, convention)
    assert cut is not None, "a part of it is known too"
    assert (cut.row.family, cut.convention) == (row.family, convention)


def refused(sentence, build, *arguments, **options):
    """Return whether Keras refuses to build this with a sentence."""
    try:
        build(*arguments, weights=None, **options)
    except ValueError as error:
        return sentence in str(error)
    return False


def test_keras_refuses_what_is_below_the_smallest_size():
    for_all = {name: architectures[name].smallest for name in OF_KERAS}
    assert not [
        name
        for name, least in for_all.items()
        if not refused(f"at least {least}x{least}", getattr(keras.applications, name), include_top=False, input_shape=(least, least - 1, 3))
    ]


def test_keras_refuses_channels_first_where_the_table_says_so():
    last_only = [name for name in OF_KERAS if not architectures[name].channels_first]
    with data_format("channels_first"):
        assert not [name for name in last_only if not refused("does not support the `channels_first`", getattr(keras.applications, name))]


@pytest.mark.parametrize("name", each(CHANNELS_LAST, quick=["digits"]))
def test_it_answers(name, photo, let_go):
    network = explorer.load(name, weights=None, **CHANNELS_LAST[name], activation_memory=0)
    scores = [one.score for one in network.predict(photo, top=architectures[name].classes)]
    assert len(scores) == architectures[name].classes
    assert sum(scores) == pytest.approx(1, abs=1e-3)


@pytest.mark.channels_first
@pytest.mark.parametrize("name", each(CHANNELS_FIRST, quick=["MobileNet"]))
def test_with_channels_first_it_answers_as_with_channels_last(name, photo, let_go):
    options = CHANNELS_FIRST[name]
    height, width, channels = options["input_shape"]
    last = explorer.load(name, weights=None, **options, data_format="channels_last", activation_memory=0)
    turned = options | {"input_shape": (channels, height, width)}
    first = explorer.load(name, weights=None, **turned, data_format="channels_first", activation_memory=0)
    rng = np.random.default_rng(0)
    last.model.set_weights([array * rng.uniform(0.8, 1.2, array.shape) for array in last.model.get_weights()])
    first.model.set_weights(last.model.get_weights())
    assert first.model.input_shape == (None, channels, height, width)
    assert first.axes == last.axes
    if options.get("include_top", True):
        scores = [[one.score for one in network.predict(photo, top=1000)] for network in (first, last)]
        assert sum(scores[1]) == pytest.approx(1, abs=1e-3)
        assert scores[0] == pytest.approx(scores[1], rel=1e-3)
    else:
        np.testing.assert_allclose(first.features(photo, "avg"), last.features(photo, "avg"), rtol=1e-3, atol=1e-5)
    if name == "MobileNet":
        found, expected = (network.maps(images.read(photo), len(last.layers) // 2) for network in (first, last))
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-3, atol=1e-5)
        assert found.axes == expected.axes


@pytest.mark.parametrize("name", each(OF_KERAS, quick=["Xception"]))
def test_the_files_are_those_that_keras_asks_for(name, monkeypatch):
    class AskedError(Exception):
        """What the stand-in for Keras's download raises: name, address and hash of the file."""

    def get_file(fname, origin, cache_subdir, file_hash=None):
        raise AskedError(fname, origin, cache_subdir, file_hash)

    keras_settings.replace_downloads(monkeypatch, get_file)
    row = architectures[name]
    for file in row.files:
        width = {"alpha": file.alpha} if "alpha" in row.options else {}
        shape = (file.side, file.side, 3) if file.side else row.input_size
        with keras.StatelessScope(initialize_variables=False), pytest.raises(AskedError) as asked:
            getattr(keras.applications, name)(weights="imagenet", include_top=file.include_top, input_shape=shape, **width)
        assert asked.value.args == (file.name, file.url, "models", file.md5 or file.sha256)
