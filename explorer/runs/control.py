"""Control of runs: start, resume, stop, kill and delete."""

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
    """Start the process of a waiting run. Raises ExplorerError if it can't be started, or was started before."""
    path, state = folder(key), record(key).state
    if state == "running":
        return
    if state != "waiting":
        raise ExplorerError(_("This run was started before: resume it, or start a new one."))
    spawn(path)


def resume(key: str) -> None:
    """Restart the process of a run that was stopped, lost or has failed: from its checkpoint, or from the beginning if there is none.

    Raises ExplorerError for a run that can't be resumed.
    """
    path, run = folder(key), record(key)
    if run.state == "running":
        return
    if not run.resumable:
        raise ExplorerError(_("This run can't be resumed: it has ended."))
    spawn(path)


def ask_to_stop(key: str) -> None:
    """Ask the process of a run to stop; it does so within a batch and keeps the best weights so far."""
    path = folder(key)
    if process(path):
        (path / files.STOP).touch()


def kill(key: str) -> None:
    """End the process of a run at once; the run is then lost, and can be resumed from its checkpoint."""
    end(folder(key))


def delete(key: str) -> None:
    """End the process of a run, then delete all its files. Raises ExplorerError if they can't be deleted."""
    path = folder(key)
    end(path)
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise ExplorerError(_("{path} can't be deleted: {reason}.").format(path=error.filename or path, reason=why_not(error))) from error
