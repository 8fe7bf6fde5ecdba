"""Exported scripts train as explorer does, without it; each starts TensorFlow in a process of its own."""

from dataclasses import replace

import nbclient
import nbformat
import numpy as np
import pytest
from exported import COLOURS, HEAD, PHASES, assert_same_model, assert_trains_alike, coloured, run_script, unpacked

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


@pytest.fixture
def own():
    keras.utils.set_random_seed(0)
    return explorer.load(convolutions(), preprocess="unit")


@pytest.fixture
def few_digits(digits):
    return training_data(DataSpec("built-in", "digits", count=60), digits.input_spec)


def test_the_digits_network_on_digits_as_it_reads_them(digits, few_digits, tmp_path):
    assert_trains_alike(digits, few_digits, Recipe(4, HEAD, PHASES), tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Jupyter brings
@pytest.mark.slow
def test_the_notebook_trains_alike(digits, few_digits, tmp_path):
    recipe = Recipe(7, HEAD, PHASES, seed=3)
    run = train(digits, few_digits, recipe)
    folder = unpacked(digits, few_digits, recipe, run, tmp_path)
    notebook = nbformat.read(folder / "fine_tune.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import sys\nsys.modules['explorer'] = None"))
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    assert_same_model(run, few_digits, folder)


@pytest.mark.slow
def test_an_architecture_with_the_weights_that_keras_loads(keras_home, tmp_path):
    network = explorer.load("MobileNet", weights="imagenet", alpha=0.25, include_top=False, input_shape=(64, 64, 3))
    index = network.layers["conv_dw_12"].index
    assert_trains_alike(network, coloured(), Recipe(index, HEAD, PHASES), tmp_path)
    assert not (tmp_path / "taken" / "backbone.keras").exists()


@pytest.mark.slow
def test_a_model_of_ones_own_whose_batch_norms_train(own, tmp_path):
    run = assert_trains_alike(own, coloured(), Recipe(4, HEAD, PHASES, batch_norm="train"), tmp_path)
    assert "block2_bn" in run.trainable


@pytest.mark.slow
def test_digits_that_are_changed_at_random(digits, few_digits, tmp_path):
    assert_trains_alike(digits, few_digits, Recipe(7, HEAD, PHASES, augmentation=Augmentation(flip=False)), tmp_path)


@pytest.mark.slow
def test_a_network_that_hears(tmp_path):
    network = explorer.load("timbres")
    data = training_data(DataSpec("built-in", "timbres", count=40), network.input_spec)
    assert_trains_alike(network, data, Recipe(network.layers["gru"].index, HEAD, PHASES), tmp_path)


@pytest.mark.slow
def test_an_architecture_with_its_top(keras_home, tmp_path):
    network = explorer.load("MobileNet", weights="imagenet", alpha=0.25)
    run = assert_trains_alike(network, coloured(), Recipe(("conv_pw_13", "conv_dw_2"), HEAD, PHASES), tmp_path)
    assert "conv_pw_12" in run.trainable


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"batch_norm": "inference"},
        {"freeze": ("block2_conv", "block1_bn")},
        {"freeze": 0, "head": Head(units=0, dropout=0.5, pooling="max")},
        {"phases": tuple(replace(phase, schedule="cosine", optimizer="adam") for phase in PHASES)},
        {"phases": tuple(replace(phase, schedule="halving", optimizer="adamw") for phase in PHASES)},
        {"phases": (Phase("tail", "adam", 0.01, epochs=2, batch_size=7),)},
        {"augmentation": Augmentation()},
        {"mistakes": ("recompile",)},
        {"mistakes": ("batch_norm", "rate")},
        {"mistakes": ("thaw",)},
        {"callbacks": (Switch("LearningRateScheduler"), Switch("EarlyStopping", (("patience", 0),)), Switch("CSVLogger"))},
    ],
    ids=str,
)
def test_each_setting_does_the_same_in_plain_keras(changes, own, tmp_path):
    assert_trains_alike(own, coloured(), replace(Recipe(4, HEAD, PHASES), **changes), tmp_path)


@pytest.mark.slow
def test_pictures_of_several_classes_at_once(own, tmp_path):
    data = coloured()

    def both(examples):
        return tuple(replace(one, classes=tuple({one.classes[0], place % 3})) for place, one in enumerate(examples))

    several = TrainingData("image", ("red, mostly", "file", 'a "blue" one'), both(data.training), both(data.validation), multi_label=True)
    assert_trains_alike(own, several, Recipe(4, replace(HEAD, multi_label=True), PHASES), tmp_path)


@pytest.mark.slow
def test_without_held_out_examples(own, tmp_path):
    data = coloured()
    run = train(own, replace(data, validation=()), recipe := Recipe(4, HEAD, PHASES))
    folder = unpacked(own, replace(data, validation=()), recipe, run, tmp_path)
    run_script(folder)
    assert_same_model(run, data, folder)


@pytest.mark.slow
def test_pictures_without_an_axis_of_channels(tmp_path):
    keras.utils.set_random_seed(0)
    x = picture = keras.Input((16, 24), name="picture")
    for layer in (layers.Reshape((16, 24, 1), name="grey"), layers.Conv2D(4, 3, name="conv"), layers.Flatten(name="flat")):
        x = layer(x)
    network = explorer.load(keras.Model(picture, layers.Dense(2, name="scores")(x), name="grey"), preprocess="tf")
    assert_trains_alike(network, coloured(), Recipe(0, HEAD, PHASES), tmp_path)


@pytest.mark.channels_first
@pytest.mark.slow
def test_channels_first(tmp_path):
    keras.utils.set_random_seed(0)
    picture = keras.Input((3, 16, 24), name="picture")
    x = layers.Conv2D(6, 3, data_format="channels_first", name="conv")(layers.Rescaling(1 / 255, name="scale")(picture))
    x = layers.ReLU(name="relu")(layers.BatchNormalization(axis=1, name="bn")(x))
    x = layers.Conv2D(7, 3, data_format="channels_first", name="further")(x)
    x = layers.GlobalMaxPooling2D(data_format="channels_first", name="pool")(x)
    network = explorer.load(keras.Model(picture, layers.Dense(2, name="scores")(x), name="first"))
    assert_trains_alike(network, coloured(), Recipe(network.layers["further"].index, HEAD, PHASES), tmp_path)
    assert "jit_compile=JIT_COMPILE" in (tmp_path / "taken" / "fine_tune.py").read_text()


@pytest.mark.slow
def test_layers_inside_nested_models(tmp_path):
    keras.utils.set_random_seed(0)
    inside = keras.Input((16, 24, 3), name="inside")
    x = layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, name="conv")(inside))
    x = layers.Conv2D(6, 3, name="further")(layers.ReLU(name="relu")(x))
    backbone = keras.Model(inside, x, name="backbone")
    picture = keras.Input((16, 24, 3), name="picture")
    x = layers.Flatten(name="flat")(backbone(layers.Rescaling(1 / 255, name="scale")(picture)))
    network = explorer.load(keras.Model(picture, layers.Dense(2, name="scores")(x), name="outer"))
    recipe = Recipe(index_of(backbone_table(network), "backbone/further"), HEAD, PHASES)
    run = train(network, data := coloured(), recipe)
    folder = unpacked(network, data, recipe, run, tmp_path)
    run_script(folder)
    tuned = keras.models.load_model(folder / "model.keras")
    assert [layer.name for layer in tuned.get_layer("backbone").layers if layer.trainable_weights] == ["further"]
    assert run.trainable == ("backbone/further", "head_dense", "head_predictions")
    held_out = np.concatenate([network.inputs.to_batch(one.example)[0] for one in data.validation])
    np.testing.assert_allclose(tuned.predict(held_out, verbose=0), run.network.model.predict(held_out, verbose=0), atol=1e-3)


@pytest.mark.slow
def test_several_inputs(tmp_path):
    keras.utils.set_random_seed(0)
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
    assert_trains_alike(network, data, Recipe(0, HEAD, PHASES), tmp_path)
