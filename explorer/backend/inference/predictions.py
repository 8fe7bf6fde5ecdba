"""Scores: what the numbers of an output mean, and the best of them by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.graph.nodes import has_graph, node_of
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import origin
from explorer.errors import ExplorerError
from explorer.locale import _, counted
from explorer.values import Prediction, Predictions, TensorInfo

Labels = tuple[tuple[str, str], ...]
Values = np.ndarray[Any, np.dtype[np.float64]]

SIGMOIDS = ("sigmoid", "hard_sigmoid")
_BINARY_LOSSES = ("bce", "binarycrossentropy", "binaryfocalcrossentropy")
# What passes numbers on as they are, or their means, between the last activation and the output.
_PASSING = (
    *("activation", "cast", "dropout", "flatten", "identity", "reshape", "squeeze"),
    *(f"globalaveragepooling{rank}d" for rank in (1, 2, 3)),
)


@dataclass(frozen=True)
class Scoring:
    """How the numbers of one output are read.

    classes: how many classes it names; 0 for what is no vector of scores.
    activation: the name of the last one; "" where nothing says it.
    pair: whether its one number stands for two classes, for the second one of them.
    logit: whether its one number is a logit, the sigmoid of which is a probability.
    guessed: whether nothing in the model tells for sure what its one number is.
    """

    classes: int
    activation: str = ""
    pair: bool = False
    logit: bool = False
    guessed: bool = False

    def scores(self, values: Values) -> Values:
        """Return the scores of the classes, float64 (..., classes), for the numbers of the output, (..., units)."""
        if self.logit:
            values = (1 + np.tanh(values / 2)) / 2  # the sigmoid, without overflow
        return np.concatenate([1 - values, values], axis=-1) if self.pair else values

    def scale(self, scores: Values) -> str:
        """Return what the scores of the classes are, as `Predictions` has it."""
        if self.pair:
            return "shares"
        return "independent" if self.logit else scale_of(scores, self.activation)


def scorings(model: Any, outputs: Sequence[TensorInfo], activations: Sequence[str], labels: int, headless: bool) -> tuple[Scoring, ...]:
    """Return how each output of a model is read.

    labels: how many classes have names, 0 where that isn't known; headless: whether the network was built without its classification head.
    """
    found = []
    if labels > 1 and any(output.shape == (labels,) for output in outputs):
        labels = 0  # they name the classes of that one
    for place, (output, activation) in enumerate(zip(outputs, activations, strict=True)):
        units = output.shape[0] or 0 if len(output.shape) == 1 and not headless else 0
        found.append(_of_one(activation, labels, _loss(model, output.name, place)) if units == 1 else Scoring(units, activation))
    return tuple(found)


def _of_one(activation: str, labels: int, loss: str) -> Scoring:
    """Return how an output of one number is read: a probability or a logit of two classes, the score of one tag, or a value."""
    binary = loss in _BINARY_LOSSES
    logit = activation == "linear" and (binary or (labels == 2 and not loss))  # another loss says that it is a value
    pair = (activation in SIGMOIDS or logit) and labels != 1  # one label is the name of a tag
    return Scoring(2 if pair else 1, activation, pair, logit, guessed=activation == "linear" and not loss)


def check_labels(labels: Labels, found: Sequence[Scoring]) -> None:
    """Raise ExplorerError if there are labels, and no output has as many classes."""
    classes = [one.classes for one in found if one.classes]
    if labels and len(labels) not in classes:
        numbers = counted("{number} number", "{number} numbers", classes[0] if classes else 0)
        said = _("{given}; the network answers with {numbers}.").format(
            given=counted("There is {number} label", "There are {number} labels", len(labels)),
            numbers=numbers if len(classes) < 2 else _("{counts} numbers").format(counts=_(" and ").join(map(str, classes))),
        )
        alone = _("Two labels fit a single number that is a sigmoid, or a logit.")
        raise ExplorerError(f"{said} {alone}" if len(labels) == 2 and 1 in classes else said)


def assumed(outputs: Sequence[TensorInfo], found: Sequence[Scoring], labels: Labels) -> tuple[str, ...]:
    """Return what is to be said of outputs of one number, whose meaning nothing in the model tells, and of labels that fit several."""
    logit = _("The one number of {output} is read as a logit: its sigmoid is the probability of class 1, the second class.")
    value = _("The one number of {output} is shown as a value. With two labels it is read as the logit of the second class.")
    told = [(logit if one.logit else value).format(output=output.name) for output, one in zip(outputs, found, strict=True) if one.guessed]
    named = [output.name for output, one in zip(outputs, found, strict=True) if labels and one.classes == len(labels)]
    if len(named) > 1:
        told.append(_("The labels name the classes of each of these outputs: {names}.").format(names=", ".join(named)))
    return tuple(told)


def _loss(model: Any, output: str, place: int) -> str:
    """Return the loss that a model was compiled with for one output, as letters alone: "binarycrossentropy"; "" without one."""
    loss = getattr(model, "loss", None) if model.compiled else None
    if isinstance(loss, dict):
        loss = loss.get(output)
    elif isinstance(loss, list | tuple):
        loss = loss[place] if place < len(loss) else None
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None if loss is None else type(loss).__name__)
    return re.sub(r"[^a-z]", "", (name or "").lower())


def last_activation(tensor: Any) -> str:
    """Return the name of the activation that makes an output ("softmax", "linear"); "" where nothing says it.

    It is looked up inside nested models and wrappers, and through what only reshapes, casts or passes numbers on.
    """
    while True:
        operation, _node, index = origin(tensor)
        if isinstance(operation, keras.Model) and has_graph(operation):
            tensor = operation.outputs[index]
            continue
        name = activation_of(operation)
        sources = node_of(tensor).input_tensors
        if name not in ("", "linear") or len(sources) != 1 or type(operation).__name__.lower() not in _PASSING:
            return name
        tensor = sources[0]


def activation_of(operation: Any) -> str:
    """Return the name of the activation of a layer or operation; "" where it has none."""
    while isinstance(operation, keras.layers.Wrapper):
        operation = operation.layer
    kind = type(operation).__name__.lower()
    if kind in ("softmax", "sigmoid"):  # the layer, or the operation of keras.ops
        return kind
    return str(getattr(getattr(operation, "activation", None), "__name__", ""))


def best(scores: Values, top: int, labels: Labels, scale: str, output: int = 0) -> Predictions:
    """Return the `top` best scores, best first, and what the others hold.

    labels: (id, label) of each class; with any other number of them the classes have numbers for names, and a single number is a value.
    scale: what `scale_of` says; output: index of the output that the scores come from.
    """
    if len(labels) != len(scores):
        several = len(scores) > 1
        labels = tuple((str(index), _("class {index}").format(index=index) if several else _("value")) for index in range(len(scores)))
    order = np.argsort(-scores, kind="stable")
    first, others = order[:top], order[top:]
    predictions = tuple(Prediction(labels[index][0], labels[index][1], float(scores[index])) for index in first)
    return Predictions(predictions, len(others), float(scores[others].sum()), scale, output)


def scale_of(scores: Values, activation: str) -> str:
    """Return what scores are: "shares", "independent" or "values", as `Predictions` has it.

    activation: the name of the last one; where that says nothing ("") the scores themselves say it.
    """
    if activation == "softmax" or activation in SIGMOIDS:
        return "shares" if activation == "softmax" else "independent"
    if activation or not (scores.min() >= 0 and scores.max() <= 1):
        return "values"
    return "shares" if abs(scores.sum() - 1) < 1e-3 else "independent"
