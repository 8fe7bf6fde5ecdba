"""The streams and signals of the command: any text can be written, what is closed leads nowhere, Ctrl-C ends it at once."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def open_closed() -> None:
    """Let the standard descriptors that are closed lead nowhere: libraries write to them, and the next files would get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free


@contextmanager
def any_text() -> Iterator[None]:
    """Let every text be written to stdout and stderr: what their encoding doesn't have as its code point, as Python writes it."""
    streams = [(one, one.errors) for one in (sys.stdout, sys.stderr) if isinstance(one, io.TextIOWrapper)]
    for stream, _errors in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in streams:
            stream.reconfigure(errors=errors)


@contextmanager
def ended_by_ctrl_c(wanted: bool = True) -> Iterator[None]:
    """Let Ctrl-C end the process at once in here: Python would only hear of it when an operation of TensorFlow is through.

    wanted: whether it may; a handler that is not Python's own is left in any case.
    """
    here = threading.current_thread() is threading.main_thread()
    if not wanted or not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def give_up_stdout() -> None:
    """Write nowhere what Python would try to write to stdout once more when it ends."""
    with suppress(OSError):  # it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
