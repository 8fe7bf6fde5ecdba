"""NetworkInputs: how a network reads examples, and a cache of the last decoded ones."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from explorer.backend.inputs import arrays, audio, images, pixel_arrays, preprocessing
from explorer.backend.runtime.refusals import within_memory
from explorer.errors import ExampleWarning, ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import Axis, Example, InputSpec, PreprocessedInput

KINDS = {"image": images, "audio": audio, "arrays": arrays}  # the module that reads each kind of example
REMEMBERED = 16 * 2**20  # bytes of decoded examples

Batch = tuple[np.ndarray[Any, Any], ...]  # one array (1, ...) per input


class NetworkInputs:
    """The part of a network that reads examples: `input_spec` says how, `name` names the network in sentences.

    prepare: a function of the user's own that prepares pixels, for the preprocessing "custom".
    """

    def __init__(self, input_spec: InputSpec, name: str, prepare: Callable[[Any], Any] | None = None) -> None:
        self.input_spec = input_spec
        self.prepare = prepare
        self._name = name
        self._kind: Any = KINDS[input_spec.kind]
        self._decoded: OrderedDict[str, Batch] = OrderedDict()  # by the example's digest, the most recently used last

    @property
    def lengths_may_differ(self) -> bool:
        """Whether two examples may not fit into one batch."""
        return not self.input_spec.size and any(None in tensor.shape for tensor in self.input_spec.inputs)

    def assume(self, *sentences: str) -> None:
        """Add sentences about assumptions on how examples are read."""
        self.input_spec = replace(self.input_spec, assumed=(*self.input_spec.assumed, *sentences))

    def axes(self, example: Example | None = None) -> tuple[Axis, ...]:
        """Return the axes of the input, for one example if they depend on it."""
        axes: tuple[Axis, ...] = self._kind.axes_of(self.input_spec, example)
        return axes

    def blank(self) -> Batch:
        """Return a batch of a blank example, which the network can always read."""
        return self.to_batch(self._kind.blank(self.input_spec))

    def read(self, source: Any) -> Example:
        """Return what `Network.read` does; warnings name the line that called the method of `Network` that reads."""
        if isinstance(source, Example):
            return source
        with within_memory():
            example: Example = self._kind.read(source)
            defects = self.assumed_of(example)
        for defect in defects:
            warnings.warn(defect, ExampleWarning, stacklevel=4)
        return example

    def assumed_of(self, example: Example) -> tuple[str, ...]:
        """Return what has to be assumed of an example, or is wrong with it, beside `input_spec.assumed`. Raises UnreadableExample."""
        assumed: tuple[str, ...] = self._kind.defects(example, self.input_spec)
        return assumed

    def damage_of(self, example: Example) -> tuple[str, ...]:
        """Return sentences about what can't be decoded of the part of a sound that the network hears; () for other kinds."""
        return audio.damage(example, self.input_spec) if self.input_spec.sound is not None else ()

    def view(self, example: Example) -> PreprocessedInput:
        """Return the example before and after preprocessing; it is decoded once, and `decoded` finds it in the cache."""
        self._check_kind(example)
        with within_memory():
            if self.input_spec.kind == "image" and self.prepare is None and pixel_arrays.array_of(example) is None:
                picture = images.decoded(example)
                self._remember(example, (preprocessing.batch_of(example, self.input_spec, picture=picture[0]),))
                return images.to_view(example, self.input_spec, picture)
            view: PreprocessedInput = self._kind.to_view(example, self.input_spec)
            if view.arrays:
                self._remember(example, tuple(array[None] for _input, array in view.arrays))
        return view

    def decoded(self, example: Example) -> Batch:
        """Return what `to_batch` does, for the last examples from a cache; read-only."""
        self._check_kind(example)
        if self.input_spec.kind == "audio":  # which has a cache of its own, and warns each time
            return self.to_batch(example)
        if example.digest in self._decoded:
            self._decoded.move_to_end(example.digest)
            return self._decoded[example.digest]
        batch = self.to_batch(example)
        self._remember(example, batch)
        return batch

    def _remember(self, example: Example, batch: Batch) -> None:
        for array in batch:
            array.flags.writeable = False
        self._decoded[example.digest] = batch
        self._decoded.move_to_end(example.digest)
        while sum(array.nbytes for batch in self._decoded.values() for array in batch) > REMEMBERED:
            self._decoded.popitem(last=False)

    def forget(self) -> None:
        """Clear the cache of decoded examples."""
        self._decoded.clear()

    def to_batch(self, example: Example) -> Batch:
        """Return what the network reads of an example: one array (1, ...) per input. Raises UnreadableExample."""
        self._check_kind(example)
        if self.input_spec.kind == "image":
            return (preprocessing.batch_of(example, self.input_spec, self.prepare),)
        batch: Batch = self._kind.to_batch(example, self.input_spec)
        return batch

    def _check_kind(self, example: Example) -> None:
        if example.kind != self.input_spec.kind:
            raise UnreadableExample(_("{name} reads {kind} input.").format(name=self._name, kind=self.input_spec.kind))

    def random_example(self, seed: int = 0) -> Example:
        """Return an example of random values, for a network that reads arrays. Raises ExplorerError for one that reads pictures."""
        if self.input_spec.kind != "arrays":
            raise ExplorerError(_("{name} reads pictures; give it one.").format(name=self._name))
        return arrays.random(self.input_spec, seed)
