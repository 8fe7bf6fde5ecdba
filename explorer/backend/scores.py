"""Scores: what the numbers of an output mean, and the best of them by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.graphs import has_graph, node_of
from explorer.backend.keras_private import origin
from explorer.backend.runtime import keras
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Answers, Prediction, TensorInfo

Labels = tuple[tuple[str, str], ...]
Values = np.ndarray[Any, np.dtype[np.float64]]

SIGMOIDS = ("sigmoid", "hard_sigmoid")
_BINARY_LOSSES = ("bce", "binarycrossentropy", "binaryfocalcrossentropy")
# What passes numbers on as they are, between the last activation and the output.
_PASSING = ("activation", "cast", "dropout", "flatten", "identity", "reshape", "squeeze")


@dataclass(frozen=True)
class Scoring:
    """How the numbers of one output are read.

    classes: how many classes it names; 0 for what is no vector of scores.
    activation: the name of the last one; "" where nothing says it.
    pair: where its one number stands for two classes: the "probability" of the second one, or its "logit"; else "".
    """

    classes: int
    activation: str = ""
    pair: str = ""

    def scores(self, values: Values) -> Values:
        """Return the scores of the classes, float64 (..., classes), for the numbers of the output, (..., units)."""
        if not self.pair:
            return values
        second = values if self.pair == "probability" else (1 + np.tanh(values / 2)) / 2  # the sigmoid, without overflow
        return np.concatenate([1 - second, second], axis=-1)

    def scale(self, scores: Values) -> str:
        """Return what the scores of the classes are, as `Answers` has it."""
        return "shares" if self.pair else scale_of(scores, self.activation)


def scorings(model: Any, outputs: Sequence[TensorInfo], activations: Sequence[str], labels: int, headless: bool) -> tuple[Scoring, ...]:
    """Return how each output of a model is read.

    labels: how many classes have names, 0 where that isn't known; headless: whether the network was built without its classification head.
    """
    found = []
    if labels > 1 and any(output.shape == (labels,) for output in outputs):
        labels = 0  # they name the classes of that one
    for place, (output, activation) in enumerate(zip(outputs, activations, strict=True)):
        units = output.shape[0] or 0 if len(output.shape) == 1 and not headless else 0
        pair = _pair(activation, labels, _loss(model, output.name, place)) if units == 1 else ""
        found.append(Scoring(2 if pair else units, activation, pair))
    return tuple(found)


def check_labels(labels: Labels, found: Sequence[Scoring]) -> None:
    """Raise ExplorerError if there are labels, and no output has as many classes."""
    classes = [one.classes for one in found if one.classes]
    if labels and len(labels) not in classes:
        raise ExplorerError(
            _("There are {given} labels; the network answers with {counts} numbers.").format(
                given=len(labels), counts=_(" and ").join(map(str, classes)) or "0"
            )
        )


def said(outputs: Sequence[TensorInfo], found: Sequence[Scoring]) -> tuple[str, ...]:
    """Return what is to be said of outputs of one number, whose meaning nothing in the model tells for sure."""
    logit = _("The one number of {output} is read as a logit: its sigmoid is the probability of class 1, the second class.")
    value = _("The one number of {output} is shown as a value. With two labels it is read as the logit of the second class.")
    return tuple(
        (logit if one.pair else value).format(output=output.name)
        for output, one in zip(outputs, found, strict=True)
        if one.pair == "logit" or (one.classes == 1 and one.activation == "linear")
    )


def _pair(activation: str, labels: int, loss: str) -> str:
    """Return how one number stands for two classes; "" where it is a value, or the score of one tag."""
    if activation in SIGMOIDS:
        return "" if labels == 1 else "probability"  # one label is the name of a tag
    return "logit" if activation == "linear" and (labels == 2 or (labels == 0 and loss in _BINARY_LOSSES)) else ""


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


def best(scores: Values, top: int, labels: Labels, scale: str, output: int = 0) -> Answers:
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
    return Answers(predictions, len(others), float(scores[others].sum()), scale, output)


def scale_of(scores: Values, activation: str) -> str:
    """Return what scores are: "shares", "independent" or "values", as `Answers` has it.

    activation: the name of the last one; where that says nothing ("") the scores themselves say it.
    """
    if activation == "softmax" or activation in SIGMOIDS:
        return "shares" if activation == "softmax" else "independent"
    if activation or not (scores.min() >= 0 and scores.max() <= 1):
        return "values"
    return "shares" if abs(scores.sum() - 1) < 1e-3 else "independent"
