"""A linear classifier by least squares with a ridge penalty, whose strength is chosen on the training examples alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]

STRENGTHS = np.logspace(-4, 2, 13)  # penalties that are tried, relative to the mean square of an example
NEGLIGIBLE = 1e-10  # of the largest eigenvalue


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear classifier: what comes out above 0 says that a class holds, the more the surer.

    mean, scale: of the features, (features,); weights: (features, classes); bias: (classes,).
    """

    mean: Array
    scale: Array
    weights: Array
    bias: Array

    def scores(self, features: Array) -> Array:
        """Return (n, classes) for features (n, features)."""
        return (features - self.mean) / self.scale @ self.weights + self.bias


def fitted(features: Array, targets: Array, groups: Sequence[Places] = (), balanced: bool = False) -> Linear:
    """Fit a classifier on standardised features.

    features: (n, features); targets: (n, classes) of -1 and 1.
    groups: the places of examples that hang together, two or more at a time.
    balanced: whether the line between yes and no is put half way between the two, however rare one of them is.
    The penalty is the one whose squared error is least when each example, or group, is left out in turn; that takes no
    further fit: R. Rifkin and R. Lippert, "Notes on regularized least squares", 2007. Wide features are solved by their
    inner products, so that it costs what the smaller of n and features does.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > np.finfo(np.float32).eps * np.abs(mean), scale, 1.0)
    middle = targets.mean(axis=0)
    left, squares, right = _decomposed((features - mean) / scale)
    along = left.T @ (targets - middle)
    best, least, answers = 0.0, np.inf, targets
    for penalty in STRENGTHS * max(float(squares.sum()) / len(features), NEGLIGIBLE):
        kept = squares / (squares + penalty)
        off = _left_out(left, kept, targets - middle - left @ (kept[:, None] * along), groups)
        error = float((off**2).sum())
        if error < least:
            best, least, answers = float(penalty), error, targets - off
    weights = right @ ((np.sqrt(squares) / (squares + best))[:, None] * along)
    return Linear(mean, scale, weights, middle - _half_way(answers, targets) if balanced else middle)


def _decomposed(features: Array) -> tuple[Array, Array, Array]:
    """Return the left singular vectors of a matrix, the squares of its singular values and its right singular vectors."""
    wide = features.shape[1] > len(features)
    squares, vectors = np.linalg.eigh(features @ features.T if wide else features.T @ features)
    kept = squares > NEGLIGIBLE * max(float(squares[-1]), NEGLIGIBLE)
    squares, vectors = squares[kept], vectors[:, kept]
    others = (features.T if wide else features) @ vectors / np.sqrt(squares)
    return (vectors, squares, others) if wide else (others, squares, vectors)


def _left_out(left: Array, kept: Array, residuals: Array, groups: Sequence[Places]) -> Array:
    """Return how far off each example would be had it, and its group, not been fitted."""
    count = len(left)
    off: Array = residuals / (1 - 1 / count - left**2 @ kept)[:, None]
    for places in groups:
        if len(places) < count:
            hat = left[places] * kept @ left[places].T + 1 / count
            off[places] = np.linalg.solve(np.eye(len(places)) - hat, residuals[places])
    return off


def _half_way(answers: Array, targets: Array) -> Array:
    """Return for each class the middle between what is answered, on average, where it holds and where it does not."""
    yes, no = targets > 0, targets <= 0
    sums = [(answers * side).sum(axis=0) / np.maximum(side.sum(axis=0), 1) for side in (yes, no)]
    middle: Array = (sums[0] + sums[1]) / 2
    return middle
