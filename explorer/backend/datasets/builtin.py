"""Built-in datasets, which need no download: digits, patterns and the sounds of eight timbres."""

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
PHRASE = 4.0  # seconds at most that are computed of a sound; it is repeated for networks that read more
MOST = 100_000


@dataclass(frozen=True)
class BuiltIn:
    """A built-in dataset.

    kind: of the examples; count: the default number of examples; classes: their names.
    make: (class, index within the class, seed, input spec) -> the data of an example.
    available: class -> the number of examples that it has.
    """

    kind: str
    count: int
    classes: tuple[str, ...]
    make: Callable[[str, int, int, InputSpec], Data]
    available: Callable[[str], int] = lambda _name: MOST


def read_collection(name: str, input_spec: InputSpec, count: int = 0, seed: int = 0) -> Collection:
    """Return the built-in dataset `name`, one of `BUILT_IN`: `count` examples, as evenly by class as possible; 0 for its default.

    Raises UnknownName for other names, ExplorerError where the network reads another kind of input, and for more examples than
    there are, or than fit into the memory for one input.
    """
    if name not in BUILT_IN:
        raise UnknownName(_("There is no built-in dataset {name!r}.{near}").format(name=name, near=near(name, BUILT_IN)))
    dataset = BUILT_IN[name]
    if dataset.kind != input_spec.kind:
        raise ExplorerError(_wrong_kind_message(name, input_spec.kind))
    classes = sorted(dataset.classes, key=natural)
    count = count or dataset.count
    largest_count = min(MOST, sum(map(dataset.available, classes)))
    if not len(classes) <= count <= largest_count:
        raise ExplorerError(
            _("{name} has {least} to {most} examples, not {count}.").format(
                name=name, least=len(classes), most=f"{largest_count:,}", count=f"{count:,}"
            )
        )
    first = dataset.make(classes[0], 0, seed, input_spec)
    size = len(first) if isinstance(first, bytes) else first.nbytes
    budget.check(size * count, name, _("Choose fewer examples."), ExplorerError)
    shares = sorted(
        (index, class_index) for class_index, label in enumerate(classes) for index in range(min(count, dataset.available(label)))
    )[:count]
    order = sorted((class_index, index) for index, class_index in shares)
    drawn = ((classes[class_index], index, dataset.make(classes[class_index], index, seed, input_spec)) for class_index, index in order)
    return collection(
        ((Example(dataset.kind, data, f"{label} {index + 1}"), (label,), "") for label, index, data in drawn), classes=classes
    )


def _wrong_kind_message(name: str, kind: str) -> str:
    fitting = [other for other, dataset in BUILT_IN.items() if dataset.kind == kind]
    if not fitting:
        return _("This network reads arrays, which {name} is not: give it arrays x and y.").format(name=name)
    what = _("sounds") if kind == "audio" else _("pictures")
    return _("This network reads {what}, which {name} is not: choose {fitting}.").format(
        what=what, name=name, fitting=_(" or ").join(fitting)
    )


@lru_cache(maxsize=1)
def _digits() -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return scikit-learn's digits by class, each uint8 (n, 32, 32): light ink on black, as the bundled network was trained on them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = np.clip(digits.images * (255 / BRIGHTEST), 0, 255).astype(np.uint8)
    large = np.stack([np.asarray(Image.fromarray(digit).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for digit in small])
    return {str(digit): large[digits.target == digit] for digit in range(10)}


def _digit(name: str, index: int, _seed: int, _input_spec: InputSpec) -> Data:
    return np.stack([_digits()[name][index]] * 3, axis=-1)


def _pattern(name: str, index: int, seed: int, input_spec: InputSpec) -> Data:
    """Draw a pattern of about the network's input size."""
    low, high = PATTERN_SIDES
    rng = np.random.default_rng((seed, patterns.CLASSES.index(name), index))
    return patterns.drawn(name, min(max(low, *input_spec.size[:2]), high), rng)


def _timbre(name: str, index: int, seed: int, input_spec: InputSpec) -> Data:
    """Play an instrument for the length of the network's input."""
    spectrogram = input_spec.sound
    seconds, rate, samples = PHRASE, synthesis.RATE, round(PHRASE * synthesis.RATE)
    if spectrogram:
        seconds, rate, samples = spectrogram.seconds, spectrogram.rate, spectrogram.samples
    rng = np.random.default_rng((seed, TIMBRES.index(name), index))
    phrase = synthesis.random_sound(name, rng, min(seconds, PHRASE), rate)
    return cast("bytes", audio.read((np.resize(phrase, samples), rate)).data)


BUILT_IN = {
    "digits": BuiltIn(
        **vars(DATA_SETS["digits"]), classes=tuple(map(str, range(10))), make=_digit, available=lambda name: len(_digits()[name])
    ),
    "patterns": BuiltIn(**vars(DATA_SETS["patterns"]), classes=patterns.CLASSES, make=_pattern),
    "timbres": BuiltIn(**vars(DATA_SETS["timbres"]), classes=TIMBRES, make=_timbre),
}
