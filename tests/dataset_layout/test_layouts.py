"""How folders are laid out that people really have, from their paths alone."""

import pytest

from explorer.dataset_layout.dropped_files import sorted_drop
from explorer.dataset_layout.folders import folder_of
from explorer.dataset_layout.layouts import NoClasses, layout, layout_or_class
from explorer.dataset_layout.splits import kind_of, parts
from explorer.errors import ExplorerError


def top_of(text):
    """Return the folder of "train/a/1.png 2.png | test/a/1.png": names without a folder lie in the one before."""
    files, folder = [], ()
    for name in text.replace("|", " ").split():
        *steps, last = name.split("/")
        folder = tuple(steps) or folder
        files.append((*(tuple(steps) or folder), last) if "/" in name else (last,))
    return folder_of(files)


def laid(text):
    """Return the classes with the files of each, that are trained on and validated with."""
    found = layout(top_of(text), "data")
    return found, by_class(found.training), found.validation and by_class(found.validation)


def by_class(side):
    found = {label: [] for label in side.classes}
    for one in side.members:
        found[one.label].append("/".join(one.path))
    return found


def both(*folders, classes="cat dog", nest="{}"):
    return " ".join(f"{nest.format(folder)}/{name}/1.png" for folder in folders for name in classes.split())


@pytest.mark.parametrize(
    ("training", "validation"),
    [
        ("Training", "Testing"),
        ("train_set", "test_set"),
        ("TRAIN", "TEST"),
        ("seg_train", "seg_test"),
        ("train", "dev"),
        ("Train-1", "Valid-1"),
        ("training_data", "validation_data"),
        ("trainset", "testset"),
        ("TrainImages", "ValImages"),
        ("dev", "eval"),
        ("01_train", "02_test"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("Trainingsdaten", "Testdaten"),
        ("train (1)", "test (1)"),
    ],
)
def test_parts_of_any_usual_spelling_are_a_split(training, validation):
    for nest in ("{}", "data/{}", "{0}/{0}", "archive/data/{0}/{0}"):
        files = [(*nest.format(folder).split("/"), name, "1.png") for folder in (training, validation) for name in ("cat", "dog")]
        found = layout(folder_of(files), "data")
        assert found.training.classes == found.validation.classes == ("cat", "dog")
        assert [one.path for one in found.training.members] == files[:2]
        assert [one.path for one in found.validation.members] == files[2:]
        assert training in found.split
        assert validation in found.split


def test_the_validation_part_is_the_validation_and_the_test_part_is_left_aside():
    found, _training, validation = laid(both("chest/train", "chest/test", "chest/val"))
    assert validation == {"cat": ["chest/val/cat/1.png"], "dog": ["chest/val/dog/1.png"]}
    assert found.split == "The data is already split: train is used for training and val for validation."
    assert found.notes == ("Left out: test.",)


def test_of_several_test_parts_the_plain_one_is_the_validation():
    found, _training, validation = laid(both("TRAIN", "TEST_SIMPLE", "TEST"))
    assert validation["cat"] == ["TEST/cat/1.png"]
    assert found.notes == ("Left out: TEST_SIMPLE.",)


@pytest.mark.parametrize(
    "third", ["seg_pred/seg_pred/1.png", "unlabeled/1.png", "pred/a.png", "test/1.png", "docs/paper.pdf", "test/unknown/1.png"]
)
def test_a_third_folder_is_no_class(third):
    found, training, validation = laid(f"{both('train', 'val')} {third}")
    assert (list(training), list(validation)) == (["cat", "dog"], ["cat", "dog"])
    assert found.notes == (f"Left out, as it holds no class folders: {third.split('/')[0]}.",)


def test_folders_of_other_names_beside_the_parts_are_no_classes():
    found, training, validation = laid("Train/0/1.png Train/1/1.png Train/2/1.png Test/0.png Meta/0.png Train.csv")
    assert (list(training), validation) == (["0", "1", "2"], None)
    assert found.notes == ("Left out, as it holds no class folders: Meta, Test.",)


def test_a_folder_of_folders_beside_a_part_of_files_is_asked_about():
    with pytest.raises(ExplorerError, match=r"data holds flowers, .* beside folders of files \(train\): give data/flowers if"):
        laid("flowers/flowers/rose/1.png flowers/flowers/tulip/1.png train/1.png")


def test_a_test_part_without_class_folders_is_left_aside_and_a_share_held_out():
    found, training, validation = laid(f"{both('abc_train', nest='{0}/{0}')} abc_test/abc_test/A_test.jpg")
    assert training == {"cat": ["abc_train/abc_train/cat/1.png"], "dog": ["abc_train/abc_train/dog/1.png"]}
    assert (validation, found.split) == (None, "")
    assert found.notes == ("Left out, as it holds no class folders: abc_test.",)


def test_another_folder_of_the_same_classes_is_left_aside():
    found, training, validation = laid(both("train", "flowers"))
    assert (training["cat"], validation) == (["train/cat/1.png"], None)
    assert found.notes == ("Left out: flowers.",)


def test_numbered_parts_are_put_together():
    _found, training, validation = laid(both("Train-1", "Train-2", "Test"))
    assert training["cat"] == ["Train-1/cat/1.png", "Train-2/cat/1.png"]
    assert validation["cat"] == ["Test/cat/1.png"]


def test_the_last_fold_is_the_validation():
    found, training, validation = laid(both("fold1", "fold2", "fold10"))
    assert training["dog"] == ["fold1/dog/1.png", "fold2/dog/1.png"]
    assert validation["dog"] == ["fold10/dog/1.png"]
    assert found.split.startswith("The data is in 3 folds: fold10 is used for validation")


def test_of_folds_that_are_split_the_first_is_taken():
    found, training, validation = laid(both("fold1/train", "fold1/test", "fold2/train", "fold2/test"))
    assert (training["cat"], validation["cat"]) == (["fold1/train/cat/1.png"], ["fold1/test/cat/1.png"])
    assert "Left out: fold2." in found.notes


def test_parts_inside_each_class_are_a_split():
    found, training, validation = laid("cat/train/1.png cat/test/2.png dog/train/3.png dog/test/4.png")
    assert training == {"cat": ["cat/train/1.png"], "dog": ["dog/train/3.png"]}
    assert validation == {"cat": ["cat/test/2.png"], "dog": ["dog/test/4.png"]}
    assert {one.group for one in found.training.members} == {""}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("car/1.png train/2.png bus/3.png", ["bus", "car", "train"]),
        ("car/a/1.png car/b/1.png train/c/2.png train/d/2.png bus/e/3.png", ["bus", "car", "train"]),
        ("car/1.png train/steam/2.png train/diesel/2.png bus/3.png", ["bus", "car", "train"]),
        ("steam_train/1.png electric_train/2.png", ["electric_train", "steam_train"]),
        ("part1/1.png part2/2.png", ["part1", "part2"]),
        ("0/1.png 1/2.png 2/3.png", ["0", "1", "2"]),
        ("value/1.png testimony/2.png development/3.png", ["development", "testimony", "value"]),
        ("PetImages/Cat/1.png PetImages/Dog/2.png readme.txt MSR-LA-3467.docx x.csv", ["Cat", "Dog"]),
        ("flowers/flowers/rose/1.png flowers/flowers/tulip/1.png", ["rose", "tulip"]),
        ("images/cat/1.png images/dog/1.png annotations/cat/1.xml", ["cat", "dog"]),
    ],
)
def test_class_folders_are_classes(text, classes):
    found, training, validation = laid(text)
    assert (list(training), validation, found.split) == (classes, None, "")


def test_files_beside_a_folder_that_holds_all_the_rest_are_named():
    found, _training, _validation = laid("readme.txt PetImages/Thumbs.txt PetImages/Cat/1.png PetImages/Dog/2.png")
    assert dict(found.left_out) == {
        "readme.txt": "readme.txt is not in the folder of a class.",
        "Thumbs.txt": "Thumbs.txt is not in the folder of a class.",
    }


@pytest.mark.parametrize(
    "text",
    [
        both("train", "test", "val") + " " + both("chest/train", "chest/test", "chest/val"),
        "cat/1.png dog/2.png pets/cat/1.png pets/dog/2.png",
    ],
)
def test_a_copy_of_the_folders_inside_them_is_left_aside(text):
    found, training, _validation = laid(text)
    assert list(training) == ["cat", "dog"]
    assert "Left out, as it holds the same folders as those beside it" in found.notes[-1]


@pytest.mark.parametrize(
    "text", [both("color", "grayscale", "segmented"), both("color", "grayscale", classes="1 2"), both("amazon/images", "dslr/images")]
)
def test_variants_that_hold_the_same_classes_are_refused(text):
    with pytest.raises(
        ExplorerError, match=r"hold folders of the same names\. If .* are the classes, give one folder that holds them, such as data/"
    ):
        laid(text)


def test_numbered_folders_of_the_same_names_are_groups():
    found, training, _validation = laid(both("cat", "dog", classes="rec_1 rec_2"))
    assert list(training) == ["cat", "dog"]
    assert found.training.members[0].group == "cat/rec_1"
    assert found.notes == ("The folders in each class, such as rec_1, are groups: each stays on one side of the split.",)


def test_several_data_sets_are_refused():
    with pytest.raises(ExplorerError, match=r"a, b are each split for training and validation: give one of them, such as data/a\."):
        laid(both("a/train", "a/test", "b/train", "b/test"))


@pytest.mark.parametrize(
    "text",
    [
        "train/1.png train/2.png test/3.png",
        "train/train/000.png test/test/001.png labels.csv",
        "train/images/1.png train/labels/1.txt valid/images/2.png valid/labels/2.txt data.yaml",
        "train/image/1.png train/mask/1.png test/image/2.png test/mask/2.png",
        "fold1/1.wav fold2/2.wav",
        "HAM_images_part_1/1.jpg HAM_images_part_2/2.jpg",
    ],
)
def test_parts_that_hold_no_classes_are_refused(text):
    with pytest.raises(ExplorerError, match="hold files, but no class folders") as refused:
        laid(text)
    assert ("If labels.csv lists them, give that." in str(refused.value)) == ("labels.csv" in text)


@pytest.mark.parametrize("nest", ["", "train/train/", "pets/images/"])
def test_names_of_files_say_their_class(nest):
    files = [f"{nest}{name}" for name in ("cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg")]
    other = {"train/train/": " test1/test1/1.jpg", "pets/images/": " pets/annotations/cat.txt"}.get(nest, "")
    found, training, validation = laid(" ".join(files) + other)
    assert training == {"cat": files[:2], "dog": files[2:]}
    assert validation is None
    assert found.notes[0] == "The classes are what the names of the files begin with: cat, dog."


def test_names_of_files_say_the_class_in_every_part():
    _found, training, validation = laid(
        "train/great_Dane_1.jpg train/great_Dane_2.jpg train/Pug_1.jpg train/Pug_2.jpg "
        "val/Pug_3.jpg val/great_Dane_4.jpg val/Pug_4.jpg val/great_Dane_5.jpg"
    )
    assert list(training) == list(validation) == ["great_Dane", "Pug"]


@pytest.mark.parametrize(
    "text",
    [
        "IMG_1.jpg IMG_2.jpg DSC_1.jpg DSC_2.jpg",
        "a1.jpg b2.jpg",
        "cat.1.jpg cat.2.jpg",
        "0_jackson_1.wav 0_jackson_2.wav 1_theo_1.wav 1_theo_2.wav",
    ],
)
def test_other_names_of_files_are_no_classes(text):
    with pytest.raises(NoClasses, match="data holds no folders: put the files of each class into a folder"):
        laid(text)
    assert layout_or_class(top_of(text), "pets").training.classes == ("pets",)


def test_names_of_parts():
    assert {name: kind_of(name) for name in ("trainval", "train_test", "Fold 3", "fold", "contest", "holdout", "détester")} == {
        "trainval": "training",
        "train_test": "",
        "Fold 3": "fold",
        "fold": "",
        "contest": "",
        "holdout": "validation",
        "détester": "",
    }
    assert parts(["valid", "test"]).training == ("valid",)
    assert parts(["valid", "cat"]) is None
    assert parts(["Training", "PublicTest", "PrivateTest"]).validation == ("PublicTest",)


def test_parts_that_are_dropped_together_are_of_one_set_of_data():
    found = sorted_drop([("Train", "a", "1.png"), ("Train", "b", "1.png"), ("Test", "A", "1.png"), ("5.png",)])
    assert found.files == (("a", "1.png", ""), ("b", "1.png", ""), ("a", "1.png", ""), ("", "5.png", ""))
    assert found.notes == (
        "The data is already split; here its parts are merged, and a share of all examples is used for validation: "
        "give its path to keep its split.",
    )


def test_folders_that_are_dropped_together_are_each_what_they_are():
    found = sorted_drop([("flowers", "rose", "1.png"), ("flowers", "tulip", "1.png"), ("elks", "1.png")])
    assert [one[0] for one in found.files] == ["rose", "tulip", "elks"]
    assert found.notes == ()
