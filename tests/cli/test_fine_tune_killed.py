import os
import random
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer import runs
from explorer.runs import serialization as files

MOMENTS = 12
EPOCHS = 150, 30
KINDS = (("preparing", 1), ("preparing", 3), ("features", 1), ("batch", 1), ("batch", 5), ("epoch", 1), ("epoch", 2))
PATIENCE = 1800  # seconds: many times what it takes


@pytest.fixture
def flowers(tmp_path):
    """Two classes of ten small pictures."""
    draw = np.random.default_rng(0)
    for place, kind in enumerate(("dark", "light")):
        (tmp_path / "flowers" / kind).mkdir(parents=True)
        for number in range(10):
            pixels = draw.integers(120 * place, 120 * place + 120, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "flowers" / kind / f"{number}.png")
    return tmp_path / "flowers"


def until_told(command, what, count):
    """Return a line of progress of this kind that the run tells from now on, its `count`th; None where the command ends before."""
    seen, end = {}, time.monotonic() + PATIENCE
    for place in runs.home().iterdir() if runs.home().is_dir() else ():
        seen[place.name] = len(lines(place))
    while command.poll() is None:
        assert time.monotonic() < end
        for place in runs.home().iterdir() if runs.home().is_dir() else ():
            fresh = [line for line in lines(place)[seen.get(place.name, 0) :] if f'"what": "{what}"' in line]
            if len(fresh) >= count:
                return place
        time.sleep(0.02)
    return None


def lines(place):
    path = place / files.PROGRESS
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.usefixtures("keras_home")
def test_a_training_whose_process_is_killed_twelve_times_goes_on_by_what_is_said(flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    draw, told = random.Random(12), ()
    words = ["explorer", "fine-tune", str(flowers), "--architecture", "MobileNetV2"]
    words += [
        "--train-from",
        "block_16",
        "--epochs",
        str(EPOCHS[0]),
        str(EPOCHS[1]),
        "--batch-size",
        "4",
        "--output",
        str(tmp_path / "my tuned"),
    ]
    for _moment in range(MOMENTS):
        command = subprocess.Popen([sys.executable, "-m", *words], stderr=subprocess.PIPE, text=True)
        place = until_told(command, *draw.choice(KINDS))
        if place is not None:
            os.kill(int((place / files.PID).read_text()), signal.SIGKILL)
        said = command.communicate(timeout=PATIENCE)[1]
        assert command.returncode == 2, said
        words = shlex.split(said.splitlines()[-1].split("`")[1])
        before, told = told, runs.records()[0].history
        assert told[: len(before)] == before  # no epoch that was told is done again
        assert not (tmp_path / "my tuned").exists()
    subprocess.run([sys.executable, "-m", *words], check=True, timeout=PATIENCE)
    assert len((tmp_path / "my tuned" / "history.csv").read_text().splitlines()) == 1 + sum(EPOCHS)
    assert explorer.load(tmp_path / "my tuned" / "tuned.keras").summary().classes == (2,)
    assert runs.records() == ()
