"""The answers: the top-k predictions as bars, and what the other classes hold."""

from __future__ import annotations

import math
from typing import Any

import traitlets

from explorer.locale import _, counted
from explorer.rendering.feature_maps import short
from explorer.state.session import Session
from explorer.values import NetworkSummary, Predictions, shape_text
from explorer.widgets.base.view import View


class PredictionsView(View):
    """Draws the top answers as labelled bars with numbers; `top` says how many."""

    predictions: traitlets.List[dict[str, Any]] = traitlets.List(help="One dict an answer: label, text, and share of the bar.").tag(
        sync=True
    )
    others = traitlets.Instance(dict, allow_none=True, help="The same of all other classes together.").tag(sync=True)
    about = traitlets.Unicode(help="What the scores are, where they share no whole.").tag(sync=True)
    outputs = traitlets.List(traitlets.Unicode(), help="The outputs to choose from; empty where there is one.").tag(sync=True)
    output = traitlets.Int(0, help="Index of the chosen output.").tag(sync=True)
    top = traitlets.Int(5).tag(sync=True)
    classes = traitlets.Int(0, help="How many classes the network knows.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("predictions", "network", "top", "output", by=self._draw)
        self.observe(lambda change: setattr(self.session, "top", change["new"]), "top")
        self.observe(self._choose_output, "output")

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "title": _("Predictions"),
            "top": _("top"),
            "top_label": _("How many answers"),
            "output": _("Output"),
        }

    def _choose_output(self, change: dict[str, Any]) -> None:
        self.session.output = change["new"]
        self.output = self.session.output  # a choice that came late may mean a network that is gone

    def _draw(self) -> None:
        predictions, network = self.session.predictions, self.session.network
        self.top, self.output = self.session.top, self.session.output
        self.outputs = [one.name for one in network.outputs] if network and len(network.outputs) > 1 else []
        self.classes = network.classes[self.output] if network else 0
        self.about = _about(network, predictions, self.output)
        reach = max((abs(one.score) for one in predictions.predictions if math.isfinite(one.score)), default=0) if predictions else 0
        scale = predictions.scale if predictions else "shares"
        self.predictions = (
            [_answer(one.label.replace("_", " "), one.score, scale, reach) for one in predictions.predictions] if predictions else []
        )
        if predictions and predictions.others and scale == "shares":
            label = counted("{number} other", "{number} others together", predictions.others)
            self.others = _answer(label, max(0.0, predictions.others_score), scale, reach)
        else:
            self.others = None


def _about(network: NetworkSummary | None, predictions: Predictions | None, output: int) -> str:
    """Return what has to be said about the answers of this output."""
    if network is not None and not network.classes[output]:
        shape = shape_text(network.outputs[output].shape)
        return _("This network answers with {shape} values; select its last layer to see them.").format(shape=shape)
    if predictions is None:
        return _("No answers yet.")
    return {
        "independent": _("Each score stands for itself, from 0 to 100 %."),
        "values": _("Values as the network returns them, no shares of a whole."),
    }.get(predictions.scale, "")


def _answer(label: str, score: float, scale: str, reach: float) -> dict[str, Any]:
    """Return one bar: values are drawn against the largest of them, scores against 1."""
    if not math.isfinite(score):
        return {"label": label, "text": str(score), "share": 0.0}
    if scale == "values":
        return {"label": label, "text": short(score), "share": abs(score) / reach if reach else 0.0, "below": score < 0}
    return {"label": label, "text": _("{number} %").format(number=f"{score * 100:.1f}"), "share": score}
