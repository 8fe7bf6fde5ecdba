"""How good a model is on data: by what it was compiled with, or by the measure that suits its last activation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.evaluation.data import Arrays, check_lengths, named
from explorer.backend.graph.nodes import has_graph
from explorer.backend.inference.predictions import last_activation
from explorer.backend.inputs.npy import Array
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError
from explorer.locale import _


def evaluate(model: Any, x: Any, y: Any, batch_size: int = 32) -> dict[str, float]:
    """Return the loss and the metrics of a model on examples `x` with answers `y`, as Keras names them.

    x: (n, ...) as the model reads it, prepared; for several inputs a dict by their names, or a list in their order.
    y: (n, ...) answers: numbers of classes or one-hot rows for softmax, 0 and 1 for sigmoid, else values; for several
        outputs a dict by their names, or a list.
    A compiled model is measured by its own loss and metrics. For another they are chosen by its last activation:
    crossentropy and accuracy after softmax (sparse for numbers of classes) and sigmoid, else mean squared and mean
    absolute error; the model stays uncompiled.
    Raises ExplorerError for data that does not fit the model, or holds NaN, and where the model answers NaN.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ExplorerError(_("batch_size must be a whole number from 1, not {batch_size!r}.").format(batch_size=batch_size))
    examples = named(x, _input_names(model, x), "x")
    answers = named(y, _output_names(model, y), "y")
    check_lengths(examples, answers)
    _check_inputs(model, examples)
    with refusing(ExplorerError, _("{name} can't be evaluated on this data: {why}."), model.name), _without_advice():
        if model.compiled:
            measured = model.evaluate(_as_taken(examples), _as_taken(answers), batch_size=batch_size, verbose=0, return_dict=True)
        else:
            measured = _measured(model, examples, answers, int(batch_size))
    result = {name: float(np.asarray(value)) for name, value in measured.items()}
    bad = [name for name, value in result.items() if not np.isfinite(value)]
    if bad:
        raise ExplorerError(
            _("{name} gives no number for {measures}: its weights, or what it computes, went to NaN or infinity.").format(
                name=model.name, measures=", ".join(bad)
            )
        )
    return result


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep to itself what TensorFlow says of data in ever new shapes: it is meant for whoever writes a loop."""
    log = tensorflow.get_logger()
    before = log.level
    log.setLevel("ERROR")
    try:
        yield
    finally:
        log.setLevel(before)


def _input_names(model: Any, data: Any) -> list[str]:
    """Return the names of the model's inputs; of one whose inputs Keras does not know, those in the data."""
    tensors = getattr(model, "inputs", None) or []
    return [tensor.name for tensor in tensors] or (list(data) if isinstance(data, Mapping) else ["x"])


def _output_names(model: Any, data: Any) -> list[str]:
    """Return the names of the model's outputs, in the order in which Keras flattens them; else those in the data."""
    output = getattr(model, "output", None)
    if isinstance(output, dict):
        return sorted(output)
    names = list(getattr(model, "output_names", None) or [])
    return names or (sorted(data) if isinstance(data, Mapping) and not getattr(model, "outputs", None) else ["y"])


def _as_taken(arrays: Arrays) -> Any:
    """Return one array as it is, several by name."""
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


def _check_inputs(model: Any, examples: Arrays) -> None:
    for tensor, (name, array) in zip(getattr(model, "inputs", None) or (), examples.items(), strict=False):
        wanted = tuple(tensor.shape)[1:]
        if len(wanted) != array.ndim - 1 or any(size not in (None, have) for size, have in zip(wanted, array.shape[1:], strict=True)):
            raise ExplorerError(
                _("{model} reads examples of shape {wanted} at its input {name}; x has {given}.").format(
                    model=model.name, wanted=_open(wanted), name=name, given=_open(array.shape[1:])
                )
            )


def _open(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


@dataclass(frozen=True, eq=False)
class _Measure:
    """How one output is measured: the answers in the shape that the loss and the metric take."""

    target: Array
    loss: Any
    metric: Any


def _measured(model: Any, examples: Arrays, answers: Arrays, batch_size: int) -> dict[str, float]:
    """Measure a model without compiling it: feed its scores for batches to metrics of Keras."""
    measures: list[_Measure] = []
    for start in range(0, len(next(iter(examples.values()))), batch_size):
        part = slice(start, start + batch_size)
        scores = model.predict_on_batch(_as_taken({name: array[part] for name, array in examples.items()}))
        outputs = [one if one.ndim > 1 else one[:, None] for one in keras.tree.flatten(scores)]
        if not measures:
            if has_graph(model):
                last = [last_activation(tensor) for tensor in model.outputs]
            else:
                last = [_looks_like(output) for output in outputs]
            measures = [_chosen(*each) for each in zip(answers, answers.values(), last, outputs, strict=True)]
        for measure, output in zip(measures, outputs, strict=True):
            measure.loss.update_state(measure.target[part], output)
            measure.metric.update_state(measure.target[part], output)
    result = {"loss": sum(float(measure.loss.result()) for measure in measures)}
    for name, measure in zip(answers, measures, strict=True):
        if len(measures) > 1:
            result[f"{name}_loss"] = float(measure.loss.result())
        result[f"{name}_{measure.metric.name}" if len(measures) > 1 else measure.metric.name] = float(measure.metric.result())
    return result


def _chosen(name: str, target: Array, activation: str, output: Array) -> _Measure:
    """Return how an output is measured, by its last activation and the shape of its answers."""
    places, classes = output.shape[1:-1], output.shape[-1]
    if target.shape[1:] == places and classes == 1:
        target = target[..., None]
    if target.shape[1:] == (*places, 1) and classes > 1:
        target = target[..., 0]
    if target.shape[1:] == output.shape[1:]:
        if activation == "softmax" and classes > 1:
            return _Measure(target, keras.metrics.CategoricalCrossentropy(), keras.metrics.CategoricalAccuracy("accuracy"))
        if activation == "sigmoid":
            _check_range(name, target, 1, whole=False)
            return _Measure(target, keras.metrics.BinaryCrossentropy(), keras.metrics.BinaryAccuracy("accuracy"))
        return _Measure(target, keras.metrics.MeanSquaredError(), keras.metrics.MeanAbsoluteError("mae"))
    if target.shape[1:] == places:
        _check_range(name, target, classes - 1, whole=True)
        loss = keras.metrics.SparseCategoricalCrossentropy(from_logits=activation != "softmax")
        return _Measure(target, loss, keras.metrics.SparseCategoricalAccuracy("accuracy"))
    raise ExplorerError(
        _("The output {name} has the shape {wanted} for each example, to which answers of shape {given} do not fit.").format(
            name=name, wanted=_open(output.shape[1:]), given=_open(target.shape[1:])
        )
    )


def _check_range(name: str, target: Array, largest: int, whole: bool) -> None:
    if target.min() < 0 or target.max() > largest or (whole and not np.equal(target, np.round(target)).all()):
        text = (
            _("The answers for {name} must be numbers of classes, 0 to {largest}.")
            if whole
            else _("The answers for {name} must lie in 0 to {largest}.")
        )
        raise ExplorerError(text.format(name=name, largest=largest))


def _looks_like(scores: Array) -> str:
    """Return what the scores of a model without a graph look like: softmax where they are shares of one whole."""
    shares = scores.min() >= 0 and scores.shape[-1] > 1 and np.allclose(scores.sum(axis=-1), 1, atol=1e-3)
    return "softmax" if shares else ""
