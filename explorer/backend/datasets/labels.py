"""The classes of examples, from an array of their numbers, their names, or of 0 and 1 in a column for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.names import plain

Array: TypeAlias = np.ndarray[Any, Any]
NUMBERS, TEXTS = "buif", "SUO"  # kinds of arrays


@dataclass(frozen=True)
class Targets:
    """The names of the classes of each example; `classes` are all names, where they have an order of their own."""

    names: list[tuple[str, ...]]
    classes: Sequence[str] | None = None
    multi_label: bool = False
    notes: tuple[str, ...] = ()


def answers(y: Array, classes: Sequence[str] | None = None) -> Targets:
    """Return the classes that `y` gives: (n,) or (n, 1) numbers or names of classes, or (n, classes) of 0 and 1.

    Rows that each hold a single 1 are one class an example. classes: their names in order; numbers and columns are places among them.
    Raises ExplorerError for other shapes and values, and for what is not among `classes`.
    """
    classes = None if classes is None else [plain(str(one)) for one in classes]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        return _of_columns(y, classes)
    if y.ndim != 1:
        raise ExplorerError(_("y has the shape {shape}; it must be (n,) classes, or (n, classes) of 0 and 1.").format(shape=y.shape))
    if y.dtype.kind in TEXTS and all(isinstance(one, str | bytes) for one in y.tolist()):
        return _of_names([plain(one.decode(errors="replace") if isinstance(one, bytes) else one) for one in y.tolist()], classes)
    if y.dtype.kind not in NUMBERS or not np.isfinite(y).all() or not np.array_equal(y, np.rint(y)):
        raise ExplorerError(_("y must hold whole numbers or names of classes."))
    if classes is None:
        return Targets([(str(int(one)),) for one in y])
    if y.size and not 0 <= y.min() <= y.max() < len(classes):
        raise ExplorerError(
            _("y holds {low} to {high}, but there are names for 0 to {last}.").format(low=y.min(), high=y.max(), last=len(classes) - 1)
        )
    return Targets([(classes[int(one)],) for one in y], classes)


def _of_names(names: list[str], classes: Sequence[str] | None) -> Targets:
    unknown = [] if classes is None else sorted(set(names) - set(classes))
    if unknown:
        raise ExplorerError(_("y holds {name!r}, which is not among the names of the classes.").format(name=unknown[0]))
    return Targets([(name,) for name in names], classes)


def _of_columns(y: Array, classes: Sequence[str] | None) -> Targets:
    if y.dtype.kind not in NUMBERS or not np.isin(y, (0, 1)).all():
        raise ExplorerError(_("y has a column for each class, so it must hold 0 and 1 only."))
    classes = [str(place) for place in range(y.shape[1])] if classes is None else classes
    if len(classes) != y.shape[1]:
        raise ExplorerError(_("y has {columns} columns, but {count} classes are named.").format(columns=y.shape[1], count=len(classes)))
    names = [tuple(name for name, holds in zip(classes, row, strict=True) if holds) for row in y]
    if names and all(len(one) == 1 for one in names):
        return Targets(names, classes, notes=(_("Each row of y has a single 1, so each example is taken to be of one class."),))
    return Targets(names, classes, multi_label=True)
