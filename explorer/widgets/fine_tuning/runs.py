"""The runs: a table to compare them, and what the one that is shown leaves to take away."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import traitlets

from explorer.locale import _
from explorer.recipe.freeze_plan import freeze_plan
from explorer.recipe.keras_code import in_keras
from explorer.rendering.run_status import duration, share
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_list import RunList
from explorer.state.session import Session
from explorer.values import DataSpec, Layers, Recipe, RunRecord, RunSettings
from explorer.values.run_progress import ACTIVE_STATES
from explorer.widgets.base.view import View

TAKES = ("model", "script", "notebook", "bundle", "history")
OF_HISTORY = ("model", "history")  # what there is only after an epoch


class RunsView(View):
    """Lists the runs so far, and gives the files of the one that is shown.

    tuning: the state of fine-tuning; trainings: the runs. The view makes those that are not given.
    """

    rows: traitlets.List[dict[str, Any]] = traitlets.List(
        help="One dict a run: key, start, about, score, interval, time, state, and whether it is shown, goes on, or is live."
    ).tag(sync=True)
    chosen = traitlets.Unicode(help="What the run that is shown is called; empty for none.").tag(sync=True)
    line = traitlets.Unicode(help="The line of Keras that freezes as the run that is shown.").tag(sync=True)
    barred = traitlets.List(traitlets.Unicode(), help="Which files it can't give.").tag(sync=True)
    busy = traitlets.Bool(False, help="Whether a training is under way, so that none can begin.").tag(sync=True)

    def __init__(self, session: Session | None = None, fine_tuning: FineTuningState | None = None, run_list: RunList | None = None) -> None:
        super().__init__(session)
        self._own_tuning, self._own_trainings = fine_tuning is None, run_list is None
        self.fine_tuning = fine_tuning or FineTuningState(self.session)
        self.fine_tuning.shown = self.fine_tuning.shown or self._own_tuning
        self.run_list = run_list or RunList(self.session, self.fine_tuning)
        self.follow("runs", "run", "busy", by=self._draw, of=self.run_list)
        self.follow("backbone", by=self._draw, of=self.fine_tuning)
        self.run_list.observe(self._give, "taken")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "title": _("Runs"),
            "none": _("Each training is listed here, to compare freeze points."),
            "columns": [_("from"), _("validation"), _("time"), _("state"), _("actions")],
            "show": _("show"),
            "again": _("run again"),
            "delete": _("delete"),
            "of": _("{action}: {run}"),
            "sure": _("Delete this run and its files?"),
            "yes": _("Delete"),
            "going": _("It is still training: end it and delete all that it learned?"),
            "end": _("End and delete"),
            "no": _("Keep"),
            "shown": _("shown"),
            "take": _("Take away"),
            "line": _("The freeze point in Keras"),
            "takes": dict(
                zip(TAKES, (_("Model .keras"), _("Keras script"), _("Notebook"), _("Everything as .zip"), _("History .csv")), strict=True)
            ),
            "take_about": _("The script and the notebook need the data and weights in the .zip."),
            "take_none": _("The files of the run that is shown appear here."),
            "barred": _("Available after the first epoch."),
            "transfer": _("Transfer"),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Do what a button asks."""
        actions = {"show": self.run_list.show, "again": self.run_list.rerun, "delete": self.run_list.delete, "take": self.run_list.take}
        for name, action in actions.items():
            if name in message:
                action(str(message[name]))

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        with suppress(ValueError):  # closed before
            self.run_list.unobserve(self._give, "taken")
        if self._own_trainings:
            self.run_list.close()
        if self._own_tuning:
            self.fine_tuning.close()
        super().close()

    def _draw(self) -> None:
        run = self.run_list.run
        self.busy = self.run_list.busy
        self.rows = [_row(record, record.key == self.run_list.key) for record in self.run_list.runs]
        self.chosen = "" if run is None else next((row["start"] for row in self.rows if row["key"] == run.key), "")
        self.line = "" if run is None else _line(run.settings.recipe, self._backbone(run))
        self.barred = list(OF_HISTORY) if run is not None and (run.state in ACTIVE_STATES or not run.history) else []

    def _backbone(self, record: RunRecord) -> Layers | None:
        """Return the layers that a run's freeze point counts, where they are those that are shown."""
        network, backbone = self.session.network, self.fine_tuning.backbone
        same = network is not None and network.spec.name == record.settings.network.name
        return backbone if same and record.settings.recipe.head_at == self.fine_tuning.recipe.head_at else None

    def _give(self, change: dict[str, Any]) -> None:
        if change["new"] is not None:
            self.send_file(change["new"])
            self.run_list.taken = None  # it may be large, and the browser has it soon


def _row(record: RunRecord, shown: bool) -> dict[str, Any]:
    score, interval = _score(record)
    return {
        "key": record.key,
        "start": _start(record.settings),
        "about": _about(record),
        "score": score,
        "interval": interval,
        "time": "" if record.state in ACTIVE_STATES else duration(record.seconds),
        "state": _states()[record.state],
        "failed": record.state in ("failed", "lost"),
        "going": record.state in ACTIVE_STATES,
        "shown": shown,
    }


def _about(record: RunRecord) -> str:
    """Return what tells a run from others that begin at the same layer."""
    settings = record.settings
    began = time.strftime("%H:%M", time.localtime(record.started))
    epochs = _("{numbers} epochs").format(numbers=" + ".join(str(phase.epochs) for phase in settings.recipe.phases if phase.epochs))
    mistake = [_("with a mistake")] if settings.recipe.mistakes else []
    return " · ".join([settings.network.name, _data(settings.data, record.key), epochs, *mistake, began])


def _states() -> dict[str, str]:
    return {
        "waiting": _("waiting"),
        "running": _("running"),
        "stopped": _("stopped"),
        "done": _("done"),
        "failed": _("failed"),
        "lost": _("interrupted"),
    }


def _start(settings: RunSettings) -> str:
    """Return where a run's tail begins: a block, or else as Keras counts the layers before it; alike on a page of any network."""
    recipe, start = settings.recipe, settings.start
    if start == "" or not any(phase.trains == "tail" and phase.epochs for phase in recipe.phases):
        return _("head only")
    if not isinstance(recipe.freeze, int):
        return _("layers by name")
    return start.replace("_", " ") if start else f"layers[:{recipe.freeze}]"


def _score(record: RunRecord) -> tuple[str, str]:
    """Return the share of held-out examples that are answered right, in %, and its interval in words; while it runs, that so far."""
    if record.accuracy is not None and record.low is not None and record.high is not None:
        said = share(record.accuracy, record.low, record.high)
        ends = {"low": f"{100 * record.low:.0f}", "high": f"{100 * record.high:.0f}"}
        return said, _("95 % interval: {low} to {high} %. More validation examples would narrow it.").format(**ends)
    so_far = [one.val_accuracy for one in record.history if one.val_accuracy is not None]
    return (_("{percent} %").format(percent=f"{100 * so_far[-1]:.0f}"), _("so far")) if so_far else ("–", "")


def _data(data: DataSpec, key: str) -> str:
    path = Path(data.path)
    return _("own examples") if key in path.parts else path.name


def _line(recipe: Recipe, backbone: Layers | None) -> str:
    """Return the line of Keras that freezes as a run does, or one for each model that the freeze line runs through."""
    if not any(phase.trains == "tail" and phase.epochs for phase in recipe.phases):
        return "base_model.trainable = False"
    if isinstance(recipe.freeze, int):
        known = backbone is not None and recipe.freeze <= len(backbone)
        ends = freeze_plan(backbone, recipe, 1).line if backbone is not None and known else (("", recipe.freeze),)
        return "\n".join(
            f"for layer in {in_keras(path)}.layers[:{index}]: layer.trainable = False" for path, index in ends if index or not path
        )
    if any("/" in name for name in recipe.freeze):
        return "\n".join(f"{in_keras(name)}.trainable = False" for name in recipe.freeze)
    return f"for name in {list(recipe.freeze)}: model.get_layer(name).trainable = False"
