"""With channels first everything works on every processor; CI runs the tests with this marker without oneDNN too."""

import numpy as np
import pytest

import explorer
from explorer.backend.runtime import channels_first
from explorer.backend.runtime.keras import keras, tensorflow

pytestmark = pytest.mark.channels_first
layers, nn = keras.layers, tensorflow.nn
FIRST = {"data_format": "channels_first"}


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def to_first(array):
    return np.moveaxis(array, -1, 1)


# the operations, as where TensorFlow can't do them with the channels first: on every processor


@pytest.mark.parametrize(
    ("name", "shape", "first", "settings"),
    [
        ("conv1d", (2, 9, 4), "NCW", {"filters": random(3, 4, 5), "stride": [1, 1, 2], "padding": "SAME"}),
        ("conv2d", (2, 9, 7, 4), "NCHW", {"filters": random(3, 2, 4, 5), "strides": [1, 1, 2, 3], "padding": "VALID"}),
        ("conv2d", (2, 9, 7, 4), "NCHW", {"filters": random(3, 2, 4, 5), "strides": 2, "padding": [[0, 0], [0, 0], [2, 1], [0, 3]]}),
        ("conv2d", (2, 9, 7, 4), "NCHW", {"filters": random(3, 2, 2, 6), "strides": 1, "padding": "SAME", "dilations": [1, 1, 2, 1]}),
        ("conv3d", (2, 5, 6, 7, 4), "NCDHW", {"filters": random(2, 3, 1, 4, 5), "strides": [1, 1, 1, 2, 1], "padding": "SAME"}),
        ("convolution", (2, 9, 7, 4), "NCHW", {"filters": random(3, 2, 4, 5), "strides": (2, 1), "padding": "SAME"}),
        (
            "conv2d_transpose",
            (2, 5, 4, 3),
            "NCHW",
            {"filters": random(3, 2, 6, 3), "output_shape": (2, 6, 10, 8), "strides": [1, 1, 2, 2], "padding": "SAME"},
        ),
        ("depthwise_conv2d", (2, 9, 7, 4), "NCHW", {"filter": random(3, 2, 4, 2), "strides": [1, 1, 2, 2], "padding": "SAME"}),
        ("max_pool", (2, 9, 7, 4), "NCHW", {"ksize": [1, 1, 3, 2], "strides": [1, 1, 2, 1], "padding": "VALID"}),
        ("avg_pool2d", (2, 9, 7, 4), "NCHW", {"ksize": 2, "strides": 2, "padding": "SAME"}),
    ],
    ids=str,
)
def test_an_operation_does_with_the_channels_first_what_it_does_with_them_last(name, shape, first, settings):
    x, order = random(*shape), [0, *range(2, len(shape)), 1]

    def moved(value):
        return [value[axis] for axis in order] if isinstance(value, list | tuple) and len(value) == len(order) else value

    operation = getattr(nn, name)
    expected = operation(x, **{key: moved(value) for key, value in settings.items()})
    found = channels_first.with_channels_last(tensorflow, operation)(to_first(x), data_format=first, **settings)
    np.testing.assert_allclose(found, to_first(expected.numpy()), rtol=1e-4, atol=1e-5)


def test_an_output_shape_may_be_a_tensor_and_what_has_channels_last_is_left_alone():
    transpose = channels_first.with_channels_last(tensorflow, nn.conv_transpose)
    x, kernel = random(2, 5, 4, 3), random(3, 2, 6, 3)
    expected = transpose(x, kernel, (2, 10, 8, 6), 2)
    compiled = tensorflow.function(lambda x: transpose(x, kernel, tensorflow.stack([tensorflow.shape(x)[0], 6, 10, 8]), 2, "SAME", "NCHW"))
    np.testing.assert_allclose(compiled(to_first(x)), to_first(expected.numpy()), rtol=1e-4, atol=1e-5)


def test_what_tensorflow_can_do_by_itself_is_left_alone(monkeypatch):
    monkeypatch.setattr(channels_first, "is_supported", lambda _tensorflow: True)
    before = {name: getattr(nn, name) for name in channels_first.OPERATIONS}
    channels_first.enable(tensorflow)
    assert {name: getattr(nn, name) for name in channels_first.OPERATIONS} == before


# Keras's layers, uncompiled, compiled and backwards


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda order: layers.Conv1D(4, 3, padding="causal", **order), (2, 9, 3)),
        (lambda order: layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", **order), (2, 9, 7, 3)),
        (lambda order: layers.Conv2D(6, 3, groups=3, **order), (2, 9, 7, 3)),
        (lambda order: layers.Conv3D(4, 2, **order), (2, 5, 6, 7, 3)),
        (lambda order: layers.DepthwiseConv2D(3, **order), (2, 9, 7, 3)),
        (lambda order: layers.SeparableConv2D(4, 3, **order), (2, 9, 7, 3)),
        (lambda order: layers.Conv1DTranspose(4, 3, **order), (2, 9, 3)),
        (lambda order: layers.Conv2DTranspose(4, 3, strides=2, padding="same", **order), (2, 5, 4, 3)),
        (lambda order: layers.Conv3DTranspose(4, 2, **order), (2, 3, 4, 5, 3)),
        (lambda order: layers.MaxPooling2D(2, **order), (2, 9, 7, 3)),
        (lambda order: layers.AveragePooling2D(3, padding="same", **order), (2, 9, 7, 3)),
    ],
)
def test_a_layer_answers_and_learns_as_with_the_channels_last(make, shape):
    last, first = make({}), make(FIRST)
    x = random(*shape)
    last.build(x.shape), first.build(to_first(x).shape)
    first.set_weights(last.get_weights())

    def learnt(layer, x):
        with tensorflow.GradientTape() as tape:
            answer = layer(x)
            loss = tensorflow.reduce_sum(answer**2)
        return answer, tape.gradient(loss, [variable.value for variable in layer.trainable_variables])

    expected, slopes = learnt(last, tensorflow.constant(x))
    for run in (learnt, tensorflow.function(learnt, autograph=False)):
        found, own = run(first, tensorflow.constant(to_first(x)))
        np.testing.assert_allclose(found, to_first(expected.numpy()), rtol=1e-4, atol=1e-5)
        for one, other in zip(own, slopes, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


# models of the user's own


class Picture(keras.Model):
    """A subclassed one, which runs uncompiled, with an operation of TensorFlow's own among its layers."""

    def __init__(self, order="channels_last"):
        super().__init__(name="picture")
        self.conv = layers.Conv2D(4, 3, data_format=order, name="conv")
        self.pool = layers.GlobalMaxPooling2D(data_format=order, name="pool")
        self.top = layers.Dense(3, activation="softmax", name="top")
        self.order = order

    def call(self, x):
        first = self.order == "channels_first"
        return self.top(self.pool(nn.avg_pool2d(self.conv(x), 2, 2, "VALID", data_format="NCHW" if first else "NHWC")))


def nested(order="channels_last"):
    """A Sequential around a backbone, with a transposed convolution, an operation that is no layer and another one over time."""
    shape = (3, 12, 16) if order == "channels_first" else (12, 16, 3)
    inside = keras.Input(shape)
    x = layers.Conv2D(4, 3, data_format=order, name="first_conv")(inside)
    x = layers.Conv2DTranspose(2, 2, data_format=order, name="up")(x)
    kernel = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 2, 2, 3)
    backbone = keras.Model(inside, keras.ops.conv(x, kernel, data_format=order), name="backbone")
    top = [layers.GlobalAveragePooling2D(data_format=order, name="pool"), layers.Dense(3, activation="softmax", name="top")]
    return keras.Sequential([keras.Input(shape), layers.Rescaling(1 / 255), backbone, *top])


def subclassed(order="channels_last"):
    model = Picture(order)
    model(np.zeros((1, 3, 12, 16) if order == "channels_first" else (1, 12, 16, 3), np.float32))
    return model


@pytest.mark.parametrize("make", [nested, subclassed])
def test_a_model_of_the_users_own_answers_the_same_by_every_way(make):
    last, first = make(), make("channels_first")
    first.set_weights(last.get_weights())
    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    one, other = (explorer.load(model, preprocess="none") for model in (last, first))
    assert [answer.score for answer in other.predict(pixels)] == pytest.approx([answer.score for answer in one.predict(pixels)], abs=1e-4)
    conv = next(row.name for row in one.layers.rows if row.name.endswith("conv"))
    np.testing.assert_allclose(np.moveaxis(other.feature_maps(pixels, conv), 0, -1), one.feature_maps(pixels, conv), rtol=1e-3, atol=1e-3)
    x, y = pixels[None].astype(np.float32), np.array([1])
    assert other.evaluate(to_first(x), y) == pytest.approx(one.evaluate(x, y), rel=1e-3)
    np.testing.assert_allclose(other.model.predict(to_first(x), verbose=0), one.model.predict(x, verbose=0), atol=1e-4)
