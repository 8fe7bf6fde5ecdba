"""The exit reason of a run's process that left no result, as a sentence: a signal, or too little memory or disk space."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
from pathlib import Path

from explorer.errors import OUT_OF_MEMORY
from explorer.locale import _
from explorer.runs import serialization as files
from explorer.runs.process import return_code

LAST = 2**14  # bytes of the log that are read: native code prints its error before its stack trace
FIRST_LINE = re.compile(r"^process (\d+) begins$", re.MULTILINE)
NOISE = (" I ", " W ", "WARNING:", "I0000", "W0000")  # parts of the lines that TensorFlow writes in normal operation
KILL = -9  # as a return code
UNWRITABLE = 74  # the return code of a process that can't write into the folder: EX_IOERR of sysexits.h


def first_log_line(pid: int) -> str:
    """Return the first line that a process with this id writes to the log of a run."""
    return f"process {pid} begins"


def why_lost(folder: Path) -> str:
    """Return sentences for a page: why the process of a run is gone, and what to do."""
    if unwritable := _why_unwritable(folder):
        return f"{unwritable} {how_to_resume(folder)}"
    return " ".join(filter(None, (why_gone(folder), _what_to_do(folder), where_details_are(folder))))


def why_gone(folder: Path) -> str:
    """Return a sentence that says why the process of a run is gone, for a folder that can be written."""
    code = return_code(folder)
    if OUT_OF_MEMORY.search(last_log_lines(folder)):
        return _("Memory ran out and ended this training.")
    if code == KILL:
        return _("The process of this training was killed: by the system, where memory has run out, or by someone.")
    if code is not None and code < 0:
        return _("The process of this training has crashed ({signal}), as it may where memory runs out.").format(signal=_signal_name(-code))
    return _("The process of this training is gone: it was killed, memory ran out, or the machine was switched off.")


def last_log_lines(folder: Path) -> str:
    """Return the last log lines of the newest process of a run, without TensorFlow's usual messages; "" if there are none."""
    try:
        with (folder / files.LOG).open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - LAST))
            text = stream.read().decode("utf-8", "replace")
        _older, *newest = FIRST_LINE.split(text)
        number, newest_text = newest[-2:] if newest else ("", text)
        if number and number != (folder / files.PID).read_text():  # the newest had no time to begin
            return ""
    except OSError:
        return ""
    return "\n".join(line for line in newest_text.splitlines() if line.strip() and not any(part in line for part in NOISE))


def where_details_are(folder: Path) -> str:
    """Return a sentence that names the log; "" if it holds no details."""
    return _("{log} has the details.").format(log=folder / files.LOG) if last_log_lines(folder) else ""


def not_enough_memory() -> str:
    """Return the sentence for a training that needs more memory than there is."""
    return _("There is not enough memory: lower the batch size, freeze more layers, or take fewer or smaller examples.")


def how_to_resume(folder: Path) -> str:
    """Return a sentence that says what to do once the folder of a run can be written again."""
    return _("Then resume the run: its checkpoint is kept.") if files.has_checkpoint(folder) else _("Then run it again.")


def _what_to_do(folder: Path) -> str:
    if files.has_checkpoint(folder):
        return _("The best weights so far are kept: resume it with more memory free, or run it again with a smaller batch size.")
    return _("Nothing was kept yet: resume it with more memory free, or take a smaller batch size, or fewer or smaller examples.")


def _why_unwritable(folder: Path) -> str:
    """Return a sentence that says why the folder of a run can't be written; "" if that did not end its process."""
    code = return_code(folder)
    if code == KILL or OUT_OF_MEMORY.search(last_log_lines(folder)):
        return ""
    try:
        if shutil.disk_usage(folder).free < files.RESERVED:
            return files.why_not_written(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder)
    except OSError as error:
        return files.why_not_written(error, folder)
    if not os.access(folder, os.W_OK):
        read_only = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY
        number = errno.EROFS if read_only else errno.EACCES
        return files.why_not_written(OSError(number, os.strerror(number)), folder)
    return _("Nothing could be written into {folder}.").format(folder=folder) if code == UNWRITABLE else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a signal that this Python does not know
        return str(number)
