"""The outcome of a training: what is taken for what, the examples that are most wrong, how far each block's weights moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from explorer.locale import _
from explorer.state.run_comparison import RunComparison
from explorer.state.session import Session
from explorer.values import Misclassification, Outcome
from explorer.widgets.base.view import View

TRULY, MISSED, WRONGLY, TRULY_NOT = range(4)  # the columns where an example is of any number of classes
FEWEST = 0.001  # percent: less is written so


class ResultsView(View):
    """Draws the results of a run on the validation examples: a cell of the confusion matrix, or a class, shows its examples.

    aftermath: the state behind; without one the view makes its own.
    """

    missing = traitlets.Unicode(help="Why a run that has ended has come to nothing; empty for nothing to say.").tag(sync=True)
    there = traitlets.Bool(False, help="Whether a training has come to something.").tag(sync=True)
    about = traitlets.Unicode(help="How many validation examples are predicted correctly, in a sentence.").tag(sync=True)
    table = traitlets.Dict(help="Names of rows (classes) and columns, cells (counts), good (columns that are right, by row), several.").tag(
        sync=True
    )
    chosen = traitlets.List(traitlets.Int(), help="Row and column whose examples are shown, -1 for all of them; empty for none.").tag(
        sync=True
    )
    cell: traitlets.List[dict[str, Any]] = traitlets.List(help="Those examples: as in `worst`, with the picture.").tag(sync=True)
    in_cell = traitlets.Int(0, help="How many there are.").tag(sync=True)
    worst: traitlets.List[dict[str, Any]] = traitlets.List(help="The most wrong examples: name, truth, answer, score.").tag(sync=True)
    pictures = traitlets.List(traitlets.Bytes(), help="Their pictures, b'' for none, as far as they are here.").tag(sync=True)
    weight_change: traitlets.List[dict[str, Any]] = traitlets.List(help="One dict a block: name, text, share of the bar.").tag(sync=True)

    def __init__(self, session: Session | None = None, run_comparison: RunComparison | None = None) -> None:
        super().__init__(session)
        self._own = run_comparison is None
        self.run_comparison = run_comparison or RunComparison(self.session)
        self.run_comparison.shown = self.run_comparison.shown or self._own
        self.follow("outcome", "missing", by=self._draw, of=self.run_comparison)
        self.follow("pictures", by=self._draw_pictures, of=self.run_comparison)
        self.follow("cell", "examples", "in_cell", by=self._draw_cell, of=self.run_comparison)
        self.observe(lambda change: self.run_comparison.look_at(tuple(change["new"])), "chosen")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "none": _("Results appear here when training ends."),
            "matrix": _("Confusion matrix"),
            "matrix_about": _("Rows: the true class. Columns: the predicted class. Click a cell or a class to see its examples."),
            "classes": _("Predictions for each class"),
            "classes_about": _("Click a number or a class to see its examples."),
            "is": _("true class"),
            "right": _("correct"),
            "keys": _("Arrow keys: another cell. Enter: show its examples. Escape: back to the most wrong."),
            "cell": _("{row}, predicted as {column}: {count} of {all}, {share} %"),
            "row": _("{row}: {count} of {all} correct, {share} %"),
            "column": _("Predicted as {column}: {all}, of which {count} correct, {share} %"),
            "cell_of_several": _("{row}, {column}: {count} of {all}, {share} %"),
            "column_of_several": _("{column}: {count} of {all}, {share} %"),
            "worst": _("Most wrong"),
            "chosen": _("Examples"),
            "all_right": _("All validation examples are predicted correctly."),
            "more": _("Show more"),
            "back": _("Back to the most wrong"),
            "truth": _("true"),
            "answer": _("predicted"),
            "weight_change": _("Change of the weights by block"),
            "moved_about": _("Relative to their size before training. Frozen blocks do not change."),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Show more examples of the cell."""
        if message.get("further"):
            self.run_comparison.show_more()

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own:
            self.run_comparison.close()
        super().close()

    def _draw(self) -> None:
        outcome = self.run_comparison.outcome
        self.there, self.pictures, self.missing = outcome is not None, [], self.run_comparison.missing
        self.about = _about(outcome) if outcome else ""
        self.table = _table(outcome) if outcome else {}
        self.worst = [_example(one) for one in outcome.worst] if outcome else []
        self.weight_change = _bars(outcome.weight_change) if outcome else []

    def _draw_cell(self) -> None:
        state = self.run_comparison
        self.cell, self.in_cell = [{**_example(one), "picture": picture} for one, picture in state.examples], state.in_cell
        self.chosen = list(state.cell)

    def _draw_pictures(self) -> None:
        outcome, pictures = self.run_comparison.outcome, self.run_comparison.pictures
        self.pictures = [pictures[one.place] for one in outcome.worst if one.place in pictures] if outcome else []


def _about(outcome: Outcome) -> str:
    if outcome.accuracy is None or outcome.low is None or outcome.high is None:
        return _("There was no validation data, so the accuracy on new examples is not known.")
    facts = {"share": _percent(outcome.accuracy), "low": _percent(outcome.low), "high": _percent(outcome.high)}
    if outcome.confusion.ndim > 2:
        said = _("{share} % of the yes-or-no predictions for {number} validation examples are correct; 95 % interval {low} to {high} %.")
        return said.format(number=f"{int(outcome.confusion[0].sum()):,}", **facts)
    right, number = int(np.trace(outcome.confusion)), int(outcome.confusion.sum())
    said = _("{right} of {number} validation examples are predicted correctly: {share} %; 95 % interval {low} to {high} %.")
    return said.format(right=f"{right:,}", number=f"{number:,}", **facts)


def _table(outcome: Outcome) -> dict[str, Any]:
    """Return what is taken for what; where an example may be of any number of classes, how often each is named."""
    names = [_written(name) for name in outcome.classes]
    if outcome.confusion.ndim == 2:
        good = [[place] for place in range(len(names))]
        return {"rows": names, "columns": names, "cells": outcome.confusion.tolist(), "good": good, "several": False}
    kinds = {TRULY: _("true positive"), MISSED: _("false negative"), WRONGLY: _("false positive"), TRULY_NOT: _("true negative")}
    cells = [[int(one[1, 1]), int(one[1, 0]), int(one[0, 1]), int(one[0, 0])] for one in outcome.confusion]
    columns, good = [kinds[kind] for kind in sorted(kinds)], [[TRULY, TRULY_NOT]] * len(names)
    return {"rows": names, "columns": columns, "cells": cells, "good": good, "several": True}


def _example(one: Misclassification) -> dict[str, Any]:
    score = _("{number} %").format(number=_percent(one.score))
    return {
        "name": one.name,
        "truth": _written(one.truth),
        "answer": _written(one.answer),
        "score": score,
        "right": one.truth == one.answer,
    }


def _bars(weight_change: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    """Return one bar a block, in their order, drawn against the one that moved furthest."""
    furthest = max((far for _block, far in weight_change if np.isfinite(far)), default=0.0)
    return [{"label": _written(block), "text": _far(far), "share": _part(far, furthest)} for block, far in weight_change]


def _part(far: float, furthest: float) -> float:
    return far / furthest if furthest and np.isfinite(far) else 0.0


def _far(far: float) -> str:
    if not np.isfinite(far) or far == 0:
        return f"{far:g}"
    if far < FEWEST / 100:
        return _("< {number} %").format(number=FEWEST)
    return _("{number} %").format(number=f"{100 * far:.2g}" if far < 1 else f"{100 * far:,.0f}")


def _percent(share: float) -> str:
    """Return a share in percent, without decimals but for what they would make 0 or 100 of: 0.1 and 99.9 are the ends then."""
    whole = f"{100 * share:.0f}"
    return f"{min(99.9, max(0.1, 100 * share)):.1f}" if whole in ("0", "100") and share not in (0, 1) else whole


def _written(name: str) -> str:
    return name.replace("_", " ")
