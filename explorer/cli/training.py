"""The training of a command: a new run from its arguments, or an existing run to resume."""

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

Claim: TypeAlias = Callable[[str], None]  # claims a run, by its key, for this command alone

PLAIN = 2**20  # bytes of the model's config, the history and the scripts, about
SLOTS = 2  # values that an optimizer keeps for each parameter, at most


class Training(NamedTuple):
    """A run with its network and data.

    network: the `Network` to tune; data: its `TrainingData`; plan: what is frozen.
    progress_offset: the byte offset in the run's progress file from which it is followed.
    """

    key: str
    settings: RunSettings
    network: Any
    data: Any
    plan: FreezePlan
    progress_offset: int = 0


def begun(options: argparse.Namespace, output: Output, claim: Claim) -> Training:
    """Create the run of a new training, without starting it. Raises ExplorerError for invalid arguments, before creating anything."""
    network = cli_network.load(options)
    from explorer.backend.datasets.loader import training_data
    from explorer.backend.datasets.specs import data_spec
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
    room_for_run = room_for(network) if runs.is_on_same_disk(output.room) else 0
    runs.check_room(_room(network, data, plan) + room_for_run, output.room)
    key = new_run(network, spec, recipe)
    claim(key)
    (runs.folder(key) / files.COMMAND).touch()
    return Training(key, runs.record(key).settings, network, data, plan)


def resumed(options: argparse.Namespace, output: Output, claim: Claim) -> Training:
    """Return the training of an existing run, with the network and the data in its settings. Raises ExplorerError."""
    if options.weights is not None:
        use_pack(options.weights)
    key = runs.find_key(options.resume)
    claim(key)
    settings = runs.record(key).settings
    from explorer.backend.datasets.loader import training_data
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
    """Start or resume the process of a run, unless it is running or done. Raises ExplorerError."""
    record = runs.record(key)
    if record.state == "waiting":
        runs.start(key)
    elif record.resumable:
        runs.resume(key)


def _plan(network: Any, data: Any, recipe: Recipe) -> FreezePlan:
    """Return the freeze plan. Raises ExplorerError if nothing would be trained."""
    from explorer.backend.fine_tuning.heads import backbone_table
    from explorer.backend.fine_tuning.tuned_model import phases_of
    from explorer.recipe.freeze_plan import freeze_plan

    plan = freeze_plan(backbone_table(network, recipe.head_at), recipe, len(data.classes), network.input_spec.data_format)
    phases_of(recipe, plan)
    return plan


def _room(network: Any, data: Any, plan: FreezePlan) -> int:
    """Return how many bytes the output takes at most: the tuned network with the optimizer's values, and the bundle."""
    from explorer.backend.fine_tuning.export_bundle import most_bytes

    trained = plan.trained_parameters + plan.head_parameters
    tuned = 4 * (plan.frozen_parameters + trained + SLOTS * trained)
    return tuned + most_bytes(network, data, plan.frozen_parameters + plan.trained_parameters) + PLAIN
