"""The command `explorer fine-tune`: a network fine-tuned on a folder of pictures or sounds, and what comes of it in a folder."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from explorer import cli_network
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.progress import failed, features_in_words, with_time_left
from explorer.values import Phase, Progress, TakenFile, TrainingStep
from explorer.values.records import HISTORY, TUNED, history_csv
from explorer.values.training import BATCH_NORMS, HEAD_PHASE, OPTIMIZERS, TAIL_PHASE


def add_to(commands: Any, command: Callable[..., argparse.ArgumentParser], print_json: Callable[[Any], None]) -> None:
    """Add the command to those of `explorer`."""
    tune = command(
        commands, "fine-tune", lambda options: _fine_tune(options, print_json), _("train a new head, and the layers after a freeze point")
    )
    tune.add_argument("data", metavar="DATA", help=_("a folder of class folders, a .zip of one, .npz, .csv, or digits, patterns, timbres"))
    tune.add_argument("--architecture", dest="source", required=True, metavar="NETWORK", help=cli_network.SOURCE)
    cli_network.add_network_options(tune)
    place = tune.add_mutually_exclusive_group()
    place.add_argument("--freeze", type=int, metavar="K", help=_("freeze layers[:K] of the backbone (default: all of it)"))
    place.add_argument("--train-from", metavar="BLOCK", help=_("the first block or layer that trains, such as block_13"))
    _add_pair(tune, "--epochs", "epochs", _("of the head alone, then of head and tail (default: 5 5)"), type=int)
    _add_pair(tune, "--learning-rates", "learning_rate", _("of the two phases (default: 0.001 0.0001)"), type=float)
    _add_pair(
        tune, "--optimizers", "optimizer", _("of the two phases: rmsprop, sgd, adam or adamw (default: rmsprop sgd)"), choices=OPTIMIZERS
    )
    tune.add_argument("--batch-size", type=int, default=HEAD_PHASE.batch_size, help=_("examples of a batch (default: 32)"))
    tune.add_argument(
        "--head", choices=("guide", "plain"), default="guide", help=_("with a dense layer of 1024 as in the Keras guide, or without")
    )
    tune.add_argument("--batch-norm", choices=BATCH_NORMS, default="inference", help=_("what thawed batch norms do"))
    tune.add_argument("--augment", action="store_true", help=_("change pictures at random in each epoch; the whole network runs then"))
    tune.add_argument(
        "--validation",
        type=_share_or_folder,
        default=0.2,
        metavar="SHARE",
        help=_("the share of the data for validation, or a folder (default: 0.2)"),
    )
    tune.add_argument("--label-column", default="", metavar="COLUMN", help=_("of a .csv that holds the classes, by its name or number"))
    tune.add_argument("--file-column", default="", metavar="COLUMN", help=_("of a .csv that holds the files, by its name or number"))
    tune.add_argument("--seed", type=int, default=0, help=_("of the split, the initial weights and the order (default: 0)"))
    tune.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help=_("where the model, its history and a plain Keras script go")
    )


def _add_pair(command: argparse.ArgumentParser, name: str, field: str, about: str, **options: Any) -> None:
    """Add an option that takes a phase's field for each of the two phases."""
    usual = getattr(HEAD_PHASE, field), getattr(TAIL_PHASE, field)
    command.add_argument(name, nargs=2, metavar=("HEAD", "TAIL"), default=usual, help=about, **options)


def _fine_tune(options: argparse.Namespace, print_json: Callable[[Any], None]) -> None:
    folder = options.output
    if folder.exists() and not folder.is_dir():
        raise ExplorerError(_("{path} is not a folder.").format(path=folder))
    if folder.is_dir() and any(folder.iterdir()):
        raise ExplorerError(_("{path} is not empty: name a new folder.").format(path=folder))
    network = cli_network.load(options)
    from explorer.backend.data import training_data
    from explorer.backend.tuning.export import bundle
    from explorer.backend.tuning.fine_tuning import fine_tune

    columns = {"label_column": options.label_column, "file_column": options.file_column}
    data = training_data(options.data, network.reading, options.validation, options.seed, **columns)
    phases = [
        dataclasses.replace(phase, optimizer=optimizer, learning_rate=rate, epochs=epochs, batch_size=options.batch_size)
        for phase, optimizer, rate, epochs in zip(
            (HEAD_PHASE, TAIL_PHASE), options.optimizers, options.learning_rates, options.epochs, strict=True
        )
    ]
    with cli_network.terminal() as say, _stopping() as stop:
        run = fine_tune(
            network,
            data,
            options.freeze,
            options.train_from,
            head=options.head,
            phases=phases,
            augment=options.augment,
            seed=options.seed,
            batch_norm=options.batch_norm,
            on_progress=lambda step: say(Progress(in_words(step, phases))),
            stop=stop,
        )
    if not run.history and run.state == "stopped":
        raise KeyboardInterrupt
    if run.history:  # the best weights so far are worth keeping, whatever ended it
        _write(folder, run, bundle(network, data, run.recipe, run))
    if run.state == "failed":
        raise ExplorerError(failed(run.failure, run.kept))
    _tell(run, data, network.reading.assumed, options, print_json)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C stop the training, which keeps the best weights so far; a second one ends the command at once."""
    asked = Event()

    def stop(_number: int, _frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def in_words(step: TrainingStep, phases: Sequence[Phase]) -> str:
    """Return how far a training is, in a line."""
    if step.what == "features":
        return features_in_words(step)
    if step.what in ("batch", "epoch") and step.loss is not None:
        told = _("Phase {phase}, epoch {epoch} of {epochs}: loss {loss:.3f}").format(
            phase=step.phase + 1, epoch=step.epoch + 1, epochs=phases[step.phase].epochs, loss=step.loss
        )
        return with_time_left(told, step)
    return step.text


def _write(folder: Path, run: Any, bundle: TakenFile) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HISTORY).write_text(history_csv(run.history), encoding="utf-8")
        run.network.save(folder / TUNED)
        (folder / bundle.name).write_bytes(bundle.data)
    except OSError as error:
        raise ExplorerError(_("{path} can't be written: {why}.").format(path=folder, why=error.strerror)) from error


def _tell(run: Any, data: Any, assumed: Sequence[str], options: argparse.Namespace, print_json: Callable[[Any], None]) -> None:
    last, plan, outcome = run.history[-1], run.plan, run.outcome
    if options.json:
        print_json(
            {
                "classes": data.classes,
                "frozen": plan.frozen,
                "trainable": run.trainable,
                "history": run.history,
                "accuracy": outcome and outcome.accuracy,
                "interval": outcome and (outcome.low, outcome.high),
                "notices": run.notices,
                "left_out": data.left_out,
                "assumed": assumed,
                "output": str(options.output),
            }
        )
        return
    print(
        _("{frozen} of {layers} layers frozen; {parameters} parameters trained.").format(
            frozen=plan.layers - plan.trained, layers=plan.layers, parameters=f"{plan.trained_parameters + plan.head_parameters:,}"
        )
    )
    print(_("loss {loss:.3f}, accuracy {accuracy:.1%} on the training data").format(loss=last.loss, accuracy=last.accuracy))
    if outcome and outcome.accuracy is not None:
        print(
            _("accuracy {accuracy:.1%} on the validation data ({low:.0%} to {high:.0%})").format(
                accuracy=outcome.accuracy, low=outcome.low, high=outcome.high
            )
        )
    for note in (*run.notices, *(f"{name}: {why}" for name, why in data.left_out)):
        print(note, file=sys.stderr)
    print(options.output)


def _share_or_folder(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
