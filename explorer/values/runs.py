"""A run: a training in a process of its own, as it is begun, as its folder tells it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.values.specs import AnySpec
from explorer.values.training import DataSpec, Epoch, Outcome, Recipe, TrainingStep


@dataclass(frozen=True)
class RunSettings:
    """What a run is made of; all that a process elsewhere needs to do it.

    start: as `explorer.recipe.freeze_plan.start_of` says, for people.
    """

    network: AnySpec
    data: DataSpec
    recipe: Recipe
    start: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """A run as its folder tells it.

    key: its unguessable id.
    state: "waiting", "running", "stopped" (by request), "done", "failed" (`error_message` says why) or "lost" (its process is gone).
    started: when it was made, in seconds since 1970; seconds: how long it has trained, all attempts together.
    step: the newest step; history: the epochs so far; notices: what there is to know of it, in sentences.
    kept: which epoch the weights are of, as a place in `history`; None while it runs.
    accuracy, low, high: as `Outcome` has them.
    resumable: whether it can go on from where it was.
    """

    key: str
    settings: RunSettings
    state: str
    started: float
    seconds: float
    history: tuple[Epoch, ...] = ()
    step: TrainingStep | None = None
    best_epoch: int | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    error_message: str = ""
    notices: tuple[str, ...] = ()
    resumable: bool = False


@dataclass(frozen=True)
class RunResult:
    """What the process of a run says at its end; the fields are those of `RunRecord` and of the `Run` that `fine_tune` gives.

    state: "done", "stopped" or "failed"; seconds: of all its attempts; trainable: the names of the layers that trained last.
    """

    state: str
    seconds: float
    error_message: str = ""
    history: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    trainable: tuple[str, ...] = ()
    outcome: Outcome | None = None
    notices: tuple[str, ...] = ()
