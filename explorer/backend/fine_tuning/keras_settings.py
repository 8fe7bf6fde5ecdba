"""What a recipe is in Keras: loss, metric, optimizer; and as it is saved with the network."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from explorer import __version__
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.values import Head, Phase, Recipe


def loss(head: Head) -> str:
    """Return the loss that goes with a head: one class each, or any number of them."""
    return "binary_crossentropy" if head.multi_label else "sparse_categorical_crossentropy"


def metrics(head: Head) -> list[Any]:
    """Return the metric "accuracy": the share of examples, or of the single answers where there are any number each.

    An object, whose variables are there: Keras makes those of a name in the first step, which TensorFlow has to trace twice then.
    """
    kind = keras.metrics.BinaryAccuracy if head.multi_label else keras.metrics.SparseCategoricalAccuracy
    return [kind(name="accuracy")]


def optimizer(phase: Phase, steps: int) -> Any:
    """Return a fresh optimizer; `steps` are the batches of an epoch."""
    rate: Any = phase.learning_rate
    if phase.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(phase.learning_rate, decay_steps=phase.epochs * steps)
    elif phase.schedule == "halving":
        rate = keras.optimizers.schedules.ExponentialDecay(phase.learning_rate, decay_steps=steps, decay_rate=0.5, staircase=True)
    if phase.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=phase.momentum)
    return {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[phase.optimizer](rate)


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a training and the versions that do it, as JSON has it."""
    said: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return {"recipe": said, "versions": {"explorer": __version__, **versions()}}


def versions() -> Mapping[str, str]:
    """Return the versions of the packages that train, by name."""
    return {"keras": keras.__version__, "tensorflow": tensorflow.__version__}
