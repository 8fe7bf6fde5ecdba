import csv
import json
import os
import random
import subprocess
import sys
import zipfile

import dying
import numpy as np
import pytest

from explorer import runs
from explorer.backend.fine_tuning import process_main
from explorer.runs import serialization as files
from explorer.values import DataSpec, Head, NetworkSpec, Phase, Recipe, RunSettings

PHASES = (Phase("head", "adam", 0.01, 3, 16), Phase("tail", "adam", 0.001, 3, 16))
SETTINGS = RunSettings(NetworkSpec("digits", "digits"), DataSpec("built-in", "digits", count=50), Recipe(3, Head(0), PHASES))
EPOCHS = 6
TELL = "explorer.backend.fine_tuning.process_main:Diary.write"
RENAME = "explorer.disk:os.replace"
MOMENTS = (
    ("explorer.runs.serialization:read_settings", "", "before"),
    ("explorer.backend.datasets.loader:training_data", "", "before"),
    (TELL, "what='features'", "after"),
    (TELL, "what='batch'", "after"),
    ("explorer.backend.fine_tuning.checkpoints:np.savez", "", "half"),
    (RENAME, "backup.npz", "before"),
    (RENAME, "backup-before.npz", "after"),
    (TELL, "what='epoch'", "before"),
    (TELL, "what='epoch'", "after"),
    ("explorer.backend.fine_tuning.results:outcome", "", "before"),
    ("keras:saving.save_model", "", "half"),
    (RENAME, "tuned.keras", "after"),
    (RENAME, "result.json", "before"),
)
OFTEN = ("what='batch'", "what='epoch'", "backup.npz")  # what comes more than once: the seed says at which time


class Killed(BaseException):
    """In place of a signal."""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))


def moments():
    draw = random.Random(12)
    return [(call, among, draw.randint(1, 2) if among in OFTEN else 1, when) for call, among, when in MOMENTS]


def moments_of_writing():
    """Return those at which a process leaves most behind: in the middle of a file, and just before it has its name."""
    return [moment for moment in moments() if moment[3] == "half" or (moment[0] == RENAME and moment[3] == "before")]


def killed_here(folder, moment):
    """Do the run in this process, which is not killed but raises what nothing of it expects; return whether it did."""

    def die():
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        if moment:
            dying.arm(*moment, die=die, patch=patched.setattr)
        try:
            process_main._save_result(folder, process_main.work(folder))
        except Killed:
            return True
    return False


def killed(folder, moment):
    """Do the run in a process of its own, which kills itself; return whether it did."""
    script = dying.__file__
    command = [sys.executable, script, json.dumps(moment), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, start_new_session=True)  # which it makes nicer
    assert done.returncode in (0, -9), done.stderr
    return done.returncode != 0


def backed_up(folder):
    """Return how many epochs there are to go on with; all that has a name for good must be whole."""
    history = 0
    there = [folder / name for name in files.CHECKPOINTS if (folder / name).exists()]
    if there:
        with np.load(there[0]) as arrays:
            history = len(json.loads(str(arrays["state"]))["history"])
            assert all(arrays[name].size for name in arrays.files)
    if (folder / files.TUNED).exists():
        with zipfile.ZipFile(folder / files.TUNED) as saved:
            assert saved.testzip() is None
    if (folder / files.HISTORY).exists():
        assert len(list(csv.reader((folder / files.HISTORY).read_text().splitlines()))) == 1 + history
    return history


@pytest.mark.parametrize(("attempt", "at"), [(killed_here, moments()), pytest.param(killed, moments_of_writing(), marks=pytest.mark.slow)])
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_run_that_is_killed_at_every_such_moment_loses_no_epoch(attempt, at):
    folder, told = runs.folder(runs.create(SETTINGS)), ()
    for moment in at:
        assert attempt(folder, moment), moment
        before, told = told, runs.record(folder.name).history
        assert set(before) <= set(told)  # none is done twice
        assert len(told) <= backed_up(folder)
    assert not attempt(folder, None)
    record = runs.record(folder.name)
    assert (record.state, len(record.history)) == ("done", EPOCHS)
    assert set(told) <= set(record.history)
    assert runs.result(folder.name).outcome.confusion.sum() == 10
