import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from data_sets import ARRAYS, PICTURES, SOUNDS, classes_of, names, picture, pictures, sound
from sound_sources import encoded, piece

from explorer.backend.datasets.loader import training_data
from explorer.backend.inputs import images
from explorer.errors import ExplorerError, UnreadableExample
from explorer.values import FileOnDisk

COPIED = {"a/0.png", *(f"a/copy {number}.png" for number in range(4))}


def refusal(*args, **options):
    with pytest.raises(ExplorerError) as refused:
        training_data(*args, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def left_out(data):
    return dict(data.left_out)


def test_a_folder_of_class_folders_is_read_in_its_natural_order(tmp_path):
    for place, name in enumerate(("B 10", "a", "b 2")):
        for number, file in enumerate(("p10.png", "P2.PNG", "p1.Jpg")):
            picture(tmp_path / name / file, 10 * place + number)
    data = training_data(tmp_path, PICTURES, validation=0)
    assert data.kind == "image"
    assert data.classes == ("a", "b 2", "B 10")
    assert names(data.training)[:3] == ["a/p1.Jpg", "a/P2.PNG", "a/p10.png"]
    assert [one.classes for one in data.training] == [(0,)] * 3 + [(1,)] * 3 + [(2,)] * 3


def test_pictures_stay_on_disk_until_they_are_needed(tmp_path):
    data = training_data(pictures(tmp_path, a=2, b=2), PICTURES, validation=0)
    one = data.training[0].example
    assert isinstance(one.data, FileOnDisk)
    (batch,) = images.to_batch(one, PICTURES)
    (expected,) = images.to_batch(images.read(tmp_path / "a" / "0.png"), PICTURES)
    assert np.array_equal(batch, expected)


def test_a_picture_that_is_gone_or_changed_when_it_is_needed_is_said(tmp_path):
    gone, changed = (one.example for one in training_data(pictures(tmp_path, a=1, b=1), PICTURES, validation=0).training)
    (tmp_path / "a" / "0.png").unlink()
    with pytest.raises(UnreadableExample, match="There is no file"):
        images.picture(gone)
    picture(tmp_path / "b" / "0.png", 7, size=(50, 50))
    with pytest.raises(UnreadableExample, match=r"b/0\.png has changed since it was chosen"):
        images.picture(changed)


def test_names_with_umlauts_and_spaces_do(tmp_path):
    data = training_data(pictures(tmp_path / "Daten für alle", **{"süße Äpfel": 2, "große Birnen": 2}), PICTURES, validation=0)
    assert data.classes == ("große Birnen", "süße Äpfel")
    assert names(data.training)[-1] == "süße Äpfel/1.png"


def test_a_name_is_the_same_however_its_umlaut_is_written(tmp_path):
    for folder, name, count in (("train", "A\u0308pfel", 2), ("val", "\u00c4pfel", 1)):
        pictures(tmp_path / folder, **{name: count}, Birnen=count)
    assert training_data(tmp_path, PICTURES).classes == ("Äpfel", "Birnen")


def test_what_systems_leave_in_folders_is_ignored(tmp_path):
    pictures(tmp_path, a=2, b=2)
    for name in ("a/.DS_Store", "a/Thumbs.db", ".hidden/x.png", "__MACOSX/a/._0.png", "desktop.ini", "a/.git/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"junk")
    data = training_data(tmp_path, PICTURES, validation=0)
    assert (data.classes, data.left_out, len(data.training)) == (("a", "b"), (), 4)


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "bmp", "webp", "tiff"])
def test_a_picture_that_is_cut_off_is_left_out_and_named(ending, tmp_path):
    pictures(tmp_path, a=2, b=2)
    file = picture(tmp_path / "a" / f"cut off.{ending}", 5, size=(200, 150))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UnreadableExample):
        images.picture(images.read(file))
    why = left_out(training_data(tmp_path, PICTURES))[f"a/cut off.{ending}"]
    assert why.startswith(f"a/cut off.{ending} is")


def test_files_that_are_no_pictures_are_left_out_and_named(tmp_path):
    pictures(tmp_path, a=2, b=2)
    (tmp_path / "a" / "notes.txt").write_text("hello")
    (tmp_path / "a" / "empty.png").touch()
    (tmp_path / "a" / "page.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "README.md").write_text("hello")
    sound(tmp_path / "b" / "sound.wav")
    reasons = left_out(training_data(tmp_path, PICTURES))
    assert reasons.keys() == {"a/notes.txt", "a/empty.png", "a/page.pdf", "README.md", "b/sound.wav"}
    assert reasons["a/empty.png"] == "a/empty.png is empty (0 bytes)."
    assert "a PDF document" in reasons["a/page.pdf"]
    assert "a sound" in reasons["b/sound.wav"]
    assert "not in the folder of a class" in reasons["README.md"]


def test_a_file_that_may_not_be_read_is_left_out(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    pictures(tmp_path, a=3, b=2)
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: refused(path) if path.name == "2.png" else read(path))
    assert left_out(training_data(tmp_path, PICTURES))["a/2.png"].endswith("a/2.png can't be read: Permission denied.")


def test_a_link_that_leads_nowhere_is_left_out(tmp_path):
    (pictures(tmp_path, a=2, b=2) / "a" / "x.png").symlink_to(tmp_path / "nowhere.png")
    assert "There is no file" in left_out(training_data(tmp_path, PICTURES))["a/x.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_a_name_that_is_no_text_is_read_and_told_as_text(tmp_path):
    pictures(tmp_path, a=2, b=2)
    (tmp_path / "a" / "1.png").rename(tmp_path / "a" / os.fsdecode(b"caf\xe9.png"))
    data = training_data(tmp_path, PICTURES, validation=0)
    assert names(data.training)[:2] == ["a/0.png", "a/caf\ufffd.png"]
    images.picture(data.training[1].example)
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).touch()
    assert left_out(training_data(tmp_path, PICTURES)) == {"caf\ufffd.txt": "caf\ufffd.txt is not in the folder of a class."}


def test_an_empty_class_is_named_and_dropped(tmp_path):
    pictures(tmp_path, a=2, b=0, c=2)
    data = training_data(tmp_path, PICTURES, validation=0)
    assert data.classes == ("a", "c")
    assert classes_of(data, data.training) == [("a",), ("a",), ("c",), ("c",)]
    assert "Left out, as they have no readable example: b." in data.notes


def test_too_little_is_refused_each_in_a_sentence(tmp_path):
    assert "holds no folders: put the files of each class" in refusal(tmp_path, PICTURES)
    (tmp_path / "a").mkdir()
    assert "There are no examples in the data" in refusal(tmp_path, PICTURES)
    picture(tmp_path / "a" / "1.png", 1)
    assert "There is only one example, a/1.png" in refusal(tmp_path, PICTURES)
    picture(tmp_path / "a" / "2.png", 2)
    assert "All examples are of one class, a:" in refusal(tmp_path, PICTURES)
    for number in (1, 2):
        (tmp_path / "a" / f"{number}.png").write_text("no picture")
    assert refusal(tmp_path, PICTURES).startswith("None of the 2 files can be used; the first: a/1.png is not a picture")


def test_a_class_that_can_not_be_read_is_said_where_one_is_left(tmp_path):
    pictures(tmp_path, a=2, b=2)
    for number in (0, 1):
        (tmp_path / "b" / f"{number}.png").write_text("no picture")
    text = refusal(tmp_path, PICTURES)
    assert text.startswith("All examples are of one class, a: give examples of a second class as well")
    assert "2 files can't be used; the first: b/0.png is not a picture" in text
    (tmp_path / "a" / "1.png").unlink()
    assert "2 files can't be used; the first: b/0.png" in refusal(tmp_path, PICTURES)


def test_given_folders_are_the_two_sides(tmp_path):
    pictures(tmp_path / "Train", a=3, b=3)
    pictures(tmp_path / "validation", a=0, b=0)
    picture(tmp_path / "validation" / "a" / "x.png", 901)
    picture(tmp_path / "validation" / "b" / "y.png", 902)
    data = training_data(tmp_path, PICTURES, validation=0.5)
    assert len(data.training) == 6
    assert names(data.validation) == ["a/x.png", "b/y.png"]
    assert classes_of(data, data.validation) == [("a",), ("b",)]


@pytest.mark.parametrize("name", ["val", "valid", "test"])
def test_the_held_out_folder_may_be_called_otherwise(name, tmp_path):
    pictures(tmp_path / "train", a=2, b=2)
    pictures(tmp_path / name, a=1, b=1)
    assert len(training_data(tmp_path, PICTURES).validation) == 2


def test_a_class_that_is_called_train_is_a_class(tmp_path):
    assert training_data(pictures(tmp_path, car=2, train=2, bus=2), PICTURES).classes == ("bus", "car", "train")


def test_parts_without_class_folders_are_no_classes(tmp_path):
    text = refusal(pictures(tmp_path, train=2, test=2), PICTURES)
    assert "(test, train) hold files, but no class folders" in text


def test_parts_of_other_spellings_are_recognised_and_said(tmp_path):
    pictures(tmp_path / "data" / "seg_train" / "seg_train", Sea=3, forest=3)
    pictures(tmp_path / "data" / "seg_test" / "seg_test", sea=1, forest=1)
    for place, name in enumerate(("sea", "forest")):
        picture(tmp_path / "data" / "seg_test" / "seg_test" / name / "0.png", 900 + place)
    pictures(tmp_path / "data", seg_pred=2)
    (tmp_path / "licence.txt").write_text("free")
    data = training_data(tmp_path, PICTURES, validation=0.5)
    assert (data.classes, len(data.training), len(data.validation)) == (("forest", "Sea"), 6, 2)
    assert data.notes == (
        "The data is already split: seg_train is used for training and, as there is no validation part, seg_test for validation.",
        "Left out, as it holds no class folders: seg_pred.",
        "In the validation part, sea is treated as Sea: they differ in case only.",
    )


def test_classes_that_differ_in_case_only_are_said(tmp_path):
    assert (
        "Cat and cat differ in case only, but are treated as different classes."
        in training_data(pictures(tmp_path, cat=2, Cat=2), PICTURES).notes
    )


def test_other_data_for_the_validation_takes_the_place_of_its_own_part(tmp_path):
    pictures(tmp_path / "mine" / "train", a=2, b=2)
    pictures(tmp_path / "mine" / "val", a=1, b=1)
    data = training_data(tmp_path / "mine", PICTURES, validation=str(pictures(tmp_path / "other", a=2, b=2)))
    assert len(data.validation) == 4
    assert "The validation part of the data is not used, as other data is given for it." in data.notes
    assert not any("already split" in note for note in data.notes)


def test_another_folder_can_be_held_out(tmp_path):
    pictures(tmp_path / "mine", a=2, b=2)
    held_out = pictures(tmp_path / "other", b=1)
    picture(held_out / "b" / "0.png", 99)
    data = training_data(tmp_path / "mine", PICTURES, validation=str(held_out))
    assert classes_of(data, data.validation) == [("b",)]
    assert "The validation data has no example of a." in data.notes


def test_classes_that_are_held_out_only_are_refused(tmp_path):
    pictures(tmp_path / "train", a=2, b=2)
    pictures(tmp_path / "val", a=1, c=1)
    assert "In the validation data, but not in the training data: c." in refusal(tmp_path, PICTURES)


def test_held_out_data_without_anything_readable_is_refused(tmp_path):
    pictures(tmp_path / "train", a=2, b=2)
    pictures(tmp_path / "val", a=0)
    assert "None of the validation data can be read" in refusal(tmp_path, PICTURES)


def test_copies_in_given_folders_are_said(tmp_path):
    pictures(tmp_path / "train", a=2, b=2)
    (tmp_path / "val" / "a").mkdir(parents=True)
    shutil.copy(tmp_path / "train" / "a" / "0.png", tmp_path / "val" / "a" / "copy.png")
    notes = training_data(tmp_path, PICTURES).notes
    assert "1 validation example is a copy of a training example, so the accuracy will look too good." in notes


def test_copies_are_one_group_also_where_held_out_folders_are_given(tmp_path):
    pictures(tmp_path / "train", a=3, b=2)
    picture(tmp_path / "val" / "a" / "0.png", 901)
    shutil.copy(tmp_path / "train" / "a" / "0.png", tmp_path / "train" / "a" / "copy.png")
    groups = {one.example.name: one.group for one in training_data(tmp_path, PICTURES).training}
    assert groups["a/0.png"] == groups["a/copy.png"] != ""
    assert groups["a/1.png"] == groups["b/0.png"] == ""


def test_sounds_stay_on_disk_and_are_shown_to_be_readable(tmp_path):
    for name in ("a/1.wav", "a/2.WAV", "b/1.wav", "b/2.wav"):
        sound(tmp_path / name, seconds=0.5 + len(name) / 50 + ord(name[2]) / 100)
    (tmp_path / "b" / "x.wav").write_bytes(b"RIFF no sound")
    broken = piece(1.0, 16_000)
    broken[8000] = np.nan
    (tmp_path / "b" / "nan.wav").write_bytes(encoded(broken, 16_000, "wav of floats"))
    sound(tmp_path / "b" / "short.wav", seconds=0.05)
    picture(tmp_path / "b" / "p.png", 0)
    data = training_data(tmp_path, SOUNDS, validation=0)
    assert names(data.training) == ["a/1.wav", "a/2.WAV", "b/1.wav", "b/2.wav"]
    assert all(isinstance(one.example.data, FileOnDisk) for one in data.training)
    reasons = left_out(data)
    assert reasons.keys() == {"b/x.wav", "b/nan.wav", "b/short.wav", "b/p.png"}
    assert "NaN" in reasons["b/nan.wav"]
    assert "a picture" in reasons["b/p.png"]


def test_folders_of_arrays_are_read_for_networks_of_arrays(tmp_path):
    for name, values in (("a/1.npy", [1, 2, 3]), ("a/2.npy", [4, 5, 6]), ("b/1.npy", [7, 8, 9]), ("b/2.npy", [1, 2])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.save(tmp_path / name, np.array(values, float))
    data = training_data(tmp_path, ARRAYS, validation=0)
    assert names(data.training) == ["a/1.npy", "a/2.npy", "b/1.npy"]
    assert "reads 3, one example at a time; the array is 2" in left_out(data)["b/2.npy"]


def test_windows_of_one_recording_stay_on_one_side(tmp_path):
    for recording in range(4):
        for window in range(3):
            for place, name in enumerate(("a", "b")):
                picture(tmp_path / name / f"recording_{recording}" / f"{window}.png", 100 * place + 10 * recording + window)
    for seed in range(10):
        data = training_data(tmp_path, PICTURES, validation=0.25, seed=seed)
        sides = [{one.group for one in side} for side in (data.training, data.validation)]
        assert not sides[0] & sides[1]
        assert len(data.validation) == 6
    assert "a/recording_0" in {one.group for one in data.training + data.validation}


def test_copies_stay_on_one_side_and_are_counted(tmp_path):
    pictures(tmp_path, a=6, b=6)
    for number in range(4):
        shutil.copy(tmp_path / "a" / "0.png", tmp_path / "a" / f"copy {number}.png")
    for seed in range(10):
        data = training_data(tmp_path, PICTURES, seed=seed)
        sides = [name for name, side in (("t", data.training), ("v", data.validation)) for one in names(side) if one in COPIED]
        assert len(set(sides)) == 1
        assert "4 examples are copies of others." in data.notes
        assert not any("validation" in note for note in data.notes)


def test_a_copy_draws_the_recording_that_it_is_of_to_its_side(tmp_path):
    for recording in range(3):
        for window in range(2):
            picture(tmp_path / "a" / f"r{recording}" / f"{window}.png", 10 * recording + window)
    pictures(tmp_path, b=3)
    shutil.copy(tmp_path / "a" / "r0" / "0.png", tmp_path / "a" / "r1" / "copy.png")
    for seed in range(10):
        data = training_data(tmp_path, PICTURES, seed=seed)
        sides = {place for place, side in enumerate((data.training, data.validation)) for one in names(side) if one[:4] in ("a/r0", "a/r1")}
        assert len(sides) == 1


def test_the_same_picture_in_two_classes_is_said(tmp_path):
    pictures(tmp_path, a=3, b=3)
    shutil.copy(tmp_path / "a" / "0.png", tmp_path / "b" / "copy.png")
    assert "a/0.png and b/copy.png are the same, but in different classes." in training_data(tmp_path, PICTURES).notes


def test_imbalance_is_said(tmp_path):
    pictures(tmp_path, a=2, b=7)
    assert any(note.startswith("Imbalanced: b has 7 examples, a 2;") for note in training_data(tmp_path, PICTURES).notes)
    assert not any(note.startswith("Uneven") for note in training_data(pictures(tmp_path, a=3), PICTURES).notes)


@pytest.mark.parametrize(
    "content", ["{", "[" * 100_000, "[1]", '"a"', "null", '{"a": 1}', '{"a": " "}', '{"a": null}', '[["a", "b"]]', "\x00"]
)
def test_a_damaged_file_of_the_names_of_classes_is_said(content, tmp_path):
    pictures(tmp_path, a=2, b=2)
    (tmp_path / ".explorer-classes.json").write_text(content)
    with pytest.raises(ExplorerError, match=r"\.explorer-classes\.json is damaged"):
        training_data(tmp_path, PICTURES)


def test_a_file_of_the_names_of_classes_names_them(tmp_path):
    pictures(tmp_path, a=2, b=2)
    (tmp_path / ".explorer-classes.json").write_text('{"a": "ä\\ud800"}')
    assert training_data(tmp_path, PICTURES).classes == ("ä\ufffd", "b")
