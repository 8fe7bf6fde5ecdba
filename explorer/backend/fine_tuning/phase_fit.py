"""Fitting: one phase of a training, on what is kept of the frozen part."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.fine_tuning import batches, keras_settings
from explorer.backend.fine_tuning.checkpoints import Checkpoint, Checkpoints
from explorer.backend.fine_tuning.keras_callbacks import BestCheckpoint, Callbacks, Link, ProgressCallback
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.disk import why_not
from explorer.locale import _
from explorer.values import Epoch, Phase, Recipe

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Material:
    """What a phase is fed with: the values of the crossing tensors and the classes; of the held-out examples too, where there are any.

    change: changes each batch of pictures at random; None for none.
    """

    features: Sequence[Array]
    answers: Array
    held_out: Sequence[Array]
    held_out_answers: Array
    copies: int = 1
    change: Any = None

    def batches(self, phase: Phase, seed: int) -> tuple[Any, Any]:
        """Return the batches to train on, and the held-out ones or None."""
        training = batches.batches(self.features, self.answers, phase.batch_size, seed, self.copies)
        if self.change is not None:
            training = training.map(lambda batch, answers: (self.change(batch, training=True), answers))
        held_out = batches.batches(self.held_out, self.held_out_answers, phase.batch_size) if len(self.held_out_answers) else None
        return training, held_out


@dataclass(frozen=True, eq=False)
class Fit:
    """One phase that is to be fitted.

    whole: the model that callbacks see; rest: the part of it that is fitted.
    compiled: whether both are compiled, and stay as they are.
    """

    place: int
    phase: Phase
    recipe: Recipe
    whole: Any
    rest: Any
    material: Material
    compiled: bool = False

    def run(
        self,
        callbacks: Sequence[Any],
        watch: ProgressCallback,
        checkpoints: Checkpoints,
        checkpoint: Checkpoint | None,
        best: BestCheckpoint,
        history: list[Epoch],
    ) -> str:
        """Fit it; return what ended it early: "stop", "nan", or "" for nothing.

        backup: where to go on from, if it was in this phase.
        """
        steps = -(-len(self.material.answers) // self.phase.batch_size)
        if not self.compiled:
            self._compile(steps)
        if checkpoint:
            checkpoint.restore(self.rest.optimizer, best)

        keras.utils.set_random_seed(self.recipe.seed + 1 + self.place)
        training, held_out = self.material.batches(self.phase, self.recipe.seed)
        every = Callbacks(
            callbacks,
            [watch, self._saving(watch, checkpoints, best, history), Link(self.rest)],
            watch,
            add_history=True,
            model=self.whole,
            verbose=int(any(isinstance(one, keras.callbacks.ProgbarLogger) for one in callbacks)),  # whoever gives one wants to see it
            epochs=self.phase.epochs,
            steps=steps,
        )
        self.whole.stop_training = self.whole.stop_evaluating = False
        self.rest.history = self.whole.history
        with _quiet_about_tracing():
            self.rest.fit(
                training,
                validation_data=held_out,
                epochs=self.phase.epochs,
                initial_epoch=checkpoint.epoch if checkpoint else 0,
                shuffle=False,
                callbacks=every,
                verbose=0,
            )
        return watch.stopped

    def _saving(self, watch: ProgressCallback, checkpoints: Checkpoints, best: BestCheckpoint, history: list[Epoch]) -> Any:
        """Return the callback that backs up each epoch that is through before it is told, and one that was cut off to be done once more."""

        def save(epoch: int, _logs: Any) -> None:
            if watch.stopped != "nan":
                through = epoch if watch.stopped else epoch + 1
                try:
                    checkpoints.keep(self.place, through, history, best, self.rest.optimizer, lasting=bool(watch.stopped))
                except OSError as error:
                    watch.warn(_("This training can't be backed up ({why}): free some disk space.").format(why=why_not(error)))
            if not watch.stopped:
                watch.tell_epoch()

        return keras.callbacks.LambdaCallback(on_epoch_end=save)

    def _compile(self, steps: int) -> None:
        """Compile the whole and the rest with one optimizer: what callbacks do to it acts on what trains, and a saved whole keeps it."""
        optimizer, head = keras_settings.optimizer(self.phase, steps), self.recipe.head
        for model in (self.whole, self.rest):
            model.compile(optimizer=optimizer, loss=keras_settings.loss(head), metrics=keras_settings.metrics(head))
        optimizer.build(self.whole.trainable_variables)


@contextmanager
def _quiet_about_tracing() -> Iterator[None]:
    """Keep TensorFlow from warning that a step was traced again: each training has steps of its own."""
    log = tensorflow.get_logger()
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
