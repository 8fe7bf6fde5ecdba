"""What libraries print to the process's stderr, or log, while they decode: kept from it, and told to who asks."""

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
_levels: ContextVar[Mapping[str, int]] = ContextVar("_levels", default=MappingProxyType({}))  # below which loggers say nothing, by name


@contextmanager
def unlogged(name: str, below: int = logging.CRITICAL) -> Iterator[None]:
    """Let this very logger of a library log nothing below a level in here, whoever has set logging up; other threads log as before."""
    _sifted(name)
    token = _levels.set({**_levels.get(), name: below})
    try:
        yield
    finally:
        _levels.reset(token)


@cache
def _sifted(name: str) -> None:
    logging.getLogger(name).addFilter(lambda record: record.levelno >= _levels.get().get(name, logging.NOTSET))


@contextmanager
def silenced(chatter: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Keep from the process's stderr the lines whose beginning matches; pass on what others print meanwhile.

    Gives a list that holds those lines, without their ends, once this is left.
    """
    kept: list[str] = []
    with _silencing, contextlib.ExitStack() as cleanup:
        try:
            printed = cleanup.enter_context(tempfile.TemporaryFile())
            stderr = os.dup(2)
        except OSError:  # no stderr, or nowhere to write
            yield kept
            return
        os.dup2(printed.fileno(), 2)
        try:
            yield kept
        finally:
            os.dup2(stderr, 2)
            printed.seek(0)
            lines = list(printed)
            kept += [line.decode(errors="replace").strip() for line in lines if chatter.match(line)]
            with contextlib.suppress(OSError):
                os.write(stderr, b"".join(line for line in lines if not chatter.match(line)))
            os.close(stderr)
