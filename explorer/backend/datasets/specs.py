"""Specs: which data to train on, by its path or name, checked to exist."""

from __future__ import annotations

import hashlib
import os
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from explorer.backend.datasets.builtin import BUILT_IN
from explorer.backend.datasets.class_folders import files_in
from explorer.catalog.options import stamp_of
from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import DataSpec

FILES = {".zip": "zip", ".npz": "npz", ".csv": "csv", ".tsv": "csv"}


def data_spec(
    path_or_name: str | os.PathLike[str],
    validation: float | str | os.PathLike[str] = 0.2,
    seed: int = 0,
    count: int = 0,
    label_column: str | int = "",
    file_column: str | int = "",
) -> DataSpec:
    """Return the spec of data to train on, checked to exist.

    path_or_name: a folder of class folders, a .zip of one, an .npz of x and y, a .csv of files and their classes; or the
        name of a built-in dataset, one of `BUILT_IN`.
    validation: the share for validation, 0 to below 1, or the path of validation data, or the name of a built-in dataset.
    seed: decides which examples are for validation, and which are drawn for a built-in dataset; 0 to 2**32 - 1.
    count: the number of examples of a built-in dataset; 0 for its default.
    label_column, file_column: the columns of a .csv that hold the classes and the files, by name or number from 1 on; "" to find them.
    Raises UnknownName where there is no such data, ExplorerError where a file is no data, and for other values.
    """
    seed, count = _checked_number("seed", seed), _checked_number("count", count)
    checked_validation = checked_share(validation) if isinstance(validation, Real) else _checked_source(validation)
    columns = str(label_column or ""), str(file_column or "")
    if isinstance(path_or_name, str) and path_or_name in BUILT_IN:
        if any(columns):
            raise columns_without_list()
        return DataSpec("built-in", path_or_name, checked_validation, seed, count)
    path = _existing_path(path_or_name)
    source = "folder" if path.is_dir() else FILES.get(path.suffix.lower())
    if source is None:
        raise ExplorerError(
            _("{name} is not data to train on: give a folder with a folder for each class, a .zip of one, an .npz or a .csv.").format(
                name=path.name
            )
        )
    if count:
        raise ExplorerError(_("count is for the built-in datasets: {names}.").format(names=", ".join(BUILT_IN)))
    if any(columns) and source != "csv":
        raise columns_without_list()
    return DataSpec(source, str(path), checked_validation, seed, 0, stamp(path), *columns)


def columns_without_list() -> ExplorerError:
    """Return the error for columns that are named for data other than a .csv."""
    return ExplorerError(_("label_column and file_column are for a .csv, which lists files and their classes."))


def stamp(path: Path) -> str:
    """Return a text that changes with a file, or with the files in a folder: of their sizes and modification times."""
    if not path.is_dir():
        return stamp_of(path)
    content = hashlib.blake2b(digest_size=16)
    for file in files_in(path):
        try:
            file_stamp = stamp_of(file)
        except OSError:  # a broken link, or no permission
            file_stamp = ""
        content.update(f"{file.relative_to(path)}\0{file_stamp}\0".encode(errors="surrogateescape"))
    return content.hexdigest()


def checked_share(share: Any) -> float:
    """Return the share for validation, 0 to below 1. Raises ExplorerError for other values."""
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 <= float(share) < 1:
        raise ExplorerError(_("validation must be a share of the data, 0 to below 1, or other data, not {share!r}.").format(share=share))
    return float(share)


def _checked_source(validation: Any) -> str:
    return validation if isinstance(validation, str) and validation in BUILT_IN else str(_existing_path(validation))


def _existing_path(path_or_name: Any) -> Path:
    """Return the path of an existing file or folder. Raises UnknownName where there is none, ExplorerError without permission."""
    if not isinstance(path_or_name, str | os.PathLike):
        raise ExplorerError(_("Data is given as a path or a name, not {type}.").format(type=type(path_or_name).__name__))
    text = os.fspath(path_or_name)
    try:
        path = Path(text).expanduser()
        if text.strip() and path.exists():
            return path.resolve()
    except PermissionError as error:
        raise ExplorerError(_("{path} can't be read: {why}.").format(path=text, why=error.strerror)) from error
    except (OSError, ValueError, RuntimeError):  # too long, with a null character, or of an unknown user
        pass
    if isinstance(path_or_name, os.PathLike) or os.sep in text or Path(text).suffix:
        raise UnknownName(_("There is no file or folder {path}.").format(path=text))
    raise UnknownName(
        _("There is neither a file or folder nor a built-in dataset {name!r}.{near} The built-in ones are {names}.").format(
            name=text, near=near(text, BUILT_IN), names=", ".join(BUILT_IN)
        )
    )


def _checked_number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 2**32:
        raise ExplorerError(_("{name} must be a whole number from 0 to 4,294,967,295, not {value!r}.").format(name=name, value=value))
    return int(value)
