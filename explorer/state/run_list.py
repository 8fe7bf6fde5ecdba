"""Trainings: the runs of a page: started, followed while they go on, stopped, gone on with, and what they leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from traitlets import Bool, HasTraits, Instance, Int, Unicode, observe

from explorer import runs as folders
from explorer.errors import ExplorerError, UnknownName
from explorer.locale import _
from explorer.recipe.freeze_plan import done_phases
from explorer.rendering.run_status import ACTIVE_STATES, in_words, roughly, taken_in
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_watch import Looks, Silence
from explorer.state.session import Session
from explorer.values import AnySpec, DataSpec, Recipe, RunRecord, RunSettings, TakenFile, TrainingStep

OTHERS = 8  # looks at the one that is shown for one at the others


class RunList(HasTraits):
    """The runs of a page, and the one among them that is shown.

    A run is a process of its own; what it tells is read from its folder, a few times a second where an event loop runs, else by `look`.

    session: the shared state of the page; failures end in its `error_message`.
    tuning: what is chosen there.
    own_only: whether `runs` are only those that were started or opened here, or that the browser `knows`, and not all that there are;
        by default as `explorer.runs.are_all_listed` says.
    """

    runs = Instance(tuple, args=(), help="The runs, the newest first, as RunRecord.")
    run = Instance(RunRecord, allow_none=True, help="The run that is shown.")
    key = Unicode("", help="Its key, for the page's address; empty for none.")
    step = Instance(TrainingStep, allow_none=True, help="The newest step of it, notices left out.")
    history = Instance(tuple, args=(), help="Its epochs so far, as Epoch.")
    batches = Instance(tuple, args=(), help="Of the epoch under way, as Batch; of many batches every second one, every fourth, ...")
    busy = Bool(False, help="Whether a training of this page is being started, or goes on.")
    stopping = Bool(False, help="Whether the run that is shown was asked to stop, and has not yet.")
    silent = Int(0, help="For how many seconds it has given no sign of life; 0 while that is nothing to speak of.")
    returned = Instance(RunSettings, allow_none=True, help="What the run is made of that the page came back to by its address.")
    taken = Instance(TakenFile, allow_none=True, help="The file that was asked for last.")

    def __init__(self, session: Session, fine_tuning: FineTuningState, own_only: bool | None = None) -> None:
        super().__init__()
        self._session, self._fine_tuning = session, fine_tuning
        self._own_only = not folders.are_all_listed() if own_only is None else own_only
        self._own: set[str] = set()  # started or opened here
        self._starting = self._listed = False
        self._place = 0  # in the progress of the run that is shown
        self._looks, self._silence = 0, Silence()
        self._looker = Looks(self.look, lambda: any(record.state in ACTIVE_STATES for record in self.runs), session.report_error)
        fine_tuning.observe(self._list, "shown")
        self._list()

    def close(self) -> None:
        """Look no more; a training that goes on is left to itself."""
        self._session.training, self._session.training_silent = "", False
        self._looker.close()
        with suppress(ValueError):  # closed before
            self._fine_tuning.unobserve(self._list, "shown")

    @property
    def barred(self) -> str:
        """Why no training can begin now, in a sentence; empty where one can."""
        return _("A training is running: stop it, or wait until it ends.") if self.busy else self._fine_tuning.barred

    @property
    def progress(self) -> tuple[str, float]:
        """How far the run that is shown is, or the one that is being started: in words, and as a fraction (-1 where nobody knows)."""
        step = replace(self.step, left=None) if self.step and self.silent else self.step  # it said so before it fell silent
        said, fraction = in_words(None if self._starting else step, self.planned(), self.history)
        return _("Stopping…") if self.stopping else said, fraction

    def train(self) -> None:
        """Start a training of the network that is shown, by the recipe and on the data that are chosen; show its run."""
        network, data = self._session.network, self._fine_tuning.data
        if not self.barred and network is not None and data is not None:
            self._start(network.spec, data.spec, self._fine_tuning.recipe)
        elif not self.busy:  # else it was clicked twice
            self._session.report_error(ExplorerError(self.barred))

    def rerun(self, key: str) -> None:
        """Do a run once more as it was, with its network and its data; its recipe becomes the one that is chosen."""
        record = self._named(key)
        if record is None or not self._may_begin():
            return
        settings, network = record.settings, self._session.network
        if network is not None and network.spec.name == settings.network.name:
            self._fine_tuning.choose(settings.recipe)
        self._start(settings.network, settings.data, settings.recipe)

    def resume(self, key: str) -> None:
        """Go on with a run that was stopped, is lost or has failed, from its backup; show it."""
        if self._may_begin():
            self._session.error_message = ""
            self._set_starting(True)
            self._session.submit("training", "resume", key, done=lambda record: self._started(record.key), failed=self._not_started)

    def stop(self) -> None:
        """Ask the run that is shown to stop; it does within a batch, and keeps the best weights so far."""
        if self.run is None or self.run.state not in ACTIVE_STATES:
            return
        try:
            folders.ask_to_stop(self.run.key)  # here, as the worker may be at something long
        except (ExplorerError, OSError) as error:
            self._session.report_error(error)
        else:
            self.stopping = True

    def kill(self) -> None:
        """End the process of the run that is shown, which may not hear `stop`; the run can go on from its backup then."""
        if self.run is not None and self.run.state in ACTIVE_STATES:
            folders.kill(self.run.key)
            self.look()

    def delete(self, key: str) -> None:
        """Delete a run and all that it has left; its process is ended first."""
        self._session.error_message = ""
        self._session.submit(f"delete {key}", "delete_run", key, done=lambda _nothing: self._forget(key))

    def show(self, key: str) -> None:
        """Show a run, whether it goes on or has ended; one that is not there ends in `error_message`."""
        try:
            record = folders.record(key)
        except (ExplorerError, OSError) as error:
            self._session.report_error(error)
            return
        self._own.add(key)
        self._silence = Silence()
        with self.hold_trait_notifications():
            self._place, self.stopping, self.key, self.silent = 0, False, key, 0
            self.step, self.history, self.batches = None, record.history, ()
            self._keep(record)
            self._settle()
        self.look()
        self._looker.follow()

    def return_to(self, key: str) -> None:
        """Show the run that the page's address names, and go back to the network and the recipe that it is made of."""
        self.show(key)
        if self.run is not None and self.key == key:
            self._session.open_again(self.run.settings.network)
            self._fine_tuning.bring_back(self.run.settings.network, self.run.settings.recipe)
            self.returned = self.run.settings

    def know(self, keys: Sequence[str]) -> tuple[str, ...]:
        """List runs whose keys, which nobody can guess, the browser has kept from earlier pages; return the keys of those that are gone."""
        gone = []
        for key in keys:
            try:
                self._keep(self.run if self.run is not None and key == self.key else folders.record(key))
            except UnknownName:
                gone.append(key)
            except (ExplorerError, OSError):  # it can't be read: it is left out, as from the list of all
                continue
        self._looker.follow()
        return tuple(gone)

    def take(self, what: str) -> None:
        """Ask for a file of the run that is shown: "model", "history", "script", "notebook" or "bundle"."""
        if self.key:
            self._session.error_message = ""
            self._session.submit(f"take run {what}", "take_run", self.key, what, done=lambda file: setattr(self, "taken", file))

    def look(self) -> None:
        """See how far the runs are that go on: what the one that is shown has told since, and now and then the others."""
        self._looks += 1
        if self.run is not None and self.run.state in ACTIVE_STATES:
            self._look_at(self.run)
        if self._looks % OTHERS == 0:
            for record in self.runs:
                if record.state in ACTIVE_STATES and record.key != self.key:
                    self._renew(record.key)
        self._settle()

    def planned(self) -> Mapping[int, int]:
        """Return how many epochs each phase of the run that is shown takes, by its place in the recipe; phases left out are not there."""
        if self.run is None:
            return {}
        recipe, backbone = self.run.settings.recipe, self._fine_tuning.backbone
        shown = self._session.network is not None and self._session.network.spec.name == self.run.settings.network.name
        thaws = not (shown and backbone is not None and recipe.freeze == len(backbone))
        return {place: phase.epochs for place, phase in done_phases(recipe, thaws).items()}

    def _start(self, network: AnySpec, data: DataSpec, recipe: Recipe) -> None:
        self._session.error_message = ""
        self._set_starting(True)
        self._session.submit("training", "train", network, data, recipe, done=self._started, failed=self._not_started)

    def _started(self, key: str) -> None:
        self._set_starting(False)
        self.show(key)

    def _not_started(self, error: Exception) -> None:
        self._set_starting(False)
        self._session.report_error(error)

    def _may_begin(self) -> bool:
        if self.busy:
            self._session.report_error(ExplorerError(self.barred))
        return not self.busy

    def _named(self, key: str) -> RunRecord | None:
        return next((record for record in self.runs if record.key == key), None)

    def _look_at(self, run: RunRecord) -> None:
        """Take in what the run that is shown has told; only while it says nothing new there is more to read."""
        try:
            told, self._place = folders.steps(run.key, self._place)
            self.silent = self._silence.look(folders.pulse(run.key))
        except UnknownName as error:  # deleted elsewhere
            self._forget(run.key)
            self._session.report_error(error)
            return
        self._take_in(run, told)
        if not told:
            self._renew(run.key)

    def _take_in(self, run: RunRecord, told: Sequence[TrainingStep]) -> None:
        step, history, batches = taken_in(told, self.step, self.history, self.batches)
        notices = dict.fromkeys([*run.notices, *(one.text for one in told if one.what == "notice")])
        with self.hold_trait_notifications():
            self.step, self.history, self.batches = step, history, batches
            if run.state in ACTIVE_STATES:
                self._keep(replace(run, step=step, history=history, notices=tuple(notices)))

    def _renew(self, key: str) -> None:
        """Read a run again; of the one that is shown what it has come to, once it has ended."""
        try:
            record = folders.record(key)
        except UnknownName:
            self._forget(key)
            return
        if key == self.key and record.state not in ACTIVE_STATES:
            with self.hold_trait_notifications():
                self.history, self.batches, self.stopping, self.silent = record.history, (), False, 0
                self._keep(record)
            self._fine_tuning.learn(record)
        elif key != self.key or self.run is None or self.run.state != record.state:
            self._keep(record)

    def _keep(self, record: RunRecord) -> None:
        """Let a record take the place of the one before of the same run."""
        others = [one for one in self.runs if one.key != record.key]
        self.runs = tuple(sorted([*others, record], key=lambda one: one.started, reverse=True))
        if record.key == self.key:
            self.run = record

    def _forget(self, key: str) -> None:
        self._own.discard(key)
        with self.hold_trait_notifications():
            self.runs = tuple(record for record in self.runs if record.key != key)
            if key == self.key:
                self.key, self.run, self.step, self.history, self.batches, self.stopping, self.silent = "", None, None, (), (), False, 0
            self._settle()

    def _list(self, _change: Any = None) -> None:
        """List the runs that there are, when fine-tuning is first looked at."""
        if self._listed or self._own_only or not self._fine_tuning.shown:
            return
        self._listed = True
        try:
            known = {record.key for record in self.runs}
            for record in folders.records():
                if record.key not in known:
                    self._keep(record)
        except OSError as error:
            self._session.report_error(error)
        self._looker.follow()

    def _set_starting(self, starting: bool) -> None:
        self._starting = starting
        self._settle()

    def _settle(self) -> None:
        self.busy = self._starting or any(record.state in ACTIVE_STATES and record.key in self._own for record in self.runs)

    @observe("run", "step", "history", "stopping", "silent", "busy")
    def _tell(self, _change: Any) -> None:
        """Tell the page that a training of its own goes on, and of the one that is shown how far it is."""
        shown = self._starting or (self.run is not None and self.run.state in ACTIVE_STATES)
        far = _("no sign of life for {time}").format(time=roughly(self.silent)) if self.silent else self.progress[0]
        said = _("Training: {progress}").format(progress=far) if shown else _("A training is running")
        self._session.training = said if self.busy else ""
        self._session.training_silent = bool(self.silent) and shown and self.busy
