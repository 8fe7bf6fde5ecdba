"""The answers: the top-k predictions as bars, and what the other classes hold."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.locale import _, counted
from explorer.session import Session
from explorer.widgets.view import View


class AnswersView(View):
    """Draws the top answers as labelled bars with numbers; `top` says how many."""

    answers: traitlets.List[dict[str, Any]] = traitlets.List(help="One dict an answer: label, score in 0 to 1.").tag(sync=True)
    others = traitlets.Instance(dict, allow_none=True, help="Label and score of all other classes together.").tag(sync=True)
    top = traitlets.Int(5).tag(sync=True)
    classes = traitlets.Int(0, help="How many classes the network knows.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("answers", "network", "top", by=self._draw)
        self.observe(lambda change: setattr(self.session, "top", change["new"]), "top")

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "title": _("Answers"),
            "top": _("top"),
            "top_label": _("How many answers"),
            "empty": _("No answers yet."),
            "percent": _("{number} %"),
        }

    def _draw(self) -> None:
        answers, network = self.session.answers, self.session.network
        self.top = self.session.top
        self.classes = network.classes if network else 0
        self.answers = [{"label": one.label.replace("_", " "), "score": one.score} for one in answers.predictions] if answers else []
        if answers and answers.others and answers.sums_to_one:
            label = counted("{number} other", "{number} others together", answers.others)
            self.others = {"label": label, "score": max(0.0, answers.others_score)}
        else:
            self.others = None
