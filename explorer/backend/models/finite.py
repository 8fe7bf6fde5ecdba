"""The checks for finite values: NaN and infinity in the weights of a network, and in its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.errors import MeaninglessAnswer
from explorer.locale import _

NAMED = 3  # layers that a sentence names


def unfit_layers(model: Any) -> tuple[str, ...]:
    """Return the paths of the layers of a model whose weights are not all finite. Each weight is read once."""
    paths = [variable.path.removeprefix(f"{model.name}/") for variable in model.weights if not is_finite(variable.numpy())]
    return tuple(dict.fromkeys(path.rpartition("/")[0] for path in paths))


def is_finite(array: Any) -> bool:
    """Return whether all numbers of an array are finite; also True for text."""
    if array.size == 0 or not np.issubdtype(array.dtype, np.inexact):
        return array.dtype.kind != "V" or bool(np.isfinite(array.astype(np.float32)).all())  # bfloat16 and the like
    return bool(np.isfinite(array.min()) and np.isfinite(array.max()))  # both are NaN if there is one; makes no copy


def nonfinite_sentence(unfit: Sequence[str]) -> str:
    """Return the sentence about layers whose weights are not all finite."""
    layers = ", ".join(unfit[:NAMED]) + ("…" if len(unfit) > NAMED else "")
    return _(
        "Weights of {layers} are not numbers (NaN) or infinite, as after a training that diverged: its predictions mean nothing."
    ).format(layers=layers)


def nonfinite_notes(model: Any) -> tuple[str, ...]:
    """Return a sentence about the weights of a model that are NaN or infinite; () if all are finite."""
    unfit = unfit_layers(model)
    return (nonfinite_sentence(unfit),) if unfit else ()


def check_answers(values: Any, model: Any) -> None:
    """Raise MeaninglessAnswer if an output of a model is not finite, with the likely cause."""
    if np.isfinite(values).all():
        return
    why = nonfinite_notes(model) or (
        _(
            "Its weights are finite, so this comes up in between, as when values grow without bounds or a logarithm is taken of a negative "
            "number: look at the feature maps of its layers, one by one."
        ),
    )
    raise MeaninglessAnswer(_("The output of {name} is not a number (NaN), or infinite. {why}").format(name=model.name, why=why[0]))
