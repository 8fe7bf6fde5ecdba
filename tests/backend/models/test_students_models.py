"""Models such as students build: grey pixels without channels, vectors, two, four or thirteen channels, tiny sides, several inputs."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer.backend.runtime.keras import keras
from explorer.errors import AssumptionWarning, ExampleWarning, UnreadableExample

layers = keras.layers
DRAWN = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)


def ending(picture, x, name="mine"):
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="scores")(layers.Flatten(name="flat")(x)), name=name)


def flat_first():
    """The quickstart of Keras on MNIST."""
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(3, activation="softmax", name="scores")], name="mnist")


def convolving(shape, **options):
    picture = keras.Input(shape, name="picture")
    return ending(picture, layers.Conv2D(2, 3, name="conv", **options)(picture))


def scores(network, source):
    """Return the scores of all classes, in their order."""
    return [one.score for one in sorted(network.predict(source, top=3), key=lambda one: one.id)]


def by_keras(network, *values):
    batch = [np.asarray(one, np.float32)[None] for one in values]
    return network.model(batch if len(batch) > 1 else batch[0], training=False).numpy()[0]


def encoded(pixels, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", **options)
    return out.getvalue()


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize(
    "give",
    [
        encoded,
        Image.fromarray,
        lambda pixels: pixels,
        lambda pixels: pixels[None],
        lambda pixels: pixels[..., None],
        lambda pixels: np.stack([pixels] * 3, -1),
        lambda pixels: pixels.reshape(784),
        lambda pixels: pixels / 255,
        lambda pixels: (pixels / 255).astype(np.float16),
        npy,
        lambda pixels: npy(pixels / 255),
    ],
)
@pytest.mark.parametrize(
    "model", [flat_first, lambda: convolving((28, 28, 1)), lambda: convolving((1, 28, 28), data_format="channels_first")]
)
def test_a_grey_picture_is_read_however_it_comes(give, model):
    model = model()
    if model.input_shape == (None, 1, 28, 28):
        model = ending(picture := keras.Input((1, 28, 28)), layers.Permute((2, 3, 1))(picture))  # no processor is needed for it
    network = explorer.load(model, preprocess="unit")
    expected = by_keras(network, (DRAWN / 255).reshape(model.input_shape[1:]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scores(network, give(DRAWN)) == pytest.approx(expected, abs=2e-3)


def test_of_grey_pixels_without_channels_the_page_shows_a_picture():
    network = explorer.load(flat_first(), preprocess="unit")
    example = network.read(DRAWN)
    seen = network.inputs.view(example)
    assert (seen.original_size, seen.preprocessed.shape) == ((28, 28), (28, 28))
    assert np.array_equal(seen.preprocessed, DRAWN)
    assert network.samples[0] == "digit_0.png"
    assert network.inside.maps(example, 0).values.size == 784


def test_maps_of_pictures_without_channels_lie_on_rows_and_columns():
    picture = keras.Input((28, 28), name="picture")
    x = layers.Conv2D(2, 3, strides=2, name="conv")(layers.Reshape((28, 28, 1))(picture))
    network = explorer.load(ending(picture, x), preprocess="unit")
    example = network.read(DRAWN)
    for layer, size in (("picture", 28), ("conv", 13)):
        maps = network.inside.maps(example, layer)
        assert [(axis.name, axis.size) for axis in maps.axes[:2]] == [("row", size), ("column", size)]
    assert maps.axes[0].fields[1] == (2, 5), "what a cell sees is three pixels"
    assert np.array_equal(network.inside.maps(example, "picture").values[..., 0], (DRAWN / 255).astype(np.float32))


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 4), (28, 28, 2)])
def test_they_are_fine_tuned_on_arrays_as_they_read_them(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (12, *shape), np.uint8)
    picture = keras.Input(shape, name="picture")
    x = picture if len(shape) == 3 else layers.Reshape((28, 28, 1))(picture)
    network = explorer.load(ending(picture, layers.Conv2D(2, 3, name="conv")(x)), preprocess="unit")
    phases = [explorer.Phase("head", "sgd", 0.01, epochs=1)]
    run = explorer.fine_tune(network, (pixels, ["a", "b"] * 6), phases=phases, validation=0)
    assert (run.state, run.error_message) == ("done", "")
    assert np.array_equal(run.network.inputs.to_batch(run.network.read(pixels[0]))[0], (pixels[:1] / 255).astype(np.float32))


def test_of_several_pictures_in_a_file_the_first_counts_and_of_several_in_an_array_none():
    network = explorer.load(convolving((28, 28, 1)), preprocess="unit")
    several = np.stack([DRAWN, DRAWN.T])
    for pixels in (several, several[..., None], several / 255):
        with pytest.warns(ExampleWarning, match="The first of 2 examples in the file"):
            assert scores(network, npy(pixels)) == pytest.approx(scores(network, DRAWN), abs=1e-5)
        with pytest.raises(UnreadableExample):
            network.predict(pixels)


def test_numbers_that_are_prepared_already_go_in_as_they_are():
    network = explorer.load(convolving((32, 48, 3)), preprocess="torch")
    values = np.random.default_rng(1).normal(size=(32, 48, 3))
    assert scores(network, values) == pytest.approx(by_keras(network, values), abs=1e-5)
    assert network.inputs.view(network.read(values)).preprocessed.shape == (32, 48, 3)


@pytest.mark.parametrize(("scale", "said"), [(1.0, "taken as pixels of 0 to 255"), (1 / 255, "taken as pixels of 0 to 1")])
def test_pixels_as_floats_are_prepared_and_that_is_said(scale, said):
    network = explorer.load(convolving((32, 48, 3)), preprocess="caffe")
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8)
    with pytest.warns(ExampleWarning, match=said):
        found = scores(network, pixels * scale)
    assert found == pytest.approx(scores(network, pixels), abs=1e-3)


@pytest.mark.parametrize("shape", [(28, 30), (10, 10, 3), (3,)])
def test_numbers_of_another_shape_are_refused_with_both_shapes(shape):
    network = explorer.load(flat_first(), preprocess="unit")
    with pytest.raises(UnreadableExample, match="numbers other than uint8 need the shape that the network reads, 28 × 28"):
        network.predict(np.zeros(shape))


COLOURED = np.random.default_rng(2).integers(0, 256, (20, 30, 4), np.uint8)


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize(
    ("channels", "source", "expected"),
    [
        (4, encoded(COLOURED), COLOURED),
        (4, COLOURED, COLOURED),
        (4, encoded(COLOURED[..., :3]), np.concatenate([COLOURED[..., :3], np.full((20, 30, 1), 255, np.uint8)], -1)),
        (2, encoded(COLOURED[..., :2]), COLOURED[..., :2]),
        (2, encoded(COLOURED[..., 0]), np.stack([COLOURED[..., 0], np.full((20, 30), 255, np.uint8)], -1)),
    ],
)
def test_alpha_is_a_channel_where_the_network_reads_it(channels, channels_first, source, expected):
    shape = (channels, 20, 30) if channels_first else (20, 30, channels)
    picture = keras.Input(shape)
    network = explorer.load(ending(picture, picture), preprocess="none")
    wanted = np.moveaxis(expected, -1, 0) if channels_first else expected
    np.testing.assert_array_equal(network.inputs.to_batch(network.read(source))[0][0], wanted)
    assert network.inputs.view(network.read(source)).preprocessed.shape == (20, 30, channels)


@pytest.mark.parametrize("side", [(5, 5, 1), (7, 7, 3), (2, 3, 4)])
def test_tiny_pictures_are_pictures(side):
    network = explorer.load(ending(picture := keras.Input(side), picture), preprocess="unit")
    assert network.inputs.to_batch(network.read(encoded(DRAWN)))[0].shape == (1, *side)
    values = np.random.default_rng(1).normal(size=side)
    assert scores(network, values) == pytest.approx(by_keras(network, values), abs=1e-5)


def test_thirteen_bands_are_an_array_and_a_picture_is_refused_with_what_is_needed():
    network = explorer.load(convolving((16, 16, 13)))
    values = np.random.default_rng(1).uniform(0, 10_000, (16, 16, 13))
    for source in (values, npy(values), values.astype(np.uint16)):
        assert scores(network, source) == pytest.approx(by_keras(network, source if isinstance(source, np.ndarray) else values), abs=1e-5)
    with pytest.raises(UnreadableExample, match="is a picture, with 1 to 4 channels; the input picture reads 16 × 16 × 13: give an array"):
        network.predict(encoded(DRAWN))


@pytest.mark.parametrize(("count", "pixels"), [(784, DRAWN), (1200, COLOURED[:, :20, :3])])
def test_a_picture_is_laid_out_for_a_network_that_reads_a_vector(count, pixels):
    network = explorer.load(keras.Sequential([keras.Input((count,)), layers.Dense(3, activation="softmax")]))
    expected = by_keras(network, pixels.reshape(-1) / 255)
    assert network.input_spec.assumed == (), "it may be a table just as well"
    for source in (encoded(pixels), Image.fromarray(pixels), pixels):
        with pytest.warns(ExampleWarning) as said:
            assert scores(network, source) == pytest.approx(expected, abs=1e-5)
        assert f"is laid out row by row, as {network.input_spec.inputs[0].name} reads it." in str(said[-1].message)
    network = explorer.load(network.model, preprocess="unit")
    with pytest.warns(ExampleWarning), pytest.raises(UnreadableExample, match=r"pixels laid out in a row; .* has 30 × 20"):
        network.predict(encoded(COLOURED))


def test_a_short_vector_reads_no_picture():
    network = explorer.load(keras.Sequential([keras.Input((9,)), layers.Dense(3)]))
    assert network.input_spec.pictures == ()
    with pytest.raises(UnreadableExample, match=r"is a picture; the input .* reads 9 numbers: give an array"):
        network.predict(encoded(DRAWN[:3, :3]))


# several inputs


@pytest.fixture
def two():
    """A network of a picture and a table."""
    picture, table = keras.Input((28, 28, 1), name="picture"), keras.Input((5,), name="table")
    joined = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3, name="conv")(picture)), table])
    return explorer.load(keras.Model([picture, table], layers.Dense(3, activation="softmax")(joined)), preprocess="unit")


TABLE = np.arange(5)


@pytest.mark.parametrize("source", [encoded(DRAWN), Image.fromarray(DRAWN), DRAWN, DRAWN / 255])
def test_a_picture_for_one_of_several_inputs(two, source, tmp_path):
    file = tmp_path / "drawn.png"
    file.write_bytes(encoded(DRAWN))
    expected = by_keras(two, DRAWN[..., None] / 255, TABLE)
    for example in (
        {"picture": source, "table": TABLE},
        (source, TABLE),
        {"table": TABLE, "picture": file},
        {"picture": str(file), "1": TABLE},
    ):
        assert scores(two, example) == pytest.approx(expected, abs=1e-5)
    first, second = two.read({"picture": source, "table": TABLE}), two.read({"picture": source, "table": TABLE + 1})
    assert first.digest != second.digest


def test_a_picture_alone_is_for_the_input_that_reads_pictures_and_the_rest_is_random_and_said(two):
    table = two.inputs.random_example(0).data
    assert {name for name, _array in table} == {"picture", "table"}
    with pytest.warns(ExampleWarning, match="Nothing was given for table: it gets random values"):
        first = two.predict(encoded(DRAWN), top=3)
    with pytest.warns(ExampleWarning, match="random"):
        assert two.predict({"picture": encoded(DRAWN)}, top=3) == first
    example = explorer.Example("arrays", encoded(DRAWN), "drawn.png")
    seen = two.inputs.view(example)
    assert seen.notes == ("Nothing was given for table: it gets random values.",)
    np.testing.assert_allclose(dict(seen.arrays)["picture"][..., 0], DRAWN / 255, atol=1e-6)


def test_arrays_alone_are_never_filled_up(two):
    with pytest.raises(UnreadableExample, match="the arrays holds table; this network reads picture, table"):
        two.predict({"table": TABLE})
    with pytest.raises(UnreadableExample, match="is a picture; the input table reads 5 numbers"):
        two.predict({"picture": encoded(DRAWN), "table": encoded(DRAWN)})
    numbers = [keras.Input((4,), name=name) for name in ("one", "other")]
    with pytest.raises(UnreadableExample, match="is a picture; this network reads arrays: one, other"):
        explorer.load(keras.Model(numbers, layers.Add()(numbers))).predict(encoded(DRAWN))


def test_a_picture_alone_is_for_each_of_two_inputs_that_read_pictures():
    one, other = keras.Input((28, 28, 1), name="one"), keras.Input((28, 28, 1), name="other")
    network = explorer.load(ending([one, other], layers.Subtract()([one, other])), preprocess="unit")
    assert scores(network, encoded(DRAWN)) == scores(network, (encoded(DRAWN), encoded(DRAWN)))
    assert scores(network, (encoded(DRAWN), encoded(255 - DRAWN))) != scores(network, encoded(DRAWN))


def test_what_is_saved_of_them_opens_with_the_same_convention(two, tmp_path):
    two.save(tmp_path / "two.keras")
    explorer.load(flat_first(), preprocess="tf").save(tmp_path / "flat.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        assert explorer.load(tmp_path / "two.keras").input_spec.pictures[0].preprocess_mode == "unit"
        assert explorer.load(tmp_path / "flat.keras").input_spec.preprocess_mode == "tf"
