"""What the cells of a layer see of one axis of a tensor, and what becomes of that through a window, a resizing, a recurrence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Sizes: TypeAlias = tuple[int, ...]  # of a tensor's axes but the batch


class Seen(NamedTuple):
    """What the cells of one axis of the wanted layer see of one axis of a tensor on the way.

    axis: of the wanted layer; None where all its cells see the same, which `first` and `last` hold once.
    first, last: (size of that axis,), within the tensor; its size and -1 for a cell that sees nothing of it.
    place: (low, high) edges, also beyond the tensor, of that axis's cell 0 and of the one behind its last; () without axis.
    """

    axis: int | None
    first: Ints
    last: Ints
    place: tuple[tuple[float, float], ...] = ()


State: TypeAlias = tuple[Seen, ...]  # for each axis of a tensor but the batch


@functools.cache
def whole(size: int) -> Seen:
    """Return all of an axis, by all."""
    return Seen(None, np.array([0]), np.array([size - 1]))


def united(one: Seen, other: Seen) -> Seen:
    """Return what is seen on two paths together; where they cross the wanted axes, the tensor's axis runs along none."""
    if one is other:
        return one
    if one.axis is None:
        one, other = other, one
    if other.axis not in (one.axis, None):
        one, other = (Seen(None, seen.first.min(keepdims=True), seen.last.max(keepdims=True)) for seen in (one, other))
    place = tuple(
        (min(low, other_low), max(high, other_high)) for (low, high), (other_low, other_high) in zip(one.place, other.place, strict=False)
    )
    return Seen(one.axis, np.minimum(one.first, other.first), np.maximum(one.last, other.last), place or one.place)


def sizes_of(tensor: Any) -> Sizes:
    """Return the sizes of a tensor's axes but the batch."""
    return tuple(tensor.shape[1:])


# What is seen of one axis of a tensor of this size through a layer

Map: TypeAlias = Callable[[Seen, int], Seen]


def same(seen: Seen, _size: int) -> Seen:
    """Return each cell for itself."""
    return seen


def everything(seen: Seen, size: int) -> Seen:
    """Return all cells of the axis, for each cell that sees any."""
    any_seen = seen.first <= seen.last
    return seen._replace(first=np.where(any_seen, 0, size), last=np.where(any_seen, size - 1, -1))


def past(seen: Seen, size: int) -> Seen:
    """Return each step with those before it."""
    return seen._replace(first=everything(seen, size).first)


def backwards(seen: Seen, size: int) -> Seen:
    """Return each step, counted from the end, with those behind it: Keras answers in the order in which it went."""
    place = tuple((size - high, size - low) for low, high in seen.place)
    return Seen(seen.axis, size - 1 - seen.last, everything(seen, size).last, place)


def window(taps: Any, stride: int = 1, up: bool = False) -> Map:
    """Each cell from the cells `stride * cell + tap`; upwards, from those whose `stride`-fold is `cell + tap`."""
    taps = np.array(taps).reshape(-1, 1)
    least, most = sorted((int(taps[0, 0]), int(taps[-1, 0])))

    def mapped(seen: Seen, size: int) -> Seen:
        if up:
            low = first = np.maximum(-(-(seen.first + taps) // stride), 0)
            high = last = np.minimum((seen.last + taps) // stride, size - 1)
        else:
            low, high = np.maximum(seen.first, -(taps // stride)), np.minimum(seen.last, (size - 1 - taps) // stride)
            first, last = low * stride + taps, high * stride + taps
        hit = low <= high  # what isn't lies between the taps, or beyond the tensor
        if up:
            place = tuple(((low_edge + least) / stride, (high_edge - 1 + most) / stride + 1) for low_edge, high_edge in seen.place)
        else:
            place = tuple((low_edge * stride + least, (high_edge - 1) * stride + most + 1) for low_edge, high_edge in seen.place)
        return Seen(seen.axis, first.min(axis=0, initial=size, where=hit), last.max(axis=0, initial=-1, where=hit), place)

    return mapped


REACH = {"nearest": 0.5, "bilinear": 1, "bicubic": 2, "lanczos3": 3, "lanczos5": 5}  # of an interpolation, in cells


def resized(scale: float, reach: float) -> Map:
    """Each cell from those that an interpolation reaches: `scale` of them stand for one, `reach` on either side."""

    def mapped(seen: Seen, size: int) -> Seen:
        start, stop = ((cells + 0.5) * scale - 0.5 for cells in (seen.first, seen.last))
        first = np.clip(np.floor(start - reach) + 1, 0, size - 1)
        last = np.clip(np.maximum(np.floor(stop - reach) + 1, np.ceil(stop + reach) - 1), 0, size - 1)
        hit = seen.first <= seen.last
        place = tuple((low * scale, high * scale) for low, high in seen.place)
        return Seen(seen.axis, np.where(hit, first, size).astype(np.int64), np.where(hit, last, -1).astype(np.int64), place)

    return mapped
