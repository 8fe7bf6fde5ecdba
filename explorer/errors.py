"""What explorer refuses, each as one plain sentence that says what is wrong and what to do.

Every one is a `ValueError`, so plain `except ValueError` works; the page and the shell show the
message as it is and keep the traceback for the log.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches

from explorer.locale import _

# What native code says where it gets no memory: for data, for a library that is loaded, for a thread, for a convolution of oneDNN;
# CPython's own is of a module that forgot to pass its MemoryError on.
OUT_OF_MEMORY = re.compile(
    r"bad_alloc|MemoryError|out of memory|cannot allocate memory|unable to allocate|resource_exhausted|failed to map segment"
    r"|can't start new thread|pthread_create\(\) fail|could not create a primitive|without (setting an )?exception( set)?",
    re.IGNORECASE,
)
# What can't be seen, or steers a terminal or the direction of the text, in the names that people, and zips, give to files.
UNSEEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")


class ExplorerError(ValueError):
    """Something the user can mend; the message is one sentence for people, in one line whatever the names in it hold."""

    def __init__(self, message: str = "") -> None:
        super().__init__(UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), message))


class UnreadableExample(ExplorerError):
    """The bytes, file or array can't be read as an example."""


class ExampleWarning(UserWarning):
    """An example that can be read, though something is wrong with it; the message is one sentence for people."""


class AssumptionWarning(UserWarning):
    """Something that explorer had to assume about a model; the message is one sentence for people and says what sets it otherwise."""


class UnknownName(ExplorerError, KeyError):
    """No architecture or layer has that name or index."""

    __str__ = Exception.__str__  # KeyError would put the sentence in quotes


class UndecidedColumn(ExplorerError):
    """A table has several columns that may hold the classes; `columns` are their names."""

    def __init__(self, message: str, columns: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


class WeightsUnavailable(ExplorerError):
    """A weights file is not on this machine and could not be downloaded."""


class DownloadNeeded(WeightsUnavailable):
    """Weights are not on this machine, and nobody has asked yet to download them."""


class UnreadableModel(ExplorerError):
    """A file is no model that can be loaded, or holds code that is not trusted."""


class MeaninglessAnswer(ExplorerError):
    """A network answers an example with NaN or infinite values."""


class Cancelled(ExplorerError):
    """Nobody wants the result any more; raised where progress is said, so that the work under way ends."""


class BackendMissing(ExplorerError):
    """TensorFlow is not installed, or Keras is set to another backend."""


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it was raised from, the first cause last."""
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) is not None and cause not in found:
        found.append(cause)
    return found


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, or what it was raised from, says that there is not enough memory: Python, the system, or TensorFlow."""
    return any(_says_out_of_memory(one) for one in causes(error))


def _says_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return not isinstance(error, ExplorerError) and OUT_OF_MEMORY.search(str(error)) is not None


def out_of_memory() -> str:
    """Return the sentence for what there is not enough memory for."""
    return _("There is not enough memory for this: take a smaller network or input, or close what else needs memory.")


def near(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean a or b?"` with the known names nearest to `name`, or an empty string."""
    spelled = {one.lower(): one for one in known}
    found = [spelled[one] for one in get_close_matches(name.lower(), spelled, n=3, cutoff=0.6)]
    return " " + _("Did you mean {names}?").format(names=_(" or ").join(found)) if found else ""
