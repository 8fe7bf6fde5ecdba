"""The process of a run: `python -m explorer.backend.fine_tuning.process_main FOLDER` trains what the settings in the folder say."""

from __future__ import annotations

import faulthandler
import io
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from explorer.backend.runtime.file_locks import Note, hold
from explorer.disk import PART, blamed
from explorer.errors import Cancelled, ExplorerError, causes, is_out_of_memory
from explorer.locale import _
from explorer.runs import exit_reason
from explorer.runs import serialization as files
from explorer.values import Progress, RunResult, TrainingStep

if TYPE_CHECKING:
    from explorer.backend.fine_tuning.trainer import Run

OFTEN = 0.08  # seconds at least between two lines, but for those that stay known
STAY = ("epoch", "notice")
BEAT = 1.0  # seconds at least between two signs of life
NICE = 3  # below whoever looks into a network meanwhile, and not so far below that three busy pages leave it nothing
PATIENCE = 0.5  # seconds


def main(folder: Path) -> int:
    """Do the run in a folder, and return the exit status; a folder that is gone ends it quietly.

    Whatever happens is written into its result: SIGTERM, or a file `stop` in the folder, stop the training.
    """
    try:
        held = _alone(folder / files.LOCK)
        if held is None:  # another process was faster, and its number is the one to know
            files.write(folder / files.PID, (folder / files.LOCK).read_text())
            return 1
        held.text = str(os.getpid())
        _tidy(folder)
    except OSError as error:
        return _unwritable(folder, error)
    asked = threading.Event()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), lambda _number, _frame: asked.set())
    if not (folder / files.COMMAND).exists():  # in a shell, someone waits for nothing else
        _give_way()
    result = work(folder, asked.is_set)
    shutil.rmtree(folder / files.TEMPORARY, ignore_errors=True)
    held.release()  # before the result is there: whoever sees it may start the next process
    status = _save_result(folder, result)
    if result.state == "done" and status == 0:  # only now: without a result, all would be trained anew
        files.remove_checkpoints(folder)
    return status


def _alone(path: Path) -> Note | None:
    """Return the lock, or None where another process has it for longer than it takes to clear what a killed one has left."""
    end = time.monotonic() + PATIENCE
    while (held := hold(path)) is None and time.monotonic() < end:
        time.sleep(PATIENCE / 10)
    return held


def _tidy(folder: Path) -> None:
    """Take away what a process has left that was killed, and make room for this one's temporary files. Raises OSError."""
    files.write(folder / files.PID, str(os.getpid()))  # first: whoever finds temporary files finds out whose they are
    for part in folder.glob(f"{PART}*"):
        if not part.name.endswith(files.PID):  # which the one that started this process may be writing
            part.unlink(missing_ok=True)
    shutil.rmtree(folder / files.TEMPORARY, ignore_errors=True)
    (folder / files.TEMPORARY).mkdir()
    with suppress(OSError):
        (folder / files.RESERVE).write_bytes(os.urandom(files.RESERVED))


def work(folder: Path, asked: Callable[[], bool] = lambda: False) -> RunResult:
    """Train what the settings in the folder say, and leave the tuned network and the history there; never raises an Exception.

    asked: whether the training is to stop, beside the file `stop`.
    """
    diary = Diary(folder)

    def stop() -> bool:
        diary.beat()
        return asked() or (folder / files.STOP).exists() or not folder.exists()

    try:
        result = _trained(folder, diary, stop)
    except Cancelled:
        result = RunResult("stopped", 0.0)
    except Exception as error:  # noqa: BLE001  # whatever it is, the page says it
        traceback.print_exc()
        result = RunResult("failed", 0.0, why(error, folder))
    earlier = files.read_result(folder / files.EARLIER)
    if earlier and not result.history:  # it did not get so far that there is anything newer
        result = replace(earlier, state=result.state, error_message=result.error_message)
    return replace(result, seconds=diary.seconds)


def why(error: BaseException, folder: Path) -> str:
    """Return in a sentence what went wrong and what to do."""
    if blame := blamed(error) or next((one for one in causes(error) if _is_in(one, folder)), None):
        return f"{files.why_not_written(blame, folder)} {exit_reason.how_to_resume(folder)}"
    if is_out_of_memory(error):
        return exit_reason.not_enough_memory()
    if isinstance(error, ExplorerError):
        return str(error)
    said = _("Something went wrong in explorer itself ({kind}).").format(kind=type(error).__name__)
    return f"{said} {exit_reason.where_details_are(folder)}".strip()


def _is_in(error: BaseException, folder: Path) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and str(error.filename).startswith(str(folder))


@dataclass
class Diary:
    """Writes down how far a training is, after what there is of an earlier attempt."""

    folder: Path
    before: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    said: float = 0.0
    beaten: float = 0.0
    whole: bool = False  # whether the last line is; one that a killed process left may not be

    def __post_init__(self) -> None:
        with suppress(FileNotFoundError):
            told = files.last_entry((self.folder / files.PROGRESS).read_bytes())
            self.before = told.seconds if told else 0.0

    @property
    def seconds(self) -> float:
        """Seconds of the run so far, those of earlier attempts included."""
        return self.before + time.perf_counter() - self.began

    def beat(self) -> None:
        """Give a sign of life: the age of the file. To be called where the training moves, not by a thread that lives beside it."""
        now = time.perf_counter()
        if now - self.beaten >= BEAT:
            self.beaten = now
            with suppress(OSError):
                os.utime(self.folder / files.PROGRESS)

    def write(self, step: TrainingStep) -> None:
        """Write a step down, unless one came just before; a disk that is full, or a folder that is gone, hinders no training."""
        now = time.perf_counter()
        if step.what not in STAY and step.what != "preparing" and now - self.said < OFTEN:
            return
        line = f"{files.as_json(files.LogEntry(round(self.seconds, 3), step))}\n"
        with suppress(OSError):
            stream = os.open(self.folder / files.PROGRESS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                text = line.encode() if self.whole else b"\n" + line.encode()
                self.whole = False
                self.whole = os.write(stream, text) == len(text)
            finally:
                os.close(stream)
            self.said = now


def _trained(folder: Path, diary: Diary, stop: Callable[[], bool]) -> RunResult:
    def report_progress(progress: Progress) -> None:
        diary.write(TrainingStep("preparing", text=progress.text))
        if stop():
            raise Cancelled

    settings, _created = files.read_settings(folder)
    report_progress(Progress(_("Loading TensorFlow…")))
    from explorer.backend.datasets.loader import training_data
    from explorer.backend.fine_tuning.trainer import train
    from explorer.backend.loading import from_spec  # only now: they load TensorFlow

    network = from_spec(settings.network, report_progress)
    report_progress(Progress(_("Reading the data…")))
    data = training_data(settings.data, network.input_spec)
    for note in data.notes:
        diary.write(TrainingStep("notice", text=note))
    report_progress(Progress(_("Preparing the training…")))
    run = train(network, data, settings.recipe, on_progress=diary.write, stop=stop, folder=folder)
    path = Path(settings.data.path)
    run.network.files.name_data("" if folder in path.parents else path.name)  # what was collected on a page has no name
    notices = (*data.notes, *run.notices)
    result = RunResult(run.state, 0.0, run.error_message, run.history, run.best_epoch, run.trainable, run.outcome, notices)
    return _saved(folder, run, result)


def _saved(folder: Path, run: Run, result: RunResult) -> RunResult:
    """Save what was trained."""
    if not run.history:
        return result
    try:
        run.network.save(folder / files.TUNED)
        files.write(folder / files.HISTORY, files.history_csv(run.history))
    except Exception as error:  # noqa: BLE001  # what was trained is in the backup, whatever it is
        traceback.print_exc()
        said = why(error, folder)
        return replace(result, state="failed", error_message=f"{result.error_message} {said}".strip())
    return result


def _save_result(folder: Path, result: RunResult) -> int:
    try:
        (folder / files.RESERVE).unlink(missing_ok=True)
        files.write(folder / files.RESULT, files.as_json(result))
    except OSError as error:
        short = RunResult("failed", result.seconds, result.error_message or why(error, folder), best_epoch=result.best_epoch)
        with suppress(OSError):  # there may be room for so much, and the progress tells the history
            files.write(folder / files.RESULT, files.as_json(short))
        return _unwritable(folder, error)
    return 0 if result.state != "failed" else 1


def _unwritable(folder: Path, error: OSError) -> int:
    """Say on stderr, which is the log, that nothing can be written, unless the run was deleted."""
    if folder.exists():
        print(files.why_not_written(error, folder), file=sys.stderr)
    return exit_reason.UNWRITABLE


def _give_way() -> None:
    """Leave the processor to others where they want it; Linux may weigh whole groups of processes instead of single ones."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


class _Log(io.RawIOBase):
    """Where the process writes what it has to say, as long as it can: a log on a disk that is full must not end the training."""

    def __init__(self, handle: int) -> None:
        super().__init__()
        self._handle = handle

    def writable(self) -> bool:
        """Say so."""
        return True

    def write(self, data: Any) -> int:
        """Write bytes, or lose them."""
        with suppress(OSError):
            os.write(self._handle, data)
        return len(data)


def _forgiving(handle: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(_Log(handle)), encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _keep_log() -> None:
    """Let all that this process says go into its log, with what native code says before it ends the process."""
    sys.stdout, sys.stderr = _forgiving(1), _forgiving(2)
    faulthandler.enable(2)
    print(exit_reason.first_log_line(os.getpid()))


if __name__ == "__main__":
    _keep_log()
    sys.exit(main(Path(sys.argv[1])))
