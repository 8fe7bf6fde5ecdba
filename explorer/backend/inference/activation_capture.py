"""Recording: what each layer returns while a model is called, keyed by the layer's address.

One way for every kind of model: the graph of a Functional model has no tensors for what happens inside a
nested model at one of its uses, and a subclassed model has no graph at all.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from explorer.backend.graph.nodes import Order, Record, address_of
from explorer.backend.runtime.keras import keras

_patching = threading.RLock()


@contextmanager
def capture_activations(model: Any, order: Order = MappingProxyType({})) -> Iterator[Record]:
    """Return a dict that a call of `model` inside the `with` fills: address -> (layer, what it returned).

    Operations between layers, such as `x / 255`, are recorded too. Addresses are `block_3_add`,
    `backbone/block_3_add` inside a nested model and `lstm:1` for the second use: the second that is
    run, or what `order` says, as `running_order` gives it.
    Only calls on this thread count; the layers are left as they were, also when the call fails.
    """
    record: Record = {}
    under_way: list[tuple[Any, str]] = []  # the layers whose calls are under way and their addresses, the innermost last
    calls: Counter[str] = Counter()
    here = threading.get_ident()

    def call(layer: Any, /, *arguments: Any, **named: Any) -> Any:
        plain = plain_layer if isinstance(layer, keras.layers.Layer) else plain_operation
        if threading.get_ident() != here or not (under_way or layer is model):
            return plain(layer, *arguments, **named)
        address = ""
        if under_way:
            parent, path = under_way[-1]
            path = f"{path}/{layer.name}".lstrip("/")
            numbers = order.get((id(parent), id(layer)), ())
            address = address_of(path, numbers[calls[path]] if calls[path] < len(numbers) else calls[path])
            calls[path] += 1
            record[address] = layer, None  # in the order in which the calls begin
        under_way.append((layer, address))
        try:
            returned = plain(layer, *arguments, **named)
        finally:
            under_way.pop()
        if address:
            record[address] = layer, returned
        return returned

    def call_operation(operation: Any, /, *arguments: Any, **named: Any) -> Any:
        inside = isinstance(operation, keras.layers.Layer)  # every layer is an operation, and calls itself as one
        return (plain_operation if inside else call)(operation, *arguments, **named)

    with _patching:
        plain_layer, plain_operation = keras.layers.Layer.__call__, keras.Operation.__call__
        keras.layers.Layer.__call__, keras.Operation.__call__ = call, call_operation
        try:
            yield record
        finally:
            keras.layers.Layer.__call__, keras.Operation.__call__ = plain_layer, plain_operation
