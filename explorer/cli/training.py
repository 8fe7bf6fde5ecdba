"""A training as the command makes it: what its arguments say becomes a run, or a run that there is says it."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from explorer import runs
from explorer.backend.weights.cache import use_pack
from explorer.cli import network as cli_network
from explorer.cli.output_folder import Output
from explorer.cli.printing import complain
from explorer.runs import serialization as files
from explorer.values import FreezePlan, Recipe, RunSettings
from explorer.values.training import HEAD_PHASE, TAIL_PHASE

Claim: TypeAlias = Callable[[str], None]  # makes a run, by its key, that of this command alone

PLAIN = 2**20  # bytes of what says how a network is built, of the history and of the scripts, about
SLOTS = 2  # values that an optimizer keeps of each parameter, at most


class Training(NamedTuple):
    """A run and what it works on.

    network: the `Network` that is tuned; data: its `TrainingData`; plan: what is frozen.
    told: the place in the run's progress from which on it is followed.
    """

    key: str
    settings: RunSettings
    network: Any
    data: Any
    plan: FreezePlan
    told: int = 0


def begun(options: argparse.Namespace, output: Output, claim: Claim) -> Training:
    """Make the run of a new training, which is not started yet. Raises ExplorerError for what does not fit, before anything is made."""
    network = cli_network.load(options)
    from explorer.backend.datasets import data_spec, training_data
    from explorer.backend.fine_tuning import recipe_checks
    from explorer.backend.fine_tuning.fine_tune import recipe_of
    from explorer.backend.fine_tuning.start import new_run, room_for

    recipe_checks.check_seed(options.seed)
    columns = {"label_column": options.label_column, "file_column": options.file_column}
    spec = data_spec(options.data, options.validation, options.seed, **columns)
    data = training_data(spec, network.input_spec)
    phases = [
        dataclasses.replace(phase, optimizer=optimizer, learning_rate=rate, epochs=epochs, batch_size=options.batch_size)
        for phase, optimizer, rate, epochs in zip(
            (HEAD_PHASE, TAIL_PHASE), options.optimizers, options.learning_rates, options.epochs, strict=True
        )
    ]
    recipe = recipe_checks.plain(
        recipe_of(
            network,
            data,
            options.freeze,
            options.train_from,
            options.head,
            phases,
            options.augment,
            options.seed,
            options.batch_norm,
        )
    )
    recipe_checks.check(recipe, data, network.input_spec.kind)
    plan = _plan(network, data, recipe)
    own = room_for(network) if runs.is_on_same_disk(output.room) else 0
    runs.check_room(_room(network, data, plan) + own, output.room)
    key = new_run(network, spec, recipe)
    claim(key)
    (runs.folder(key) / files.COMMAND).touch()
    return Training(key, runs.record(key).settings, network, data, plan)


def resumed(options: argparse.Namespace, output: Output, claim: Claim) -> Training:
    """Return the training of a run that there is; its network and its data are as its settings say. Raises ExplorerError."""
    if options.weights is not None:
        use_pack(options.weights)
    key = runs.find_key(options.resume)
    claim(key)
    settings = runs.record(key).settings
    from explorer.backend.datasets import training_data
    from explorer.backend.loading import from_spec

    with cli_network.terminal() as report_progress:
        network = from_spec(settings.network, report_progress)
    for sentence in network.input_spec.assumed:
        complain(sentence)
    data = training_data(settings.data, network.input_spec)
    plan = _plan(network, data, settings.recipe)
    runs.check_room(_room(network, data, plan), output.room)
    return Training(key, settings, network, data, plan, runs.steps(key)[1])


def start(key: str) -> None:
    """Let the process of a run train, unless it does already, or has nothing more to do. Raises ExplorerError."""
    record = runs.record(key)
    if record.state == "waiting":
        runs.start(key)
    elif record.resumable:
        runs.resume(key)


def _plan(network: Any, data: Any, recipe: Recipe) -> FreezePlan:
    """Return what is frozen. Raises ExplorerError where nothing would be trained."""
    from explorer.backend.fine_tuning.heads import backbone_table
    from explorer.backend.fine_tuning.tuned_model import phases_of
    from explorer.recipe.freeze_plan import freeze_plan

    plan = freeze_plan(backbone_table(network, recipe.head_at), recipe, len(data.classes), network.input_spec.data_format)
    phases_of(recipe, plan)
    return plan


def _room(network: Any, data: Any, plan: FreezePlan) -> int:
    """Return how many bytes the output takes at most: the tuned network with what its optimizer keeps, and the bundle."""
    from explorer.backend.fine_tuning.export_bundle import most_bytes

    trained = plan.trained_parameters + plan.head_parameters
    tuned = 4 * (plan.frozen_parameters + trained + SLOTS * trained)
    return tuned + most_bytes(network, data, plan.frozen_parameters + plan.trained_parameters) + PLAIN
