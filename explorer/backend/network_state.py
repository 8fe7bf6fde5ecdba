"""ModelState: the Keras model of a network, and its current structure."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import RLock
from typing import Any

import numpy as np

from explorer.backend.inference import predictions
from explorer.backend.inference.model_structure import ModelStructure, finalize_statistics, forget_compiled
from explorer.backend.network_inputs import NetworkInputs
from explorer.values import AnySpec, NetworkSpec


class ModelState:
    """The state that the parts of a network share.

    model: the Keras model; spec: what it was built from; labels: (id, label) of each class, empty for plain numbers.
    live: whether its owner may change the model at any time: then each call checks for changes.
    when_renewed: functions that are called when the model has changed.
    lock: keeps the calls of a network from overlapping.
    """

    def __init__(self, model: Any, spec: AnySpec, inputs: NetworkInputs, labels: tuple[tuple[str, str], ...], live: bool) -> None:
        self.model = model
        self.spec = spec
        self.labels = labels
        self.live = live
        self.lock = RLock()
        self.when_renewed: list[Callable[[], None]] = []
        self._inputs = inputs
        self._structure = self._read_structure()
        predictions.check_labels(labels, self._structure.scorings)

    def _read_structure(self) -> ModelStructure:
        return ModelStructure(self.model, self._inputs.input_spec.inputs, self._inputs.blank, len(self.labels), self.headless)

    @property
    def headless(self) -> bool:
        """Whether the network was built without its classification head."""
        return isinstance(self.spec, NetworkSpec) and not self.spec.include_top

    @property
    def memory(self) -> int:
        """The size of the weights in bytes."""
        return sum(math.prod(weight.shape) * np.dtype(weight.dtype).itemsize for weight in self.model.weights)

    def current(self) -> ModelStructure:
        """Return the current structure of the model."""
        if self.live:
            with self.lock:
                finalize_statistics(self.model)
                if not self._structure.describes(self.model):
                    self.renew()
        return self._structure

    def renew(self) -> None:
        """Compile the model again and read its structure, as it has changed."""
        with self.lock:
            forget_compiled(self.model)
            for forget in self.when_renewed:
                forget()
            self._structure = self._read_structure()
