"""The results of a training: the predictions for the validation examples, and the comparison of any input before and after it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from traitlets import Bool, HasTraits, Instance, Int, Unicode

from explorer.errors import ExplorerError, UnknownName
from explorer.locale import _
from explorer.state.fine_tuning import FineTuningState
from explorer.state.requests import own_keys
from explorer.state.run_list import RunList
from explorer.state.session import Session
from explorer.values import AnySpec, Misclassification, ModelFile, Outcome, ReportProgress, RunRecord
from explorer.values.run_progress import ACTIVE_STATES
from explorer.worker.backend import Backend

ENDED = ("done", "stopped", "failed")
CARDS = 24  # examples of a cell that are shown at first, and with each request for more
FOLLOWED = ["network", "preprocessed", "top", "output", "layer"]

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class RunComparison(HasTraits):
    """The results of the run that a page shows, and the session's example before and after the training.

    session: the shared state of the page; errors are reported in its `error_message`. Its network stays on screen.
    run_list: knows which run is shown; by default one of its own.
    """

    shown = Bool(False, help="Whether it is shown; nothing is requested before.")
    outcome = Instance(Outcome, allow_none=True, help="The results of the run; None before its end, and if it has none.")
    missing = Unicode("", help="Why a run that has ended has no results, in a sentence; else empty.")
    pictures = Instance(dict, args=(), help="Thumbnails (PNG) of the worst examples by position; b'' for none.")
    cell = Instance(
        tuple, args=(), help="Row and column of the confusion matrix whose examples are shown, -1 for all of them; empty for none."
    )
    examples = Instance(tuple, args=(), help="The examples in it, each as Misclassification with its thumbnail (PNG, b'' for none).")
    in_cell = Int(0, help="How many examples the cell has.")
    tuned = Instance(ModelFile, allow_none=True, help="The tuned network.")
    predictions = Instance(tuple, args=(), help="Predictions before and after; instead of either a sentence that says why there are none.")
    maps = Instance(tuple, args=(), help="FeatureMaps of the selected layer before and after; instead of either such a sentence.")

    def __init__(self, session: Session, run_list: RunList | None = None) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._own: tuple[RunList | FineTuningState, ...] = ()
        if run_list is None:
            fine_tuning = FineTuningState(session)
            run_list = RunList(session, fine_tuning)
            self._own = run_list, fine_tuning
        self.run_list = run_list
        self._run: RunRecord | None = None  # the run that the results belong to
        self._classes: dict[str, tuple[int, ...]] = {}  # of each output, by the name of a network that was on screen
        self._asked: dict[str, Any] = {}  # the arguments of the last request, by trait
        self.run_list.observe(self._begin, "run")
        session.observe(self._compare, FOLLOWED)
        self.observe(self._begin, "shown")
        self._begin()

    def close(self) -> None:
        """Stop observing the session; pending results are dropped."""
        self._run, self._asked = None, {}
        with suppress(ValueError):  # closed before
            self.run_list.unobserve(self._begin, "run")
            self._session.unobserve(self._compare, FOLLOWED)
        for state in self._own:
            state.close()

    def look_at(self, cell: tuple[int, ...]) -> None:
        """Show the examples in a cell, a row or a column of the confusion matrix; with an empty tuple none."""
        self.cell, self.examples, self.in_cell = cell, (), 0
        self._request_examples(CARDS)

    def show_more(self) -> None:
        """Show more examples of the cell."""
        self._request_examples(len(self.examples) + CARDS)

    def open_tuned(self) -> None:
        """Open the tuned network instead of the one that the page shows."""
        if self.tuned is not None:
            self._session.open(self.tuned.path)

    def _begin(self, _change: Any = None) -> None:
        """Request the results of the run, once it has ended."""
        run = self.run_list.run
        self.missing = _missing(run)
        run = run if run is not None and run.state in ENDED else None
        if not self.shown or _end_of(run) == _end_of(self._run):
            self._compare()
            return
        self._run, self._asked = run, {}
        self.outcome, self.pictures, self.tuned, self.predictions, self.maps = None, {}, None, (), ()
        self.look_at(())
        if run is not None:
            self._request("outcome", Backend.outcome, run.key, on_success=partial(self._arrived, run))

    def _request(
        self,
        name: str,
        method: Callable[[Backend, *Arguments, ReportProgress], Result],
        *arguments: *Arguments,
        on_success: Callable[[Result], None],
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Submit a request about the run that is shown; its result is dropped if another run is shown by then."""
        run, key = self._run, self._key_of(name)
        self._session.requests.submit(key, method, *arguments, on_success=on_success, on_error=on_error, still=lambda: run is self._run)

    def _arrived(self, run: RunRecord, outcome: Outcome | None) -> None:
        self.outcome = outcome
        if outcome is not None:
            missing = _ignore if run.state == "failed" else None
            self._request("tuned", Backend.tuned, run.key, on_success=self._found, on_error=missing)
            self._request_pictures(run, tuple(example.place for example in outcome.worst))

    def _found(self, tuned: ModelFile) -> None:
        self.tuned = tuned
        self._compare()

    def _request_pictures(self, run: RunRecord, positions: tuple[int, ...]) -> None:
        """Request the pictures one after the other: other requests get their turn in between."""
        if positions:
            self._request("held out", Backend.held_out, run.key, positions[0], on_success=partial(self._add_picture, run, positions))

    def _add_picture(self, run: RunRecord, positions: tuple[int, ...], picture: bytes) -> None:
        self.pictures = {**self.pictures, positions[0]: picture}
        self._request_pictures(run, positions[1:])

    def _request_examples(self, count: int) -> None:
        self._session.requests.cancel(self._key_of("predicted"))  # of the former cell
        if self.cell and self._run is not None:
            row, column = self.cell
            self._request("predicted", Backend.predicted, self._run.key, row, column, count, on_success=self._show_examples)

    def _show_examples(self, found: tuple[tuple[tuple[Misclassification, bytes], ...], int]) -> None:
        self.examples, self.in_cell = found

    def _compare(self, _change: Any = None) -> None:
        """Request the predictions and the feature maps of the example, before and after the training."""
        session = self._session
        if session.network is not None:
            self._classes[session.network.spec.name] = session.network.classes
        example = session.example if session.preprocessed is not None else None
        if not self.shown or self._run is None or self.outcome is None or self.tuned is None or example is None:
            return
        before = self._run.settings.network
        top, output = self._before(before)
        best = max(1, min(session.top, len(self.outcome.classes)))
        self._request_both("predictions", Backend.predict, (before, example, top, output), (self.tuned, example, best, 0))
        if layer := str(session.layer):
            self._request_both("maps", Backend.feature_maps, (before, example, layer, False), (self.tuned, example, layer, False), layer)
        else:
            self._asked["maps"], self.maps = None, ()

    def _before(self, spec: AnySpec) -> tuple[int, int]:
        """Return how many predictions of which output to request from the network before: one, if it was never on screen."""
        network = self._session.network
        output = self._session.output if network is not None and network.spec.name == spec.name else 0
        known = self._classes.get(spec.name, ())  # a run may have a copy of the network on screen
        return max(1, min(self._session.top, known[output])) if output < len(known) else 1, output

    def _request_both(
        self,
        trait: str,
        method: Callable[[Backend, *Arguments, ReportProgress], Result],
        before: tuple[*Arguments],
        after: tuple[*Arguments],
        layer: str = "",
    ) -> None:
        """Submit the same request for the network before and after; the trait changes when both results have arrived."""
        if self._asked.get(trait) == (before, after):
            return
        self._asked[trait] = asked = before, after
        results: dict[str, Result | str] = {}

        def arrived(side: str, result: Result | str) -> None:
            results[side] = result
            if len(results) == len(asked):
                setattr(self, trait, (results["before"], results["after"]))

        def request(side: str, arguments: tuple[*Arguments]) -> None:
            key = self._key_of(f"{side}, {trait}")

            def failed(error: Exception) -> None:
                arrived(side, self._why_missing(key, side, layer, error))

            self._session.requests.submit(
                key,
                method,
                *arguments,
                on_success=partial(arrived, side),
                on_error=failed,
                still=lambda: self._asked.get(trait) is asked,
            )

        request("before", before)
        request("after", after)

    def _why_missing(self, key: str, side: str, layer: str, error: Exception) -> str:
        """Return a sentence that says why a network has no predictions, or no maps of the layer."""
        if layer and isinstance(error, UnknownName):
            missing = {
                "before": _("The network before training has no layer {layer}: select a layer of the backbone to compare."),
                "after": _("The tuned network has no layer {layer}, as its head is new: select a layer of the backbone to compare."),
            }
            return missing[side].format(layer=layer)
        return str(error) if isinstance(error, ExplorerError) else self._session.errors.report(error, key)


def _ignore(_error: Exception) -> None:
    """Report nothing: the run itself says that it could not be saved."""


def _missing(run: RunRecord | None) -> str:
    """Return a sentence that says why a run has no results, if it has ended without any; else ""."""
    if run is None or run.state in ACTIVE_STATES or (run.state in ENDED and run.best_epoch is not None):
        return ""
    if run.resumable:
        return _("This run was ended before it came to its results: resume it to get them.")
    return _("This run ended before its first epoch did: there are no results.")


def _end_of(run: RunRecord | None) -> tuple[Any, ...]:
    """Return what identifies the end of a run among other runs, and among its own attempts if it was resumed."""
    return () if run is None else (run.key, run.state, run.seconds)
