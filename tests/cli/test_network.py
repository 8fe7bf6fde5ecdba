"""The commands that load a network, with its options, models of the user's own, and files to write."""

import json
import os
import pty
import sys

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer.cli.main import main
from explorer.cli.network import terminal
from explorer.values import Progress


@pytest.fixture
def run(capsys, monkeypatch, built_once):
    """Return a function that runs the command here and returns its exit status, stdout and stderr."""
    monkeypatch.setenv("EXPLORER_WEIGHTS", "")  # a command may set it

    def run(*arguments):
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as left:
            status = left.code
        return (status, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with models of the user's own, and with examples for them."""
    from explorer.backend.runtime.keras import keras

    folder = tmp_path_factory.mktemp("own")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    age, steps = keras.Input((3,), name="age"), keras.Input((4, 2), name="steps")
    both = layers.Concatenate()([age, layers.LSTM(5, name="lstm")(steps)])
    kind, size = layers.Dense(2, activation="softmax", name="kind")(both), layers.Dense(3, name="size")(both)
    keras.Model([age, steps], [kind, size], name="two").save(folder / "two.keras")
    backbone = keras.Sequential([keras.Input((16, 12, 3)), layers.Conv2D(4, 3, name="conv")], name="backbone")
    head = layers.GlobalAveragePooling2D(), layers.Dense(2, activation="sigmoid")
    keras.Sequential([keras.Input((16, 12, 3)), backbone, *head]).save(folder / "pictures.keras")
    frames = keras.Sequential([keras.Input((None, 2)), layers.Conv1D(3, 1, name="every_step")], name="frames")
    frames.save(folder / "frames.keras")
    broken = keras.Sequential([keras.Input((2,)), layers.Dense(2, name="all")])
    broken.set_weights([np.full((2, 2), np.nan), np.zeros(2)])
    broken.save(folder / "broken.keras")
    np.savez(folder / "both.npz", age=np.arange(3.0), steps=np.ones((4, 2)))
    np.save(folder / "two.npy", np.ones(2))
    for count in (3, 5):
        np.save(folder / f"frames{count}.npy", np.ones((count, 2)))
    Image.fromarray(np.arange(16 * 12 * 3, dtype=np.uint8).reshape(16, 12, 3)).save(folder / "picture.png")
    (folder / "labels.txt").write_text("cat\n\n  dog \n")
    return folder


@pytest.fixture
def digit(samples):
    return samples / "digit_6.png"


def palette(path):
    return np.asarray(Image.open(path))


def test_a_model_of_the_users_own_answers_with_the_labels_in_a_file(run, folder):
    status, out, err = run("predict", folder / "pictures.keras", folder / "picture.png", "--labels", folder / "labels.txt")
    assert (status, len(err.splitlines())) == (0, 1), "how pixels are prepared is guessed"
    assert sorted(line.split()[1] for line in out.splitlines()) == ["cat", "dog"]
    assert all(line.split()[0].endswith("%") for line in out.splitlines())


def test_pictures_are_prepared_as_asked(run, folder):
    scores = {
        named: json.loads(run("predict", folder / "pictures.keras", folder / "picture.png", "--preprocess", named, "--json")[1])
        for named in ("unit", "none")
    }
    for named, answered in scores.items():
        expected = explorer.load(folder / "pictures.keras", preprocess=named).predict(folder / "picture.png")
        assert answered[0]["predictions"][0]["score"] == pytest.approx(expected[0].score, abs=1e-6)
    assert scores["unit"] != scores["none"]


def test_several_outputs_are_headed_by_their_names_and_values_are_no_percentages(run, folder):
    status, out, _err = run("predict", folder / "two.keras", folder / "both.npz")
    lines = out.splitlines()
    assert status == 0
    assert [line for line in lines if line.endswith(":")] == ["kind:", "size:"]
    assert [line.split()[0].endswith("%") for line in lines] == [False, True, True, False, False, False, False]


def test_several_outputs_are_json_by_their_names(run, folder):
    (answered,) = json.loads(run("predict", folder / "two.keras", folder / "both.npz", "--json")[1])
    assert answered["file"] == str(folder / "both.npz")
    assert {name: len(rows) for name, rows in answered["predictions"].items()} == {"kind": 2, "size": 3}


def test_an_answer_that_is_no_number_is_refused_and_says_which_weights_are_none(run, folder):
    status, out, err = run("predict", folder / "broken.keras", folder / "two.npy", "--json")
    (told,) = json.loads(out, parse_constant=pytest.fail)
    assert (status, set(told)) == (2, {"file", "error"})
    assert "Weights of all are no numbers (NaN)" in told["error"]
    assert told["error"] in err


def test_feature_maps_that_are_no_numbers_are_null_in_json_and_said(run, folder):
    _status, out, _err = run("feature-maps", folder / "broken.keras", folder / "two.npy", "all", "--json")
    (told,) = json.loads(out, parse_constant=pytest.fail)
    assert (told["shape"], told["low"], told["high"], told["mean"]) == ([2], None, None, None)
    assert [sentence for sentence in told["assumed"] if "Weights of all are no numbers (NaN)" in sentence]
    assert "nan" in run("feature-maps", folder / "broken.keras", folder / "two.npy", "all")[1]


def test_nested_layers_are_listed_by_their_address_without_an_index(run, folder):
    lines = [line.split() for line in run("layers", folder / "pictures.keras")[1].splitlines()]
    assert ["backbone/conv", "convolution"] in [line[:2] for line in lines]
    assert ["0", "backbone", "model"] in [line[:3] for line in lines]


def test_feature_maps_are_told_in_one_line_a_layer(run, digit, digits):
    status, out, err = run("feature-maps", "digits", digit, "block1_conv", 2, -1)
    assert (status, err) == (0, "")
    title, *lines = [line.split() for line in out.splitlines()]
    assert title == ["layer", "shape", "lowest", "highest", "mean"]
    assert [(line[0], " ".join(line[1:-3])) for line in lines] == [
        ("block1_conv", "32 x 32 x 8"),
        ("block1_relu", "32 x 32 x 8"),
        (digits.layers[-1].name, "10"),
    ]


def test_feature_maps_as_json_are_those_of_the_network(run, digit, digits):
    (row,) = json.loads(run("feature-maps", "digits", digit, "block1_conv", "--json")[1])
    values = digits.feature_maps(digit, "block1_conv")
    assert (row["layer"], row["shape"]) == ("block1_conv", [32, 32, 8])
    assert [row[one] for one in ("low", "high", "mean")] == pytest.approx([values.min(), values.max(), values.mean()], abs=1e-4)


def test_feature_maps_are_written_as_one_array_or_as_several(run, digit, digits, tmp_path):
    assert run("feature-maps", "digits", digit, "block1_conv", "--output", tmp_path / "one.npy")[0] == 0
    assert np.allclose(np.load(tmp_path / "one.npy"), digits.feature_maps(digit, "block1_conv"), atol=1e-5)
    assert run("feature-maps", "digits", digit, "block1_conv", "block2_conv", "--output", tmp_path / "all.npz")[0] == 0
    with np.load(tmp_path / "all.npz") as arrays:
        assert list(arrays) == ["block1_conv", "block2_conv"]
        assert np.allclose(arrays["block2_conv"], digits.feature_maps(digit, "block2_conv"), atol=1e-5)


def test_a_nested_layer_keeps_its_address_in_a_file_of_several(run, folder, tmp_path):
    assert run("feature-maps", folder / "pictures.keras", folder / "picture.png", "backbone/conv", "--output", tmp_path / "all.npz")[0] == 0
    with np.load(tmp_path / "all.npz") as arrays:
        assert arrays["backbone/conv"].shape == (14, 10, 4)


def test_feature_maps_are_drawn_as_a_mosaic(run, digit, tmp_path):
    assert run("feature-maps", "digits", digit, "block1_conv", "--output", tmp_path / "maps.png")[0] == 0
    shape = palette(tmp_path / "maps.png").shape
    assert shape[0] % 34 == 32, "maps of 32 x 32 with gaps of 2 between them"
    assert shape[0] * shape[1] > 8 * 32 * 32


@pytest.mark.channels_first
@pytest.mark.parametrize(("order", "shape"), [("channels_last", "32x32x3"), ("channels_first", "3x32x32")])
def test_maps_are_drawn_whatever_the_order_of_axes(run, folder, order, shape, tmp_path):
    options = ["--weights", "none", "--no-top", "--input-shape", shape, "--data-format", order]
    arguments = ["feature-maps", "VGG16", folder / "picture.png", "block5_conv3", *options]
    assert run(*arguments, "--output", tmp_path / "maps.png")[0] == 0
    rows, columns = palette(tmp_path / "maps.png").shape
    assert rows * columns > 512 * 28 * 28, "512 maps of 2 x 2 cells, blown up"


def test_steps_are_drawn_too_but_a_vector_is_no_picture(run, folder, tmp_path):
    assert run("feature-maps", folder / "frames.keras", folder / "frames3.npy", "every_step", "--output", tmp_path / "steps.png")[0] == 0
    assert palette(tmp_path / "steps.png").size
    status, out, err = run("feature-maps", folder / "two.keras", folder / "both.npz", "lstm", "--output", tmp_path / "vector.png")
    assert (status, out) == (2, "")
    assert "lstm answers with a vector" in err
    assert not (tmp_path / "vector.png").exists()


def test_features_are_those_of_the_network_one_row_a_file(run, samples, digits, tmp_path):
    files = [samples / "digit_6.png", samples / "digit_2.png"]
    status, out, err = run("features", "digits", *files, "--pooling", "avg", "--output", tmp_path / "features.npy", "--json")
    assert (status, err) == (0, "")
    expected = digits.features(files, pooling="avg")
    assert np.allclose(np.load(tmp_path / "features.npy"), expected, atol=1e-5)
    assert [(row["file"], row["shape"]) for row in json.loads(out)] == [(str(file), list(expected[0].shape)) for file in files]


def test_features_of_different_shapes_are_told_but_not_written_into_one_file(run, folder, tmp_path):
    files = [folder / "frames3.npy", folder / "frames5.npy"]
    assert run("features", folder / "frames.keras", *files)[0] == 0
    status, out, err = run("features", folder / "frames.keras", *files, "--output", tmp_path / "all.npy")
    assert (status, out) == (2, "")
    assert "differ in shape" in err


def test_an_architecture_is_built_with_its_options(run):
    options = ["--weights", "none", "--no-top", "--input-shape", "40x33x3", "--pooling", "max"]
    rows = json.loads(run("layers", "MobileNet", *options, "--alpha", 0.25, "--depth-multiplier", 2, "--json")[1])
    expected = explorer.load(
        "MobileNet", weights=None, include_top=False, input_shape=(40, 33, 3), pooling="max", alpha=0.25, depth_multiplier=2
    )
    assert [(row["class_name"], tuple(row["output_shape"]), row["parameters"]) for row in rows] == [
        (row.class_name, row.output_shape, row.parameters) for row in expected.layers
    ]
    rows = json.loads(run("layers", "MobileNet", "--weights", "none", "--classes", 7, "--dropout", 0.5, "--json")[1])
    assert rows[-1]["output_shape"] == [7]


def test_weights_of_the_users_own_are_loaded_from_their_file(run, digits, digit, tmp_path):
    digits.model.save_weights(tmp_path / "mine.weights.h5")
    out = run("predict", "digits", digit, "--weights", tmp_path / "mine.weights.h5", "--top", 1, "--json")[1]
    assert json.loads(out)[0]["predictions"][0]["score"] == pytest.approx(digits.predict(digit, top=1)[0].score, abs=1e-5)


@pytest.mark.parametrize("place", ["before", "behind"])
def test_weights_are_looked_for_in_a_given_folder_first(run, tmp_path, no_network, place):
    pack = ["--weights", tmp_path]
    arguments = [*pack, "layers", "VGG16"] if place == "before" else ["layers", "VGG16", *pack]
    status, out, _err = run(*arguments)
    assert (status, out) == (2, "")
    assert os.environ["EXPLORER_WEIGHTS"] == str(tmp_path)


def test_architectures_are_at_hand_where_a_given_folder_has_their_weights(run, tmp_path, no_network):
    (tmp_path / explorer.architectures["VGG16"].files[0].name).write_bytes(b"")
    lines = run("--weights", tmp_path, "architectures")[1].splitlines()
    assert next(line for line in lines if line.startswith("VGG16")).endswith("yes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["layers", "MobileNet", "--weights", "none", "--input-shape", "40x40"], "input_shape must be three whole numbers"),
        (["layers", "MobileNet", "--input-shape", "small"], "give it as 160x160x3, not small"),
        (["layers", "VGG16", "--pooling", "avg"], "pooling only counts with include_top=False"),
        (["feature-maps", "VGG16", "FILE", "1", "--pooling", "avg"], "pooling only counts with include_top=False"),
        (["layers", "VGG16", "--pooling", "mean"], "mean"),
        (["layers", "VGG16", "--classes", "7"], "use weights=None"),
        (["layers", "VGG16", "--weights", "gone.h5"], "There is no weights file gone.h5"),
        (["layers", "VGG16", "--weights", "none", "--input-shape", "16x16x3", "--no-top"], "at least 32 x 32"),
        (["layers", "DenseNet121", "--weights", "none", "--data-format", "channels_first"], "channels_first is for"),
        (["predict", "VGG16", "FILE", "--weights", "none", "--no-top", "--input-shape", "32x32x3"], "names no classes"),
        (["predict", "digits", "FILE", "--preprocess", "tf"], "--preprocess is for models of your own"),
        (["predict", "digits", "FILE", "--labels", "gone.txt"], "gone.txt can't be read: No such file or directory"),
        (["predict", "digits", "FILE", "--labels", "FILE"], "it is no text in UTF-8"),
        (["feature-maps", "digits", "FILE", "block9"], "There is no layer 'block9'"),
        (["feature-maps", "digits", "FILE", "99"], "There is no layer 99"),
        (["feature-maps", "digits", "FILE", "1", "--output", "maps.jpg"], "maps.jpg should end in .npy or .npz or .png"),
        (["feature-maps", "digits", "FILE", "1", "2", "--output", "maps.png"], "maps.png should end in .npz"),
        (["features", "digits", "FILE", "--output", "features.npz"], "features.npz should end in .npy"),
        (["features", "digits", "FILE", "--output", "nowhere/features.npy"], "There is no folder nowhere"),
        (["--weights", "nowhere", "architectures"], "There is no folder nowhere with weights"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_fit_are_said_in_one_line_with_status_2(arguments, says, run, digit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*[digit if one == "FILE" else one for one in arguments])
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("explorer")
    assert says in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["predict", "two.keras", "picture.png"], "picture.png"),
        (["predict", "two.keras", "two.npy"], "two.npy holds 0; this network reads"),
        (["predict", "pictures.keras", "two.npy", "--preprocess", "unit"], "two.npy"),
        (
            ["predict", "pictures.keras", "picture.png", "--preprocess", "unit", "--top", "3"],
            "top must be a whole number from 1 to 2, not 3",
        ),
        (["predict", "pictures.keras", "picture.png", "--alpha", "0.5"], "alpha is for the architectures of the table"),
        (["predict", "pictures.keras", "picture.png", "--weights", "none"], "weights is for the architectures of the table"),
        (["predict", "two.keras", "both.npz", "--preprocess", "tf"], "preprocess is for pictures"),
        (["predict", "frames.keras", "frames3.npy"], "no lists of scores"),
        (["layers", "labels.txt"], "labels.txt is no Keras model"),
        (["layers", "both.npz"], "both.npz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_fit_a_model_of_the_users_own_is_said_in_one_line_with_status_2(arguments, says, run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert says in err


def test_fewer_classes_than_the_usual_number_of_answers_are_all_given(run, folder):
    assert len(run("predict", folder / "pictures.keras", folder / "picture.png")[1].splitlines()) == 2


def test_a_file_that_can_not_be_written_is_said(run, digit, tmp_path):
    (tmp_path / "features.npy").mkdir()
    status, out, err = run("features", "digits", digit, "--output", tmp_path / "features.npy")
    assert (status, out) == (2, "")
    assert "can't be written: Is a directory" in err


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    def say():
        with terminal() as say:
            say(Progress("Downloading " + "x" * 300))

    say()
    assert capsys.readouterr() == ("", "")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        say()
        stream.flush()
        shown = os.read(ours, 10_000).decode()
        monkeypatch.undo()
    os.close(ours)
    assert shown.startswith("\r\x1b[KDownloading xxx")
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")
    assert len(shown) < 300
