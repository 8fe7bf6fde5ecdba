"""The TensorFlow functions on shapes, slices of tensors and pictures, as operations of Keras 3.

Tensors are the first, positional arguments, all others keyword arguments with TensorFlow's names. None in a shape is an open size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from explorer.backend.runtime.keras import keras
from explorer.locale import _

ops = keras.ops


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of the model, not a constant."""
    return isinstance(value, keras.KerasTensor)


def dtype_of(written: Any) -> str:
    """Return the name of a dtype that Keras 2 wrote as "float32" or "<dtype: 'float32'>"."""
    match = re.search(r"bool|u?int\d+|b?float\d+", str(written))
    if not match:
        raise ValueError(written)
    return match[0]


def _sizes(written: Any) -> tuple[int, ...]:
    """Return a shape to reshape or resize to, with -1 for an open size; raises ValueError for more than one open size."""
    sizes = tuple(-1 if size is None else int(size) for size in written)
    if sizes.count(-1) > 1:
        raise ValueError(_("its size depends on several that the model leaves open"))
    return sizes


def _shape(x: Any, out_type: Any = None) -> list[int | None]:  # noqa: ARG001  # TensorFlow's name
    return list(x.shape)


def _expand_dims(x: Any, axis: Any) -> Any:
    return ops.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


def _squeeze(x: Any, axis: Any = None) -> Any:
    return ops.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


def _transpose(x: Any, perm: Any = None, conjugate: bool = False) -> Any:  # noqa: ARG001
    return ops.transpose(x, axes=perm and tuple(perm))


def _split(value: Any, num_or_size_splits: Any, axis: int = 0) -> Any:
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    sizes = list(num_or_size_splits)
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(size for size in sizes if size != -1)
    return ops.split(value, tuple(int(end) for end in np.cumsum(sizes)[:-1]), axis)


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Any:
    widths = tuple(tuple(pair) for pair in paddings)
    constant = mode.upper() == "CONSTANT"
    return ops.pad(tensor, widths, mode=mode.lower(), constant_values=constant_values if constant else None)


def _broadcast_to(x: Any, shape: Any) -> Any:
    """Repeat along the axes of size 1; axes of open size are left as they are."""
    if len(x.shape) < len(shape):
        x = ops.expand_dims(x, tuple(range(len(shape) - len(x.shape))))
    return ops.tile(x, tuple(1 if size == old_size else size for size, old_size in zip(shape, x.shape, strict=True)))


def getitem(tensor: Any, key: Any) -> Any:
    """Return `tensor[key]` for a list of integers, slices, None and Ellipsis, or one of these."""
    if not is_tensor(tensor):
        return tensor[key[0] if isinstance(key, list) else key]
    key = list(key) if isinstance(key, list) else [key]
    if Ellipsis in key:  # an .h5 can't hold it
        position = key.index(Ellipsis)
        key[position : position + 1] = [slice(None)] * (len(tensor.shape) - len(key) + 1 + key.count(None))
    return tensor[tuple(key)]


def _slice(input_: Any, begin: Any, size: Any) -> Any:
    return getitem(input_, [slice(start, None if length == -1 else start + length) for start, length in zip(begin, size, strict=True)])


def _strided_slice(input_: Any, begin: Any, end: Any, strides: Any = None, **masks: int) -> Any:
    """Return a slice as `tf.strided_slice` does; bit i of each mask is for index i of begin, end and strides."""
    key: list[Any] = []
    for position, (start, stop, step) in enumerate(zip(begin, end, strides or [1] * len(begin), strict=True)):
        is_set = {name for name, mask in masks.items() if mask >> position & 1}
        if "ellipsis_mask" in is_set or "new_axis_mask" in is_set:
            key.append(Ellipsis if "ellipsis_mask" in is_set else None)
        elif "shrink_axis_mask" in is_set:
            key.append(start)
        else:
            key.append(slice(None if "begin_mask" in is_set else start, None if "end_mask" in is_set else stop, step))
    return getitem(input_, key)


def _gather(params: Any, indices: Any, axis: int = 0, batch_dims: int = 0) -> Any:
    if batch_dims:
        raise ValueError(f"batch_dims={batch_dims}")
    return ops.take(params, np.asarray(indices, "int32") if isinstance(indices, list) else indices, axis=axis)


def _batch_flatten(x: Any) -> Any:
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


def _one_hot(indices: Any, depth: int, axis: int = -1, dtype: Any = "float32") -> Any:
    return ops.one_hot(indices, depth, axis=axis, dtype=dtype_of(dtype))


# Pictures


def _resize(images: Any, size: Any, method: str = "bilinear", antialias: bool = False) -> Any:
    if method != "nearest":
        images = ops.cast(images, "float32")
    return ops.image.resize(images, _sizes(size), interpolation=method, antialias=antialias, data_format="channels_last")


def _grayscale_to_rgb(images: Any) -> Any:
    return ops.concatenate([images] * 3, axis=-1)


def _per_image_standardization(image: Any) -> Any:
    axes = (-3, -2, -1)
    deviation = ops.maximum(ops.std(image, axis=axes, keepdims=True), 1 / math.sqrt(math.prod(image.shape[-3:])))
    return ops.divide(ops.subtract(image, ops.mean(image, axis=axes, keepdims=True)), deviation)


def _central_crop(image: Any, central_fraction: float) -> Any:
    starts = [int((size - size * central_fraction) / 2) for size in image.shape[-3:-1]]
    within = [slice(start, size - start) for start, size in zip(starts, image.shape[-3:-1], strict=True)]
    return getitem(image, [Ellipsis, *within, slice(None)])


def _crop(image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Any:
    rows, columns = slice(offset_height, offset_height + target_height), slice(offset_width, offset_width + target_width)
    return getitem(image, [Ellipsis, rows, columns, slice(None)])


def _pad_to_box(image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Any:
    rows, columns = (target_height - image.shape[-3] - offset_height, target_width - image.shape[-2] - offset_width)
    before = [(0, 0)] * (len(image.shape) - 3)
    return ops.pad(image, (*before, (offset_height, rows), (offset_width, columns), (0, 0)))


def _pooling(operation: Callable[..., Any], x: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC") -> Any:
    axes = len(x.shape) - 2
    channels_first = data_format.startswith("NC")

    def spatial(given: Any) -> tuple[int, ...]:
        values = [given] * axes if isinstance(given, int) else list(given)
        return tuple(
            values if len(values) == axes else values * axes if len(values) == 1 else values[2:] if channels_first else values[1:-1]
        )

    order = "channels_first" if channels_first else "channels_last"
    return operation(x, spatial(ksize), spatial(strides), padding=padding.lower(), data_format=order)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "__operators__.getitem": lambda x, slice_spec: getitem(x, slice_spec),
    "broadcast_to": _broadcast_to,
    "concat": lambda x, axis: ops.concatenate(x, axis=axis),
    "expand_dims": _expand_dims,
    "gather": _gather,
    "identity": lambda x: x,
    "image.central_crop": _central_crop,
    "image.crop_to_bounding_box": _crop,
    "image.flip_left_right": lambda x: ops.flip(x, axis=-2),
    "image.flip_up_down": lambda x: ops.flip(x, axis=-3),
    "image.grayscale_to_rgb": _grayscale_to_rgb,
    "image.pad_to_bounding_box": _pad_to_box,
    "image.per_image_standardization": _per_image_standardization,
    "image.resize": _resize,
    "image.rgb_to_grayscale": lambda x: ops.image.rgb_to_grayscale(x, data_format="channels_last"),
    "keras.backend.batch_flatten": _batch_flatten,
    "linalg.matrix_transpose": lambda x: ops.swapaxes(x, -1, -2),
    "nn.avg_pool2d": partial(_pooling, ops.average_pool),
    "nn.depth_to_space": lambda x, block_size: ops.depth_to_space(x, block_size),
    "nn.max_pool2d": partial(_pooling, ops.max_pool),
    "nn.space_to_depth": lambda x, block_size: ops.space_to_depth(x, block_size),
    "one_hot": _one_hot,
    "ones_like": lambda x: ops.ones_like(x),
    "pad": _pad,
    "repeat": lambda x, repeats, axis: ops.repeat(x, repeats, axis=axis),
    "reshape": lambda x, shape: ops.reshape(x, _sizes(shape)),
    "reverse": lambda x, axis: ops.flip(x, axis=tuple(axis)),
    "roll": lambda x, shift, axis: ops.roll(x, shift, axis=axis),
    "shape": _shape,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": lambda x, axis=0: ops.stack(x, axis=axis),
    "strided_slice": _strided_slice,
    "tile": lambda x, multiples: ops.tile(x, tuple(multiples)),
    "transpose": _transpose,
    "unstack": lambda x, num=None, axis=0: ops.unstack(x, num, axis),
    "zeros_like": lambda x: ops.zeros_like(x),
}
