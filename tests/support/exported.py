"""Exported scripts run where there is no explorer, and small data to train on."""

import io
import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

import explorer
from explorer.backend.fine_tuning import export_bundle
from explorer.backend.fine_tuning.trainer import train
from explorer.backend.runtime.keras import keras
from explorer.values import Example, Head, Labelled, Phase, TrainingData

PHASES = (Phase("head", "rmsprop", 0.01, epochs=1, batch_size=8), Phase("tail", "sgd", 0.01, epochs=2, batch_size=8, momentum=0.9))
HEAD = Head(units=8)
COLOURS = ("red", "green", "blue")


def coloured(count=24, held_out=6, size=(20, 30)):
    """Return pictures that are mostly red, green or blue."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 150, (count + held_out, *size, 3)).astype(np.uint8)
    classes = random.permutation(np.arange(count + held_out) % 3)
    pixels[np.arange(count + held_out), :, :, classes] += 100
    every = tuple(
        Labelled(Example("image", one, f"{COLOURS[place]}/{number}.jpg"), (int(place),))
        for number, (one, place) in enumerate(zip(pixels, classes, strict=True))
    )
    return TrainingData("image", COLOURS, every[:count], every[count:])


def unpacked(network, data, recipe, run, folder):
    """Unpack what is taken away of a training into a folder, and return the folder."""
    taken = export_bundle.bundle(network, data, recipe, run)
    with zipfile.ZipFile(io.BytesIO(taken.data)) as archive:
        archive.extractall(folder)
    return folder


class Scripts:
    """A process without explorer, in which scripts run."""

    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("script_server.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder):
        """Run the script in a folder; return what it printed."""
        print(json.dumps(str(folder)), file=self.process.stdin, flush=True)
        done = json.loads(self.process.stdout.readline())
        assert not done["failure"], done["failure"]
        assert "shuffle" not in done["err"]
        return done["out"]

    def close(self):
        self.process.communicate()


def assert_trains_alike(network, data, recipe, folder, scripts):
    """Train in explorer and by the exported script; check that the same layers train, and the answers to held-out examples."""
    (folder / "run").mkdir()
    run = train(network, data, recipe, folder=folder / "run")
    assert (run.state, run.failure) == ("done", "")
    unpacked(network, data, recipe, run, folder / "taken")
    printed = scripts.run(folder / "taken")
    assert_same_model(run, data, folder / "taken")
    assert " ".join(run.trainable) in printed
    return run


def assert_same_model(run, data, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left to guess
        opened = explorer.load(folder / "model.keras")
    assert opened.reading.named_convention == run.network.reading.named_convention
    assert opened.labels == run.network.labels
    assert trained_layers(opened.model) == run.trainable
    batches = [run.network.to_batch(one.example) for one in data.validation]
    arrays = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    held_out = arrays if len(arrays) > 1 else arrays[0]
    expected, found = (model.predict(held_out, verbose=0) for model in (run.network.model, opened.model))
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-3)


def trained_layers(model, path=""):
    """Return the names of the layers that train, those inside of a nested model by their address."""
    parts = [
        trained_layers(layer, f"{path}{layer.name}/")
        if isinstance(layer, keras.Model)
        else (f"{path}{layer.name}",) * bool(layer.trainable_weights)
        for layer in model.layers
    ]
    return tuple(name for part in parts for name in part)
