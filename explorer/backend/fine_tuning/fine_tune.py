"""The front of fine-tuning in Python: arguments as people give them become a recipe and data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer.backend.datasets.loader import training_data
from explorer.backend.fine_tuning.heads import backbone_table
from explorer.backend.fine_tuning.recipe_checks import check_seed
from explorer.backend.fine_tuning.trainer import Run, nobody, train
from explorer.backend.loading import load, warn_of_assumptions
from explorer.backend.network import Network
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.refusals import within_memory
from explorer.catalog.options import spec_of
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.recipe.freeze_plan import check_index, index_of
from explorer.runs.serialization import remove_checkpoints
from explorer.values import Augmentation, Head, Layers, Phase, Recipe, TrainingData, TrainingStep
from explorer.values.layer_names import find_layer, place_of
from explorer.values.training import HEAD_PHASE, TAIL_PHASE

HEADS = {"guide": Head(), "plain": Head(units=0)}


def fine_tune(
    network: Any,
    data: Any,
    freeze: int | str | Iterable[str] | None = None,
    train_from: str | int | None = None,
    *,
    head: Head | str = "guide",
    phases: Sequence[Phase] = (HEAD_PHASE, TAIL_PHASE),
    validation: Any = 0.2,
    label_column: str | int = "",
    file_column: str | int = "",
    callbacks: Sequence[Any] = (),
    augment: Augmentation | bool = False,
    seed: int = 0,
    batch_norm: str = "inference",
    head_at: str | int = "",
    precision: str = "float32",
    on_progress: Callable[[TrainingStep], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Run:
    """Put a new head on a network and train it, then the layers behind a freeze point too: "Fine-tune InceptionV3 on a new set of classes".

    What is frozen is computed once per example; only the rest is trained, with the losses of the plain recipe
    (keras.io/api/applications). The network itself is never changed.

    network: what `explorer.load` returns or takes.
    data: a folder of class folders, in parts (train/, test/, ...) or not, a zip of one, an .npz of x and y, a .csv of files and
        classes; the name of a built-in set ("digits", "patterns", "timbres"); a pair (examples, classes), classes as
        numbers or names (n,), or 0 and 1 (n, classes) where several hold at once; or a tf.data.Dataset of such pairs.
    freeze: k freezes `layers[:k]` of the backbone, in Keras's indices, where a nested model is one layer; a list of names just those
        layers; "backbone", as by default, all but the new head.
    train_from: instead, the first block or layer that trains ("block_13"), also inside of a nested model ("mobilenetv2/block_13").
    head: "guide" (global average pooling, a dense layer of 1024, softmax), "plain" (without that layer), or an `explorer.Head`.
    phases: a list of `explorer.Phase`; by default 5 epochs for the head (RMSprop), then 5 for head and tail (SGD, 0.0001, momentum 0.9).
    validation: the share that is held out, 0 to below 1; or other data, given as `data` is. A split that the data has itself goes
        before the share; what was recognised is among the run's `notices`.
    label_column, file_column: the columns of a .csv that hold the classes and the files, by name or number from 1 on; by default
        they are found by their names and by what they hold.
    callbacks: Keras's or your own; `self.model` is the whole tuned model. A BackupAndRestore lets the training go on after an interruption.
    augment: True or an `explorer.Augmentation`, for pictures.
    seed: 0 to 2,147,483,647; decides the split, the first weights of the head and the order of examples.
    batch_norm: what thawed batch norms do: "inference" (they stay frozen), or "train", as in the Keras guide.
    head_at: the layer that the head is put on, by its name or index; by default the last feature maps, in a model of your own
        what its last dense layer reads.
    precision: of the kept features, "float32" or "float16" (half the memory; it moves the loss by up to 0.006).
    on_progress: takes an `explorer.TrainingStep` at each batch and epoch; stop: asked at each batch whether to end.
        Ctrl-C, and ■ in a notebook, stop it too once an epoch is through.
    Returns a `Run` with `network`, `plan` and `history`; what goes wrong half-way is in its `failure`, with the best weights so far.
    Raises ExplorerError for what does not fit, UnknownName for layers that are not there, UnreadableExample for data that can't be read,
        UndecidedColumn for a .csv of which several columns may hold the classes.
    """
    _check_kinds("phases", phases, Phase)
    _check_kinds("callbacks", callbacks, keras.callbacks.Callback)
    check_seed(seed)
    head_at = str(head_at)
    network = _network(network)
    with within_memory():
        tuned_on = training_data(data, network.input_spec, validation, seed, label_column=label_column, file_column=file_column)
    recipe = recipe_of(network, tuned_on, freeze, train_from, head, phases, augment, seed, batch_norm, head_at, precision)
    backups = [one for one in callbacks if isinstance(one, keras.callbacks.BackupAndRestore)]
    others = [one for one in callbacks if one not in backups]
    folder = Path(backups[0].backup_dir) if backups else None  # a backup of both phases, where Keras's own knows of one `fit`
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with within_memory():
        run = train(network, tuned_on, recipe, others, on_progress or nobody, stop or (lambda: False), folder)
    if folder and run.state == "done":
        remove_checkpoints(folder)
    if isinstance(data, str | os.PathLike):
        run.network.files.name_data(Path(data).name)
    return replace(run, notices=(*tuned_on.notes, *run.notices))


def recipe_of(
    network: Network,
    data: TrainingData,
    freeze: int | str | Iterable[str] | None = None,
    train_from: str | int | None = None,
    head: Head | str = "guide",
    phases: Sequence[Phase] = (HEAD_PHASE, TAIL_PHASE),
    augment: Augmentation | bool = False,
    seed: int = 0,
    batch_norm: str = "inference",
    head_at: str = "",
    precision: str = "float32",
) -> Recipe:
    """Return the recipe that the arguments of `fine_tune` mean for a network and its data. Raises as it does."""
    return Recipe(
        _freeze(network, freeze, train_from, head_at),
        _head(head, data.multi_label),
        tuple(phases),
        batch_norm,
        head_at,
        seed,
        (augment if isinstance(augment, Augmentation) else Augmentation()) if augment else None,
        precision,
    )


def _check_kinds(what: str, given: Any, kind: type) -> None:
    if not isinstance(given, list | tuple) or not all(isinstance(one, kind) for one in given):
        raise ExplorerError(_("{what} is a list of {kind}, not {given!r}.").format(what=what, kind=kind.__name__, given=given))


def _network(source: Any) -> Network:
    if isinstance(source, Network):
        return source
    network = load(source, spec_of(source) if isinstance(source, str | os.PathLike) else None)
    return warn_of_assumptions(network, stacklevel=3)


def _freeze(network: Network, freeze: Any, train_from: str | int | None, head_at: str) -> int | tuple[str, ...]:
    if freeze is not None and train_from is not None:
        raise ExplorerError(_("Give freeze or train_from, not both: each says where the frozen part ends."))
    table = backbone_table(network, head_at)
    names = {row.name for row in table.rows}
    own = Layers(row for row in network.layers if row.name in names)  # as Keras counts them
    if train_from is not None:
        name = str(train_from).strip()
        number = name.lstrip("-").isdecimal() and name not in names
        return place_of(table, own.find(name)) if number else index_of(table, name)
    if freeze is None or freeze == "backbone":
        return len(table)
    if isinstance(freeze, str | bool) or not (hasattr(freeze, "__index__") or isinstance(freeze, Iterable)):
        raise ExplorerError(
            _("freeze is a number of layers, 'backbone', or a list of names, not {freeze!r}; train_from takes a block.").format(
                freeze=freeze
            )
        )
    if hasattr(freeze, "__index__"):
        index = int(freeze) + (len(own) if freeze < 0 else 0)
        check_index(index, len(own))
        return place_of(table, own[index]) if index < len(own) else len(table)
    return tuple((find_layer(table, name) if isinstance(name, str) else own.find(name)).name for name in freeze)


def _head(head: Head | str, multi_label: bool) -> Head:
    chosen = HEADS.get(head) if isinstance(head, str) else head
    if not isinstance(chosen, Head):
        raise ExplorerError(_("head is 'guide', 'plain' or an explorer.Head, not {head!r}.").format(head=head))
    return Head(chosen.units, chosen.dropout, chosen.pooling, chosen.multi_label or multi_label)
