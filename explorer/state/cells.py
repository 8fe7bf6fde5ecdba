"""Notebooks: what a cell makes when it is run again takes the place of what it made before."""

from __future__ import annotations

from weakref import WeakSet

from explorer.worker.backend import Closable
from explorer.worker.queue import cell_here

_made_by: dict[str, tuple[str, WeakSet[Closable]]] = {}  # by the notebook's cell: which of its runs, and what that has made


def replace_former(made: Closable) -> None:
    """Close what an earlier run of the same cell has made: ipywidgets and the notebook's Out keep it, and nobody sees it any more."""
    if (here := cell_here()) is None:
        return
    cell, run = here
    former, others = _made_by.get(cell, (run, WeakSet[Closable]()))
    if former != run:
        for one in list(others):
            one.close()
        others = WeakSet()
    others.add(made)
    _made_by[cell] = run, others
