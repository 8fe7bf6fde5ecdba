"""The values of runs, which are trainings in their own processes: settings, record and result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from explorer.values.specs import AnySpec
from explorer.values.training import DataSpec, Epoch, Outcome, Recipe, TrainingStep

RUN_KEY = re.compile(r"[0-9a-f]{32}")  # the key of a run, which is also the name of its folder
DATA_FOLDER = "data"  # the folder in it for the files of a dataset that are kept with the run


def is_kept_with_run(path: PurePath) -> bool:
    """Whether a path leads to files of a dataset that are kept with a run."""
    return any(RUN_KEY.fullmatch(part) and inner == DATA_FOLDER for part, inner in pairwise(path.parts))


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run: all that its process needs.

    start: the block from which it trains, for display, as `explorer.recipe.freeze_plan.start_of` returns it.
    """

    network: AnySpec
    data: DataSpec
    recipe: Recipe
    start: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """The record of a run, read from its folder.

    key: its unguessable id.
    state: "waiting", "running", "stopped" (by request), "done", "failed" (`error_message` says why) or "lost" (its process is gone).
    started: when it was created, in seconds since 1970; seconds: how long it has trained, in all attempts.
    step: the newest step; history: the finished epochs; notices: sentences about the run.
    best_epoch: the index in `history` of the epoch whose weights are kept; None while it runs.
    accuracy, low, high: as in `Outcome`.
    resumable: whether it can be resumed.
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
    """The result that the process of a run writes at its end; other fields are those of `RunRecord` and of the `Run` of `fine_tune`.

    state: "done", "stopped" or "failed"; seconds: of all its attempts; trainable: the names of the layers that trained in the last phase.
    """

    state: str
    seconds: float
    error_message: str = ""
    history: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    trainable: tuple[str, ...] = ()
    outcome: Outcome | None = None
    notices: tuple[str, ...] = ()
