"""Warnings: what a user should know about a dataset before training on it, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from explorer.backend.datasets.duplicates import Indices, copy_groups
from explorer.locale import _, counted
from explorer.values import Labelled
from explorer.values.names import caseless

IMBALANCED = 3  # ratio of the largest to the smallest class above which a warning is given
NAMED = 3  # how many names a sentence lists


def counts(classes: Sequence[str], examples: Iterable[Labelled]) -> list[int]:
    """Return how many examples each class has."""
    result = [0] * len(classes)
    for labelled in examples:
        for class_index in labelled.classes:
            result[class_index] += 1
    return result


def on_case(classes: Sequence[str]) -> tuple[str, ...]:
    """Return a warning for each set of classes that differ in case only."""
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(caseless(name), []).append(name)
    message = _("{names} differ in case only, but are treated as different classes.")
    return tuple(message.format(names=_(" and ").join(names)) for names in spellings.values() if len(names) > 1)


def on_spelling(spelled: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning where classes of the validation data are spelled differently; spelled: validation name to training name."""
    pairs = [_("{one} is treated as {other}").format(one=name, other=known) for name, known in spelled.items() if name != known]
    return (_("In the validation part, {names}: they differ in case only.").format(names=", ".join(_shortened(pairs))),) if pairs else ()


def on_imbalance(classes: Sequence[str], examples: Sequence[Labelled]) -> tuple[str, ...]:
    """Return a warning where a class has more than 3 times as many examples as another."""
    pairs = sorted(zip(counts(classes, examples), classes, strict=True), key=lambda pair: pair[0])
    (least, rare), (most, common) = pairs[0], pairs[-1]
    if most <= IMBALANCED * least:
        return ()
    return (
        _("Imbalanced: {common} has {most} examples, {rare} {least}; the network will predict {common} too often.").format(
            common=common, most=f"{most:,}", rare=rare, least=f"{least:,}"
        ),
    )


def on_duplicates(same: Sequence[Indices], examples: Sequence[Labelled], validation: frozenset[int]) -> tuple[str, ...]:
    """Return warnings about copies: how many there are, which are in two classes, and how many are in both parts of the split.

    same: groups of indices of examples with the same content, as from `same_content`; validation: indices of validation examples.
    """
    same = copy_groups([labelled.example for labelled in examples], same)
    if not same:
        return ()
    extra = sum(len(indices) - 1 for indices in same)
    notes = [counted("{number} example is a copy of another.", "{number} examples are copies of others.", extra)]
    across = sum(len(validation.intersection(indices)) for indices in same if not validation.issuperset(indices))
    if across:
        notes.append(
            counted(
                "{number} validation example is a copy of a training example, so the accuracy will look too good.",
                "{number} validation examples are copies of training examples, so the accuracy will look too good.",
                across,
            )
        )
    conflicts = [
        [examples[index].example.name for index in indices] for indices in same if len({examples[index].classes for index in indices}) > 1
    ]
    notes += [
        _("{names} are the same, but in different classes.").format(names=_(" and ").join(_shortened(names))) for names in conflicts[:NAMED]
    ]
    if len(conflicts) > NAMED:
        notes.append(counted("{number} more is in different classes.", "{number} more are in different classes.", len(conflicts) - NAMED))
    return tuple(notes)


def on_empty(names: Sequence[str]) -> tuple[str, ...]:
    """Return a warning where classes are left out because they have no examples."""
    if not names:
        return ()
    return (_("Left out, as they have no readable example: {names}.").format(names=", ".join(_shortened(names, 10))),)


def on_damage(damaged: Sequence[str]) -> tuple[str, ...]:
    """Return what is wrong with the first damaged sounds, and how many more there are."""
    more = len(damaged) - NAMED
    rest = [counted("{number} more sound is damaged.", "{number} more sounds are damaged.", more)] if more > 0 else []
    return (*damaged[:NAMED], *rest)


def on_validation(classes: Sequence[str], validation: Sequence[Labelled], given: bool) -> tuple[str, ...]:
    """Return a warning where there is no validation data, at all or of a class; given: whether the user chose it, instead of a share."""
    if not validation:
        return (_("There is no validation data, so the accuracy on new examples can't be measured."),)
    missing = [name for name, count in zip(classes, counts(classes, validation), strict=True) if not count]
    if not missing:
        return ()
    if given:
        return (_("The validation data has no example of {names}.").format(names=", ".join(_shortened(missing, 10))),)
    return (
        _("There is no validation example of {names}: there is only one example, or one group that stays together.").format(
            names=", ".join(_shortened(missing, 10))
        ),
    )


def _shortened(names: Sequence[str], most: int = NAMED) -> list[str]:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return [*names[:most], *([counted("{number} more", "{number} more", more)] if more > 0 else [])]
