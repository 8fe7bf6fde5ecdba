"""Switching among architectures: the time to switch back, the memory once networks have to go, and whether the page stays alive.

A switch is what the page does: open the network, answer a picture, show the feature maps of the middle layer. The
weights are random, TensorFlow is loaded before.
Times: back to a network that is held, against its first load by a backend that holds nothing, in turn.
Memory: 20 switches among six architectures with room for 300 MB of weights, in a process of its own with oneDNN on and
off; each of the last 10 against the switch six before, when the same networks were held.
Page: an event loop that should wake every 10 ms while the worker switches to NASNetLarge.
Run: python benchmarks/bench_switch.py
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
from measure import SAMPLE, alternate, in_words, report, seconds

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes would hide the figures

from explorer.backend.inputs import images
from explorer.backend.service import Backend
from explorer.catalog.options import spec
from explorer.worker.queue import Request, Worker

SPECS = [spec(name, weights=None) for name in ("MobileNetV2", "ResNet50", "VGG16", "InceptionV3", "DenseNet121", "Xception")]
LARGE = spec("NASNetLarge", weights=None)
EXAMPLE = images.read(SAMPLE)
ROUNDS = 3
SWITCHES, LAST = 20, 10
BOUND = 300  # MB of weights
FLAT = 0.05
TICK, PATIENCE = 0.01, 0.2  # seconds


class Switching(Backend):
    """A backend with one verb more."""

    def switch(self, wanted: object, report_progress: object) -> None:
        """Do what the page does when a network is picked."""
        summary = self.open(wanted, False, report_progress)
        self.predict(wanted, EXAMPLE, 5, 0, report_progress)
        self.feature_maps(wanted, EXAMPLE, summary.layers[len(summary.layers) // 2].name, report_progress)


def silent(_progress: object) -> None:
    """Say nothing."""


def measure_times() -> None:
    """Report how long it takes to open each of the networks, all held, against its first load."""
    held = Backend(memory=2**40)
    for one in SPECS:
        held.open(one, False, silent)
    for one, other in zip(SPECS, (*SPECS[1:], SPECS[0]), strict=True):

        def timer(backend: Callable[[], Backend], one: object = one, other: object = other) -> float:
            held.open(other, False, silent)
            return seconds(lambda: backend().open(one, False, silent))

        times = alternate({"back": lambda: held, "first": Backend}, ROUNDS, timer)
        report(f"{one.architecture} opened again", times["back"], times["first"], goal=1 / 10, other="first load")


def switches() -> Iterator[dict[str, object]]:
    """Yield, after each switch, what was opened, how many seconds it took, the MB of weights held and the process's resident MB."""
    backend = Switching(memory=BOUND * 2**20)
    for number in range(SWITCHES):
        wanted = SPECS[number % len(SPECS)]
        took = seconds(lambda wanted=wanted: backend.switch(wanted, silent))
        held = sum(size for _name, size in backend.loaded_models(silent).networks)
        yield {"name": wanted.architecture, "took": took, "held": held / 2**20, "resident": psutil.Process().memory_info().rss / 2**20}


def measure_memory(onednn: str) -> None:
    """Report the resident memory over the switches in a process of its own."""
    settings = os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn}
    resident = []
    print(f"Switches with TF_ENABLE_ONEDNN_OPTS={onednn}, room for {BOUND} MB of weights:")
    with subprocess.Popen([sys.executable, __file__, "switches"], env=settings, stdout=subprocess.PIPE, text=True) as process:
        for number, line in enumerate(map(json.loads, process.stdout), start=1):
            resident.append(line["resident"])
            print("{:2} {name:12} {took:5.1f} s, held {held:4.0f} MB, resident {resident:5.0f} MB".format(number, **line), flush=True)
    pairs = list(zip(resident[len(SPECS) :], resident, strict=False))[-LAST:]
    rise = max(now / before - 1 for now, before in pairs)
    print(f"Resident memory over the last {LAST}: {100 * rise:+.1f} % at most: {'met' if rise <= FLAT else 'MISSED'}", flush=True)


async def measure_page() -> None:
    """Report how late the event loop wakes while the worker switches to a large network."""
    worker, ended = Worker(Switching), asyncio.Event()
    late = []
    for wanted in (SPECS[0], LARGE):  # the first one loads TensorFlow
        late.clear()
        ended.clear()
        worker.submit(Request("page", "switch", (wanted,), lambda *_done: ended.set(), lambda _error: ended.set(), lambda _progress: None))
        while not ended.is_set():
            start = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - start - TICK)
    worker.close()
    late.sort()
    usual, worst = late[len(late) * 99 // 100], late[-1]
    print(f"The page while {LARGE.architecture} is built and run: 99 of 100 times late by {in_words(usual)} at most, ", end="")
    print(f"once by {in_words(worst)} (goal: at most {in_words(PATIENCE)}): {'met' if worst <= PATIENCE else 'MISSED'}", flush=True)


def main() -> None:
    if sys.argv[1:] == ["switches"]:
        for line in switches():
            print(json.dumps(line), flush=True)
        return
    asyncio.run(measure_page())
    for onednn in ("1", "0"):
        measure_memory(onednn)
    measure_times()


if __name__ == "__main__":
    main()
