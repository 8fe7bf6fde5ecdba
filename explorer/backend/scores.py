"""Scores: what the numbers of an output mean, and the best of them by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.locale import _
from explorer.values import Answers, Prediction

Labels = tuple[tuple[str, str], ...]


def best(scores: np.ndarray[Any, np.dtype[np.float64]], top: int, labels: Labels, scale: str, output: int = 0) -> Answers:
    """Return the `top` best scores, best first, and what the others hold.

    labels: (id, label) of each class; with any other number of them the classes have numbers for names.
    scale: what `scale_of` says; output: index of the output that the scores come from.
    """
    if len(labels) != len(scores):
        labels = tuple((str(index), _("class {index}").format(index=index)) for index in range(len(scores)))
    order = np.argsort(-scores, kind="stable")
    first, others = order[:top], order[top:]
    predictions = tuple(Prediction(labels[index][0], labels[index][1], float(scores[index])) for index in first)
    return Answers(predictions, len(others), float(scores[others].sum()), scale, output)


def scale_of(scores: np.ndarray[Any, np.dtype[np.float64]], activation: str) -> str:
    """Return what scores are: "shares", "independent" or "values", as `Answers` has it.

    activation: the name of the last one; where that says nothing ("") the scores themselves say it.
    """
    if activation in ("softmax", "sigmoid"):
        return "shares" if activation == "softmax" else "independent"
    if activation or not (scores.min() >= 0 and scores.max() <= 1):
        return "values"
    return "shares" if abs(scores.sum() - 1) < 1e-3 else "independent"
