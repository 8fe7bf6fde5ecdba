"""The form of a recipe: presets to begin with, what its fields hold, and what becomes of the recipe when one is set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Augmentation, DataSummary, Recipe, Switch
from explorer.values.training import HEAD_PHASE, MISTAKES, TAIL_PHASE

GUIDE = {"InceptionV3": 249}  # where the Keras guide freezes
MONITORS = ("val_loss", "val_accuracy", "loss")
LOWERING = ("ReduceLROnPlateau", "LearningRateScheduler")  # which need a rate that no schedule changes
# The callbacks that can be switched on, with the options they begin with; "" is the monitor that suits the data.
CALLBACKS: dict[str, dict[str, Any]] = {
    "EarlyStopping": {"monitor": "", "patience": 3},
    "ReduceLROnPlateau": {"monitor": "", "factor": 0.5, "patience": 2},
    "ModelCheckpoint": {"monitor": "", "save_best_only": True},
    "LearningRateScheduler": {"factor": 0.9, "after": 1},
    "CSVLogger": {},
    "TensorBoard": {},
    "TerminateOnNaN": {},
}
PHASE_FIELDS = ("optimizer", "momentum", "learning_rate", "schedule", "epochs", "batch_size")
PRESETS = ("guide", "calm", "head")


@dataclass(frozen=True)
class Range:
    """The numbers that a field takes, and the sentence for others, with their `value`.

    least: the smallest; below: what they stay below; above: what they stay above.
    """

    sentence: str
    whole: bool = False
    least: float = -math.inf
    above: float = -math.inf
    below: float = math.inf

    def read(self, text: str) -> float:
        """Return the number in a text. Raises ExplorerError for letters, and for a number out of the range."""
        try:
            value = float(text.strip().replace(",", "."))
        except ValueError:
            raise ExplorerError(_("{text!r} is no number.").format(text=text.strip())) from None
        if not math.isfinite(value) or not (value >= self.least and self.above < value < self.below) or (self.whole and value % 1):
            raise ExplorerError(self.sentence.format(value=text.strip()))
        return int(value) if self.whole else value


def preset(name: str, recipe: Recipe, architecture: str = "") -> Recipe:
    """Return what a recipe becomes by a preset; where it freezes, its seed, and what the data decides stay.

    name: "guide" (as in the Keras guide, whose thawed batch norms train), "calm" (these stay as they are) or "head" (only the head trains).
    architecture: the guide freezes those that it is about where it does.
    """
    head = replace(Recipe(0).head, multi_label=recipe.head.multi_label)
    calm = Recipe(recipe.freeze, head, head_at=recipe.head_at, seed=recipe.seed)
    if name == "head":
        return replace(calm, phases=(HEAD_PHASE, replace(TAIL_PHASE, epochs=0)))
    if name == "guide":
        return replace(calm, batch_norm="train", freeze=GUIDE.get(architecture, recipe.freeze))
    return calm


def preset_of(recipe: Recipe) -> str:
    """Return the preset that a recipe is, wherever it freezes; "" for none."""
    return next((name for name in PRESETS if preset(name, recipe) == recipe), "")


def changed(recipe: Recipe, name: str, value: Any, monitor: str) -> Recipe:
    """Return the recipe with another value in a field. Raises ExplorerError where that can't be followed."""
    group, *rest = name.split(".")
    if group == "mistakes":
        kept = {one for one in recipe.mistakes if one != rest[0]} | ({rest[0]} if value else set())
        return replace(recipe, mistakes=tuple(one for one in MISTAKES if one in kept))
    if name == "augmentation":
        return replace(recipe, augmentation=Augmentation() if value else None)
    if group == "callbacks":
        new = replace(recipe, callbacks=_switched(recipe.callbacks, rest, value, monitor))
    else:
        new = _put(recipe, name.split("."), _read(name, value))
    lowered = [switch for switch in new.callbacks if switch.name in LOWERING]
    if lowered and any(phase.epochs and phase.schedule != "constant" for phase in new.phases):
        raise ExplorerError(_("The rate can't be lowered in two ways: a callback that lowers it needs the schedule “constant”."))
    return new


def _switched(callbacks: Sequence[Switch], name: Sequence[str], value: Any, monitor: str) -> tuple[Switch, ...]:
    """Return the callbacks with one switched on or off, or with another option; those that are there keep their places."""
    if len(name) == 1:
        others = tuple(one for one in callbacks if one.name != name[0])
        options = tuple((option, one or monitor if option == "monitor" else one) for option, one in CALLBACKS[name[0]].items())
        return (*others, Switch(name[0], options)) if value else others
    option = {name[1]: _read(name[1], value)}
    return tuple(replace(one, options=(*(dict(one.options) | option).items(),)) if one.name == name[0] else one for one in callbacks)


def _put(value: Any, path: Sequence[str], new: Any) -> Any:
    """Return a frozen value with something new at a path of fields and places."""
    first, *rest = path
    if isinstance(value, tuple):
        place = int(first)
        return (*value[:place], _put(value[place], rest, new), *value[place + 1 :])
    return replace(value, **{first: _put(getattr(value, first), rest, new) if rest else new})


def _read(name: str, value: Any) -> Any:
    """Return what a field holds. Raises ExplorerError for a number that it does not take."""
    last = name.rpartition(".")[2]
    rules = _rules()
    if last == "units" and str(value).strip().lower() in ("", "none", _("none")):
        return 0
    return rules[last].read(str(value)) if last in rules else value


def monitor(data: DataSummary | None) -> str:
    """Return what a callback watches that is switched on: what is held out, where there is any."""
    return "loss" if data is not None and not any(one.validation for one in data.classes) else "val_loss"


def values(recipe: Recipe) -> dict[str, Any]:
    """Return what the fields show."""
    change = recipe.augmentation or Augmentation()
    shown: dict[str, Any] = {
        "batch_norm": recipe.batch_norm,
        "seed": recipe.seed,
        "precision": recipe.precision,
        "augmentation": recipe.augmentation is not None,
        **{f"head.{field}": getattr(recipe.head, field) for field in ("dropout", "pooling", "multi_label")},
        "head.units": recipe.head.units or _("none"),
        **{f"augmentation.{field}": getattr(change, field) for field in ("flip", "rotation", "zoom", "copies")},
        **{f"mistakes.{name}": name in recipe.mistakes for name in MISTAKES},
    }
    for place, phase in enumerate(recipe.phases):
        shown |= {f"phases.{place}.{field}": getattr(phase, field) for field in PHASE_FIELDS}
    on = {switch.name: dict(switch.options) for switch in recipe.callbacks}
    for name, options in CALLBACKS.items():
        shown[f"callbacks.{name}"] = name in on
        shown |= {f"callbacks.{name}.{option}": on.get(name, {}).get(option, usual) for option, usual in options.items()}
    return {name: value if isinstance(value, bool | str) else f"{value:.12g}" for name, value in shown.items()}


def _rules() -> dict[str, Range]:
    """Return what the fields of numbers take, by the last part of their names."""
    share = _("This is a share: 0 or more, and below 1.")
    return {
        "learning_rate": Range(_("With a learning rate of {value} nothing is learnt: it must be above 0."), above=0),
        "momentum": Range(_("A momentum is 0 or more, and below 1."), least=0, below=1),
        "epochs": Range(_("Epochs are a whole number: 0 (which skips the phase), 1, 2, …"), whole=True, least=0),
        "batch_size": Range(_("The batch size is a whole number, 1 or more."), whole=True, least=1),
        "units": Range(_("Units are a whole number; write none to leave the layer out."), whole=True, least=0),
        "dropout": Range(share, least=0, below=1),
        "seed": Range(_("A seed is a whole number from 0 to 2147483647."), whole=True, least=0, below=2**31),
        "rotation": Range(_("This is a share of a full turn: 0 or more, at most 0.5."), least=0, below=0.5 + 1e-9),
        "zoom": Range(share, least=0, below=1),
        "copies": Range(_("Copies are a whole number: 0 (new pictures in each epoch), 1, 2, …"), whole=True, least=0),
        "patience": Range(_("Patience is a whole number of epochs."), whole=True, least=0),
        "factor": Range(_("A factor that lowers is above 0, and below 1."), above=0, below=1),
        "after": Range(_("Epochs are a whole number: 0, 1, 2, …"), whole=True, least=0),
    }
