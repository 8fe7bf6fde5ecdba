"""The standard streams and signals of the command: any text can be written, closed streams are opened, Ctrl-C ends it at once."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def open_closed() -> None:
    """Open closed standard descriptors as the null device: libraries write to them, and other files would get their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number


@contextmanager
def any_text() -> Iterator[None]:
    """Allow any text on stdout and stderr: characters that their encoding lacks are written as escapes."""
    streams = [(stream, stream.errors) for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]
    for stream, _errors in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in streams:
            stream.reconfigure(errors=errors)


@contextmanager
def ended_by_ctrl_c(enabled: bool = True) -> Iterator[None]:
    """Make Ctrl-C end the process at once within this context: Python would handle it only after an operation of TensorFlow.

    enabled: whether to do that; a handler that isn't Python's default is kept in any case.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not enabled or not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def give_up_stdout() -> None:
    """Redirect stdout to the null device, so that Python doesn't try to flush it again when it ends."""
    with suppress(OSError):  # it isn't a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
