"""A backend without Keras, for tests of what lies above it: answers at once, or when it is let go."""

import asyncio
import io
import threading
import wave
from dataclasses import replace

import numpy as np

from explorer.catalog import PHOTOGRAPHS, architectures
from explorer.errors import DownloadNeeded, ExplorerError, UnreadableModel, WeightsUnavailable
from explorer.values import (
    AudioClip,
    Axis,
    Example,
    FeatureMaps,
    Heard,
    InputSpec,
    Layer,
    Layers,
    LoadedModels,
    MelSpectrogram,
    ModelFile,
    NetworkSpec,
    NetworkSummary,
    Prediction,
    Predictions,
    PreprocessedInput,
    Progress,
    ScoresOverTime,
    TakenFile,
    TensorInfo,
)

ROWS, COLUMNS = 6, 8  # not square, so that a mix-up shows
INPUT = (Axis("row", 2 * ROWS, "pixel", 0, 2 * ROWS), Axis("column", 2 * COLUMNS, "pixel", 0, 2 * COLUMNS), Axis("channel", 3))
PICTURES = InputSpec("image", (TensorInfo("image", (2 * ROWS, 2 * COLUMNS, 3), "float32"),), "tf", size=(2 * ROWS, 2 * COLUMNS, 3))
ARRAYS = InputSpec("arrays", (TensorInfo("steps", (ROWS, 3), "float32"), TensorInfo("age", (), "int32", below=120)))
MEL = MelSpectrogram(rate=8000, samples=16_000, fft=512, hop=800, bands=8)
SOUND = InputSpec("audio", (TensorInfo("spectrogram", MEL.shape, "float32"),), "timbres", size=MEL.shape, sound=MEL)
EDGES = (0, 200, 450, 750, 1100, 1600, 2200, 3000, 4000)  # Hz: no two bands are equally wide
LONG, HOP = 10.0, 0.5  # seconds: a sound, and from one window along it to the next
SCORES = (TensorInfo("predictions", (4,), "float32"),)
LABELS = ("red_fox", "owl", "bear", "elk")


def layer(index, name, kind, class_name, block, shape, parameters=0, **facts):
    return Layer(index, name, kind, class_name, block, shape, parameters, output_shapes=(shape,), **facts)


LAYERS = Layers(
    [
        layer(0, "image", "input", "InputLayer", "stem", (2 * ROWS, 2 * COLUMNS, 3)),
        layer(1, "block1_conv", "convolution", "Conv2D", "block1", (ROWS, COLUMNS, 5), 140),
        layer(2, "block1_relu", "activation", "ReLU", "block1", (ROWS, COLUMNS, 5)),
        layer(3, "predictions", "dense", "Dense", "top", (4,), 24),
    ]
)
NESTED = Layers(
    [
        layer(0, "image", "input", "InputLayer", "stem", (2 * ROWS, 2 * COLUMNS, 3)),
        layer(1, "backbone", "model", "Functional", "backbone", (ROWS, COLUMNS, 5), 140),
        layer(1, "backbone/conv", "convolution", "Conv2D", "backbone", (ROWS, COLUMNS, 5), 140, is_nested_or_reused=True),
        layer(2, "predictions", "dense", "Dense", "top", (4,), 24),
        layer(2, "predictions:1", "dense", "Dense", "top", (4,), is_nested_or_reused=True),
    ]
)
OF_ARRAYS = Layers(
    [
        layer(0, "steps", "input", "InputLayer", "stem", (ROWS, 3)),
        layer(1, "lstm", "recurrent", "LSTM", "lstm", (ROWS, 5), 180),
        layer(2, "score", "dense", "Dense", "top", (4,), 24),
    ]
)
OF_SOUND = Layers(
    [
        layer(0, "spectrogram", "input", "InputLayer", "stem", MEL.shape),
        layer(1, "hum_conv", "convolution", "Conv2D", "hum", (4, 7, 3), 30),
        layer(2, "hum_relu", "activation", "ReLU", "hum", (4, 7, 3)),
        layer(3, "tags", "dense", "Dense", "top", (4,), 24),
    ]
)


def network(spec, input_spec=PICTURES, layers=LAYERS, outputs=SCORES, classes=None, samples=None):
    """Return the summary of a network; `classes` are those of the outputs that are vectors."""
    if classes is None:
        classes = tuple(one.shape[0] if len(one.shape) == 1 else 0 for one in outputs)
    if samples is None:
        samples = architectures[spec.architecture].samples if isinstance(spec, NetworkSpec) else PHOTOGRAPHS
    axes = INPUT if input_spec.kind == "image" else ()
    return NetworkSummary(spec, input_spec, axes, layers, outputs, classes, 164, 656, samples if input_spec.kind == "image" else ())


def network_of_arrays(spec):
    return network(spec, ARRAYS, OF_ARRAYS)


def network_of_sound(spec):
    return replace(network(spec, SOUND, OF_SOUND), axes=sound_axes(0))


def sound_axes(start, shape=MEL.shape):
    """Return the axes of maps over the part of a sound that begins at `start`."""
    half = MEL.hop / MEL.rate / 2
    frequency = Axis("frequency", shape[0], "Hz", EDGES[0], EDGES[-1], EDGES, upward=True)
    return frequency, Axis("time", shape[1], "s", start - half, start + MEL.seconds + half), Axis("channel", shape[2])


def hum(start=0.0, stop=LONG):
    """Return the samples from `start` to `stop` of a hum that swells, int16, as they are in a file of it."""
    at = np.arange(round(start * MEL.rate), round(stop * MEL.rate)) / MEL.rate
    return (20_000 * np.sin(np.pi * at / LONG) * np.sin(2 * np.pi * 330 * at)).astype(np.int16)


def wav(samples):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, MEL.rate, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    return out.getvalue()


def heard(example):
    """Return what a network of sound sees: a low tone, in the second of its bands."""
    start = 4.0 if example.start is None else example.start
    loud = np.full((MEL.bands, MEL.frames), -40, np.float32)
    loud[1] = np.linspace(0, 40, MEL.frames)
    envelope = np.abs(hum()).reshape(100, -1).max(axis=1)[:, None] * np.array([-1, 1], np.float32) / 32768
    sound = Heard(MEL.rate, 1, LONG, start, start + MEL.seconds, envelope.astype(np.float32), loud)
    nothing = np.zeros((0, 0), np.uint8)
    return PreprocessedInput(nothing, nothing, (), sound_axes(start), notes=("Made louder.",), sound=sound)


def scores_over_time():
    """Return the scores of all windows along the hum: each tag has its time, the third the highest."""
    windows = np.arange(round((LONG - MEL.seconds) / HOP) + 1)
    peaks = {0: (2, 0.5), 1: (6, 0.25), 2: (10, 0.9), 3: (14, 0.75)}
    return np.stack([height * np.exp(-np.abs(windows - place) / 4) for place, height in peaks.values()], -1).astype(np.float32)


def maps_of(row):
    return np.linspace(-1, 2, int(np.prod(row.output_shape)), dtype=np.float32).reshape(row.output_shape)


class FakeBackend:
    """The verbs of `Backend`; `asked` is what it was asked, in order.

    missing: names of what can't be opened; to_download: of what would have to be downloaded first.
    networks: name -> what makes the summary of the network of that name; `network` makes those of all others.
    report: what becomes of the layers when weights are loaded.
    The data b"bad" can't be read as an example, a model, weights or arrays; a model can't be taken as "h5".
    """

    report = None

    def __init__(self, missing=(), to_download=(), locally_available=frozenset({"digits"}), networks=None):
        self.missing, self.to_download, self.here = missing, to_download, locally_available
        self.networks, self.opened, self.asked = networks or {}, {}, []

    def close(self):
        self.asked.append(("close", ""))

    def locally_available(self, _report_progress):
        return self.here

    def register_live_model(self, spec, model, prepare, _report_progress):
        self.asked.append(("register_live_model", spec, model, prepare))
        return spec

    def receive(self, data, name, _report_progress):
        self.asked.append(("receive", name))
        if data == b"bad":
            raise UnreadableModel(f"{name} is no Keras model.")
        return ModelFile(f"/somewhere/{name}", "1", name)

    def open(self, spec, download, report_progress):
        self.asked.append(("open", spec.name))
        report_progress(Progress("Building"))
        if spec.name in self.to_download and spec.weights is not None and not download:
            raise DownloadNeeded(f"{spec.name} is not here.")
        if spec.name in self.missing:
            raise WeightsUnavailable("The weights are not here.")
        self.opened[spec] = self.networks.get(spec.name, network)(spec)
        return self.opened[spec]

    def loaded_models(self, _report_progress):
        return LoadedModels(tuple((spec.name, one.memory) for spec, one in self.opened.items()), 1024)

    def view(self, _spec, example, _report_progress):
        self.asked.append(("view", example.name))
        if example.data == b"bad":
            raise ExplorerError(f"{example.name} is not a picture.")
        if example.kind == "audio":
            return heard(example)
        if example.kind == "arrays":
            arrays = example.data if isinstance(example.data, tuple) else (("steps", np.ones((ROWS, 3), np.float32)),)
            return PreprocessedInput(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8), (), (), arrays=arrays)
        original = np.full((2 * ROWS, 3 * COLUMNS, 3), 90, np.uint8)
        return PreprocessedInput(original, original[:, : 2 * COLUMNS], (3 * COLUMNS, 2 * ROWS), INPUT)

    def random_example(self, spec, seed, _report_progress):
        self.asked.append(("random_example", seed))
        if self.opened[spec].input_spec.kind == "audio":
            return Example("audio", wav(hum()), "hum.wav")
        rows = np.random.default_rng(seed).standard_normal((ROWS, 3)).astype(np.float32)
        return Example("arrays", (("steps", rows), ("age", np.array(40 + seed, np.int32))), f"random values, seed {seed}")

    def predict(self, spec, example, top, output, _report_progress):
        self.asked.append(("predict", example.name, top))
        if not 1 <= top <= len(LABELS):
            raise ExplorerError(f"top must be from 1 to {len(LABELS)}, not {top}.")
        scores = (0.5, 0.25, 0.125, 0.125)
        rows = tuple(Prediction(str(index), LABELS[index], scores[index]) for index in range(min(top, self.opened[spec].classes[output])))
        return Predictions(rows, len(LABELS) - len(rows), 1 - sum(scores[: len(rows)]), output=output)

    def clip(self, _spec, example, start, stop, _report_progress):
        self.asked.append(("clip", example.name, start, stop))
        return AudioClip(start, stop, wav(hum(max(0, start), min(LONG, stop))))

    def over_time(self, spec, _example, first, count, _report_progress):
        self.asked.append(("over_time", spec.name, first, count))
        scores = scores_over_time()
        some = slice(first, first + count)
        return ScoresOverTime(
            np.arange(len(scores), dtype=float)[some] * HOP, scores[some], LABELS, MEL.seconds, HOP, "independent", len(scores)
        )

    def feature_maps(self, spec, example, name, drawn, _report_progress):
        self.asked.append(("feature_maps", name, drawn))
        row = self.opened[spec].layers.find(name)
        values, kept = maps_of(row), (3 * 2**20, 256 * 2**20)
        if values.ndim == 1:
            return FeatureMaps(row, values, (Axis("unit", len(values)),), *kept, LABELS)
        if values.ndim == 2:
            return FeatureMaps(row, values, (Axis("step", len(values)), Axis("unit", values.shape[1])), *kept)
        if example.kind == "audio":
            return FeatureMaps(row, values, sound_axes(4.0 if example.start is None else example.start, values.shape), *kept)
        spans = ((axis.unit, axis.start, axis.stop) for axis in INPUT)
        axes = tuple(Axis(name, size, *span) for name, size, span in zip(("row", "column", "channel"), values.shape, spans, strict=True))
        return FeatureMaps(row, values, axes, *kept)

    def take(self, spec, what, _report_progress):
        self.asked.append(("take", what))
        if what == "h5":
            raise ExplorerError(f"{spec.name} can't be saved.")
        return TakenFile(f"{spec.name}.{what}", what.encode())

    def load_weights(self, _spec, data, name, by_name, _report_progress):
        self.asked.append(("load_weights", name, by_name))
        if data == b"bad":
            raise UnreadableModel(f"{name} holds no weights.")
        return self.report

    def evaluate(self, _spec, data, name, _report_progress):
        self.asked.append(("evaluate", name))
        if data == b"bad":
            raise ExplorerError(f"{name} holds no x.")
        return {"loss": 0.25, "accuracy": 0.5}


class HeldBackend(FakeBackend):
    """Holds a verb back for what is named in `loaded_models`, until `let_go` is set; its answers name their example."""

    def __init__(self, held, method="predict", **options):
        super().__init__(**options)
        self.held_back, self.method, self.let_go, self.holding = held, method, threading.Event(), threading.Event()

    def predict(self, spec, example, top, output, report_progress):
        self._hold("predict", example.name)
        predictions = super().predict(spec, example, top, output, report_progress)
        named = tuple(Prediction(one.id, f"{example.name} {one.label}", one.score) for one in predictions.predictions)
        return Predictions(named, predictions.others, predictions.others_score, output=output)

    def open(self, spec, download, report_progress):
        self._hold("open", spec.name)
        return super().open(spec, download, report_progress)

    def random_example(self, spec, seed, report_progress):
        self._hold("random_example", seed)
        return super().random_example(spec, seed, report_progress)

    def _hold(self, method, name):
        if method == self.method and name in self.held_back:
            self.holding.set()
            self.let_go.wait(120)


class StillWorker:
    """A worker that answers nothing."""

    def submit(self, request):
        pass

    def cancel(self, *keys):
        pass

    def close(self):
        pass


async def until(condition):
    """Wait on the event loop until the condition holds."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.005)
