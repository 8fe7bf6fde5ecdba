"""The runs of a page: they are started, followed while active, stopped, resumed and deleted, and their files are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from traitlets import Bool, HasTraits, Instance, Int, Unicode, observe

from explorer.errors import ExplorerError, UnknownName
from explorer.locale import _
from explorer.recipe.freeze_plan import done_phases
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_follower import Known, RunFollower
from explorer.state.session import Session
from explorer.values import AnySpec, DataSpec, Recipe, RunNews, RunProgress, RunRecord, RunSettings, TakenFile, TrainingStep
from explorer.values.run_progress import ACTIVE_STATES, taken_in
from explorer.worker.backend import Backend, RunStore

TRAINING = "training"  # names the request that starts one


class RunList(HasTraits):
    """The runs of a page, and the one among them that is shown.

    A run is a process of its own; its progress is polled a few times a second if an event loop runs, else by `look`.

    session: the shared state of the page; errors are reported in its `error_message`.
    fine_tuning: the choices for a new run.
    own_only: whether `runs` are only those that were started or opened here, or that the browser knows (`know`), not all runs.
    """

    runs = Instance(tuple, args=(), help="The runs, the newest first, as RunRecord.")
    run = Instance(RunRecord, allow_none=True, help="The run that is shown.")
    key = Unicode("", help="Its key, for the page's address; empty for none.")
    step = Instance(TrainingStep, allow_none=True, help="The newest step of it, notices left out.")
    history = Instance(tuple, args=(), help="Its finished epochs, as Epoch.")
    batches = Instance(tuple, args=(), help="The batches of the current epoch, as Batch; of many only every second, every fourth, ...")
    busy = Bool(False, help="Whether a training of this page is starting or active.")
    stopping = Bool(False, help="Whether the run that is shown was asked to stop, and has not stopped yet.")
    silent = Int(0, help="For how many seconds it has given no sign of life; 0 while that is not worth showing.")
    returned = Instance(RunSettings, allow_none=True, help="The settings of the run that the page returned to by its address.")
    taken = Instance(TakenFile, allow_none=True, help="The file that was requested last.")

    def __init__(self, session: Session, fine_tuning: FineTuningState, own_only: bool = False) -> None:
        super().__init__()
        self._session, self._fine_tuning = session, fine_tuning
        self._own_only = own_only
        self._own: set[str] = set()  # started or opened here
        self._starting = self._listed = False
        self._follower = RunFollower(session.run_requests, self._active, self._take_news, self._take_others, self._news_failed)
        self._key_of = self._follower.key_of
        fine_tuning.observe(self._list, "shown")
        self._list()

    def close(self) -> None:
        """Stop polling; an active training goes on."""
        self._session.training = None
        self._follower.close()
        with suppress(ValueError):  # closed before
            self._fine_tuning.unobserve(self._list, "shown")

    @property
    def barred(self) -> str:
        """A sentence that says why no training can begin now; empty if one can."""
        return _("A training is running: stop it, or wait until it ends.") if self.busy else self._fine_tuning.barred

    @property
    def progress(self) -> RunProgress:
        """The progress of the run that is shown, or that is being started."""
        step = None if self._starting else self.step
        return RunProgress(step, self.planned(), self.history, self.stopping, self.silent)

    def train(self) -> None:
        """Train the network that is shown with the current recipe and data; show the run."""
        network, data = self._session.network, self._fine_tuning.data
        if not self.barred and network is not None and data is not None:
            self._start(network.spec, data.spec, self._fine_tuning.recipe)
        elif not self.busy:  # else it was clicked twice
            self._session.report_error(ExplorerError(self.barred), self._key_of(TRAINING))

    def rerun(self, key: str) -> None:
        """Run a training again, with the same network, data and recipe; the recipe becomes the current one."""
        record = self._named(key)
        if record is None or not self._may_begin():
            return
        settings, network = record.settings, self._session.network
        if network is not None and network.spec.name == settings.network.name:
            self._fine_tuning.choose(settings.recipe)
        self._start(settings.network, settings.data, settings.recipe)

    def resume(self, key: str) -> None:
        """Resume a run that was stopped, is lost or has failed, from its checkpoint; show it."""
        if self._may_begin():
            self._set_starting(True)
            started, failed = self._started, self._start_failed
            self._session.requests.submit(
                self._key_of(TRAINING), Backend.resume, key, on_success=lambda record: started(record.key), on_error=failed
            )

    def stop(self) -> None:
        """Ask the run that is shown to stop; it does within a batch, and keeps the best weights so far."""
        if key := self._active()[0]:
            stopping, still = partial(setattr, self, "stopping", True), lambda: key == self._active()[0]
            self._follower.submit("stop", RunStore.ask_to_stop, key, on_success=lambda _nothing: stopping(), still=still)

    def kill(self) -> None:
        """Kill the process of the run that is shown, which may not react to `stop`; the run can be resumed from its checkpoint."""
        if key := self._active()[0]:
            self._follower.submit("kill", RunStore.kill, key, on_success=lambda _nothing: self.look())

    def delete(self, key: str) -> None:
        """Delete a run with all its files; its process is ended first."""
        self._session.requests.submit(self._key_of(f"delete {key}"), Backend.delete_run, key, on_success=lambda _nothing: self._forget(key))

    def show(self, key: str) -> None:
        """Show a run, active or ended; an unknown one is reported in `error_message`."""
        self._follower.submit("show", RunStore.record, key, on_success=self._show)

    def return_to(self, key: str, on_gone: Callable[[str], None] = lambda _key: None) -> None:
        """Show the run that the page's address names, and restore its network and its recipe.

        on_gone: takes the key if the run no longer exists.
        """

        def returned(record: RunRecord) -> None:
            self._show(record)
            self._session.loader.open_again(record.settings.network)
            self._fine_tuning.restore(record.settings.network, record.settings.recipe)
            self.returned = record.settings

        def failed(error: Exception) -> None:
            self._session.report_error(error, self._key_of("show"))
            on_gone(key)

        self._follower.submit("show", RunStore.record, key, on_success=returned, on_error=failed)

    def know(self, keys: Sequence[str], on_gone: Callable[[str], None] = lambda _key: None) -> None:
        """List runs by their keys, which are unguessable and which the browser has kept from earlier pages.

        on_gone: takes the key of each run that no longer exists.
        """

        def known(found: Known) -> None:
            self._take_others(found)
            for key in found[1]:
                on_gone(key)
            self._follower.follow()

        self._follower.submit(f"know {' '.join(keys)}", RunStore.known, tuple(keys), on_success=known)

    def take(self, what: str) -> None:
        """Request a file of the run that is shown: "model", "history", "script", "notebook" or "bundle"."""
        if self.key:
            taken = partial(setattr, self, "taken")
            self._session.requests.submit(
                self._key_of(f"take {what}"), Backend.take_run, self.key, what, on_success=taken, about=self._key_of("take")
            )

    def look(self) -> None:
        """Poll the active runs: the one that is shown, and now and then the others."""
        self._follower.look()

    def planned(self) -> Mapping[int, int]:
        """Return the number of epochs by index of the phase in the recipe, for the run that is shown, without omitted phases."""
        if self.run is None:
            return {}
        recipe, backbone = self.run.settings.recipe, self._fine_tuning.backbone
        shown = self._session.network is not None and self._session.network.spec.name == self.run.settings.network.name
        thaws = not (shown and backbone is not None and recipe.freeze == len(backbone))
        return {index: phase.epochs for index, phase in done_phases(recipe, thaws).items()}

    def _start(self, network: AnySpec, data: DataSpec, recipe: Recipe) -> None:
        self._set_starting(True)
        started, failed = self._started, self._start_failed
        self._session.requests.submit(self._key_of(TRAINING), Backend.train, network, data, recipe, on_success=started, on_error=failed)

    def _started(self, key: str) -> None:
        def shown(record: RunRecord) -> None:
            self._starting = False
            self._show(record)

        self._follower.cancel("show")  # the new run is to be shown
        self._follower.submit("started", RunStore.record, key, on_success=shown, on_error=self._start_failed)

    def _start_failed(self, error: Exception) -> None:
        self._set_starting(False)
        self._session.report_error(error, self._key_of(TRAINING))

    def _may_begin(self) -> bool:
        if self.busy:
            self._session.report_error(ExplorerError(self.barred), self._key_of(TRAINING))
        return not self.busy

    def _named(self, key: str) -> RunRecord | None:
        return next((record for record in self.runs if record.key == key), None)

    def _active(self) -> tuple[str, tuple[str, ...]]:
        """Return the keys of the active runs: of the one that is shown, "" for none, and of the others."""
        active = [record.key for record in self.runs if record.state in ACTIVE_STATES]
        return self.key if self.key in active else "", tuple(key for key in active if key != self.key)

    def _show(self, record: RunRecord) -> None:
        self._session.errors.clear(self._key_of("show"))  # of a run that was shown before
        self._own.add(record.key)
        with self.hold_trait_notifications():
            self.stopping, self.key, self.silent = False, record.key, 0
            self.step, self.history, self.batches = None, record.history, ()
            self._add(record)
            self._update_busy()
        self._follower.begin()

    def _take_news(self, news: RunNews, silent: int) -> None:
        """Take the news of the run that is shown."""
        self.silent = silent
        if self.run is not None:
            self._add_steps(self.run, news.steps)
        if news.record is not None:
            self._update_record(news.record)
        self._update_busy()

    def _news_failed(self, key: str, error: Exception) -> None:
        self._session.report_error(error, self._key_of("show"))
        if isinstance(error, UnknownName):  # deleted elsewhere
            self._forget(key)
            self._follower.follow()

    def _take_others(self, found: Known) -> None:
        records, gone = found
        for record in records:
            if record.key != self.key:  # which is followed
                self._add(record)
        for key in gone:
            self._forget(key)
        self._update_busy()

    def _add_steps(self, run: RunRecord, steps: Sequence[TrainingStep]) -> None:
        step, history, batches = taken_in(steps, self.step, self.history, self.batches)
        notices = dict.fromkeys([*run.notices, *(step.text for step in steps if step.what == "notice")])
        with self.hold_trait_notifications():
            self.step, self.history, self.batches = step, history, batches
            if run.state in ACTIVE_STATES:
                self._add(replace(run, step=step, history=history, notices=tuple(notices)))

    def _update_record(self, record: RunRecord) -> None:
        """Take the new record of the run that is shown: with its results, once it has ended."""
        if record.state not in ACTIVE_STATES:
            with self.hold_trait_notifications():
                self.history, self.batches, self.stopping, self.silent = record.history, (), False, 0
                self._add(record)
            self._fine_tuning.learn(record)
        elif self.run is None or self.run.state != record.state:
            self._add(record)

    def _add(self, record: RunRecord) -> None:
        """Replace the former record of the same run."""
        others = [other for other in self.runs if other.key != record.key]
        self.runs = tuple(sorted([*others, record], key=lambda run: run.started, reverse=True))
        if record.key == self.key:
            self.run = record

    def _forget(self, key: str) -> None:
        self._own.discard(key)
        with self.hold_trait_notifications():
            self.runs = tuple(record for record in self.runs if record.key != key)
            if key == self.key:
                self.key, self.run, self.step, self.history, self.batches, self.stopping, self.silent = "", None, None, (), (), False, 0
            self._update_busy()

    def _list(self, _change: Any = None) -> None:
        """List the existing runs when fine-tuning is first shown."""
        if not (self._listed or self._own_only) and self._fine_tuning.shown:
            self._listed = True
            self._follower.submit("list", RunStore.listed, on_success=self._add_new)

    def _add_new(self, records: Sequence[RunRecord]) -> None:
        known = {record.key for record in self.runs}
        for record in records:
            if record.key not in known:
                self._add(record)
        self._follower.follow()

    def _set_starting(self, starting: bool) -> None:
        self._starting = starting
        self._update_busy()

    def _update_busy(self) -> None:
        self.busy = self._starting or any(record.state in ACTIVE_STATES and record.key in self._own for record in self.runs)

    @observe("run", "step", "history", "stopping", "silent", "busy")
    def _update_progress(self, _change: Any) -> None:
        """Give the session the progress of the run that is shown, while a training of this page is active."""
        shown = self._starting or self._active()[0] != ""
        self._session.training = replace(self.progress, shown=shown) if self.busy else None
