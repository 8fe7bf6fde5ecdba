"""The fields of a recipe's form: presets, the values that fields show, and the recipe that results when a field is set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Augmentation, DataSummary, Recipe, Switch
from explorer.values.training import HEAD_PHASE, MISTAKES, TAIL_PHASE

GUIDE = {"InceptionV3": 249}  # architecture -> the freeze index in the Keras guide
MONITORS = ("val_loss", "val_accuracy", "loss")
LOWERING = ("ReduceLROnPlateau", "LearningRateScheduler")  # callbacks that need a learning rate without a schedule
# The callbacks that can be switched on, with the defaults of their options; "" is the monitor that suits the data.
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
    """The range of numbers that a field accepts, and the sentence (with {value}) for others.

    whole: whether they are whole numbers; least: the smallest; above, below: exclusive bounds.
    """

    sentence: str
    whole: bool = False
    least: float = -math.inf
    above: float = -math.inf
    below: float = math.inf

    def read(self, text: str) -> float:
        """Return the number in a text. Raises ExplorerError if it isn't a number, or is out of the range."""
        try:
            value = float(text.strip().replace(",", "."))
        except ValueError:
            raise ExplorerError(_("{text!r} is not a number.").format(text=text.strip())) from None
        if not math.isfinite(value) or not (value >= self.least and self.above < value < self.below) or (self.whole and value % 1):
            raise ExplorerError(self.sentence.format(value=text.strip()))
        return int(value) if self.whole else value


def preset(name: str, recipe: Recipe, architecture: str = "") -> Recipe:
    """Return a recipe with a preset applied; its freeze index, its seed, and what the data determines are kept.

    name: "guide" (as in the Keras guide, where thawed batch norms train), "calm" (they stay frozen) or "head" (only the head trains).
    architecture: for "guide", an architecture in `GUIDE` gets the freeze index of the guide.
    """
    head = replace(Recipe(0).head, multi_label=recipe.head.multi_label)
    calm = Recipe(recipe.freeze, head, head_at=recipe.head_at, seed=recipe.seed)
    if name == "head":
        return replace(calm, phases=(HEAD_PHASE, replace(TAIL_PHASE, epochs=0)))
    if name == "guide":
        return replace(calm, batch_norm="train", freeze=GUIDE.get(architecture, recipe.freeze))
    return calm


def preset_of(recipe: Recipe) -> str:
    """Return the name of the preset that a recipe equals, apart from its freeze index; "" for none."""
    return next((name for name in PRESETS if preset(name, recipe) == recipe), "")


def changed(recipe: Recipe, name: str, value: Any, monitor: str) -> Recipe:
    """Return the recipe with another value in a field. Raises ExplorerError for a value that the field doesn't accept."""
    group, *rest = name.split(".")
    if group == "mistakes":
        kept = {mistake for mistake in recipe.mistakes if mistake != rest[0]} | ({rest[0]} if value else set())
        return replace(recipe, mistakes=tuple(mistake for mistake in MISTAKES if mistake in kept))
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
    """Return the callbacks with one switched on or off, or with another value of an option; the others keep their order."""
    if len(name) == 1:
        others = tuple(switch for switch in callbacks if switch.name != name[0])
        options = tuple((option, usual or monitor if option == "monitor" else usual) for option, usual in CALLBACKS[name[0]].items())
        return (*others, Switch(name[0], options)) if value else others
    option = {name[1]: _read(name[1], value)}
    return tuple(
        replace(switch, options=(*(dict(switch.options) | option).items(),)) if switch.name == name[0] else switch for switch in callbacks
    )


def _put(value: Any, path: Sequence[str], new: Any) -> Any:
    """Return a frozen value with `new` at a path of field names and tuple indices."""
    first, *rest = path
    if isinstance(value, tuple):
        index = int(first)
        return (*value[:index], _put(value[index], rest, new), *value[index + 1 :])
    return replace(value, **{first: _put(getattr(value, first), rest, new) if rest else new})


def _read(name: str, value: Any) -> Any:
    """Return the value of a field from what the form holds. Raises ExplorerError for a number that the field does not accept."""
    last = name.rpartition(".")[2]
    rules = _rules()
    if last == "units" and str(value).strip().lower() in ("", "none", _("none")):
        return 0
    return rules[last].read(str(value)) if last in rules else value


def monitor(data: DataSummary | None) -> str:
    """Return the default monitor of callbacks: "val_loss", or "loss" if there are no validation examples."""
    return "loss" if data is not None and not any(data_class.validation for data_class in data.classes) else "val_loss"


def values(recipe: Recipe) -> dict[str, Any]:
    """Return what the fields show: field name -> bool or text."""
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
    for index, phase in enumerate(recipe.phases):
        shown |= {f"phases.{index}.{field}": getattr(phase, field) for field in PHASE_FIELDS}
    on = {switch.name: dict(switch.options) for switch in recipe.callbacks}
    for name, options in CALLBACKS.items():
        shown[f"callbacks.{name}"] = name in on
        shown |= {f"callbacks.{name}.{option}": on.get(name, {}).get(option, usual) for option, usual in options.items()}
    return {name: value if isinstance(value, bool | str) else f"{value:.12g}" for name, value in shown.items()}


def _rules() -> dict[str, Range]:
    """Return the ranges of the number fields, by the last part of their names."""
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
