"""NetworkPredictions: the outputs of a network for examples, read as scores of classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from explorer.backend.inference import predictions
from explorer.backend.inference.predictions import Scoring
from explorer.backend.models.finite import check_answers
from explorer.backend.network_inputs import NetworkInputs
from explorer.backend.network_layers import NetworkLayers
from explorer.backend.network_state import ModelState
from explorer.backend.runtime.refusals import within_memory
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Example, NetworkSpec, Predictions

BATCH = 32
TOP = 5  # predictions by default


class NetworkPredictions:
    """The part of a network that predicts."""

    def __init__(self, state: ModelState, inputs: NetworkInputs, layers: NetworkLayers) -> None:
        self._state = state
        self._inputs = inputs
        self._layers = layers

    def of(self, examples: Sequence[Example], top: int | None) -> Iterator[list[Predictions]]:
        """Yield, for each example, the predictions of each output that gives scores. Raises as `Network.predict` does."""
        top = self.checked_top(top)
        size = 1 if self._inputs.lengths_may_differ else BATCH
        read = self._inputs.to_batch if len(examples) > 1 else self._inputs.decoded
        for start in range(0, len(examples), size):
            with self._state.lock, within_memory():
                batches = [read(example) for example in examples[start : start + size]]
                now = self._state.current()
                returned = now.executor.forward(np.concatenate(parts) for parts in zip(*batches, strict=True))
            for index in range(len(batches)):
                yield self._best(now.scorings, [values[index] for values in returned], top)

    def of_output(self, example: Example, top: int, output: int = 0, with_layers: bool = False) -> Predictions:
        """Return the predictions of one output; with_layers: from the run whose activations are cached, if all of them can be."""
        top = self.checked_top(top)
        returned = self._layers.outputs(example) if with_layers else None
        found = next(self.of([example], top)) if returned is None else self._best(self._state.current().scorings, returned, top)
        for predicted in found:
            if predicted.output == output:
                return predicted
        raise ExplorerError(_("The output {output} of {name} is no list of scores.").format(output=output, name=self._state.spec.name))

    def _best(self, scorings: Sequence[Scoring], returned: Sequence[Any], top: int) -> list[Predictions]:
        found = []
        for output, (scoring, values) in enumerate(zip(scorings, returned, strict=True)):
            if scoring.classes:
                check_answers(values, self._state.model)
                scores = scoring.scores(values.astype(np.float64))
                found.append(predictions.best(scores, top, self._state.labels, scoring.scale(scores), output))
        return found

    def checked_top(self, top: int | None) -> int:
        """Return how many predictions to give. Raises ExplorerError if there are fewer, or the network has none."""
        most = max((scoring.classes for scoring in self._state.current().scorings), default=0)
        name = self._state.spec.name
        if not most:
            if isinstance(self._state.spec, NetworkSpec):
                raise ExplorerError(
                    _("This network was built without its top (include_top=False), so it names no classes; ask for feature maps.")
                )
            raise ExplorerError(_("The outputs of {name} are no lists of scores; ask for feature maps.").format(name=name))
        if top is None:
            return min(TOP, most)
        if isinstance(top, bool) or not isinstance(top, int | np.integer) or not 1 <= top <= most:
            raise ExplorerError(_("top must be a whole number from 1 to {classes}, not {top}.").format(classes=most, top=top))
        return int(top)
