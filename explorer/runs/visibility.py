"""Whose runs a page lists: its own on the dashboard, which others may look at too, and all in a notebook, which is its owner's."""

from __future__ import annotations

import os

ALL_RUNS = "EXPLORER_ALL_RUNS"  # the variable by which a dashboard lists all


def are_all_listed() -> bool:
    """Return whether a page lists all the runs in the home, and not only those that were started or opened on it."""
    return "VOILA_BASE_URL" not in os.environ or os.environ.get(ALL_RUNS) == "1"
