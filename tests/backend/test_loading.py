import threading
import zipfile

import numpy as np
import own_models
import pytest

import explorer
from explorer.backend import loading
from explorer.backend.architectures import factory
from explorer.backend.inputs import images
from explorer.backend.models import weights
from explorer.backend.models.files import save_model
from explorer.backend.models.metadata import ModelCard
from explorer.backend.runtime.keras import keras
from explorer.catalog import architectures
from explorer.catalog.options import model_file, spec
from explorer.errors import ExplorerError, UnreadableModel, WeightsUnavailable
from explorer.values import NetworkSpec

layers = keras.layers


@pytest.fixture
def said():
    return []


@pytest.fixture
def say(said):
    return lambda progress: said.append(progress.text)


@pytest.fixture
def usual():
    """The order of axes that Keras is set to; it must be the same after each test."""
    before = keras.config.image_data_format()
    yield before
    assert keras.config.image_data_format() == before


# options


def test_the_options_reach_keras():
    options = {"input_shape": (48, 32, 3), "classes": 7, "alpha": 0.5, "depth_multiplier": 2, "dropout": 0.25}
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        network = explorer.load("MobileNet", weights=None, **options, labels=list("abcdefg"))
        expected = keras.applications.MobileNet(weights=None, **options)
    assert network.model.input_shape == (None, 48, 32, 3)
    assert network.model.output_shape == (None, 7)
    assert network.model.count_params() == expected.count_params()
    assert network.model.get_layer("dropout").rate == 0.25
    assert [label for _id, label in network.labels] == list("abcdefg")
    assert [axis.size for axis in network.axes] == [48, 32, 3]


@pytest.mark.parametrize(("pooling", "shape"), [(None, (8, 4, 32)), ("avg", (32,)), ("max", (32,))])
def test_without_its_top_a_network_gives_features(pooling, shape, photo):
    network = explorer.load("digits", weights=None, include_top=False, input_shape=(64, 32, 1), pooling=pooling)
    features = network.features(photo)
    assert features.shape == shape
    assert network.layers[-1].output_shape == shape
    with pytest.raises(ExplorerError, match="built without its top"):
        network.predict(photo)
    pixels = images.to_batch(images.read(photo), network.reading)[0]
    np.testing.assert_allclose(features, network.model(pixels)[0], rtol=1e-4, atol=1e-6)


def test_open_sizes_are_read_at_the_usual_size(photo):
    network = explorer.load("MobileNet", weights=None, include_top=False, alpha=0.25, input_shape=(None, None, 3))
    assert network.reading.size == (224, 224, 3)
    assert network.features(photo).shape == (7, 7, 256)
    assert network.layers[-1].output_shape == (None, None, 256)


def test_grey_pictures_are_brought_to_one_where_the_convention_is_for_colours(photo):
    network = explorer.load("VGG16", weights=None, include_top=False, input_shape=(32, 32, 1))
    assert network.reading.convention == "unit"
    assert network.reading.assumed == ("VGG16 is made for colour pictures; grey pixels are brought to 0 to 1.",)
    assert 0 < network.feature_maps(photo, 0).max() <= 1


def test_four_channels_are_colours_and_alpha(photo):
    with pytest.warns(UserWarning, match="usually expects 1 or 3 input channels"):
        network = explorer.load("MobileNet", weights=None, alpha=0.25, input_shape=(32, 48, 4), classes=3)
    assert (network.reading.kind, network.reading.size, network.reading.convention) == ("image", (32, 48, 4), "tf")
    assert len(network.predict(photo)) == 3


@pytest.mark.parametrize("alpha", [0.01, 0.02])
def test_options_that_keras_can_not_build_are_refused_in_a_sentence(alpha):
    with pytest.raises(ExplorerError, match=r"MobileNet can't be built with these options: choose others\. Keras says: ") as refusal:
        explorer.load("MobileNet", weights=None, alpha=alpha)
    assert "\n" not in str(refusal.value)


def test_building_says_so(say, said):
    loading.build(spec("digits", None), say=say)
    loading.build(spec("digits"), say=say)
    assert said == ["Building digits…"] * 2


# weights in files of the user's own


@pytest.mark.parametrize("ending", [".weights.h5", ".h5", ".keras"])
def test_weights_are_read_from_a_file(ending, tmp_path, photo):
    trained = explorer.load("digits", weights=None, classes=4)
    file = tmp_path / f"mine{ending}"
    (trained.save if ending == ".keras" else trained.save_weights)(file)
    network = explorer.load("digits", weights=file, classes=4, labels=["a", "b", "c", "d"])
    assert network.spec.weights == str(file)
    answers = network.predict(photo, top=4)
    assert [(one.id, one.score) for one in answers] == [(one.id, pytest.approx(one.score)) for one in trained.predict(photo, top=4)]
    assert answers[0].label == "abcd"[int(answers[0].id)]
    with pytest.raises(ExplorerError):
        explorer.load("digits", weights=file, classes=5)


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"nothing")
    with pytest.raises(UnreadableModel):
        explorer.load("digits", weights=file)


def test_a_file_that_has_gone_is_said(tmp_path):
    file = tmp_path / "mine.weights.h5"
    explorer.load("digits", weights=None).save_weights(file)
    wanted = spec("digits", file)
    file.unlink()
    with pytest.raises(ExplorerError, match="There is no file"):
        loading.build(wanted)


def test_weights_that_are_not_here_are_not_made_up(no_network):
    with pytest.raises(WeightsUnavailable):
        explorer.load("MobileNetV2")


# the order of axes


@pytest.mark.channels_first
@pytest.mark.slow
def test_with_channels_first_pretrained_weights_answer_as_in_the_guide(keras_home, elephant, usual):
    first = explorer.load("MobileNetV2", data_format="channels_first", activation_memory=0)
    assert first.model.input_shape == (None, 3, 224, 224)
    scores = {one.label: one.score for one in first.predict(elephant, top=3)}
    assert scores == pytest.approx({"African_elephant": 0.771, "tusker": 0.068, "Indian_elephant": 0.034}, abs=1e-3)
    assert first.layers["block_3_project"].output_shape == (32, 28, 28)


def test_the_order_of_axes_is_put_back(usual):
    explorer.load("MobileNet", weights=None, alpha=0.25, include_top=False, data_format="channels_first")
    assert keras.config.image_data_format() == usual


def test_the_order_of_axes_is_put_back_when_nothing_could_be_built(usual):
    with pytest.raises(ExplorerError, match="can't be built with these options"):
        explorer.load("MobileNet", weights=None, alpha=0.01, data_format="channels_first")
    with pytest.raises(KeyboardInterrupt), loading.data_format("channels_first"):
        raise KeyboardInterrupt
    assert keras.config.image_data_format() == usual


def test_two_threads_build_in_their_own_order(usual):
    shapes, failed = {}, []

    def build(order):
        try:
            for _again in range(3):
                with keras.StatelessScope(initialize_variables=False):
                    model = explorer.load("MobileNet", weights=None, alpha=0.25, include_top=False, data_format=order).model
                shapes.setdefault(order, set()).add((model.input_shape, model.get_layer("conv1").data_format))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=build, args=(order,)) for order in ("channels_first", "channels_last")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert shapes == {
        "channels_first": {((None, 3, 224, 224), "channels_first")},
        "channels_last": {((None, 224, 224, 3), "channels_last")},
    }


def test_what_keras_is_set_to_changes_no_network(usual):
    keras.config.set_image_data_format("channels_first")
    try:
        assert explorer.load("digits").model.input_shape == (None, 32, 32, 1)
    finally:
        keras.config.set_image_data_format(usual)


# on a tensor of the user's own


def assert_same_weights(network, alone):
    """Check that the layers of a network on a tensor have the weights of the same network alone."""
    for layer in alone.model.layers:
        if layer.weights:
            for found, array in zip(network.model.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True):
                np.testing.assert_array_equal(found, array)


def test_a_network_is_built_on_an_input_of_the_users_own(digits, samples):
    tensor = keras.Input((32, 32, 1), name="mine")
    network = explorer.load("digits", input_tensor=tensor)
    assert network.model.inputs[0] is tensor
    assert network.layers[0].name == "mine"
    for digit in (2, 7):
        assert network.predict(samples / f"digit_{digit}.png") == digits.predict(samples / f"digit_{digit}.png")


def test_the_recipe_of_the_guides_for_a_custom_input(keras_home, elephant):
    """As `InceptionV3(input_tensor=Input((224, 224, 3)), weights="imagenet", include_top=True)`: any size that the top can take."""
    tensor = keras.Input((160, 200, 3))
    network = explorer.load("MobileNetV2", input_tensor=tensor, weights="imagenet", include_top=True)
    expected = keras.applications.MobileNetV2(input_tensor=keras.Input((160, 200, 3)), weights="imagenet", include_top=True)
    assert network.reading.size == (160, 200, 3)
    assert network.spec.input_shape == (160, 200, 3)
    picture = keras.utils.img_to_array(keras.utils.load_img(elephant, target_size=(160, 200)))
    scores = expected([keras.applications.mobilenet_v2.preprocess_input(picture[None])], training=False).numpy()
    answers = network.predict(elephant)
    recipe = keras.applications.mobilenet_v2.decode_predictions(scores)[0]
    assert [one.id for one in answers] == [identifier for identifier, _label, _score in recipe]
    assert [one.score for one in answers] == pytest.approx([float(score) for _id, _label, score in recipe], abs=1e-4)


def test_what_comes_before_the_tensor_keeps_its_weights(keras_home, elephant):
    picture = keras.Input((224, 224, 3), name="picture")
    before = layers.BatchNormalization(name="mine_bn")(layers.Conv2D(3, 1, name="mine_conv")(picture))
    model = keras.Model(picture, before)
    rng = np.random.default_rng(0)
    kept = [rng.uniform(0.5, 1.5, array.shape).astype(np.float32) for array in model.get_weights()]
    model.set_weights(kept)
    network = explorer.load("MobileNet", alpha=0.25, input_tensor=model.output)
    alone = explorer.load("MobileNet", alpha=0.25)
    for found, array in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(found, array)
    assert_same_weights(network, alone)
    pixels = keras.applications.mobilenet.preprocess_input(images.to_batch(images.read(elephant), network.reading)[0])
    expected = np.asarray(alone.model(model(pixels)))[0]
    best = network.predict(elephant, top=1)[0]
    assert best.score == pytest.approx(float(expected.max()), abs=1e-4)
    assert [row.name for row in network.layers][:3] == ["picture", "mine_conv", "mine_bn"]


def test_a_network_on_the_output_of_two_branches_takes_its_own_weights(samples):
    """The layers before the tensor may be deeper than some of the network's own."""
    picture = keras.Input((32, 32, 1), name="picture")
    deep = picture
    for step in range(4):
        deep = layers.Conv2D(1, 3, padding="same", name=f"deep_{step}")(deep)
    both = layers.Average(name="both")([deep, layers.Conv2D(1, 1, name="short")(picture)])
    network = explorer.load("digits", input_tensor=both)
    assert_same_weights(network, explorer.load("digits"))
    assert len(network.predict(samples / "digit_3.png")) == 5


def test_a_tensor_that_scales_pixels_gets_them_as_they_are(photo):
    picture = keras.Input((48, 32, 3))
    scaled = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(picture)
    network = explorer.load("MobileNet", weights=None, alpha=0.25, input_tensor=scaled, include_top=False)
    assert (network.reading.convention, network.reading.assumed) == ("none", ())
    assert network.reading.known == ("Pixels go in as 0 to 255: the network scales them itself (scale).",)
    assert network.feature_maps(photo, "scale").max() <= 1


def test_a_picture_made_of_numbers_is_read_as_numbers():
    numbers = keras.Input((5,), name="numbers")
    made = layers.Reshape((32, 32, 1), name="made")(layers.Dense(32 * 32, name="draw")(numbers))
    network = explorer.load("digits", input_tensor=made)
    assert network.reading.kind == "arrays"
    assert [row.name for row in network.layers][:3] == ["numbers", "draw", "made"]
    assert len(network.predict(np.ones(5), top=10)) == 10


def test_channels_first_is_the_order_of_the_tensor_too(usual):
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        tensor = keras.Input((3, 48, 32))
        network = explorer.load("MobileNet", weights=None, input_tensor=tensor, include_top=False, data_format="channels_first")
    assert network.reading.size == (48, 32, 3)
    assert network.layers[-1].output_shape == (1024, 1, 1)


@pytest.mark.parametrize("tensor", [np.zeros((1, 32, 32, 1)), "picture", 3])
def test_what_is_no_symbolic_tensor_is_refused(tensor):
    sentence = r"input_tensor must be a symbolic tensor of pictures or spectrograms, such as keras\.Input\(\(32, 32, 1\)\)"
    with pytest.raises(ExplorerError, match=sentence):
        explorer.load("digits", input_tensor=tensor)


def test_a_tensor_that_does_not_fit_is_refused():
    with pytest.raises(ExplorerError, match=r"not KerasTensor \(None, 5\)"):
        explorer.load("digits", input_tensor=keras.Input((5,)))
    with pytest.raises(ExplorerError, match=r"input_shape says \(32, 32, 1\), but input_tensor has \(40, 40, 1\)"):
        explorer.load("digits", weights=None, input_shape=(32, 32, 1), input_tensor=keras.Input((40, 40, 1)))
    with pytest.raises(ExplorerError, match=r"digits can't be built .* Layer hidden weight shape \(2048, 64\)"):
        explorer.load("digits", input_tensor=keras.Input((64, 64, 1)))
    with pytest.raises(ExplorerError, match=r"VGG16 can't be built with these options: choose others\. Keras says: "):
        explorer.load("VGG16", weights=None, include_top=False, input_tensor=keras.Input((8, 8, 3)))
    with pytest.raises(ExplorerError, match=r"digits can't be built with these options: choose others\. Keras says: "):
        explorer.load("digits", include_top=False, input_tensor=layers.Conv2D(1, 1, name="block1_conv")(keras.Input((32, 32, 1))))


# files of models


def test_a_file_says_that_it_is_read(say, said, tmp_path):
    own_models.sequential().save(tmp_path / "mine.keras")
    network = loading.read(model_file(str(tmp_path / "mine.keras")), say=say)
    assert said == ["Reading mine.keras…"]
    assert repr(network) == "<Network mine.keras, 2 layers, 0.0 of 256 MB of activations remembered>"
    assert not isinstance(network.spec, NetworkSpec)


@pytest.mark.parametrize("card", [ModelCard(labels=("cat", "dog")), ModelCard("caffe", run={"network": "VGG16"})], ids=["labels", "pixels"])
def test_a_card_that_does_not_fit_its_model_is_left_aside_with_a_note(card, tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    save_model(model, tmp_path / "model.keras", card)
    network = loading.read(model_file(str(tmp_path / "model.keras")))
    assert (network.labels, network.run) == ((), None)
    assert "in model.keras do not fit it and are left aside: " in network.reading.assumed[-1]
    assert len(network.predict(np.zeros((8, 8), np.uint8))) == 3


def test_labels_of_the_users_own_that_do_not_fit_are_refused_whatever_the_card_says(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    save_model(model, tmp_path / "model.keras", ModelCard("unit"))
    with pytest.raises(ExplorerError, match=r"There are 2 labels; the network answers with 3 numbers\."):
        loading.read(model_file(str(tmp_path / "model.keras")), labels=["cat", "dog"])
    assert len(loading.read(model_file(str(tmp_path / "model.keras")), labels=["a", "b", "c"]).labels) == 3


def test_a_card_that_is_not_understood_is_noted_and_hinders_nobody(tmp_path):
    file = tmp_path / "mine.keras"
    own_models.sequential().save(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("explorer.json", '{"preprocess": "magic"}')
    network = explorer.load(file)
    assert len(network.reading.assumed) == 1
    assert "magic" in network.reading.assumed[0]


def test_an_architecture_by_its_name_and_size_has_the_classes_of_imagenet(keras_home):
    with keras.StatelessScope(initialize_variables=False):
        model = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3))
        other = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=9)
    network = explorer.load(model)
    assert network.labels[386] == ("n02504458", "African_elephant")
    assert network.reading.convention == "tf"
    taken = "Its classes are taken for those of ImageNet, by its layers and their number. labels= names them."
    assert taken in network.reading.assumed
    named = explorer.load(model, labels=[str(number) for number in range(1000)])
    assert named.labels[386] == ("386", "386")
    assert len(named.reading.assumed) == 1
    smaller = explorer.load(other)
    assert smaller.labels == ()


@pytest.mark.slow
def test_published_weights_of_efficientnet_come_with_the_layer_that_keras_adds_for_them(tmp_path):
    plain = keras.applications.EfficientNetB0(weights=None)
    file = tmp_path / "efficientnetb0.h5"
    weights.save_weights(plain, file)
    row = architectures["EfficientNetB0"]
    built = factory.made(row, spec("EfficientNetB0"), None, file)
    kinds = ["InputLayer", "Rescaling", "Normalization", "Rescaling", "ZeroPadding2D"]
    assert [type(layer).__name__ for layer in built.layers[:5]] == kinds
    np.testing.assert_allclose(built.layers[3].scale, [1 / np.sqrt(one) for one in (0.229, 0.224, 0.225)])
    for one, other in zip(built.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    with pytest.raises(ExplorerError, match="only with an input of its own"):
        factory.made(row, spec("EfficientNetB0"), keras.layers.Conv2D(3, 1)(keras.Input((224, 224, 3))), file)
