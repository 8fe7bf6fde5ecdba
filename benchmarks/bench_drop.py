"""A picture dropped on the page, until its predictions and the maps of the selected layer are there: time, decodings and runs.

What the page asks of its backend for each drop: the picture as the network sees it, its predictions, the maps of one layer.
Each drop is another picture; all is traced by the first one. The weights are random.
Run: python benchmarks/bench_drop.py [FOLDER ...]; each FOLDER is another working tree with this layout, measured in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
from measure import in_words
from PIL import Image

ROUNDS = 3
DROPS = 9
SIZE = 2000, 3000  # of the pictures, as a telephone's
ARCHITECTURES = {"MobileNetV2": "block_6_expand_relu", "ResNet50": "conv3_block4_out"}
SECONDS = "first", "first of processor", "drop", "drop of processor"
HERE = Path(__file__).parents[1]


def pictures() -> list[bytes]:
    """Return photographs, more or less, as the bytes of JPEG files."""
    found = []
    for seed in range(DROPS + 1):
        coarse = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
        out = BytesIO()
        Image.fromarray(coarse).resize(SIZE[::-1], Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
        found.append(out.getvalue())
    return found


def drops(architecture: str, layer: str) -> dict[str, float]:
    """Return the seconds and the processor's seconds of a drop, and how often it decodes and runs the network."""
    from explorer.backend.inference.executor import ModelExecutor
    from explorer.backend.inputs import image_files
    from explorer.backend.service import Backend
    from explorer.catalog.options import spec
    from explorer.values import Example

    counts = {"decodings": 0, "runs": 0}

    def counting(owner: object, name: str, what: str) -> None:
        plain = getattr(owner, name)

        def counted(*arguments: object, **named: object) -> object:
            counts[what] += 1
            return plain(*arguments, **named)

        setattr(owner, name, counted)

    counting(image_files, "decoded", "decodings")
    counting(ModelExecutor, "_run", "runs")
    backend, wanted = Backend(), spec(architecture, weights=None)
    backend.open(wanted, False, lambda _progress: None)
    times, processor = [], []
    for data in pictures():
        example = Example("image", data, "dropped.jpg")
        counts.update(decodings=0, runs=0)
        start, busy = time.perf_counter(), time.process_time()
        backend.view(wanted, example, lambda _progress: None)
        backend.predict(wanted, example, 5, 0, lambda _progress: None)
        backend.feature_maps(wanted, example, layer, True, lambda _progress: None)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    seconds = {"first": times[0], "first of processor": processor[0], "drop": median(times[1:]), "drop of processor": median(processor[1:])}
    return seconds | counts


def in_a_process(tree: Path, architecture: str) -> dict[str, float]:
    """Return what `drops` measures of a working tree."""
    command = [sys.executable, __file__, "--child", architecture]
    variables = {**os.environ, "PYTHONPATH": str(tree), "TF_CPP_MIN_LOG_LEVEL": "3"}
    printed = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True).stdout
    measured: dict[str, float] = json.loads(printed)
    return measured


def main() -> None:
    """Measure this working tree and the others in turn."""
    trees = [HERE, *map(Path, sys.argv[1:])]
    for architecture in ARCHITECTURES:
        rounds = [[in_a_process(tree, architecture) for tree in trees] for _round in range(ROUNDS)]
        for tree, measured in zip(trees, zip(*rounds, strict=True), strict=True):
            said = ", ".join(f"{name} {in_words(median(one[name] for one in measured))}" for name in SECONDS)
            print(f"{architecture} in {tree}: {said}; {measured[0]['decodings']} decodings, {measured[0]['runs']} runs", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(drops(sys.argv[2], ARCHITECTURES[sys.argv[2]])))
    else:
        main()
