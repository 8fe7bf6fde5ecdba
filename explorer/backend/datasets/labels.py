"""Labels: the classes of examples, from an array of class numbers or names, or of 0 and 1 in a column for each class."""

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
    """The class names of each example; classes: all class names in order, None where they have no order of their own."""

    names: list[tuple[str, ...]]
    classes: Sequence[str] | None = None
    multi_label: bool = False
    notes: tuple[str, ...] = ()


def targets_of(y: Array, classes: Sequence[str] | None = None) -> Targets:
    """Return the classes in `y`: (n,) or (n, 1) class numbers or names, or (n, classes) of 0 and 1.

    Where each row holds a single 1, each example has one class. classes: the names in order, into which numbers and columns index.
    Raises ExplorerError for other shapes and values, and for numbers and names outside `classes`.
    """
    classes = None if classes is None else [plain(str(name)) for name in classes]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        return _targets_of_columns(y, classes)
    if y.ndim != 1:
        raise ExplorerError(_("y has the shape {shape}; it must be (n,) classes, or (n, classes) of 0 and 1.").format(shape=y.shape))
    if y.dtype.kind in TEXTS and all(isinstance(name, str | bytes) for name in y.tolist()):
        return _targets_of_names(
            [plain(name.decode(errors="replace") if isinstance(name, bytes) else name) for name in y.tolist()], classes
        )
    if y.dtype.kind not in NUMBERS or not np.isfinite(y).all() or not np.array_equal(y, np.rint(y)):
        raise ExplorerError(_("y must hold whole numbers or names of classes."))
    if classes is None:
        return Targets([(str(int(number)),) for number in y])
    if y.size and not 0 <= y.min() <= y.max() < len(classes):
        raise ExplorerError(
            _("y holds {low} to {high}, but there are names for 0 to {last}.").format(low=y.min(), high=y.max(), last=len(classes) - 1)
        )
    return Targets([(classes[int(number)],) for number in y], classes)


def _targets_of_names(names: list[str], classes: Sequence[str] | None) -> Targets:
    unknown = [] if classes is None else sorted(set(names) - set(classes))
    if unknown:
        raise ExplorerError(_("y holds {name!r}, which is not among the names of the classes.").format(name=unknown[0]))
    return Targets([(name,) for name in names], classes)


def _targets_of_columns(y: Array, classes: Sequence[str] | None) -> Targets:
    if y.dtype.kind not in NUMBERS or not np.isin(y, (0, 1)).all():
        raise ExplorerError(_("y has a column for each class, so it must hold 0 and 1 only."))
    classes = [str(index) for index in range(y.shape[1])] if classes is None else classes
    if len(classes) != y.shape[1]:
        raise ExplorerError(_("y has {columns} columns, but {count} classes are named.").format(columns=y.shape[1], count=len(classes)))
    names = [tuple(name for name, value in zip(classes, row, strict=True) if value) for row in y]
    if names and all(len(example_names) == 1 for example_names in names):
        return Targets(names, classes, notes=(_("Each row of y has a single 1, so each example is taken to be of one class."),))
    return Targets(names, classes, multi_label=True)
