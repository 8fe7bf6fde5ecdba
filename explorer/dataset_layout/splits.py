"""Splits: which folder names mean a part of a dataset: training, validation, test, or one of several folds."""

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
PIECES = re.compile(r"(?<![a-z])(images?|imgs?|data|pictures)[ _-]*part[ _-]*\d")  # parts of one set of files, in several folders
SHOWN = 5  # names in a sentence


@dataclass(frozen=True)
class Parts:
    """The names of the parts for training, for validation and of those left aside; note: a sentence about the split."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    spare: tuple[str, ...] = ()
    note: str = ""


def kind_of(name: str) -> str:
    """Return which part a name means: "training", "validation", "test", "fold" (numbered), "spare" (without classes); "" for none.

    Case doesn't matter, and affixes and numbers are allowed: "Train-1", "seg_train", "testSet", "TEST_SIMPLE", "training_data", "fold 3".
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = re.findall(r"[^\W\d_]+", spaced)
    kinds = {kind for kind, pattern in KINDS.items() for word in words if pattern.fullmatch(word)}
    if PIECES.search(spaced):
        kinds.add("fold")
    if "fold" in kinds:
        return "fold" if kinds == {"fold"} and re.search(r"\d", name) else ""
    if kinds == {"training", "validation"}:
        return "training"
    return kinds.pop() if len(kinds) == 1 else ""


def parts(names: Iterable[str]) -> Parts | None:
    """Return the use of the parts with these names; None where none of them is for training.

    The test part is used for validation only where there is no validation part. Of several parts of a kind, those with the
    shortest name are taken; numbered ones count as one. Of folds, the last one is for validation.
    """
    names = sorted(names, key=natural)
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(kind_of(name), []).append(name)
    if len(kinds.get("fold", [])) == len(names) > 1:
        return _fold_parts(names)
    training, validation_names, test = (_shortest(kinds.get(kind, [])) for kind in ("training", "validation", "test"))
    if not training and test:  # a development set and an evaluation set
        training, validation_names = validation_names, ()
    if not training:
        return None
    validation = validation_names or test
    spare = tuple(name for name in names if name not in (*training, *validation))
    return Parts(training, validation, spare, _split_note(training, validation, from_test=not validation_names) if validation else "")


def names_text(names: Sequence[str]) -> str:
    """Return the first few names, with an ellipsis where there are more."""
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])


def _shortest(names: Sequence[str]) -> tuple[str, ...]:
    """Return the name with the fewest letters, and those that differ from it only in their numbers."""
    letters = {name: re.sub(r"[\W\d_]+", "", name).lower() for name in names}
    first = min(letters.values(), key=len, default="")
    return tuple(name for name in names if letters[name] == first)


def _fold_parts(names: list[str]) -> Parts:
    *training, last = names
    note = _("The data is in {number} folds: {validation} is used for validation and the others for training; the folds are not rotated.")
    return Parts(tuple(training), (last,), note=note.format(number=len(names), validation=last))


def _split_note(training: Sequence[str], validation: Sequence[str], from_test: bool) -> str:
    note = _("The data is already split: {training} is used for training and {validation} for validation.")
    if from_test:
        note = _(
            "The data is already split: {training} is used for training and, as there is no validation part, {validation} for validation."
        )
    return note.format(training=names_text(training), validation=names_text(validation))
