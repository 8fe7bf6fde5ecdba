"""The files that a command is given: patterns stand for what they match, and one that can't be read doesn't lose the others."""

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

TOGETHER = 32  # files that are asked about at once
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how texts of it begin


@dataclass
class Asked:
    """A file, and what was answered for it, or why there is no answer; `assumed` is what had to be assumed for it, in sentences."""

    file: str
    example: Example | None = None
    answer: Any = None
    error: str = ""
    assumed: tuple[str, ...] = ()

    def fail(self, why: str) -> None:
        """Take down why there is no answer, and say it on stderr."""
        self.error = " ".join(why.split())
        complain(_named(self.file, self.error))


def ask(
    arguments: Iterable[str], load: Callable[[], Any], question: Callable[[Any, list[Example]], Sequence[Any]]
) -> tuple[Any, list[Asked]]:
    """Return a network, and what it answers to a question about each file that the arguments name; None where there is no file at all.

    load: gives the network, which is only loaded for files that are there.
    question: asked with the network and examples; returns an answer for each.
    Files that are not there, that can't be read, or that have no answer are named on stderr.
    """
    asked = list(_found(arguments))
    there = [one for one in asked if not one.error]
    network = load() if there else None
    for start in range(0, len(there), TOGETHER):
        together = [one for one in there[start : start + TOGETHER] if _read(network, one)]
        try:
            _answer(network, together, question)
        except (UnreadableExample, MeaninglessAnswer):  # of one that can't be decoded, or whose answer is no number
            for one in together:
                try:
                    _answer(network, [one], question)
                except (UnreadableExample, MeaninglessAnswer) as error:
                    one.fail(str(error))
    return network, asked


def single(argument: str) -> str:
    """Return the one file that an argument names. Raises UnreadableExample where there is none, or more than one."""
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
    """Return the example in a file; what is wrong with it and may be lived with is said on stderr. Raises UnreadableExample."""
    with said_of(file):
        example: Example = network.read(Path(file))
    return example


@contextmanager
def said_of(file: str) -> Iterator[list[str]]:
    """Give the list that gets what is warned of meanwhile about the example in a file; it is said on stderr at the end."""
    sentences: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ExampleWarning)
        yield sentences
    sentences += dict.fromkeys(str(one.message) for one in warned)
    for one in sentences:
        remark(_named(Path(file).name, one))


def assumed(network: Any, example: Example) -> tuple[str, ...]:
    """Return what had to be assumed of the network and of an example, in sentences."""
    return (*network.input_spec.assumed, *network.inputs.assumed_of(example))


def lines(path: Path) -> list[str]:
    """Return the lines of a text in UTF-8 or UTF-16 that are not empty, without space around them. Raises ExplorerError."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else _("it is no text in UTF-8")
        raise ExplorerError(_("{path} can't be read: {why}.").format(path=path, why=why)) from error
    return [line.strip() for line in io.StringIO(text, newline=None) if line.strip()]


def _found(arguments: Iterable[str]) -> Iterator[Asked]:
    """Yield a file for each argument, or those that it matches as a pattern."""
    for argument in arguments:
        for file in _matches(argument) or [argument]:
            one = Asked(file)
            if missing := _missing(file):
                one.fail(missing)
            yield one


def _matches(argument: str) -> list[str]:
    """Return the files that a pattern matches, where the shell has left that to us, as on Windows; `**` stands for folders inside."""
    if os.path.lexists(argument) or not glob.has_magic(argument):
        return []
    return sorted(file for file in glob.iglob(argument, recursive=True) if os.path.isfile(file))


def _missing(file: str) -> str:
    """Return why a file can't be read, as far as its path shows it."""
    if os.path.isfile(file):
        return ""
    if os.path.isdir(file):
        return _("{path} is not a file but a folder; write {pattern} for the files in it.").format(
            path=file, pattern=os.path.join(file, "*")
        )
    if os.path.exists(file):
        return _("{path} is not a file.").format(path=file)
    return (_("No file matches {path}.") if glob.has_magic(file) else _("There is no file {path}.")).format(path=file)


def _read(network: Any, one: Asked) -> bool:
    try:
        one.example = read(network, one.file)
        one.assumed = assumed(network, one.example)
    except UnreadableExample as error:
        one.fail(str(error))
    return not one.error


def _answer(network: Any, together: list[Asked], question: Question) -> None:
    """Ask about files, and say what can't be decoded of each."""
    examples = [one.example for one in together if one.example is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExampleWarning)  # it is said of each file by its name
        answers = question(network, examples) if examples else []
    for one, example, answer in zip(together, examples, answers, strict=True):
        damage = network.inputs.damage_of(example)
        one.answer, one.assumed = answer, (*one.assumed, *damage)
        for sentence in damage:
            remark(_named(Path(one.file).name, sentence))


def _named(file: str, sentence: str) -> str:
    return sentence if file in sentence else f"{file}: {sentence}"
