"""The command `explorer fine-tune`: fine-tunes a network on a dataset, and writes the results into a folder."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer import runs
from explorer.cli import network, run
from explorer.cli import training as cli_training
from explorer.cli.output_folder import Output
from explorer.cli.printing import complain, remark, tell
from explorer.cli.training import Training
from explorer.disk import why_not
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.rendering.run_status import features_in_words, with_time_left
from explorer.runs.serialization import HISTORY, TUNED, history_csv
from explorer.values import Phase, Progress, RunRecord, TrainingStep
from explorer.values.training import BATCH_NORMS, HEAD_PHASE, OPTIMIZERS, TAIL_PHASE

EPILOG = _(
    "The training is a process of its own, a run. Ctrl-C stops it and keeps the best weights so far. When the terminal is closed or the "
    "command is terminated, the run stops too, after the current batch; when the command is killed, the run continues by itself. Either "
    "way no finished epoch is lost: --resume RUN continues from there, or writes what has been trained meanwhile."
)


def add_to(commands: Any, command: Callable[..., argparse.ArgumentParser], print_json: Callable[[Any], None]) -> None:
    """Add the command to those of `explorer`."""
    tune = command(
        commands, "fine-tune", lambda options: _fine_tune(options, print_json), _("train a new head, and the layers after a freeze point")
    )
    tune.set_defaults(parser=tune)
    about_data = _("a folder of class folders, a .zip of one, .npz, .csv, or digits, patterns, timbres")
    tune.add_argument("data", nargs="?", metavar="DATA", help=about_data)
    tune.add_argument("--architecture", dest="source", metavar="NETWORK", help=network.SOURCE)
    network.add_network_options(tune)
    freeze = tune.add_mutually_exclusive_group()
    freeze.add_argument("--freeze", type=int, metavar="K", help=_("freeze layers[:K] of the backbone (default: all of it)"))
    freeze.add_argument("--train-from", metavar="BLOCK", help=_("the first block or layer that trains, such as block_13"))
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
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help=_("a new folder for the model, its history and a plain Keras script"),
    )
    tune.add_argument("--resume", metavar="RUN", help=_("resume a run that was interrupted, instead of DATA and --architecture"))
    tune.epilog = EPILOG


def _add_pair(command: argparse.ArgumentParser, name: str, field: str, about: str, **options: Any) -> None:
    """Add an option that takes the value of a field for each of the two phases."""
    usual = getattr(HEAD_PHASE, field), getattr(TAIL_PHASE, field)
    command.add_argument(name, nargs=2, metavar=("HEAD", "TAIL"), default=usual, help=about, **options)


def _fine_tune(options: argparse.Namespace, print_json: Callable[[Any], None]) -> None:
    _check_arguments(options)
    with Output(options.output) as output, run.claiming(options.output) as claim:
        training = (cli_training.resumed if options.resume else cli_training.begun)(options, output, claim)
        again = run.command(training.key, options.output, options.weights)
        sentence = _("This is run {run}; if it is interrupted, resume it with `{command}`.")
        complain(sentence.format(run=run.short(training.key), command=again))
        with network.terminal() as report_progress, run.stopping() as stop:
            cli_training.start(training.key)
            phases = training.settings.recipe.phases
            record = run.follow(
                training.key, training.progress_offset, stop, lambda step: report_progress(Progress(in_words(step, phases)))
            )
            written = run.tuned(record) and (record.state == "done" or not stop.ends)
            if written:
                _write(output, training, record, again)
                again = run.command(training.key, _("NEW_FOLDER"), options.weights)
    run.conclude(record, stop, again, written)
    _tell(training, record, options, print_json)
    if record.state == "done" and runs.is_started_by_command(training.key):
        runs.delete(training.key)  # all of it is in the output now; otherwise each training would take the disk space twice


def _check_arguments(options: argparse.Namespace) -> None:
    """End the command if neither a training nor a run is given, or both are."""
    missing = [name for name, value in (("DATA", options.data), ("--architecture", options.source)) if value is None]
    if not options.resume:
        if missing:
            options.parser.error(_("these arguments are required, or --resume RUN: {names}").format(names=", ".join(missing)))
        return
    usual = vars(options.parser.parse_args(["--resume", options.resume, "--output", str(options.output)]))
    given = [name for name, value in usual.items() if name != "json" and getattr(options, name) != value]
    if given:
        names = ", ".join({"data": "DATA", "source": "--architecture"}.get(name, "--" + name.replace("_", "-")) for name in given)
        options.parser.error(_("--resume takes all but --output from the run: leave out {names}").format(names=names))


def in_words(step: TrainingStep, phases: Sequence[Phase]) -> str:
    """Return the progress of a training in one line."""
    if step.what == "features":
        return features_in_words(step)
    if step.what in ("batch", "epoch") and step.loss is not None:
        text = _("Phase {phase}, epoch {epoch} of {epochs}: loss {loss:.3f}").format(
            phase=step.phase + 1, epoch=step.epoch + 1, epochs=phases[step.phase].epochs, loss=step.loss
        )
        return with_time_left(text, step)
    return step.text


def _write(output: Output, training: Training, record: RunRecord, again: str) -> None:
    """Write the results of a run: the model, its history, and the script with its data."""
    key = training.key
    tuned = runs.file(key, TUNED)  # before writing: if the run was deleted meanwhile, nothing of it is left to write
    try:
        output.write({**_script(training, record), HISTORY: history_csv(record.history).encode(), TUNED: tuned})
    except ExplorerError as error:
        sentence = _("{why} What was trained is kept in run {run}: `{command}` writes it.")
        raise ExplorerError(sentence.format(why=error, run=run.short(key), command=again)) from error


def _script(training: Training, record: RunRecord) -> dict[str, bytes]:
    """Return file name -> content of the script with its data, or without them if they can't be packed. Raises ExplorerError."""
    from explorer.backend.fine_tuning import export_bundle

    arguments = training.network, training.data, training.settings.recipe
    try:
        bundle = export_bundle.bundle(*arguments, record)
        return {bundle.name: bundle.data}
    except ExplorerError as error:  # trying again would fail in the same way
        complain(_("The script is written without its data: {why}").format(why=error))
        return {export_bundle.SCRIPT: export_bundle.script(*arguments).encode()}
    except OSError as error:
        sentence = _("The script and its data can't be packed in {folder}: {why}.")
        raise ExplorerError(sentence.format(folder=tempfile.gettempdir(), why=why_not(error))) from error


def _tell(training: Training, record: RunRecord, options: argparse.Namespace, print_json: Callable[[Any], None]) -> None:
    last, plan, data, result = record.history[-1], training.plan, training.data, runs.result(training.key)
    outcome, trainable = (result.outcome, result.trainable) if result else (None, ())
    if options.json:
        print_json(
            {
                "classes": data.classes,
                "frozen": plan.frozen,
                "trainable": trainable,
                "history": record.history,
                "accuracy": outcome and outcome.accuracy,
                "interval": outcome and (outcome.low, outcome.high),
                "notices": record.notices,
                "left_out": data.left_out,
                "assumed": training.network.input_spec.assumed,
                "output": str(options.output),
            }
        )
        return
    tell(
        _("{frozen} of {layers} layers frozen; {parameters} parameters trained.").format(
            frozen=plan.layers - plan.trained, layers=plan.layers, parameters=f"{plan.trained_parameters + plan.head_parameters:,}"
        )
    )
    tell(_("loss {loss:.3f}, accuracy {accuracy:.1%} on the training data").format(loss=last.loss, accuracy=last.accuracy))
    if outcome and outcome.accuracy is not None:
        tell(
            _("accuracy {accuracy:.1%} on the validation data ({low:.0%} to {high:.0%})").format(
                accuracy=outcome.accuracy, low=outcome.low, high=outcome.high
            )
        )
    for note in (*record.notices, *(f"{name}: {why}" for name, why in data.left_out)):
        remark(note)
    tell(str(options.output))


def _share_or_folder(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
