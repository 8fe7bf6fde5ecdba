"""tf.data: examples with their classes from a `tf.data.Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from explorer.backend.datasets import arrays
from explorer.backend.datasets.examples import Collection
from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import InputSpec

INFINITE = -1  # tf.data.INFINITE_CARDINALITY
ROW = 500  # bytes that an example takes beside its numbers


def read_collection(dataset: Any, input_spec: InputSpec) -> Collection:
    """Return the examples of a `tf.data.Dataset` of (x, y), single or in batches.

    x: an array, for several inputs a dict by input name or a tuple in input order; pictures may be of unequal sizes.
    y: a class number or name, or a row of 0 and 1; where the dataset has `class_names`, as Keras's have, an index into them.
    Raises ExplorerError for other datasets, as `arrays.read_collection` does, for endless ones, and where they don't fit into memory.
    """
    name = _("The tf.data.Dataset")
    with refusing(ExplorerError, _("{name} can't be read: {why}. Iterate over it to see where it fails."), name):
        return _read_collection(dataset, input_spec, name)


def _read_collection(dataset: Any, input_spec: InputSpec, name: str) -> Collection:
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ExplorerError(_("The tf.data.Dataset must give pairs: an example and its class."))
    if int(dataset.cardinality()) == INFINITE:
        raise ExplorerError(_("The tf.data.Dataset never ends: give it without repeat(), or with take()."))
    rows: list[tuple[Any, ...]] = []
    targets: list[Any] = []
    size, most, inputs = 0, budget.limit(), dict[str, Any]()
    for x, y in dataset.as_numpy_iterator():
        inputs = _by_input(x)
        batched = _is_batch(inputs, y, input_spec)
        size += sum(np.asarray(array).nbytes for array in inputs.values()) + ROW * (len(y) if batched else 1)
        if size > most:  # of the memory that was free before the first example
            budget.check(size, name, _("Use a part of it, or a folder of files."), ExplorerError)
        rows += zip(*inputs.values(), strict=True) if batched else [tuple(inputs.values())]
        targets += list(y) if batched else [y]
    columns = [_stacked(column) for column in zip(*rows, strict=True)]
    x_columns = dict(zip(inputs, columns, strict=True)) if isinstance(spec[0], Mapping) else columns
    return arrays.read_collection(
        columns[0] if len(columns) == 1 else x_columns, targets, input_spec, getattr(dataset, "class_names", None)
    )


def _by_input(x: Any) -> dict[str, Any]:
    if isinstance(x, Mapping):
        return dict(x)
    return {str(index): array for index, array in enumerate(x if isinstance(x, tuple) else (x,))}


def _is_batch(inputs: Mapping[str, Any], y: Any, input_spec: InputSpec) -> bool:
    """Whether x and y are a batch: with a class for each example, and one axis more than a single example."""
    name, first = next(iter(inputs.items()))
    if input_spec.kind == "image":
        example_ndim = 3 if np.shape(first)[-1:] in ((1,), (3,)) else 2  # grey pictures may come without channels
    elif input_spec.kind == "audio":
        example_ndim = 1
    else:
        example_ndim = len({tensor.name: tensor.shape for tensor in input_spec.inputs}.get(name, input_spec.inputs[0].shape))
    return np.ndim(first) > example_ndim and np.ndim(y) > 0 and len(first) == len(y)


def _stacked(examples: tuple[Any, ...]) -> Any:
    """Return examples as one array; a list where their shapes differ."""
    return np.stack(examples) if len({np.shape(example) for example in examples}) == 1 else list(examples)
