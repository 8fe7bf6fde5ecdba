"""What went wrong on a page and still stands: a sentence for each thing that was asked for."""

from __future__ import annotations

from traitlets import HasTraits, Unicode

from explorer.errors import ExplorerError, is_out_of_memory, out_of_memory
from explorer.locale import _
from explorer.worker.queue import log


class Errors(HasTraits):
    """The sentences about what went wrong, by the key of what was asked for; only asking for the same again, or a person, puts one away."""

    message = Unicode("", help="The newest sentence that still stands; empty for none.")

    def __init__(self) -> None:
        super().__init__()
        self._by_key: dict[str, str] = {}  # the newest last

    def report(self, error: Exception, key: str) -> str:
        """Take in what went wrong with what was asked for under a key; return the sentence about it."""
        self._by_key.pop(key, None)
        self._by_key[key] = sentence = sentence_of(error)
        self._show()
        return sentence

    def clear(self, *keys: str) -> None:
        """Put away what went wrong with these keys before, as the same is asked for anew."""
        for key in keys:
            self._by_key.pop(key, None)
        self._show()

    def dismiss(self) -> None:
        """Put away the sentence that is shown; one about something else that still stands takes its place."""
        self._by_key = {key: sentence for key, sentence in self._by_key.items() if sentence != self.message}
        self._show()

    def _show(self) -> None:
        self.message = next(reversed(self._by_key.values()), "")


def sentence_of(error: Exception) -> str:
    """Return what is said of an error: its own sentence where it is meant for people, else that the log has it, where it goes."""
    if isinstance(error, ExplorerError):
        return str(error)
    if is_out_of_memory(error):
        log().info("out of memory", exc_info=error)
        return out_of_memory()
    log().error("explorer failed", exc_info=error)
    return _("Something went wrong in explorer itself ({error}); the log has the details.").format(error=type(error).__name__)
