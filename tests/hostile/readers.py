"""How the process that is fed reads a file, by a name for each way; None only loads what is needed for it."""

from functools import cache

import explorer


@cache
def network(name):
    return explorer.load(name)


def predicted(name):
    def reader(path):
        return network(name) if path is None else network(name).predict(path, top=2)

    return reader


def slid(name):
    def reader(path):
        return network(name) if path is None else network(name).over_time(path).scores.shape

    return reader


READERS = {
    "picture": predicted("digits"),
    "sound": predicted("timbres"),
    "over time": slid("timbres"),
}
