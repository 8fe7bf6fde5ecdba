"""The training: Train, Stop and Go on, how far it is, and its curves while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from explorer.locale import _
from explorer.rendering.run_status import ended, progress_in_words, roughly
from explorer.rendering.training_curves import Curves
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_list import RunList
from explorer.state.session import Session
from explorer.values import Epoch
from explorer.values.run_progress import ACTIVE_STATES, FAILED_STATES
from explorer.widgets.base.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import FigureWidget


class TrainingBar(View):
    """What stands above the curves: the buttons, how far the run is, what went wrong and what there is to learn from it."""

    shown = traitlets.Bool(True, help="Whether there are curves to show.").tag(sync=True)
    barred = traitlets.Unicode(help="Why no training can begin now; empty where one can.").tag(sync=True)
    going = traitlets.Bool(False, help="Whether the run that is shown goes on, or one is being started.").tag(sync=True)
    stoppable = traitlets.Bool(False, help="Whether it can be asked to stop.").tag(sync=True)
    resumable = traitlets.Bool(False, help="Whether the run that is shown can go on.").tag(sync=True)
    fraction = traitlets.Float(-1.0, help="How far the run is, 0 to 1; -1 where nobody knows.").tag(sync=True)
    said = traitlets.Unicode(help="How far it is, or what came of it, in words.").tag(sync=True)
    failed = traitlets.Bool(False, help="Whether what is said is a failure.").tag(sync=True)
    silent = traitlets.Unicode(help="What there is to know of a run that gives no sign of life; empty for nothing.").tag(sync=True)
    notices = traitlets.List(traitlets.Unicode(), help="What there is to know of the run, in sentences.").tag(sync=True)
    key = traitlets.Unicode(help="The key of the run that is shown, for the page's address.").tag(sync=True)
    rows: traitlets.List[list[str]] = traitlets.List(help="The epochs as a table: its cells.").tag(sync=True)
    width = traitlets.Int(0, help="The width that the page has for the curves, in CSS pixels; 0 for not known.").tag(sync=True)
    drawn = traitlets.Bool(False, help="Whether the browser has read and drawn the figure.").tag(sync=True)

    def __init__(self, session: Session | None, fine_tuning: FineTuningState | None, run_list: RunList | None) -> None:
        super().__init__(session)
        self._own_tuning, self._own_trainings = fine_tuning is None, run_list is None
        self.fine_tuning = fine_tuning or FineTuningState(self.session)
        self.fine_tuning.shown = self.fine_tuning.shown or self._own_tuning
        self.run_list = run_list or RunList(self.session, self.fine_tuning)
        self.follow("network", by=self._draw_barred)
        self.follow("data", "recipe", "problems", by=self._draw_barred, of=self.fine_tuning)
        self.follow("run", "step", "history", "busy", "stopping", "silent", by=self._draw, of=self.run_list)

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "title": _("Training"),
            "train": _("Train"),
            "stop": _("Stop"),
            "resume": _("Resume"),
            "kill": _("End its process"),
            "progress": _("Training progress"),
            "none": _("Accuracy and loss appear here during training."),
            "wait": _("Loading the chart…"),
            "held_out": _("validation"),
            "training": _("training"),
            "table": _("Accuracy and loss after each epoch"),
            "columns": [
                _("epoch"),
                _("phase"),
                _("accuracy, training"),
                _("accuracy, validation"),
                _("loss, training"),
                _("loss, validation"),
            ],
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Do what a button asks, or show the run that the page's address names."""
        if message.get("train"):
            self.run_list.train()
        elif message.get("stop"):
            self.run_list.stop()
        elif message.get("resume"):
            self.run_list.resume(self.key)
        elif message.get("kill"):
            self.run_list.kill()
        elif "own" in message:
            self.run_list.know([str(key) for key in message["own"]], self._forget)
        elif "run" in message and message["run"] != self.key:
            self.run_list.return_to(str(message["run"]), self._forget)

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own_trainings:
            self.run_list.close()
        if self._own_tuning:
            self.fine_tuning.close()
        super().close()

    def _forget(self, key: str) -> None:
        self.send({"unknown": key})

    def _draw_barred(self) -> None:
        self.barred = self.run_list.barred

    def _draw(self) -> None:
        run_list, run = self.run_list, self.run_list.run
        self.barred, self.key = run_list.barred, run_list.key
        running = run is not None and run.state in ACTIVE_STATES
        starting = run_list.busy and not running
        self.going, self.stoppable = running or starting, running and not run_list.stopping
        self.resumable = run is not None and run.resumable and not run_list.busy
        self.shown = bool(run_list.history) or running
        self.failed = run is not None and run.state in FAILED_STATES and not starting
        self.silent = _silent(run_list) if run_list.silent and running else ""
        self.notices = list(run.notices) if run else []
        self.rows = [_row(place, one) for place, one in enumerate(run_list.history)]
        if self.going:
            self.said, self.fraction = progress_in_words(run_list.progress)
        else:
            self.said, self.fraction = ended(run) if run else "", -1.0


class TrainingView(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """Trains, and draws accuracy and loss while it does, on the training data and on what is held out.

    The plotly figure, 5 MB for the browser, is made when there is something to draw first, and kept.

    session: the shared state of the page; tuning: that of fine-tuning; trainings: the runs. The view makes those that are not given.
    """

    def __init__(self, session: Session | None = None, fine_tuning: FineTuningState | None = None, run_list: RunList | None = None) -> None:
        self.figure: FigureWidget | None = None
        self._layout: dict[str, Any] = {}
        self.bar = TrainingBar(session, fine_tuning, run_list)
        self.session, self.run_list = self.bar.session, self.bar.run_list
        self._chart = ipywidgets.Box()
        super().__init__([self.bar, self._chart], layout=ipywidgets.Layout(width="100%"))
        self.add_class("explorer").add_class("training")
        self.bar.follow("run", "history", "batches", by=self._draw, of=self.run_list)
        self.bar.observe(lambda _change: self._draw(), ["width", "drawn"])

    def close(self) -> None:
        """Let go of the session and of the figure."""
        self.bar.close()
        if self.figure:
            self.figure.close()
        super().close()

    def _draw(self) -> None:
        run_list, run = self.run_list, self.run_list.run
        curves = Curves(
            run_list.history,
            run_list.batches,
            run_list.planned(),
            {place for place, phase in enumerate(run.settings.recipe.phases) if phase.trains == "tail"} if run else frozenset(),
            run.best_epoch if run else None,
            self.bar.width,
        )
        if self.figure is None and self.bar.width and self.bar.shown and run is not None:
            self.figure = self._make(curves)
        elif self.figure and self.bar.drawn:  # what is sent while the browser still reads the 5 MB is lost
            with self.figure.batch_update():
                for own, trace in zip(self.figure.data, curves.traces(), strict=True):
                    own.update(trace)
                if (layout := curves.layout()) != self._layout:
                    self.figure.update_layout(layout, overwrite=True)  # or marks that are gone would stay
                    self._layout = layout
        self._chart.layout.display = "" if self.bar.shown else "none"  # taken off the page, plotly would lose its thread

    def _make(self, curves: Curves) -> FigureWidget:
        from plotly.graph_objects import FigureWidget  # takes a second: only for who wants to see it

        self._layout = curves.layout()
        figure = FigureWidget(curves.traces(), self._layout)
        figure._config = {"displayModeBar": False, "showTips": False, "doubleClick": "reset"}  # it has no other way in
        self._chart.children = (figure,)
        return figure


def _silent(run_list: RunList) -> str:
    """Return that the run that is shown gives no sign of life, what it was at, and what can be done."""
    said = _(
        "No sign of life for {time} ({step}). A large network may take that long; if this one hangs, end its process, and resume it "
        "from its last backup."
    )
    return said.format(time=roughly(run_list.silent), step=progress_in_words(run_list.progress)[0])


def _row(place: int, epoch: Epoch) -> list[str]:
    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f} %"

    def short(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}"

    shown = percent(epoch.accuracy), percent(epoch.val_accuracy), short(epoch.loss), short(epoch.val_loss)
    return [str(place + 1), str(epoch.phase + 1), *shown]
