"""Backups of a training: what it takes to go on after its process was killed, or after Stop."""

from __future__ import annotations

import dataclasses
import json
import os
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer import disk
from explorer.backend.fine_tuning.keras_callbacks import BestCheckpoint
from explorer.errors import ExplorerError, is_out_of_memory
from explorer.locale import _
from explorer.runs.serialization import CHECKPOINTS
from explorer.values import Epoch

PART = 0.1  # of the time, at most, goes into waiting for the disk


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training was: the phase and the epoch to go on with, the history, and the values of its variables."""

    phase: int
    epoch: int
    history: tuple[Epoch, ...]
    best: int | None
    loss: float
    arrays: dict[str, np.ndarray[Any, Any]]

    def restore(self, optimizer: Any, best: BestCheckpoint) -> None:
        """Bring everything back to where it was."""
        for name, group in (("variable", best.variables), ("optimizer", optimizer.variables)):
            for place, variable in enumerate(group):
                variable.assign(self.arrays[f"{name}_{place}"])
        if self.best is not None:
            best.place, best.loss = self.best, self.loss
            best.values = [self.arrays[f"best_{place}"] for place in range(len(best.variables))]


class Checkpoints:
    """The backup in a folder, written anew after each epoch; the one before is kept too, as disks and memory may damage one.

    A process that is killed loses no more than the epoch under way; for a power cut too the disk is waited for, but never for
    more than a tenth of the time.

    folder: None for a training that is not backed up.
    of: what tells this training from others; the backup of another one is refused.
    notice: what there is to know of the backups that were found, in a sentence; "" for nothing.
    """

    def __init__(self, folder: Path | None, of: str = "") -> None:
        self._files, self._of = [folder / name for name in CHECKPOINTS] if folder else [], of
        self.notice = ""
        self._took, self._waited = 0.0, 0.0

    def found(self) -> Checkpoint | None:
        """Return the newest backup that is whole; None without one. `notice` says what is damaged.

        Raises ExplorerError for that of another training.
        """
        there = [path for path in self._files if path.exists()]
        for path in there:
            checkpoint = self._read(path)
            if checkpoint is not None:
                if path != there[0]:
                    self.notice = _(
                        "The newest backup of this training is damaged: it goes on from the one before, and trains again what came "
                        "after that."
                    )
                if path != self._files[0]:
                    with suppress(OSError):  # a folder that can't be written, which `keep` will say
                        os.replace(path, self._files[0])  # a damaged one must not become the one before
                return checkpoint
        if there:
            self.notice = _("The backup of this training is damaged: what was trained is lost, and it begins anew.")
        return None

    def _read(self, path: Path) -> Checkpoint | None:
        """Return what a file holds; None where it is damaged. Raises ExplorerError for the backup of another training."""
        try:
            state, arrays = _contents(path)
            history = tuple(Epoch(**one) for one in state["history"])
            checkpoint = Checkpoint(state["phase"], state["epoch"], history, state["best"], state["loss"], arrays)
        except Exception as error:  # whatever a damaged file causes
            if is_out_of_memory(error):
                raise
            return None
        if state.get("of", self._of) != self._of:
            said = _("{path} is of another training, or the data has changed since: delete it to begin anew, or give another folder.")
            raise ExplorerError(said.format(path=path))
        return checkpoint

    def keep(self, phase: int, epoch: int, history: Sequence[Epoch], best: BestCheckpoint, optimizer: Any, lasting: bool = False) -> None:
        """Write a backup of the variables that `best` knows, as they are now.

        lasting: whether to wait for the disk even where little time has gone by since the last time.
        Raises OSError where it can't be written; those before are whole then.
        """
        if not self._files:
            return
        start = time.perf_counter()
        lasting = lasting or start - self._waited >= self._took / PART
        arrays: dict[str, Any] = {f"variable_{place}": np.copy(one.numpy()) for place, one in enumerate(best.variables)}
        arrays |= {f"optimizer_{place}": np.copy(one.numpy()) for place, one in enumerate(optimizer.variables)}
        arrays |= {f"best_{place}": value for place, value in enumerate(best.values)}
        state = {
            "of": self._of,
            "arrays": len(arrays),
            "phase": phase,
            "epoch": epoch,
            "best": best.place,
            "loss": best.loss,
            "history": [dataclasses.asdict(one) for one in history],
        }
        newest, before = self._files
        with disk.writing(newest, lasting, before=before) as part:
            np.savez(part, state=json.dumps(state), **arrays)
        if lasting:
            self._waited = time.perf_counter()
            self._took = self._waited - start


def _contents(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """Return the state and the arrays of a backup. Raises whatever a damaged file causes."""
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:  # before a shape that is none asks for memory
            raise ValueError(path)
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    state = json.loads(str(arrays.pop("state")))
    if state.get("arrays", len(arrays)) != len(arrays):
        raise ValueError(path)
    return state, arrays
