"""What the benchmarks share: turns, medians, one line a measurement, and the weights and picture to measure with."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

SAMPLE = Path(__file__).resolve().parent.parent / "explorer" / "bundled" / "samples" / "cat.jpg"


def seconds(side: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    side()
    return time.perf_counter() - start


def alternate(sides: dict[str, Callable[[], Any]], rounds: int, timer: Callable[[Callable[[], Any]], float] = seconds) -> dict[str, float]:
    """Take turns (A, B, A, B, ...), so that a busy machine disturbs all sides alike; return each side's median in seconds.

    timer: makes seconds of a side; by default its call is timed.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _round in range(rounds):
        for name, side in sides.items():
            times[name].append(timer(side))
    return {name: median(several) for name, several in times.items()}


def report(what: str, ours: float, theirs: float, goal: float, other: str = "recipe") -> None:
    """Print both times, their ratio and the goal, the highest ratio that is wanted; 1 / 40 reads "40 times faster"."""
    if goal >= 0.25:
        verdict = f"ratio {ours / theirs:.2f} (goal: at most {goal:.2f})"
    else:
        verdict = f"{theirs / ours:.1f} times faster (goal: at least {1 / goal:.3g})"
    met = "met" if ours <= goal * theirs else "MISSED"
    print(f"{what}: explorer {in_words(ours)}, {other} {in_words(theirs)}, {verdict}: {met}", flush=True)


def in_words(time_taken: float) -> str:
    """Return 1.23 s or 45.6 ms."""
    return f"{time_taken:.2f} s" if time_taken >= 1 else f"{time_taken * 1000:.1f} ms"


def test_data() -> tuple[Path, str | None]:
    """Return the picture and the weights to measure with, and say which; call it before Keras is imported.

    With the folder EXPLORER_TEST_DATA: real weights from its keras_home; else random ones and a bundled sample.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes would hide the figures
    folder = os.environ.get("EXPLORER_TEST_DATA")
    if folder is None:
        print("EXPLORER_TEST_DATA is not set: random weights and the bundled sample cat.jpg.")
        return SAMPLE, None
    os.environ["KERAS_HOME"] = str(Path(folder).resolve() / "keras_home")
    picture = Path(folder).resolve() / "pictures" / "elephant.jpg"
    print(f"EXPLORER_TEST_DATA is set: real weights and {picture.name}.")
    return picture, "pretrained"
