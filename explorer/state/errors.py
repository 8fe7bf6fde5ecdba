"""The current errors of a page: one sentence for each key of a request."""

from __future__ import annotations

from traitlets import HasTraits, Unicode

from explorer.errors import ExplorerError, is_out_of_memory, out_of_memory
from explorer.locale import _
from explorer.worker.queue import log


class Errors(HasTraits):
    """The error messages by key; a message is cleared by a new request for the same key, or dismissed by a person."""

    message = Unicode("", help="The newest error message; empty for none.")

    def __init__(self) -> None:
        super().__init__()
        self._by_key: dict[str, str] = {}  # the newest last

    def report(self, error: Exception, key: str) -> str:
        """Keep an error under a key; return its sentence."""
        self._by_key.pop(key, None)
        self._by_key[key] = sentence = sentence_of(error)
        self._show()
        return sentence

    def clear(self, *keys: str) -> None:
        """Clear the errors with these keys, as the same is requested again."""
        for key in keys:
            self._by_key.pop(key, None)
        self._show()

    def dismiss(self) -> None:
        """Dismiss the message that is shown; the newest of the others, if any, is shown instead."""
        self._by_key = {key: sentence for key, sentence in self._by_key.items() if sentence != self.message}
        self._show()

    def _show(self) -> None:
        self.message = next(reversed(self._by_key.values()), "")


def sentence_of(error: Exception) -> str:
    """Return the sentence of an error that is meant for people; else log the error and return a sentence that refers to the log."""
    if isinstance(error, ExplorerError):
        return str(error)
    if is_out_of_memory(error):
        log().info("out of memory", exc_info=error)
        return out_of_memory()
    log().error("explorer failed", exc_info=error)
    return _("Something went wrong in explorer itself ({error}); the log has the details.").format(error=type(error).__name__)
