import os
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

EPOCHS = 40, 20
MOMENTS = (("preparing", 3), ("features", 1), ("epoch", 2))  # lines of progress: of which kind, and the how manieth
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
    """Return the folder of the run of a command once it has told so many lines of progress of this kind, from now on."""
    seen, end = {}, time.monotonic() + PATIENCE
    for place in runs.home().iterdir() if runs.home().is_dir() else ():
        seen[place.name] = len(lines(place))
    while True:
        assert command.poll() is None
        assert time.monotonic() < end
        for place in runs.home().iterdir() if runs.home().is_dir() else ():
            fresh = [line for line in lines(place)[seen.get(place.name, 0) :] if f'"what": "{what}"' in line]
            if len(fresh) >= count:
                return place
        time.sleep(0.02)


def lines(place):
    path = place / files.PROGRESS
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_training_whose_process_is_killed_again_and_again_goes_on_by_what_is_said(flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    told, output = (), tmp_path / "my tuned"
    words = ["explorer", "fine-tune", str(flowers), "--architecture", "digits", "--train-from", "block3"]
    words += ["--epochs", *map(str, EPOCHS), "--output", str(output)]
    for moment in MOMENTS:
        command = subprocess.Popen([sys.executable, "-m", *words], stderr=subprocess.PIPE, text=True)
        place = until_told(command, *moment)
        os.kill(int((place / files.PID).read_text()), signal.SIGKILL)
        said = command.communicate(timeout=PATIENCE)[1]
        assert command.returncode == 2, said
        words = shlex.split(said.splitlines()[-1].split("`")[1])
        before, told = told, runs.records()[0].history
        assert told[: len(before)] == before  # no epoch that was told is done again
        assert not output.exists()
    subprocess.run([sys.executable, "-m", *words], check=True, timeout=PATIENCE)
    assert len((output / "history.csv").read_text().splitlines()) == 1 + sum(EPOCHS)
    assert explorer.load(output / "tuned.keras").summary().classes == (2,)
    assert runs.records() == ()
