"""What a recipe is in Keras: loss, metric, optimizer; and whether it can be followed."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from explorer import __version__
from explorer.backend.runtime import keras, tensorflow
from explorer.backend.tuning.heads import POOLS
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Head, Phase, Recipe, TrainingData
from explorer.values.training import OPTIMIZERS, SCHEDULES


def loss(head: Head) -> str:
    """Return the loss that goes with a head: one class each, or any number of them."""
    return "binary_crossentropy" if head.multi_label else "sparse_categorical_crossentropy"


def metrics(head: Head) -> list[Any]:
    """Return the metric "accuracy": the share of examples, or of the single answers where there are any number each."""
    return [keras.metrics.BinaryAccuracy(name="accuracy")] if head.multi_label else ["accuracy"]


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


def check(recipe: Recipe, data: TrainingData, kind: str) -> None:
    """Raise ExplorerError for a recipe that can't be followed on this data.

    kind: of the examples that the network reads.
    """
    head, problems = recipe.head, []
    if data.kind != kind:
        problems.append(_("The network reads {kind} input, and the data is of kind {other}.").format(kind=kind, other=data.kind))
    if not data.training:
        problems.append(_("There are no examples to train on."))
    if len(data.classes) < (1 if head.multi_label else 2):
        problems.append(_("There is one class only; a network learns to tell at least two apart."))
    if data.multi_label and not head.multi_label:
        problems.append(_("The examples are of several classes at once: give the head multi_label=True."))
    if head.units < 0 or not 0 <= head.dropout < 1 or head.pooling not in POOLS:
        problems.append(_("A head has 0 or more units, a dropout of 0 or more and below 1, and the pooling avg or max."))
    if recipe.augmentation and kind != "image":
        problems.append(_("Only pictures can be augmented."))
    if recipe.precision not in ("float32", "float16"):
        problems.append(_("Features are kept as float32 or float16, not {precision}.").format(precision=recipe.precision))
    if not any(phase.epochs for phase in recipe.phases):
        problems.append(_("No phase has an epoch: nothing would be trained."))
    problems += [problem for phase in recipe.phases for problem in _problems(phase)]
    if problems:
        raise ExplorerError(problems[0])


def _problems(phase: Phase) -> list[str]:
    problems = []
    for value, known, what in (
        (phase.trains, ("head", "tail"), _("trains")),
        (phase.optimizer, OPTIMIZERS, _("optimizer")),
        (phase.schedule, SCHEDULES, _("schedule")),
    ):
        if value not in known:
            problems.append(_("A phase's {what} is {known}, not {value!r}.").format(what=what, known=_(" or ").join(known), value=value))
    if not (math.isfinite(phase.learning_rate) and phase.learning_rate > 0):
        problems.append(_("With a learning rate of {rate} nothing is learnt: it must be above 0.").format(rate=phase.learning_rate))
    if phase.epochs < 0 or phase.batch_size < 1 or not 0 <= phase.momentum < 1:
        problems.append(_("A phase has 0 or more epochs, batches of 1 or more examples, and a momentum of 0 or more and below 1."))
    return problems


def settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a training and the versions that do it, as JSON has it."""
    said: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return {"recipe": said, "versions": {"explorer": __version__, **versions()}}


def versions() -> Mapping[str, str]:
    """Return the versions of the packages that train, by name."""
    return {"keras": keras.__version__, "tensorflow": tensorflow.__version__}
