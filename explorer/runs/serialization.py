"""The serialization of runs: the names of the files in a run's folder, and values as JSON and CSV."""

from __future__ import annotations

import csv
import dataclasses
import errno
import io
import json
import time
import types
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from explorer.disk import FULL, why_not
from explorer.disk import write as write  # a part of how runs are written
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.runs import RunResult, RunSettings
from explorer.values.training import Epoch, TrainingStep

VERSION = 1  # of the settings' file
SETTINGS = "settings.json"
PROGRESS = "progress.jsonl"  # one `LogEntry` a line
RESULT = "result.json"
EARLIER = "earlier.json"  # the result of the attempt before
HISTORY = "history.csv"
TUNED = "tuned.keras"
CHECKPOINT = "backup.npz"
CHECKPOINTS = (CHECKPOINT, "backup-before.npz")  # the second is resumed from if the first is damaged
LOG = "log.txt"
STOP = "stop"  # its existence asks the process to stop
PID = "pid"
COMMAND = "command"  # its existence means that `explorer fine-tune` started the run
LOCK = "lock"  # held by the process that trains
WRITER = "writer"  # held by the command that writes the results of the run, and contains the path that it writes to
RESERVE = "reserve"  # reserves space on the disk for the result
RESERVED = 2**16  # its size in bytes
TEMPORARY = "temporary"  # for the temporary files of the process

KIND = "kind"  # of a value: the name of its class

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class LogEntry:
    """A logged step of a training; `seconds` is the time of the run so far, without the pauses between its attempts."""

    seconds: float
    step: TrainingStep


def as_json(value: Any) -> str:
    """Return a frozen value as one line of JSON, which `from_json` reads back.

    Raises ExplorerError if something in it isn't plain data.
    """
    return json.dumps(_plain(value))


def from_json(kind: type[Value], text: str | bytes) -> Value:
    """Return the frozen value of this class that a JSON text holds.

    Raises ValueError for anything else: other classes, unknown fields, values of another type.
    """
    try:
        value: Value = _value(kind, json.loads(text))
    except Exception as error:  # too deep, too many digits, not a valid array or number: one class of error for all of them
        raise ValueError(kind.__name__) from error
    return value


def write_settings(folder: Path, settings: RunSettings) -> None:
    """Write the settings of a run that is created now. Raises OSError, and ExplorerError for settings that aren't plain data."""
    text = as_json(settings)
    write(folder / SETTINGS, json.dumps({"version": VERSION, "created": time.time(), "settings": text}))


def read_settings(folder: Path) -> tuple[RunSettings, float]:
    """Return the settings of a run and when it was created, in seconds since 1970. Raises ExplorerError if they can't be read."""
    damaged = _("The settings of this run can't be read: they are damaged, or of another version of explorer ({path}).")
    try:
        content = json.loads((folder / SETTINGS).read_bytes())
        if content["version"] > VERSION:
            raise ExplorerError(_("This run was made by a newer version of explorer; install that one to open it."))
        created = float(content["created"])
        time.localtime(created)  # raises for an invalid time
        return from_json(RunSettings, content["settings"]), created
    except ExplorerError:
        raise
    except Exception as error:  # whatever a damaged file causes
        raise ExplorerError(damaged.format(path=folder / SETTINGS)) from error


def read_result(path: Path) -> RunResult | None:
    """Return the result that a file holds; None if there is none, or it can't be read."""
    try:
        return from_json(RunResult, path.read_bytes())
    except (OSError, ValueError):
        return None


def has_checkpoint(folder: Path) -> bool:
    """Whether the folder of a run holds a checkpoint to resume from."""
    return any((folder / name).exists() for name in CHECKPOINTS)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints in a folder, once the training has finished. Raises OSError."""
    for name in CHECKPOINTS:
        (folder / name).unlink(missing_ok=True)


def last_entry(text: bytes) -> LogEntry | None:
    """Return the entry of the newest complete line; None if there is none yet."""
    for line in reversed(text.split(b"\n")[:-1]):
        if (entry := parse_line(line)) is not None:
            return entry
    return None


def parse_line(line: bytes) -> LogEntry | None:
    """Return the entry that a line of progress holds; None for a line that was cut off."""
    try:
        return from_json(LogEntry, line)
    except ValueError:
        return None


def history_csv(history: Sequence[Epoch]) -> str:
    """Return the epochs as CSV, one column for each field; phases and epochs count from 1, None is an empty cell."""
    names = [field.name for field in dataclasses.fields(Epoch)]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    epochs = [dataclasses.replace(epoch, phase=epoch.phase + 1, epoch=epoch.epoch + 1) for epoch in history]
    table.writerows([getattr(epoch, name) for name in names] for epoch in epochs)
    return text.getvalue()


def why_not_written(error: OSError, folder: Path) -> str:
    """Return a sentence that says why nothing can be written into a folder, and what to do."""
    if error.errno == errno.EDQUOT:
        return _("Your quota on the disk of {folder} is used up: free some space there.").format(folder=folder)
    if error.errno == errno.EFBIG:
        return _("A file would be larger than files may be in {folder}: raise the limit (`ulimit -f`), or use another disk.").format(
            folder=folder
        )
    if error.errno in FULL:
        return _("The disk is full: free some space where {folder} is.").format(folder=folder)
    if error.errno == errno.EROFS:
        return _("The disk of {folder} is read-only: set EXPLORER_RUNS to a folder on another one.").format(folder=folder)
    return _("Nothing can be written into {folder} ({reason}): allow it, or set EXPLORER_RUNS to another folder.").format(
        folder=folder, reason=why_not(error)
    )


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {KIND: type(value).__name__, **fields}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {name: _plain(item) for name, item in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    raise ExplorerError(_("{value!r} can't be handed to another process: only numbers and texts can.").format(value=value))


def _value(kind: Any, data: Any) -> Any:
    """Return the data as a value of this type; lists become tuples, as in all frozen values. Raises ValueError if it doesn't fit."""
    origin = get_origin(kind)
    if kind is Any:
        return _anything(data)
    if origin in (Union, types.UnionType):
        return _any_kind(get_args(kind), data)
    if origin is tuple:
        return _tuple(get_args(kind), data)
    if origin is np.ndarray:
        return np.array(data, np.int64)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, data)
    allowed = (int, float) if kind is float else kind
    if not isinstance(data, allowed) or (isinstance(data, bool) and kind is not bool):
        raise ValueError(data)
    return float(data) if kind is float else data


def _anything(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _anything(item) for name, item in data.items()}
    return tuple(map(_anything, data)) if isinstance(data, list) else data


def _any_kind(kinds: tuple[Any, ...], data: Any) -> Any:
    for kind in kinds:
        try:
            return _value(kind, data)
        except ValueError:
            continue
    raise ValueError(data)


def _tuple(kinds: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise ValueError(data)  # one class of error for everything that isn't understood
    each = kinds[:1] * len(data) if kinds[1:] == (...,) else kinds
    if len(each) != len(data):
        raise ValueError(data)
    return tuple(_value(kind, item) for kind, item in zip(each, data, strict=True))


_hints = cache(get_type_hints)  # computed anew for each line of progress, they would take longer than everything else


def _dataclass(kind: Any, data: Any) -> Any:
    hints = _hints(kind)
    if not isinstance(data, dict) or data.get(KIND) != kind.__name__ or not set(data) <= {KIND, *hints}:
        raise ValueError(data)
    try:
        return kind(**{name: _value(hints[name], item) for name, item in data.items() if name != KIND})
    except TypeError as error:  # a field is missing
        raise ValueError(data) from error
