"""Which names mean a part of data that is split: to train on, to validate with, to test, or one of several folds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from explorer.locale import _
from explorer.values.names import natural

WORDS = {
    "training": r"train(ing|ings|val|valid)?|trn|learn(ing)?",
    "validation": r"val(id|idation|idate|idating|idierung)?|dev(el|elopment)?|held|holdout",
    "test": r"te?st(ing|s)?|eval(uation)?",
    "fold": r"k?folds?|cv|splits?|partition|subset",
    "spare": r"pred(ict|icts|iction|ictions)?|unlabell?ed|unsup(ervised)?|submissions?|extra",
}
KINDS = {
    kind: re.compile(rf"({words})(s?(set|data|daten|dir|folder|files?|images?|imgs?|samples?|pics?))?") for kind, words in WORDS.items()
}
PIECES = re.compile(r"(?<![a-z])(images?|imgs?|data|pictures)[ _-]*part[ _-]*\d")  # one set of files in several folders
SHOWN = 5  # of many names


@dataclass(frozen=True)
class Parts:
    """The names of the parts that are trained on and validated with, of those left aside, and what there is to say of it."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    spare: tuple[str, ...] = ()
    note: str = ""


def kind_of(name: str) -> str:
    """Return which part a name means: "training", "validation", "test", "fold" (numbered), "spare" (without classes); "" for none.

    Whatever the case, with affixes and numbers: "Train-1", "seg_train", "testSet", "TEST_SIMPLE", "training_data", "fold 3".
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = re.findall(r"[^\W\d_]+", split)
    found = {kind for kind, words_of in KINDS.items() for word in words if words_of.fullmatch(word)}
    if PIECES.search(split):
        found.add("fold")
    if "fold" in found:
        return "fold" if found == {"fold"} and re.search(r"\d", name) else ""
    if found == {"training", "validation"}:
        return "training"
    return found.pop() if len(found) == 1 else ""


def parts(names: Iterable[str]) -> Parts | None:
    """Return what the parts of these names are for; None where none of them is to be trained on.

    A validation part is the validation; only where there is none, a test part is. Of several of a kind those of the shortest
    name are taken, numbered ones together. Of folds the last one is the validation.
    """
    names = sorted(names, key=natural)
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(kind_of(name), []).append(name)
    if len(kinds.get("fold", [])) == len(names) > 1:
        return _of_folds(names)
    training, validation, test = (_shortest(kinds.get(kind, [])) for kind in ("training", "validation", "test"))
    if not training and test:  # a development set and one to evaluate with
        training, validation = validation, ()
    if not training:
        return None
    held = validation or test
    spare = tuple(name for name in names if name not in (*training, *held))
    return Parts(training, held, spare, _said(training, held, borrowed=not validation) if held else "")


def some(names: Sequence[str]) -> str:
    """Return the first names, and that there are more."""
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])


def _shortest(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that differ only in their numbers from the one with the fewest letters."""
    letters = {name: re.sub(r"[\W\d_]+", "", name).lower() for name in names}
    first = min(letters.values(), key=len, default="")
    return tuple(name for name in names if letters[name] == first)


def _of_folds(names: list[str]) -> Parts:
    *training, last = names
    said = _("The data is in {number} folds: {validation} is the validation, and the others are trained on; no other turn is taken.")
    return Parts(tuple(training), (last,), note=said.format(number=len(names), validation=last))


def _said(training: Sequence[str], validation: Sequence[str], borrowed: bool) -> str:
    said = _("The data is split already: {training} is trained on, and {validation} is the validation.")
    if borrowed:
        said = _("The data is split already: {training} is trained on. It has a test part only, so {validation} is the validation.")
    return said.format(training=some(training), validation=some(validation))
