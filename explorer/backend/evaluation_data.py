"""Examples and answers to evaluate a model on: read from a file, put under the names of inputs and outputs, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from explorer.errors import ExplorerError
from explorer.locale import _

Array: TypeAlias = np.ndarray[Any, Any]
Arrays: TypeAlias = dict[str, Array]
LARGEST = 4 * 2**30  # bytes of all arrays together


def read_data(path: str | Path) -> tuple[Array | Arrays, Array | Arrays]:
    """Return the examples and the answers in an .npz file.

    They are the arrays `x` and `y`; for models with several inputs or outputs `x_<input>` and `y_<output>`, which
    come back as dicts by those names. Make one with `numpy.savez(path, x=..., y=...)`.
    Raises ExplorerError for other files, missing arrays, Python objects and unequal numbers of examples.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as stream:
            arrays = _arrays(np.load(stream, allow_pickle=False), path.name)
    except FileNotFoundError:
        raise ExplorerError(_("There is no file {path}.").format(path=path)) from None
    except ExplorerError:
        raise
    except Exception as error:  # NumPy and zipfile raise what they like on damaged files
        raise ExplorerError(
            _("{name} can't be read: it must be an .npz of numbers, as numpy.savez(..., x=..., y=...) writes it.").format(name=path.name)
        ) from error
    x, y = _part(arrays, "x", path.name), _part(arrays, "y", path.name)
    check_lengths(*(named(part, list(part) if isinstance(part, dict) else [""], what) for part, what in ((x, "x"), (y, "y"))))
    return x, y


def _arrays(file: Any, name: str) -> Arrays:
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ExplorerError(_("{name} holds a single array: numpy.savez writes x and y into one .npz.").format(name=name))
    with file:
        if file.zip and sum(member.file_size for member in file.zip.infolist()) > LARGEST:
            raise ExplorerError(_("{name} unpacks to more than 4 GB: use a part of the data.").format(name=name))
        return {key: file[key] for key in file.files}


def _part(arrays: Arrays, letter: str, name: str) -> Array | Arrays:
    if letter in arrays:
        return arrays[letter]
    several = {key[2:]: array for key, array in arrays.items() if key.startswith(f"{letter}_")}
    if not several:
        raise ExplorerError(
            _("{name} holds no {letter}: it needs the arrays x and y, or x_<input> and y_<output>; it has {found}.").format(
                name=name, letter=letter, found=", ".join(arrays) or _("none")
            )
        )
    return several


def named(data: Any, names: Sequence[str], what: str) -> Arrays:
    """Return arrays by the names of the inputs or outputs that they are for.

    data: one array, several in the order of `names`, or a mapping from name to array.
    what: "x" or "y", for sentences.
    Raises ExplorerError where the names don't fit, and for what is no array of finite numbers.
    """
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
        raise ExplorerError(_("{what} is no array: its rows have unequal lengths.").format(what=what)) from error
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise ExplorerError(_("{what} is no array of numbers.").format(what=what))
    if not np.isfinite(array).all():
        raise ExplorerError(_("{what} holds values that are no numbers (NaN) or infinite.").format(what=what))
    return array


def check_lengths(x: Arrays, y: Arrays) -> None:
    """Raise ExplorerError unless there is as much of everything, and something at all."""
    lengths = {
        f"{what} ({name})" if len(arrays) > 1 else what: len(array)
        for what, arrays in (("x", x), ("y", y))
        for name, array in arrays.items()
    }
    if len(set(lengths.values())) > 1:
        raise ExplorerError(
            _("There must be one answer for each example: {lengths}.").format(
                lengths=", ".join(_("{name} has {count}").format(name=name, count=count) for name, count in lengths.items())
            )
        )
    if not next(iter(lengths.values())):
        raise ExplorerError(_("There are no examples."))
