"""NetworkAudio: the methods of networks of sound: predictions over time, and a part of a sound as a clip."""

from __future__ import annotations

import math

import numpy as np

from explorer.backend.inference import sliding_window
from explorer.backend.inputs import audio, audio_damage
from explorer.backend.inputs.files import warn_of
from explorer.backend.models.finite import check_answers
from explorer.backend.network_inputs import NetworkInputs
from explorer.backend.network_predictions import NetworkPredictions
from explorer.backend.network_state import ModelState
from explorer.backend.runtime.refusals import within_memory
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import AudioClip, Example, MelSpectrogram, ScoresOverTime

WINDOWS = 8  # whose spectrograms are computed together


class NetworkAudio:
    """The part of a network that is about sound."""

    def __init__(self, state: ModelState, inputs: NetworkInputs, predictions: NetworkPredictions) -> None:
        self._state = state
        self._inputs = inputs
        self._predictions = predictions

    def over_time(self, example: Example, hop: float | None = None, first: int = 0, count: int | None = None) -> ScoresOverTime:
        """Return what `Network.over_time` does, for `count` windows from index `first` on; None for all that remain."""
        how = self.check()
        self._predictions.checked_top(1)
        now = self._state.current()
        output, scoring = next((index, scoring) for index, scoring in enumerate(now.scorings) if scoring.classes)
        step = sliding_window.hop_of(example, how, hop)
        total = sliding_window.count_of(example, how, step)
        count = max(0, min(total - first, total if count is None else count))
        sliding_window.check_count(example, count, scoring.classes)
        lost: list[range] = []
        with self._state.lock, within_memory():
            parts = sliding_window.windows(example, how, step, first, count, WINDOWS, lost)
            scores = [outputs[output] for part in parts for outputs in now.executor.forward_each(list(part[:, None]))]
        check_answers(np.concatenate(scores) if scores else np.zeros(0), self._state.model)
        gone = audio_damage.gaps(example, lost)
        warn_of(audio_damage.damage_notes_along(example, gone, sliding_window.covered(how, step, total) if count == total else math.inf))
        starts = (first + np.arange(count, dtype=np.float64)) * (step / how.rate)
        names = tuple(label for _id, label in self._state.labels) or tuple(map(str, range(scoring.classes)))
        found = [scoring.scores(values.astype(np.float64)) for values in scores]
        joined = np.concatenate([np.zeros((0, scoring.classes)), *found]).astype(np.float32)
        scale = scoring.scale(joined[0]) if count else ""
        return ScoresOverTime(starts, joined, names, how.seconds, step / how.rate, scale, total, gone)

    def clip(self, example: Example, start: float, stop: float) -> AudioClip:
        """Return a part of a sound, as `Network.clip` does. Raises as `check` does."""
        self.check()
        return audio.clip(example, start, stop)

    def check(self) -> MelSpectrogram:
        """Return the mel spectrogram that the network reads. Raises ExplorerError for a network that reads no sound."""
        sound = self._inputs.input_spec.sound
        if sound is None:
            raise ExplorerError(_("{name} reads no sound; explorer.architectures names those that do.").format(name=self._state.spec.name))
        return sound
