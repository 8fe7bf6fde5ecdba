"""The data format `channels_first` on every processor: on a CPU TensorFlow supports it by oneDNN only, which it enables for AVX-512 only.

Elsewhere each operation is computed with the channels last, with its input and output transposed: as fast as the same network with
`channels_last`, whereas XLA (`jit_compile=True`) takes seconds to compile, and two to three times as long for each picture.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

FORMATS = ("NCW", "NCHW", "NCDHW")
OPERATIONS = (  # names in `tensorflow.nn`: Keras uses the first two, layers of the user's own may use any
    "convolution",
    "conv_transpose",
    *(f"conv{rank}d{kind}" for rank in (1, 2, 3) for kind in ("", "_transpose")),
    "depthwise_conv2d",
    "separable_conv2d",
    *(f"{kind}_pool{rank}" for kind in ("avg", "max") for rank in ("", "1d", "2d", "3d")),
)


def enable(tensorflow: Any) -> None:
    """Make `tensorflow.nn` support channels first, unless it does already."""
    if not is_supported(tensorflow):
        for name in OPERATIONS:
            setattr(tensorflow.nn, name, with_channels_last(tensorflow, getattr(tensorflow.nn, name)))


def is_supported(tensorflow: Any) -> bool:
    """Whether TensorFlow supports convolutions with channels first here: on a GPU, and on a CPU by oneDNN."""
    tensor = tensorflow.ones((1, 1, 1, 1))
    try:
        tensorflow.nn.conv2d(tensor, tensor, 1, "VALID", data_format="NCHW")
    except (tensorflow.errors.UnimplementedError, tensorflow.errors.InvalidArgumentError):
        return False
    return True


def with_channels_last(tensorflow: Any, operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation of `tensorflow.nn` that computes calls with channels first by transposing to channels last."""
    signature = inspect.signature(operation)

    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        bound = signature.bind(*arguments, **named).arguments
        if bound.get("data_format") not in FORMATS:
            return operation(**bound)
        axes = len(bound.pop("data_format"))
        last = [0, *range(2, axes), 1]
        x = tensorflow.transpose(bound.pop("input"), last)
        settings = {name: _reordered(value, last) for name, value in bound.items()}
        return tensorflow.transpose(operation(x, **settings), [0, axes - 1, *range(1, axes - 1)])

    return run


def _reordered(value: Any, order: list[int]) -> Any:
    """Return a setting with its entries in another order if it has one for each axis; else unchanged."""
    is_by_axis = len(value) == len(order) if isinstance(value, list | tuple) else getattr(value, "shape", None) == (len(order),)
    return [value[axis] for axis in order] if is_by_axis else value
