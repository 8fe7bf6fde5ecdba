"""Folders of which a part may not be looked into: what can be read is, and the rest is named."""

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from data_sets import PICTURES, picture, pictures, zipped

from explorer.backend.datasets import class_folders
from explorer.backend.datasets.loader import training_data
from explorer.errors import ExplorerError

NOBODY = 65_534
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such permissions")


@pytest.fixture
def folder():
    """A folder that any user may enter, unlike those of pytest."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    pictures(place / "data", cat=3, dog=3)
    yield place / "data"
    for path in place.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(place)


@contextmanager
def without_rights():
    """Go on as somebody whom permissions hold for; root is asked for none."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def read(folder, **options):
    training_data(pictures(folder.parent / "known", a=2, b=2), PICTURES)  # imports what is needed, which others may not
    with without_rights():
        return training_data(folder, PICTURES, validation=0, **options)


def locked(path):
    path.mkdir(exist_ok=True)
    path.chmod(0)
    return path


def test_a_folder_in_a_class_that_may_not_be_read_is_named(folder):
    picture(folder / "cat" / "more" / "1.png", 7)
    locked(folder / "cat" / "more")
    data = read(folder)
    assert len(data.training) == 6
    assert data.left_out == (("cat/more", f"The folder {folder / 'cat' / 'more'} can't be read: Permission denied."),)


def test_a_class_that_may_not_be_read_is_named(folder):
    picture(folder / "fox" / "1.png", 7)
    locked(folder / "fox")
    data = read(folder)
    assert data.classes == ("cat", "dog")
    assert data.left_out == (("fox", f"The folder {folder / 'fox'} can't be read: Permission denied."),)


def test_where_too_little_is_left_it_is_said_what_could_not_be_read(folder):
    locked(folder / "dog")
    with pytest.raises(ExplorerError, match=r"/dog can't be read: Permission denied"):
        read(folder)


@pytest.mark.parametrize("inside", ["", "1.png"], ids=["a folder", "a file"])
def test_a_link_into_a_folder_that_may_not_be_entered_is_named(inside, folder):
    secret = folder.parent / "secret"
    picture(secret / "inner" / "1.png", 7)
    (folder / "cat" / "link.png").symlink_to(secret / "inner" / inside)
    secret.chmod(0)
    data = read(folder)
    assert len(data.training) == 6
    ((name, why),) = data.left_out
    assert name == "cat/link.png"
    assert why.endswith("cat/link.png can't be read: Permission denied.")


def test_a_folder_whose_files_may_be_listed_but_not_read_has_them_named(folder):
    (folder / "cat").chmod(0o444)
    with pytest.raises(ExplorerError, match="Permission denied"):  # dogs alone are too little
        read(folder)
    pictures(folder, fox=2)
    data = read(folder)
    assert sorted(name for name, _why in data.left_out) == ["cat/0.png", "cat/1.png", "cat/2.png"]
    assert all(why.endswith("can't be read: Permission denied.") for _name, why in data.left_out)


def test_a_file_that_may_not_be_read_is_named(folder):
    (folder / "cat" / "1.png").chmod(0)
    data = read(folder)
    ((name, why),) = data.left_out
    assert name == "cat/1.png"
    assert why.endswith("cat/1.png can't be read: Permission denied.")


def test_the_whole_folder_or_zip_that_may_not_be_read_is_refused(folder):
    with pytest.raises(ExplorerError, match="can't be read: Permission denied"):
        read(locked(folder))
    with pytest.raises(ExplorerError, match="can't be read: Permission denied"):
        read(folder / "cat")
    folder.chmod(0o755)
    path = zipped(folder.parent / "a.zip", {"cat/1.png": b"", "dog/1.png": b""})
    path.chmod(0)
    with pytest.raises(ExplorerError, match="Permission denied"):
        read(path)


def test_a_list_names_what_may_not_be_read(folder):
    listed = folder / "list.csv"
    lines = [f"{name}/{place}.png,{name}" for name in ("cat", "dog") for place in range(3)]
    listed.write_text("\n".join(["file,label", *lines, "secret/1.png,cat"]))
    locked(folder / "secret")
    data = read(listed)
    assert [name for name, _why in data.left_out] == ["secret/1.png"]
    assert "Permission denied" in data.left_out[0][1]


def test_links_that_go_round_are_followed_once_and_endless_folders_to_an_end(folder):
    (folder / "cat" / "round").symlink_to(folder / "cat")
    (folder / "dog" / "loop").symlink_to(folder / "dog" / "loop")
    deep = folder / "dog"
    for _ in range(110):
        deep = deep / "d"
    picture(deep / "1.png", 8)
    data = read(folder)
    assert len(data.training) >= 6
    assert "dog/d/d" in dict(data.left_out)


def test_a_link_to_more_folders_than_any_data_has_is_left_out_and_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(class_folders, "MOST_BEHIND", 5)
    for name in "abcdefgh":
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
        picture(tmp_path / "elsewhere" / name / "0.png", 8)
    (folder / "dog" / "all").symlink_to(tmp_path / "elsewhere")
    (folder / "bird").symlink_to(tmp_path / "elsewhere" / "a")  # as folders of classes are shared
    found = class_folders.layout_of(folder)
    assert found.left_out == (("dog/all", "This link leads to more than 5 folders: replace it with the folder of the class itself."),)
    members = {"/".join(one.path) for one in found.training.members}
    assert "bird/0.png" in members
    assert not any(name.startswith("dog/all/") for name in members)
