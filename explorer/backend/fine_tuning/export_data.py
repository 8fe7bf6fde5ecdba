"""The data of a training as plain files: pictures in folders, or arrays, bounded."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image

from explorer.backend.fine_tuning.batches import targets
from explorer.backend.inputs import images
from explorer.backend.network import Network
from explorer.backend.runtime import temporary_files
from explorer.errors import ExplorerError
from explorer.locale import _, megabytes
from explorer.values import Labelled, TrainingData

LARGEST = 500 * 2**20  # bytes
MEMBER = 1024  # bytes that a file of a zip takes beside its pixels, about: names, entries, checksums
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # what Windows calls no file


class Bounded:
    """A zip that is written to, up to a bound."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._size = archive, 0

    def take(self, size: int) -> None:
        """Count so many bytes. Raises ExplorerError where they are too many."""
        self._size += size
        if self._size > LARGEST:
            raise ExplorerError(
                _(
                    "The data and weights of this training take more than {size} MB: train on fewer examples, or take the script "
                    "alone and put the data beside it as it says."
                ).format(size=megabytes(LARGEST))
            )

    def write(self, name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> None:
        """Write a file. Raises as `take` does."""
        self.take(len(content))
        self._archive.writestr(name, content, how)

    def add(self, path: Path) -> None:
        """Put a file in whose content is counted already, and packed."""
        self._archive.write(path, path.name, zipfile.ZIP_STORED)


def file_name(text: str) -> str:
    """Return a text as a file or folder may be called on any system."""
    name = re.sub(r"[^\w .+-]", "_", text).strip(" .")[:50].rstrip(" .") or "_"
    return f"_{name}" if RESERVED.fullmatch(name) else name


def folders(classes: Sequence[str]) -> tuple[str, ...]:
    """Return a folder's name for each class, no two alike, whatever the case of letters."""
    found: dict[str, str] = {}
    for name in classes:
        wanted, number = file_name(name), 2
        while wanted.casefold() in found:
            wanted, number = f"{file_name(name)}_{number}", number + 1
        found[wanted.casefold()] = wanted
    return tuple(found.values())


def write_pictures(room: Bounded, data: TrainingData, names: Sequence[str], size: Sequence[int], multi_label: bool) -> None:
    """Write the pictures as PNG, upright, in colour: data/train/CLASS/00001_name.png; the numbers keep their order.

    size: (height, width, channels) that the network reads: larger pictures are brought to it as it does.
    multi_label: all in one folder, with a labels.csv that says of which classes each one is.
    Raises ExplorerError where there are too many, UnreadableExample.
    """
    for side, examples in (("train", data.training), ("validation", data.validation)):
        rows = []
        for place, one in enumerate(examples, start=1):
            file = f"{place:05d}_{file_name(PurePath(one.example.name).stem)}.png"
            folder = "" if multi_label else f"{names[one.classes[0]]}/"
            room.write(f"data/{side}/{folder}{file}", _png(images.picture(one.example), size), zipfile.ZIP_STORED)
            rows.append([file, *(int(number in one.classes) for number in range(len(data.classes)))])
        if multi_label and rows:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([["file", *data.classes], *rows])
            room.write(f"data/{side}/labels.csv", text.getvalue().encode())


def bytes_of_pictures(data: TrainingData, network: Network) -> int:
    """Return how many bytes `write_pictures` writes at most. Raises UnreadableExample."""
    height, width, _channels = network.input_spec.size
    pixels = sum(min(images.pixels(one.example), width * height) for one in (*data.training, *data.validation))
    return 3 * pixels + (MEMBER + 2 * len(data.classes)) * (len(data.training) + len(data.validation))


def write_arrays(room: Bounded, data: TrainingData, network: Network, multi_label: bool) -> None:
    """Write the examples as the network reads them, and their classes, as data.npz: x_train, y_train, x_validation, y_validation.

    For a network of several inputs x_train_1, x_train_2, ... Raises ExplorerError where there is too much, UnreadableExample.
    """
    arrays: dict[str, Any] = {}
    for side, examples in (("train", data.training), ("validation", data.validation)):
        if examples:
            found = _batches(room, examples, network)
            names = [f"x_{side}"] if len(found) == 1 else [f"x_{side}_{number}" for number in range(1, len(found) + 1)]
            arrays |= dict(zip(names, found, strict=True))
            arrays[f"y_{side}"] = targets(examples, len(data.classes), multi_label)
    with temporary_files.folder() as folder:
        path = Path(folder) / "data.npz"
        np.savez_compressed(path, **arrays)
        room.add(path)


def bytes_of_arrays(data: TrainingData, network: Network) -> int:
    """Return how many bytes `write_arrays` writes at most. Raises UnreadableExample."""
    first = network.inputs.to_batch(data.training[0].example)
    return (sum(array.nbytes for array in first) + 8 * len(data.classes)) * (len(data.training) + len(data.validation))


def _batches(room: Bounded, examples: Sequence[Labelled], network: Network) -> list[Any]:
    batches = []
    for one in examples:
        batch = network.inputs.to_batch(one.example)
        room.take(sum(array.nbytes for array in batch))
        batches.append(batch)
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _png(picture: Image.Image, size: Sequence[int]) -> bytes:
    height, width, _channels = size
    if picture.width * picture.height > width * height:
        picture = picture.resize((width, height), Image.Resampling.NEAREST)
    out = io.BytesIO()
    picture.save(out, "PNG", icc_profile=None)  # which the network does not look at, and may be larger than the picture
    return out.getvalue()
