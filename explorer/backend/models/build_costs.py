"""The memory costs of building a network, counted while Keras builds it: its weights before they are allocated, and its tensors."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

from explorer.backend.runtime import budget
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.errors import ExplorerError, UnreadableModel
from explorer.locale import _, size_text

SLACK = 64 * 2**20  # bytes of weights that any network may take beyond those in its file
UNFOLDED = 8  # times the bytes in a file: float16 becomes float32, and the optimizer creates up to four values for each weight
MOST_WORK = 10**12  # multiplications to make a random weight orthogonal: half a minute
MOST_TENSORS = 200_000  # Keras's largest networks have some 10,000
AT_A_TIME = 2  # tensors of the largest size that exist at a time: the input and the output of a layer

_patching = threading.RLock()


@contextmanager
def within_budget(
    name: str, stored: int | None = None, usual: int = 0, error_class: type[ExplorerError] = UnreadableModel
) -> Iterator[None]:
    """Build a network within this context, on this thread; `error_class` is raised before it takes more memory than the limit.

    name: of the network, for the sentences; stored: bytes of the weights in the file that it comes from, None if there are none;
    usual: bytes that its weights are known to take; they may exceed the limit, as long as that much memory is free.
    """
    limit, tensor_limit = budget.limit(at_least=usual), budget.limit()
    advice = _("Ask for fewer or smaller layers, classes or a smaller input.")
    requested = tensors = 0

    def count_weights(shape: Any, dtype: Any, initializer: Any) -> Any:
        nonlocal requested
        size = _bytes(shape, dtype)
        requested += size
        if stored is not None and requested > UNFOLDED * stored + SLACK:
            sentence = _(
                "{name} asks for {asked} of weights or more and holds {held}: it is damaged or forged. Save the whole model again."
            )
            raise error_class(sentence.format(name=name, asked=size_text(requested), held=size_text(stored)))
        budget.check(requested, name, advice, error_class, limit)
        if not isinstance(initializer, keras.initializers.Orthogonal):
            return initializer
        if stored is None and _work(shape) > MOST_WORK:
            sentence = _(
                "{name} has random weights of shape {shape} that take minutes to make orthogonal: ask for a smaller recurrent layer."
            )
            raise error_class(sentence.format(name=name, shape=tuple(shape)))
        return initializer if stored is None else "zeros"  # those of the file will replace them

    def count_tensor(tensor: Any) -> None:
        nonlocal tensors
        tensors += 1
        if tensors > MOST_TENSORS:
            sentence = _("{name} is cut into more than {limit} tensors, which would take minutes: ask for fewer parts or layers.")
            raise error_class(sentence.format(name=name, limit=f"{MOST_TENSORS:,}"))
        budget.check(AT_A_TIME * _bytes(tensor.shape, tensor.dtype), name, advice, error_class, tensor_limit)

    with _counting_tensors(count_weights, count_tensor):
        yield


@contextmanager
def _counting_tensors(weights: Callable[[Any, Any, Any], Any], tensor: Callable[[Any], None]) -> Iterator[None]:
    """Call `weights` before this thread creates a variable, and `tensor` with each symbolic tensor that it creates.

    weights: takes shape, dtype and initializer, and returns the initializer to use.
    """
    here = threading.get_ident()

    def variable(self: Any, initializer: Any, shape: Any = None, dtype: Any = None, *others: Any, **options: Any) -> None:
        if threading.get_ident() == here and shape is not None:
            initializer = weights(shape, dtype, initializer)
        plain_variable(self, initializer, shape, dtype, *others, **options)

    def symbolic(self: Any, *arguments: Any, **options: Any) -> None:
        plain_symbolic(self, *arguments, **options)
        if threading.get_ident() == here:
            tensor(self)

    filtering = keras.config.is_traceback_filtering_enabled()
    with _patching:
        keras.config.disable_traceback_filtering()  # it would replace an error raised in a layer by one of Keras's
        plain_variable, plain_symbolic = keras.Variable.__init__, keras.KerasTensor.__init__
        keras.Variable.__init__, keras.KerasTensor.__init__ = variable, symbolic
        try:
            yield
        finally:
            keras.Variable.__init__, keras.KerasTensor.__init__ = plain_variable, plain_symbolic
            if filtering:
                keras.config.enable_traceback_filtering()


def _work(shape: Any) -> int:
    """Return about how many multiplications it takes to make a random weight of this shape orthogonal."""
    columns = int(shape[-1])
    rows = int(math.prod(shape)) // max(1, columns)
    return 2 * rows * columns * min(rows, columns)


def _bytes(shape: Any, dtype: Any) -> int:
    """Return the bytes of a tensor for one example: an open size, of the batch or another axis, counts as 1."""
    sizes = [1 if size is None else size for size in shape]
    if not all(isinstance(size, Integral) for size in sizes):
        return 0  # Keras will reject it
    kind = keras.backend.standardize_dtype(dtype)
    return int(math.prod(sizes)) * (1 if kind in ("bool", "string") else int(tensorflow.as_dtype(kind).size))
