"""The architecture picker: every row of the table with what it means."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.catalog import Architecture, architectures
from explorer.locale import _, megabytes
from explorer.session import Session
from explorer.widgets.view import View


class ArchitecturePicker(View):
    """Shows the network that is loaded and, opened, the table of architectures to choose from."""

    rows: traitlets.List[dict[str, str]] = traitlets.List(help="One dict an architecture: name, and its facts as texts.").tag(sync=True)
    chosen = traitlets.Unicode(help="The architecture that is loaded.").tag(sync=True)
    opening = traitlets.Unicode(help="The architecture that is being loaded.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("network", "opening", "at_hand", by=self._draw)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "label": _("Architecture"),
            "name": _("Name"),
            "accuracy": _("Top-1 accuracy"),
            "parameters": _("Parameters"),
            "depth": _("Depth"),
            "weights": _("Weights"),
            "year": _("Year"),
            "hint": _("Accuracy: how often the first answer is right. Depth: number of layers, as the Keras guide counts them."),
            "none": _("Choose an architecture"),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Load the architecture that was chosen."""
        self.session.open(str(message["open"]))

    def _draw(self) -> None:
        self.rows = [_facts(row, row.name in self.session.at_hand) for row in architectures.values()]
        self.chosen = self.session.network.spec.architecture if self.session.network else ""
        self.opening = self.session.opening.architecture if self.session.opening else ""


def _facts(row: Architecture, here: bool) -> dict[str, str]:
    size = megabytes(row.size)
    if row.bundled:
        weights = _("{size} MB, comes with explorer").format(size=size)
    elif here:
        weights = _("{size} MB, on this machine").format(size=size)
    else:
        weights = _("{size} MB to download").format(size=size)
    accuracy = _("{percent} % on {what}").format(percent=f"{row.top1 * 100:.1f}", what=row.measured_on)
    parameters = short_count(row.parameters)
    return {
        "name": row.name,
        "accuracy": accuracy,
        "parameters": parameters,
        "depth": str(row.depth) if row.depth else "–",
        "weights": weights,
        "year": str(row.year),
        "paper": row.paper,
        "summary": " · ".join((_("{count} parameters").format(count=parameters), _("top-1 {accuracy}").format(accuracy=accuracy), weights)),
    }


def short_count(number: int) -> str:
    """Return 3.5 M for 3,538,984 and 39 k for 39,370."""
    if number >= 1_000_000:
        return _("{number} M").format(number=f"{number / 1e6:.1f}")
    return _("{number} k").format(number=round(number / 1000)) if number >= 1000 else str(number)
