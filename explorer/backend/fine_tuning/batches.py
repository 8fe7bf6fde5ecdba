"""Feeding: kept features and their classes as batches, in the order that the recipe's seed decides."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from explorer.backend.runtime.keras import tensorflow
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


class _Kept:
    """The features and classes that batches are taken from.

    TensorFlow holds the functions that a dataset calls in Python for as long as the process lives; what they read must not live so long.
    """

    def __init__(self, features: Sequence[Array], answers: Array) -> None:
        self.features, self.answers = features, answers
        self.kinds = [np.float32 if array.dtype == np.float16 else array.dtype for array in features]

    def taken(self, places: Array) -> list[Array]:
        """Return the features at some places, and the classes."""
        found = [array[places].astype(kind, copy=False) for array, kind in zip(self.features, self.kinds, strict=True)]
        return [*found, self.answers[places % len(self.answers)]]


def batches(features: Sequence[Array], answers: Array, size: int, seed: int | None = None, copies: int = 1) -> Any:
    """Return a tf.data.Dataset of (features, answers), shuffled anew in each epoch unless `seed` is None.

    features: (n * copies, ...) each: `copies` versions of each of the n examples, of which each batch takes one by chance.
    They are held as long as the dataset is.
    """
    count = len(answers)
    places = tensorflow.data.Dataset.range(count)
    if seed is not None:
        places = places.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    places = places.batch(size)
    if copies > 1:
        chosen = tensorflow.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
        places = tensorflow.data.Dataset.zip(places, chosen).map(lambda here, number: here + count * (number % copies))
    kept = _Kept(features, answers)
    fed = places.map(_feeding(kept)).prefetch(2).with_options(_untuned())
    fed.kept = kept
    return fed


def _untuned() -> Any:
    """Return options by which TensorFlow tunes nothing: the thread that does can hold up who lets the data go for a minute."""
    options = tensorflow.data.Options()
    options.autotune.enabled = False
    return options


def _feeding(kept: _Kept) -> Callable[[Any], tuple[Any, Any]]:
    """Return the function that makes a batch of places one of features and classes; it does not hold what it reads."""
    held, kinds = weakref.ref(kept), [*kept.kinds, kept.answers.dtype]
    shapes = [array.shape[1:] for array in (*kept.features, kept.answers)]

    def taken(here: Array) -> list[Array]:
        now = held()
        if now is None:  # nobody waits for this batch any more
            raise StopIteration
        return now.taken(here)

    def fed(here: Any) -> tuple[Any, Any]:
        *found, right = tensorflow.numpy_function(taken, [here], kinds)
        for tensor, shape in zip([*found, right], shapes, strict=True):
            tensor.set_shape((None, *shape))
        return (tuple(found) if len(found) > 1 else found[0]), right

    return fed
