"""Worker: does a backend's verbs one after the other on one thread; InlineWorker does them where it is called.

What crosses is data: the name of a verb and values in, values out. Callbacks run on the event loop of
the thread that made the worker, in order, so that they may touch traits and widgets.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from traitlets.config import Application

from explorer.backend.service import Backend
from explorer.errors import Cancelled
from explorer.values import Progress


@dataclass(frozen=True, eq=False)
class Request:
    """Something asked of the backend. A newer wish for the same slot overtakes it: its callbacks stay silent.

    done: takes the result and the seconds it took; failed: takes the exception; progress: takes Progress.
    """

    key: str
    method: str
    arguments: tuple[Any, ...]
    done: Callable[[Any, float], None]
    failed: Callable[[Exception], None]
    progress: Callable[[Progress], None]


class AnyWorker(Protocol):
    """What a session needs of a worker."""

    def submit(self, request: Request) -> None:
        """Do the wish; return at once where there is a thread."""

    def cancel(self, *slots: str) -> None:
        """Overtake the wishes for these slots with nothing."""

    def close(self) -> None:
        """Let go of the backend and all that it holds; wishes that wait are dropped, and a later one begins anew."""


def worker_here(backend: Callable[[], Any] = Backend) -> AnyWorker:
    """Return a Worker where an event loop runs (a notebook, a dashboard), else an InlineWorker (a script)."""
    try:
        return Worker(backend)
    except RuntimeError:
        return InlineWorker(backend)


class Worker:
    """Does wishes on one thread of its own, which is there until it is closed. Raises RuntimeError where no event loop runs.

    backend: makes the object with the verbs; called on the thread, when the first wish comes.
    """

    def __init__(self, backend: Callable[[], Any] = Backend) -> None:
        self._loop = asyncio.get_running_loop()
        # ipykernel finds the cell that widgets and output belong to in context variables.
        self._context = contextvars.copy_context()
        self._make_backend = backend
        self._waiting: deque[Request] = deque()
        self._newest: dict[str, Request] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> None:
        """Put the wish in the queue; it overtakes an older one for the same slot."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="explorer", daemon=True)
                # Not before the cell has run: loading TensorFlow at once would hold up the page.
                self._loop.call_soon_threadsafe(self._thread.start, context=self._context)
            self._newest[request.key] = request
            self._waiting = deque(one for one in self._waiting if one.key != request.key)
            self._waiting.append(request)
            self._changed.notify_all()  # of two threads the one that was closed may still wait

    def cancel(self, *slots: str) -> None:
        """Take waiting wishes for these slots out of the queue; those that run stay silent."""
        with self._changed:
            for key in slots:
                self._newest.pop(key, None)
            self._waiting = deque(one for one in self._waiting if one.key not in slots)

    def close(self) -> None:
        """Stop the thread after the verb that runs, and let its backend go; results that come after this are dropped."""
        with self._changed:
            self._thread = None
            self._waiting.clear()
            self._newest.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        backend: Any = None
        while (request := self._next()) is not None:
            try:
                backend = backend or self._make_backend()
            except Exception as error:  # noqa: BLE001  # the page says why nothing will be done
                self._deliver(request, request.failed, error)
            else:
                run(request, backend, self._deliver, self._wanted)
        if backend is not None:
            backend.close()

    def _wanted(self, request: Request) -> bool:
        return self._newest.get(request.key) is request

    def _next(self) -> Request | None:
        """Wait for the next wish; return None on a thread that was closed."""

        def closed() -> bool:
            return self._thread is not threading.current_thread()

        with self._changed:
            self._changed.wait_for(lambda: self._waiting or closed())
            return None if closed() else self._waiting.popleft()

    def _deliver(self, request: Request, callback: Callable[..., None], *arguments: Any) -> None:
        def deliver() -> None:
            if self._wanted(request):
                callback(*arguments)

        try:
            self._loop.call_soon_threadsafe(deliver, context=self._context)
        except RuntimeError:  # the loop is closed: nobody is left to hear it
            self.close()


class InlineWorker:
    """The worker's twin that does each wish at once, on the caller's thread."""

    def __init__(self, backend: Callable[[], Any] = Backend) -> None:
        self._backend = backend()
        self._newest: dict[str, Request] = {}

    def submit(self, request: Request) -> None:
        """Do the wish and call back before returning."""
        self._newest[request.key] = request
        run(request, self._backend, self._deliver, self._wanted)

    def cancel(self, *slots: str) -> None:
        """Silence what these slots are in the middle of."""
        for key in slots:
            self._newest.pop(key, None)

    def close(self) -> None:
        """Let go of what the backend holds."""
        self._backend.close()

    def _wanted(self, request: Request) -> bool:
        return self._newest.get(request.key) is request

    def _deliver(self, request: Request, callback: Callable[..., None], *arguments: Any) -> None:
        if self._wanted(request):
            callback(*arguments)


def run(request: Request, backend: Any, deliver: Callable[..., None], wanted: Callable[[Request], bool]) -> None:
    """Do one wish with the backend; hand progress, result or failure to `deliver(wish, callback, value...)`.

    A wish that is no longer `wanted` ends where it next says its progress.
    """

    def report_progress(progress: Progress) -> None:
        if not wanted(request):
            raise Cancelled(request.method)
        deliver(request, request.progress, progress)

    start = time.perf_counter()
    try:
        result = getattr(backend, request.method)(*request.arguments, report_progress)
    except Cancelled:
        log().debug("%s was given up", request.method)
    except Exception as error:  # noqa: BLE001  # whatever it is, the page says it
        log().info("%s failed", request.method, exc_info=error)
        deliver(request, request.failed, error)
    else:
        deliver(request, request.done, result, time.perf_counter() - start)


def cell_here() -> tuple[str, str] | None:
    """Return the notebook's cell that runs, by its id or by its code, and which of its runs this is; None outside a notebook.

    Voila tells cells neither apart nor runs one twice: None there too.
    """
    kernel = getattr(Application.instance(), "kernel", None) if Application.initialized() else None
    request = kernel.get_parent("shell") if kernel is not None and "VOILA_BASE_URL" not in os.environ else {}
    if not request or request["header"]["msg_type"] != "execute_request":
        return None
    return request["metadata"].get("cellId") or request["content"]["code"], request["header"]["msg_id"]


def log() -> logging.Logger:
    """Return the kernel's own log, which ends up with the server; anything else would print into the page."""
    return Application.instance().log if Application.initialized() else logging.getLogger("explorer")
