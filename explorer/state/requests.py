"""Requests: what a page asks of a worker, and whether it still waits for an answer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Generic, TypeVar, TypeVarTuple

from traitlets import Bool, HasTraits, Instance

from explorer.locale import _
from explorer.state.errors import Errors
from explorer.values import Progress, ReportProgress
from explorer.worker.queue import AnyWorker, Request

Service = TypeVar("Service")  # the Protocol whose methods are called
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")

_numbers = count(1)


def own_keys() -> Callable[[str], str]:
    """Return a function from names to keys that are one instance's own: two views of one kind over a session don't supersede each other."""
    number = next(_numbers)
    return lambda name: f"{name}, {number}"


class Requests(HasTraits, Generic[Service]):
    """What is asked of a worker: whether it is at it, and how far. What goes wrong ends in `errors`.

    worker: who answers; errors: takes what goes wrong.
    on_return: called where something is asked after `close`, before that is: asks for what the worker has to hold first.
    """

    busy = Bool(False, help="Whether the worker is at it.")
    status = Instance(Progress, args=("",), help="What is going on.")

    def __init__(self, worker: AnyWorker, errors: Errors, on_return: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.errors = errors
        self._worker, self._on_return = worker, on_return
        self._closed = False
        self._pending: set[str] = set()
        self._took = 0.0

    def submit(
        self,
        key: str,
        method: Callable[[Service, *Arguments, ReportProgress], Result],
        *arguments: *Arguments,
        on_success: Callable[[Result], object],
        on_error: Callable[[Exception], object] | None = None,
        still: Callable[[], bool] = lambda: True,
        about: str | None = None,
        timed: bool = False,
    ) -> None:
        """Ask the worker to call a method, which is given as that of its Protocol, such as `Backend.predict`.

        key: what it is about: a newer request for the same key supersedes this one, and what went wrong with the one before is put away.
        on_success: takes the result; on_error: takes the error, by default `errors.report`.
        still: whether the answer is still of use; where it is not when it comes, it is dropped, be it a result or an error.
        about: the key of what goes wrong, where several requests that don't supersede each other are about one thing; by default `key`.
        timed: whether the status says how long the answer took.
        """
        blamed = key if about is None else about

        def end(callback: Callable[[Any], object], value: Any) -> None:
            self._pending.discard(key)  # before the callback, which may ask for the key anew
            try:
                if still():
                    callback(value)
            except Exception as error:  # noqa: BLE001  # a view that can't draw it: nothing else would say so
                self.errors.report(error, blamed)
            self.update_busy()

        def succeeded(result: Result, seconds: float) -> None:
            self._took = seconds if timed else self._took
            end(on_success, result)

        def failed(error: Exception) -> None:
            self._took = 0.0 if timed else self._took
            end(on_error or (lambda error: self.errors.report(error, blamed)), error)

        if self._closed:
            self._closed = False
            self._on_return()
        self.errors.clear(blamed)
        self._pending.add(key)
        self.busy = True
        self._worker.submit(Request(key, method.__name__, arguments, succeeded, failed, self._report_progress))

    def cancel(self, *keys: str) -> None:
        """Cancel what was asked for under these keys."""
        self.supersede(*keys)
        self.update_busy()

    def supersede(self, *keys: str) -> None:
        """Cancel what was asked for under these keys; something else is asked, or `update_busy` called, after that."""
        self._worker.cancel(*keys)
        self._pending.difference_update(keys)

    def update_busy(self) -> None:
        """Be busy no more where nothing is waited for."""
        if not self._pending:
            self.busy = False
            self.status = Progress(
                _("Ready. Answered in {ms} ms").format(ms=max(1, round(self._took * 1000))) if self._took else _("Ready.")
            )

    def close(self) -> None:
        """Let go of all that the worker holds; where something is asked later on, `on_return` brings it back."""
        self._closed = True
        self._worker.close()
        self._pending.clear()
        self.update_busy()

    @property
    def closed(self) -> bool:
        """Whether it was closed, and nothing was asked since."""
        return self._closed

    def _report_progress(self, progress: Progress) -> None:
        self.status = progress
