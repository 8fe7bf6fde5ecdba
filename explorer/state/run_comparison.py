"""Aftermath: what a training has come to: how the held-out examples are answered, and any input before and after it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from traitlets import Bool, HasTraits, Instance, Int, Unicode

from explorer.errors import ExplorerError, UnknownName
from explorer.locale import _
from explorer.rendering.run_status import ACTIVE_STATES
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_list import RunList
from explorer.state.session import Session
from explorer.values import AnySpec, Misclassification, ModelFile, Outcome, RunRecord

ENDED = ("done", "stopped", "failed")
CARDS = 24  # examples of a cell that are shown at first, and each time more
FOLLOWED = ["network", "preprocessed", "top", "output", "layer"]


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
        self._session = session
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
            self._ask(run, "outcome", "outcome", run.key, done=self._arrived)

    def _ask(
        self,
        run: RunRecord,
        key: str,
        method: str,
        *arguments: Any,
        done: Callable[[RunRecord, Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Ask about a run; the result and a failure are dropped where another run is shown when they come."""

        def still(callback: Callable[[Any], None], value: Any) -> None:
            if run is self._run:
                callback(value)

        said = partial(still, failed or self._session.report_error)
        self._session.submit(key, method, *arguments, done=partial(still, partial(done, run)), failed=said)

    def _arrived(self, run: RunRecord, outcome: Outcome | None) -> None:
        self.outcome = outcome
        if outcome is not None:
            missing = _said_already if run.state == "failed" else None
            self._ask(run, "tuned", "tuned", run.key, done=self._found, failed=missing)
            self._ask_for_picture(run, tuple(one.place for one in outcome.worst))

    def _found(self, _run: RunRecord, tuned: ModelFile) -> None:
        self.tuned = tuned
        self._compare()

    def _ask_for_picture(self, run: RunRecord, places: tuple[int, ...]) -> None:
        """Ask for one picture after the other: whatever else is asked gets its turn in between."""
        if places:
            self._ask(run, "held out", "held_out", run.key, places[0], done=partial(self._pictured, places))

    def _pictured(self, places: tuple[int, ...], run: RunRecord, picture: bytes) -> None:
        self.pictures = {**self.pictures, places[0]: picture}
        self._ask_for_picture(run, places[1:])

    def _ask_for_examples(self, count: int) -> None:
        cell = self.cell

        def done(_run: RunRecord, found: tuple[tuple[tuple[Misclassification, bytes], ...], int]) -> None:
            if self.cell == cell:
                self.examples, self.in_cell = found

        if cell and self._run is not None:
            self._ask(self._run, "predicted", "predicted", self._run.key, *cell, count, done=done)

    def _compare(self, _change: Any = None) -> None:
        """Have the example answered, and the layer looked into, before and after the training."""
        session = self._session
        if session.network is not None:
            self._classes[session.network.spec.name] = session.network.classes
        if not self.shown or self._run is None or self.outcome is None or self.tuned is None or session.preprocessed is None:
            return
        before, example = self._run.settings.network, session.example
        top, output = self._before(before)
        best = max(1, min(session.top, len(self.outcome.classes)))
        self._ask_both("predictions", "predict", (before, example, top, output), (self.tuned, example, best, 0))
        if session.layer:
            self._ask_both("maps", "feature_maps", (before, example, session.layer), (self.tuned, example, session.layer))
        else:
            self._asked["maps"], self.maps = None, ()

    def _before(self, spec: AnySpec) -> tuple[int, int]:
        """Return how many answers, and of which output, the network before is asked for: one, where it was never on screen."""
        network = self._session.network
        output = self._session.output if network is not None and network.spec.name == spec.name else 0
        known = self._classes.get(spec.name, ())  # a run may have a copy of what was on screen
        return max(1, min(self._session.top, known[output])) if output < len(known) else 1, output

    def _ask_both(self, trait: str, method: str, *asked: tuple[Any, ...]) -> None:
        """Ask the same of the network before and after; the trait changes when both have answered."""
        if self._asked.get(trait) == asked:
            return
        self._asked[trait] = asked
        came: dict[str, Any] = {}

        def arrived(side: str, result: Any) -> None:
            if self._asked.get(trait) is asked:  # else nobody wants it any more
                came[side] = result
                if len(came) == len(asked):
                    setattr(self, trait, (came["before"], came["after"]))

        for side, arguments in zip(("before", "after"), asked, strict=True):

            def failed(error: Exception, side: str = side, layer: str = arguments[2] if trait == "maps" else "") -> None:
                arrived(side, self._why_not(side, layer, error))

            self._session.submit(f"{side}, {trait}", method, *arguments, done=partial(arrived, side), failed=failed)

    def _why_not(self, side: str, layer: str, error: Exception) -> str:
        """Return in a sentence why a network has no answers, or no maps of the layer."""
        if layer and isinstance(error, UnknownName):
            missing = {
                "before": _("The network before training has no layer {layer}: select a layer of the backbone to compare."),
                "after": _("The tuned network has no layer {layer}, as its head is new: select a layer of the backbone to compare."),
            }
            return missing[side].format(layer=layer)
        if not isinstance(error, ExplorerError):
            self._session.report_error(error)
            return self._session.error_message
        return str(error)


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
