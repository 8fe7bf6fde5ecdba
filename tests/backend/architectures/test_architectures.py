"""Every row of the table, held against what Keras builds, asks for and refuses."""

import numpy as np
import pytest

import explorer
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
OF_SOUND = [name for name in ALL if architectures[name].input == "audio"]
OF_PICTURES = [name for name in ALL if name not in OF_SOUND]
OF_KERAS = [name for name in OF_PICTURES if name != "digits" and not name.startswith("ResNeXt")]
SMALL_BEYOND = ["MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny"]
FIRST_OF_EACH = [
    *("digits", "MobileNetV2", "MobileNet", "VGG16", "ResNet50", "ResNet50V2", "ResNeXt50", "InceptionV3", "Xception"),
    *("MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny"),
]
# All of a family are built by the same code. The last ones of EfficientNetV2 can't be compared: untrained, they blow rounding up.
OF_CHANNELS_FIRST = [name for name in (*FIRST_OF_EACH, "InceptionResNetV2", "MobileNetV3Large") if architectures[name].channels_first]


def each(names, quick=()):
    """Return the names as parameters; those that are not quick are marked slow."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


@pytest.fixture
def let_go():
    """Free a network before the next is built: some take 1.4 GB."""
    from explorer.backend.runtime.keras import keras

    yield
    keras.backend.clear_session()  # collects garbage too


def test_the_table_here_is_of_all_architectures():
    assert list(LAYERS) == ALL


@pytest.mark.parametrize("name", each(ALL, quick=[*FIRST_OF_EACH, *OF_SOUND, *SMALL_BEYOND]))
def test_it_is_built_with_the_parameters_of_the_guide(name, let_go):
    row = architectures[name]
    network = explorer.load(name, weights=None)
    assert network.model.count_params() == row.parameters
    assert len(network.model.layers) == LAYERS[name][0]
    assert network.model.input_shape == (None, *row.input_size)
    assert network.model.output_shape == (None, row.classes)


@pytest.mark.parametrize("name", OF_SOUND)
def test_without_its_top_a_network_of_sound_ends_in_a_vector(name, let_go):
    network = explorer.load(name, weights=None, include_top=False)
    assert len(network.model.layers) == LAYERS[name][1]
    assert len(network.model.output_shape) == 2
    assert network.layers[-1].output_shape == network.features((np.zeros(8000), 8000)).shape


@pytest.mark.parametrize("name", each(OF_PICTURES, quick=["digits", "MobileNetV2", "ResNeXt50", "ConvNeXtTiny"]))
def test_without_its_top_it_is_built_down_to_its_smallest_size(name, let_go):
    row = architectures[name]
    shape = (row.smallest, row.smallest, row.input_size[2])
    network = explorer.load(name, weights=None, include_top=False, input_shape=shape)
    assert len(network.model.layers) == LAYERS[name][1]
    assert network.model.input_shape == (None, *shape)
    assert len(network.model.output_shape) == 4
    assert network.model.count_params() < row.parameters


@pytest.mark.parametrize("name", OF_KERAS)
def test_keras_refuses_what_is_below_the_smallest_size(name):
    from explorer.backend.runtime.keras import keras

    smallest = architectures[name].smallest
    with pytest.raises(ValueError, match=f"at least {smallest}x{smallest}"):
        getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(smallest, smallest - 1, 3))


@pytest.mark.parametrize("name", [name for name in OF_KERAS if not architectures[name].channels_first])
def test_keras_refuses_channels_first_where_the_table_says_so(name):
    from explorer.backend.loading import data_format
    from explorer.backend.runtime.keras import keras

    with data_format("channels_first"), pytest.raises(ValueError, match="does not support the `channels_first`"):
        getattr(keras.applications, name)(weights=None)


@pytest.mark.parametrize("name", each(OF_CHANNELS_FIRST, quick=["MobileNet"]))
def test_with_channels_first_it_answers_as_with_channels_last(name, let_go):
    from explorer.backend.runtime.keras import keras, tensorflow

    keras.utils.set_random_seed(0)
    pictures = np.random.default_rng(0).random((1, *architectures[name].input_size), np.float32)
    first = explorer.load(name, weights=None, data_format="channels_first").model
    last = explorer.load(name, weights=None, data_format="channels_last").model
    last.set_weights(first.get_weights())
    run = [tensorflow.function(lambda batch, model=model: model(batch, training=False)) for model in (first, last)]
    np.testing.assert_allclose(run[0](pictures.transpose(0, 3, 1, 2)), run[1](pictures), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", each(OF_PICTURES))
def test_it_answers(name, photo, let_go):
    network = explorer.load(name, weights=None)
    predictions = network.predict(photo, top=3)
    assert len(predictions) == 3
    assert 0 < sum(one.score for one in network.predict(photo, top=architectures[name].classes)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", each(OF_KERAS, quick=["Xception"]))
def test_the_files_are_those_that_keras_asks_for(name, monkeypatch, let_go):
    import keras_settings

    from explorer.backend.runtime.keras import keras

    class AskedError(Exception):
        """What the stand-in for Keras's download raises: name, address and hash of the file."""

    def get_file(fname, origin, cache_subdir, file_hash=None):
        raise AskedError(fname, origin, cache_subdir, file_hash)

    keras_settings.replace_downloads(monkeypatch, get_file)
    row = architectures[name]
    for file in row.files:
        width = {"alpha": file.alpha} if "alpha" in row.options else {}
        shape = (file.side, file.side, 3) if file.side else row.input_size
        with pytest.raises(AskedError) as asked:
            getattr(keras.applications, name)(weights="imagenet", include_top=file.include_top, input_shape=shape, **width)
        assert asked.value.args == (file.name, file.url, "models", file.md5 or file.sha256)
        keras.backend.clear_session()
