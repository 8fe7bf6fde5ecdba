"""Data to evaluate a model on: examples and targets, read from a file, assigned to inputs and outputs by name, and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.inputs.array_files import is_finite
from explorer.backend.inputs.files import existing
from explorer.backend.inputs.npy import NPY, ZIP, Array, from_npz
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError
from explorer.locale import _

Arrays: TypeAlias = dict[str, Array]


def read_data(path: str | Path) -> tuple[Array | Arrays, Array | Arrays]:
    """Return the examples and the targets in an .npz file.

    They are the arrays `x` and `y`; for models with several inputs or outputs `x_<input>` and `y_<output>`, which
    are returned as dicts by those names. Make one with `numpy.savez(path, x=..., y=...)`.
    Raises ExplorerError for other files, missing arrays, Python objects and unequal numbers of examples.
    """
    if not isinstance(path, str | os.PathLike):
        raise ExplorerError(_("The data is given as the path of an .npz, not {type}.").format(type=type(path).__name__))
    with refusing(ExplorerError, _("{name} can't be read ({why}); give the path of an .npz."), _("The data")):
        path = Path(path).expanduser()
        arrays = stored_arrays(path)
    x, y = _arrays_with_prefix(arrays, "x", path.name), _arrays_with_prefix(arrays, "y", path.name)
    check_lengths(*(arrays_by_name(part, list(part) if isinstance(part, dict) else [""], what) for part, what in ((x, "x"), (y, "y"))))
    return x, y


def stored_arrays(path: Path) -> Arrays:
    """Return the arrays in an .npz file of examples and targets. Raises ExplorerError for other files, and for too large arrays."""
    existing(path)
    with path.open("rb") as stream:
        first = stream.read(len(NPY))
    if first == NPY:
        raise ExplorerError(_("{name} holds a single array: numpy.savez writes x and y into one .npz.").format(name=path.name))
    if not first.startswith(ZIP):
        raise ExplorerError(
            _("{name} can't be read: it must be an .npz of numbers, as numpy.savez(..., x=..., y=...) writes it.").format(name=path.name)
        )
    return from_npz(path, path.name)


def _arrays_with_prefix(arrays: Arrays, prefix: str, name: str) -> Array | Arrays:
    if prefix in arrays:
        return arrays[prefix]
    by_name = {key[2:]: array for key, array in arrays.items() if key.startswith(f"{prefix}_")}
    if not by_name:
        raise ExplorerError(
            _("{name} holds no {letter}: it needs the arrays x and y, or x_<input> and y_<output>; it has {found}.").format(
                name=name, letter=prefix, found=", ".join(arrays) or _("none")
            )
        )
    return by_name


def arrays_by_name(data: Any, names: Sequence[str], what: str) -> Arrays:
    """Return arrays by the name of their input or output.

    data: one array, several in the order of `names`, or a mapping from name to array.
    what: "x" or "y", for error messages.
    Raises ExplorerError where the names don't match, and for anything but arrays of finite numbers.
    """
    with refusing(ExplorerError, _("{name} can't be read ({why}); give arrays of numbers."), what):
        return _arrays_by_name(data, names, what)


def _arrays_by_name(data: Any, names: Sequence[str], what: str) -> Arrays:
    if isinstance(data, Mapping):
        given = dict(data)
    elif len(names) == 1:
        given = {names[0]: data}
    elif isinstance(data, list | tuple) and len(data) == len(names):
        given = dict(zip(names, data, strict=True))
    else:
        raise ExplorerError(
            _("{what} must hold {count} arrays, by name or in this order: {names}.").format(
                what=what, count=len(names), names=", ".join(names)
            )
        )
    if isinstance(data, Mapping) and len(names) == len(given) == 1:
        given = {names[0]: next(iter(given.values()))}
    if set(given) != set(names):
        raise ExplorerError(
            _("{what} is for {given}, but the model has {names}.").format(
                what=what, given=", ".join(map(str, given)), names=", ".join(names)
            )
        )
    return {name: _numbers(given[name], f"{what} ({name})" if len(names) > 1 else what) for name in names}


def _numbers(data: Any, what: str) -> Array:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ExplorerError(_("{what} is not an array: its rows have unequal lengths.").format(what=what)) from error
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise ExplorerError(_("{what} is not an array of numbers.").format(what=what))
    if np.ma.is_masked(data):
        raise ExplorerError(_("{what} has masked values: fill them first, as with array.filled(0).").format(what=what))
    if not is_finite(array):
        raise ExplorerError(_("{what} holds NaN or infinite values.").format(what=what))
    return array


def check_lengths(x: Arrays, y: Arrays) -> None:
    """Raise ExplorerError unless all arrays have the same length, and it is not 0."""
    lengths = {
        f"{what} ({name})" if len(arrays) > 1 else what: len(array)
        for what, arrays in (("x", x), ("y", y))
        for name, array in arrays.items()
    }
    if len(set(lengths.values())) > 1:
        raise ExplorerError(
            _("There must be one target for each example: {lengths}.").format(
                lengths=", ".join(_("{name} has {count}").format(name=name, count=count) for name, count in lengths.items())
            )
        )
    if not next(iter(lengths.values())):
        raise ExplorerError(_("There are no examples."))
