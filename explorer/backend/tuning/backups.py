"""Backups of a training: what it takes to go on after its process was killed, or after Stop."""

from __future__ import annotations

import dataclasses
import json
import time
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer import disk
from explorer.backend.tuning.watching import Best
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Epoch
from explorer.values.records import BACKUP

PART = 0.1  # of the time, at most, goes into waiting for the disk


@dataclass(frozen=True, eq=False)
class Backup:
    """Where a training was: the phase and the epoch to go on with, the history, and the values of its variables."""

    phase: int
    epoch: int
    history: tuple[Epoch, ...]
    best: int | None
    loss: float
    arrays: dict[str, np.ndarray[Any, Any]]

    def restore(self, optimizer: Any, best: Best) -> None:
        """Bring everything back to where it was."""
        for name, group in (("variable", best.variables), ("optimizer", optimizer.variables)):
            for place, variable in enumerate(group):
                variable.assign(self.arrays[f"{name}_{place}"])
        if self.best is not None:
            best.place, best.loss = self.best, self.loss
            best.values = [self.arrays[f"best_{place}"] for place in range(len(best.variables))]


class Backups:
    """The backup in a folder, written anew after each epoch.

    A process that is killed loses no more than the epoch under way; for a power cut too the disk is waited for, but never for
    more than a tenth of the time.

    folder: None for a training that is not backed up.
    of: what tells this training from others; the backup of another one is refused.
    """

    def __init__(self, folder: Path | None, of: str = "") -> None:
        self._file, self._of = folder / BACKUP if folder else None, of
        self._took, self._waited = 0.0, 0.0

    def found(self) -> Backup | None:
        """Return the backup that is there; None without one, or where it can't be read.

        Raises ExplorerError for that of another training.
        """
        if self._file is None or not self._file.exists():
            return None
        try:
            with self._file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                state = json.loads(str(arrays["state"]))
                kept = {name: arrays[name] for name in arrays.files if name != "state"}
                history = tuple(Epoch(**one) for one in state["history"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        if state.get("of", self._of) != self._of:
            said = _("{path} is of another training, or the data has changed since: delete it to begin anew, or give another folder.")
            raise ExplorerError(said.format(path=self._file))
        return Backup(state["phase"], state["epoch"], history, state["best"], state["loss"], kept)

    def keep(self, phase: int, epoch: int, history: Sequence[Epoch], best: Best, optimizer: Any, lasting: bool = False) -> None:
        """Write a backup of the variables that `best` knows, as they are now.

        lasting: whether to wait for the disk even where little time has gone by since the last time.
        Raises OSError where it can't be written; the one before is whole then.
        """
        if self._file is None:
            return
        start = time.perf_counter()
        lasting = lasting or start - self._waited >= self._took / PART
        state = {
            "of": self._of,
            "phase": phase,
            "epoch": epoch,
            "best": best.place,
            "loss": best.loss,
            "history": [dataclasses.asdict(one) for one in history],
        }
        arrays: dict[str, Any] = {f"variable_{place}": np.copy(one.numpy()) for place, one in enumerate(best.variables)}
        arrays |= {f"optimizer_{place}": np.copy(one.numpy()) for place, one in enumerate(optimizer.variables)}
        arrays |= {f"best_{place}": value for place, value in enumerate(best.values)}
        with disk.writing(self._file, lasting) as part:
            np.savez(part, state=json.dumps(state), **arrays)
        if lasting:
            self._waited = time.perf_counter()
            self._took = self._waited - start

    def remove(self) -> None:
        """Remove the backup: the training is through."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
