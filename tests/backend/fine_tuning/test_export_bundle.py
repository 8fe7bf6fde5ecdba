"""What is taken away of a training: scripts, notebooks, data and weights; they are run in test_exported_scripts."""

import ast
import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from exported import HEAD, PHASES, coloured
from PIL import Image
from small_models import Doubling

import explorer
from explorer.backend.datasets import training_data
from explorer.backend.fine_tuning import export_bundle, export_data, keras_settings
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError
from explorer.runs.serialization import history_csv
from explorer.values import Augmentation, Epoch, Example, Head, Labelled, Phase, Recipe, Switch, TrainingData

layers = keras.layers
HISTORY = (Epoch(0, 0, 1.5, 0.7, 0.5, 0.6, 0.625, 0.001), Epoch(1, 0, 2.0, 0.4, 0.75))
RUN = SimpleNamespace(history=HISTORY)
RECIPE = Recipe(3, HEAD, PHASES)


def model(*between, size=(16, 24, 3)):
    x = picture = keras.Input(size, name="picture")
    x = layers.Conv2D(4, 3, name="conv")(x)
    for layer in between:
        x = layer(x)
    x = layers.Conv2D(4, 3, name="later")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(x))
    return keras.Model(picture, layers.Dense(2, activation="softmax", name="scores")(x), name="small")


@pytest.fixture(scope="module")
def network():
    return explorer.load(model(layers.BatchNormalization(name="bn")), preprocess="unit")


@pytest.fixture
def code(network):
    """Return a function that gives the script of a recipe that differs from the usual one."""

    def code(**changes):
        text = export_bundle.script(network, coloured(9, 3), replace(RECIPE, **changes))
        ast.parse(text)
        assert max(map(len, text.splitlines())) <= 110
        return text

    return code


def archive(network, data, recipe=RECIPE):
    return zipfile.ZipFile(io.BytesIO(export_bundle.bundle(network, data, recipe, RUN).data))


def test_the_history_as_csv_counts_from_one():
    first, second = csv.DictReader(io.StringIO(history_csv(HISTORY)))
    assert first["phase"] == first["epoch"] == "1"
    assert (float(first["loss"]), float(first["val_accuracy"])) == (0.7, 0.625)
    assert (second["phase"], second["val_loss"], second["learning_rate"]) == ("2", "", "")


def test_settings_are_json():
    said = keras_settings.settings(replace(RECIPE, freeze=("conv",), callbacks=(Switch("EarlyStopping", (("patience", 3),)),)))
    assert json.loads(json.dumps(said)) == said
    assert said["recipe"]["freeze"] == ["conv"]
    assert said["versions"]["keras"] == keras.__version__


def test_a_script_is_a_page_of_plain_keras(code):
    text = code()
    assert "import explorer" not in text
    assert text.count("\n") < 100
    assert max(map(len, text.splitlines())) <= 100
    assert "\n\n\n\n" not in text
    assert (
        "for layer in model.layers[:3]:\n    layer.trainable = False\nfor layer in model.layers[3:]:\n    layer.trainable = True\n" in text
    )
    assert "keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)" in text
    assert 'CLASSES = ["red", "green", "blue"]' in text


def test_a_script_has_only_the_lines_that_it_needs(code):
    text = code()
    for word in ("Random", "Dropout", "callbacks", "BatchNormalization", "csv", "data_format", "mistake", "FOLDERS", "custom_objects"):
        assert word not in text


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"freeze": 0}, "for layer in model.layers:\n    layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)"),
        ({"freeze": 0, "batch_norm": "train"}, "for layer in model.layers:\n    layer.trainable = True"),
        ({"freeze": ("relu", "1")}, 'FROZEN = ["relu", "conv"]'),
        ({"head": Head(units=0, dropout=0.25, pooling="max")}, 'x = keras.layers.Dropout(0.25, name="head_dropout")(base.output)'),
        ({"phases": (Phase("head", "adam", 0.01, 3, schedule="cosine"),)}, "CosineDecay(0.01, decay_steps=3 * len(train))"),
        ({"phases": (Phase("head", "adamw", 0.01, schedule="halving"),)}, "decay_steps=len(train), decay_rate=0.5, staircase=True"),
        ({"augmentation": Augmentation(zoom=0.0), "seed": 5}, "keras.layers.RandomRotation(0.05, seed=6)"),
        ({"augmentation": Augmentation(copies=4)}, "4 changed copies of each"),
        ({"precision": "float16"}, "half precision"),
        ({"callbacks": (Switch("CSVLogger"),)}, 'keras.callbacks.CSVLogger(filename="log-2.csv")'),
        ({"callbacks": (Switch("LearningRateScheduler", (("factor", 0.5),)),)}, "lambda epoch, rate: rate * 0.5 if epoch >= 1 else rate"),
        ({"mistakes": ("rate",)}, "keras.optimizers.SGD(learning_rate=1.0, momentum=0.9)"),
        ({"mistakes": ("batch_norm",)}, "layer.trainable = isinstance(layer, keras.layers.BatchNormalization)"),
        ({"mistakes": ("thaw",)}, "the head has not learnt anything before"),
        ({"mistakes": ("recompile",)}, "without compile()"),
    ],
    ids=str,
)
def test_each_setting_is_written_out(changes, line, code):
    assert line in code(**changes)


def test_mistakes_leave_out_what_they_forget(code):
    assert code(mistakes=("recompile",)).count("model.compile(") == 1
    assert code(mistakes=("thaw",)).count("model.fit(") == 1


def test_a_recipe_that_can_not_be_followed_is_refused(network):
    with pytest.raises(ExplorerError, match="no switch for the callback 'Exit'"):
        export_bundle.script(network, coloured(9, 3), replace(RECIPE, callbacks=(Switch("Exit"),)))
    with pytest.raises(ExplorerError, match="leads out of the run's folder"):
        export_bundle.script(network, coloured(9, 3), replace(RECIPE, callbacks=(Switch("CSVLogger", (("filename", "../log.csv"),)),)))
    with pytest.raises(ExplorerError, match="multi_label=True"):
        export_bundle.script(network, replace(coloured(9, 3), multi_label=True), RECIPE)


def test_the_head_of_a_network_that_was_tuned_before_has_names_of_its_own():
    before = explorer.load(model(layers.BatchNormalization(name="head_dropout")), preprocess="unit")
    text = export_bundle.script(before, coloured(9, 3), RECIPE)
    assert 'name="head_2_dense"' in text
    assert 'name="head_2_predictions"' in text
    assert 'name="head_dense"' not in text


def test_names_stay_texts(network, monkeypatch):
    evil = '""" + print("here") + """', "a\nb", "\\"
    monkeypatch.setattr(network, "spec", replace(network.spec, name=evil[0]))
    text = export_bundle.script(network, replace(coloured(9, 3), classes=evil), RECIPE)
    [classes] = [node.value for node in ast.parse(text).body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLASSES"]
    assert tuple(ast.literal_eval(classes)) == evil
    assert isinstance(ast.parse(text).body[0], ast.Expr)
    assert isinstance(ast.parse(text).body[1], ast.Import | ast.ImportFrom)


def test_what_is_in_the_zip(network):
    data = coloured(9, 3)
    with archive(network, data) as taken:
        names = taken.namelist()
        assert {"fine_tune.py", "fine_tune.ipynb", "requirements.txt", "README.txt", "history.csv", "backbone.keras"} <= set(names)
        pictures = sorted((name for name in names if name.startswith("data/train/")), key=lambda name: name.rpartition("/")[2])
        assert [name.split("/")[2] for name in pictures] == [data.classes[one.classes[0]] for one in data.training]
        assert len([name for name in names if name.startswith("data/validation/")]) == 3
        assert f"keras=={keras.__version__}" in taken.read("requirements.txt").decode()
        assert "62.5%" in taken.read("README.txt").decode()
        notebook = nbformat.reads(taken.read("fine_tune.ipynb").decode(), as_version=4)
    nbformat.validate(notebook)
    assert any("keras.models.load_model" in cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert export_bundle.notebook(network, data, RECIPE) == export_bundle.notebook(network, data, RECIPE)


@pytest.mark.parametrize("channels", [3, 1])
def test_keras_reads_from_the_files_what_explorer_reads(channels, photo, encode, tmp_path):
    network = explorer.load(model(size=(16, 24, channels)), preprocess="none")
    small = photo[:10, :12]
    turned = Image.fromarray(photo).getexif()
    turned[0x0112] = 6  # lies on its side
    examples = [encode(photo, "JPEG", exif=turned), encode(np.dstack([photo, photo[..., :1]])), encode(small), small]
    every = tuple(Labelled(Example("image", one, f"{place}.png"), (place % 2,)) for place, one in enumerate(examples))
    with archive(network, TrainingData("image", ("a", "b"), every, ())) as taken:
        taken.extractall(tmp_path)
    files = sorted((tmp_path / "data" / "train").glob("*/*.png"), key=lambda file: file.name)
    mode = "rgb" if channels == 3 else "grayscale"
    for file, one in zip(files, every, strict=True):
        read = keras.utils.img_to_array(keras.utils.load_img(file, target_size=(16, 24), color_mode=mode))
        np.testing.assert_array_equal(read, network.to_batch(one.example)[0][0])


def test_folders_are_named_as_files_may_be(network):
    classes = ("A/B", "a b ", "CON", "a:b", "a_b")
    assert export_data.folders(classes) == ("A_B", "a b", "_CON", "a_b_2", "a_b_3")
    data = coloured(9, 3)
    with archive(network, replace(data, classes=("A/B", "..", "c"))) as taken:
        assert {name.split("/")[2] for name in taken.namelist() if name.startswith("data/train")} == {"A_B", "_", "c"}
        text = taken.read("fine_tune.py").decode()
    assert 'CLASSES = ["A/B", "..", "c"]' in text
    assert 'FOLDERS = ["A_B", "_", "c"]' in text


def test_more_than_may_be_taken_is_refused_with_a_way_out(network, monkeypatch):
    monkeypatch.setattr(export_data, "LARGEST", 10_000)
    with pytest.raises(ExplorerError, match="train on fewer examples, or take the script alone"):
        archive(network, coloured(60, 3))


@pytest.mark.parametrize("of", ["pictures", "digits"])
def test_how_large_it_gets_at_most_is_known_before(network, of):
    chance = np.random.default_rng(0)
    pictures = [chance.integers(0, 256, (20, 30, 3)).astype(np.uint8), chance.integers(0, 256, (8, 8, 3)).astype(np.uint8)] * 6
    if of == "digits":
        network = explorer.load("digits")
    data = training_data((pictures, [0, 1] * 6), network.reading)
    recipe = replace(RECIPE, freeze=0)
    most = export_bundle.most_bytes(network, data, network.summary().parameters)
    size = len(archive(network, data, recipe).fp.getvalue())
    assert size - 2**16 < most < 3 * size + 2**16


def test_examples_that_keras_does_not_prepare_are_taken_as_arrays(tmp_path):
    network = explorer.load(model(), preprocess=lambda pixels: pixels[:, :, ::-1] / 10)
    data = coloured(9, 3)
    with archive(network, data) as taken:
        assert not any(name.startswith("data/") for name in taken.namelist())
        with np.load(io.BytesIO(taken.read("data.npz"))) as arrays:
            np.testing.assert_array_equal(arrays["x_train"][4], network.to_batch(data.training[4].example)[0][0])
            assert arrays["y_validation"].tolist() == [one.classes[0] for one in data.validation]
        assert "as the function that was given to explorer as preprocess prepares them" in " ".join(
            taken.read("fine_tune.py").decode().replace("\n# ", " ").split()
        )


def test_layers_of_ones_own_are_told(tmp_path):
    with archive(explorer.load(model(Doubling(name="doubling")), preprocess="unit"), coloured(9, 3)) as taken:
        text = taken.read("fine_tune.py").decode()
        (tmp_path / "backbone.keras").write_bytes(taken.read("backbone.keras"))
    assert "It has layers of your own" in text
    assert "safe_mode=False" not in text
    keras.models.load_model(tmp_path / "backbone.keras", custom_objects={"Doubling": Doubling})
    assert "safe_mode=False" in export_bundle.script(
        explorer.load(model(layers.Lambda(lambda x: 2 * x)), preprocess="unit"), coloured(9, 3), RECIPE
    )


def of_imagenet(name, freeze=10, **options):
    """Return the script for an architecture with random weights, as if they were those of ImageNet."""
    network = explorer.load(name, weights=None, **options)
    network.spec = replace(network.spec, weights="imagenet")
    return export_bundle.script(network, coloured(9, 3), Recipe(freeze, HEAD, PHASES))


def test_weights_that_keras_has_are_not_taken():
    text = of_imagenet("MobileNet", alpha=0.5, input_shape=(128, 128, 3))
    assert 'base = keras.applications.MobileNet(weights="imagenet", include_top=False, input_shape=(128, 128, 3), alpha=0.5)' in text
    assert "keras.applications.mobilenet.preprocess_input(" in text
    assert "load_model" not in text


def test_layers_whose_names_change_from_process_to_process_are_frozen_by_index():
    small = {"alpha": 0.25, "input_shape": (64, 64, 3)}
    assert 'FROZEN = ["conv_pw_3", "conv1"]' in of_imagenet("MobileNet", ("conv_pw_3", "conv1"), **small)
    assert "FROZEN = [0, 1]\nfor index, layer in enumerate(model.layers):" in of_imagenet("MobileNet", ("conv1", "0"), **small)


def test_weights_of_ones_own_are_taken(network):
    mobilenet = explorer.load("MobileNet", weights=None, input_shape=(32, 32, 3), alpha=0.25)
    text = export_bundle.script(mobilenet, coloured(9, 3), Recipe(10, HEAD, PHASES))
    assert 'load_model("backbone.keras", compile=False)' in text
    assert "keras.applications.mobilenet.preprocess_input(" in text
    with archive(network, coloured(9, 3)) as taken:
        assert re.search(r'load_model\("backbone.keras"', taken.read("fine_tune.py").decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "module", "options"),
    [
        ("VGG16", "vgg16", {"include_top": False}),  # its top is most of it
        ("ResNet50", "resnet", {}),
        ("ResNet50V2", "resnet_v2", {}),
        ("InceptionV3", "inception_v3", {}),
        ("Xception", "xception", {}),
        ("MobileNetV2", "mobilenet_v2", {"alpha": 0.35}),
        ("MobileNetV3Small", "", {}),
        ("DenseNet121", "densenet", {}),
        ("NASNetMobile", "nasnet", {}),
    ],
)
def test_keras_makes_the_backbone_of_each_family(name, module, options):
    text = of_imagenet(name, **options)
    assert f"base = keras.applications.{name}(weights=" in text
    assert (f"keras.applications.{module}.preprocess_input(" in text) if module else ("Pixels go in as 0 to 255." in text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny", "ResNeXt50"])
def test_backbones_that_keras_does_not_make_alike_are_taken(name):  # with a scaling, other random draws, a norm before the end, not at all
    assert 'keras.models.load_model("backbone.keras"' in of_imagenet(name)
