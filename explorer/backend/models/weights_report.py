"""What becomes of each layer when weights are loaded, and whose weights are whose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.weights import Mismatch, Shapes, WeightsReport


def misfit(model: Any, name: str, report: WeightsReport) -> ExplorerError:
    """Return the error for a file that does not fit a model."""
    told = [_("the model's {layer} is not in the file").format(layer=layer) for layer in report.missing[:2]]
    told += [_("the file's {layer} is not in the model").format(layer=layer) for layer in report.unexpected[:2]]
    told += [
        _("{layer} has weights {in_file} in the file and {in_model} in the model").format(
            layer=one.layer, in_file=" ".join(map(str, one.in_file)), in_model=" ".join(map(str, one.in_model))
        )
        for one in report.mismatched[:2]
    ]
    return ExplorerError(
        _("The weights in {name} do not fit {model}: {differences}. With by_name=True those that fit are loaded.").format(
            name=name, model=model.name, differences="; ".join(told)
        )
    )


def paired(wanted: Iterable[str], saved: Iterable[str]) -> dict[str, str]:
    """Return the layer in the file for each layer of the model: of the same name, else the only one so called in any nested model."""
    wanted, saved = list(wanted), list(saved)
    pairs = {name: name for name in wanted if name in saved}
    by_last = [Counter(name.rsplit("/", 1)[-1] for name in names if name not in pairs) for names in (wanted, saved)]
    for name in saved:
        last = name.rsplit("/", 1)[-1]
        if name not in pairs and all(count[last] == 1 for count in by_last):
            pairs[next(one for one in wanted if one not in pairs and one.rsplit("/", 1)[-1] == last)] = name
    return pairs


def compared(wanted: Mapping[str, Shapes], saved: Mapping[str, Shapes], pairs: Mapping[str, str]) -> WeightsReport:
    """Return which layers fit, by the shapes of their weights in the model and in the file."""
    fits = {name: wanted[name] == saved[other] for name, other in pairs.items()}
    return WeightsReport(
        loaded=tuple(name for name in wanted if fits.get(name)),
        missing=tuple(name for name in wanted if name not in pairs),
        unexpected=tuple(name for name in saved if name not in pairs.values()),
        mismatched=tuple(Mismatch(name, saved[pairs[name]], wanted[name]) for name in wanted if fits.get(name) is False),
    )
