import os
import subprocess
import sys
import tempfile

import pytest

from explorer import runs
from explorer.backend.runtime import temporary_files
from explorer.backend.runtime.file_locks import Note, hold
from explorer.runs import serialization as files
from explorer.values import DataSpec, NetworkSpec, Recipe, RunSettings

SETTINGS = RunSettings(NetworkSpec("digits", "digits"), DataSpec("built-in", "digits", count=50), Recipe(4))
BUSY = """
import sys, tempfile
from explorer.backend.runtime import temporary_files
(temporary_files.make("data-") / "unpacked.png").write_bytes(b"picture")
with temporary_files.everything():
    tempfile.NamedTemporaryFile(prefix="__autograph_generated_file", delete=False)
print("here", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of temporary files, and no runs."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    return tmp_path / "tmp"


@pytest.fixture
def busy(place):
    """A process that has made temporary files."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY], env={**os.environ, "TMPDIR": str(place)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"here\n"
    yield process
    process.kill()
    process.communicate()


def names(folder):
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name != temporary_files.LOCK]


def test_what_a_killed_process_has_left_is_cleared_and_not_before(place, busy):
    temporary_files.clear()
    assert len(names(place)) == 2
    busy.kill()
    busy.wait()
    temporary_files.clear()
    assert list(place.iterdir()) == []


def test_a_process_that_ends_leaves_nothing(place, busy):
    busy.communicate(b"")
    assert list(place.iterdir()) == []


def test_folders_lie_together_and_are_gone_in_time(place):
    with temporary_files.folder() as folder:
        assert os.path.dirname(folder) == str(temporary_files.make().parent)
        temporary_files.clear()
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)


def test_one_that_was_cleared_by_others_is_made_anew(place):
    temporary_files.make().parent.rename(place / "elsewhere")  # as tools do that tidy up /tmp
    assert temporary_files.make().is_dir()


@pytest.mark.parametrize("lock", [None, "link", "other user", "no locks"])
def test_what_is_not_surely_ours_is_left(place, monkeypatch, lock):
    folder = place / "explorer-of-mine"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    if lock:
        (folder / temporary_files.LOCK).touch()
    if lock == "link":
        folder.rename(place / "mine")
        folder.symlink_to(place / "mine")
    if lock == "other user":
        monkeypatch.setattr(temporary_files.os, "getuid", lambda: 4711, raising=False)
    if lock == "no locks":
        monkeypatch.setattr(temporary_files, "hold", lambda path: Note(path, os.open(path, os.O_RDWR), locked=False))
    temporary_files.clear()
    assert (folder / "mine.txt").read_text() == "mine"


def test_what_runs_have_left_is_cleared_unless_they_go_on(place):
    going, killed = runs.folder(runs.create(SETTINGS)), runs.folder(runs.create(SETTINGS))
    for run in (going, killed):
        (run / files.TEMPORARY).mkdir()
        (run / files.TEMPORARY / "features.npy").write_bytes(b"many")
    held = hold(going / files.LOCK)
    temporary_files.clear()
    held.release()
    assert (going / files.TEMPORARY / "features.npy").exists()
    assert not list(killed.glob(f"{files.TEMPORARY}*"))
