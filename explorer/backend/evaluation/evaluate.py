"""Evaluate: how good a model is on data, by the loss and metrics it was compiled with, or by those that suit its last activation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.evaluation.data import Arrays, arrays_by_name, check_lengths
from explorer.backend.graph.nodes import has_graph
from explorer.backend.inference.predictions import last_activation
from explorer.backend.inputs.npy import Array
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError
from explorer.locale import _


def evaluate(model: Any, x: Any, y: Any, batch_size: int = 32) -> dict[str, float]:
    """Return the loss and the metrics of a model on examples `x` with targets `y`, under Keras's names.

    x: (n, ...) preprocessed as the model reads it; for several inputs a dict by name, or a list in order.
    y: (n, ...) class numbers or one-hot rows for softmax, 0 and 1 for sigmoid, else values; for several outputs a dict by
        name, or a list in order.
    A compiled model is measured by its own loss and metrics. Otherwise they follow from its last activation:
    crossentropy and accuracy after softmax (sparse for class numbers) and sigmoid, else mean squared and mean
    absolute error; the model stays uncompiled.
    Raises ExplorerError for data that does not fit the model, or holds NaN, and where a measure is NaN.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ExplorerError(_("batch_size must be a whole number from 1, not {batch_size!r}.").format(batch_size=batch_size))
    examples = arrays_by_name(x, _input_names(model, x), "x")
    targets = arrays_by_name(y, _output_names(model, y), "y")
    check_lengths(examples, targets)
    _check_inputs(model, examples)
    with refusing(ExplorerError, _("{name} can't be evaluated on this data: {why}."), model.name), _tensorflow_warnings_off():
        if model.compiled:
            measures = model.evaluate(
                _single_or_dict(examples), _single_or_dict(targets), batch_size=batch_size, verbose=0, return_dict=True
            )
        else:
            measures = _measured(model, examples, targets, int(batch_size))
    result = {name: float(np.asarray(value)) for name, value in measures.items()}
    not_finite = [name for name, value in result.items() if not np.isfinite(value)]
    if not_finite:
        raise ExplorerError(
            _("{name} gives no number for {measures}: its weights or outputs are NaN or infinite.").format(
                name=model.name, measures=", ".join(not_finite)
            )
        )
    return result


@contextmanager
def _tensorflow_warnings_off() -> Iterator[None]:
    """Silence TensorFlow's warnings about batches of different shapes, which are meant for people who write training loops."""
    log = tensorflow.get_logger()
    before = log.level
    log.setLevel("ERROR")
    try:
        yield
    finally:
        log.setLevel(before)


def _input_names(model: Any, data: Any) -> list[str]:
    """Return the names of the model's inputs; those in the data where Keras does not know its inputs."""
    tensors = getattr(model, "inputs", None) or []
    return [tensor.name for tensor in tensors] or (list(data) if isinstance(data, Mapping) else ["x"])


def _output_names(model: Any, data: Any) -> list[str]:
    """Return the names of the model's outputs, in the order in which Keras flattens them; those in the data where it has none."""
    output = getattr(model, "output", None)
    if isinstance(output, dict):
        return sorted(output)
    names = list(getattr(model, "output_names", None) or [])
    return names or (sorted(data) if isinstance(data, Mapping) and not getattr(model, "outputs", None) else ["y"])


def _single_or_dict(arrays: Arrays) -> Any:
    """Return a single array as it is, several as a dict."""
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


def _check_inputs(model: Any, examples: Arrays) -> None:
    for tensor, (name, array) in zip(getattr(model, "inputs", None) or (), examples.items(), strict=False):
        shape = tuple(tensor.shape)[1:]
        if len(shape) != array.ndim - 1 or any(size not in (None, length) for size, length in zip(shape, array.shape[1:], strict=True)):
            raise ExplorerError(
                _("{model} reads examples of shape {wanted} at its input {name}; x has {given}.").format(
                    model=model.name, wanted=_shape_text(shape), name=name, given=_shape_text(array.shape[1:])
                )
            )


def _shape_text(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


@dataclass(frozen=True, eq=False)
class _Measure:
    """How one output is measured: its targets, in the shape that the loss and the metric take."""

    target: Array
    loss: Any
    metric: Any


def _measured(model: Any, examples: Arrays, targets: Arrays, batch_size: int) -> dict[str, float]:
    """Measure a model without compiling it: pass its scores for each batch to Keras metrics."""
    measures: list[_Measure] = []
    for start in range(0, len(next(iter(examples.values()))), batch_size):
        batch = slice(start, start + batch_size)
        scores = model.predict_on_batch(_single_or_dict({name: array[batch] for name, array in examples.items()}))
        outputs = [output if output.ndim > 1 else output[:, None] for output in keras.tree.flatten(scores)]
        if not measures:
            if has_graph(model):
                activations = [last_activation(tensor) for tensor in model.outputs]
            else:
                activations = [_apparent_activation(output) for output in outputs]
            measures = [_measure_for(*each) for each in zip(targets, targets.values(), activations, outputs, strict=True)]
        for measure, output in zip(measures, outputs, strict=True):
            measure.loss.update_state(measure.target[batch], output)
            measure.metric.update_state(measure.target[batch], output)
    result = {"loss": sum(float(measure.loss.result()) for measure in measures)}
    for name, measure in zip(targets, measures, strict=True):
        if len(measures) > 1:
            result[f"{name}_loss"] = float(measure.loss.result())
        result[f"{name}_{measure.metric.name}" if len(measures) > 1 else measure.metric.name] = float(measure.metric.result())
    return result


def _measure_for(name: str, target: Array, activation: str, output: Array) -> _Measure:
    """Return how an output is measured, by its last activation and the shape of its targets."""
    positions, classes = output.shape[1:-1], output.shape[-1]
    if target.shape[1:] == positions and classes == 1:
        target = target[..., None]
    if target.shape[1:] == (*positions, 1) and classes > 1:
        target = target[..., 0]
    if target.shape[1:] == output.shape[1:]:
        if activation == "softmax" and classes > 1:
            return _Measure(target, keras.metrics.CategoricalCrossentropy(), keras.metrics.CategoricalAccuracy("accuracy"))
        if activation == "sigmoid":
            _check_range(name, target, 1, integers=False)
            return _Measure(target, keras.metrics.BinaryCrossentropy(), keras.metrics.BinaryAccuracy("accuracy"))
        return _Measure(target, keras.metrics.MeanSquaredError(), keras.metrics.MeanAbsoluteError("mae"))
    if target.shape[1:] == positions:
        _check_range(name, target, classes - 1, integers=True)
        loss = keras.metrics.SparseCategoricalCrossentropy(from_logits=activation != "softmax")
        return _Measure(target, loss, keras.metrics.SparseCategoricalAccuracy("accuracy"))
    raise ExplorerError(
        _("The output {name} has the shape {wanted} for each example, but its targets have {given}.").format(
            name=name, wanted=_shape_text(output.shape[1:]), given=_shape_text(target.shape[1:])
        )
    )


def _check_range(name: str, target: Array, largest: int, integers: bool) -> None:
    if target.min() < 0 or target.max() > largest or (integers and not np.equal(target, np.round(target)).all()):
        message = (
            _("The targets for {name} must be class numbers, 0 to {largest}.")
            if integers
            else _("The targets for {name} must be between 0 and {largest}.")
        )
        raise ExplorerError(message.format(name=name, largest=largest))


def _apparent_activation(scores: Array) -> str:
    """Return the apparent activation of a model without a graph: "softmax" where scores sum to one, else ""."""
    shares = scores.min() >= 0 and scores.shape[-1] > 1 and np.allclose(scores.sum(axis=-1), 1, atol=1e-3)
    return "softmax" if shares else ""
