"""Checks: whether a recipe can be followed, said in a sentence before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from explorer.backend.fine_tuning.head_names import POOLS
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.recipe.fields import LOWERING
from explorer.runs.serialization import as_json, from_json
from explorer.values import Augmentation, Head, Phase, Recipe, TrainingData
from explorer.values.training import BATCH_NORMS, MISTAKES, OPTIMIZERS, PRECISIONS, SCHEDULES

Value = TypeVar("Value")

LARGEST_SEED = 2**31 - 1  # Keras takes twice as much, and a training counts on from it


def plain(recipe: Recipe) -> Recipe:
    """Return the recipe with numbers of Python for those of NumPy, which Keras refuses and JSON does not know.

    Raises ExplorerError for what is a value of another type than the recipe has.
    """
    for part in (recipe.head, *recipe.phases, *([recipe.augmentation] if recipe.augmentation else [])):
        _converted(part)  # first, so that it is told alone
    return _converted(recipe)


def _converted(value: Value) -> Value:
    try:
        return from_json(type(value), as_json(value))
    except ValueError as error:
        raise ExplorerError(
            _("{value} can't be followed: give numbers as numbers, and counts as whole numbers.").format(value=value)
        ) from error


def check_seed(seed: Any) -> None:
    """Raise ExplorerError for what can't be a seed."""
    if not hasattr(seed, "__index__") or not 0 <= seed <= LARGEST_SEED:
        raise ExplorerError(_("A seed is a whole number, 0 to {largest}, not {seed!r}.").format(largest=LARGEST_SEED, seed=seed))


def check(recipe: Recipe, data: TrainingData, kind: str, callbacks: Sequence[Any] = ()) -> None:
    """Raise ExplorerError for a recipe that can't be followed on this data.

    kind: of the examples that the network reads; callbacks: given beside those of the recipe.
    """
    check_seed(recipe.seed)
    problem = next(_problems(recipe, data, kind, callbacks), None)
    if problem:
        raise ExplorerError(problem)


def _problems(recipe: Recipe, data: TrainingData, kind: str, callbacks: Sequence[Any]) -> Iterator[str]:
    yield from _of_data(recipe.head, data, kind)
    yield from _of_head(recipe.head)
    if recipe.augmentation:
        yield from _of_augmentation(recipe.augmentation, kind)
    if recipe.precision not in PRECISIONS:
        yield _("Features are kept as float32 or float16, not {precision}.").format(precision=recipe.precision)
    if recipe.batch_norm not in BATCH_NORMS:
        yield _("batch_norm is {known}, not {value!r}.").format(known=_(" or ").join(BATCH_NORMS), value=recipe.batch_norm)
    if not set(recipe.mistakes) <= set(MISTAKES):
        yield _("The mistakes that can be made on purpose are {known}.").format(known=", ".join(MISTAKES))
    if not any(phase.epochs for phase in recipe.phases):
        yield _("All phases have 0 epochs: nothing would be trained.")
    for phase in recipe.phases:
        yield from _of_phase(phase)
    if _lowers(recipe, callbacks) and any(phase.epochs and phase.schedule != "constant" for phase in recipe.phases):
        yield _("The rate can't be lowered in two ways: a callback that lowers it needs the schedule “constant”.")


def _of_data(head: Head, data: TrainingData, kind: str) -> Iterator[str]:
    if data.kind != kind:
        yield _("The network reads {kind} input, and the data is of kind {other}.").format(kind=kind, other=data.kind)
    if not data.training:
        yield _("There are no examples to train on.")
    if len(data.classes) < (1 if head.multi_label else 2):
        yield _("There is one class only; a network learns to tell at least two apart.")
    if data.multi_label and not head.multi_label:
        yield _("The examples are of several classes at once: give the head multi_label=True.")


def _of_head(head: Head) -> Iterator[str]:
    if head.units < 0 or not 0 <= head.dropout < 1 or head.pooling not in POOLS:
        yield _("A head has 0 or more units, a dropout of 0 or more and below 1, and the pooling avg or max.")


def _of_augmentation(change: Augmentation, kind: str) -> Iterator[str]:
    if kind != "image":
        yield _("Only pictures can be augmented.")
    if not 0 <= change.rotation <= 1 or not 0 <= change.zoom < 1 or change.copies < 0:
        yield _("Pictures are rotated by a share of 0 to 1 and zoomed by one of 0 to below 1, in 0 or more copies.")
    if not (change.flip or change.rotation or change.zoom):
        yield _("Nothing would change in the pictures: flip, rotate or zoom them, or leave the augmentation out.")


def _of_phase(phase: Phase) -> Iterator[str]:
    for value, known, what in (
        (phase.trains, ("head", "tail"), _("trains")),
        (phase.optimizer, OPTIMIZERS, _("optimizer")),
        (phase.schedule, SCHEDULES, _("schedule")),
    ):
        if value not in known:
            yield _("A phase's {what} is {known}, not {value!r}.").format(what=what, known=_(" or ").join(known), value=value)
    if not (math.isfinite(phase.learning_rate) and phase.learning_rate > 0):
        yield _("With a learning rate of {rate} nothing is learnt: it must be above 0.").format(rate=phase.learning_rate)
    if phase.epochs < 0 or phase.batch_size < 1 or not 0 <= phase.momentum < 1:
        yield _("A phase has 0 or more epochs, batches of 1 or more examples, and a momentum of 0 or more and below 1.")


def _lowers(recipe: Recipe, callbacks: Sequence[Any]) -> bool:
    """Whether a callback sets the learning rate, which Keras refuses where a schedule does."""
    given = tuple(getattr(keras.callbacks, name) for name in LOWERING)
    return any(switch.name in LOWERING for switch in recipe.callbacks) or any(isinstance(one, given) for one in callbacks)
