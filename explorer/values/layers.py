"""The layers of a network as a table of rows, with look-up by index or name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, SupportsIndex, TypeAlias, overload

from explorer.errors import UnknownName, near
from explorer.locale import _


@dataclass(frozen=True)
class Layer:
    """One use of a layer: a row of the layer table.

    index: Keras's own position in `model.layers` (of the nested model, for a layer inside one).
    name: its address: Keras's name, `backbone/block_3_add` inside a nested model, `lstm:1` for the
        second use of a shared layer.
    kind: what it does ("convolution", "depthwise", "normalisation", "activation", "merge", "pooling",
        "dense", "recurrent", "model", "input" or "other"); `class_name` is Keras's class ("Conv2D").
    block: the part of the network it belongs to ("stem", "block_13", "conv4_block2", "top").
    output_shape: of one example, without the batch axis, None for an open size; of the first output
        if there are several (`output_shapes` has them all); () if it is not known.
    parameters: all of them, trainable or not; 0 for a further use of a shared layer.
    is_nested_or_reused: whether it isn't one of `model.layers`: inside a nested model, a further use, or an operation.
    operation: whether it is an operation between layers, such as `x / 255`; its index is how many of
        `model.layers` come before it.
    trainable_parameters: those that training changes unless the layer is frozen: not a batch norm's moving mean and variance.
    random: whether its output may be random while training, as that of a dropout is.
    inside: the names of layers in it that have no row, as in a wrapper or a layer of the user's own.
    inputs, input_shapes: the rows whose outputs it reads, and their shapes; empty if Keras has no graph.
    """

    index: int
    name: str
    kind: str
    class_name: str
    block: str
    output_shape: tuple[int | None, ...]
    parameters: int
    is_nested_or_reused: bool = False
    inputs: tuple[str, ...] = ()
    input_shapes: tuple[tuple[int | None, ...], ...] = ()
    output_shapes: tuple[tuple[int | None, ...], ...] = ()
    trainable_parameters: int = 0
    random: bool = False
    operation: bool = False
    inside: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its title in lists: its name, after its index if that is an index of `model.layers`."""
        return self.name if self._deep else f"{self.index} · {self.name}"

    @property
    def code(self) -> str:
        """The Keras code that gets the layer."""
        *outer, last = re.sub(r":\d+", "", self.name).split("/")
        model = "model" + "".join(f".get_layer({name!r})" for name in outer)
        if self.operation:
            return f"next(op for op in {model}.operations if op.name == {last!r})"
        return f"{model}.get_layer({last!r})" if self._deep else f"model.layers[{self.index}]"

    @property
    def _deep(self) -> bool:
        """Whether `index` isn't an index of the outermost model's layers."""
        return self.is_nested_or_reused or "/" in self.name


class Layers(tuple[Layer, ...]):
    """The layers in Keras's order; `layers[116]` and `layers["block_13_expand"]` are the same row.

    One row for each of `model.layers`; `rows` has all that can be inspected: also those inside nested models
    and further uses of shared layers, each after the layer that it belongs to, and the operations between layers.
    """

    rows: tuple[Layer, ...]

    def __new__(cls, rows: Iterable[Layer]) -> Layers:
        """Create the table from all rows, in the order in which they are drawn."""
        all_rows = tuple(rows)
        table = super().__new__(cls, (row for row in all_rows if not row.is_nested_or_reused))
        table.rows = all_rows
        return table

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, slice) else self.find(key)

    def __contains__(self, key: object) -> bool:
        return any(key in (layer, layer.name) for layer in self.rows)

    def __reduce__(self) -> tuple[type[Layers], tuple[tuple[Layer, ...]]]:
        return Layers, (self.rows,)

    @cached_property
    def layer_rows(self) -> tuple[Layer, ...]:
        """The rows without the operations between layers, which have no weights and can't be frozen."""
        return tuple(row for row in self.rows if not row.operation)

    @cached_property
    def _named(self) -> dict[str, Layer]:
        return {row.name: row for row in self.rows}

    @cached_property
    def _flattened(self) -> dict[str, Layer]:
        """The rows by names without slashes: a layer named `conv1/conv` in a file of Keras 2 is `conv1_conv` in Keras 3."""
        return {_flat(row.name): row for row in reversed(self.rows)}

    def find(self, key: LayerKey) -> Layer:
        """Return the layer with this index (from the end if negative), name, or index as text.

        Raises UnknownName with the range of indices, or with similar names.
        """
        if isinstance(key, Layer):
            key = key.name
        if isinstance(key, bool | bytes | slice):
            raise UnknownName(_("A layer is an index or a name, not {type}.").format(type=type(key).__name__))
        if isinstance(key, str):
            if row := self._named.get(key.strip()) or self._flattened.get(_flat(key)):
                return row
            if not re.fullmatch(r"\s*-?\d+\s*", key):
                raise UnknownName(_("There is no layer {name!r}.{near}").format(name=key, near=near(key, self._named)))
            key = int(key)
        try:
            return super().__getitem__(key)
        except IndexError:
            if not len(self):
                raise UnknownName(_("This network has no layers.")) from None
            raise UnknownName(
                _("There is no layer {index}: this network has layers 0 to {last}.").format(index=key, last=len(self) - 1)
            ) from None
        except TypeError:
            raise UnknownName(_("A layer is an index or a name, not {type}.").format(type=type(key).__name__)) from None


def _flat(name: str) -> str:
    return name.strip().replace("/", "_")


LayerKey: TypeAlias = "SupportsIndex | str | Layer"
