"""How the process that is fed reads a file, by a name for each way; None only loads what is needed for it."""

import shutil
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

import explorer
from explorer.backend.datasets.loader import training_data
from explorer.backend.inputs import images
from explorer.backend.weights import packs
from explorer.errors import ExplorerError
from explorer.runs import serialization
from explorer.values import InputSpec, TensorInfo


@cache
def network(name):
    return explorer.load(name)


def predicted(name):
    def reader(path):
        return network(name) if path is None else network(name).predict(path, top=2)

    return reader


def opened(path):
    """Open a model and run it on whatever it reads."""
    if path is None:
        return network("digits").predict(np.zeros((28, 28), np.uint8))
    found = explorer.load(path)
    example = found.inputs.random_example() if found.input_spec.kind == "arrays" else np.zeros(found.input_spec.size, np.uint8)
    found.feature_maps(example, found.layers[0].name)
    return found.predict(example, top=1)


@cache
def numbers():
    """Return a network that weights are loaded into."""
    import keras

    layers = keras.layers
    return explorer.load(keras.Sequential([keras.Input((4,)), layers.Dense(6, activation="relu"), layers.Dropout(0.5), layers.Dense(2)]))


def weighted(path):
    found = numbers()
    return found if path is None else found.load_weights(path, by_name=len(path) % 2 == 0)


def slid(name):
    def reader(path):
        return network(name) if path is None else network(name).over_time(path).scores.shape

    return reader


def measured(path):
    return numbers().evaluate(np.zeros((2, 4)), np.zeros((2, 2))) if path is None else numbers().evaluate_file(path)


@cache
def pictures(folder):
    """Return a folder of class folders with a picture each, and two beside them."""
    Image.new("L", (8, 8)).save(made(folder / "cat") / "c.png")
    Image.new("L", (8, 8), 255).save(made(folder / "dog") / "d.png")
    Image.new("L", (8, 8), 1).save(folder / "a.png")
    Image.new("L", (8, 8), 2).save(folder / "b.png")
    return folder


@contextmanager
def without_folder(folder):
    """Leave out of a refusal the folder that the test has chosen: it is the user's own, and may be called anything."""
    try:
        yield
    except ExplorerError as error:
        raise type(error)(str(error).replace(str(folder), "FOLDER")) from error


def made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def trained_on(place):
    """Read a file as data to train on, after it was put where it belongs among pictures; "" for the file as it is."""

    def reader(path):
        if path is None:
            return training_data("digits", network("digits").input_spec)
        path = Path(path)
        folder = pictures(path.parent / "among pictures")
        data = path if not place else folder / place.format(suffix=path.suffix)
        if place:
            shutil.copyfile(path, data)
        try:
            with without_folder(path.parent):
                return training_data(folder if data.name.startswith(".") else data, network("digits").input_spec).classes
        finally:
            if place:
                data.unlink()

    return reader


def told(path):
    """Read a file of a run or of a pack, by its name."""
    if path is None:
        return None
    path = Path(path)
    folder = made(path.parent / "told")
    name = path.name.split("_")[-1]
    shutil.copyfile(path, folder / name)
    data = path.read_bytes()
    read = {
        "settings.json": lambda: serialization.read_settings(folder),
        "result.json": lambda: serialization.read_result(folder / name),
        "progress.jsonl": lambda: serialization.last_entry(data),
        "manifest.json": lambda: packs.read_manifest(folder),
    }
    with without_folder(path.parent):
        return read[name]()


PHOTO, CLEAR = (
    InputSpec("image", (TensorInfo("image", (64, 64, channels), "float32"),), "none", size=(64, 64, channels)) for channels in (3, 4)
)


def shown(path):
    """Read a picture in every way there is: as a digit, a photograph, with its transparency, to look at, to train on."""
    if path is None:
        return network("digits").predict(np.zeros((28, 28), np.uint8))
    example, digits = images.read(path), network("digits").input_spec
    images.check(example)
    images.to_batch(example, PHOTO)
    images.to_batch(example, CLEAR)
    images.to_view(example, digits)
    images.defects(example, PHOTO)
    assert images.to_view(example, PHOTO).original.dtype == np.uint8
    return network("digits").predict(path, top=2)


READERS = {
    "picture": predicted("digits"),
    "sound": predicted("timbres"),
    "model": opened,
    "weights": weighted,
    "over time": slid("timbres"),
    "array": lambda path: numbers().predict(np.zeros(4) if path is None else path),
    "evaluation": measured,
    "training pair": trained_on(""),
    "file list": trained_on("list{suffix}"),
    "class names": trained_on(".explorer-classes.json"),
    "record": told,
    "shown": shown,
}
