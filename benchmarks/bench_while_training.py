"""Exploring while a training goes on: an answer and the maps of a layer, beside a run in its own process, against without one.

MobileNetV2 on 200 drawn pictures, from block_13, with more epochs than are waited for. Run: python benchmarks/bench_while_training.py
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from measure import report, test_data

PICTURE, WEIGHTS = test_data()

from explorer import runs  # noqa: E402  # after KERAS_HOME is set
from explorer.backend.inputs import images  # noqa: E402
from explorer.backend.service import Backend  # noqa: E402
from explorer.catalog.options import spec  # noqa: E402
from explorer.values import Phase, Recipe  # noqa: E402

NETWORK, EXAMPLE, LAYER = spec("MobileNetV2", WEIGHTS), images.read(PICTURE), "block_6_expand_relu"
TRAINING = Recipe(116, phases=(Phase("tail", "sgd", 0.0001, 10_000),))
ROUNDS = 40
PATIENCE = 300  # seconds until the first epoch is through


def silent(_progress: object) -> None:
    """Say nothing."""


def seconds(backend: Backend, network: Any) -> float:
    """Return how long an answer and the maps of a layer take, with nothing remembered."""
    times = []
    for _round in range(ROUNDS):
        network.forget()
        start = time.perf_counter()
        backend.predict(NETWORK, EXAMPLE, 5, 0, silent)
        backend.feature_maps(NETWORK, EXAMPLE, LAYER, True, silent)
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """Measure without a training, beside one, and without one again."""
    backend = Backend()
    backend.open(NETWORK, False, silent)
    network = backend._network(NETWORK, silent)
    before = seconds(backend, network)
    key = backend.train(NETWORK, backend.choose_data(NETWORK, "patterns", 0.2, 0, 200, "", "", silent).spec, TRAINING, silent)
    end = time.monotonic() + PATIENCE
    while not (record := runs.record(key)).history:
        if time.monotonic() > end or record.state not in ("waiting", "running"):
            raise SystemExit(f"The training does not go on: {record.state} {record.error_message}")
        time.sleep(0.5)
    beside = seconds(backend, network)
    backend.delete_run(key, silent)
    report("an answer and the maps of a layer, while training", beside, (before + seconds(backend, network)) / 2, 1.25, "without")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ[runs.HOME] = str(Path(folder) / "runs")
        main()
