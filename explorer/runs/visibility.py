"""The visibility of runs: a dashboard, which others may open too, lists its own runs; a notebook lists all of its user's runs."""

from __future__ import annotations

import os

ALL_RUNS = "EXPLORER_ALL_RUNS"  # the environment variable that makes a dashboard list all runs


def are_all_listed() -> bool:
    """Return whether a page lists all runs in the home folder, not only those that were started or opened on it."""
    return "VOILA_BASE_URL" not in os.environ or os.environ.get(ALL_RUNS) == "1"
