"""Channels first on every processor: TensorFlow computes it on a CPU by oneDNN only, which it uses by itself only where there is AVX-512.

Elsewhere each of its operations is done with the channels last, its input and its answer turned: as fast as the same network with
`channels_last`, where XLA (`jit_compile=True`) takes seconds to compile and two to three times as long for each picture.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

FORMATS = ("NCW", "NCHW", "NCDHW")
OPERATIONS = (  # by their names in `tensorflow.nn`: Keras takes the first two, and layers of the user's own any
    "convolution",
    "conv_transpose",
    *(f"conv{rank}d{kind}" for rank in (1, 2, 3) for kind in ("", "_transpose")),
    "depthwise_conv2d",
    "separable_conv2d",
    *(f"{kind}_pool{rank}" for kind in ("avg", "max") for rank in ("", "1d", "2d", "3d")),
)


def enable(tensorflow: Any) -> None:
    """Let `tensorflow.nn` compute with the channels first, unless it can."""
    if not computed(tensorflow):
        for name in OPERATIONS:
            setattr(tensorflow.nn, name, turned(tensorflow, getattr(tensorflow.nn, name)))


def computed(tensorflow: Any) -> bool:
    """Whether TensorFlow convolves with the channels first here: on a GPU, and on a CPU by oneDNN."""
    one = tensorflow.ones((1, 1, 1, 1))
    try:
        tensorflow.nn.conv2d(one, one, 1, "VALID", data_format="NCHW")
    except (tensorflow.errors.UnimplementedError, tensorflow.errors.InvalidArgumentError):
        return False
    return True


def turned(tensorflow: Any, operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation of `tensorflow.nn` that does with the channels last what it is asked for with the channels first."""
    signature = inspect.signature(operation)

    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        given = signature.bind(*arguments, **named).arguments
        if given.get("data_format") not in FORMATS:
            return operation(**given)
        axes = len(given.pop("data_format"))
        last = [0, *range(2, axes), 1]
        x = tensorflow.transpose(given.pop("input"), last)
        settings = {name: _reordered(value, last) for name, value in given.items()}
        return tensorflow.transpose(operation(x, **settings), [0, axes - 1, *range(1, axes - 1)])

    return run


def _reordered(value: Any, order: list[int]) -> Any:
    """Return a setting that has an entry for each axis in another order, any other as it is."""
    each = len(value) == len(order) if isinstance(value, list | tuple) else getattr(value, "shape", None) == (len(order),)
    return [value[axis] for axis in order] if each else value
