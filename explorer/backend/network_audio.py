"""Hearing: what can be asked of a network of sound alone: its answers along a piece, and a stretch of the piece."""

from __future__ import annotations

import math
from threading import RLock
from typing import Any

import numpy as np

from explorer.backend.inference import sliding_window
from explorer.backend.inference.model_structure import ModelStructure
from explorer.backend.inputs import audio, audio_damage
from explorer.backend.inputs.files import warn_of
from explorer.backend.models.finite import check_answers
from explorer.backend.runtime.refusals import within_memory
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import AnySpec, AudioClip, Example, InputSpec, MelSpectrogram, ScoresOverTime

WINDOWS = 8  # whose spectrograms are made together


class Hearing:
    """The part of a `Network` that is about sound."""

    unshared_model: Any
    spec: AnySpec
    input_spec: InputSpec
    labels: tuple[tuple[str, str], ...]
    _lock: RLock

    @property
    def classes(self) -> tuple[int, ...]:
        """How many classes each output names."""
        raise NotImplementedError

    def read(self, source: Any) -> Example:
        """Return the example that `source` holds."""
        raise NotImplementedError

    def checked_top(self, top: int | None) -> int:
        """Return how many answers to give."""
        raise NotImplementedError

    def _current(self) -> ModelStructure:
        """Return what is known of the model as it stands now."""
        raise NotImplementedError

    def over_time(self, example: Any, hop: float | None = None) -> ScoresOverTime:
        """Return what a network of sound answers along a piece, slid over it window by window.

        example: as for `predict`.
        hop: seconds from one window to the next, brought to a whole number of frames; None for a fifth of a window, more on long pieces.
        The scores of each window are those that `predict` would give to its samples alone, to 1e-4.
        Raises ExplorerError for a network that reads no sound, names no classes or answers NaN; UnreadableExample, also where more than
        half of what is heard can't be decoded; warns (ExampleWarning) of less.
        """
        return self.slid(self.read(example), hop)

    def slid(self, example: Example, hop: float | None = None, first: int = 0, count: int | None = None) -> ScoresOverTime:
        """Do what `over_time` promises for `count` windows from the one numbered `first` on; None for all that are left."""
        how = self._how()
        self.checked_top(1)
        now = self._current()
        output, scoring = next((place, scoring) for place, scoring in enumerate(now.scorings) if scoring.classes)
        step = sliding_window.hop_of(example, how, hop)
        total = sliding_window.count_of(example, how, step)
        count = max(0, min(total - first, total if count is None else count))
        sliding_window.check_count(example, count, scoring.classes)
        lost: list[range] = []
        with self._lock, within_memory():
            parts = sliding_window.windows(example, how, step, first, count, WINDOWS, lost)
            scores = [answered[output] for part in parts for answered in now.executor.forward_each(list(part[:, None]))]
        check_answers(np.concatenate(scores) if scores else np.zeros(0), self.unshared_model)
        gone = audio_damage.gaps(example, lost)
        warn_of(audio_damage.damage_notes_along(example, gone, sliding_window.covered(how, step, total) if count == total else math.inf))
        starts = (first + np.arange(count, dtype=np.float64)) * (step / how.rate)
        names = tuple(label for _id, label in self.labels) or tuple(map(str, range(scoring.classes)))
        found = [scoring.scores(answered.astype(np.float64)) for answered in scores]
        joined = np.concatenate([np.zeros((0, scoring.classes)), *found]).astype(np.float32)
        scale = scoring.scale(joined[0]) if count else ""
        return ScoresOverTime(starts, joined, names, how.seconds, step / how.rate, scale, total, gone)

    def clip(self, example: Any, start: float, stop: float) -> AudioClip:
        """Return a stretch of a sound as it came, as far as it goes, sample for sample; `start` and `stop` are seconds into it.

        Raises UnreadableExample for what can't be read as a sound, or where there is none; ExplorerError for a network that reads no sound.
        """
        self._how()
        return audio.clip(self.read(example), start, stop)

    def damage_of(self, example: Example) -> tuple[str, ...]:
        """Say what can't be decoded of the part of a sound that is heard; nothing of other examples."""
        return audio.damage(example, self.input_spec) if self.input_spec.sound is not None else ()

    def _how(self) -> MelSpectrogram:
        if self.input_spec.sound is None:
            raise ExplorerError(_("{name} reads no sound; explorer.architectures names those that do.").format(name=self.spec.name))
        return self.input_spec.sound
