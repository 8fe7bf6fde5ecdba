"""What there is to know of a data set before it is trained on, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from explorer.backend.datasets.duplicates import Places, copies
from explorer.locale import _, counted
from explorer.values import Labelled
from explorer.values.names import caseless

LOPSIDED = 3  # times as many examples as the smallest class has: from there on it is said
NAMED = 3  # of many, how many are named


def counts(classes: Sequence[str], examples: Iterable[Labelled]) -> list[int]:
    """Return how many examples each class has."""
    found = [0] * len(classes)
    for one in examples:
        for place in one.classes:
            found[place] += 1
    return found


def on_case(classes: Sequence[str]) -> tuple[str, ...]:
    """Say which classes differ in case only."""
    same: dict[str, list[str]] = {}
    for name in classes:
        same.setdefault(caseless(name), []).append(name)
    said = _("{names} differ in case only, but are taken for different classes.")
    return tuple(said.format(names=_(" and ").join(names)) for names in same.values() if len(names) > 1)


def on_spelling(spelled: Mapping[str, str]) -> tuple[str, ...]:
    """Say which classes of the validation are spelled otherwise than those that are trained on; `spelled`: as these are."""
    other = [_("{one} is taken for {other}").format(one=one, other=known) for one, known in spelled.items() if one != known]
    return (_("In the validation part, {names}: they differ in case only.").format(names=", ".join(_some(other))),) if other else ()


def on_imbalance(classes: Sequence[str], examples: Sequence[Labelled]) -> tuple[str, ...]:
    """Say where a class has more than 3 times as many examples as another."""
    pairs = sorted(zip(counts(classes, examples), classes, strict=True), key=lambda pair: pair[0])
    (least, rare), (most, common) = pairs[0], pairs[-1]
    if most <= LOPSIDED * least:
        return ()
    return (
        _("Imbalanced: {common} has {most} examples, {rare} {least}; the network will predict {common} too often.").format(
            common=common, most=f"{most:,}", rare=rare, least=f"{least:,}"
        ),
    )


def on_copies(same: Sequence[Places], examples: Sequence[Labelled], held_out: frozenset[int]) -> tuple[str, ...]:
    """Say how many examples are copies, which are in two classes, and how many are held out of which a copy is trained on.

    same: the places of examples of the same content, as `same_content` returns them; parts of one sound are no copies.
    """
    same = copies([one.example for one in examples], same)
    if not same:
        return ()
    extra = sum(len(places) - 1 for places in same)
    notes = [counted("{number} example is a copy of another.", "{number} examples are copies of others.", extra)]
    across = sum(len(held_out.intersection(places)) for places in same if not held_out.issuperset(places))
    if across:
        notes.append(
            counted(
                "{number} validation example is a copy of a training example, so the accuracy will look too good.",
                "{number} validation examples are copies of training examples, so the accuracy will look too good.",
                across,
            )
        )
    torn = [[examples[place].example.name for place in places] for places in same if len({examples[place].classes for place in places}) > 1]
    notes += [_("{names} are the same, but in different classes.").format(names=_(" and ").join(_some(names))) for names in torn[:NAMED]]
    if len(torn) > NAMED:
        notes.append(counted("{number} more is in different classes.", "{number} more are in different classes.", len(torn) - NAMED))
    return tuple(notes)


def on_empty(names: Sequence[str]) -> tuple[str, ...]:
    """Say which classes have no examples and are dropped."""
    if not names:
        return ()
    return (_("Left out, as they have no readable example: {names}.").format(names=", ".join(_some(names, 10))),)


def on_damage(damaged: Sequence[str]) -> tuple[str, ...]:
    """Say of the first damaged sounds what is wrong with them, and how many more there are."""
    more = len(damaged) - NAMED
    rest = [counted("{number} more sound is damaged.", "{number} more sounds are damaged.", more)] if more > 0 else []
    return (*damaged[:NAMED], *rest)


def on_held_out(classes: Sequence[str], validation: Sequence[Labelled], given: bool) -> tuple[str, ...]:
    """Say where nothing is held out, at all or of a class; given: whether by the user's choice, else by a share."""
    if not validation:
        return (_("There is no validation data, so the accuracy on new examples can't be measured."),)
    missing = [name for name, count in zip(classes, counts(classes, validation), strict=True) if not count]
    if not missing:
        return ()
    if given:
        return (_("The validation data has no example of {names}.").format(names=", ".join(_some(missing, 10))),)
    return (
        _("There is no validation example of {names}: all there is, is one example or one group that stays together.").format(
            names=", ".join(_some(missing, 10))
        ),
    )


def _some(names: Sequence[str], most: int = NAMED) -> list[str]:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return [*names[:most], *([counted("{number} more", "{number} more", more)] if more > 0 else [])]
