"""Loader: turns any source of data into training and validation examples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

from explorer.backend.datasets import arrays, builtin, class_folders, file_lists, tf_data
from explorer.backend.datasets import warnings as dataset_warnings
from explorer.backend.datasets.duplicates import same_content, with_shared_groups
from explorer.backend.datasets.example_reader import damage_of
from explorer.backend.datasets.examples import Collection
from explorer.backend.datasets.specs import checked_share, columns_without_list, data_spec, stamp
from explorer.backend.datasets.splitting import validation_indices
from explorer.backend.datasets.zip_archives import unpacked_once
from explorer.errors import ExplorerError
from explorer.locale import _, counted
from explorer.values import DataSpec, InputSpec, Labelled, TrainingData
from explorer.values.names import spelled_as


def training_data(
    source: Any, input_spec: InputSpec, validation: Any = 0.2, seed: int = 0, *, label_column: str | int = "", file_column: str | int = ""
) -> TrainingData:
    """Return the training and validation examples for a network with this input spec.

    source: a `DataSpec`, whose own validation, seed and count apply; what `data_spec` takes; a pair (x, y) of examples and
        their classes, as `arrays.read_collection` takes them; a `tf.data.Dataset` of such pairs, one at a time or in batches; or
        `TrainingData`, as it is.
    validation: the share of each class for validation, 0 to below 1; or another source. Where a folder, or a zip of one,
        holds train/ and validation/ (or val/, test/), that part is used instead of a share.
    label_column, file_column: the columns of a .csv that hold the classes and the files, by name or number from 1 on; "" to find them.
    seed: decides which examples are for validation. The order of the examples depends on their names only.
    Files that can't be read are left out and named. Raises ExplorerError for a source that is no data, for fewer than two examples
    or classes, and for validation classes that are not trained on.
    """
    if isinstance(source, TrainingData):
        if source.kind != input_spec.kind:
            raise ExplorerError(
                _("The data is of kind {kind}, but the network reads {wanted}.").format(kind=source.kind, wanted=input_spec.kind)
            )
        return source
    if isinstance(source, DataSpec):
        validation, seed = source.validation, source.seed
    elif isinstance(source, str | os.PathLike):
        source = data_spec(source, seed=seed, label_column=label_column, file_column=file_column)
    elif label_column or file_column:
        raise columns_without_list()
    share = checked_share(validation) if validation is None or isinstance(validation, Real) else None
    training, validation_part = _read_source(source, input_spec)
    if share is None:
        validation_source, inner_validation = _read_source(_as_validation_source(validation, source, seed), input_spec)
        notes = (_("The validation part of the data is not used, as other data is given for it."),) if validation_part else ()
        validation_part = replace(inner_validation or validation_source, notes=(*validation_source.notes, *notes))
    training, empty_notes = _without_empty(training)
    _check_enough(training)
    training = replace(training, notes=(*training.notes, *empty_notes))
    if validation_part:
        return _with_given_validation(training, validation_part, input_spec)
    return _with_validation_share(training, share or 0.0, seed, input_spec)


def _as_validation_source(validation: Any, source: Any, seed: int) -> Any:
    """Return the validation source; a list of files gets the columns of the training data."""
    if not isinstance(validation, str | os.PathLike):
        return validation
    spec = data_spec(validation, seed=seed)
    columns = (source.label_column, source.file_column) if isinstance(source, DataSpec) and spec.source == "csv" else ("", "")
    return replace(spec, label_column=columns[0], file_column=columns[1])


def _read_source(source: Any, input_spec: InputSpec) -> tuple[Collection, Collection | None]:
    """Return the examples of a source, and those that it marks for validation; None where it marks none."""
    if isinstance(source, DataSpec):
        return _read_spec(source, input_spec)
    if hasattr(source, "element_spec") and hasattr(source, "as_numpy_iterator"):
        return tf_data.read_collection(source, input_spec), None
    if isinstance(source, tuple | list) and len(source) == 2:
        return arrays.read_collection(source[0], source[1], input_spec), None
    raise ExplorerError(
        _("Data is a folder, a .zip, .npz or .csv, the name of a built-in dataset, a pair (x, y) or a tf.data.Dataset, not {type}.").format(
            type=type(source).__name__
        )
    )


def _read_spec(spec: DataSpec, input_spec: InputSpec) -> tuple[Collection, Collection | None]:
    if spec.source == "built-in":
        return builtin.read_collection(spec.path, input_spec, spec.count, spec.seed), None
    path = Path(spec.path)
    if not os.path.exists(path):  # unlike Path.exists, False without permission
        raise ExplorerError(_("There is no file or folder {path}.").format(path=path))
    if spec.source == "npz":
        training, validation = arrays.read_collection(*arrays.read_npz(path), input_spec), None
    elif spec.source == "csv":
        training, validation = file_lists.read_collection(path, input_spec, spec.label_column, spec.file_column)
    else:
        training, validation = class_folders.read_collection(unpacked_once(path) if spec.source == "zip" else path, input_spec, path.name)
    changed = _("{name} has changed since it was chosen.").format(name=path.name)
    return replace(training, notes=(changed, *training.notes)) if spec.stamp not in ("", stamp(path)) else training, validation


def _without_empty(data: Collection) -> tuple[Collection, tuple[str, ...]]:
    """Return a collection without the classes that have no example, and notes about them."""
    counts = dataset_warnings.counts(data.classes, data.examples)
    filled = [index for index, count in enumerate(counts) if count]
    renumbered = {index: position for position, index in enumerate(filled)}
    examples = tuple(replace(example, classes=tuple(renumbered[index] for index in example.classes)) for example in data.examples)
    empty = [name for name, count in zip(data.classes, counts, strict=True) if not count]
    return replace(data, classes=tuple(data.classes[index] for index in filled), examples=examples), dataset_warnings.on_empty(empty)


def _check_enough(data: Collection) -> None:
    """Raise ExplorerError for fewer than two examples or classes; the sentence names unreadable files, which may be the reason."""
    unread_count, first_error = len(data.left_out), data.left_out[0][1] if data.left_out else ""
    if not data.examples and unread_count:
        count = counted("The only file can't be used", "None of the {number} files can be used", unread_count)
        raise ExplorerError(_("{count}; the first: {why}").format(count=count, why=first_error))
    if not data.examples:
        raise ExplorerError(_("There are no examples in the data: put some into each class."))
    count = counted("1 file can't be used", "{number} files can't be used", unread_count)
    unread_note = " " + _("{count}; the first: {why}").format(count=count, why=first_error) if unread_count else ""
    if not data.classes:
        raise ExplorerError(_("No example has a class: give examples of at least two classes."))
    if len(data.examples) == 1:
        message = _("There is only one example, {name}: training needs several of each class.")
        raise ExplorerError(message.format(name=data.examples[0].example.name) + unread_note)
    if len(data.classes) < 2:
        message = _("All examples are of one class, {name}: give examples of a second class as well.")
        raise ExplorerError(message.format(name="".join(data.classes)) + unread_note)


def _with_validation_share(data: Collection, share: float, seed: int, input_spec: InputSpec) -> TrainingData:
    """Return the data with a share of each class for validation."""
    duplicates = same_content([labelled.example for labelled in data.examples])
    examples = with_shared_groups(data.examples, duplicates)
    chosen = validation_indices(examples, share, seed)
    training = tuple(example for index, example in enumerate(examples) if index not in chosen)
    validation = tuple(example for index, example in enumerate(examples) if index in chosen)
    notes = (
        *data.notes,
        *_notes(data.classes, training, validation, input_spec, given=False),
        *dataset_warnings.on_duplicates(duplicates, examples, chosen),
    )
    return TrainingData(input_spec.kind, data.classes, training, validation, data.multi_label, data.left_out, notes)


def _with_given_validation(training_part: Collection, validation_part: Collection, input_spec: InputSpec) -> TrainingData:
    """Return the data with the examples that were given for validation."""
    if not validation_part.examples:
        raise ExplorerError(_("None of the validation data can be read: give other files, or a share of the data."))
    spelled = spelled_as(training_part.classes, validation_part.classes)
    counts = dataset_warnings.counts(validation_part.classes, validation_part.examples)
    used_classes = [spelled[name] for name, count in zip(validation_part.classes, counts, strict=True) if count]
    unknown = [name for name in used_classes if name not in training_part.classes]
    if unknown:
        raise ExplorerError(
            _("In the validation data, but not in the training data: {names}. The classes of both must have the same names.").format(
                names=", ".join(unknown)
            )
        )
    index_of = {name: index for index, name in enumerate(training_part.classes)}
    indices = [index_of.get(spelled[name], -1) for name in validation_part.classes]  # -1 for a class without examples
    validation = tuple(
        replace(example, classes=tuple(sorted(indices[index] for index in example.classes))) for example in validation_part.examples
    )
    labelled = training_part.examples + validation
    count, duplicates = len(training_part.examples), same_content([entry.example for entry in labelled])
    examples = with_shared_groups(labelled, duplicates)
    training, validation = examples[:count], examples[count:]
    chosen = frozenset(range(count, len(examples)))
    notes = (
        *validation_part.notes,
        *training_part.notes,
        *dataset_warnings.on_spelling(spelled),
        *_notes(training_part.classes, training, validation, input_spec, given=True),
        *dataset_warnings.on_duplicates(duplicates, examples, chosen),
    )
    return TrainingData(
        input_spec.kind,
        training_part.classes,
        training,
        validation,
        training_part.multi_label or validation_part.multi_label,
        training_part.left_out + validation_part.left_out,
        notes,
    )


def _notes(
    classes: Sequence[str], training: tuple[Labelled, ...], validation: tuple[Labelled, ...], input_spec: InputSpec, given: bool
) -> tuple[str, ...]:
    return (
        *dataset_warnings.on_case(classes),
        *dataset_warnings.on_imbalance(classes, training + validation),
        *dataset_warnings.on_validation(classes, validation, given),
        *dataset_warnings.on_damage(
            [sentence for labelled in training + validation for sentence in damage_of(labelled.example, input_spec)]
        ),
    )
