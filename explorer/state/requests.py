"""The requests of a page to a worker, and whether any is pending."""

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
    """Submits requests to a worker and knows whether any is pending, and its progress. Errors are reported in `errors`.

    worker: does the work; errors: takes the errors.
    on_return: called before the first request after `close`, to request what the worker has to hold again.
    """

    busy = Bool(False, help="Whether a request is pending.")
    status = Instance(Progress, args=("",), help="The progress of the current request.")

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
        """Ask the worker to call a method, given as the method of its Protocol, such as `Backend.predict`.

        key: a newer request for the same key supersedes this one, and clears its error.
        on_success: takes the result; on_error: takes the error, by default `errors.report`.
        still: whether the result is still wanted; if not, the result or error is dropped when it arrives.
        about: the key of the error, if several requests that don't supersede each other share one; by default `key`.
        timed: whether the status shows how long the request took.
        """
        error_key = key if about is None else about

        def end(callback: Callable[[Any], object], value: Any) -> None:
            self._pending.discard(key)  # before the callback, which may submit the key again
            try:
                if still():
                    callback(value)
            except Exception as error:  # noqa: BLE001  # a view can't draw it: nothing else would report that
                self.errors.report(error, error_key)
            self.update_busy()

        def succeeded(result: Result, seconds: float) -> None:
            self._took = seconds if timed else self._took
            end(on_success, result)

        def failed(error: Exception) -> None:
            self._took = 0.0 if timed else self._took
            end(on_error or (lambda error: self.errors.report(error, error_key)), error)

        if self._closed:
            self._closed = False
            self._on_return()
        self.errors.clear(error_key)
        self._pending.add(key)
        self.busy = True
        self._worker.submit(Request(key, method.__name__, arguments, succeeded, failed, self._report_progress))

    def cancel(self, *keys: str) -> None:
        """Cancel the requests with these keys."""
        self.supersede(*keys)
        self.update_busy()

    def supersede(self, *keys: str) -> None:
        """Cancel the requests with these keys; the caller submits another request, or calls `update_busy`, after that."""
        self._worker.cancel(*keys)
        self._pending.difference_update(keys)

    def update_busy(self) -> None:
        """End `busy` if no request is pending."""
        if not self._pending:
            self.busy = False
            self.status = Progress(
                _("Ready. Answered in {ms} ms").format(ms=max(1, round(self._took * 1000))) if self._took else _("Ready.")
            )

    def close(self) -> None:
        """Release all that the worker holds; at a later request, `on_return` brings it back."""
        self._closed = True
        self._worker.close()
        self._pending.clear()
        self.update_busy()

    @property
    def closed(self) -> bool:
        """Whether it was closed, without a request since."""
        return self._closed

    def _report_progress(self, progress: Progress) -> None:
        self.status = progress
