"""Feature maps of all layers of MobileNetV2: one new Keras model a layer against `network.feature_maps`.

The recipe makes a `keras.Model(model.input, layer.output)` for each layer and predicts with it. Measured are the
first picture, tracing included, and the next one, of which nothing is remembered. The recipe takes about a
minute, so there are two rounds only. Run: python benchmarks/bench_feature_maps.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from measure import alternate, report, seconds, test_data
from PIL import Image

PICTURE, WEIGHTS = test_data()

import keras  # noqa: E402  # after KERAS_HOME is set

import explorer  # noqa: E402

ROUNDS = 2
PICTURES = 12


def recipe(model: Any, path: Path) -> dict[str, np.ndarray]:
    """Return what each layer answers, each from a model of its own."""
    image = keras.utils.load_img(path, target_size=model.input_shape[1:3])
    batch = keras.applications.mobilenet_v2.preprocess_input(np.expand_dims(keras.utils.img_to_array(image), axis=0))
    return {layer.name: keras.Model(model.input, layer.output).predict(batch, verbose=0)[0] for layer in model.layers}


def all_maps(network: Any, path: Path) -> dict[str, np.ndarray]:
    return network.feature_maps(path, range(len(network.layers)))


def check(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-3, atol=1e-4, err_msg=name)


def pictures(folder: str) -> list[Path]:
    """Return different pictures: the same one, turned."""
    paths = [Path(folder) / f"{number}.jpg" for number in range(PICTURES)]
    for number, path in enumerate(paths):
        Image.open(PICTURE).convert("RGB").rotate(5 * number).save(path, quality=90)
    return paths


def main() -> None:
    networks = [explorer.load("MobileNetV2", weights=WEIGHTS) for _round in range(ROUNDS)]
    fresh = iter(networks)
    expected = {}
    with tempfile.TemporaryDirectory() as folder:
        first, *others = pictures(folder)

        def ours() -> None:
            all_maps(next(fresh), first)

        def theirs() -> None:
            expected.update(recipe(networks[0].model, first))

        times = alternate({"ours": ours, "theirs": theirs}, ROUNDS)
        check(all_maps(networks[0], first), expected)
        rest = [seconds(lambda path=path: all_maps(networks[0], path)) for path in others]
    layers = len(networks[0].layers)
    report(f"All {layers} layers of MobileNetV2, first picture", times["ours"], times["theirs"], goal=1 / 40)
    report(f"All {layers} layers of MobileNetV2, next picture", median(rest), times["theirs"], goal=1 / 300)


if __name__ == "__main__":
    main()
