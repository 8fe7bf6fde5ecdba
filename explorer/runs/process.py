"""The training process of a run: started so that it outlives its parent, and recognised by its command line."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types

from explorer.errors import ExplorerError
from explorer.runs import serialization as files

CHILD = "explorer.backend.fine_tuning.process_main"
PATIENCE = 10.0  # seconds to wait for a killed process to be gone

_started: dict[str, subprocess.Popen[bytes]] = {}
_ended: dict[str, int] = {}  # the return codes of the processes that were started here and are gone


def process(folder: Path) -> psutil.Process | None:
    """Return the process of a run while it lives; the command line tells it from a later process with the same id."""
    child = _started.get(folder.name)
    code = None if child is None else child.poll()
    if child is not None and code is not None:  # the poll has reaped it
        _ended[folder.name] = code
        _started.pop(folder.name, None)  # another thread may have removed it
    try:
        if child is not None and code is None:  # a new process has no command line for a moment
            return psutil.Process(child.pid)
        candidate = psutil.Process(int((folder / files.PID).read_text()))
        return candidate if Path((candidate.cmdline() or [""])[-1]).name == folder.name else None
    except (OSError, ValueError, psutil.Error):
        return None


def return_code(folder: Path) -> int | None:
    """Return the exit code of the newest process of a run, minus the signal's number if a signal ended it.

    None if the process lives, or was started by another process than this one.
    """
    process(folder)  # records its exit code
    return _ended.get(folder.name)


def spawn(folder: Path) -> None:
    """Start a process that outlives this one. Raises ExplorerError if that fails, and leaves the run as it was."""
    result, earlier, child = folder / files.RESULT, folder / files.EARLIER, None
    ended = result.exists()
    try:
        (folder / files.STOP).unlink(missing_ok=True)
        if ended:
            result.replace(earlier)
        child = _launch(folder)
        files.write(folder / files.PID, str(child.pid))
    except OSError as error:
        if child:  # without its id in the folder no other process could find it
            child.kill()
            child.wait()
        if ended and not result.exists():
            earlier.replace(result)
        raise ExplorerError(files.why_not_written(error, folder)) from error
    _ended.pop(folder.name, None)
    _started[folder.name] = child


def _launch(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / files.LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603  # this Python, and a path
            [sys.executable, "-P", "-m", CHILD, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(folder / files.TEMPORARY),  # created by the process itself
            start_new_session=True,
            creationflags=_flags(),
        )


def end(folder: Path) -> None:
    """End the process of a run at once."""
    alive = process(folder)
    if alive:
        with suppress(psutil.Error):  # it may have ended by itself
            alive.kill()
            alive.wait(PATIENCE)
        process(folder)  # records its exit code


def _environment(temporary: Path) -> dict[str, str]:
    """Return the environment variables of a training: its temporary files lie in its own folder and are deleted with it."""
    variables = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
    variables.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # TensorFlow would take all of a GPU at once
    package = Path(__file__).parents[2]
    if package.name not in ("site-packages", "dist-packages"):  # a checkout, which may not be installed
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(package))))
    return variables


def _flags() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
