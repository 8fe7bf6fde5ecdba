import own_models
import pytest

from explorer.backend.graph.recognition import recognised
from explorer.backend.inference import predictions
from explorer.backend.inputs.input_spec import inputs_of, of_model
from explorer.backend.runtime.keras import keras
from explorer.catalog import architectures
from explorer.errors import ExplorerError
from explorer.values import TensorInfo

layers = keras.layers


def model_of(shape, *between, name="mine", dtype="float32"):
    """Return a model that reads this shape, does what is between, and then convolves."""
    x = pixels = keras.Input(shape, name="pixels", dtype=dtype)
    for step in between:
        x = step(x)
    return keras.Model(pixels, layers.Conv2D(2, 3, name="conv")(x), name=name)


def only_input(shape, dtype="float32"):
    """Return a model that reads this shape and does nothing with it."""
    tensor = keras.Input(shape, name="pixels", dtype=dtype)
    return keras.Model(tensor, layers.Identity(name="same")(tensor), name="mine")


@pytest.mark.parametrize(
    ("shape", "data_format", "size"),
    [
        ((32, 48, 3), "channels_last", (32, 48, 3)),
        ((28, 28, 1), "channels_last", (28, 28, 1)),
        ((8, 8, 3), "channels_last", (8, 8, 3)),
        ((None, None, 3), "channels_last", (224, 224, 3)),
        ((None, 64, 1), "channels_last", (224, 64, 1)),
        ((3, 32, 48), "channels_first", (32, 48, 3)),
        ((1, 28, 28), "channels_first", (28, 28, 1)),
        ((3, None, None), "channels_first", (224, 224, 3)),
        ((7, 7, 3), "channels_last", (7, 7, 3)),
        ((5, 5, 1), "channels_last", (5, 5, 1)),
        ((32, 32, 4), "channels_last", (32, 32, 4)),
        ((32, 32, 2), "channels_last", (32, 32, 2)),
        ((2, 32, 48), "channels_first", (32, 48, 2)),
    ],
)
def test_what_looks_like_a_picture_is_read_as_one(shape, data_format, size):
    input_spec = of_model(only_input(shape), None)
    assert (input_spec.kind, input_spec.data_format, input_spec.size) == ("image", data_format, size)
    assert input_spec.inputs == (TensorInfo("pixels", shape, "float32"),)


@pytest.mark.parametrize("shape", [(), (3,), (28, 28), (7, 7, 5), (32, 32, 13), (1, 1, 3), (5, 32, 32, 3), (None, None, None)])
def test_other_shapes_are_arrays(shape):
    input_spec = of_model(only_input(shape), None)
    assert (input_spec.kind, input_spec.size, input_spec.assumed) == ("arrays", (), ())
    assert input_spec.inputs[0].shape == shape


def test_several_inputs_are_arrays_even_where_they_look_like_pictures():
    one, two = keras.Input((32, 32, 3), name="one"), keras.Input((32, 32, 3), name="two")
    input_spec = of_model(keras.Model([one, two], layers.Add()([one, two])), None)
    assert input_spec.kind == "arrays"
    assert [info.name for info in input_spec.inputs] == ["one", "two"]


def test_what_an_embedding_reads_is_no_picture():
    input_spec = of_model(model_of((32, 32, 3), layers.Embedding(9, 4), layers.Reshape((32, 32, 12))), None)
    assert input_spec.kind == "arrays"
    assert input_spec.inputs[0].below == 9


# how pixels are prepared


@pytest.mark.parametrize(
    "scaling",
    [
        layers.Rescaling(1 / 255, name="scale"),
        layers.Normalization(mean=[1, 2, 3], variance=[1, 2, 3], name="scale"),
        lambda x: keras.layers.Resizing(20, 20)(layers.Rescaling(1 / 127.5, offset=-1, name="scale")(x)),
        lambda x: keras.Sequential([keras.Input((32, 32, 3)), layers.RandomFlip(), layers.Rescaling(1 / 255, name="scale")])(x),
        lambda x: x / 255,
        lambda x: x * (1 / 255),
        lambda x: x - 127.5,
        keras.applications.mobilenet_v2.preprocess_input,
        keras.applications.resnet.preprocess_input,
        keras.applications.densenet.preprocess_input,
    ],
)
def test_a_network_that_scales_its_input_itself_gets_pixels_as_they_are(scaling):
    input_spec = of_model(model_of((32, 32, 3), scaling), None)
    assert (input_spec.preprocess_mode, input_spec.assumed) == ("none", ())
    (why,) = input_spec.known
    assert why.startswith("Pixels go in as 0 to 255: the network scales them itself (")


@pytest.mark.parametrize(
    "scaling",
    [
        layers.Rescaling(2.0, offset=-1, name="scale"),
        layers.Normalization(mean=[0.49, 0.45, 0.41], variance=[0.06, 0.06, 0.07], name="scale"),
        lambda x: x * 2 - 1,
        lambda x: x - 0.5,
        lambda x: 1 - x,
    ],
)
def test_a_network_that_scales_values_of_one_on_gets_these(scaling):
    input_spec = of_model(model_of((32, 32, 3), scaling), None)
    assert (input_spec.preprocess_mode, input_spec.assumed) == ("unit", ())
    assert input_spec.known[0].startswith("Pixels are brought to 0 to 1: from there the network scales them itself (")


def test_code_of_the_users_own_before_the_first_weights_is_taken_to_prepare_pixels():
    class Prepare(layers.Layer):
        def call(self, x):
            return x / 127.5 - 1

    for own in (Prepare(name="mine"), layers.Lambda(lambda x: x / 127.5 - 1, output_shape=(32, 32, 3), name="mine")):
        input_spec = of_model(model_of((32, 32, 3), own), None)
        assert input_spec.preprocess_mode == "none"
        assert input_spec.assumed == ("Pixels go in as 0 to 255: its own layer mine is assumed to preprocess them.",)


def test_the_order_of_axes_is_what_the_layers_say_and_else_a_guess_that_is_said():
    for order, size in (("channels_last", (3, 32, 3)), ("channels_first", (32, 3, 3))):
        pixels = keras.Input((3, 32, 3))
        input_spec = of_model(keras.Model(pixels, layers.Conv2D(2, 3, data_format=order)(pixels)), "unit")
        assert (input_spec.data_format, input_spec.size, input_spec.assumed) == (order, size, ())
    input_spec = of_model(only_input((3, 32, 3)), "unit")
    assert (input_spec.data_format, len(input_spec.assumed)) == ("channels_last", 1)
    assert of_model(model_of((3, 32, 48)), None).kind == "arrays", "48 channels, as its convolution says"


@pytest.mark.parametrize(
    "ahead",
    [
        layers.Flatten(),
        layers.Reshape((28, 28, 1)),
        layers.Reshape((784,)),
        lambda x: keras.ops.expand_dims(x, -1),
        lambda x: layers.Flatten()(layers.Rescaling(1 / 255)(x)),
    ],
)
def test_grey_pixels_without_an_axis_of_channels_are_a_picture(ahead):
    pixels = keras.Input((28, 28))
    input_spec = of_model(keras.Model(pixels, layers.Dense(2)(ahead(pixels))), None)
    assert (input_spec.kind, input_spec.size) == ("image", (28, 28, 1))


@pytest.mark.parametrize("ahead", [layers.LSTM(2), layers.Conv1D(2, 3), layers.Dense(2), layers.TimeDistributed(layers.Dense(2))])
def test_steps_and_values_are_no_picture(ahead):
    steps = keras.Input((28, 28))
    assert of_model(keras.Model(steps, ahead(steps)), None).kind == "arrays"


def test_of_several_inputs_each_one_that_reads_pictures_says_how():
    picture, table = keras.Input((32, 32, 3), name="picture"), keras.Input((5,), name="table")
    scaled = layers.Normalization(mean=[9.0] * 5, variance=[4.0] * 5)(table)
    joined = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3)(picture)), scaled])
    input_spec = of_model(keras.Model([picture, table], layers.Dense(2)(joined)), None)
    assert (input_spec.kind, input_spec.assumed) == ("arrays", ())
    assert input_spec.pictures[1] is None
    assert (input_spec.pictures[0].size, input_spec.pictures[0].preprocess_mode) == ((32, 32, 3), "unit"), (
        "what scales the table is not the picture's"
    )


@pytest.mark.parametrize(
    "between",
    [
        lambda x: x,
        layers.BatchNormalization(),
        layers.RandomFlip(),
        lambda x: layers.Rescaling(2.0)(layers.Conv2D(3, 3)(x)),
        lambda x: layers.Add()([x, x]),
        lambda x: layers.ZeroPadding2D()(x),
    ],
)
def test_where_nothing_says_how_pixels_are_brought_to_one(between):
    input_spec = of_model(model_of((32, 32, 3), between), None)
    assert input_spec.preprocess_mode == "unit"
    assert input_spec.assumed == ("How pixels were preprocessed is unknown; they are scaled to 0 to 1. Set preprocess= to change it.",)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_whole_numbers_are_pixels_as_they_are(dtype):
    input_spec = of_model(only_input((32, 32, 3), dtype), None)
    assert input_spec.preprocess_mode == "none"
    assert input_spec.assumed == ("Pixels go in as 0 to 255: the network reads whole numbers.",)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("mobilenetv2_1.00_224", "MobileNetV2"),
        ("MobilenetV3small", "MobileNetV3Small"),
        ("resnet50", "ResNet50"),
        ("resnet50v2", "ResNet50V2"),
        ("my_resnet50", None),
        ("vgg16_cats", "VGG16"),
        ("inception_v3", "InceptionV3"),
        ("inception_resnet_v2", "InceptionResNetV2"),
        ("NASNet", None),
        ("digits", None),
        ("mine", None),
    ],
)
def test_an_architecture_of_the_table_is_known_by_its_name(name, row):
    model = model_of((32, 32, 3), name=name)
    found = recognised(model)
    assert (found and found.row) == (architectures[row] if row else None)
    outer = keras.Input((32, 32, 3))
    assert recognised(keras.Model(outer, model(outer), name="outer")) == found
    input_spec = of_model(model, None)
    assert input_spec.preprocess_mode == (found.preprocess_mode if found else "unit")
    if found:
        said = f"Pixels are preprocessed as for {row} (preprocess={found.preprocess_mode!r}), which the model is by its name."
        assert said in input_spec.assumed


def test_a_grey_network_is_not_prepared_as_a_colour_one():
    assert of_model(model_of((32, 32, 1), name="vgg16"), None).preprocess_mode == "unit"
    assert of_model(model_of((32, 32, 1), name="mobilenet"), None).preprocess_mode == "tf"


@pytest.mark.parametrize("preprocess", ["tf", "caffe", "torch", "unit", "none", "custom"])
def test_what_is_given_is_not_guessed(preprocess):
    input_spec = of_model(model_of((32, 32, 3), layers.Rescaling(1 / 255), name="vgg16"), preprocess)
    assert (input_spec.preprocess_mode, input_spec.assumed) == (preprocess, ())


@pytest.mark.parametrize(
    ("preprocess", "channels", "wanted"), [("caffe", 1, "3 channels"), ("torch", 1, "3 channels"), ("digit", 3, "1 channel")]
)
def test_a_convention_that_does_not_fit_is_refused(preprocess, channels, wanted):
    with pytest.raises(ExplorerError, match=f"preprocess='{preprocess}' is for pictures of {wanted}; mine reads {channels} channel"):
        of_model(model_of((32, 32, channels)), preprocess)


def test_a_digit_is_read_by_a_grey_network():
    assert of_model(model_of((32, 32, 1)), "digit").preprocess_mode == "digit"


# what goes in and comes out


def test_inputs_of_a_model_called_on_nested_structures_are_named_by_their_place():
    class Nested(keras.Model):
        def __init__(self):
            super().__init__(name="nested")
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs["a"]) + self.dense(inputs["b"][0]) + self.dense(inputs["b"][1])

    one = keras.ops.ones((1, 4))
    model = own_models.called(Nested(), {"a": one, "b": (one, one)})
    assert [info.name for info in inputs_of(model)] == ["a", "b/0", "b/1"]


@pytest.mark.parametrize(
    ("head", "activation"),
    [
        (layers.Dense(2, activation="softmax"), "softmax"),
        (layers.Activation("sigmoid"), "sigmoid"),
        (layers.Softmax(), "softmax"),
        (layers.Dense(2), "linear"),
        (layers.Flatten(), ""),
        (keras.ops.softmax, "softmax"),
        (keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax")]), "softmax"),
    ],
)
def test_the_last_activation_is_found(head, activation):
    numbers = keras.Input((4,))
    (output,) = keras.Model(numbers, head(numbers)).outputs
    assert predictions.last_activation(output) == activation


def test_each_output_of_a_nested_model_has_its_own_activation():
    inner_numbers = keras.Input((4,))
    ends = [layers.Dense(2, activation=name)(inner_numbers) for name in ("softmax", "sigmoid", "tanh")]
    numbers = keras.Input((4,))
    model = keras.Model(numbers, keras.Model(inner_numbers, ends)(numbers))
    assert [predictions.last_activation(output) for output in model.outputs] == ["softmax", "sigmoid", "tanh"]
