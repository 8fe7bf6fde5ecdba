"""What the cells of a layer see through each kind of layer and operation, one axis at a time: the rules of receptive fields."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
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


def _same(seen: Seen, _size: int) -> Seen:
    return seen


def _all(seen: Seen, size: int) -> Seen:
    """Return all cells of the axis, for each cell that sees any."""
    any_seen = seen.first <= seen.last
    return seen._replace(first=np.where(any_seen, 0, size), last=np.where(any_seen, size - 1, -1))


def _past(seen: Seen, size: int) -> Seen:
    """Return each step with those before it."""
    return seen._replace(first=_all(seen, size).first)


def _backwards(seen: Seen, size: int) -> Seen:
    """Return each step, counted from the end, with those behind it: Keras answers in the order in which it went."""
    place = tuple((size - high, size - low) for low, high in seen.place)
    return Seen(seen.axis, size - 1 - seen.last, _all(seen, size).last, place)


def _window(taps: Any, stride: int = 1, up: bool = False) -> Map:
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


_REACH = {"nearest": 0.5, "bilinear": 1, "bicubic": 2, "lanczos3": 3, "lanczos5": 5}  # of an interpolation, in cells


def _resized(scale: float, reach: float) -> Map:
    def mapped(seen: Seen, size: int) -> Seen:
        start, stop = ((cells + 0.5) * scale - 0.5 for cells in (seen.first, seen.last))
        first = np.clip(np.floor(start - reach) + 1, 0, size - 1)
        last = np.clip(np.maximum(np.floor(stop - reach) + 1, np.ceil(stop + reach) - 1), 0, size - 1)
        hit = seen.first <= seen.last
        place = tuple((low * scale, high * scale) for low, high in seen.place)
        return Seen(seen.axis, np.where(hit, first, size).astype(np.int64), np.where(hit, last, -1).astype(np.int64), place)

    return mapped


# What is known of layers and operations: from which axis of what one makes to which axis of what it reads, and how


class Use(NamedTuple):
    """A layer, the sizes of all that it reads, which of these it is about, and the sizes of the (first) that it makes."""

    layer: Any
    read: tuple[Sizes, ...]
    at: int
    out: Sizes

    @property
    def sizes(self) -> Sizes:
        """The sizes of what this use is about."""
        return self.read[self.at]

    @property
    def spatial(self) -> range:
        """Its axes that a kernel runs along."""
        first = int(getattr(self.layer, "data_format", None) == "channels_first")
        return range(first, first + len(self.sizes) - 1)


# For each axis of what is read the axis of what is made that runs along it, and what is seen through it; None for an axis
# that is seen whole by all. Nothing where nothing is known.
Steps: TypeAlias = Sequence[tuple[int, Map] | None]


def through(use: Use, seen: State) -> State:
    """Return what is seen of what a layer reads, given what is seen of what it makes."""
    steps = zip(_steps(use), use.sizes, strict=True)
    return tuple(whole(size) if step is None else step[1](seen[step[0]], size) for step, size in steps)


def _steps(use: Use) -> Steps:
    of_keras = type(use.layer).__module__.partition(".")[0] == "keras"
    rule = _rule(type(use.layer).__name__) if of_keras else None
    steps = rule(use) if rule else ()
    return steps if len(steps) == len(use.sizes) else [None] * len(use.sizes)


def _pointwise(use: Use, wide: Sequence[int] = ()) -> Steps:
    """Each cell from the one at its place, or the only one there is, and from all along the axes in `wide`."""
    if len(use.sizes) != len(use.out):
        return ()
    kept = [size == out for size, out in zip(use.sizes, use.out, strict=True)]
    return [(axis, _all if axis in wide else _same) if one else None for axis, one in enumerate(kept)]


def _everywhere(use: Use) -> Steps:
    return _pointwise(use, range(len(use.sizes)))


def _own_axes(use: Use) -> Steps:
    axes = use.layer.axis if isinstance(use.layer.axis, (list, tuple)) else [use.layer.axis]
    return _pointwise(use, [axis % (len(use.sizes) + 1) - 1 for axis in axes])


def _activation(use: Use) -> Steps:
    function = use.layer.activation
    name, module = (str(getattr(function, key, "")) for key in ("__name__", "__module__"))
    if not name or not module.startswith("keras."):
        return ()
    return _pointwise(use, [len(use.sizes) - 1] if re.search("softmax|sparsemax", name) else ())


def _dense(use: Use) -> Steps:
    return [*_pointwise(use)[:-1], None]


def _windowed(use: Use, maps: Sequence[Map], mixed: bool = False) -> Steps:
    """By one map along each spatial axis; `mixed`: each channel from all channels."""
    if len(maps) != len(use.spatial):
        return ()
    of = dict(zip(use.spatial, maps, strict=True))
    return [None if mixed and axis not in of else (axis, of.get(axis, _same)) for axis in range(len(use.sizes))]


def _kernel(use: Use, up: bool = False) -> Steps:
    """Convolutions, `up` where transposed, and poolings."""
    layer, maps = use.layer, []
    kernel = getattr(layer, "kernel_size", None) or layer.pool_size
    dilations = getattr(layer, "dilation_rate", (1,) * len(kernel))
    for axis, size, stride, dilation in zip(use.spatial, kernel, layer.strides, dilations, strict=False):
        wide, narrow = (use.out[axis], use.sizes[axis]) if up else (use.sizes[axis], use.out[axis])
        reach = (size - 1) * dilation
        before = {"same": max((narrow - 1) * stride + reach + 1 - wide, 0) // 2, "causal": reach}.get(layer.padding, 0)
        taps = np.arange(size) * dilation - before
        maps.append(_same if size == stride == 1 else _window(-taps if up else taps, stride, up))
    return _windowed(use, maps, mixed=hasattr(layer, "kernel_size"))


def _global_pooling(use: Use) -> Steps:
    whole = [_window(np.arange(use.sizes[axis]), use.sizes[axis]) for axis in use.spatial]
    return _windowed(use, whole) if use.layer.keepdims else ()


def _padding(use: Use) -> Steps:
    return _windowed(use, [_window(-before) for before, _after in np.reshape(use.layer.padding, (-1, 2))])


def _cropping(use: Use) -> Steps:
    return _windowed(use, [_window(before) for before, _after in np.reshape(use.layer.cropping, (-1, 2))])


def _resizing(use: Use) -> Steps:
    layer = use.layer
    if getattr(layer, "crop_to_aspect_ratio", False) or getattr(layer, "pad_to_aspect_ratio", False):
        return ()
    scales = [use.sizes[axis] / use.out[axis] for axis in use.spatial]
    interpolation = getattr(layer, "interpolation", "nearest")
    smooth = getattr(layer, "antialias", False) and interpolation != "nearest"
    return _windowed(use, [_resized(scale, _REACH[interpolation] * (max(scale, 1) if smooth else 1)) for scale in scales])


def _concatenated(use: Use) -> Steps:
    axis = use.layer.axis % (len(use.out) + 1) - 1
    if axis < 0 or sum(sizes[axis] for sizes in use.read) != use.out[axis]:  # along the batch, or with constants
        return ()
    before = sum(sizes[axis] for sizes in use.read[: use.at])
    return [(one, _window(-before) if one == axis else _same) for one in range(len(use.out))]


def _permuted(use: Use) -> Steps:
    layer, count = use.layer, len(use.sizes) + 1
    axes = [0, *layer.dims] if hasattr(layer, "dims") else [axis % count for axis in layer.axes or range(count)[::-1]]
    return [(axes.index(axis) - 1, _same) for axis in range(1, count)] if axes[0] == 0 else ()


def _reshaped(use: Use) -> Steps:
    """Keep the axes that come after as many cells, in C order, as they did."""

    def kept(sizes: Sizes) -> dict[tuple[int, int], int]:
        return {(math.prod(sizes[:axis]), size): axis for axis, size in enumerate(sizes) if size > 1}

    if math.prod(use.sizes) != math.prod(use.out):
        return ()
    now = {axis: kept(use.out).get(key) for key, axis in kept(use.sizes).items()}
    found = [now.get(axis) for axis in range(len(use.sizes))]
    return [None if axis is None else (axis, _same) for axis in found]


def _recurrent(use: Use) -> Steps:
    if use.at or not use.layer.return_sequences:  # an initial state; the last step alone
        return ()
    both = hasattr(use.layer, "backward_layer")
    return [(0, _all if both else _backwards if use.layer.go_backwards else _past), *[None] * (len(use.sizes) - 1)]


def _at_each_step(use: Use) -> Steps:
    steps = _steps(Use(use.layer.layer, tuple(sizes[1:] for sizes in use.read), use.at, use.out[1:]))
    return [(0, _same), *(step and (step[0] + 1, step[1]) for step in steps)]


Rule: TypeAlias = Callable[[Use], Steps]

# By the names of Keras's classes. Layers are taken as they are in inference.
_RULES: tuple[tuple[str, Rule], ...] = (
    (r"(Depthwise|Separable)?Conv\dD|(Max|Average)Pooling\dD", _kernel),
    (r"Conv\dDTranspose", functools.partial(_kernel, up=True)),
    (r"Global(Max|Average)Pooling\dD", _global_pooling),
    (r"ZeroPadding\dD", _padding),
    (r"Cropping\dD", _cropping),
    (r"UpSampling[12]D|Resizing", _resizing),
    (r"(Layer|RMS|Unit)Normalization|(Log)?Softmax", _own_axes),
    (r"GroupNormalization", _everywhere),
    (r"Activation", _activation),
    (r"Dense", _dense),
    (r"Concatenate", _concatenated),
    (r"Permute|Transpose", _permuted),
    (r"Reshape|Flatten|Squeeze|ExpandDims", _reshaped),
    (r"LSTM|GRU|SimpleRNN|RNN|Bidirectional", _recurrent),
    (r"TimeDistributed", _at_each_step),
    # layers
    (r"(Batch)?Normalization|Rescaling|LayerScale|CustomScaleLayer|StochasticDepth|Identity|Masking", _pointwise),
    (r"\w*Dropout(\dD)?|GaussianNoise|ActivityRegularization|Random(?!Crop)\w+", _pointwise),
    (r"(P|Leaky)?Re(LU|lu)|Relu6|ELU|Elu|Selu|Celu|Gelu|(Hard)?Silu|(Hard|Log)?Sigmoid|(Hard)?Tanh|Softplus|Softsign", _pointwise),
    (r"Add|Subtract|Multiply|Average|Maximum|Minimum", _pointwise),
    # operations
    (r"(True)?Divide|Power|Negative|Abs(olute)?|Square|R?[Ss]qrt|Exp|Log|Log1p|Clip|Cast", _pointwise),
)


@functools.cache
def _rule(name: str) -> Rule | None:
    return next((rule for names, rule in _RULES if re.fullmatch(names, name)), None)
