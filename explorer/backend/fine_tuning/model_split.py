"""Cutting a model: what is computed once and for all, and the rest that trains; together they are the model, and share its layers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from explorer.backend.fine_tuning.unfolding import Unfolded, joined
from explorer.backend.graph.nodes import nodes


@dataclass(frozen=True, eq=False)
class Cut:
    """A model in two parts.

    crossing: the tensors that go from the cached part to the rest, none of them random or changed by training.
    rest: the Keras model from these to the outputs of the whole; it shares the layers of the whole.
    """

    boundary_tensors: tuple[Any, ...]
    rest: Any


def cut(whole: Any, flat: Unfolded, cached: Collection[str]) -> Cut:
    """Cut a model that has a graph.

    flat: the same unfolded.
    cached: the addresses of the layers that are computed once. What lies between them and is no layer goes with what it reads.
    """
    boundary_tensors = tuple(_boundary_tensors(flat, cached))
    inputs = list(boundary_tensors)
    if {id(tensor) for tensor in inputs} == {id(tensor) for tensor in whole.inputs}:
        return Cut(tuple(whole.inputs), whole)
    return Cut(boundary_tensors, joined(inputs, flat.model.outputs[0], f"{whole.name}_rest"))


def _boundary_tensors(flat: Unfolded, cached: Collection[str]) -> list[Any]:
    addresses = {id(tensor): address for address, tensors in flat.outputs.items() for tensor in tensors}
    own = {id(layer) for layer in flat.model.layers}
    settled: dict[int, Any] = {}  # the tensors of the cached part, by id
    boundary_tensors: dict[int, Any] = {}
    for node in nodes(flat.model):
        sources = [id(tensor) for tensor in node.input_tensors]
        named = addresses.get(id(node.output_tensors[0])) in cached
        if (named if id(node.operation) in own else True) and all(source in settled for source in sources):
            settled |= {id(tensor): tensor for tensor in node.output_tensors}
        else:
            boundary_tensors |= {source: settled[source] for source in sources if source in settled}
    return list(boundary_tensors.values())
