"""How the process that is fed reads a file, by a name for each way; None only loads what is needed for it."""

from functools import cache

import numpy as np

import explorer


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
    example = found.random_example() if found.reading.kind == "arrays" else np.zeros(found.reading.size, np.uint8)
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


READERS = {
    "picture": predicted("digits"),
    "sound": predicted("timbres"),
    "model": opened,
    "weights": weighted,
    "over time": slid("timbres"),
}
