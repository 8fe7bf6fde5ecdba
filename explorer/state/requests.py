"""Asking: what asks a worker, and says how that goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from traitlets import Bool, HasTraits, Instance, Unicode

from explorer.errors import ExplorerError, is_out_of_memory, out_of_memory
from explorer.locale import _
from explorer.values import Progress
from explorer.worker.queue import AnyWorker, Request, cell_here, log, worker_here

_made_by: dict[str, tuple[str, WeakSet[Requests]]] = {}  # by the notebook's cell: which of its runs, and what that has made


class Requests(HasTraits):
    """A state whose slow work is done by a worker: whether it is at it, how far, and what went wrong.

    One that the same cell of a notebook makes anew takes the place of the one before, which is closed.

    worker: who does the slow work; by default a thread in a notebook, the caller in a script.
    """

    busy = Bool(False, help="Whether the worker is at it.")
    status = Instance(Progress, args=("",), help="What is going on.")
    training = Unicode("", help="How far a training of this page is, in words, which goes on beside the worker; empty for none.")
    training_silent = Bool(False, help="Whether that training gives no sign of life.")
    error_message = Unicode("", help="What went wrong last, in one sentence; empty when nothing did.")

    def __init__(self, worker: AnyWorker | None = None) -> None:
        super().__init__()
        self._worker = worker or worker_here()
        self._closed = False
        self._pending: set[str] = set()
        self._took = 0.0
        if worker is None:
            self._take_the_place_of_the_one_before()

    def submit(
        self,
        key: str,
        method: str,
        *arguments: Any,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Ask the worker for a verb; `done` takes its result, `failed` its error: by default `report_error`.

        slot: what it is about: a newer wish for the same slot overtakes this one.
        """

        def end(callback: Callable[[Any], None], value: Any, seconds: float = 0.0) -> None:
            self._pending.discard(key)  # before the callback, which may ask for the slot anew
            if method == "predict":
                self._took = seconds
            try:
                callback(value)
            except Exception as error:  # noqa: BLE001  # a view that can't draw it: nothing else would say so
                self.report_error(error)
            self._update_busy()

        def on_done(result: Any, seconds: float) -> None:
            end(done, result, seconds)

        def on_failed(error: Exception) -> None:
            end(failed or self.report_error, error)

        if self._closed:
            self._closed = False
            self._bring_back()
        self._pending.add(key)
        self.busy = True
        self._worker.submit(Request(key, method, arguments, on_done, on_failed, self._report_progress))

    def report_error(self, error: Exception) -> None:
        """Say what went wrong: the error's own sentence where it is meant for people, else that the log has it."""
        if isinstance(error, ExplorerError):
            self.error_message = str(error)
        elif is_out_of_memory(error):
            log().info("out of memory", exc_info=error)
            self.error_message = out_of_memory()
        else:
            log().error("explorer failed", exc_info=error)
            self.error_message = _("Something went wrong in explorer itself ({error}); the log has the details.").format(
                error=type(error).__name__
            )

    def close(self) -> None:
        """Let go of all that the worker holds; where something is asked later on, it is brought back."""
        self._closed = True
        self._worker.close()
        self._pending.clear()
        self._update_busy()

    def _bring_back(self) -> None:
        """Ask for what the worker has to hold before anything else is asked of it."""

    def _take_the_place_of_the_one_before(self) -> None:
        """Close what an earlier run of the same cell has made: ipywidgets and the notebook's Out keep it, and nobody sees it any more."""
        if (here := cell_here()) is None:
            return
        cell, run = here
        former, made = _made_by.get(cell, (run, WeakSet()))
        if former != run:
            for one in list(made):
                one.close()
            made = WeakSet()
        made.add(self)
        _made_by[cell] = run, made

    def cancel_requests(self, *slots: str) -> None:
        """Give up what was asked for these slots."""
        self._cancel(*slots)
        self._update_busy()

    def _cancel(self, *slots: str) -> None:
        """Give up what was asked for these slots; something else is asked, or `_update_busy` called, after that."""
        self._worker.cancel(*slots)
        self._pending.difference_update(slots)

    def _update_busy(self) -> None:
        if not self._pending:
            self.busy = False
            self.status = Progress(
                _("Ready. Answered in {ms} ms").format(ms=max(1, round(self._took * 1000))) if self._took else _("Ready.")
            )

    def _report_progress(self, progress: Progress) -> None:
        self.status = progress
