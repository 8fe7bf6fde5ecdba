"""The TensorFlow functions that a model of Keras 2 may call between its layers, each as operations of Keras 3.

Only functions in `FUNCTIONS` are ever computed: all of them harmless arithmetic on existing tensors. Don't add functions
that read files, run code, keep state or draw random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.models import tensorflow_shapes as shapes
from explorer.backend.runtime.keras import keras

Function: TypeAlias = Callable[..., Any]
ops = keras.ops


def _same(names: str) -> dict[str, str]:
    return {name: name for name in names.split()}


# Names in tf.math -> names of the same operations in keras.ops.
_OF_ONE = {
    **_same("abs ceil cos cosh erf exp expm1 floor log log1p log_sigmoid logical_not negative reciprocal round rsqrt sigmoid sign"),
    **_same("sin sinh softplus sqrt square tan tanh"),
    "acos": "arccos",
    "asin": "arcsin",
    "atan": "arctan",
    "is_finite": "isfinite",
    "is_inf": "isinf",
    "is_nan": "isnan",
}
_OF_TWO = {
    **_same("add divide_no_nan equal greater greater_equal less less_equal logical_and logical_or logical_xor maximum minimum multiply"),
    **_same("not_equal subtract"),
    "atan2": "arctan2",
    "divide": "true_divide",
    "floordiv": "floor_divide",
    "floormod": "mod",
    "pow": "power",
    "truediv": "true_divide",
}
_ALONG_AXES = {
    **{f"reduce_{name}": name for name in ("all", "any", "max", "mean", "min", "prod", "sum", "logsumexp", "std")},
    "reduce_variance": "var",
}
_ACTIVATIONS = ("elu", "relu", "relu6", "selu", "softsign")


def _matched(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two operands; one that is a list of numbers becomes an array of the other's dtype, as in TensorFlow."""
    if shapes.is_tensor(x):
        return x, (np.asarray(y, x.dtype) if isinstance(y, list) else y)
    return (np.asarray(x, y.dtype) if isinstance(x, list) and shapes.is_tensor(y) else x), y


def _of_one(operation: Function, x: Any) -> Any:
    return operation(x)


def _of_two(operation: Function, x: Any, y: Any) -> Any:
    return operation(*_matched(x, y))


def _along_axes(operation: Function, input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return operation(input_tensor, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


def _activation(operation: Function, features: Any) -> Any:
    return operation(features)


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    a, b = _matched(a, b)
    return ops.matmul(ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b)


def _tensordot(a: Any, b: Any, axes: Any) -> Any:
    return ops.tensordot(*_matched(a, b), axes=axes)


def _bias_add(value: Any, bias: Any, data_format: str = "NHWC") -> Any:
    value, bias = _matched(value, bias)
    if data_format.startswith("NC"):
        bias = ops.reshape(bias, (-1, *[1] * (len(value.shape) - 2)))
    return ops.add(value, bias)


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    squares = _along_axes(ops.sum, ops.square(x), axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def _norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002  # TensorFlow's name
    if ord in (1, np.inf, "inf"):
        return _along_axes(ops.sum if ord == 1 else ops.max, ops.abs(tensor), axis, keepdims)
    if ord not in ("euclidean", 2) or (ord == 2 and isinstance(axis, list)):
        raise ValueError(f"ord={ord!r}")
    return ops.sqrt(_along_axes(ops.sum, ops.square(tensor), axis, keepdims))


def _squared_difference(x: Any, y: Any) -> Any:
    return ops.square(_of_two(ops.subtract, x, y))


def _add_n(inputs: Sequence[Any]) -> Any:
    total, *others = inputs
    for tensor in others:
        total = ops.add(total, tensor)
    return total


def _clip(t: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    if isinstance(clip_value_min, int | float) and isinstance(clip_value_max, int | float):
        return ops.clip(t, clip_value_min, clip_value_max)
    return _of_two(ops.maximum, _of_two(ops.minimum, t, clip_value_max), clip_value_min)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return ops.where(condition, *_matched(x, y))


def _cast(x: Any, dtype: Any) -> Any:
    return ops.cast(x, shapes.dtype_of(dtype))


def _convert_image_dtype(image: Any, dtype: Any) -> Any:
    source, target = keras.backend.standardize_dtype(image.dtype), shapes.dtype_of(dtype)
    if "float" not in target:
        raise ValueError(target)
    return ops.cast(image, target) if "float" in source else ops.multiply(ops.cast(image, target), 1 / np.iinfo(source).max)


def _top_k(x: Any, k: int = 1, sorted: bool = True) -> Any:  # noqa: A002  # TensorFlow's name
    return ops.top_k(x, k, sorted)


def _local_response(x: Any, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5) -> Any:
    channels = x.shape[-1]
    squares = ops.pad(ops.square(x), (*[(0, 0)] * (len(x.shape) - 1), (depth_radius, depth_radius)))
    near = _add_n([squares[..., start : start + channels] for start in range(2 * depth_radius + 1)])
    return ops.divide(x, ops.power(ops.add(ops.multiply(near, alpha), bias), beta))


FUNCTIONS: dict[str, Function] = {
    **shapes.FUNCTIONS,
    **{f"math.{name}": partial(_of_one, getattr(ops, own)) for name, own in _OF_ONE.items()},
    **{f"math.{name}": partial(_of_two, getattr(ops, own)) for name, own in _OF_TWO.items()},
    **{f"math.{name}": partial(_along_axes, getattr(ops, own)) for name, own in _ALONG_AXES.items()},
    **{f"nn.{name}": partial(_activation, getattr(ops, name)) for name in _ACTIVATIONS},
    "__operators__.add": partial(_of_two, ops.add),
    "floor_div": partial(_of_two, ops.floor_divide),
    "cast": _cast,
    "clip_by_value": _clip,
    "image.convert_image_dtype": _convert_image_dtype,
    "linalg.matmul": _matmul,
    "math.add_n": _add_n,
    "math.argmax": lambda x, axis=0, output_type="int64": ops.cast(ops.argmax(x, axis=axis), shapes.dtype_of(output_type)),
    "math.argmin": lambda x, axis=0, output_type="int64": ops.cast(ops.argmin(x, axis=axis), shapes.dtype_of(output_type)),
    "math.cumprod": lambda x, axis=0: ops.cumprod(x, axis=axis),
    "math.cumsum": lambda x, axis=0: ops.cumsum(x, axis=axis),
    "math.l2_normalize": _l2_normalize,
    "math.scalar_mul": lambda scalar, x: ops.multiply(scalar, x),
    "math.squared_difference": _squared_difference,
    "math.top_k": _top_k,
    "nn.bias_add": _bias_add,
    "nn.crelu": lambda x, axis=-1: ops.concatenate([ops.relu(x), ops.relu(ops.negative(x))], axis=axis),
    "nn.gelu": lambda x, approximate=False: ops.gelu(x, approximate=approximate),
    "nn.leaky_relu": lambda x, alpha=0.2: ops.leaky_relu(x, alpha),
    "nn.local_response_normalization": _local_response,
    "nn.log_softmax": lambda x, axis=-1: ops.log_softmax(x, axis=axis),
    "nn.silu": lambda x, beta=1.0: ops.silu(x) if beta == 1 else ops.multiply(x, ops.sigmoid(ops.multiply(x, beta))),
    "nn.softmax": lambda x, axis=-1: ops.softmax(x, axis=axis),
    "norm": _norm,
    "stop_gradient": lambda x: ops.stop_gradient(x),
    "tensordot": _tensordot,
    "where": _where,
}


def known(function: str) -> Function | None:
    """Return the implementation of a TensorFlow function, by the name that Keras 2 wrote; None if it isn't in `FUNCTIONS`."""
    return FUNCTIONS.get(function.removeprefix("compat.v1."))
