import io
import os
from dataclasses import replace

import numpy as np
import pytest
from data_sets import ARRAYS, PICTURES, SOUNDS, names, picture, pictures, sound, zipped
from PIL import Image

from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.specs import data_spec
from explorer.backend.datasets.summary import summary
from explorer.backend.inputs import images
from explorer.catalog import SPECTROGRAMS
from explorer.errors import ExplorerError, UnknownName
from explorer.values import DataSpec, InputSpec, TensorInfo

DIGITS = InputSpec("image", (TensorInfo("image", (32, 32, 1), "float32"),), "digit", size=(32, 32, 1))


def decoded(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_folder_and_files_are_told_apart(tmp_path):
    pictures(tmp_path / "a folder", a=2, b=2)
    (tmp_path / "b.NPZ").touch()
    (tmp_path / "c.csv").touch()
    zipped(tmp_path / "d.zip", {})
    found = {path.name: data_spec(path) for path in tmp_path.iterdir()}
    assert {name: spec.source for name, spec in found.items()} == {"a folder": "folder", "b.NPZ": "npz", "c.csv": "csv", "d.zip": "zip"}
    assert all(os.path.isabs(spec.path) and spec.stamp for spec in found.values())
    assert found["a folder"].validation == 0.2


def test_the_stamp_of_a_folder_changes_with_the_files_in_it(tmp_path):
    pictures(tmp_path, a=2, b=2)
    before = data_spec(tmp_path).stamp
    assert data_spec(tmp_path).stamp == before
    picture(tmp_path / "a" / "recording" / "1.png", 77)
    assert data_spec(tmp_path).stamp != before


def test_built_in_sets_have_a_name():
    assert data_spec("patterns", 0.5, 3, 40) == DataSpec("built-in", "patterns", 0.5, 3, 40)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("pattern",), UnknownName, "'pattern'. Did you mean patterns"),
        (("nowhere/at all",), UnknownName, "There is no file or folder nowhere/at all"),
        (("x.zip",), UnknownName, "There is no file or folder x.zip"),
        (("",), UnknownName, "The built-in ones are digits, patterns, timbres"),
        (("\0",), UnknownName, "neither a file or folder"),
        ((7,), ExplorerError, "a path or a name, not int"),
        (("digits", 1.0), ExplorerError, "0 to below 1"),
        (("digits", "nowhere/x"), UnknownName, "nowhere/x"),
        (("digits", 0.2, -1), ExplorerError, "seed must be a whole number from 0 to 4,294,967,295, not -1"),
        (("digits", 0.2, 2**32), ExplorerError, "seed must be a whole number from 0 to 4,294,967,295, not 4294967296"),
        (("digits", 0.2, 0, 1.5), ExplorerError, "count must be a whole number"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(arguments, error, sentence):
    with pytest.raises(error, match=sentence.replace("(", r"\(")):
        data_spec(*arguments)


def test_other_files_and_a_count_of_files_are_refused(tmp_path):
    (tmp_path / "x.txt").touch()
    with pytest.raises(ExplorerError, match=r"x.txt is not data to train on"):
        data_spec(tmp_path / "x.txt")
    with pytest.raises(ExplorerError, match="count is for the built-in datasets"):
        data_spec(tmp_path, count=5)


def test_a_spec_is_all_that_is_needed(tmp_path):
    pictures(tmp_path, a=10, b=10)
    spec = data_spec(tmp_path, validation=0.4, seed=3)
    data = training_data(spec, PICTURES)
    assert names(data.validation) == names(training_data(tmp_path, PICTURES, validation=0.4, seed=3).validation)
    assert len(data.validation) == 8
    assert not data.notes


def test_a_spec_of_a_set_that_there_is_not_is_refused():
    with pytest.raises(UnknownName, match=r"no built-in dataset 'digit'\. Did you mean digits"):
        training_data(DataSpec("built-in", "digit"), PICTURES)


def test_data_that_has_changed_since_or_is_gone_is_said(tmp_path):
    folder = pictures(tmp_path / "mine", a=2, b=2)
    spec = data_spec(folder)
    picture(folder / "a" / "more.png", 50)
    assert "mine has changed since it was chosen." in training_data(spec, PICTURES).notes
    folder.rename(tmp_path / "other")
    with pytest.raises(ExplorerError, match="There is no file or folder"):
        training_data(spec, PICTURES)


def test_the_digits_are_what_the_bundled_network_learnt_from(digits):
    data = training_data("digits", DIGITS)
    assert data.classes == tuple("0123456789")
    assert len(data.training) + len(data.validation) == 1797
    batch = np.concatenate([images.to_batch(one.example, DIGITS)[0] for one in data.validation])
    guesses = digits.model.predict(batch, verbose=0).argmax(axis=1)
    right = np.mean([guess == one.classes[0] for guess, one in zip(guesses, data.validation, strict=True)])
    assert right > 0.985


@pytest.mark.parametrize(("name", "input_spec", "classes"), [("digits", DIGITS, 10), ("patterns", PICTURES, 10), ("timbres", SOUNDS, 8)])
def test_built_in_sets_are_balanced_and_the_same_for_a_seed(name, input_spec, classes):
    spec = data_spec(name, validation=0, count=2 * classes + 3)
    data = training_data(spec, input_spec)
    counts = np.bincount([one.classes[0] for one in data.training])
    assert sorted(counts) == [2] * (classes - 3) + [3] * 3
    assert len({one.example.digest for one in data.training}) == len(data.training)
    again = training_data(spec, input_spec)
    assert [one.example.digest for one in again.training] == [one.example.digest for one in data.training]
    other = training_data(replace(spec, seed=1), input_spec)
    assert (name == "digits") == ([one.example.digest for one in other.training] == [one.example.digest for one in data.training])


def test_patterns_are_drawn_as_large_as_the_network_reads():
    for size, side in (((32, 32, 1), 32), ((100, 120, 3), 120), ((331, 331, 3), 224), ((8, 8, 1), 32)):
        data = training_data(
            data_spec("patterns", 0, count=10), InputSpec("image", (TensorInfo("image", size, "float32"),), "none", size=size)
        )
        assert data.training[0].example.data.shape == (side, side, 3)


def test_sounds_are_as_long_as_the_network_hears():
    from explorer.backend.inputs.audio_files import sound_of

    how = SPECTROGRAMS["music_tagger"]
    input_spec = InputSpec("audio", (), "music_tagger", size=how.shape, sound=how)
    data = training_data(data_spec("timbres", 0, count=8), input_spec)
    assert {(one.rate, one.frames) for one in (sound_of(one.example) for one in data.training)} == {(how.rate, how.samples)}


@pytest.mark.parametrize(
    ("name", "input_spec", "sentence"),
    [
        ("patterns", SOUNDS, "This network reads sounds, which patterns is not: choose timbres."),
        ("timbres", PICTURES, "This network reads pictures, which timbres is not: choose digits or patterns."),
        ("digits", ARRAYS, "This network reads arrays, which digits is not: give it arrays x and y."),
    ],
)
def test_a_built_in_set_of_another_kind_is_refused(name, input_spec, sentence):
    with pytest.raises(ExplorerError) as refused:
        training_data(name, input_spec)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("name", "count"), [("digits", 1798), ("patterns", 9), ("patterns", 100_001)])
def test_more_or_fewer_examples_than_there_are_are_refused(name, count):
    with pytest.raises(ExplorerError, match="examples, not"):
        training_data(data_spec(name, count=count), DIGITS)


def test_a_summary_shows_counts_and_pictures(tmp_path):
    pictures(tmp_path, a=4, b=6, c=0)
    red = Image.new("RGB", (90, 30), "blue")
    red.paste("red", (30, 0, 60, 30))
    red.save(tmp_path / "b" / "0 first.png")
    (tmp_path / "a" / "x.txt").touch()
    spec = data_spec(tmp_path, validation=0.5, seed=1)
    data = training_data(spec, PICTURES)
    told = summary(spec, data, PICTURES)
    assert told.spec == spec
    assert [(one.name, one.training, one.validation) for one in told.classes] == [("a", 2, 2), ("b", 3, 4)]
    assert (told.kind, told.multi_label, told.left_out, told.notes) == ("image", False, data.left_out, data.notes)
    assert all(decoded(one.thumbnail).shape == (64, 64, 3) for one in told.classes)


def test_a_small_picture_is_the_middle_of_the_first_one(tmp_path):
    pictures(tmp_path, a=2, b=2)
    striped = Image.new("RGB", (90, 30), "blue")
    striped.paste("red", (30, 0, 60, 30))
    striped.save(tmp_path / "b" / "0.png")
    spec = data_spec(tmp_path, validation=0)
    told = summary(spec, training_data(spec, PICTURES), PICTURES)
    assert (decoded(told.classes[1].thumbnail)[:, 2:-2] == (255, 0, 0)).all()


def test_a_summary_of_sounds_shows_their_spectrograms_and_one_of_arrays_nothing(tmp_path):
    for name in ("a/1.wav", "b/1.wav"):
        sound(tmp_path / name)
    spec = data_spec(tmp_path)
    told = summary(spec, training_data(spec, SOUNDS), SOUNDS)
    assert all(decoded(one.thumbnail).shape == (64, 64, 3) for one in told.classes)
    assert len(np.unique(decoded(told.classes[0].thumbnail))) > 20
    np.savez(tmp_path / "x.npz", x=np.eye(3), y=[0, 1, 1])
    spec = data_spec(tmp_path / "x.npz")
    assert [one.thumbnail for one in summary(spec, training_data(spec, ARRAYS), ARRAYS).classes] == [b"", b""]


def test_a_picture_that_is_gone_leaves_its_place_empty(tmp_path):
    pictures(tmp_path, a=2, b=2)
    spec = data_spec(tmp_path, validation=0)
    data = training_data(spec, PICTURES)
    (tmp_path / "a" / "0.png").unlink()
    told = summary(spec, data, PICTURES)
    assert told.classes[0].thumbnail == b""
    assert told.classes[1].thumbnail
