"""Outcomes: how the held-out examples are answered after a training, and how far the weights have moved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.fine_tuning import batches
from explorer.backend.graph.nodes import layer_at
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Labelled, Layers, Misclassification, Outcome, TrainingData

Array: TypeAlias = np.ndarray[Any, Any]

WORST = 16
DIGITS = 4  # of a score that is kept
KINDS = ((True, True), (True, False), (False, True), (False, False))  # whether an example is of a class, and is predicted to be
HALF = 0.5  # the score above which a class holds, where any number of them may
SMALLEST = 1e-7  # of a score in a loss, as Keras clips it
SURE = 1.959964  # standard deviations to both sides that hold 95 %


def outcome(scores: Array, data: TrainingData, weight_change: tuple[tuple[str, float], ...], multi_label: bool = False) -> Outcome:
    """Return what a run has come to on the held-out examples.

    scores: float32 (n, classes), in the order of `data.validation`.
    moved: as the function `weight_change` returns it.
    multi_label: whether the head answers for each class on its own; always so where the examples may be of several classes.
        The accuracy is the share of single answers that are right then, as Keras's BinaryAccuracy has it.
    The interval counts the examples of one group as far less than so many, and single answers to one example as one, as
    they are no independent evidence. The worst are predicted wrongly, 16 of them at most, by the score of the prediction.
    """
    several = multi_label or data.multi_label
    truth = batches.targets(data.validation, len(data.classes), several).astype(int)
    scores = scores.astype(np.float64)
    answers = (scores > HALF).astype(int) if several else scores.argmax(axis=1)
    right = np.atleast_1d((answers == truth).mean(axis=-1)) if several else (answers == truth).astype(float)
    accuracy = float(right.mean()) if len(data.validation) else None
    low, high = (None, None) if accuracy is None else wilson(accuracy, _independent(data.validation))
    loss, sure = _of_several(scores, truth, answers) if several else _of_one(scores, truth, answers)
    named = tuple(tuple(np.flatnonzero(row).tolist()) if several else (int(row),) for row in answers)
    worst = tuple(
        replace(_predicted(place, data, named[place], sure[place]), loss=float(loss[place]))
        for place in _by_score(np.flatnonzero(right < 1), sure)[:WORST]
    )
    confusion = _confusion(truth, answers, len(data.classes))
    return Outcome(data.classes, confusion, accuracy, low, high, worst, weight_change, named, tuple(np.round(sure, DIGITS).tolist()))


def examples_in(found: Outcome, data: TrainingData, row: int, column: int) -> tuple[Misclassification, ...]:
    """Return the validation examples in a cell of the confusion matrix, those with the highest scores first.

    row, column: places of classes; -1 for a whole column or row. Where an example may be of any number of classes the columns
        are `KINDS`, and a whole row is what is of the class, or predicted to be.
    Raises ExplorerError where the data has changed since, and for a run that has not kept its predictions.
    """
    if len(found.answers) != len(data.validation):
        raise ExplorerError(
            _("The data of this run has changed since it was trained: this example is gone.")
            if found.answers
            else _("This run is of an older version and has not kept its predictions: run it again to see the examples of a cell.")
        )
    several = found.confusion.ndim > 2

    def cells(place: int) -> list[tuple[int, int]]:
        truth, answer = data.validation[place].classes, found.answers[place]
        if not several:
            return [(truth[0], answer[0])]
        return [(one, KINDS.index((one in truth, one in answer))) for one in range(len(data.classes))]

    def wanted(cell: tuple[int, int]) -> bool:
        absent = several and column < 0 and not any(KINDS[cell[1]])
        return row in (-1, cell[0]) and column in (-1, cell[1]) and not absent

    places = np.array([place for place in range(len(found.answers)) if any(map(wanted, cells(place)))], int)
    scores = np.array(found.scores)
    return tuple(_predicted(place, data, found.answers[place], scores[place]) for place in _by_score(places, scores))


def wilson(share: float, count: float) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share of so many trials.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    weight = SURE**2 / count
    middle = (share + weight / 2) / (1 + weight)
    reach = SURE / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))  # of 1 it ends at 1, and not a bit before


def weight_change(before: Any, after: Any, table: Layers) -> tuple[tuple[str, float], ...]:
    """Return (block, how far its weights moved) for each block of a backbone that has weights, in order.

    before, after: Keras models that both have the layers of the table at the same addresses.
    How far: the norm of the difference relative to the norm before, over all weights of the block, moving means and variances too.
    """
    squares: dict[str, list[float]] = {}
    nests = {row.name.rpartition("/")[0] for row in table.layer_rows}
    for row in table.layer_rows:
        if row.parameters and row.name not in nests:
            sums = squares.setdefault(row.block or row.name, [0.0, 0.0])
            for old, new in zip(_weights(before, row.name), _weights(after, row.name), strict=True):
                sums[0] += float(np.sum((new - old) ** 2))
                sums[1] += float(np.sum(old**2))
    return tuple((block, math.sqrt(change / (size or change or 1))) for block, (change, size) in squares.items())


def _weights(model: Any, address: str) -> list[Array]:
    """Return the weights of the layer at an address."""
    return [np.asarray(one, np.float64) for one in layer_at(model, address).get_weights()]


def _confusion(truth: Array, answers: Array, classes: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return (classes, classes) for one class each; for any number of them (classes, 2, 2), laid out as `multilabel_confusion_matrix`."""
    from sklearn.metrics import confusion_matrix

    def matrix(true: Array, answered: Array, labels: int) -> Array:
        if not len(true):
            return np.zeros((labels, labels), np.int64)
        return np.asarray(confusion_matrix(true, answered, labels=range(labels)), np.int64)

    if truth.ndim == 1:
        return matrix(truth, answers, classes)
    return np.stack([matrix(truth[:, place], answers[:, place], 2) for place in range(classes)])


def _independent(examples: Sequence[Labelled]) -> float:
    """Return how many independent examples these are worth, by Kish's effective size: those of one group hang together."""
    sizes = Counter(one.group or f"#{place}" for place, one in enumerate(examples)).values()
    return len(examples) ** 2 / sum(size**2 for size in sizes)


def _of_one(scores: Array, truth: Array, answers: Array) -> tuple[Array, Array]:
    """Return the loss of each example and the score of what is predicted."""
    places = np.arange(len(truth))
    return -np.log(np.clip(scores[places, truth], SMALLEST, 1)), scores[places, answers]


def _of_several(scores: Array, truth: Array, answers: Array) -> tuple[Array, Array]:
    """Return the same where an example has any number of classes: the score is that of just this set of classes."""
    clipped = np.clip(scores, SMALLEST, 1 - SMALLEST)
    return -np.log(np.where(truth, clipped, 1 - clipped)).mean(axis=1), np.where(answers, scores, 1 - scores).prod(axis=1)


def _predicted(place: int, data: TrainingData, answer: Sequence[int], score: float) -> Misclassification:
    one = data.validation[place]
    return Misclassification(place, one.example.name, _names(one.classes, data.classes), _names(answer, data.classes), float(score))


def _by_score(places: Array, scores: Array) -> list[int]:
    """Return the places, those with the highest scores first."""
    return [int(place) for place in places[np.argsort(-scores[places], kind="stable")]]


def _names(chosen: Sequence[int], classes: Sequence[str]) -> str:
    return ", ".join(classes[place] for place in sorted(chosen)) or _("none")
