"""How the process of a run that left no result has ended, in a sentence: by a signal, for want of memory or of room on the disk."""

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

LAST = 2**14  # bytes of the log that are looked at: native code says why it gives up before it lists where it was
BEGINS = re.compile(r"^process (\d+) begins$", re.MULTILINE)
NOISE = (" I ", " W ", "WARNING:", "I0000", "W0000")  # parts of the lines that TensorFlow writes when nothing is wrong
KILL = -9  # as a return code
UNWRITABLE = 74  # the return code of a process that can't write into the folder: EX_IOERR of sysexits.h


def begins(number: int) -> str:
    """Return the line that a process of this number begins the log of a run with."""
    return f"process {number} begins"


def why_lost(place: Path) -> str:
    """Return in a sentence why the process of a run is gone, and what to do on a page."""
    if unwritable := _why_unwritable(place):
        return f"{unwritable} {then_resume(place)}"
    return " ".join(filter(None, (why_gone(place), _what_to_do(place), where_more(place))))


def why_gone(place: Path) -> str:
    """Return in a sentence why the process of a run is gone, where its folder can be written."""
    code = return_code(place)
    if OUT_OF_MEMORY.search(last_words(place)):
        return _("Memory ran out and ended this training.")
    if code == KILL:
        return _("The process of this training was killed: by the system, where memory has run out, or by someone.")
    if code is not None and code < 0:
        return _("The process of this training has crashed ({signal}), as it may where memory runs out.").format(signal=_name(-code))
    return _("The process of this training is gone: it was killed, memory ran out, or the machine was switched off.")


def last_words(place: Path) -> str:
    """Return what the newest process of a run has written into its log last, beside what TensorFlow always says; "" for nothing."""
    try:
        with (place / files.LOG).open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - LAST))
            text = stream.read().decode("utf-8", "replace")
        _older, *newest = BEGINS.split(text)
        number, own = newest[-2:] if newest else ("", text)
        if number and number != (place / files.PID).read_text():  # the newest had no time to begin
            return ""
    except OSError:
        return ""
    return "\n".join(line for line in own.splitlines() if line.strip() and not any(part in line for part in NOISE))


def where_more(place: Path) -> str:
    """Return where the details are; "" where there are none."""
    return _("{log} has the details.").format(log=place / files.LOG) if last_words(place) else ""


def not_enough_memory() -> str:
    """Return the sentence for a training that there is not enough memory for."""
    return _("There is not enough memory: lower the batch size, freeze more layers, or take fewer or smaller examples.")


def then_resume(place: Path) -> str:
    """Return what to do once a run's folder can be written again."""
    return _("Then resume the run: its backup is kept.") if files.has_checkpoint(place) else _("Then run it again.")


def _what_to_do(place: Path) -> str:
    if files.has_checkpoint(place):
        return _("The best weights so far are kept: resume it with more memory free, or run it again with a smaller batch size.")
    return _("Nothing was kept yet: resume it with more memory free, or take a smaller batch size, or fewer or smaller examples.")


def _why_unwritable(place: Path) -> str:
    """Return in a sentence why a process could write nothing into the folder of a run; "" where that is not what ended it."""
    code = return_code(place)
    if code == KILL or OUT_OF_MEMORY.search(last_words(place)):
        return ""
    try:
        if shutil.disk_usage(place).free < files.RESERVED:
            return files.why_not_written(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), place)
    except OSError as error:
        return files.why_not_written(error, place)
    if not os.access(place, os.W_OK):
        read_only = hasattr(os, "statvfs") and os.statvfs(place).f_flag & os.ST_RDONLY
        number = errno.EROFS if read_only else errno.EACCES
        return files.why_not_written(OSError(number, os.strerror(number)), place)
    return _("Nothing could be written into {folder}.").format(folder=place) if code == UNWRITABLE else ""


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one that this Python does not know
        return str(number)
