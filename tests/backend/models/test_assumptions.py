"""What has to be guessed about a model is said: a warning in Python, and none where nothing was guessed."""

import warnings

import numpy as np
import pytest

import explorer
from explorer.backend.runtime.keras import keras
from explorer.errors import AssumptionWarning

layers = keras.layers
PICTURE = np.zeros((8, 9, 3), np.uint8)


def model_of(shape=(12, 16, 3), *between, classes=3, name="mine"):
    x = pixels = keras.Input(shape, name="pixels")
    for step in (*between, layers.Conv2D(2, 3, name="conv"), layers.GlobalAveragePooling2D(name="pool")):
        x = step(x)
    return keras.Model(pixels, layers.Dense(classes, activation="softmax", name="scores")(x), name=name)


def said(*arguments, **options):
    """Return the sentences that loading warns with; the line of the caller is the one that is named."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        explorer.load(*arguments, **options)
    assert {one.category for one in found} <= {AssumptionWarning}
    assert {one.filename for one in found} <= {__file__}
    return [str(one.message) for one in found]


def test_the_range_of_pixels_is_said_and_given_it_is_not():
    assert said(model_of()) == ["mine: Nothing says how pixels are prepared; they are brought to 0 to 1. preprocess= sets it otherwise."]
    assert said(model_of(), preprocess="tf") == []


def test_what_an_architecture_is_known_by_is_said():
    with keras.StatelessScope(initialize_variables=False):
        base = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.25)
    model = keras.Model(base.input, layers.Dense(3)(layers.GlobalAveragePooling2D()(base.output)), name="tuned")
    assert said(model) == ["tuned: Pixels are prepared as for MobileNet (preprocess='tf'), whose layers the model has."]
    assert said(model, preprocess="tf") == []


def test_classes_by_their_number_are_said(keras_home):
    with keras.StatelessScope(initialize_variables=False):
        base = keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25)
    nameless = keras.Model(base.input, base.output, name="mine")
    taken = "Its classes are taken for those of ImageNet, by its layers and their number. labels= names them."
    assert said(nameless, preprocess="tf") == [f"mine: {taken}"]
    assert said(nameless, preprocess="tf", labels=[str(number) for number in range(1000)]) == []


def test_size_and_order_of_axes_are_said():
    assert said(model_of((None, None, 3)), preprocess="unit") == [
        "mine: It reads pictures of any size; they are brought to 224 x 224 pixels."
    ]
    flat = keras.Sequential([keras.Input((3, 9, 3)), layers.Flatten(), layers.Dense(2)], name="flat")
    assert said(flat, preprocess="unit") == ["flat: Nothing says the order of its axes: they are taken for height, width and channels."]


@pytest.mark.parametrize(
    "source",
    [
        model_of((12, 16, 3), layers.Rescaling(1 / 255)),
        keras.Sequential([keras.Input((5,)), layers.Dense(2)]),
        keras.Sequential([keras.Input((784,)), layers.Dense(2)]),
        keras.Sequential([keras.Input((28, 28)), layers.LSTM(2)]),
        "digits",
        "timbres",
    ],
    ids=["scales itself", "numbers", "perhaps a picture", "steps", "digits", "timbres"],
)
def test_where_nothing_was_guessed_nothing_is_said(source):
    assert said(source) == []


def test_a_file_that_says_it_needs_no_guess(tmp_path):
    explorer.load(model_of(), preprocess="torch").save(tmp_path / "told.keras")
    model_of().save(tmp_path / "plain.keras")
    assert said(tmp_path / "told.keras") == []
    assert [one.partition(":")[0] for one in said(tmp_path / "plain.keras")] == ["plain.keras"]


def test_fine_tuning_says_it_at_its_own_line():
    data = np.zeros((4, 12, 16, 3), np.uint8), ["a", "b", "a", "b"]
    phase = explorer.Phase("head", "sgd", 0.01, epochs=1)
    with pytest.warns(AssumptionWarning, match="mine: Nothing says how pixels are prepared") as found:
        explorer.fine_tune(model_of(), data, phases=[phase], validation=0)
    assert [one.filename for one in found if one.category is AssumptionWarning] == [__file__]


def test_warnings_are_silenced_as_any_other():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", explorer.AssumptionWarning)
        explorer.load(model_of())
