"""The refusals of readers: any exception that a file, an array or a config can cause is converted into one sentence for users."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from explorer.errors import ExplorerError, causes, is_out_of_memory, out_of_memory
from explorer.locale import _

# The exceptions of code that met unexpected data: their text is about that code, not about the file.
INTERNAL = (AttributeError, IndexError, KeyError, NameError, RecursionError, AssertionError, ZeroDivisionError, StopIteration)
INTERNAL_TEXT = re.compile(  # the same, in an error of a library
    r"object has no attribute|object is not |object does not |unhashable|not supported between|unsupported operand|codec can't|"
    r"argument of type|(list|tuple|string) ind|index out of range|unpack|dictionary update|(positional|keyword) argument|NoneType|"
    r"can only concatenate|cannot be interpreted as|must be real number|invalid literal|could not convert|recursion depth|"
    r"\w+\(\) |\bnan\b|\b__\w+__\b|<class '"
)
# TensorFlow's node names and tracebacks, terminal colours, memory addresses, and explorer's temporary folders.
INTERNALS = re.compile(
    r"(?s)^Graph execution error:.*\n\n|\s*\[\[\{\{node.*|\{\{function_node[^}]*\}\}\s*|\x1b\[[0-9;]*m| at 0x[0-9a-fA-F]+|"
    r"[^\s'\"]*/explorer-\w+/| for '\{\{node.*|\s*Arguments received by .*|Exception encountered when calling \S+\s*"
)


@contextmanager
def refusing(error_class: type[ExplorerError], sentence: str, name: str) -> Iterator[None]:
    """Convert any exception raised within this context into `error_class`; an ExplorerError propagates unchanged.

    sentence: with {name}, and {why} for the reason. To be put around a whole reader, as decoders may raise anything.
    """
    try:
        yield
    except ExplorerError:
        raise
    except Exception as error:
        if own := next((cause for cause in causes(error) if isinstance(cause, ExplorerError)), None):
            raise own from None  # a library has wrapped it in its own error
        if is_out_of_memory(error):
            raise error_class(
                _("{name} takes more memory than there is; use a smaller one, or free some memory.").format(name=name)
            ) from error
        raise error_class(sentence.format(name=name, why=plain_reason(error))) from error


def plain_reason(error: BaseException) -> str:
    """Return the reason of an error in one short line, without details of the code that raised it."""
    why = "" if isinstance(error, INTERNAL) else _setting_problem(error) or reason(error)
    return _("its content makes no sense") if not why or INTERNAL_TEXT.search(why) else why


def _setting_problem(error: BaseException) -> str:
    """Return a clause about a setting that a class lacks or doesn't know; "" for other errors."""
    if match := re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error)):
        return _("a {kind} has the setting {setting!r}, which is not known here").format(kind=match[1], setting=match[2])
    if match := re.search(r"(\w+)\.__init__\(\) missing .*?'(\w+)'", str(error)):
        return _("a {kind} lacks the setting {setting!r}").format(kind=match[1], setting=match[2])
    return ""


@contextmanager
def within_memory() -> Iterator[None]:
    """Convert any out-of-memory error within this context into an ExplorerError; for functions that users call from Python."""
    try:
        yield
    except ExplorerError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise ExplorerError(out_of_memory()) from error
        raise


def reason(error: BaseException) -> str:
    """Return the reason of a library's error, whose message may contain pages of config, in one short line."""
    if is_out_of_memory(error):
        return _("there is not enough memory")
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = INTERNALS.sub("", message).split("Exception encountered:")[-1]
    return shorten(text, 200, placeholder="…").rstrip(".") or type(error).__name__
