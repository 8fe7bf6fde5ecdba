"""Exported scripts train as explorer does, without it."""

from dataclasses import replace

import nbclient
import nbformat
import numpy as np
import pytest
from exported import COLOURS, HEAD, PHASES, Scripts, assert_same_model, assert_trains_alike, coloured, unpacked

import explorer
from explorer.backend.datasets import training_data
from explorer.backend.fine_tuning.heads import backbone_table
from explorer.backend.fine_tuning.trainer import train
from explorer.backend.runtime.keras import keras
from explorer.recipe.freeze_plan import index_of
from explorer.values import Augmentation, DataSpec, Example, Head, Labelled, Phase, Recipe, Switch, TrainingData

layers = keras.layers


def convolutions(**options):
    """A model of the user's own, with batch norms before the freeze line and behind it."""
    x = picture = keras.Input((16, 24, 3), name="picture")
    for block in (1, 2):
        x = layers.Conv2D(6, 3, padding="same", name=f"block{block}_conv", **options)(x)
        x = layers.BatchNormalization(name=f"block{block}_bn", axis=1 if "data_format" in options else -1)(x)
        x = layers.ReLU(name=f"block{block}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool", **options)(x)
    return keras.Model(picture, layers.Dense(4, activation="softmax", name="scores")(x), name="convolutions")


@pytest.fixture(scope="module")
def scripts():
    running = Scripts()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def first_weights():
    keras.utils.set_random_seed(0)


@pytest.fixture
def own():
    return explorer.load(convolutions(), preprocess="unit")


@pytest.fixture
def few_digits(digits):
    return training_data(DataSpec("built-in", "digits", count=60), digits.reading)


def test_the_digits_network_on_digits_as_it_reads_them(digits, few_digits, tmp_path, scripts):
    assert_trains_alike(digits, few_digits, Recipe(4, HEAD, PHASES), tmp_path, scripts)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Jupyter brings
@pytest.mark.slow
def test_the_notebook_trains_alike_on_digits_that_are_changed_at_random(digits, few_digits, tmp_path):
    recipe = Recipe(7, HEAD, PHASES, seed=3, augmentation=Augmentation(flip=False))
    run = train(digits, few_digits, recipe)
    folder = unpacked(digits, few_digits, recipe, run, tmp_path)
    notebook = nbformat.read(folder / "fine_tune.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import sys\nsys.modules['explorer'] = None"))
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    assert_same_model(run, few_digits, folder)


@pytest.mark.slow
def test_an_architecture_with_the_weights_that_keras_loads(keras_home, tmp_path, scripts):
    network = explorer.load("MobileNet", weights="imagenet", alpha=0.25, include_top=False, input_shape=(64, 64, 3))
    index = network.layers["conv_dw_12"].index
    assert_trains_alike(network, coloured(), Recipe(index, HEAD, PHASES), tmp_path, scripts)
    assert not (tmp_path / "taken" / "backbone.keras").exists()


@pytest.mark.slow
def test_an_architecture_with_its_top(keras_home, tmp_path, scripts):
    network = explorer.load("MobileNet", weights="imagenet", alpha=0.25)
    recipe = Recipe(("conv_pw_13", "conv_dw_2"), HEAD, (replace(PHASES[1], epochs=1),))
    run = assert_trains_alike(network, coloured(8, 6), recipe, tmp_path, scripts)
    assert "conv_pw_12" in run.trainable


@pytest.mark.slow
def test_a_network_that_hears(tmp_path, scripts):
    network = explorer.load("timbres")
    data = training_data(DataSpec("built-in", "timbres", count=20), network.reading)
    assert_trains_alike(network, data, Recipe(network.layers["gru"].index, HEAD, PHASES), tmp_path, scripts)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {
            "batch_norm": "train",
            "head": Head(units=0, dropout=0.5, pooling="max"),
            "phases": tuple(replace(phase, schedule="cosine", optimizer="adam") for phase in PHASES),
        },
        {
            "freeze": ("block2_conv", "block1_bn"),
            "phases": tuple(replace(phase, schedule="halving", optimizer="adamw") for phase in PHASES),
            "augmentation": Augmentation(),
        },
        {
            "freeze": 0,
            "phases": (Phase("tail", "adam", 0.01, epochs=3, batch_size=7),),
            "callbacks": (Switch("LearningRateScheduler"), Switch("EarlyStopping", (("patience", 0),)), Switch("CSVLogger")),
        },
        {"mistakes": ("batch_norm", "rate", "thaw")},
    ],
    ids=str,
)
def test_each_setting_does_the_same_in_plain_keras(changes, own, tmp_path, scripts):
    run = assert_trains_alike(own, coloured(), replace(Recipe(4, HEAD, PHASES), **changes), tmp_path, scripts)
    assert ("block2_bn" in run.trainable) == (changes.get("batch_norm") == "train" or "batch_norm" in changes.get("mistakes", ()))


@pytest.mark.slow
def test_pictures_of_several_classes_at_once_without_compiling_again(own, tmp_path, scripts):
    data = coloured()

    def both(examples):
        return tuple(replace(one, classes=tuple({one.classes[0], place % 3})) for place, one in enumerate(examples))

    several = TrainingData("image", ("red, mostly", "file", 'a "blue" one'), both(data.training), both(data.validation), multi_label=True)
    recipe = Recipe(4, replace(HEAD, multi_label=True), PHASES, mistakes=("recompile",))
    assert_trains_alike(own, several, recipe, tmp_path, scripts)


@pytest.mark.slow
def test_pictures_without_an_axis_of_channels_and_without_held_out_examples(tmp_path, scripts):
    x = picture = keras.Input((16, 24), name="picture")
    for layer in (layers.Reshape((16, 24, 1), name="grey"), layers.Conv2D(4, 3, name="conv"), layers.Flatten(name="flat")):
        x = layer(x)
    network = explorer.load(keras.Model(picture, layers.Dense(2, name="scores")(x), name="grey"), preprocess="tf")
    data, recipe = coloured(), Recipe(0, HEAD, PHASES)
    run = train(network, replace(data, validation=()), recipe)
    folder = unpacked(network, replace(data, validation=()), recipe, run, tmp_path)
    scripts.run(folder)
    assert_same_model(run, data, folder)


@pytest.mark.channels_first
@pytest.mark.slow
def test_channels_first(tmp_path, scripts):
    picture = keras.Input((3, 16, 24), name="picture")
    x = layers.Conv2D(6, 3, data_format="channels_first", name="conv")(layers.Rescaling(1 / 255, name="scale")(picture))
    x = layers.ReLU(name="relu")(layers.BatchNormalization(axis=1, name="bn")(x))
    x = layers.Conv2D(7, 3, data_format="channels_first", name="further")(x)
    x = layers.GlobalMaxPooling2D(data_format="channels_first", name="pool")(x)
    network = explorer.load(keras.Model(picture, layers.Dense(2, name="scores")(x), name="first"))
    assert_trains_alike(network, coloured(), Recipe(network.layers["further"].index, HEAD, PHASES), tmp_path, scripts)
    assert "jit_compile=JIT_COMPILE" in (tmp_path / "taken" / "fine_tune.py").read_text()


@pytest.mark.slow
def test_layers_inside_nested_models(tmp_path, scripts):
    inside = keras.Input((16, 24, 3), name="inside")
    x = layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, name="conv")(inside))
    x = layers.Conv2D(6, 3, name="further")(layers.ReLU(name="relu")(x))
    backbone = keras.Model(inside, x, name="backbone")
    picture = keras.Input((16, 24, 3), name="picture")
    x = layers.Flatten(name="flat")(backbone(layers.Rescaling(1 / 255, name="scale")(picture)))
    network = explorer.load(keras.Model(picture, layers.Dense(2, name="scores")(x), name="outer"))
    recipe, data = Recipe(index_of(backbone_table(network), "backbone/further"), HEAD, PHASES), coloured()
    run = train(network, data, recipe)
    folder = unpacked(network, data, recipe, run, tmp_path)
    scripts.run(folder)
    assert_same_model(run, data, folder)
    assert run.trainable == ("backbone/further", "head_dense", "head_predictions")


@pytest.mark.slow
def test_several_inputs(tmp_path, scripts):
    first, second = keras.Input((4,), name="first"), keras.Input((3,), name="second")
    x = layers.Dense(6, activation="relu", name="both")(layers.Concatenate(name="joined")([first, second]))
    network = explorer.load(keras.Model([first, second], layers.Dense(2, name="scores")(x), name="two"))
    random = np.random.default_rng(0)
    values = random.normal(size=(20, 7)).astype(np.float32)
    every = tuple(
        Labelled(Example("arrays", (("first", row[:4]), ("second", row[4:])), f"row {place}"), (int(row.sum() > 0),))
        for place, row in enumerate(values)
    )
    data = TrainingData("arrays", COLOURS[:2], every[:14], every[14:])
    assert_trains_alike(network, data, Recipe(0, HEAD, PHASES), tmp_path, scripts)
