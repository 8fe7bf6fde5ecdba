"""Train the bundled network `digits` and write `explorer/bundled/digits.keras` with its measured facts.

    python assets/train_digits.py [--output DIR]

The 1,797 digits of scikit-learn (8 x 8 pixels, from the UCI data set "Optical Recognition of
Handwritten Digits", E. Alpaydin and C. Kaynak, 1998, CC BY 4.0) are enlarged to 32 x 32; a stratified fifth is
held out and never trained on. Needs scikit-learn and TensorFlow; takes about two minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # the same sums in the same order on every processor

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from explorer.backend.architectures.digits import build
from explorer.backend.inputs import images
from explorer.catalog import BUNDLED, architectures
from explorer.values import Example, InputSpec, TensorInfo

SEED = 7
EPOCHS = 60
SAMPLES = 10  # held-out digits shipped as sample inputs, one of each class


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return the digits as pictures, uint8 (n, 32, 32), light ink on black, and their classes."""
    digits = load_digits()
    small = np.clip(digits.images * (255 / 16), 0, 255).astype(np.uint8)
    large = [np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BICUBIC)) for one in small]
    return np.stack(large), digits.target


def as_read(digits: np.ndarray) -> np.ndarray:
    """Return the pictures as `explorer` gives them to the network: float32 (n, 32, 32, 1)."""
    row = architectures["digits"]
    input_spec = InputSpec("image", (TensorInfo("image", row.input_size, "float32"),), row.preprocess_mode, size=row.input_size)
    return np.concatenate([images.to_batch(Example("image", np.stack([one] * 3, -1), "digit"), input_spec)[0] for one in digits])


def split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training pictures, held-out pictures, training classes, held-out classes."""
    digits, classes = pictures()
    return tuple(train_test_split(digits, classes, test_size=0.2, stratify=classes, random_state=SEED))


def train(epochs: int = EPOCHS) -> keras.Model:
    """Return the trained network; the same on the same machine whenever it is run."""
    keras.utils.set_random_seed(SEED)
    digits, _held_out, classes, _ = split()
    x = as_read(digits)
    bend = keras.Sequential(
        [
            keras.layers.RandomRotation(0.04, fill_mode="constant", seed=SEED),
            keras.layers.RandomTranslation(0.08, 0.08, fill_mode="constant", seed=SEED),
            keras.layers.RandomZoom((-0.1, 0.15), (-0.1, 0.25), fill_mode="constant", seed=SEED),
        ]
    )
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 32))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _epoch in range(epochs):
        model.fit(np.asarray(bend(x, training=True)), classes, batch_size=32, verbose=0)
    return model


def main() -> None:
    """Train, print the accuracy, write the network, its facts and the samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=BUNDLED)
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    model = train()
    _, held_out, _, classes = split()
    scores = model.predict(as_read(held_out), verbose=0)
    guesses = scores.argmax(1)
    accuracy = float((guesses == classes).mean())
    plain = build()
    plain.set_weights(model.get_weights())  # without the optimizer's state
    plain.save(output / "digits.keras")
    facts = {
        "accuracy": round(accuracy, 4),
        "held_out": len(classes),
        "parameters": model.count_params(),
        "depth": len(model.layers),
        "size": (output / "digits.keras").stat().st_size,
        "seed": SEED,
    }
    (output / "digits.json").write_text(json.dumps(facts, indent=2) + "\n")
    samples = output / "samples"
    samples.mkdir(exist_ok=True)
    for digit in range(SAMPLES):
        clearest = np.where(classes == digit, scores[:, digit], 0).argmax()
        Image.fromarray(held_out[clearest]).save(samples / f"digit_{digit}.png", optimize=True)
    print(f"{accuracy:.1%} of {len(classes)} held-out digits right; {facts['size'] / 1000:.0f} kB; wrote {output}")


if __name__ == "__main__":
    main()
