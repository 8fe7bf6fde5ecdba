"""Data sets that come with explorer and need no network: digits, patterns and the sounds of eight timbres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, cast

import numpy as np
from PIL import Image

from explorer.backend.datasets import patterns, synthesis
from explorer.backend.datasets.examples import Collection, collection
from explorer.backend.inputs import audio
from explorer.backend.runtime import budget
from explorer.catalog import DATA_SETS, TIMBRES
from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import Example, InputSpec
from explorer.values.names import natural

Data: TypeAlias = "bytes | np.ndarray[Any, np.dtype[np.uint8]]"

SIDE = 32  # pixels of a digit, as the bundled network reads it
BRIGHTEST = 16  # value of scikit-learn's digits
PATTERN_SIDES = (32, 224)  # pixels
PHRASE = 4.0  # seconds at most that are computed of a sound; it is repeated for networks that hear more
MOST = 100_000


@dataclass(frozen=True)
class BuiltIn:
    """A data set.

    kind: of the examples; count: how many examples there are where nobody says; classes: their names.
    make: (class, its place among the examples of the class, seed, how the network reads) -> the data of an example.
    there: class -> how many examples there are of it.
    """

    kind: str
    count: int
    classes: tuple[str, ...]
    make: Callable[[str, int, int, InputSpec], Data]
    there: Callable[[str], int] = lambda _name: MOST


def collected(name: str, input_spec: InputSpec, count: int = 0, seed: int = 0) -> Collection:
    """Return a built-in set, one of `BUILT_IN`: `count` examples in all, as even by class as can be; 0 for its own number.

    Raises UnknownName for other names, ExplorerError where the network reads something else, for more examples than there
    are, or than one input may take of the memory.
    """
    if name not in BUILT_IN:
        raise UnknownName(_("There is no built-in data set {name!r}.{near}").format(name=name, near=near(name, BUILT_IN)))
    chosen = BUILT_IN[name]
    if chosen.kind != input_spec.kind:
        raise ExplorerError(_not_read(name, input_spec.kind))
    classes = sorted(chosen.classes, key=natural)
    count = count or chosen.count
    most = min(MOST, sum(map(chosen.there, classes)))
    if not len(classes) <= count <= most:
        raise ExplorerError(
            _("{name} has {least} to {most} examples, not {count}.").format(
                name=name, least=len(classes), most=f"{most:,}", count=f"{count:,}"
            )
        )
    first = chosen.make(classes[0], 0, seed, input_spec)
    size = len(first) if isinstance(first, bytes) else first.nbytes
    budget.check(size * count, name, _("Choose fewer examples."), ExplorerError)
    evenly = sorted((place, rank) for rank, one in enumerate(classes) for place in range(min(count, chosen.there(one))))[:count]
    ordered = sorted((rank, place) for place, rank in evenly)
    made = ((classes[rank], place, chosen.make(classes[rank], place, seed, input_spec)) for rank, place in ordered)
    return collection(((Example(chosen.kind, data, f"{one} {place + 1}"), (one,), "") for one, place, data in made), classes=classes)


def _not_read(name: str, kind: str) -> str:
    fitting = [other for other, one in BUILT_IN.items() if one.kind == kind]
    if not fitting:
        return _("This network reads arrays, which {name} is not: give it arrays x and y.").format(name=name)
    what = _("sounds") if kind == "audio" else _("pictures")
    return _("This network reads {what}, which {name} is not: choose {fitting}.").format(
        what=what, name=name, fitting=_(" or ").join(fitting)
    )


@lru_cache(maxsize=1)
def _digits() -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return scikit-learn's digits by class, each uint8 (n, 32, 32): light ink on black, as the bundled network learnt from them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = np.clip(digits.images * (255 / BRIGHTEST), 0, 255).astype(np.uint8)
    large = np.stack([np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in small])
    return {str(one): large[digits.target == one] for one in range(10)}


def _digit(name: str, place: int, _seed: int, _input_spec: InputSpec) -> Data:
    return np.stack([_digits()[name][place]] * 3, axis=-1)


def _pattern(name: str, place: int, seed: int, input_spec: InputSpec) -> Data:
    """Draw a pattern about as large as the network reads it."""
    low, high = PATTERN_SIDES
    rng = np.random.default_rng((seed, patterns.CLASSES.index(name), place))
    return patterns.drawn(name, min(max(low, *input_spec.size[:2]), high), rng)


def _timbre(name: str, place: int, seed: int, input_spec: InputSpec) -> Data:
    """Play an instrument for as long as the network hears."""
    how = input_spec.sound
    seconds, rate, samples = (how.seconds, how.rate, how.samples) if how else (PHRASE, synthesis.RATE, round(PHRASE * synthesis.RATE))
    rng = np.random.default_rng((seed, TIMBRES.index(name), place))
    phrase = synthesis.random_sound(name, rng, min(seconds, PHRASE), rate)
    return cast("bytes", audio.read((np.resize(phrase, samples), rate)).data)


BUILT_IN = {
    "digits": BuiltIn(
        **vars(DATA_SETS["digits"]), classes=tuple(map(str, range(10))), make=_digit, there=lambda name: len(_digits()[name])
    ),
    "patterns": BuiltIn(**vars(DATA_SETS["patterns"]), classes=patterns.CLASSES, make=_pattern),
    "timbres": BuiltIn(**vars(DATA_SETS["timbres"]), classes=TIMBRES, make=_timbre),
}
