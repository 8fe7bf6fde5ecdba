"""What a training has come to: the predictions for the validation examples, and for any input before and after it."""

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
CARDS = 24  # examples of a cell that are shown at first, and each time more
FOLLOWED = ["network", "preprocessed", "top", "output", "layer"]

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class RunComparison(HasTraits):
    """What the run that a page shows has come to, and what it has changed for the example that the session shows.

    session: the shared state of the page; failures end in its `error_message`. Its own network stays on screen.
    trainings: says which run is shown; without it the aftermath makes its own.
    """

    shown = Bool(False, help="Whether it is looked at; nothing is asked before.")
    outcome = Instance(Outcome, allow_none=True, help="What the run has come to; None before its end, and where it has come to nothing.")
    missing = Unicode("", help="Why the run, which has ended, has come to nothing, in a sentence; empty where it has not ended, or has.")
    pictures = Instance(dict, args=(), help="Small pictures (PNG) of the worst examples by their place; b'' for one without.")
    cell = Instance(
        tuple, args=(), help="Row and column of the confusion matrix whose examples are shown, -1 for all of them; empty for none."
    )
    examples = Instance(tuple, args=(), help="The examples in it, each as Missed with its picture (PNG, b'' for one without).")
    in_cell = Int(0, help="How many there are in it.")
    tuned = Instance(ModelFile, allow_none=True, help="The tuned network.")
    predictions = Instance(tuple, args=(), help="Answers before and after; in place of either a sentence that says why there are none.")
    maps = Instance(tuple, args=(), help="FeatureMaps of the selected layer before and after; in place of either such a sentence.")

    def __init__(self, session: Session, run_list: RunList | None = None) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._own: tuple[RunList | FineTuningState, ...] = ()
        if run_list is None:
            fine_tuning = FineTuningState(session)
            run_list = RunList(session, fine_tuning)
            self._own = run_list, fine_tuning
        self.run_list = run_list
        self._run: RunRecord | None = None  # the run that all this is about
        self._classes: dict[str, tuple[int, ...]] = {}  # of each output of the networks that were on screen, by name
        self._asked: dict[str, Any] = {}  # what was asked last, by what becomes of it
        self.run_list.observe(self._begin, "run")
        session.observe(self._compare, FOLLOWED)
        self.observe(self._begin, "shown")
        self._begin()

    def close(self) -> None:
        """Let go of the session; what is under way comes to nothing."""
        self._run, self._asked = None, {}
        with suppress(ValueError):  # closed before
            self.run_list.unobserve(self._begin, "run")
            self._session.unobserve(self._compare, FOLLOWED)
        for one in self._own:
            one.close()

    def look_at(self, cell: tuple[int, ...]) -> None:
        """Show the examples in a cell, or in a row or column, of the confusion matrix; those of an empty cell are none."""
        self.cell, self.examples, self.in_cell = cell, (), 0
        self._ask_for_examples(CARDS)

    def look_further(self) -> None:
        """Show more of them."""
        self._ask_for_examples(len(self.examples) + CARDS)

    def open_tuned(self) -> None:
        """Open the tuned network in place of the one that the page shows."""
        if self.tuned is not None:
            self._session.open(self.tuned.path)

    def _begin(self, _change: Any = None) -> None:
        """Ask what the run has come to, once it has ended."""
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
            self._ask("outcome", Backend.outcome, run.key, on_success=partial(self._arrived, run))

    def _ask(
        self,
        name: str,
        method: Callable[[Backend, *Arguments, ReportProgress], Result],
        *arguments: *Arguments,
        on_success: Callable[[Result], None],
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Ask about the run that is shown; the answer is dropped where another one is when it comes."""
        run, key = self._run, self._key_of(name)
        self._session.requests.submit(key, method, *arguments, on_success=on_success, on_error=on_error, still=lambda: run is self._run)

    def _arrived(self, run: RunRecord, outcome: Outcome | None) -> None:
        self.outcome = outcome
        if outcome is not None:
            missing = _said_already if run.state == "failed" else None
            self._ask("tuned", Backend.tuned, run.key, on_success=self._found, on_error=missing)
            self._ask_for_picture(run, tuple(one.place for one in outcome.worst))

    def _found(self, tuned: ModelFile) -> None:
        self.tuned = tuned
        self._compare()

    def _ask_for_picture(self, run: RunRecord, places: tuple[int, ...]) -> None:
        """Ask for one picture after the other: whatever else is asked gets its turn in between."""
        if places:
            self._ask("held out", Backend.held_out, run.key, places[0], on_success=partial(self._pictured, run, places))

    def _pictured(self, run: RunRecord, places: tuple[int, ...], picture: bytes) -> None:
        self.pictures = {**self.pictures, places[0]: picture}
        self._ask_for_picture(run, places[1:])

    def _ask_for_examples(self, count: int) -> None:
        self._session.requests.cancel(self._key_of("predicted"))  # those of the cell before
        if self.cell and self._run is not None:
            row, column = self.cell
            self._ask("predicted", Backend.predicted, self._run.key, row, column, count, on_success=self._show_examples)

    def _show_examples(self, found: tuple[tuple[tuple[Misclassification, bytes], ...], int]) -> None:
        self.examples, self.in_cell = found

    def _compare(self, _change: Any = None) -> None:
        """Have the example answered, and the layer looked into, before and after the training."""
        session = self._session
        if session.network is not None:
            self._classes[session.network.spec.name] = session.network.classes
        example = session.example if session.preprocessed is not None else None
        if not self.shown or self._run is None or self.outcome is None or self.tuned is None or example is None:
            return
        before = self._run.settings.network
        top, output = self._before(before)
        best = max(1, min(session.top, len(self.outcome.classes)))
        self._ask_both("predictions", Backend.predict, (before, example, top, output), (self.tuned, example, best, 0))
        if layer := str(session.layer):
            self._ask_both("maps", Backend.feature_maps, (before, example, layer, False), (self.tuned, example, layer, False), layer)
        else:
            self._asked["maps"], self.maps = None, ()

    def _before(self, spec: AnySpec) -> tuple[int, int]:
        """Return how many answers, and of which output, the network before is asked for: one, where it was never on screen."""
        network = self._session.network
        output = self._session.output if network is not None and network.spec.name == spec.name else 0
        known = self._classes.get(spec.name, ())  # a run may have a copy of what was on screen
        return max(1, min(self._session.top, known[output])) if output < len(known) else 1, output

    def _ask_both(
        self,
        trait: str,
        method: Callable[[Backend, *Arguments, ReportProgress], Result],
        before: tuple[*Arguments],
        after: tuple[*Arguments],
        layer: str = "",
    ) -> None:
        """Ask the same of the network before and after; the trait changes when both have answered."""
        if self._asked.get(trait) == (before, after):
            return
        self._asked[trait] = asked = before, after
        came: dict[str, Result | str] = {}

        def arrived(side: str, result: Result | str) -> None:
            came[side] = result
            if len(came) == len(asked):
                setattr(self, trait, (came["before"], came["after"]))

        def ask(side: str, arguments: tuple[*Arguments]) -> None:
            key = self._key_of(f"{side}, {trait}")

            def failed(error: Exception) -> None:
                arrived(side, self._why_not(key, side, layer, error))

            self._session.requests.submit(
                key,
                method,
                *arguments,
                on_success=partial(arrived, side),
                on_error=failed,
                still=lambda: self._asked.get(trait) is asked,
            )

        ask("before", before)
        ask("after", after)

    def _why_not(self, key: str, side: str, layer: str, error: Exception) -> str:
        """Return in a sentence why a network has no answers, or no maps of the layer."""
        if layer and isinstance(error, UnknownName):
            missing = {
                "before": _("The network before training has no layer {layer}: select a layer of the backbone to compare."),
                "after": _("The tuned network has no layer {layer}, as its head is new: select a layer of the backbone to compare."),
            }
            return missing[side].format(layer=layer)
        return str(error) if isinstance(error, ExplorerError) else self._session.errors.report(error, key)


def _said_already(_error: Exception) -> None:
    """Say nothing: the run says itself that it could not be saved."""


def _missing(run: RunRecord | None) -> str:
    """Return why there are no results of a run, where it has ended without any."""
    if run is None or run.state in ACTIVE_STATES or (run.state in ENDED and run.best_epoch is not None):
        return ""
    if run.resumable:
        return _("This run was ended before it came to its results: resume it to get them.")
    return _("This run ended before its first epoch did: there are no results.")


def _end_of(run: RunRecord | None) -> tuple[Any, ...]:
    """Return what tells the end of a run from those of others, and from its own before it went on."""
    return () if run is None else (run.key, run.state, run.seconds)
