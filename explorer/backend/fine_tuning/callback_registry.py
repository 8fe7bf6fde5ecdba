"""Keras's callbacks by name, as a recipe switches them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from explorer import disk
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError, near
from explorer.locale import _
from explorer.values import Epoch, Switch

# What each writes into the folder of a run, by the argument that takes the path; the phase is filled in.
FILES: Mapping[str, tuple[str, str]] = {
    "ModelCheckpoint": ("filepath", "checkpoint-{phase}.keras"),
    "CSVLogger": ("filename", "log-{phase}.csv"),
    "TensorBoard": ("log_dir", "tensorboard-{phase}"),
}
PLAIN = ("EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN")
SWITCHES = (*PLAIN, *FILES, "LearningRateScheduler")


def made(switches: Sequence[Switch], phase: int, folder: Path | None, history: Sequence[Epoch] = ()) -> list[Any]:
    """Return the callbacks that a recipe switches on, fresh for a phase (counted from 0).

    folder: where those write that write files: paths in their options are names of files in it, and never lead out of it.
    history: what there is of the training that the phase goes on with; what was written then is kept.
    Raises ExplorerError for one that is not known, or can't be had, and for options that it does not take.
    """
    return [_made(switch, phase, folder, [one for one in history if one.phase == phase]) for switch in switches]


def _made(switch: Switch, phase: int, folder: Path | None, history: Sequence[Epoch]) -> Any:
    if switch.name not in SWITCHES:
        raise ExplorerError(
            _("There is no switch for the callback {name!r}; there are {known}. Others are given in Python.{near}").format(
                name=switch.name, known=", ".join(SWITCHES), near=near(switch.name, SWITCHES)
            )
        )
    options = dict(switch.options)
    if switch.name in FILES:
        _say_missing(switch.name)
        argument, usual = FILES[switch.name]
        options[argument] = str(_inside(folder, str(options.get(argument, usual)), phase))
        options |= _going_on(switch.name, options, history)
    try:
        if switch.name == "LearningRateScheduler":
            return keras.callbacks.LearningRateScheduler(_schedule(**options))
        return getattr(keras.callbacks, switch.name)(**options)
    except (TypeError, ValueError) as error:
        raise ExplorerError(_("{name} does not take these options: {why}").format(name=switch.name, why=error)) from error


def _going_on(name: str, options: Mapping[str, Any], history: Sequence[Epoch]) -> dict[str, Any]:
    """Return the options by which a callback goes on with the files that it has written in these epochs."""
    if name == "CSVLogger" and history:
        _shorten(Path(options["filename"]), 1 + len(history))
        return {"append": True}
    if name == "ModelCheckpoint" and options.get("save_best_only"):
        monitor = str(options.get("monitor", "val_loss"))
        seen = [value for one in history if (value := getattr(one, monitor, None)) is not None]
        return {"initial_value_threshold": max(seen) if "acc" in monitor else min(seen)} if seen else {}
    return {}


def _shorten(file: Path, lines: int) -> None:
    """Leave the first lines of a file: epochs after the backup that a training goes on from are done once more."""
    if file.exists():
        disk.write(file, b"".join(file.read_bytes().splitlines(keepends=True)[:lines]))


def _schedule(factor: float = 0.9, after: int = 1) -> Callable[[int, float], float]:
    """Return a schedule: the learning rate times `factor`, above 0 and at most 1, in each epoch from `after` on, counted from 0."""
    factor, after = float(factor), int(after)
    if not 0 < factor <= 1:
        raise ExplorerError(_("The factor of a learning rate is above 0 and at most 1, not {factor}.").format(factor=factor))
    return lambda epoch, rate: rate * factor if epoch >= after else rate


def _say_missing(name: str) -> None:
    if name == "TensorBoard" and find_spec("tensorboard") is None:
        raise ExplorerError(_("TensorBoard needs a package that is not installed: pip install 'keras-explorer[tensorboard]'."))


def _inside(folder: Path | None, name: str, phase: int) -> Path:
    if folder is None:
        raise ExplorerError(
            _("This callback writes a file, and the training has no folder: give the callback itself, with a path of your own.")
        )
    path = (folder / name.replace("{phase}", str(phase + 1))).resolve()
    if path.parent != folder.resolve():
        raise ExplorerError(_("{name} leads out of the run's folder, or into another one in it: give a plain name.").format(name=name))
    folder.mkdir(exist_ok=True)
    return path
