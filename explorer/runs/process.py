"""The process that trains: started so that it outlives whoever asks for it, and known again by its command."""

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
PATIENCE = 10.0  # seconds in which a killed process must be gone

_started: dict[str, subprocess.Popen[bytes]] = {}
_ended: dict[str, int] = {}  # the return codes of those that were started here and are gone


def process(place: Path) -> psutil.Process | None:
    """Return the process of a run while it lives; another one that was given the same number since is told by its command."""
    child = _started.get(place.name)
    code = None if child is None else child.poll()
    if child is not None and code is not None:  # the poll lets go of it
        _ended[place.name] = code
        _started.pop(place.name, None)  # another thread may have seen it too
    try:
        if child is not None and code is None:  # which has no command for a moment
            return psutil.Process(child.pid)
        found = psutil.Process(int((place / files.PID).read_text()))
        return found if Path((found.cmdline() or [""])[-1]).name == place.name else None
    except (OSError, ValueError, psutil.Error):
        return None


def return_code(place: Path) -> int | None:
    """Return how the newest process of a run has ended: below 0 by that signal. None where it lives, or was started by another process."""
    process(place)  # takes note of its end
    return _ended.get(place.name)


def spawn(place: Path) -> None:
    """Start a process that outlives this one. Raises ExplorerError where that can't be; the run stays as it was then."""
    result, earlier, child = place / files.RESULT, place / files.EARLIER, None
    ended = result.exists()
    try:
        (place / files.STOP).unlink(missing_ok=True)
        if ended:
            result.replace(earlier)
        child = _launched(place)
        files.write(place / files.PID, str(child.pid))
    except OSError as error:
        if child:  # nobody would know of it
            child.kill()
            child.wait()
        if ended and not result.exists():
            earlier.replace(result)
        raise ExplorerError(files.why_not_written(error, place)) from error
    _ended.pop(place.name, None)
    _started[place.name] = child  # to take note of its end


def _launched(place: Path) -> subprocess.Popen[bytes]:
    with (place / files.LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603  # this Python, and a path
            [sys.executable, "-P", "-m", CHILD, str(place)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(place / files.TEMPORARY),  # which the process makes, and nobody else
            start_new_session=True,
            creationflags=_flags(),
        )


def end(place: Path) -> None:
    """End the process of a run at once."""
    alive = process(place)
    if alive:
        with suppress(psutil.Error):  # it ended by itself
            alive.kill()
            alive.wait(PATIENCE)
        process(place)  # takes note of its end


def _environment(temporary: Path) -> dict[str, str]:
    """Return the variables of a training: its temporary files lie in its own folder, and are gone with it."""
    variables = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
    variables.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # TensorFlow would take all of a GPU at once
    package = Path(__file__).parents[2]
    if package.name not in ("site-packages", "dist-packages"):  # a checkout that need not be installed
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(package))))
    return variables


def _flags() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
