import csv
import json
import signal
import zipfile

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer import cli_tune
from explorer.cli import main


@pytest.fixture
def run(capsys):
    """Return a function that runs `explorer fine-tune ...` here and returns its exit status, stdout and stderr."""

    def run(*arguments):
        try:
            status = main(["fine-tune", *map(str, arguments)])
        except SystemExit as left:
            status = left.code
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def shapes(tmp_path):
    """Two classes of eight small pictures: a bar that stands, a bar that lies."""
    random = np.random.default_rng(0)
    for kind in ("lies", "stands"):
        folder = tmp_path / "shapes" / kind
        folder.mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(230, 256, (24, 24)).astype(np.uint8)
            at = random.integers(6, 16)
            pixels[(slice(3, 21), slice(at, at + 4)) if kind == "stands" else (slice(at, at + 4), slice(3, 21))] = 0
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "shapes"


def assert_refused(answer, said):
    """Check that a run of the command has ended with one line that says why, and nothing else."""
    status, out, err = answer
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_network_is_tuned_and_all_that_comes_of_it_lies_in_the_folder(run, shapes, tmp_path):
    folder = tmp_path / "tuned"
    arguments = ("--architecture", "digits", "--train-from", "block3", "--epochs", 2, 1, "--batch-size", 4, "--output", folder)
    status, out, err = run(shapes, *arguments)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("7 of 10 layers frozen; ")
    assert lines[2].startswith("accuracy ")
    assert lines[-1] == str(folder)
    tuned = explorer.load(folder / "tuned.keras")
    assert {one.label for one in tuned.predict(shapes / "lies" / "0.png")} == {"lies", "stands"}
    assert [row["phase"] for row in csv.DictReader((folder / "history.csv").read_text().splitlines())] == ["1", "1", "2"]
    assert "fine_tune.py" in zipfile.ZipFile(folder / "digits-fine-tuning.zip").namelist()


def test_json_tells_the_same(run, shapes, tmp_path):
    arguments = ("--architecture", "digits", "--freeze", 4, "--epochs", 1, 1, "--output", tmp_path / "tuned", "--json")
    status, out, err = run(shapes, *arguments)
    told = json.loads(out)
    assert (status, err, told["classes"]) == (0, "", ["lies", "stands"])
    assert told["frozen"] == ["image", "block1_conv", "block1_relu", "block1_pool"]
    assert told["trainable"] == ["block2_conv", "block3_conv", "head_dense", "head_predictions"]
    assert [one["val_accuracy"] is not None for one in told["history"]] == [True, True]
    low, high = told["interval"]
    assert 0 <= low <= told["accuracy"] <= high <= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--train-from", "block9"], "no block or layer 'block9'"),
        (["--freeze", "11"], "10 layers"),
        (["--freeze", "3", "--train-from", "block2"], "not allowed with"),
        (["--epochs", "0", "0"], "All phases have 0 epochs"),
        (["--learning-rates", "0", "1"], "learning rate of 0.0"),
        (["--validation", "1.5"], "1.5"),
        (["--validation", "nowhere"], "nowhere"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, shapes, tmp_path, arguments, said):
    assert_refused(run(shapes, "--architecture", "digits", "--output", tmp_path / "tuned", *arguments), said)
    assert not (tmp_path / "tuned").exists()


def test_a_folder_that_is_not_empty_is_left_alone(run, shapes):
    before = sorted(shapes.rglob("*"))
    assert_refused(run(shapes, "--architecture", "digits", "--output", shapes), "is not empty")
    assert sorted(shapes.rglob("*")) == before


def test_data_that_is_none_is_one_line(run, tmp_path):
    assert_refused(run(tmp_path / "flowers", "--architecture", "digits", "--output", tmp_path / "tuned"), "flowers")


def test_what_was_trained_before_the_loss_was_no_number_is_kept(run, shapes, tmp_path):
    folder = tmp_path / "tuned"
    rates = ("--optimizers", "adam", "sgd", "--learning-rates", 0.001, 1e38, "--epochs", 1, 3, "--batch-size", 4)
    status, _out, err = run(shapes, "--architecture", "digits", "--train-from", "block1_conv", *rates, "--output", folder)
    assert status == 2
    assert "The loss became infinite or NaN in phase 2" in err
    assert "The weights of epoch 1, the best, were kept." in err
    assert len((folder / "history.csv").read_text().splitlines()) >= 2
    assert explorer.load(folder / "tuned.keras").predict(shapes / "lies" / "0.png")


def test_ctrl_c_stops_the_training_and_keeps_what_there_is(run, shapes, tmp_path, monkeypatch):
    def interrupted(step, _phases):
        if step.what == "epoch" and step.epoch == 1:
            signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr(cli_tune, "in_words", interrupted)
    folder = tmp_path / "tuned"
    status, out, _err = run(shapes, "--architecture", "digits", "--epochs", 50, 1, "--batch-size", 4, "--output", folder)
    assert (status, out.splitlines()[-1]) == (0, str(folder))
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
