"""The outcome of a training: what is taken for what, the examples that are most wrong, how far each block's weights moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from explorer.aftermath import Aftermath
from explorer.locale import _
from explorer.session import Session
from explorer.values import Missed, Outcome
from explorer.widgets.view import View

TRULY, MISSED, WRONGLY, TRULY_NOT = range(4)  # the columns where an example is of any number of classes
FEWEST = 0.001  # percent: less is written so


class OutcomeView(View):
    """Draws what a run has come to on the held-out examples: a cell of the matrix, or a class, narrows the worst examples down.

    aftermath: the state behind; without one the view makes its own.
    """

    there = traitlets.Bool(False, help="Whether a training has come to something.").tag(sync=True)
    about = traitlets.Unicode(help="How many held-out examples are answered rightly, in a sentence.").tag(sync=True)
    table = traitlets.Dict(help="Names of rows (classes) and columns, cells (counts), good (columns that are right, by row), several.").tag(
        sync=True
    )
    chosen = traitlets.List(traitlets.Int(), help="Row and column the worst examples are of, -1 for any; empty for all.").tag(sync=True)
    worst: traitlets.List[dict[str, Any]] = traitlets.List(help="The examples: name, truth, answer, score, and the cells they are in.").tag(
        sync=True
    )
    pictures = traitlets.List(traitlets.Bytes(), help="Their pictures, b'' for none, as far as they are here.").tag(sync=True)
    moved: traitlets.List[dict[str, Any]] = traitlets.List(help="One dict a block: name, text, share of the bar.").tag(sync=True)

    def __init__(self, session: Session | None = None, aftermath: Aftermath | None = None) -> None:
        super().__init__(session)
        self._own = aftermath is None
        self.aftermath = aftermath or Aftermath(self.session)
        self.aftermath.shown = self.aftermath.shown or self._own
        self.follow("outcome", by=self._draw, of=self.aftermath)
        self.follow("pictures", by=self._draw_pictures, of=self.aftermath)

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "none": _("What a training has come to is shown here when it has ended."),
            "matrix": _("What is taken for what"),
            "matrix_about": _("Rows: what it is. Columns: what the network answers. Click a cell or a class to see its examples."),
            "classes": _("How each class is answered"),
            "classes_about": _("Click a number or a class to see its examples."),
            "is": _("is"),
            "right": _("right"),
            "keys": _("Arrow keys: another cell. Enter: its examples among the worst. Escape: all."),
            "cell": _("{row}, answered as {column}: {count} of {all}, {share} %"),
            "row": _("{row}: {count} of {all} right, {share} %"),
            "column": _("Answered as {column}: {all}, of which {count} right, {share} %"),
            "cell_of_several": _("{row}, {column}: {count} of {all}, {share} %"),
            "column_of_several": _("{column}: {count} of {all}, {share} %"),
            "worst": _("Most wrong"),
            "all_right": _("None of the held-out examples is answered wrongly."),
            "no_others": _("None of the worst examples is among these."),
            "shown": _("{shown} of {all} shown"),
            "all": _("Show all"),
            "truth": _("is"),
            "answer": _("answered"),
            "moved": _("How far the weights of each block moved"),
            "moved_about": _("Relative to how large they were. Frozen blocks stay where they are."),
        }

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own:
            self.aftermath.close()
        super().close()

    def _draw(self) -> None:
        outcome = self.aftermath.outcome
        self.there, self.chosen, self.pictures = outcome is not None, [], []
        self.about = _about(outcome) if outcome else ""
        self.table = _table(outcome) if outcome else {}
        self.worst = [_missed(one, outcome) for one in outcome.worst] if outcome else []
        self.moved = _bars(outcome.moved) if outcome else []

    def _draw_pictures(self) -> None:
        outcome, pictures = self.aftermath.outcome, self.aftermath.pictures
        self.pictures = [pictures[one.place] for one in outcome.worst if one.place in pictures] if outcome else []


def _about(outcome: Outcome) -> str:
    if outcome.accuracy is None or outcome.low is None or outcome.high is None:
        return _("No examples were held out, so nobody knows how well the network does.")
    facts = {"share": _percent(outcome.accuracy), "low": _percent(outcome.low), "high": _percent(outcome.high)}
    if outcome.confusion.ndim > 2:
        said = _("{share} % of all single answers to {number} held-out examples are right; 95 % interval {low} to {high} %.")
        return said.format(number=f"{int(outcome.confusion[0].sum()):,}", **facts)
    right, number = int(np.trace(outcome.confusion)), int(outcome.confusion.sum())
    said = _("{right} of {number} held-out examples are answered rightly: {share} %; 95 % interval {low} to {high} %.")
    return said.format(right=f"{right:,}", number=f"{number:,}", **facts)


def _table(outcome: Outcome) -> dict[str, Any]:
    """Return what is taken for what; where an example may be of any number of classes, how often each is named."""
    names = [_written(name) for name in outcome.classes]
    if outcome.confusion.ndim == 2:
        good = [[place] for place in range(len(names))]
        return {"rows": names, "columns": names, "cells": outcome.confusion.tolist(), "good": good, "several": False}
    kinds = {TRULY: _("rightly named"), MISSED: _("missed"), WRONGLY: _("wrongly named"), TRULY_NOT: _("rightly not named")}
    cells = [[int(one[1, 1]), int(one[1, 0]), int(one[0, 1]), int(one[0, 0])] for one in outcome.confusion]
    columns, good = [kinds[kind] for kind in sorted(kinds)], [[TRULY, TRULY_NOT]] * len(names)
    return {"rows": names, "columns": columns, "cells": cells, "good": good, "several": True}


def _missed(missed: Missed, outcome: Outcome) -> dict[str, Any]:
    classes, several = outcome.classes, outcome.confusion.ndim > 2
    truth, answer = (tuple(_named(text, classes, several)) for text in (missed.truth, missed.answer))
    if several:
        kinds = {(True, True): TRULY, (True, False): MISSED, (False, True): WRONGLY, (False, False): TRULY_NOT}
        cells = [[place, kinds[place in truth, place in answer]] for place in range(len(classes))]
    else:
        cells = [[row, column] for row in truth for column in answer]
    return {
        "name": missed.name,
        "truth": _written(missed.truth),
        "answer": _written(missed.answer),
        "score": _("{number} %").format(number=_percent(missed.score)),
        "cells": cells,
    }


def _named(text: str, classes: tuple[str, ...], several: bool) -> list[int]:
    """Return the places of the classes that a text names, which lists them where there may be several."""
    return [place for place, name in enumerate(classes) if (f", {name}, " in f", {text}, " if several else name == text)]


def _bars(moved: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    """Return one bar a block, in their order, drawn against the one that moved furthest."""
    furthest = max((far for _block, far in moved if np.isfinite(far)), default=0.0)
    return [{"label": _written(block), "text": _far(far), "share": _part(far, furthest)} for block, far in moved]


def _part(far: float, furthest: float) -> float:
    return far / furthest if furthest and np.isfinite(far) else 0.0


def _far(far: float) -> str:
    if not np.isfinite(far) or far == 0:
        return f"{far:g}"
    if far < FEWEST / 100:
        return _("under {number} %").format(number=FEWEST)
    return _("{number} %").format(number=f"{100 * far:.2g}" if far < 1 else f"{100 * far:,.0f}")


def _percent(share: float) -> str:
    """Return a share in percent, without decimals but for what they would make 0 or 100 of: 0.1 and 99.9 are the ends then."""
    whole = f"{100 * share:.0f}"
    return f"{min(99.9, max(0.1, 100 * share)):.1f}" if whole in ("0", "100") and share not in (0, 1) else whole


def _written(name: str) -> str:
    return name.replace("_", " ")
