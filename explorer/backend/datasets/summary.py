"""What a page shows of a data set: its classes, how many examples each has, and a small picture of one."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from explorer.backend.datasets.warnings import counts
from explorer.backend.inputs import audio, images
from explorer.errors import UnreadableExample
from explorer.rendering import feature_maps
from explorer.values import DataClass, DataSpec, DataSummary, Example, InputSpec, TrainingData

SIDE = 64  # pixels of a small picture


def summary(spec: DataSpec, data: TrainingData, input_spec: InputSpec) -> DataSummary:
    """Return what a page needs to know of `data`, which was made of `spec` for a network that reads as `input_spec` says.

    The small pictures, PNG of 64 x 64 pixels, are of the first example that is trained on: its middle, or the spectrogram
    of what would be heard of it; arrays have none, and a class of which nothing is trained on.
    """
    training, validation = (counts(data.classes, side) for side in (data.training, data.validation))
    first = {place: one.example for one in reversed(data.training) for place in one.classes}
    classes = tuple(
        DataClass(name, training[place], validation[place], thumbnail(first[place], input_spec) if place in first else b"")
        for place, name in enumerate(data.classes)
    )
    return DataSummary(spec, data.kind, classes, data.multi_label, data.left_out, data.notes)


def thumbnail(example: Example, input_spec: InputSpec) -> bytes:
    """Return a small picture of an example, PNG of 64 x 64 pixels; b"" for arrays, and where its file is gone meanwhile."""
    if input_spec.kind == "arrays":
        return b""
    try:
        return _of_sound(example, input_spec) if input_spec.kind == "audio" else _of_picture(example)
    except UnreadableExample:
        return b""


def _of_picture(example: Example) -> bytes:
    out = io.BytesIO()
    ImageOps.fit(images.picture(example), (SIDE, SIDE)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _of_sound(example: Example, input_spec: InputSpec) -> bytes:
    (spectrogram,) = audio.to_batch(example, input_spec)
    small = Image.fromarray(spectrogram[0, ..., 0]).resize((SIDE, SIDE), Image.Resampling.BOX)
    return feature_maps.spectrogram(np.asarray(small))
