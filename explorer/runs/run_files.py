"""The runs as a page's worker asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from explorer.errors import ExplorerError, UnknownName
from explorer.runs import control, reader
from explorer.runs.visibility import are_all_listed
from explorer.values import ReportProgress, RunNews, RunRecord


class RunFiles:
    """Answers what a page asks about runs, from their folders and processes; holds nothing."""

    def close(self) -> None:
        """Let go of nothing."""

    def listed(self, _report_progress: ReportProgress) -> tuple[RunRecord, ...]:
        """Return the runs that any page lists, the newest first; none where each page lists only its own."""
        return reader.records() if are_all_listed() else ()

    def record(self, key: str, _report_progress: ReportProgress) -> RunRecord:
        """Return a run. Raises UnknownName where there is none, ExplorerError where its settings can't be read."""
        return reader.record(key)

    def known(self, keys: Sequence[str], _report_progress: ReportProgress) -> tuple[tuple[RunRecord, ...], tuple[str, ...]]:
        """Return the runs with these keys, those left out that can't be read, and the keys of those that are gone."""
        found, gone = list[RunRecord](), list[str]()
        for key in keys:
            try:
                with suppress(OSError):
                    found.append(reader.record(key))
            except UnknownName:
                gone.append(key)
            except ExplorerError:
                continue
        return tuple(found), tuple(gone)

    def news(self, key: str, after: int, _report_progress: ReportProgress) -> RunNews:
        """Return what a run has told from a position in its progress on; only where it told nothing there is more to read.

        Raises UnknownName where there is no run.
        """
        steps, position = reader.steps(key, after)
        pulse = reader.pulse(key)
        return RunNews(steps, position, pulse, None if steps else reader.record(key))

    def ask_to_stop(self, key: str, _report_progress: ReportProgress) -> None:
        """Ask the process of a run to stop; it does within a batch, and keeps the best weights so far."""
        control.ask_to_stop(key)

    def kill(self, key: str, _report_progress: ReportProgress) -> None:
        """End the process of a run at once; it is lost then, and can be resumed from its checkpoint."""
        control.kill(key)
