"""Worker: calls the methods of one object, such as a backend, one after the other on a thread; InlineWorker on the caller's thread.

Only data crosses: the name of a method and values in, values out. Callbacks run on the event loop of
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

from explorer.errors import Cancelled
from explorer.values import Progress, ReportProgress
from explorer.worker.backend import Closable


@dataclass(frozen=True, eq=False)
class Request:
    """One call of a method, by its name. A newer request for the same key supersedes it: its callbacks are not called.

    on_success: takes the result and the seconds it took; on_error: takes the exception; on_progress: takes Progress.
    """

    key: str
    method: str
    arguments: tuple[Any, ...]
    on_success: Callable[[Any, float], None]
    on_error: Callable[[Exception], None]
    on_progress: ReportProgress


class AnyWorker(Protocol):
    """The methods of a worker that a session needs."""

    def submit(self, request: Request) -> None:
        """Handle a request; return at once if the worker has a thread."""

    def cancel(self, *keys: str) -> None:
        """Cancel the requests for these keys."""

    def close(self) -> None:
        """Release the backend and all that it holds; waiting requests are dropped, and a later one creates a new backend."""


def worker_here(make: Callable[[], Closable]) -> AnyWorker:
    """Return a Worker where an event loop runs (a notebook, a dashboard), else an InlineWorker (a script)."""
    try:
        return Worker(make)
    except RuntimeError:
        return InlineWorker(make)


class Worker:
    """Handles requests on a thread of its own, which runs until it is closed. Raises RuntimeError if no event loop runs.

    make: creates the object with the methods; called on the thread, at the first request.
    """

    def __init__(self, make: Callable[[], Closable]) -> None:
        self._loop = asyncio.get_running_loop()
        # ipykernel finds the cell that widgets and output belong to in context variables.
        self._context = contextvars.copy_context()
        self._make = make
        self._waiting: deque[Request] = deque()
        self._newest: dict[str, Request] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> None:
        """Put the request in the queue; it supersedes an older one for the same key."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="explorer", daemon=True)
                # Not before the cell has run: loading TensorFlow at once would hold up the page.
                self._loop.call_soon_threadsafe(self._thread.start, context=self._context)
            self._newest[request.key] = request
            self._waiting = deque(other for other in self._waiting if other.key != request.key)
            self._waiting.append(request)
            self._changed.notify_all()  # a thread that was closed may still be waiting too

    def cancel(self, *keys: str) -> None:
        """Remove waiting requests for these keys from the queue; the callbacks of a running one are not called."""
        with self._changed:
            for key in keys:
                self._newest.pop(key, None)
            self._waiting = deque(other for other in self._waiting if other.key not in keys)

    def close(self) -> None:
        """Stop the thread after the running method, and release its backend; later results are dropped."""
        with self._changed:
            self._thread = None
            self._waiting.clear()
            self._newest.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        target = Target(self._make)
        while (request := self._next()) is not None:
            run(request, target, self._deliver, self._wanted)
        target.close()

    def _wanted(self, request: Request) -> bool:
        return self._newest.get(request.key) is request

    def _next(self) -> Request | None:
        """Wait for the next request; return None on a thread that was closed."""

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
        except RuntimeError:  # the loop is closed: nobody waits for the result
            self.close()


class InlineWorker:
    """A worker that handles each request at once, on the caller's thread."""

    def __init__(self, make: Callable[[], Closable]) -> None:
        self._target = Target(make)
        self._newest: dict[str, Request] = {}

    def submit(self, request: Request) -> None:
        """Handle the request and call back before returning."""
        self._newest[request.key] = request
        run(request, self._target, self._deliver, self._wanted)

    def cancel(self, *keys: str) -> None:
        """Cancel the running requests for these keys: their callbacks are not called."""
        for key in keys:
            self._newest.pop(key, None)

    def close(self) -> None:
        """Release what the backend holds."""
        self._target.close()

    def _wanted(self, request: Request) -> bool:
        return self._newest.get(request.key) is request

    def _deliver(self, request: Request, callback: Callable[..., None], *arguments: Any) -> None:
        if self._wanted(request):
            callback(*arguments)


class Target:
    """The object whose methods are called, created at the first call."""

    def __init__(self, make: Callable[[], Closable]) -> None:
        self._make = make
        self._made: Closable | None = None

    def method(self, name: str) -> Callable[..., Any]:
        """Return a method by its name: `Requests.submit` has checked it, and its arguments, as types."""
        self._made = self._made or self._make()
        found: Callable[..., Any] = getattr(self._made, name)
        return found

    def close(self) -> None:
        """Release what the object holds."""
        if self._made is not None:
            self._made.close()


def run(request: Request, target: Target, deliver: Callable[..., None], wanted: Callable[[Request], bool]) -> None:
    """Call the requested method; pass progress, result or error to `deliver(request, callback, value...)`.

    A request that is no longer `wanted` ends when it next reports its progress.
    """

    def report_progress(progress: Progress) -> None:
        if not wanted(request):
            raise Cancelled(request.method)
        deliver(request, request.on_progress, progress)

    start = time.perf_counter()
    try:
        result = target.method(request.method)(*request.arguments, report_progress)
    except Cancelled:
        log().debug("%s was cancelled", request.method)
    except Exception as error:  # noqa: BLE001  # whatever it is, the page reports it
        log().info("%s failed", request.method, exc_info=error)
        deliver(request, request.on_error, error)
    else:
        deliver(request, request.on_success, result, time.perf_counter() - start)


def cell_here() -> tuple[str, str] | None:
    """Return the running cell of the notebook, by its id or its code, and the id of this run; None outside a notebook.

    Voila doesn't identify cells, and runs each only once: None there too.
    """
    kernel = getattr(Application.instance(), "kernel", None) if Application.initialized() else None
    request = kernel.get_parent("shell") if kernel is not None and "VOILA_BASE_URL" not in os.environ else {}
    if not request or request["header"]["msg_type"] != "execute_request":
        return None
    return request["metadata"].get("cellId") or request["content"]["code"], request["header"]["msg_id"]


def log() -> logging.Logger:
    """Return the kernel's own log, which ends up with the server; anything else would print into the page."""
    return Application.instance().log if Application.initialized() else logging.getLogger("explorer")
