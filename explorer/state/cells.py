"""Cells of a notebook: what a cell creates replaces what its earlier run created."""

from __future__ import annotations

from weakref import WeakSet

from explorer.worker.backend import Closable
from explorer.worker.queue import cell_here

_made_by: dict[str, tuple[str, WeakSet[Closable]]] = {}  # by cell: the id of its latest run, and what that run created


def replace_former(made: Closable) -> None:
    """Close what an earlier run of the same cell created: ipywidgets and the notebook's Out keep it alive, but nobody sees it any more."""
    if (here := cell_here()) is None:
        return
    cell, run = here
    former, others = _made_by.get(cell, (run, WeakSet[Closable]()))
    if former != run:
        for closable in list(others):
            closable.close()
        others = WeakSet()
    others.add(made)
    _made_by[cell] = run, others
