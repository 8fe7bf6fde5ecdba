"""The bundled network and samples: what is said about them is so."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer.backend.inputs import images
from explorer.catalog import BUNDLED, architectures

SCRIPT = Path(__file__).parent.parent / "assets" / "train_digits.py"
PICTURES = sorted({name for row in architectures.values() if row.input == "image" for name in row.samples})


@pytest.fixture(scope="module")
def training():
    """Return the script that trained the bundled network, as a module."""
    pytest.importorskip("sklearn")
    loading = importlib.util.spec_from_file_location("train_digits", SCRIPT)
    script = importlib.util.module_from_spec(loading)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TF_ENABLE_ONEDNN_OPTS", "1")  # the script sets it, and it is set back afterwards
        loading.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def split(training):
    return training.split()


def accuracy(training, split, model):
    _, held_out, _, classes = split
    return float((model.predict(training.as_read(held_out), verbose=0).argmax(1) == classes).mean())


def test_the_bundled_network_is_small_enough_to_travel_with_the_code():
    assert (BUNDLED / "digits.keras").stat().st_size < 300_000


def test_a_fifth_of_the_digits_is_held_out_and_shares_none_with_the_training_part(split):
    trained, held_out, trained_classes, classes = split
    assert (len(trained), len(held_out)) == (len(trained_classes), len(classes)) == (1437, 360)
    assert set(classes) == set(range(10))
    assert not {one.tobytes() for one in trained} & {one.tobytes() for one in held_out}


def test_its_accuracy_is_the_one_that_the_catalog_says(training, split, digits):
    measured = accuracy(training, split, digits.model)
    assert round(measured, 4) == architectures["digits"].top1
    assert measured >= 0.98


def test_its_other_facts_are_those_of_the_network(digits):
    row = architectures["digits"]
    assert row.parameters == digits.model.count_params()
    assert row.depth == len(digits.model.layers)
    assert row.size == (BUNDLED / "digits.keras").stat().st_size


def test_every_sample_of_the_catalog_is_there_and_opens(samples):
    for name in PICTURES:
        picture = images.picture(images.read(samples / name))
        assert picture.mode == "RGB", name
        assert min(picture.size) >= 32, name
        assert (samples / name).stat().st_size < 200_000, name


def test_no_sample_is_bundled_that_nobody_names(samples):
    assert sorted(path.name for path in samples.iterdir() if path.suffix in (".jpg", ".png")) == PICTURES


def test_a_sample_digit_is_one_that_was_held_out(split, samples):
    trained, held_out, _, classes = split
    for digit in range(10):
        sample = np.asarray(Image.open(samples / f"digit_{digit}.png"))
        assert sample.shape == (32, 32)
        assert not (trained == sample).all((1, 2)).any(), digit
        assert digit in classes[(held_out == sample).all((1, 2))]


def on_a_sheet(path):
    """Return a digit in dark ink on a large sheet."""
    sheet = Image.new("L", (300, 240), 245)
    sheet.paste(20, (110, 60), Image.open(path).convert("L").resize((128, 128), Image.Resampling.BICUBIC))
    return sheet


@pytest.mark.parametrize("shown", [str, on_a_sheet])
def test_the_sample_digits_are_recognised(shown, digits, samples):
    answers = digits.predict([shown(samples / f"digit_{digit}.png") for digit in range(10)], top=1)
    assert [one.id for (one,) in answers] == [str(digit) for digit in range(10)]


@pytest.mark.slow
def test_training_again_gives_as_good_a_network(training, split):
    again = accuracy(training, split, training.train())
    assert again >= 0.98
    assert again == pytest.approx(architectures["digits"].top1, abs=0.01)


@pytest.mark.slow
def test_training_twice_gives_the_same_weights(training):
    first, second = (training.train(epochs=2).get_weights() for _again in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_bundled_network_is_the_one_that_the_code_builds(digits):
    built = explorer.load("digits", weights=None)
    assert [(layer.name, layer.class_name, layer.output_shape) for layer in digits.layers] == [
        (layer.name, layer.class_name, layer.output_shape) for layer in built.layers
    ]
