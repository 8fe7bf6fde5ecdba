"""The training: Train, Stop and Go on, how far it is, and its curves while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from explorer.locale import _
from explorer.session import Session
from explorer.trainings import GOING, Batch, Trainings, duration
from explorer.tuning import Tuning
from explorer.values import Epoch, RunRecord, TrainingStep
from explorer.widgets.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import FigureWidget

HEIGHT, LOW_HEIGHT = 250, 400  # CSS pixels of the figure, with its plots beside each other and below
SIDE_BY_SIDE = 480  # CSS pixels from which on they are
LEFT, RIGHT, TOP, BELOW = 46, 10, 30, 34
BETWEEN = 62  # between the two plots
TICKS = 8  # along the epochs, at most, and how many epochs lie between two
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
FIRST_SEEN = 20  # epochs of a long training at its beginning
MARKED = 40  # epochs up to which each has a marker
GREY, BLUE = "#8b949e", "#1f77d0"  # told apart by lightness too, on white and on black
FAILED = ("failed", "lost")


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
    notices = traitlets.List(traitlets.Unicode(), help="What there is to know of the run, in sentences.").tag(sync=True)
    key = traitlets.Unicode(help="The key of the run that is shown, for the page's address.").tag(sync=True)
    rows: traitlets.List[list[str]] = traitlets.List(help="The epochs as a table: its cells.").tag(sync=True)
    width = traitlets.Int(0, help="The width that the page has for the curves, in CSS pixels; 0 for not known.").tag(sync=True)
    drawn = traitlets.Bool(False, help="Whether the browser has read and drawn the figure.").tag(sync=True)

    def __init__(self, session: Session | None, tuning: Tuning | None, trainings: Trainings | None) -> None:
        super().__init__(session)
        self._own_tuning, self._own_trainings = tuning is None, trainings is None
        self.tuning = tuning or Tuning(self.session)
        self.tuning.shown = self.tuning.shown or self._own_tuning
        self.trainings = trainings or Trainings(self.session, self.tuning)
        self.follow("network", by=self._draw_barred)
        self.follow("data", "recipe", by=self._draw_barred, of=self.tuning)
        self.follow("run", "step", "history", "busy", "stopping", by=self._draw, of=self.trainings)

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "title": _("Training"),
            "train": _("Train"),
            "stop": _("Stop"),
            "go_on": _("Go on"),
            "progress": _("How far the training is"),
            "none": _("Accuracy and loss are drawn here while a training runs."),
            "wait": _("The curves are on their way…"),
            "held_out": _("held out"),
            "training": _("training"),
            "table": _("Accuracy and loss after each epoch"),
            "columns": [_("epoch"), _("phase"), _("accuracy, training"), _("held out"), _("loss, training"), _("held out")],
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Do what a button asks, or show the run that the page's address names."""
        if message.get("train"):
            self.trainings.train()
        elif message.get("stop"):
            self.trainings.stop()
        elif message.get("go_on"):
            self.trainings.go_on(self.key)
        elif "run" in message and message["run"] != self.key:
            self.trainings.return_to(str(message["run"]))
            if message["run"] != self.key:
                self.send({"unknown": message["run"]})

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own_trainings:
            self.trainings.close()
        if self._own_tuning:
            self.tuning.close()
        super().close()

    def _draw_barred(self) -> None:
        self.barred = self.trainings.barred

    def _draw(self) -> None:
        trainings, run = self.trainings, self.trainings.run
        self.barred, self.key = trainings.barred, trainings.key
        running = run is not None and run.state in GOING
        starting = trainings.busy and not running
        self.going, self.stoppable = running or starting, running and not trainings.stopping
        self.resumable = run is not None and run.resumable and not trainings.busy
        self.shown = bool(trainings.history) or running
        self.failed = run is not None and run.state in FAILED and not starting
        self.notices = list(run.notices) if run else []
        self.rows = [_row(place, one) for place, one in enumerate(trainings.history)]
        if starting or run is None:
            self.said, self.fraction = _("Preparing…") if starting else "", -1.0
        elif running:
            self.said, self.fraction = progress(trainings.step, trainings.planned(), trainings.history)
            self.said = _("Stopping…") if trainings.stopping else self.said
        else:
            self.said, self.fraction = ended(run), -1.0


class TrainingView(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """Trains, and draws accuracy and loss while it does, on the training data and on what is held out.

    The plotly figure, 5 MB for the browser, is made when there is something to draw first, and kept.

    session: the shared state of the page; tuning: that of fine-tuning; trainings: the runs. The view makes those that are not given.
    """

    def __init__(self, session: Session | None = None, tuning: Tuning | None = None, trainings: Trainings | None = None) -> None:
        self.figure: FigureWidget | None = None
        self._layout: dict[str, Any] = {}
        self.bar = TrainingBar(session, tuning, trainings)
        self.session, self.trainings = self.bar.session, self.bar.trainings
        self._chart = ipywidgets.Box()
        super().__init__([self.bar, self._chart], layout=ipywidgets.Layout(width="100%"))
        self.add_class("explorer").add_class("training")
        self.bar.follow("run", "history", "batches", by=self._draw, of=self.trainings)
        self.bar.observe(lambda _change: self._draw(), ["width", "drawn"])

    def close(self) -> None:
        """Let go of the session and of the figure."""
        self.bar.close()
        if self.figure:
            self.figure.close()
        super().close()

    def _draw(self) -> None:
        trainings, run = self.trainings, self.trainings.run
        curves = Curves(
            trainings.history,
            trainings.batches,
            trainings.planned(),
            {place for place, phase in enumerate(run.settings.recipe.phases) if phase.trains == "tail"} if run else frozenset(),
            run.kept if run else None,
            self.bar.width,
        )
        if self.figure is None and self.bar.width and self.bar.shown and run is not None:
            self.figure = self._make(curves)
        elif self.figure and self.bar.drawn:  # what is sent while the browser still reads the 5 MB is lost
            with self.figure.batch_update():
                for own, trace in zip(self.figure.data, curves.traces(), strict=True):
                    own.update(trace)
                if (layout := curves.layout()) != self._layout:
                    self.figure.layout.update(layout)
                    self._layout = layout
        self._chart.layout.display = "" if self.bar.shown else "none"  # taken off the page, plotly would lose its thread

    def _make(self, curves: Curves) -> FigureWidget:
        from plotly.graph_objects import FigureWidget  # takes a second: only for who wants to see it

        self._layout = curves.layout()
        figure = FigureWidget(curves.traces(), self._layout)
        figure._config = {"displayModeBar": False, "showTips": False, "doubleClick": "reset"}  # it has no other way in
        self._chart.children = (figure,)
        return figure


@dataclass(frozen=True)
class Curves:
    """Accuracy and loss along the epochs, as plotly's traces and layout.

    history: the epochs that are through; batches: of the one under way.
    planned: how many epochs each phase takes, by its place; tails: the places of phases that thaw.
    kept: the place in the history of the epoch whose weights are kept; None for the last.
    width: of the figure, in CSS pixels.
    """

    history: Sequence[Epoch]
    batches: Sequence[Batch]
    planned: Mapping[int, int]
    tails: frozenset[int] | set[int]
    kept: int | None
    width: int

    @property
    def total(self) -> int:
        """Return how many epochs there will be, at least those that there are."""
        return max(1, in_all(self.planned, self.history, self._phase), len(self.history) + bool(self.batches))

    @property
    def seen(self) -> int:
        """Return how many epochs are drawn: of a long training at first only so many, and then twice as many each time."""
        doubled = FIRST_SEEN
        while doubled <= len(self.history):
            doubled *= 2
        return min(self.total, doubled)

    @property
    def _phase(self) -> int:
        """Return the newest phase that there is anything of."""
        return max([one.phase for one in self.history] + [one.phase for one in self.batches], default=0)

    def traces(self) -> list[dict[str, Any]]:
        """Return for accuracy (in %) and loss each: training, the epoch under way, held out, and the epoch that is kept."""
        return [*self._of("", "accuracy", 100.0, "%{y:.1f} %"), *self._of("2", "loss", 1.0, "%{y:.3g}")]

    def _of(self, axis: str, field: str, factor: float, form: str) -> list[dict[str, Any]]:
        def values(some: Sequence[Any], name: str) -> list[float | None]:
            return [None if getattr(one, name) is None else getattr(one, name) * factor for one in some]

        x, training, held_out = list(range(1, len(self.history) + 1)), values(self.history, field), values(self.history, f"val_{field}")
        ahead: list[float] = [len(self.history) + one.fraction for one in self.batches]
        under_way = values(self.batches, field)
        if ahead:
            ahead, under_way = [*x[-1:], *ahead], [*training[-1:], *under_way]
        marked = [one if other is None else other for one, other in zip(training, held_out, strict=True)]
        kept = [] if self.kept is None or self.kept >= len(self.history) else [self.kept]
        mode = "lines+markers" if len(self.history) <= MARKED else "lines"
        series = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "hovertemplate": f"%{{x}}: {form}", "mode": mode}
        still = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "hoverinfo": "skip", "showlegend": False}
        grey = {"line": {"color": GREY, "width": 2}, "marker": {"size": 5, "symbol": "square"}}
        blue = {"line": {"color": BLUE, "width": 2.4}, "marker": {"size": 6}}
        dotted = {"mode": "lines", "line": {"color": GREY, "width": 1.5, "dash": "dot"}}
        ring = {"mode": "markers", "marker": {"symbol": "circle-open", "size": 14, "color": BLUE, "line": {"width": 2}}}
        return [
            series | grey | {"name": _("training"), "x": x, "y": training},
            still | dotted | {"x": ahead, "y": under_way},
            series | blue | {"name": _("held out"), "x": x, "y": held_out},
            still | ring | {"x": [x[one] for one in kept], "y": [marked[one] for one in kept]},
        ]

    def thaws(self) -> int | None:
        """Return after how many epochs the first tail begins; None where nothing thaws, or it begins with it."""
        first = min((place for place in self.planned if place in self.tails), default=None)
        if first is None:
            return None
        planned = {place: count for place, count in self.planned.items() if place < first}
        return in_all(planned, [one for one in self.history if one.phase < first], self._phase) or None

    def layout(self) -> dict[str, Any]:
        """Return sizes, axes and the mark where the tail thaws; colours that suit light and dark."""
        beside = self.width >= SIDE_BY_SIDE
        font = {"family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif", "size": 11, "color": GREY}
        axis = {"gridcolor": GREY, "zeroline": False, "ticks": "", "fixedrange": True}
        every = next((step for step in STEPS if self.seen / step <= TICKS), ceil(self.seen / TICKS))
        epochs = axis | {"range": [0, self.seen + 0.15], "tickvals": list(range(every, self.seen + 1, every)), "showgrid": False}
        height = HEIGHT if beside else LOW_HEIGHT
        first, second = self._domains(beside, height)
        lows = [100 * value for one in self.history for value in (one.accuracy, one.val_accuracy) if value is not None]
        lows += [100 * one.accuracy for one in self.batches if one.accuracy is not None]
        low = max(0, 10 * int((min(lows, default=0) - 4) // 10))
        return {
            "width": max(120, self.width),
            "height": height,
            "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BELOW},
            "font": font,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "font": font},
            "xaxis": epochs | {"domain": first[0], "anchor": "y", "title": {"text": _("epoch"), "standoff": 4, "font": font}},
            "yaxis": axis | {"domain": first[1], "anchor": "x", "range": [low, 101], "ticksuffix": " %"},
            "xaxis2": epochs | {"domain": second[0], "anchor": "y2", "title": {"text": _("epoch"), "standoff": 4, "font": font}},
            "yaxis2": axis | {"domain": second[1], "anchor": "x2", "rangemode": "tozero"},
            "shapes": self._marks("line"),
            "annotations": [self._title(_("Accuracy"), ""), self._title(_("Loss"), "2"), *self._marks("text")],
        }

    def _domains(self, beside: bool, height: int) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
        """Return where the two plots are, across and up, as shares of the figure."""
        if beside:
            gap = BETWEEN / max(1, self.width - LEFT - RIGHT) / 2
            return ([0.0, 0.5 - gap], [0.0, 1.0]), ([0.5 + gap, 1.0], [0.0, 1.0])
        gap = BETWEEN / (height - TOP - BELOW) / 2
        return ([0.0, 1.0], [0.5 + gap, 1.0]), ([0.0, 1.0], [0.0, 0.5 - gap])

    def _title(self, text: str, axis: str) -> dict[str, Any]:
        place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 8}
        return place | {"text": f"<b>{text}</b>", "showarrow": False}

    def _marks(self, what: str) -> list[dict[str, Any]]:
        thaws = self.thaws()
        if thaws is None or thaws > self.seen:
            return []
        if what == "line":
            line = {"type": "line", "x0": thaws, "x1": thaws, "y0": 0, "y1": 1, "line": {"color": GREY, "width": 1, "dash": "3px,3px"}}
            return [line | {"xref": f"x{axis}", "yref": f"y{axis} domain"} for axis in ("", "2")]
        text = {"text": _("tail thaws"), "showarrow": False, "x": thaws, "y": 1, "yanchor": "bottom", "xanchor": "center", "yshift": -1}
        return [text | {"xref": f"x{axis}", "yref": f"y{axis} domain", "font": {"size": 10, "color": GREY}} for axis in ("", "2")]


def progress(step: TrainingStep | None, planned: Mapping[int, int], history: Sequence[Epoch]) -> tuple[str, float]:
    """Return how far a run is: in words, and as a fraction (-1 where nobody knows).

    planned: how many epochs each phase takes, by its place; history: the epochs that are through.
    """
    if step is None or step.what == "preparing":
        return (step.text if step else "") or _("Preparing…"), -1.0
    if step.what == "features":
        said = _("The frozen part: {done} of {total} examples").format(done=f"{step.done:,}", total=f"{step.total:,}")
        return said, step.done / step.total if step.total else -1.0
    number = sum(one.phase < step.phase for one in history) + step.epoch + 1
    total = max(number, in_all(planned, history, step.phase))
    part = step.done / step.total if step.what == "batch" and step.total else 1.0
    said = _("epoch {number} of {total}").format(number=number, total=total)
    if step.left is not None:
        said = _("{said}, {time} left").format(said=said, time=duration(step.left))
    return said, min(1.0, (number - 1 + part) / total)


def in_all(planned: Mapping[int, int], history: Sequence[Epoch], phase: int) -> int:
    """Return how many epochs there will be in all, once a phase is reached: those before it may have ended early."""
    return sum(one.phase < phase for one in history) + sum(count for place, count in planned.items() if place >= phase)


def ended(run: RunRecord) -> str:
    """Return what a run that has ended has come to, in a sentence."""
    if run.state in FAILED:
        kept = "" if run.kept is None else " " + _("The weights of epoch {epoch}, the best, are kept.").format(epoch=run.kept + 1)
        return run.failure + ("" if "epoch" in run.failure else kept)
    if run.state == "stopped":
        if run.kept is None:
            return _("Stopped before the first epoch was through.")
        return _("Stopped; the weights of epoch {epoch}, the best so far, are kept.").format(epoch=run.kept + 1)
    said = _("Done in {time}.").format(time=duration(run.seconds))
    if run.accuracy is None:
        return said
    half = ((run.high or 0.0) - (run.low or 0.0)) / 2
    right = _("{percent} ± {half} % of the held-out examples are answered right.")
    return f"{said} {right.format(percent=f'{run.accuracy:.0%}'.rstrip('%'), half=f'{100 * half:.0f}')}"


def _row(place: int, epoch: Epoch) -> list[str]:
    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f} %"

    def short(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}"

    shown = percent(epoch.accuracy), percent(epoch.val_accuracy), short(epoch.loss), short(epoch.val_loss)
    return [str(place + 1), str(epoch.phase + 1), *shown]
