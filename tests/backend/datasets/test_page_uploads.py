import gc
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_sets import ARRAYS, PICTURES, SOUNDS, picture, pictures, sound, zipped

from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.page_uploads import CollectedFolder
from explorer.backend.inputs import images
from explorer.errors import ExplorerError
from explorer.values import DatasetChange


@pytest.fixture
def folder():
    return CollectedFolder()


@pytest.fixture
def png(tmp_path):
    """Return a function that makes the bytes of a picture of its own for each seed."""
    return lambda seed: picture(tmp_path / f"{seed}.png", seed).read_bytes()


@pytest.fixture
def file(png):
    """Return a function that makes the wish to add a picture."""
    return lambda label, seed, name="a.png", group="": DatasetChange("file", label, png(seed), name, group)


def found(folder, input_spec=PICTURES, validation=0.2, seed=0):
    return folder.summary(input_spec, validation, seed)


def sizes(folder, **options):
    return {one.name: one.training + one.validation for one in found(folder, **options).classes}


def zip_of(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                archive.write(one, one.relative_to(folder).as_posix())
    return path.read_bytes()


def test_nothing_is_there_before_there_is_a_class(folder):
    folder.apply(())
    assert found(folder) is None


def test_as_long_as_it_is_unfinished_it_says_what_is_missing(folder, file):
    def missing(*changes):
        folder.apply(changes)
        return found(folder).notes

    assert missing(DatasetChange("class", "cats")) == ("Add a second class to train.",)
    assert missing(DatasetChange("class", "dogs")) == ("Add examples to two classes to train.",)
    assert missing(*(file("cats", seed) for seed in range(3))) == ("Add examples of dogs to train.",)
    assert [(one.name, one.training, one.validation, bool(one.thumbnail)) for one in found(folder).classes] == [
        ("cats", 3, 0, True),
        ("dogs", 0, 0, False),
    ]
    assert missing(*(file("dogs", seed) for seed in range(3, 6))) == ()
    assert [(one.name, one.training, one.validation) for one in found(folder).classes] == [("cats", 2, 1), ("dogs", 2, 1)]


def test_what_is_collected_is_what_is_trained_on(folder, file):
    folder.apply(file(label, 10 * place + seed) for place, label in enumerate(("b", "a")) for seed in range(5))
    summary = found(folder, validation=0.4, seed=3)
    assert (summary.spec.source, summary.spec.validation, summary.spec.seed) == ("folder", 0.4, 3)
    data = training_data(summary.spec, PICTURES)
    assert (data.classes, len(data.training), len(data.validation)) == (("a", "b"), 6, 4)
    assert data.notes == ()
    assert folder.holds(summary.spec)
    assert not CollectedFolder().holds(summary.spec)
    images.picture(data.training[0].example)


def test_a_class_without_examples_stays_beside_those_that_can_be_trained_on(folder, file):
    folder.apply([*(file(label, seed) for seed, label in enumerate("aabb")), DatasetChange("class", "Äpfel")])
    assert sizes(folder) == {"a": 2, "Äpfel": 0, "b": 2}
    assert training_data(found(folder).spec, PICTURES).classes == ("a", "b")
    assert "no readable example: Äpfel" in found(folder).notes[0]


@pytest.mark.parametrize(
    "name", ["x/y", "../up", "..", "train", "validation", ".hidden", "CON", "a:b*?", "tab\tin it", "Äpfel & Birnen", "日本 語", "z" * 100]
)
def test_classes_may_be_called_anything(folder, file, name):
    folder.apply([*(file(name, seed) for seed in range(3)), *(file("Other", seed) for seed in range(3, 6))])
    assert sizes(folder) == {name: 3, "Other": 3}
    data = training_data(found(folder).spec, PICTURES)
    assert set(data.classes) == {name, "Other"}
    place = Path(found(folder).spec.path)
    assert {path.parent for path in place.iterdir()} == {place}
    assert not (place.parent.parent / "up").exists()


def test_a_class_may_be_called_like_a_numbered_folder(folder, file):
    folder.apply([file("class 00002", 1), file("x/y", 2), file("class 00004", 3), file("a:b", 4)])
    assert sizes(folder) == {"class 00002": 1, "class 00004": 1, "a:b": 1, "x/y": 1}


def test_half_a_character_in_a_name_is_replaced(folder, file):
    folder.apply([file("x\ud83d", 1, "a\ud83d.png"), file("y", 2), DatasetChange("file", "y", b"bad", "b\ud83d.png")])
    assert sizes(folder) == {"x\ufffd": 1, "y": 1}
    assert found(folder).left_out[0][0] == "b\ufffd.png"
    folder.apply(DatasetChange("rename", "x\ud83d", name="x"))
    assert sizes(folder) == {"x": 1, "y": 1}


def test_names_that_differ_in_case_only_are_two_classes(folder, file):
    folder.apply([file("cat", 1), file("Cat", 2), file(" cat ", 3)])
    assert sizes(folder) == {"cat": 2, "Cat": 1}
    names = [path.name.casefold() for path in Path(found(folder).spec.path).iterdir()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["", "  ", "z" * 101])
def test_a_class_without_a_name_is_refused(folder, name):
    with pytest.raises(ExplorerError, match="1 to 100 characters"):
        folder.apply(DatasetChange("class", name))


def test_the_names_of_files_lead_nowhere(folder, file):
    folder.apply(
        [file("a", 1, "../../etc/passwd.png"), file("a", 2, "C:\\dir\\x.png"), file("b", 3, ".."), file("b", 4, "y" * 300 + ".png")]
    )
    place = Path(found(folder).spec.path)
    names = sorted(path.name for path in place.glob("*/*"))
    assert [name[6:] for name in names] == ["passwd.png", "x.png", "_", "y" * 40 + ".png"]
    assert sizes(folder) == {"a": 2, "b": 2}


def test_what_can_not_be_read_is_named_at_once_and_thrown_away(folder, file):
    folder.apply(
        [file("a", 1), DatasetChange("file", "a", b"%PDF-1.4", "old/notes.pdf"), DatasetChange("file", "b", b"", "empty.png"), file("b", 2)]
    )
    assert found(folder).left_out == (
        ("notes.pdf", "notes.pdf is a PDF document; export the page as PNG or JPEG."),
        ("empty.png", "empty.png is empty (0 bytes)."),
    )
    assert len(list(Path(found(folder).spec.path).glob("*/*"))) == 2
    folder.apply(file("a", 5))
    assert len(found(folder).left_out) == 2, "said as long as the class is there"
    folder.apply(DatasetChange("remove", "b"))
    assert [name for name, _why in found(folder).left_out] == ["notes.pdf"]


def test_a_network_that_reads_something_else_says_so_and_loses_nothing(folder, file):
    folder.apply(file(label, seed) for seed, label in enumerate("aabb"))
    assert sizes(folder) == {"a": 2, "b": 2}
    other = found(folder, SOUNDS)
    assert [one.training + one.validation for one in other.classes] == [0, 0]
    assert other.notes[0].startswith("None of the 4 files can be used; the first: a/")
    assert sizes(folder) == {"a": 2, "b": 2}


def test_groups_stay_on_one_side(folder, tmp_path):
    data = sound(tmp_path / "s.wav", 1.0).read_bytes()
    parts = [
        DatasetChange("file", label, data + f"{label}{turn}{part}".encode(), f"{part}.wav", f"{label} {turn}")
        for label in "ab"
        for turn in range(2)
        for part in range(4)
    ]
    folder.apply(parts)
    assert [(one.training, one.validation) for one in found(folder, SOUNDS, 0.5).classes] == [(4, 4), (4, 4)]
    data = training_data(found(folder, SOUNDS, 0.5).spec, SOUNDS)
    assert len({one.group for one in data.training} | {one.group for one in data.validation}) == 4


def test_classes_are_renamed_joined_and_removed(folder, file):
    folder.apply([file("a", 1), file("b", 2), file("b", 3, group="g"), DatasetChange("rename", "b", name="x/y")])
    assert sizes(folder) == {"a": 1, "x/y": 2}
    stamp = found(folder).spec.stamp
    folder.apply(DatasetChange("rename", "x/y", name="x:y"))
    assert found(folder).spec.stamp != stamp
    folder.apply([DatasetChange("rename", "x:y", name="a"), DatasetChange("rename", "gone", name="z")])
    assert sizes(folder) == {"a": 3}
    folder.apply([file("c", 4), DatasetChange("remove", "a"), DatasetChange("remove", "gone")])
    assert sizes(folder) == {"c": 1}
    folder.apply(DatasetChange("clear"))
    assert found(folder).classes == ()


def test_a_zip_of_class_folders_joins_what_is_there(folder, file, tmp_path):
    whole = pictures(tmp_path / "in" / "flowers", roses=2, tulips=3)
    picture(whole / "roses" / "burst" / "1.png", 71)
    (whole / "read me.txt").write_text("hello")
    (whole / "tulips" / "bad.png").write_bytes(b"bad")
    folder.apply([file("roses", 50), DatasetChange("zip", name="flowers.zip", data=zip_of(tmp_path / "in", tmp_path / "flowers.zip"))])
    assert sizes(folder) == {"roses": 4, "tulips": 3}
    assert dict(found(folder).left_out) == {
        "read me.txt": "read me.txt is not in the folder of a class.",
        "tulips/bad.png": "tulips/bad.png is not a picture that can be read; use JPEG, PNG, GIF, BMP, TIFF or WebP.",
    }


def test_a_zip_of_plain_pictures_is_a_class(folder, tmp_path):
    for seed in range(2):
        picture(tmp_path / "in" / f"{seed}.png", seed)
    folder.apply(DatasetChange("zip", name="roses.zip", data=zip_of(tmp_path / "in", tmp_path / "roses.zip")))
    assert sizes(folder) == {"roses": 2}


def test_an_empty_zip_is_no_class(folder, tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ExplorerError, match=r"There are no files in empty\.zip\."):
        folder.apply(DatasetChange("zip", name="empty.zip", data=zip_of(tmp_path / "in", tmp_path / "empty.zip")))
    assert found(folder) is None


def test_the_two_sides_of_a_zip_are_joined_and_that_is_said(folder, tmp_path):
    pictures(tmp_path / "in" / "train", a=2, b=2)
    pictures(tmp_path / "in" / "test", a=1, b=1)
    folder.apply(DatasetChange("zip", name="set.zip", data=zip_of(tmp_path / "in", tmp_path / "set.zip")))
    assert sizes(folder) == {"a": 3, "b": 3}
    assert "set.zip is already split; here its parts are merged" in found(folder).notes[0]


def test_held_out_files_of_no_class_are_no_class_but_named(folder, tmp_path):
    pictures(tmp_path / "in" / "train", a=2, b=2)
    pictures(tmp_path / "in", test=2)
    folder.apply(DatasetChange("zip", name="set.zip", data=zip_of(tmp_path / "in", tmp_path / "set.zip")))
    assert sizes(folder) == {"a": 2, "b": 2}
    assert found(folder).notes[0] == "Left out, as it holds no class folders: test."


def test_a_zip_that_is_refused_leaves_what_was_there(folder, file, tmp_path):
    folder.apply([file("a", 1), file("b", 2)])
    link = zipfile.ZipInfo("a/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for members in ({"../a/1.png": b"x"}, {link: b"/etc/passwd"}):
        with pytest.raises(ExplorerError, match=r"^in\.zip holds the"):
            folder.apply(DatasetChange("zip", name="in.zip", data=zipped(tmp_path / "in.zip", members).read_bytes()))
    with pytest.raises(ExplorerError, match=r"damaged"):
        folder.apply(DatasetChange("zip", name="in.zip", data=b"PK no"))
    assert sizes(folder) == {"a": 1, "b": 1}
    place = Path(found(folder).spec.path)
    assert list(place.parent.iterdir()) == [place]


def test_there_is_an_end_to_what_is_kept(tmp_path, file):
    folder = CollectedFolder(most=3)
    folder.apply(file("a", seed, f"{seed}.png") for seed in range(5))
    assert [name for name, _why in found(folder).left_out] == ["3.png", "4.png"]
    assert "no more than 3 files" in found(folder).left_out[0][1]
    with pytest.raises(ExplorerError, match=r"set\.zip: A page collects no more than 3 files"):
        folder.apply(DatasetChange("zip", name="set.zip", data=zipped(tmp_path / "set.zip", {"b/1.png": b"x"}).read_bytes()))
    folder.apply([DatasetChange("remove", "a"), file("b", 7)])
    assert sizes(folder) == {"b": 1}
    small = CollectedFolder(largest=100)
    small.apply(file("a", 1))
    assert [name for name, _why in found(small).left_out] == ["a.png"]


def test_a_file_that_was_thrown_away_takes_no_room(file):
    folder = CollectedFolder(most=2)
    for _turn in range(3):
        folder.apply(DatasetChange("file", "a", b"bad", "bad.png"))
        found(folder)
    folder.apply([file("a", 1), file("b", 2)])
    assert sizes(folder) == {"a": 1, "b": 1}


def test_a_full_disk_is_said_and_leaves_no_half_a_file(folder, file, monkeypatch):
    folder.apply(file("a", 1))

    def full(path, data):
        with path.open("wb") as half:
            half.write(data[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(ExplorerError, match=r"b\.png can't be kept: the disk is full"):
            folder.apply(file("a", 2, "b.png"))
    assert sizes(folder) == {"a": 1}


def test_arrays_are_collected_too(folder, tmp_path):
    import numpy as np

    for place, label in enumerate("aabb"):
        np.save(tmp_path / "x.npy", np.full(3, place, np.float32))
        folder.apply(DatasetChange("file", label, (tmp_path / "x.npy").read_bytes(), "x.npy"))
    assert sizes(folder, input_spec=ARRAYS) == {"a": 2, "b": 2}


def test_names_of_a_run_that_keeps_the_folder_stay(folder, file, tmp_path):
    folder.apply([file("x/y", 1), file("b", 2)])
    place = Path(found(folder).spec.path)
    kept = tmp_path / "names"
    os.link(place / ".explorer-classes.json", kept)
    before = kept.read_text()
    folder.apply(DatasetChange("rename", "x/y", name="x:y"))
    assert kept.read_text() == before


def test_its_files_go_with_it(file):
    folder = CollectedFolder()
    folder.apply(file("a", 1))
    place = Path(found(folder).spec.path)
    del folder
    gc.collect()
    assert not place.parent.exists()


# Removed, and put back


def cards(folder, label, first=0, count=100, input_spec=PICTURES):
    return folder.examples(label, first, count, input_spec)


def test_the_examples_of_a_class_are_shown_some_at_a_time(folder, file):
    assert cards(folder, "cats") == ((), 0)
    folder.apply([file("cats" if seed < 7 else "dogs", seed, f"{seed}.png", "burst" if seed == 3 else "") for seed in range(10)])
    found(folder)
    some, number = cards(folder, "cats", 1, 3)
    assert (len(some), number) == (3, 7)
    every, _number = cards(folder, "cats")
    assert sorted(one.name for one in every) == [f"{seed}.png" for seed in range(7)]
    assert some == every[1:4]
    assert [one.validation for one in every] == [False] * 6 + [True], "those that are held out come last"
    assert all(one.picture.startswith(b"\x89PNG") for one in every)
    assert cards(folder, "elks") == ((), 0)


def test_a_single_example_is_removed_and_put_back(folder, file):
    folder.apply([file("cats" if seed < 3 else "dogs", seed, f"{seed}.png", "burst" if seed == 1 else "") for seed in range(6)])
    before = {one.key for one in (found(folder), cards(folder, "cats"))[1][0]}
    key = next(one.key for one in cards(folder, "cats")[0] if one.name == "1.png")
    folder.apply(
        [
            DatasetChange("example", "cats", name=key),
            DatasetChange("example", "cats", name=key),
            DatasetChange("example", "cats", name="../dogs"),
        ]
    )
    after = found(folder)
    assert (sizes(folder), after.removed) == ({"cats": 2, "dogs": 3}, "1.png was removed.")
    assert {one.key for one in cards(folder, "cats")[0]} == before - {key}
    folder.apply(DatasetChange("undo"))
    assert (sizes(folder), found(folder).removed) == ({"cats": 3, "dogs": 3}, "")
    assert {one.key for one in cards(folder, "cats")[0]} == before
    folder.apply(DatasetChange("undo"))
    assert sizes(folder) == {"cats": 3, "dogs": 3}


def test_whole_classes_are_put_back_with_what_was_said_of_them(folder, file):
    folder.apply(
        [
            file("cats", 1),
            file("cats", 2),
            DatasetChange("file", "cats", b"no picture", "notes.txt"),
            file("a/b", 3),
            DatasetChange("class", "elks"),
        ]
    )
    before = found(folder)
    for label in ("cats", "a/b", "elks", "nobody"):
        folder.apply(DatasetChange("remove", label))
    nothing = found(folder)
    assert (nothing.classes, nothing.left_out, nothing.removed) == ((), (), "The class elks was removed.")
    folder.apply(DatasetChange("clear"))
    for _each in range(3):
        folder.apply(DatasetChange("undo"))
    after = found(folder)
    assert [(one.name, one.training) for one in after.classes] == [(one.name, one.training) for one in before.classes]
    assert (after.left_out, after.removed) == (before.left_out, "")


def test_all_that_was_cleared_comes_back_at_once(folder, file):
    folder.apply([file("cats", 1), file("cats", 2), file("dogs", 3), file("dogs", 4)])
    found(folder)
    folder.apply(DatasetChange("clear"))
    assert found(folder).removed == "All classes were removed."
    folder.apply(DatasetChange("undo"))
    assert sizes(folder) == {"cats": 2, "dogs": 2}


def test_copies_are_removed_but_for_one_of_each_in_each_class(folder, file):
    folder.apply([file("cats", seed, f"{number}.png") for number, seed in enumerate((1, 2, 1, 1, 2, 3))])
    folder.apply([file("dogs", seed, f"{number}.png") for number, seed in enumerate((4, 5, 3))])
    before = found(folder)
    assert before.copies == 3
    assert any("copies of others" in note for note in before.notes)
    folder.apply(DatasetChange("copies"))
    after = found(folder)
    assert (sizes(folder), after.copies, after.removed) == ({"cats": 3, "dogs": 3}, 0, "3 copies were removed.")
    assert [note for note in after.notes if "same, but in different classes" in note]
    folder.apply([DatasetChange("copies"), DatasetChange("undo")])
    assert (sizes(folder), found(folder).copies) == ({"cats": 6, "dogs": 3}, 3)


def test_copies_of_arrays_are_removed_too(folder, tmp_path):
    data = {}
    for name, value in (("a", 0.0), ("b", 0.0), ("c", 1.0), ("d", 2.0)):
        np.save(tmp_path / f"{name}.npy", np.full((3,), value, np.float32))
        data[name] = (tmp_path / f"{name}.npy").read_bytes()
    folder.apply([DatasetChange("file", "low" if name in "abc" else "high", data[name], f"{name}.npy") for name in data])
    assert found(folder, ARRAYS).copies == 1
    assert [one.name for one in cards(folder, "low", input_spec=ARRAYS)[0]] == ["a.npy", "b.npy", "c.npy"]
    folder.apply(DatasetChange("copies"))
    assert sizes(folder, input_spec=ARRAYS) == {"high": 1, "low": 2}


def test_what_was_removed_gives_way_where_there_is_no_room(file):
    folder = CollectedFolder(largest=3 * len(file("cats", 1).data) + 200)
    folder.apply([file("cats", 1), file("dogs", 2)])
    found(folder)
    folder.apply([DatasetChange("remove", "dogs"), file("dogs", 3)])
    assert found(folder).removed
    folder.apply(file("dogs", 4))
    assert (sizes(folder), found(folder).removed, found(folder).left_out) == ({"cats": 1, "dogs": 2}, "", ())
