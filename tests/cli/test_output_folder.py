import errno
import os
import subprocess
import sys

import pytest

from explorer.cli.output_folder import Output
from explorer.errors import ExplorerError

FILES = {"bundle.zip": b"zip", "tuned.keras": b"keras"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def refusal(place):
    with pytest.raises(ExplorerError) as refused, Output(place):
        pass
    return str(refused.value)


def unprivileged():
    if os.name != "posix" or os.getuid() == 0:
        pytest.skip("whoever may do all is refused nothing")


@pytest.mark.parametrize("name", ["tuned", "a/b/tuned", "tuned/", ".", "x" * 255, "ü ' \"\n$(x)", "..hidden", "link"])
def test_the_folder_is_there_as_a_whole(tmp_path, monkeypatch, name):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "there")
    if name == ".":
        (tmp_path / "here" / "link").unlink()
    monkeypatch.chdir(tmp_path / "here")
    with Output(type(tmp_path)(name)) as output:
        monkeypatch.chdir(tmp_path)
        output.write(FILES)
    found = tmp_path / "there" if name == "link" else tmp_path / "here" / name
    assert {path.name: path.read_bytes() for path in found.iterdir()} == FILES
    assert not list(tmp_path.rglob(".explorer-*"))


def test_an_empty_folder_stays_the_one_that_it_was(tmp_path):
    (tmp_path / "tuned").mkdir(mode=0o700)
    before = (tmp_path / "tuned").stat()
    with Output(tmp_path / "tuned") as output:
        output.write(FILES)
    after = (tmp_path / "tuned").stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert names(tmp_path / "tuned") == sorted(FILES)


def test_a_folder_that_is_not_written_leaves_nothing(tmp_path):
    with Output(tmp_path / "a" / "b" / "tuned"):
        assert (tmp_path / "a" / "b").is_dir()
    assert names(tmp_path) == []


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b""), lambda path: (path / "there").mkdir(parents=True)])
def test_what_is_no_empty_folder_is_refused_and_left(tmp_path, make):
    make(tmp_path / "tuned")
    assert refusal(tmp_path / "tuned") in (
        f"{tmp_path / 'tuned'} is not a folder.",
        f"{tmp_path / 'tuned'} is not empty: name a new folder.",
    )
    assert names(tmp_path) == ["tuned"]


@pytest.mark.parametrize("there", [True, False])
def test_a_second_one_is_refused_at_once(tmp_path, there):
    if there:
        (tmp_path / "tuned").mkdir()
    with Output(tmp_path / "tuned") as output:
        assert "Another training is going to write into" in refusal(tmp_path / "tuned")
        with Output(tmp_path / "other"):
            pass
        output.write(FILES)
    assert "is not empty" in refusal(tmp_path / "tuned")


def test_a_folder_of_the_same_name_that_came_meanwhile_is_left(tmp_path):
    with Output(tmp_path / "tuned") as output:
        (tmp_path / "tuned").mkdir()
        (tmp_path / "tuned" / "tuned.keras").write_bytes(b"mine")
        with pytest.raises(ExplorerError, match="is not empty: name a new folder"):
            output.write(FILES)
    assert (tmp_path / "tuned" / "tuned.keras").read_bytes() == b"mine"
    assert names(tmp_path) == ["tuned"]


def test_what_a_killed_one_has_left_hinders_nobody_and_is_cleared(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from explorer import disk; from explorer.cli.output_folder import Output\n"
        "disk.settle = lambda path: os.kill(os.getpid(), 9)\n"
        "with Output(Path(sys.argv[1])) as output: output.write({'a': b'half', 'b': b''})"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "tuned"], check=False)
    assert len(names(tmp_path)) == 2  # hidden ones
    with Output(tmp_path / "tuned") as output:
        output.write(FILES)
    assert names(tmp_path) == ["tuned"]


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("explorer.disk.settle", full)
    with Output(tmp_path / "tuned") as output, pytest.raises(ExplorerError, match=r"tuned can't be written: the disk is full\."):
        output.write(FILES)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["file/tuned", "x" * 256, "loop/tuned"])
def test_a_place_where_nothing_can_be_is_said_before_the_work(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "can't be written: " in refusal(tmp_path / name)
    assert names(tmp_path) == ["file", "loop"]


def test_a_folder_that_may_not_be_written_is_said_before_the_work(tmp_path):
    unprivileged()
    tmp_path.chmod(0o500)
    assert "can't be written: Permission denied." in refusal(tmp_path / "tuned")
    tmp_path.chmod(0o700)
