"""Summary: what a page shows of a dataset: its classes, how many examples each has, and a thumbnail of one of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from explorer.backend.datasets.warnings import counts
from explorer.backend.inputs import audio, images
from explorer.errors import UnreadableExample
from explorer.rendering import feature_maps
from explorer.values import DataClass, DataSpec, DataSummary, Example, InputSpec, TrainingData

SIDE = 64  # pixels of a thumbnail


def summary(spec: DataSpec, data: TrainingData, input_spec: InputSpec) -> DataSummary:
    """Return the summary of `data`, which was read from `spec` for a network with this input spec.

    A class's thumbnail, PNG of 64 x 64 pixels, shows its first training example: the middle of a picture, or the spectrogram of
    the part of a sound that the network reads; b"" for arrays, and for classes without training examples.
    """
    training, validation = (counts(data.classes, side) for side in (data.training, data.validation))
    first_examples = {class_index: labelled.example for labelled in reversed(data.training) for class_index in labelled.classes}
    classes = tuple(
        DataClass(
            name, training[index], validation[index], thumbnail(first_examples[index], input_spec) if index in first_examples else b""
        )
        for index, name in enumerate(data.classes)
    )
    return DataSummary(spec, data.kind, classes, data.multi_label, data.left_out, data.notes)


def thumbnail(example: Example, input_spec: InputSpec) -> bytes:
    """Return a thumbnail of an example, PNG of 64 x 64 pixels; b"" for arrays, and where its file can no longer be read."""
    if input_spec.kind == "arrays":
        return b""
    try:
        return _sound_thumbnail(example, input_spec) if input_spec.kind == "audio" else _picture_thumbnail(example)
    except UnreadableExample:
        return b""


def _picture_thumbnail(example: Example) -> bytes:
    out = io.BytesIO()
    ImageOps.fit(images.picture(example), (SIDE, SIDE)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _sound_thumbnail(example: Example, input_spec: InputSpec) -> bytes:
    (spectrogram,) = audio.to_batch(example, input_spec)
    small = Image.fromarray(spectrogram[0, ..., 0]).resize((SIDE, SIDE), Image.Resampling.BOX)
    return feature_maps.spectrogram(np.asarray(small))
