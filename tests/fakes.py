"""A backend without Keras, for tests of what lies above it: answers at once, or when it is let go."""

import threading

import numpy as np

from explorer.errors import ExplorerError, WeightsUnavailable
from explorer.values import Answers, Axis, FeatureMaps, Layer, Layers, NetworkSummary, Prediction, Progress, SeenInput

ROWS, COLUMNS = 6, 8  # not square, so that a mix-up shows
INPUT = (Axis("row", 2 * ROWS, "pixel", 0, 2 * ROWS), Axis("column", 2 * COLUMNS, "pixel", 0, 2 * COLUMNS), Axis("channel", 3))
LAYERS = Layers(
    [
        Layer(0, "image", "input", "InputLayer", "stem", (2 * ROWS, 2 * COLUMNS, 3), 0),
        Layer(1, "block1_conv", "convolution", "Conv2D", "block1", (ROWS, COLUMNS, 5), 140),
        Layer(2, "block1_relu", "activation", "ReLU", "block1", (ROWS, COLUMNS, 5), 0),
        Layer(3, "predictions", "dense", "Dense", "top", (4,), 24),
    ]
)
LABELS = ("red_fox", "owl", "bear", "elk")


def maps_of(layer):
    shape = LAYERS[layer].output_shape
    return np.linspace(-1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)


class FakeBackend:
    """The verbs of `Backend`. `missing` architectures can't be opened; data b"bad" can't be read."""

    def __init__(self, missing=(), at_hand=frozenset({"digits"})):
        self.missing, self.here, self.asked = missing, at_hand, []

    def at_hand(self, _say):
        return self.here

    def open(self, spec, say):
        self.asked.append(("open", spec.architecture))
        say(Progress("Building"))
        if spec.architecture in self.missing:
            raise WeightsUnavailable("The weights are not here.")
        return NetworkSummary(spec, "image", INPUT, LAYERS, len(LABELS), 164)

    def view(self, _spec, example, _say):
        self.asked.append(("view", example.name))
        if example.data == b"bad":
            raise ExplorerError(f"{example.name} is not a picture.")
        came = np.full((2 * ROWS, 3 * COLUMNS, 3), 90, np.uint8)
        return SeenInput(came, came[:, : 2 * COLUMNS], (3 * COLUMNS, 2 * ROWS), INPUT)

    def predict(self, _spec, example, top, _say):
        self.asked.append(("predict", example.name, top))
        if not 1 <= top <= len(LABELS):
            raise ExplorerError(f"top must be from 1 to {len(LABELS)}, not {top}.")
        scores = (0.5, 0.25, 0.125, 0.125)
        rows = tuple(Prediction(str(index), LABELS[index], scores[index]) for index in range(top))
        return Answers(rows, len(LABELS) - top, 1 - sum(scores[:top]), True)

    def feature_maps(self, _spec, _example, layer, _say):
        self.asked.append(("feature_maps", layer))
        values = maps_of(layer)
        if values.ndim == 1:
            return FeatureMaps(LAYERS[layer], values, (Axis("unit", len(values)),), 3 * 2**20, 256 * 2**20, LABELS)
        spans = ((axis.unit, axis.start, axis.stop) for axis in INPUT)
        axes = tuple(Axis(name, size, *span) for name, size, span in zip(("row", "column", "channel"), values.shape, spans, strict=True))
        return FeatureMaps(LAYERS[layer], values, axes, 3 * 2**20, 256 * 2**20)


class HeldBackend(FakeBackend):
    """Holds `predict` back for the examples in `held`, until `let_go` is set."""

    def __init__(self, held):
        super().__init__()
        self.held, self.let_go, self.holding = held, threading.Event(), threading.Event()

    def predict(self, spec, example, top, say):
        if example.name in self.held:
            self.holding.set()
            self.let_go.wait(10)
        answers = super().predict(spec, example, top, say)
        named = tuple(Prediction(one.id, f"{example.name} {one.label}", one.score) for one in answers.predictions)
        return Answers(named, answers.others, answers.others_score, True)
