"""How a run is written down: the names of the files in its folder, and values as JSON and CSV."""

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
PROGRESS = "progress.jsonl"  # a `Told` each line
RESULT = "result.json"
EARLIER = "earlier.json"  # the result of the attempt before
HISTORY = "history.csv"
TUNED = "tuned.keras"
CHECKPOINT = "backup.npz"
CHECKPOINTS = (CHECKPOINT, "backup-before.npz")  # the second one is gone on with where the first is damaged
LOG = "log.txt"
STOP = "stop"  # asks to stop, by being there
PID = "pid"
COMMAND = "command"  # says by being there that `explorer fine-tune` started the run
LOCK = "lock"  # held by the process that trains
WRITER = "writer"  # held by the command that writes what comes of the run, and says where to
RESERVE = "reserve"  # room on the disk for the result
RESERVED = 2**16  # bytes of it
TEMPORARY = "temporary"  # for what a process keeps while it lives

KIND = "kind"  # of a value: the name of its class

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class LogEntry:
    """A step of a training as it is written down; `seconds` are those of the run so far, the times between its attempts left out."""

    seconds: float
    step: TrainingStep


def as_json(value: Any) -> str:
    """Return a frozen value as one line of JSON, which `from_json` reads back.

    Raises ExplorerError where something in it is no plain data.
    """
    return json.dumps(_plain(value))


def from_json(kind: type[Value], text: str | bytes) -> Value:
    """Return the frozen value of this class that a text holds.

    Raises ValueError for anything else: other classes, fields that are not known, values of another type.
    """
    try:
        value: Value = _value(kind, json.loads(text))
    except Exception as error:  # too deep, too many digits, no array or number of its type: one kind of error for all of it
        raise ValueError(kind.__name__) from error
    return value


def write_settings(folder: Path, settings: RunSettings) -> None:
    """Write the settings of a run that begins now. Raises OSError, and ExplorerError for what is no plain data."""
    text = as_json(settings)
    write(folder / SETTINGS, json.dumps({"version": VERSION, "created": time.time(), "settings": text}))


def read_settings(folder: Path) -> tuple[RunSettings, float]:
    """Return the settings of a run and when it began, in seconds since 1970. Raises ExplorerError where they can't be read."""
    damaged = _("The settings of this run can't be read: they are damaged, or of another version of explorer ({path}).")
    try:
        content = json.loads((folder / SETTINGS).read_bytes())
        if content["version"] > VERSION:
            raise ExplorerError(_("This run was made by a newer version of explorer; install that one to open it."))
        created = float(content["created"])
        time.localtime(created)  # raises where it is no time
        return from_json(RunSettings, content["settings"]), created
    except ExplorerError:
        raise
    except Exception as error:  # whatever a damaged file causes
        raise ExplorerError(damaged.format(path=folder / SETTINGS)) from error


def read_result(path: Path) -> RunResult | None:
    """Return the result that a file holds; None where there is none, or none that can be read."""
    try:
        return from_json(RunResult, path.read_bytes())
    except (OSError, ValueError):
        return None


def has_checkpoint(folder: Path) -> bool:
    """Whether the folder of a run holds a backup to go on with."""
    return any((folder / name).exists() for name in CHECKPOINTS)


def remove_backups(folder: Path) -> None:
    """Remove the backups in a folder: the training is through. Raises OSError."""
    for name in CHECKPOINTS:
        (folder / name).unlink(missing_ok=True)


def last_entry(text: bytes) -> LogEntry | None:
    """Return the newest of the lines that are whole; None where there is none yet."""
    for line in reversed(text.split(b"\n")[:-1]):
        if (told := parse_line(line)) is not None:
            return told
    return None


def parse_line(line: bytes) -> LogEntry | None:
    """Return what a line of progress says; None for one that was cut off."""
    try:
        return from_json(LogEntry, line)
    except ValueError:
        return None


def history_csv(history: Sequence[Epoch]) -> str:
    """Return the epochs as a table in CSV, a column each field; phases and epochs count from 1, what is None is left empty."""
    names = [field.name for field in dataclasses.fields(Epoch)]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    epochs = [dataclasses.replace(one, phase=one.phase + 1, epoch=one.epoch + 1) for one in history]
    table.writerows([getattr(epoch, name) for name in names] for epoch in epochs)
    return text.getvalue()


def why_not_written(error: OSError, folder: Path) -> str:
    """Return in a sentence why nothing can be written into a folder, and what to do."""
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
        return [_plain(one) for one in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {name: _plain(one) for name, one in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    raise ExplorerError(_("{value!r} can't be handed to another process: only numbers and texts can.").format(value=value))


def _value(kind: Any, data: Any) -> Any:
    """Return what the type asks for; lists are tuples, as in all frozen values. Raises ValueError where it is something else."""
    origin = get_origin(kind)
    if kind is Any:
        return _anything(data)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), data)
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
        return {name: _anything(one) for name, one in data.items()}
    return tuple(map(_anything, data)) if isinstance(data, list) else data


def _one_of(kinds: tuple[Any, ...], data: Any) -> Any:
    for kind in kinds:
        try:
            return _value(kind, data)
        except ValueError:
            continue
    raise ValueError(data)


def _tuple(kinds: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise ValueError(data)  # one kind of error for all that is not understood
    each = kinds[:1] * len(data) if kinds[1:] == (...,) else kinds
    if len(each) != len(data):
        raise ValueError(data)
    return tuple(_value(kind, one) for kind, one in zip(each, data, strict=True))


_hints = cache(get_type_hints)  # for each line of progress anew they take longer than all else


def _dataclass(kind: Any, data: Any) -> Any:
    hints = _hints(kind)
    if not isinstance(data, dict) or data.get(KIND) != kind.__name__ or not set(data) <= {KIND, *hints}:
        raise ValueError(data)
    try:
        return kind(**{name: _value(hints[name], one) for name, one in data.items() if name != KIND})
    except TypeError as error:  # a field is missing
        raise ValueError(data) from error
