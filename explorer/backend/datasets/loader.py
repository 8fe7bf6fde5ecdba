"""From any source of data to what is trained on and what is held out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

from explorer.backend.datasets import arrays, builtin, class_folders, file_lists, tf_data
from explorer.backend.datasets import warnings as dataset_warnings
from explorer.backend.datasets.duplicates import same_content, together
from explorer.backend.datasets.example_reader import damage_of
from explorer.backend.datasets.examples import Collection
from explorer.backend.datasets.specs import checked_share, data_spec, not_a_list, stamp
from explorer.backend.datasets.splitting import held_out
from explorer.backend.datasets.zip_archives import kept_unpacked
from explorer.errors import ExplorerError
from explorer.locale import _, counted
from explorer.values import DataSpec, InputSpec, Labelled, TrainingData
from explorer.values.names import spelled_as


def training_data(
    source: Any, input_spec: InputSpec, validation: Any = 0.2, seed: int = 0, *, label_column: str | int = "", file_column: str | int = ""
) -> TrainingData:
    """Return examples to train a network on that reads as `input_spec` says, and those that are held out.

    source: a `DataSpec`, whose own validation, seed and count hold; what `data_spec` takes; a pair (x, y) of examples and
        their classes, as `array_pairs.collected` takes them; a `tf.data.Dataset` of such pairs, one at a time or in batches; or
        `TrainingData`, as it is.
    validation: the share that is held out, 0 to below 1, of each class; or another source. Where a folder, or a zip of one,
        holds train/ and validation/ (or val/, test/), that one is held out instead of a share.
    label_column, file_column: the columns of a .csv that hold the classes and the files, by name or number from 1 on; "" to find them.
    seed: decides which examples are held out. The order of the examples hangs on their names only.
    Files that can't be read are left out and named. Raises ExplorerError for what is no data, for fewer than two examples
    or classes, and for held-out classes that are not trained on.
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
        raise not_a_list()
    share = checked_share(validation) if validation is None or isinstance(validation, Real) else None
    own, held = _gathered(source, input_spec)
    if share is None:
        given, inner = _gathered(_alike(validation, source, seed), input_spec)
        notes = (_("The validation part of the data is left aside, as other data is given for it."),) if held else ()
        held = replace(inner or given, notes=(*given.notes, *notes))
    own, empty = _without_empty(own)
    _refuse_too_little(own)
    own = replace(own, notes=(*own.notes, *empty))
    return _given(own, held, input_spec) if held else _divided(own, share or 0.0, seed, input_spec)


def _alike(validation: Any, source: Any, seed: int) -> Any:
    """Return the validation data; a list of files has the columns that the data has."""
    if not isinstance(validation, str | os.PathLike):
        return validation
    spec = data_spec(validation, seed=seed)
    columns = (source.label_column, source.file_column) if isinstance(source, DataSpec) and spec.source == "csv" else ("", "")
    return replace(spec, label_column=columns[0], file_column=columns[1])


def _gathered(source: Any, input_spec: InputSpec) -> tuple[Collection, Collection | None]:
    """Return what a source holds, and what it says is held out."""
    if isinstance(source, DataSpec):
        return _specified(source, input_spec)
    if hasattr(source, "element_spec") and hasattr(source, "as_numpy_iterator"):
        return tf_data.collected(source, input_spec), None
    if isinstance(source, tuple | list) and len(source) == 2:
        return arrays.collected(source[0], source[1], input_spec), None
    raise ExplorerError(
        _("Data is a folder, a .zip, .npz or .csv, the name of a built-in set, a pair (x, y) or a tf.data.Dataset, not {type}.").format(
            type=type(source).__name__
        )
    )


def _specified(spec: DataSpec, input_spec: InputSpec) -> tuple[Collection, Collection | None]:
    if spec.source == "built-in":
        return builtin.collected(spec.path, input_spec, spec.count, spec.seed), None
    path = Path(spec.path)
    if not os.path.exists(path):  # unlike Path.exists, False where one may not look
        raise ExplorerError(_("There is no file or folder {path}.").format(path=path))
    if spec.source == "npz":
        own, held = arrays.collected(*arrays.read_npz(path), input_spec), None
    elif spec.source == "csv":
        own, held = file_lists.collected(path, input_spec, spec.label_column, spec.file_column)
    else:
        own, held = class_folders.collected(kept_unpacked(path) if spec.source == "zip" else path, input_spec, path.name)
    changed = _("{name} has changed since it was chosen.").format(name=path.name)
    return replace(own, notes=(changed, *own.notes)) if spec.stamp not in ("", stamp(path)) else own, held


def _without_empty(own: Collection) -> tuple[Collection, tuple[str, ...]]:
    """Return a collection without the classes that have no example, and what there is to say of them."""
    found = dataset_warnings.counts(own.classes, own.examples)
    kept = [place for place, count in enumerate(found) if count]
    renumbered = {place: number for number, place in enumerate(kept)}
    examples = tuple(replace(one, classes=tuple(renumbered[place] for place in one.classes)) for one in own.examples)
    empty = [name for name, count in zip(own.classes, found, strict=True) if not count]
    return replace(own, classes=tuple(own.classes[place] for place in kept), examples=examples), dataset_warnings.on_empty(empty)


def _refuse_too_little(own: Collection) -> None:
    """Raise ExplorerError where there is nothing to tell apart; what could not be read may be why."""
    lost, why = len(own.left_out), own.left_out[0][1] if own.left_out else ""
    if not own.examples and lost:
        count = counted("The only file can't be used", "None of the {number} files can be used", lost)
        raise ExplorerError(_("{count}; the first: {why}").format(count=count, why=why))
    if not own.examples:
        raise ExplorerError(_("There are no examples in the data: put some into each class."))
    count = counted("1 file can't be used", "{number} files can't be used", lost)
    unread = " " + _("{count}; the first: {why}").format(count=count, why=why) if lost else ""
    if not own.classes:
        raise ExplorerError(_("No example is of any class: give examples of at least two classes."))
    if len(own.examples) == 1:
        single = _("There is a single example, {name}: a training needs several of each class.")
        raise ExplorerError(single.format(name=own.examples[0].example.name) + unread)
    if len(own.classes) < 2:
        alike = _("All examples are of one class, {name}: give examples of another one, to tell them apart.")
        raise ExplorerError(alike.format(name="".join(own.classes)) + unread)


def _divided(own: Collection, share: float, seed: int, input_spec: InputSpec) -> TrainingData:
    """Hold out a share of each class."""
    same = same_content([one.example for one in own.examples])
    examples = together(own.examples, same)
    out = held_out(examples, share, seed)
    training = tuple(one for place, one in enumerate(examples) if place not in out)
    validation = tuple(one for place, one in enumerate(examples) if place in out)
    notes = (
        *own.notes,
        *_notes(own.classes, training, validation, input_spec, given=False),
        *dataset_warnings.on_copies(same, examples, out),
    )
    return TrainingData(input_spec.kind, own.classes, training, validation, own.multi_label, own.left_out, notes)


def _given(own: Collection, held: Collection, input_spec: InputSpec) -> TrainingData:
    """Hold out what was given for it."""
    if not held.examples:
        raise ExplorerError(_("None of the validation data can be read: give other files, or a share of the data."))
    spelled = spelled_as(own.classes, held.classes)
    used = [spelled[held.classes[place]] for place, count in enumerate(dataset_warnings.counts(held.classes, held.examples)) if count]
    alone = [name for name in used if name not in own.classes]
    if alone:
        raise ExplorerError(
            _("In the validation data, but not in the training data: {names}. The classes of both must have the same names.").format(
                names=", ".join(alone)
            )
        )
    place_of = {name: place for place, name in enumerate(own.classes)}
    places = [place_of.get(spelled[name], -1) for name in held.classes]  # without an example where there is none
    validation = tuple(replace(one, classes=tuple(sorted(places[place] for place in one.classes))) for one in held.examples)
    count, same = len(own.examples), same_content([one.example for one in own.examples + validation])
    examples = together(own.examples + validation, same)
    training, validation = examples[:count], examples[count:]
    out = frozenset(range(count, len(examples)))
    notes = (
        *held.notes,
        *own.notes,
        *dataset_warnings.on_spelling(spelled),
        *_notes(own.classes, training, validation, input_spec, given=True),
        *dataset_warnings.on_copies(same, examples, out),
    )
    return TrainingData(
        input_spec.kind, own.classes, training, validation, own.multi_label or held.multi_label, own.left_out + held.left_out, notes
    )


def _notes(
    classes: Sequence[str], training: tuple[Labelled, ...], validation: tuple[Labelled, ...], input_spec: InputSpec, given: bool
) -> tuple[str, ...]:
    return (
        *dataset_warnings.on_case(classes),
        *dataset_warnings.on_imbalance(classes, training + validation),
        *dataset_warnings.on_held_out(classes, validation, given),
        *dataset_warnings.on_damage([said for one in training + validation for said in damage_of(one.example, input_spec)]),
    )
