"""The following of runs: polls the progress of a page's runs while they are active."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from explorer.state.requests import Requests, own_keys
from explorer.state.run_watch import Poller, Silence
from explorer.values import ReportProgress, RunNews, RunRecord
from explorer.worker.backend import RunStore

OTHERS = 8  # polls of the run that is shown for each poll of the others

Known = tuple[tuple[RunRecord, ...], tuple[str, ...]]  # runs, and the keys of those that no longer exist
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class RunFollower:
    """Submits the requests of a `RunList` to the store of runs, and polls active runs a few times a second if an event loop runs.

    requests: goes to the store.
    active: returns the keys of the active runs: of the one that is shown, "" for none, and of the others.
    on_news: takes the news of the run that is shown, and for how many seconds it has given no sign of life; on_others: takes the others.
    on_error: takes the key of the run that is shown and the error if it can't be read; it is not polled again until `follow`.
    """

    def __init__(
        self,
        requests: Requests[RunStore],
        active: Callable[[], tuple[str, tuple[str, ...]]],
        on_news: Callable[[RunNews, int], None],
        on_others: Callable[[Known], None],
        on_error: Callable[[str, Exception], None],
    ) -> None:
        self._requests, self._active = requests, active
        self._on_news, self._on_others, self._on_error = on_news, on_others, on_error
        self.key_of = own_keys()  # from the name of a request to its key
        self._keys = set[str]()
        self._polls, self._position, self._silence = 0, 0, Silence()
        self._poller = Poller(self._poll, lambda: any(self._active()))

    def submit(
        self,
        name: str,
        method: Callable[[RunStore, *Arguments, ReportProgress], Result],
        *arguments: *Arguments,
        on_success: Callable[[Result], object],
        on_error: Callable[[Exception], object] | None = None,
        still: Callable[[], bool] = lambda: True,
    ) -> None:
        """Submit a request to the store, as `Requests.submit` does."""
        self._keys.add(self.key_of(name))
        self._requests.submit(self.key_of(name), method, *arguments, on_success=on_success, on_error=on_error, still=still)

    def cancel(self, *names: str) -> None:
        """Cancel requests by name."""
        self._requests.cancel(*map(self.key_of, names))

    def begin(self) -> None:
        """Read the progress of the run that is shown from its beginning."""
        self._position, self._silence = 0, Silence()
        self.look()

    def look(self) -> None:
        """Request the news of the run that is shown, and now and then those of the others."""
        self._polls += 1
        shown, others = self._active()
        if shown:
            silence = self._silence  # replaced if the run is shown anew

            def failed(error: Exception) -> None:
                self._on_error(shown, error)

            def still() -> bool:
                return silence is self._silence and self._active()[0] == shown

            self.submit("look", RunStore.news, shown, self._position, on_success=self._take_news, on_error=failed, still=still)
        if others and self._polls % OTHERS == 0:
            self.submit("others", RunStore.known, others, on_success=self._take_others)
        elif not shown:
            self.follow()

    def follow(self) -> None:
        """Poll again soon, if a run is active."""
        self._poller.follow()

    def close(self) -> None:
        """Stop polling, and cancel all requests."""
        self._poller.close()
        self._requests.cancel(*self._keys)

    def _poll(self) -> None:
        if not self._requests.closed:  # else nobody sees the result: the notebook's cell was run again
            self.look()

    def _take_news(self, news: RunNews) -> None:
        self._position = news.position
        self._on_news(news, self._silence.look(news.pulse))
        self.follow()

    def _take_others(self, found: Known) -> None:
        self._on_others(found)
        self.follow()
