"""What can be done with a run: start, stop, go on, delete."""

from __future__ import annotations

import shutil

from explorer.disk import why_not
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.runs import serialization as files
from explorer.runs.process import end, process, spawn
from explorer.runs.reader import record
from explorer.runs.store import folder


def start(key: str) -> None:
    """Start the process of a run that waits. Raises ExplorerError where it can't be started, or was before."""
    place, state = folder(key), record(key).state
    if state == "running":
        return
    if state != "waiting":
        raise ExplorerError(_("This run was started before: resume it, or start a new one."))
    spawn(place)


def resume(key: str) -> None:
    """Start the process of a run again that was stopped, is lost or has failed: from its backup on, from the beginning without.

    Raises ExplorerError for one that can't go on.
    """
    place, found = folder(key), record(key)
    if found.state == "running":
        return
    if not found.resumable:
        raise ExplorerError(_("This run can't be resumed: it has ended."))
    spawn(place)


def ask_to_stop(key: str) -> None:
    """Ask the process of a run to stop; it does within a batch, and keeps the best weights so far."""
    place = folder(key)
    if process(place):
        (place / files.STOP).touch()


def kill(key: str) -> None:
    """End the process of a run at once; it is lost then, and can go on from its backup."""
    end(folder(key))


def delete(key: str) -> None:
    """Delete a run and all its files; its process is ended first. Raises ExplorerError where they can't be deleted."""
    place = folder(key)
    end(place)
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise ExplorerError(_("{path} can't be deleted: {reason}.").format(path=error.filename or place, reason=why_not(error))) from error
