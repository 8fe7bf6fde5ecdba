"""The report on loaded weights, layer by layer, and the pairing of the layers of a file with those of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.weights import Mismatch, Shapes, WeightsReport


def misfit(model: Any, name: str, report: WeightsReport) -> ExplorerError:
    """Return the error for a file that does not match a model."""
    differences = [_("the model's {layer} is not in the file").format(layer=layer) for layer in report.missing[:2]]
    differences += [_("the file's {layer} is not in the model").format(layer=layer) for layer in report.unexpected[:2]]
    differences += [
        _("{layer} has weights {in_file} in the file and {in_model} in the model").format(
            layer=mismatch.layer, in_file=" ".join(map(str, mismatch.in_file)), in_model=" ".join(map(str, mismatch.in_model))
        )
        for mismatch in report.mismatched[:2]
    ]
    return ExplorerError(
        _("The weights in {name} do not fit {model}: {differences}. With by_name=True those that fit are loaded.").format(
            name=name, model=model.name, differences="; ".join(differences)
        )
    )


def paired(names: Iterable[str], saved: Iterable[str]) -> dict[str, str]:
    """Return layer of the model -> layer of the file: the one of the same name, else the only one of that name in any nested model."""
    names, saved = list(names), list(saved)
    pairs = {name: name for name in names if name in saved}
    by_last = [Counter(name.rsplit("/", 1)[-1] for name in group if name not in pairs) for group in (names, saved)]
    for name in saved:
        last = name.rsplit("/", 1)[-1]
        if name not in pairs and all(count[last] == 1 for count in by_last):
            pairs[next(candidate for candidate in names if candidate not in pairs and candidate.rsplit("/", 1)[-1] == last)] = name
    return pairs


def compared(shapes: Mapping[str, Shapes], saved: Mapping[str, Shapes], pairs: Mapping[str, str]) -> WeightsReport:
    """Return the report on paired layers, by the shapes of their weights in the model and in the file."""
    fits = {name: shapes[name] == saved[other] for name, other in pairs.items()}
    return WeightsReport(
        loaded=tuple(name for name in shapes if fits.get(name)),
        missing=tuple(name for name in shapes if name not in pairs),
        unexpected=tuple(name for name in saved if name not in pairs.values()),
        mismatched=tuple(Mismatch(name, saved[pairs[name]], shapes[name]) for name in shapes if fits.get(name) is False),
    )
