"""Fine-tuning: the guides' recipe in plain Keras against `explorer.fine_tune`, with the same plan, data, seed and losses.

200 drawn pictures of 5 classes, 40 held out. MobileNetV2 from block_13, 5 + 5 and 20 + 20 epochs, and InceptionV3 from layer 249,
5 + 5 epochs; batch norms in inference mode on both sides. Each side runs in a process of its own, in turn, so that the peak of its
memory is its own. Run: python benchmarks/bench_fine_tune.py [rounds]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from measure import report, test_data

CASES = {
    "MobileNetV2, 5 + 5 epochs": ("MobileNetV2", 116, "out_relu", 5, 1 / 3),
    "MobileNetV2, 20 + 20 epochs": ("MobileNetV2", 116, "out_relu", 20, 1 / 4.5),
    "InceptionV3, 5 + 5 epochs": ("InceptionV3", 249, "mixed10", 5, 1 / 3.5),
}
EPOCHS = {"head": 1 / 20, "tail": 1 / 3}  # goals of MobileNetV2
CLASSES = ("circle", "square", "stripes", "dots", "star")
COUNT, HELD_OUT, BATCH, SEED = 200, 40, 32, 0
MEMORY = 1.3  # times the peak of the other side


def pictures(size: int) -> tuple[Any, Any]:
    """Return the pictures, uint8 (200, size, size, 3), and their classes (200,)."""
    import numpy as np

    from explorer.backend.datasets.patterns import drawn

    random = np.random.default_rng(SEED)
    classes = np.arange(COUNT) % len(CLASSES)
    return np.stack([drawn(CLASSES[one], size, random) for one in classes]), classes


def ours(name: str, freeze: int, epochs: int, size: int) -> dict[str, Any]:
    """Train with explorer; return seconds of all, of the epochs, and how it ended."""
    import explorer
    from explorer.values.training import HEAD_PHASE, TAIL_PHASE

    network, (x, y) = explorer.load(name, weights=weights(name)), pictures(size)
    phases = [explorer.Phase(**{**vars(one), "epochs": epochs}) for one in (HEAD_PHASE, TAIL_PHASE)]
    start = time.perf_counter()
    split = COUNT - HELD_OUT
    run = explorer.fine_tune(network, (x[:split], y[:split]), freeze, phases=phases, validation=(x[split:], y[split:]), seed=SEED)
    return {
        "all": time.perf_counter() - start,
        "epochs": [one.seconds for one in run.history],
        "losses": [one.loss for one in run.history],
        "accuracy": run.history[-1].val_accuracy,
    }


def theirs(name: str, freeze: int, epochs: int, size: int, last: str) -> dict[str, Any]:
    """Do what the Keras guide does, on arrays in memory; return the same."""
    import keras
    import tensorflow

    x, y = pictures(size)
    applications = {"MobileNetV2": keras.applications.mobilenet_v2, "InceptionV3": keras.applications.inception_v3}
    build = getattr(applications[name], name)
    whole = build(weights="imagenet" if weights(name) else None)
    start = time.perf_counter()
    x = applications[name].preprocess_input(x.astype("float32"))
    base = keras.Model(whole.input, whole.get_layer(last).output)
    keras.utils.set_random_seed(SEED)
    head = keras.layers.GlobalAveragePooling2D()(base.output)
    head = keras.layers.Dense(1024, activation="relu")(head)
    model = keras.Model(base.input, keras.layers.Dense(len(CLASSES), activation="softmax")(head))

    split, times, losses, accuracy = COUNT - HELD_OUT, [], [], 0.0
    held_out = tensorflow.data.Dataset.from_tensor_slices((x[split:], y[split:])).batch(BATCH).prefetch(2)

    class Times(keras.callbacks.Callback):
        def on_epoch_begin(self, _epoch: int, _logs: Any = None) -> None:
            times.append(-time.perf_counter())

        def on_epoch_end(self, _epoch: int, _logs: Any = None) -> None:
            times[-1] += time.perf_counter()

    for phase, optimizer in enumerate((keras.optimizers.RMSprop(0.001), keras.optimizers.SGD(0.0001, momentum=0.9))):
        for place, layer in enumerate(base.layers):
            layer.trainable = bool(phase) and place >= freeze and not isinstance(layer, keras.layers.BatchNormalization)
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        keras.utils.set_random_seed(SEED + 1 + phase)
        training = tensorflow.data.Dataset.from_tensor_slices((x[:split], y[:split])).shuffle(split, seed=SEED).batch(BATCH).prefetch(2)
        done = model.fit(training, validation_data=held_out, epochs=epochs, shuffle=False, verbose=0, callbacks=[Times()])
        losses += done.history["loss"]
        accuracy = done.history["val_accuracy"][-1]
    return {"all": time.perf_counter() - start, "epochs": times, "losses": losses, "accuracy": accuracy}


def weights(name: str) -> str | None:
    """Return "pretrained" for the network whose weights may be there."""
    return "pretrained" if name == "MobileNetV2" and os.environ.get("EXPLORER_TEST_DATA") else None


def main() -> None:
    test_data()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for what, (name, freeze, last, epochs, goal) in CASES.items():
        found: dict[str, list[dict[str, Any]]] = {"theirs": [], "ours": []}
        for _round in range(rounds):
            for side, results in found.items():
                results.append(in_a_process(side, name, freeze, last, epochs))

        report(what, *(median(one["all"] for one in found[side]) for side in ("ours", "theirs")), goal)
        for phase, (part, wanted) in enumerate(EPOCHS.items() if name == "MobileNetV2" else ()):
            times = [median(usual(one, phase, epochs) for one in found[side]) for side in ("ours", "theirs")]
            report(f"{what}, an epoch of the {part}", *times, wanted)
        one, other = found["ours"][0], found["theirs"][0]
        apart = max(abs(a - b) / b for a, b in zip(one["losses"], other["losses"], strict=True))
        memory = median(one["memory"] for one in found["ours"]) / median(one["memory"] for one in found["theirs"])
        print(
            f"    losses at most {apart:.1g} apart (goal: 1e-3); held-out accuracy {one['accuracy']:.3f} and {other['accuracy']:.3f}; "
            f"peak of memory {memory:.2f} of theirs (goal: {MEMORY})",
            flush=True,
        )


def usual(result: dict[str, Any], phase: int, epochs: int) -> float:
    """Return the seconds of an epoch of a phase, its first one, in which it is traced, left out."""
    return median(result["epochs"][phase * epochs + 1 : (phase + 1) * epochs])


def in_a_process(side: str, *case: Any) -> dict[str, Any]:
    """Run one side in a process of its own."""
    told = subprocess.run([sys.executable, __file__, "--side", side, json.dumps(case)], capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return result


def alone(side: str, name: str, freeze: int, last: str, epochs: int) -> None:
    """Run one side here, and print what it took."""
    size = {"MobileNetV2": 224, "InceptionV3": 299}[name]
    result = ours(name, freeze, epochs, size) if side == "ours" else theirs(name, freeze, epochs, size, last)
    result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(result))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    if "--side" in sys.argv:
        alone(sys.argv[-2], *json.loads(sys.argv[-1]))
    else:
        main()
