"""Feeding: kept features and their classes as batches, in the order that the recipe's seed decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.backend.runtime import tensorflow
from explorer.values import Labelled

Array = np.ndarray[Any, Any]


def targets(examples: Sequence[Labelled], classes: int, multi_label: bool) -> Array:
    """Return the classes of the examples as Keras takes them: int32 (n,), or float32 (n, classes) of 0 and 1 for any number each."""
    if not multi_label:
        return np.array([one.classes[0] for one in examples], np.int32)
    found = np.zeros((len(examples), classes), np.float32)
    for place, one in enumerate(examples):
        found[place, list(one.classes)] = 1
    return found


def batches(features: Sequence[Array], answers: Array, size: int, seed: int | None = None, copies: int = 1) -> Any:
    """Return a tf.data.Dataset of (features, answers), shuffled anew in each epoch unless `seed` is None.

    features: (n * copies, ...) each: `copies` versions of each of the n examples, of which each epoch takes one by chance.
    """
    count = len(answers)
    places = tensorflow.data.Dataset.range(count)
    if seed is not None:
        places = places.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    places = places.batch(size)
    if copies > 1:
        chosen = tensorflow.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
        places = tensorflow.data.Dataset.zip(places, chosen).map(lambda here, number: here + count * (number % copies))
    kinds = [np.float32 if array.dtype == np.float16 else array.dtype for array in features]

    def taken(here: Array) -> list[Array]:
        return [*(array[here].astype(kind, copy=False) for array, kind in zip(features, kinds, strict=True)), answers[here % count]]

    def fed(here: Any) -> tuple[Any, Any]:
        *found, right = tensorflow.numpy_function(taken, [here], [*kinds, answers.dtype])
        for tensor, array in zip([*found, right], [*features, answers], strict=True):
            tensor.set_shape((None, *array.shape[1:]))
        return (tuple(found) if len(found) > 1 else found[0]), right

    return places.map(fed).prefetch(2)
