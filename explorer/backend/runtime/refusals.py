"""The border of each reader: whatever a file, an array or a config can cause to be raised ends as one sentence for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from explorer.errors import ExplorerError, causes, is_out_of_memory, out_of_memory
from explorer.locale import _

# What Python raises where code meets what it wasn't written for: the text is about that code, not about the file.
INTERNAL = (AttributeError, IndexError, KeyError, NameError, RecursionError, AssertionError, ZeroDivisionError, StopIteration)
INTERNAL_TEXT = re.compile(  # the same, where a library has put it into a sentence of its own
    r"object has no attribute|object is not |object does not |unhashable|not supported between|unsupported operand|codec can't|"
    r"argument of type|(list|tuple|string) ind|index out of range|unpack|dictionary update|(positional|keyword) argument|NoneType|"
    r"can only concatenate|cannot be interpreted as|must be real number|invalid literal|could not convert|recursion depth|"
    r"\w+\(\) |\bnan\b|\b__\w+__\b|<class '"
)
# TensorFlow's own names of places, its tracebacks, colours of terminals, addresses in memory, and temporary folders of ours.
INTERNALS = re.compile(
    r"(?s)^Graph execution error:.*\n\n|\s*\[\[\{\{node.*|\{\{function_node[^}]*\}\}\s*|\x1b\[[0-9;]*m| at 0x[0-9a-fA-F]+|"
    r"[^\s'\"]*/explorer-\w+/| for '\{\{node.*|\s*Arguments received by .*|Exception encountered when calling \S+\s*"
)


@contextmanager
def refusing(refused: type[ExplorerError], sentence: str, name: str) -> Iterator[None]:
    """Turn whatever is raised in here into `refused`; what is one of explorer's sentences already passes.

    sentence: with {name}, and {why}, the point of what was raised. Put it around the whole of a reader: decoders raise what they like.
    """
    try:
        yield
    except ExplorerError:
        raise
    except Exception as error:
        if ours := next((one for one in causes(error) if isinstance(one, ExplorerError)), None):
            raise ours from None  # a library has put it into an error of its own
        if is_out_of_memory(error):
            raise refused(_("{name} takes more memory than there is; use a smaller one, or free some memory.").format(name=name)) from error
        raise refused(sentence.format(name=name, why=for_people(error))) from error


def for_people(error: BaseException) -> str:
    """Return the point of an error in one short line that says nothing of the code that raised it."""
    why = "" if isinstance(error, INTERNAL) else _setting(error) or reason(error)
    return _("its content makes no sense") if not why or INTERNAL_TEXT.search(why) else why


def _setting(error: BaseException) -> str:
    """Return what is said of a setting that a class lacks, or does not know, in words; "" for other errors."""
    if found := re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error)):
        return _("a {kind} has the setting {setting!r}, which is not known here").format(kind=found[1], setting=found[2])
    if found := re.search(r"(\w+)\.__init__\(\) missing .*?'(\w+)'", str(error)):
        return _("a {kind} lacks the setting {setting!r}").format(kind=found[1], setting=found[2])
    return ""


@contextmanager
def within_memory() -> Iterator[None]:
    """Turn what is raised in here for want of memory into one sentence, whoever raises it; for what people call from Python."""
    try:
        yield
    except ExplorerError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise ExplorerError(out_of_memory()) from error
        raise


def reason(error: BaseException) -> str:
    """Return the point of an error of a library, which may be wrapped in pages of config, in one short line."""
    if is_out_of_memory(error):
        return _("there is not enough memory")
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = INTERNALS.sub("", said).split("Exception encountered:")[-1]
    return shorten(text, 200, placeholder="…").rstrip(".") or type(error).__name__
