"""What the cells of a layer see through each kind of layer and operation, one axis at a time: the rules of receptive fields."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from explorer.backend.graph.receptive_field_axes import (
    REACH,
    Map,
    Sizes,
    State,
    backwards,
    everything,
    past,
    resized,
    same,
    whole,
    window,
)

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
    return [(axis, everything if axis in wide else same) if one else None for axis, one in enumerate(kept)]


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
    return [None if mixed and axis not in of else (axis, of.get(axis, same)) for axis in range(len(use.sizes))]


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
        maps.append(same if size == stride == 1 else window(-taps if up else taps, stride, up))
    return _windowed(use, maps, mixed=hasattr(layer, "kernel_size"))


def _global_pooling(use: Use) -> Steps:
    windows = [window(np.arange(use.sizes[axis]), use.sizes[axis]) for axis in use.spatial]
    return _windowed(use, windows) if use.layer.keepdims else ()


def _padding(use: Use) -> Steps:
    return _windowed(use, [window(-before) for before, _after in np.reshape(use.layer.padding, (-1, 2))])


def _cropping(use: Use) -> Steps:
    return _windowed(use, [window(before) for before, _after in np.reshape(use.layer.cropping, (-1, 2))])


def _resizing(use: Use) -> Steps:
    layer = use.layer
    if getattr(layer, "crop_to_aspect_ratio", False) or getattr(layer, "pad_to_aspect_ratio", False):
        return ()
    scales = [use.sizes[axis] / use.out[axis] for axis in use.spatial]
    interpolation = getattr(layer, "interpolation", "nearest")
    smooth = getattr(layer, "antialias", False) and interpolation != "nearest"
    return _windowed(use, [resized(scale, REACH[interpolation] * (max(scale, 1) if smooth else 1)) for scale in scales])


def _concatenated(use: Use) -> Steps:
    axis = use.layer.axis % (len(use.out) + 1) - 1
    if axis < 0 or sum(sizes[axis] for sizes in use.read) != use.out[axis]:  # along the batch, or with constants
        return ()
    before = sum(sizes[axis] for sizes in use.read[: use.at])
    return [(one, window(-before) if one == axis else same) for one in range(len(use.out))]


def _permuted(use: Use) -> Steps:
    layer, count = use.layer, len(use.sizes) + 1
    axes = [0, *layer.dims] if hasattr(layer, "dims") else [axis % count for axis in layer.axes or range(count)[::-1]]
    return [(axes.index(axis) - 1, same) for axis in range(1, count)] if axes[0] == 0 else ()


def _reshaped(use: Use) -> Steps:
    """Keep the axes that come after as many cells, in C order, as they did."""

    def kept(sizes: Sizes) -> dict[tuple[int, int], int]:
        return {(math.prod(sizes[:axis]), size): axis for axis, size in enumerate(sizes) if size > 1}

    if math.prod(use.sizes) != math.prod(use.out):
        return ()
    now = {axis: kept(use.out).get(key) for key, axis in kept(use.sizes).items()}
    found = [now.get(axis) for axis in range(len(use.sizes))]
    return [None if axis is None else (axis, same) for axis in found]


def _recurrent(use: Use) -> Steps:
    if use.at or not use.layer.return_sequences:  # an initial state; the last step alone
        return ()
    both = hasattr(use.layer, "backward_layer")
    return [(0, everything if both else backwards if use.layer.go_backwards else past), *[None] * (len(use.sizes) - 1)]


def _at_each_step(use: Use) -> Steps:
    steps = _steps(Use(use.layer.layer, tuple(sizes[1:] for sizes in use.read), use.at, use.out[1:]))
    return [(0, same), *(step and (step[0] + 1, step[1]) for step in steps)]


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
