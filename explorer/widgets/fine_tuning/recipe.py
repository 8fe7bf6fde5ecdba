"""The recipe: phases, head, callbacks and the rest of how a training goes, as plain controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from explorer.errors import ExplorerError
from explorer.locale import _, megabytes
from explorer.recipe.fields import CALLBACKS, MONITORS, PHASE_FIELDS, changed, monitor, preset, preset_of, values
from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import Augmentation, DataSummary, FreezePlan, Layers, NetworkSpec, Recipe
from explorer.values.training import OPTIMIZERS, SCHEDULES
from explorer.widgets.base.view import View

NAMES = {"rmsprop": "RMSprop", "sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}


class RecipeView(View):
    """Shows the recipe of the next training as a form; each change that can be followed goes to `tuning.recipe` at once.

    tuning: the state of fine-tuning; without one the view makes its own.
    """

    columns: traitlets.List[list[str]] = traitlets.List(help="The phases: what each is called, and what trains.").tag(sync=True)
    values = traitlets.Dict(help="What each field shows, a text or a truth value, by the field's name.").tag(sync=True)
    hidden = traitlets.List(traitlets.Unicode(), help="The names of the fields that do not matter now.").tag(sync=True)
    problems = traitlets.Dict(help="Why what was typed is not taken, a sentence by the field's name.").tag(sync=True)
    preset = traitlets.Unicode(help='The preset that this is: "guide", "calm", "head"; empty for none of them.').tag(sync=True)
    cost = traitlets.Unicode(help="What changing the pictures costs.").tag(sync=True)

    def __init__(self, session: Session | None = None, fine_tuning: FineTuningState | None = None) -> None:
        super().__init__(session)
        self._own = fine_tuning is None
        self.fine_tuning = fine_tuning or FineTuningState(self.session)
        self.fine_tuning.shown = self.fine_tuning.shown or self._own
        self.follow("recipe", "plan", "data", by=self._draw, of=self.fine_tuning)
        self.follow("problems", by=self._draw_problems, of=self.fine_tuning)
        self.follow("network", by=self._draw)

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return _words()

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Take a preset, or what was set in a field."""
        if "preset" in message:
            self.fine_tuning.choose(preset(str(message["preset"]), self.fine_tuning.recipe, self._architecture()))
        elif "field" in message:
            self._set(str(message["field"]), message["value"])

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own:
            self.fine_tuning.close()
        super().close()

    def _set(self, name: str, value: Any) -> None:
        problems = {field: said for field, said in self.fine_tuning.problems.items() if field != name}
        try:
            recipe = changed(self.fine_tuning.recipe, name, value, monitor(self.fine_tuning.data))
        except ExplorerError as error:
            self.fine_tuning.problems = problems | {name: str(error)}
            return
        hidden = _hidden(recipe, self._pictures)  # what can't be seen any more can't be mended either
        self.fine_tuning.problems = {field: said for field, said in problems.items() if field not in hidden}
        self.fine_tuning.recipe = recipe

    def _draw_problems(self) -> None:
        self.problems = dict(self.fine_tuning.problems)

    def _architecture(self) -> str:
        spec = self.session.network.spec if self.session.network else None
        return spec.architecture if isinstance(spec, NetworkSpec) else ""

    @property
    def _pictures(self) -> bool:
        return self.session.network is None or self.session.network.input_spec.kind == "image"

    def _draw(self) -> None:
        recipe, plan = self.fine_tuning.recipe, self.fine_tuning.plan
        kinds = {"head": (_("head"), _("the new head")), "tail": (_("tail"), _trains(plan, self.fine_tuning.backbone))}
        named = [(place, *kinds[one.trains]) for place, one in enumerate(recipe.phases, 1)]
        self.columns = [[f"{place}. {name}", what] for place, name, what in named]
        self.values = values(recipe)
        self.hidden = _hidden(recipe, self._pictures)
        self.preset = preset_of(recipe)
        self.cost = _cost(recipe.augmentation, plan, self.fine_tuning.data)


def _choices() -> dict[str, dict[str, str]]:
    """Return what the fields of choices take, by the last part of their names."""
    return {
        "optimizer": {name: NAMES[name] for name in OPTIMIZERS},
        "schedule": dict(zip(SCHEDULES, (_("constant"), _("cosine, to 0"), _("halved each epoch")), strict=True)),
        "pooling": {"avg": _("mean of each map"), "max": _("maximum of each map")},
        "batch_norm": {"inference": _("in inference mode"), "train": _("train, as in the guide")},
        "precision": {"float32": "float32", "float16": "float16"},
        "monitor": dict(zip(MONITORS, (_("validation loss"), _("validation accuracy"), _("training loss")), strict=True)),
    }


def _hidden(recipe: Recipe, pictures: bool) -> list[str]:
    on = {switch.name for switch in recipe.callbacks}
    return [
        *(f"phases.{place}.momentum" for place, phase in enumerate(recipe.phases) if phase.optimizer != "sgd"),
        *(f"callbacks.{name}.{option}" for name, options in CALLBACKS.items() for option in options if name not in on),
        *([] if pictures else ["augmentation"]),
        *([] if pictures and recipe.augmentation else [f"augmentation.{field}" for field in ("flip", "rotation", "zoom", "copies")]),
    ]


def _trains(plan: FreezePlan | None, backbone: Layers | None) -> str:
    """Return what the tail is: from which block, or from which layer on."""
    if plan is None or backbone is None:
        return _("the layers after the line")
    if plan.index is None:
        return _("all layers but those named")
    if plan.index >= len(backbone):
        return _("nothing: all is frozen")
    row = backbone[plan.index]
    whole = bool(row.block) and (plan.index == 0 or bool(plan.end))
    return _("from {name}").format(name=row.block.replace("_", " ") if whole else row.name)


def _cost(change: Augmentation | None, plan: FreezePlan | None, data: DataSummary | None) -> str:
    """Return in a sentence what changing the pictures costs."""
    if change is None:
        return ""
    if change.copies <= 1:
        times = f"{plan.work / plan.tail_work:.0f}" if plan and plan.tail_work and plan.work / plan.tail_work >= 1.5 else ""
        said = _("New pictures in each epoch: nothing can be cached, so the whole network runs each time.")
        work = _("An epoch of the tail is about {times} times as much work.").format(times=times)
        return f"{said} {work}" if times else said
    said = _("{copies} augmented copies of each picture are computed once: the wait before the first epoch is {copies} times as long.")
    size = plan.cache_bytes * sum(one.training for one in data.classes) * change.copies if plan and plan.cache_bytes and data else None
    kept = "" if size is None else " " + _("They take {size} MB.").format(size=megabytes(size))
    return said.format(copies=change.copies) + kept


def _words() -> dict[str, Any]:
    choices = _choices()

    def field(name: str, label: str, about: str = "", kind: str = "text") -> dict[str, Any]:
        last = name.rpartition(".")[2]
        options = [] if kind == "switch" else [list(pair) for pair in choices.get(last, {}).items()]
        return {"name": name, "label": label, "about": about, "kind": "choice" if options else kind, "choices": options}

    rows = (_("optimizer"), _("momentum"), _("learning rate"), _("schedule"), _("epochs"), _("batch size"))
    return {
        "title": _("Plan"),
        "preset": _("Preset"),
        "presets": [["guide", _("as in the Keras guide")], ["calm", _("batch norms in inference mode")], ["head", _("head only")]],
        "own": _("custom"),
        "trains": _("trains"),
        "rows": [field(name, label) for name, label in zip(PHASE_FIELDS, rows, strict=True)],
        "of": _("{field}, {phase}"),
        "groups": [
            [_("Head"), _head_fields(field)],
            [_("Augmentation"), _augmentation_fields(field)],
            [_("More"), _more_fields(field)],
        ],
        "callbacks": [_callback(name, label, about, field) for name, (label, about) in _callbacks().items()],
        "first": 2,
        "more": _("more…"),
        "fewer": _("fewer"),
        "mistakes": _("Make a classic mistake"),
        "mistakes_about": _("For a lesson: afterwards the run explains what went wrong."),
        "mistake": [field(f"mistakes.{name}", *said, kind="switch") for name, said in _mistakes().items()],
    }


Field = Callable[..., dict[str, Any]]


def _head_fields(field: Field) -> list[dict[str, Any]]:
    return [
        field("head.units", _("hidden units"), _("Of a dense layer before the output layer; 1024 in the guide, or none.")),
        field("head.dropout", _("dropout"), _("Share of the values that are set to 0 during training.")),
        field("head.pooling", _("pooling"), _("How feature maps become a vector.")),
        field("head.multi_label", _("several classes at once"), _("Each class gets its own yes or no."), kind="switch"),
    ]


def _augmentation_fields(field: Field) -> list[dict[str, Any]]:
    return [
        field("augmentation", _("augment at random"), kind="switch"),
        field("augmentation.flip", _("flip left and right"), kind="switch"),
        field("augmentation.rotation", _("rotate by up to"), _("Share of a full turn, to both sides.")),
        field("augmentation.zoom", _("zoom by up to"), _("Share of the size, in and out.")),
        field(
            "augmentation.copies",
            _("copies"),
            _("How many augmented copies of each picture are computed once; 0 for new ones in each epoch."),
        ),
    ]


def _more_fields(field: Field) -> list[dict[str, Any]]:
    norms = _("Their means and variances fit the original data; small batches spoil them. The guide lets thawed ones train.")
    precision = _("Of the cached features: float16 takes half the memory and changes the loss by up to 0.006.")
    return [
        field("batch_norm", _("thawed batch norms"), norms),
        field("seed", _("seed"), _("The same seed and settings give the same run.")),
        field("precision", _("precision"), precision),
    ]


def _callbacks() -> dict[str, tuple[str, str]]:
    return {
        "EarlyStopping": (_("Stop early"), _("Ends a phase after this many epochs without improvement.")),
        "ReduceLROnPlateau": (
            _("Lower the rate on a plateau"),
            _("Multiplies the learning rate after this many epochs without improvement."),
        ),
        "ModelCheckpoint": (_("Save the model each epoch"), _("Saves the whole model after each epoch into the run's folder.")),
        "LearningRateScheduler": (
            _("Lower the rate step by step"),
            _("Multiplies the learning rate after each epoch, from a given one on."),
        ),
        "CSVLogger": (_("Write a CSV log"), _("Writes each epoch into a .csv file in the run's folder.")),
        "TensorBoard": (_("Write TensorBoard logs"), _("Needs the package tensorboard; its logs lie in the run's folder.")),
        "TerminateOnNaN": (_("Stop at NaN"), _("Ends the phase when the loss becomes NaN.")),
    }


def _callback(name: str, label: str, about: str, field: Field) -> dict[str, Any]:
    labels = {
        "monitor": _("monitors"),
        "patience": _("patience in epochs"),
        "factor": _("factor"),
        "after": _("from epoch"),
        "save_best_only": _("the best epoch only"),
    }
    options = CALLBACKS[name]
    fields = [field(f"callbacks.{name}.{one}", labels[one], kind="switch" if options[one] is True else "text") for one in options]
    return {"name": f"callbacks.{name}", "label": label, "about": f"{name}: {about}", "fields": fields}


def _mistakes() -> dict[str, tuple[str, str]]:
    return {
        "recompile": (
            _("Forget to compile again after thawing"),
            _("Shows that Keras keeps the training step that it built before: thawed layers do not change."),
        ),
        "batch_norm": (
            _("Let all batch norms train"),
            _("Shows what small batches do to means and variances that the frozen weights rely on."),
        ),
        "rate": (
            _("100 times the learning rate for the tail"),
            _("Shows how steps that are too large destroy what the layers have learned."),
        ),
        "thaw": (_("Thaw before the head has learnt"), _("Shows what the large gradients of a random head do to trained weights.")),
    }
