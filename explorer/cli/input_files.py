"""The input files of a command: patterns are expanded, and a file that can't be read doesn't affect the others."""

from __future__ import annotations

import glob
import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from explorer.cli.printing import complain, remark
from explorer.errors import ExampleWarning, ExplorerError, MeaninglessAnswer, UnreadableExample
from explorer.locale import _
from explorer.values import Example

Question: TypeAlias = Callable[[Any, list[Example]], Sequence[Any]]

BATCH = 32  # files in a batch
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # its byte order marks


@dataclass
class Asked:
    """A file, and its answer or the error; `assumed`: sentences about what had to be assumed for it."""

    file: str
    example: Example | None = None
    answer: Any = None
    error: str = ""
    assumed: tuple[str, ...] = ()

    def fail(self, why: str) -> None:
        """Record why there is no answer, and print it on stderr."""
        self.error = " ".join(why.split())
        complain(_with_file_name(self.file, self.error))


def ask(
    arguments: Iterable[str], load: Callable[[], Any], question: Callable[[Any, list[Example]], Sequence[Any]]
) -> tuple[Any, list[Asked]]:
    """Return a network, and the answer to a question for each file that the arguments name; None for the network if no file exists.

    load: returns the network; called only if there are files.
    question: called with the network and examples; returns an answer for each.
    Files that don't exist, that can't be read, or that have no answer are named on stderr.
    """
    entries = list(_files_for(arguments))
    readable = [entry for entry in entries if not entry.error]
    network = load() if readable else None
    for start in range(0, len(readable), BATCH):
        batch = [entry for entry in readable[start : start + BATCH] if _read(network, entry)]
        try:
            _answer(network, batch, question)
        except (UnreadableExample, MeaninglessAnswer):  # one can't be decoded, or its answer is NaN: one by one
            for entry in batch:
                try:
                    _answer(network, [entry], question)
                except (UnreadableExample, MeaninglessAnswer) as error:
                    entry.fail(str(error))
    return network, entries


def single(argument: str) -> str:
    """Return the file that an argument names. Raises UnreadableExample if there is none, or more than one."""
    matches = _matches(argument)
    if len(matches) > 1:
        raise UnreadableExample(
            _("{pattern} matches {count} files, such as {first}; name one.").format(pattern=argument, count=len(matches), first=matches[0])
        )
    file = matches[0] if matches else argument
    if missing := _missing(file):
        raise UnreadableExample(missing)
    return file


def read(network: Any, file: str) -> Example:
    """Return the example in a file; warnings about it are printed on stderr. Raises UnreadableExample."""
    with said_of(file):
        example: Example = network.read(Path(file))
    return example


@contextmanager
def said_of(file: str) -> Iterator[list[str]]:
    """Yield a list that collects the warnings about the example in a file; they are printed on stderr at the end."""
    sentences: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ExampleWarning)
        yield sentences
    sentences += dict.fromkeys(str(warning.message) for warning in warned)
    for sentence in sentences:
        remark(_with_file_name(Path(file).name, sentence))


def assumed(network: Any, example: Example) -> tuple[str, ...]:
    """Return sentences about what had to be assumed for the network and for an example."""
    return (*network.input_spec.assumed, *network.inputs.assumed_of(example))


def lines(path: Path) -> list[str]:
    """Return the non-empty lines of a text file in UTF-8 or UTF-16, stripped. Raises ExplorerError."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else _("it is not text in UTF-8")
        raise ExplorerError(_("{path} can't be read: {why}.").format(path=path, why=why)) from error
    return [line.strip() for line in io.StringIO(text, newline=None) if line.strip()]


def _files_for(arguments: Iterable[str]) -> Iterator[Asked]:
    """Yield a file for each argument, or the files that it matches as a pattern."""
    for argument in arguments:
        for path in _matches(argument) or [argument]:
            entry = Asked(path)
            if missing := _missing(path):
                entry.fail(missing)
            yield entry


def _matches(argument: str) -> list[str]:
    """Return the files that a pattern matches, if the shell hasn't expanded it, as on Windows; `**` matches nested folders."""
    if os.path.lexists(argument) or not glob.has_magic(argument):
        return []
    return sorted(file for file in glob.iglob(argument, recursive=True) if os.path.isfile(file))


def _missing(file: str) -> str:
    """Return why there is no file at a path; "" if there is one."""
    if os.path.isfile(file):
        return ""
    if os.path.isdir(file):
        return _("{path} is not a file but a folder; write {pattern} for the files in it.").format(
            path=file, pattern=os.path.join(file, "*")
        )
    if os.path.exists(file):
        return _("{path} is not a file.").format(path=file)
    return (_("No file matches {path}.") if glob.has_magic(file) else _("There is no file {path}.")).format(path=file)


def _read(network: Any, entry: Asked) -> bool:
    try:
        entry.example = read(network, entry.file)
        entry.assumed = assumed(network, entry.example)
    except UnreadableExample as error:
        entry.fail(str(error))
    return not entry.error


def _answer(network: Any, batch: list[Asked], question: Question) -> None:
    """Set the answers for files, and print on stderr which parts of each can't be decoded."""
    examples = [entry.example for entry in batch if entry.example is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExampleWarning)  # printed below, with the name of the file
        answers = question(network, examples) if examples else []
    for entry, example, answer in zip(batch, examples, answers, strict=True):
        damage = network.inputs.damage_of(example)
        entry.answer, entry.assumed = answer, (*entry.assumed, *damage)
        for sentence in damage:
            remark(_with_file_name(Path(entry.file).name, sentence))


def _with_file_name(file: str, sentence: str) -> str:
    return sentence if file in sentence else f"{file}: {sentence}"
