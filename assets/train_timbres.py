"""Train the bundled network `timbres` and write `explorer/bundled/timbres.keras` with its measured facts.

    python assets/train_timbres.py [--output DIR]

The sounds are synthesised (`explorer/backend/datasets/synthesis.py`), those held out with a generator of another seed. Needs
TensorFlow and librosa; takes about five minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # the same sums in the same order on every processor

import keras
import numpy as np

from explorer.backend.architectures.timbres import build
from explorer.backend.datasets.synthesis import CLASSES, random_sound
from explorer.backend.inputs import mel_spectrogram
from explorer.catalog import BUNDLED, SPECTROGRAMS

SEED = 7
HELD_OUT_SEED = 1007
EACH = 1000  # sounds of each class to train on
HELD_OUT_EACH = 100
SILENT = 0.02  # for each sound, how many stretches of silence, to which no class is the answer
EPOCHS = 16
BATCH = 64
HOW = SPECTROGRAMS["timbres"]


def sounds(each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `each` random sounds of every class, the classes in turn: float32 (n, HOW.samples), and their classes."""
    rng = np.random.default_rng(seed)
    classes = np.tile(np.arange(len(CLASSES)), each)
    return np.stack([random_sound(CLASSES[one], rng, HOW.seconds, HOW.rate) for one in classes]), classes


def as_read(samples: np.ndarray) -> np.ndarray:
    """Return the sounds as `explorer` gives them to the network: float32 (n, bands, frames, 1)."""
    parts = np.array_split(samples, -(-len(samples) // 64))
    return np.concatenate([mel_spectrogram.spectrogram(part, HOW) for part in parts])[..., None]


def held_out(each: int = HELD_OUT_EACH) -> tuple[np.ndarray, np.ndarray]:
    """Return what the network reads of the held-out sounds, and their classes; fewer of them are the first ones."""
    samples, classes = sounds(each, HELD_OUT_SEED)
    return as_read(samples), classes


def train(each: int = EACH, epochs: int = EPOCHS) -> keras.Model:
    """Return the trained network; the same on the same machine whenever it is run."""
    keras.utils.set_random_seed(SEED)
    samples, classes = sounds(each, SEED)
    silent = round(SILENT * len(samples))
    hush = np.random.default_rng(SEED).normal(0, 1, (silent, HOW.samples)) * np.logspace(-9, -4, silent)[:, None]
    x = np.concatenate([as_read(samples), as_read(hush.astype(np.float32))])
    y = np.concatenate([np.eye(len(CLASSES))[classes], np.full((silent, len(CLASSES)), 1 / len(CLASSES))])
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * -(-len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy")
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def main() -> None:
    """Train, print the accuracy and what is mixed up, write the network and its facts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=BUNDLED)
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    model = train()
    x, classes = held_out()
    guesses = model.predict(x, verbose=0).argmax(1)
    accuracy = float((guesses == classes).mean())
    plain = build()
    plain.set_weights(model.get_weights())  # without the optimizer's state
    plain.save(output / "timbres.keras")
    facts = {
        "accuracy": round(accuracy, 4),
        "held_out": len(classes),
        "parameters": model.count_params(),
        "depth": len(model.layers),
        "size": (output / "timbres.keras").stat().st_size,
        "seed": SEED,
        "classes": list(CLASSES),
    }
    (output / "timbres.json").write_text(json.dumps(facts, indent=2) + "\n")
    for one, name in enumerate(CLASSES):
        own = guesses[classes == one]
        taken = [CLASSES[guess] for guess in own if guess != one]
        print(f"{name}: {(own == one).mean():.0%} right, else {', '.join(taken) or 'nothing'}")
    print(f"{accuracy:.1%} of {len(classes)} held-out sounds right; {facts['size'] / 1000:.0f} kB; wrote {output}")


if __name__ == "__main__":
    main()
