"""Remembered activations: what the layers answered to the examples seen last, within a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from explorer.errors import ExplorerError
from explorer.locale import _

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


class Activations:
    """Arrays by example and layer name; the example used longest ago goes first when `bound` bytes are full."""

    def __init__(self, bound: int) -> None:
        if not isinstance(bound, int) or bound < 0:
            raise ExplorerError(_("activation_memory is a number of bytes, 0 or more, not {bound!r}.").format(bound=bound))
        self.bound = bound
        self.size = 0
        self._by_example: OrderedDict[str, dict[str, Array]] = OrderedDict()

    def get(self, example: str, layers: Iterable[str]) -> dict[str, Array] | None:
        """Return the arrays of all `layers` for this example, or None when one of them is not remembered."""
        known = self._by_example.get(example, {})
        try:
            found = {name: known[name] for name in layers}
        except KeyError:
            return None
        if known:
            self._by_example.move_to_end(example)
        return found

    def forget(self) -> None:
        """Remember nothing any more."""
        self._by_example.clear()
        self.size = 0

    def put(self, example: str, arrays: dict[str, Array]) -> None:
        """Remember `arrays` for this example as far as the bound allows."""
        if _bytes(arrays.values()) > self.bound:
            return
        known = self._by_example.pop(example, {})
        self.size -= _bytes(known.values())
        known = known | arrays if _bytes((known | arrays).values()) <= self.bound else dict(arrays)
        needed = _bytes(known.values())
        while self.size + needed > self.bound:
            _example, oldest = self._by_example.popitem(last=False)
            self.size -= _bytes(oldest.values())
        self._by_example[example] = known
        self.size += needed


def _bytes(arrays: Iterable[Array]) -> int:
    return sum(array.nbytes for array in arrays)
