"""Following runs: what those of a page tell, asked for again and again while they go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from explorer.state.requests import Requests, own_keys
from explorer.state.run_watch import Looks, Silence
from explorer.values import ReportProgress, RunNews, RunRecord
from explorer.worker.backend import RunStore

OTHERS = 8  # looks at the run that is shown for one at the others

Known = tuple[tuple[RunRecord, ...], tuple[str, ...]]  # runs, and the keys of those that are gone
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class RunFollower:
    """Asks the store of runs for a `RunList`, and looks at what goes on, a few times a second where an event loop runs.

    requests: asks the store.
    active: the keys of the runs that go on: of the one that is shown, "" for none, and of the others.
    on_news: takes what the one that is shown has told, and for how many seconds it has given no sign of life; on_others: the others anew.
    on_error: takes the key of the one that is shown and the error where it can't be read; it is looked at no more until `follow`.
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
        self.key_of = own_keys()  # of what is requested here, by its name
        self._keys = set[str]()
        self._looks, self._position, self._silence = 0, 0, Silence()
        self._looker = Looks(self._look_on, lambda: any(self._active()))

    def submit(
        self,
        what: str,
        method: Callable[[RunStore, *Arguments, ReportProgress], Result],
        *arguments: *Arguments,
        on_success: Callable[[Result], object],
        on_error: Callable[[Exception], object] | None = None,
        still: Callable[[], bool] = lambda: True,
    ) -> None:
        """Ask the store, as `Requests.submit` does."""
        self._keys.add(self.key_of(what))
        self._requests.submit(self.key_of(what), method, *arguments, on_success=on_success, on_error=on_error, still=still)

    def cancel(self, *what: str) -> None:
        """Cancel what was asked."""
        self._requests.cancel(*map(self.key_of, what))

    def begin(self) -> None:
        """Look at the run that is shown from its beginning on."""
        self._position, self._silence = 0, Silence()
        self.look()

    def look(self) -> None:
        """See what the run that is shown has told since, and now and then how far the others are."""
        self._looks += 1
        shown, others = self._active()
        if shown:
            silence = self._silence  # another one where it is shown anew

            def failed(error: Exception) -> None:
                self._on_error(shown, error)

            def still() -> bool:
                return silence is self._silence and self._active()[0] == shown

            self.submit("look", RunStore.news, shown, self._position, on_success=self._hear, on_error=failed, still=still)
        if others and self._looks % OTHERS == 0:
            self.submit("others", RunStore.known, others, on_success=self._hear_others)
        elif not shown:
            self.follow()

    def follow(self) -> None:
        """Look again soon, where there is something to see."""
        self._looker.follow()

    def close(self) -> None:
        """Look no more; what was asked comes to nothing."""
        self._looker.close()
        self._requests.cancel(*self._keys)

    def _look_on(self) -> None:
        if not self._requests.closed:  # else nobody sees it: the notebook's cell was run again
            self.look()

    def _hear(self, news: RunNews) -> None:
        self._position = news.position
        self._on_news(news, self._silence.look(news.pulse))
        self.follow()

    def _hear_others(self, found: Known) -> None:
        self._on_others(found)
        self.follow()
