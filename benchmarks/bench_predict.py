"""One picture from its path to the five best answers: the recipe of the Keras guides against `network.predict`.

Both are warm and use the same Keras model. Run: python benchmarks/bench_predict.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measure import alternate, report, test_data
from PIL import Image

PICTURE, WEIGHTS = test_data()

import keras  # noqa: E402  # after KERAS_HOME is set

import explorer  # noqa: E402

ROUNDS = 15


def recipe(model: Any, application: Any, path: Path, decode: bool) -> list[tuple[str, str, float]]:
    """Do what keras.io/api/applications shows; decoding needs the file of the class names, which comes with the test data."""
    image = keras.utils.load_img(path, target_size=model.input_shape[1:3])
    batch = np.expand_dims(keras.utils.img_to_array(image), axis=0)
    scores = model.predict(application.preprocess_input(batch), verbose=0)
    if decode:
        return application.decode_predictions(scores, top=5)[0]
    return [("", "", score) for score in np.sort(scores[0])[::-1][:5]]


def measure(what: str, network: Any, application: Any, path: Path, goal: float) -> None:
    def ours() -> Any:
        return network.predict(path, top=5)

    def theirs() -> Any:
        return recipe(network.model, application, path, decode=WEIGHTS is not None)

    expected, answered = theirs(), ours()
    np.testing.assert_allclose([one.score for one in answered], [score for *_words, score in expected], rtol=1e-3, atol=1e-6)
    if network.spec.weights:
        assert [one.label for one in answered] == [label for _id, label, _score in expected]
    times = alternate({"theirs": theirs, "ours": ours}, ROUNDS)
    report(what, times["ours"], times["theirs"], goal)


def main() -> None:
    mobile = explorer.load("MobileNetV2", weights=WEIGHTS)
    measure("MobileNetV2, one picture", mobile, keras.applications.mobilenet_v2, PICTURE, goal=0.4)
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        Image.open(PICTURE).convert("RGB").resize((4000, 3000)).save(large, quality=90)
        measure("MobileNetV2, a picture of 12 megapixels", mobile, keras.applications.mobilenet_v2, large, goal=0.7)
    residual = explorer.load("ResNet50", weights=None)
    measure("ResNet50 (random weights), one picture", residual, keras.applications.resnet, PICTURE, goal=0.5)


if __name__ == "__main__":
    main()
