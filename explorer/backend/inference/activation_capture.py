"""Recording: what each layer returns while a model is called, keyed by the layer's address.

One way for every kind of model: the graph of a Functional model has no tensors for what happens inside a
nested model at one of its uses, and a subclassed model has no graph at all.

Keras says, on the thread that calls a layer and nowhere else, which one it is about to call: so the layers that are really
called get a `call` of their own for the while, also those that Keras does not track, and no class is changed.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any

from explorer.backend.graph.nodes import Order, Record, address_of
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import when_entered

_capturing = threading.RLock()  # two threads that wrapped a layer of theirs in turn could not unwrap it in turn
_CALLS = ("call", "quantized_call")


@contextmanager
def capture_activations(model: Any, order: Order = MappingProxyType({})) -> Iterator[Record]:
    """Return a dict that a call of `model` inside the `with` fills: address -> (layer, what it returned).

    Operations between layers, such as `x / 255`, are recorded too. Addresses are `block_3_add`,
    `backbone/block_3_add` inside a nested model and `lstm:1` for the second use: the second that is
    run, or what `order` says, as `running_order` gives it.
    Only calls on this thread count; the layers are left as they were, also when the call fails.
    """
    capture = _Capture(model, order)
    with _capturing, capture.wrapped, when_entered(capture.enter):
        yield capture.record


class _Capture:
    """What one `capture_activations` has recorded, and the layers whose calls it has wrapped, until `wrapped` is left."""

    def __init__(self, model: Any, order: Order) -> None:
        self.record: Record = {}
        self.wrapped = ExitStack()
        self._model = model
        self._order = order
        self._thread = threading.get_ident()
        self._seen: set[int] = set()  # the ids of the layers whose calls are wrapped; what is wrapped stays alive
        self._under_way: list[tuple[Any, str]] = []  # the layers whose calls are under way and their addresses, the innermost last
        self._calls: Counter[str] = Counter()

    def enter(self, layer: Any) -> None:
        """Wrap the call of a layer that is about to be called, and those of the operations that it will run without saying so."""
        if not (self._under_way or layer is self._model) or id(layer) in self._seen:
            return
        self._wrap(layer)
        for operation in getattr(layer, "operations", ()) if isinstance(layer, keras.Model) else ():
            if not isinstance(operation, keras.layers.Layer):
                self._wrap(operation)

    def _wrap(self, layer: Any) -> None:
        if id(layer) not in self._seen:
            self._seen.add(id(layer))
            for name in _CALLS:
                self.wrapped.enter_context(_attribute(layer, name, self._recording(layer, getattr(layer, name))))

    def _recording(self, layer: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(plain)
        def call(*arguments: Any, **named: Any) -> Any:
            if threading.get_ident() != self._thread or not (self._under_way or layer is self._model):
                return plain(*arguments, **named)
            address = self._begin(layer)
            try:
                returned = plain(*arguments, **named)
            finally:
                self._under_way.pop()
            if address:
                self.record[address] = layer, returned
            return returned

        return call

    def _begin(self, layer: Any) -> str:
        """Note that a layer's call is under way, in the order in which the calls begin; return its address, "" for the model itself."""
        address = ""
        if self._under_way:
            parent, path = self._under_way[-1]
            path = f"{path}/{layer.name}".lstrip("/")
            numbers = self._order.get((id(parent), id(layer)), ())
            address = address_of(path, numbers[self._calls[path]] if self._calls[path] < len(numbers) else self._calls[path])
            self._calls[path] += 1
            self.record[address] = layer, None
        self._under_way.append((layer, address))
        return address


@contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give one object an attribute of its own, unnoticed by the bookkeeping of Keras, and take it away again."""
    attributes = vars(owner)
    before = attributes.get(name)
    attributes[name] = value
    try:
        yield
    finally:
        if before is None:
            del attributes[name]
        else:
            attributes[name] = before
