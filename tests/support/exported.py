"""Exported scripts run where there is no explorer, and small data to train on."""

import io
import os
import subprocess
import sys
import warnings
import zipfile

import numpy as np

import explorer
from explorer.backend.fine_tuning import export_bundle
from explorer.backend.fine_tuning.trainer import train
from explorer.backend.runtime.keras import keras
from explorer.values import Example, Head, Labelled, Phase, TrainingData

WITHOUT_EXPLORER = "import runpy, sys; sys.modules['explorer'] = None; runpy.run_path('fine_tune.py', run_name='__main__')"
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


def run_script(folder):
    """Run the script in a folder in a process of its own, without explorer; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXPLORER], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "shuffle" not in done.stderr
    return done.stdout


def assert_trains_alike(network, data, recipe, folder):
    """Train in explorer and by the exported script; check that the same layers train, and the answers to held-out examples."""
    (folder / "run").mkdir()
    run = train(network, data, recipe, folder=folder / "run")
    assert (run.state, run.error_message) == ("done", "")
    unpacked(network, data, recipe, run, folder / "taken")
    printed = run_script(folder / "taken")
    assert_same_model(run, data, folder / "taken")
    assert " ".join(run.trainable) in printed
    return run


def assert_same_model(run, data, folder):
    model = keras.models.load_model(folder / "model.keras")
    assert tuple(layer.name for layer in model.layers if layer.trainable_weights) == run.trainable
    batches = [run.network.inputs.to_batch(one.example) for one in data.validation]
    arrays = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    held_out = arrays if len(arrays) > 1 else arrays[0]
    expected = run.network.model.predict(held_out, verbose=0)
    assert np.ptp(expected) > 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left to guess
        opened = explorer.load(folder / "model.keras")
    assert opened.input_spec.named_convention == run.network.input_spec.named_convention
    assert opened.labels == run.network.labels
    np.testing.assert_allclose(model.predict(held_out, verbose=0), expected, atol=1e-3)
