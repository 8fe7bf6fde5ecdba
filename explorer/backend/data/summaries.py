"""What a page shows of a data set: its classes, how many examples each has, and a small picture of one."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from explorer import rendering
from explorer.backend import audio, images
from explorer.backend.data.remarks import counts
from explorer.errors import UnreadableExample
from explorer.values import DataClass, DataSpec, DataSummary, Example, Labelled, Reading, TrainingData

SIDE = 64  # pixels of a small picture


def summary(spec: DataSpec, data: TrainingData, reading: Reading) -> DataSummary:
    """Return what a page needs to know of `data`, which was made of `spec` for a network that reads as `reading` says.

    The small pictures, PNG of 64 x 64 pixels, are of the first example that is trained on: its middle, or the spectrogram
    of what would be heard of it; arrays have none.
    """
    training, validation = (counts(data.classes, side) for side in (data.training, data.validation))
    classes = tuple(
        DataClass(name, training[place], validation[place], _thumbnail(place, data.training, reading))
        for place, name in enumerate(data.classes)
    )
    return DataSummary(spec, data.kind, classes, data.multi_label, data.left_out, data.notes)


def _thumbnail(place: int, examples: Sequence[Labelled], reading: Reading) -> bytes:
    """Return a small picture of the first example of a class; b"" where there is none, or it is gone meanwhile."""
    first = next((one.example for one in examples if place in one.classes), None)
    return b"" if first is None else thumbnail(first, reading)


def thumbnail(example: Example, reading: Reading) -> bytes:
    """Return a small picture of an example, PNG of 64 x 64 pixels; b"" for arrays, and where its file is gone meanwhile."""
    if reading.kind == "arrays":
        return b""
    try:
        return _of_sound(example, reading) if reading.kind == "audio" else _of_picture(example)
    except UnreadableExample:
        return b""


def _of_picture(example: Example) -> bytes:
    out = io.BytesIO()
    ImageOps.fit(images.picture(example), (SIDE, SIDE)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _of_sound(example: Example, reading: Reading) -> bytes:
    (spectrogram,) = audio.to_batch(example, reading)
    small = Image.fromarray(spectrogram[0, ..., 0]).resize((SIDE, SIDE), Image.Resampling.BOX)
    return rendering.spectrogram(np.asarray(small))
