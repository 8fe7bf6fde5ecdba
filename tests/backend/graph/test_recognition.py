"""Which architecture a model is built on that has lost its name; that each of the table is known, its own tests show."""

import pytest

import explorer
from explorer.backend.architectures import resnext
from explorer.backend.graph.recognition import recognised
from explorer.backend.inputs import input_spec
from explorer.backend.runtime.keras import keras
from explorer.catalog import BACKBONES, architectures

layers = keras.layers


def backbone(name, shape=(96, 96, 3), **options):
    """Return an architecture without its top; nothing may be computed with it."""
    home = resnext if name.startswith("ResNeXt") else keras.applications
    with keras.StatelessScope(initialize_variables=False):
        return getattr(home, name)(weights=None, include_top=False, input_shape=shape, **options)


def with_head(base, output=None):
    """Return what the guides' recipe makes of a backbone, which is a model with a name that says nothing."""
    x = layers.GlobalAveragePooling2D()(base.output if output is None else output)
    return keras.Model(base.input, layers.Dense(3, activation="softmax")(x))


def renamed(base, name):
    """Return the same layers, each by the name that the function `name` makes of its own."""
    made = keras.models.clone_model(base, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "name": name(layer)}))
    made.name = "mine"
    return made


def test_every_row_of_the_table_has_a_backbone():
    assert {name for one in BACKBONES for name in one.rows} == set(architectures)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("VGG16", "rgb_{}"), ("VGG16", "{}_left"), ("VGG16", "Stream.{}"), ("MobileNetV2", "rgb_{}"), ("InceptionV3", "{}_left")],
)
def test_what_others_put_before_or_behind_names_hides_nothing(name, spelled):
    with keras.StatelessScope(initialize_variables=False):
        model = renamed(backbone(name), lambda layer: spelled.format(layer.name))
        found = recognised(model)
    assert found is not None
    assert (found.row.name, found.by_layers) == (name, True)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("MobileNetV2", (128, 96, 3), {"alpha": 0.35}),
        ("MobileNetV2", (64, 64, 3), {"alpha": 1.4}),
        ("MobileNet", (32, 32, 1), {"alpha": 0.25}),
        ("MobileNetV3Large", (64, 64, 3), {"alpha": 0.75, "minimalistic": True}),
        ("VGG16", (None, None, 3), {}),
        ("InceptionV3", (75, 75, 1), {}),
    ],
    ids=str,
)
def test_sizes_channels_and_widths_don_t_matter(name, shape, options):
    with keras.StatelessScope(initialize_variables=False):
        assert recognised(with_head(backbone(name, shape, **options))).row.name == name


def test_a_backbone_inside_a_sequential_model_or_a_subclassed_one_is_known():
    class Own(keras.Model):
        def __init__(self, base):
            super().__init__()
            self.base = base

        def call(self, x):
            return self.base(x)

    base = backbone("VGG19")
    base.name = "features"
    with keras.StatelessScope(initialize_variables=False):
        nested = keras.Sequential([keras.Input((96, 96, 3)), layers.RandomFlip(), base, layers.Flatten(), layers.Dense(2)])
        for model in (nested, Own(base)):
            assert recognised(model).row.name == "VGG19"


def test_names_of_keras_two_are_known():
    x = picture = keras.Input((64, 64, 3))
    x = layers.Conv2D(64, 7, strides=2, name="conv1")(x)
    for stage, letter, width in ((2, "a", 64), (2, "b", 64), (3, "a", 128)):
        x = layers.Conv2D(width, 1, name=f"res{stage}{letter}_branch2a")(x)
        x = layers.Conv2D(width, 3, padding="same", name=f"res{stage}{letter}_branch2b")(x)
        x = layers.Conv2D(4 * width, 1, name=f"res{stage}{letter}_branch2c")(x)
    assert recognised(keras.Model(picture, x)).row.name == "ResNet50"


def test_layers_say_more_than_a_name():
    base = backbone("VGG16")
    with keras.StatelessScope(initialize_variables=False):
        model = keras.Model(base.input, base.output, name="resnet50_of_mine")
        assert recognised(model).row.name == "VGG16"
        alike = keras.Model(base.input, base.layers[9].output, name="vgg19_cut")
        assert recognised(alike).row.name == "VGG19", "where both may be, the name decides"


def own(*steps, shape=(32, 32, 3)):
    return keras.Sequential([keras.Input(shape), *steps, layers.Flatten(), layers.Dense(10)])


def conv(filters, size=3, **options):
    return layers.Conv2D(filters, size, padding="same", **options)


@pytest.mark.parametrize(
    "model",
    [
        lambda: own(conv(64), conv(64), conv(128), conv(128), conv(256), conv(256), conv(512)),
        lambda: own(*(conv(width, name=f"block{n}_conv{m}") for n, width in enumerate((32, 64, 128), 1) for m in (1, 2))),
        lambda: own(*(conv(width, name=f"block{n}_conv{m}") for n, width in enumerate((64, 128), 1) for m in (1, 2))),
        lambda: own(conv(32, strides=2, use_bias=False), *(conv(32, use_bias=False) for _ in range(6)), conv(64, use_bias=False)),
        lambda: own(conv(32, name="conv1", strides=2), conv(64, name="conv2"), conv(64, name="conv_3")),
        lambda: own(conv(64, 7, name="conv1_conv", strides=2), conv(64, name="conv2"), conv(128, name="conv3")),
        lambda: own(conv(8, name="block1_conv"), conv(16, name="block2_conv"), shape=(32, 32, 1)),
        lambda: own(conv(32, name="stem_conv", strides=2), conv(64, name="block1_conv"), conv(128, name="block2_conv")),
        lambda: own(conv(64, name="conv1"), conv(128, name="conv2"), shape=(28, 28, 1)),
    ],
)
def test_a_small_network_of_somebody_s_own_is_not_taken_for_another(model):
    assert recognised(model()) is None


def test_what_the_model_does_itself_counts_before_what_its_layers_are():
    base = backbone("MobileNetV2")
    picture = keras.Input((96, 96, 3))
    with keras.StatelessScope(initialize_variables=False):
        reading = input_spec.of_model(keras.Model(picture, base(layers.Rescaling(1 / 127.5, -1, name="scale")(picture))), None)
        plain = input_spec.of_model(with_head(base), None)
    assert (reading.convention, reading.assumed) == ("none", ())
    assert reading.known == ("Pixels go in as 0 to 255: the network scales them itself (scale).",)
    assert plain.convention == "tf"
    assert plain.assumed == ("Pixels are prepared as for MobileNetV2 (preprocess='tf'), whose layers the model has.",)


@pytest.mark.parametrize(("name", "convention"), [("MobileNetV3Small", "tf"), ("EfficientNetV2B0", "tf"), ("ConvNeXtTiny", "torch")])
def test_where_the_scaling_is_inside_it_counts_and_else_it_is_done(name, convention):
    with keras.StatelessScope(initialize_variables=False):
        assert input_spec.of_model(with_head(backbone(name)), None).convention == "none"
        assert input_spec.of_model(with_head(backbone(name, include_preprocessing=False)), None).convention == convention


def test_bundled_networks_and_those_that_hear_are_known_by_their_layers():
    for name in ("digits", "timbres", "MusicTaggerCRNN"):
        whole = explorer.load(name, weights=None).model
        model = keras.Model(whole.input, layers.Dense(3)(whole.layers[-2].output))
        reading = input_spec.of_model(model, None)
        assert (reading.kind, reading.convention) == (architectures[name].input, architectures[name].convention)


def test_what_has_lost_its_name_answers_as_before(elephant, keras_home):
    whole = explorer.load("MobileNet", alpha=0.25)
    nameless = explorer.load(keras.Model(whole.model.input, whole.model.output, name="mine"))
    for found, expected in zip(nameless.predict(elephant), whole.predict(elephant), strict=True):
        assert (found.id, found.label) == (expected.id, expected.label)
        assert found.score == pytest.approx(expected.score, abs=1e-6)
