"""Small data sets for tests, and how networks read them."""

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from sound_sources import encoded, piece

from explorer.catalog import SPECTROGRAMS
from explorer.values import InputSpec, TensorInfo

PICTURES = InputSpec("image", (TensorInfo("image", (32, 32, 3), "float32"),), "none", size=(32, 32, 3))
SOUNDS = InputSpec(
    "audio", (TensorInfo("spectrogram", (64, 128, 1), "float32"),), "timbres", size=(64, 128, 1), sound=SPECTROGRAMS["timbres"]
)
ARRAYS = InputSpec("arrays", (TensorInfo("a", (3,), "float32"),))


def picture(path, seed, size=(20, 16), **options):
    """Write a picture of its own for each seed, in the format of the file's ending."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def pictures(folder, **counts):
    """Write so many pictures of each class; return the folder."""
    for place, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture(folder / name / f"{number}.png", 1000 * place + number)
    return folder


def sound(path, seconds=1.0, rate=16_000):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(piece(seconds, rate), rate))
    return path


def zipped(path, members, **options):
    """Write a zip of {name or ZipInfo: bytes}; return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def names(side):
    return [one.example.name for one in side]


def classes_of(data, side):
    """Return the names of the classes of each example."""
    return [tuple(data.classes[place] for place in one.classes) for one in side]
