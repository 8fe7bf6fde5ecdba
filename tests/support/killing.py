"""Killing a training at moments that a seed chooses: what its folder tells says when, whoever has started its process.

for moment in moments(PLACES, seed=12):
    before = place_in(folder)
    ...  # start, or resume
    if came(moment, folder, before, alive=lambda: process.poll() is None):
        process.kill()
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from explorer.runs import serialization as files
from explorer.values import TrainingStep

PATIENCE = 600  # seconds for a moment to come: such a process yields to every other one of the machine

# What a training comes by, in this order: the step that it tells there, by its `what`, its phase and the beginning of its text.
PLACES = {
    "it is started": None,
    "TensorFlow is loaded": ("preparing", 0, "Loading TensorFlow"),
    "the network is built": ("preparing", 0, "Building"),
    "the data are read": ("preparing", 0, "Reading"),
    "the network is copied": ("preparing", 0, "Copying"),
    "features are computed": ("features", 0, ""),
    "the first phase is traced": ("preparing", 0, "Preparing phase 1"),
    "the first phase trains": ("epoch", 0, ""),
    "the second phase is traced": ("preparing", 1, "Preparing phase 2"),
    "the second phase trains": ("epoch", 1, ""),
    "it is saved": ("preparing", 0, "Evaluating and saving"),
}


@dataclass(frozen=True)
class Moment:
    """So many seconds after a training came by a place."""

    place: str
    delay: float


def moments(places: Iterable[str], seed: int, longest: float) -> tuple[Moment, ...]:
    """Return a moment at each of these of `PLACES`, up to so many seconds after it, as the seed chooses."""
    chance = random.Random(seed)
    return tuple(Moment(place, chance.uniform(0, longest)) for place in places)


def place_in(folder: Path) -> int:
    """Return how much a training has told so far, so that `came` looks only at what is told from here on."""
    path = folder / files.PROGRESS
    return path.stat().st_size if path.exists() else 0


def came(moment: Moment, folder: Path, before: int, alive: Callable[[], bool]) -> bool:
    """Wait until the training in a folder is at this moment, or past it; return whether its process still lives."""
    deadline = time.monotonic() + PATIENCE
    while _place_of(steps(folder, before)) < list(PLACES).index(moment.place):
        assert time.monotonic() < deadline, f"not once {moment.place}"
        if not alive():
            return False
        time.sleep(0.005)
    time.sleep(moment.delay)
    return alive()


def _place_of(told: Iterable[TrainingStep]) -> int:
    """Return how far along `PLACES` these steps are; a short one may be left untold."""
    by = (
        place
        for place, (what, phase, text) in enumerate(filter(None, PLACES.values()), 1)
        for step in told
        if (step.what, step.phase) == (what, phase) and step.text.startswith(text)
    )
    return max(by, default=0)


def steps(folder: Path, before: int = 0) -> list[TrainingStep]:
    """Return the steps that a training has told from there on."""
    path = folder / files.PROGRESS
    lines = path.read_bytes()[before:].split(b"\n")[:-1] if path.exists() else []
    return [told.step for told in map(files.told_in, lines) if told is not None]
