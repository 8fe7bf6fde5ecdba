"""The native stderr of the process, and loggers: what libraries print or log while they decode is suppressed or captured."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType

_silencing = threading.Lock()  # there is one stderr
_levels: ContextVar[Mapping[str, int]] = ContextVar(
    "_levels", default=MappingProxyType({})
)  # logger name -> the level below which it logs nothing


@contextmanager
def unlogged(name: str, below: int = logging.CRITICAL) -> Iterator[None]:
    """Suppress messages of a logger below a level within this context, regardless of its configuration; not for other threads."""
    _add_filter(name)
    token = _levels.set({**_levels.get(), name: below})
    try:
        yield
    finally:
        _levels.reset(token)


@cache
def _add_filter(name: str) -> None:
    logging.getLogger(name).addFilter(lambda record: record.levelno >= _levels.get().get(name, logging.NOTSET))


@contextmanager
def silenced(chatter: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Capture the lines on the process's stderr whose beginning matches; all other lines are passed on at the end.

    Yields a list that holds the captured lines, stripped, once the context has ended.
    """
    matched: list[str] = []
    with _silencing, contextlib.ExitStack() as cleanup:
        try:
            printed = cleanup.enter_context(tempfile.TemporaryFile())
            stderr = os.dup(2)
        except OSError:  # no stderr, or nowhere to write
            yield matched
            return
        os.dup2(printed.fileno(), 2)
        try:
            yield matched
        finally:
            os.dup2(stderr, 2)
            printed.seek(0)
            lines = list(printed)
            matched += [line.decode(errors="replace").strip() for line in lines if chatter.match(line)]
            with contextlib.suppress(OSError):
                os.write(stderr, b"".join(line for line in lines if not chatter.match(line)))
            os.close(stderr)
