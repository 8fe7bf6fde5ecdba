"""Arrays: examples with their classes, as a pair (x, y) from Python or an .npz."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from explorer.backend.datasets.example_reader import from_python
from explorer.backend.datasets.examples import Collection, Named, collection
from explorer.backend.datasets.labels import targets_of
from explorer.backend.evaluation.data import arrays_by_name, check_lengths, stored_arrays
from explorer.backend.inputs.array_files import is_finite
from explorer.backend.inputs.npy import Array
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import InputSpec

MOST = 1_000_000  # examples in a list or an iterable


def read_collection(x: Any, y: Any, input_spec: InputSpec, classes: Sequence[str] | None = None) -> Collection:
    """Return examples `x` with their classes `y`.

    x: for pictures (n, height, width, 3), (n, height, width, 1) or (n, height, width) of 0 to 255; for sound (n, samples) at the
        network's rate; for arrays one array, and for several inputs a dict by input name, or a list in input order. For pictures
        and sound also a list of what `predict` takes: paths, pictures, (samples, rate), ... Arrays of any library will do.
    y: (n,) numbers or names of classes; (n, classes) of 0 and 1, where each column is a class.
    classes: the names of the classes, where y holds their numbers.
    Raises ExplorerError for other x and y, and where their lengths differ. Examples that can't be read are left out and named.
    """
    with refusing(ExplorerError, _("{name} can't be read as examples and classes ({why}); give arrays or lists of them."), _("The data")):
        return _read_collection(x, y, input_spec, classes)


def _read_collection(x: Any, y: Any, input_spec: InputSpec, classes: Sequence[str] | None) -> Collection:
    sources, notes = _sources(x, input_spec)
    try:
        y = np.atleast_1d(np.asarray(y))
    except ValueError:
        raise ExplorerError(_("y is not an array: its rows have unequal lengths; give (n, classes) of 0 and 1.")) from None
    check_lengths({"": np.zeros(len(sources))}, {"": y})
    targets = targets_of(y, classes)
    examples: list[Named] = []
    left_out = []
    for index, (source, names) in enumerate(zip(sources, targets.names, strict=True)):
        try:
            examples.append((from_python(source, f"x[{index}]", input_spec), names, ""))
        except UnreadableExample as error:
            left_out.append((f"x[{index}]", str(error)))
    return collection(examples, targets.multi_label, tuple(left_out), (*notes, *targets.notes), targets.classes)


def read_npz(path: Path) -> tuple[Any, Array]:
    """Return x and y of an .npz; x is a dict by input name where the file holds x_<input>. Raises ExplorerError for other files."""
    arrays = stored_arrays(path)
    x = arrays.get("x", {key[2:]: array for key, array in arrays.items() if key.startswith("x_")})
    if "y" not in arrays or (isinstance(x, dict) and not x):
        raise ExplorerError(
            _("{name} needs the arrays x and y; it has {found}.").format(name=path.name, found=", ".join(arrays) or _("none"))
        )
    return x, arrays["y"]


def _sources(x: Any, input_spec: InputSpec) -> tuple[Sequence[Any], tuple[str, ...]]:
    """Return the source of each example, as `predict` takes it, and notes about them."""
    if input_spec.kind == "arrays":
        by_name = arrays_by_name(x, [source.name for source in input_spec.inputs], "x")
        check_lengths(by_name, {})
        return [dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)], ()
    x = _as_sequence(x)
    if input_spec.kind == "image":
        pixels: Any = (
            _pixels(x, input_spec.size[2])
            if isinstance(x, np.ndarray)
            else [_pixels(source[None], input_spec.size[2])[0] if isinstance(source, np.ndarray) else source for source in x]
        )
        return pixels, ()
    rate = input_spec.sound.rate if input_spec.sound else 0
    assumed = _("Arrays of samples are taken to have the network's rate, {rate} samples a second.").format(rate=f"{rate:,}")
    sounds = [(source, rate) if isinstance(source, np.ndarray) else source for source in x]
    return sounds, (assumed,) if any(isinstance(source, np.ndarray) for source in x) else ()


def _as_sequence(x: Any) -> Array | list[Any]:
    """Return examples as one array of numbers, or else as a list; arrays of paths or of unequal arrays become lists too."""
    if isinstance(x, str | bytes | Mapping) or not isinstance(x, Iterable):
        raise ExplorerError(_("x must be an array or a list of examples, not {type}.").format(type=type(x).__name__))
    if hasattr(x, "__array__"):
        x = np.asarray(x)
    if isinstance(x, np.ndarray) and x.dtype.kind not in "OU":
        return x
    examples = list(islice(x, MOST + 1))
    if len(examples) > MOST:
        raise ExplorerError(_("x gives more than {most} examples, or never ends: give a part of them.").format(most=f"{MOST:,}"))
    return examples


def _pixels(x: Array, channels: int) -> Array:
    """Return pictures as uint8 (n, height, width, 3), or with as many channels as the network reads.

    Raises ExplorerError for other shapes, and values outside 0 to 255.
    """
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3, channels):
        raise ExplorerError(
            _("x has the shape {shape}; pictures are (n, height, width, 3), (n, height, width, 1) or (n, height, width).").format(
                shape=x.shape
            )
        )
    if x.dtype.kind not in "uif":
        raise ExplorerError(_("x is {dtype}; pixels are numbers, 0 to 255.").format(dtype=x.dtype))
    if x.dtype != np.uint8 and x.size:
        if not is_finite(x):
            raise ExplorerError(_("x holds NaN or infinite values; pixels are 0 to 255."))
        low, high = float(x.min()), float(x.max())
        if not 0 <= low <= high <= 255:
            raise ExplorerError(_("x holds {low:g} to {high:g}; pixels are 0 to 255.").format(low=low, high=high))
        if x.dtype.kind == "f" and 0 < high <= 1:
            raise ExplorerError(_("x holds {low:g} to {high:g}; pixels are 0 to 255: give x * 255.").format(low=low, high=high))
    pixels: Array = x if x.dtype == np.uint8 else np.rint(x, out=np.empty(x.shape, np.uint8), casting="unsafe")
    return np.broadcast_to(pixels, (*x.shape[:3], 3)) if x.shape[-1] == 1 else pixels
