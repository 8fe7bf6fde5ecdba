"""What goes along with `fit` on the rest of a cut model: the whole model as callbacks see it, progress, Stop, the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.backend.fine_tuning.throughput import Throughput
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import pass_on_initial_epoch
from explorer.values import Epoch, TrainingStep

SAID_EVERY = 0.1  # seconds between two batches that are told


class Link(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Makes what callbacks do to the whole model hold for the rest that is fitted: Stop, and the epoch to begin with.

    It must be the last of the callbacks.
    """

    def __init__(self, rest: Any) -> None:
        super().__init__()
        self._rest = rest

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002  # Keras gives it
        """Take over where a backup says to begin."""
        pass_on_initial_epoch(self.model, self._rest)
        self._pass_on()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Stop where one of the others has said so."""
        self._pass_on()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Answer no more held-out examples once the epoch is cut off."""
        self._rest.stop_evaluating = self.model.stop_evaluating

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Stop where one of the others has said so."""
        self._pass_on()

    def _pass_on(self) -> None:
        if self.model.stop_training:
            self._rest.stop_training = True


@dataclass(eq=False)
class BestCheckpoint:
    """The weights of the best epoch so far: by the loss on held-out data, else on the training data.

    place: among the epochs of the history; None before the first.
    """

    variables: Sequence[Any]
    place: int | None = None
    loss: float = math.inf
    values: Sequence[Any] = ()

    def keep(self) -> None:
        """Keep the weights as they are now."""
        self.values = [np.copy(variable.numpy()) for variable in self.variables]

    def offer(self, epoch: Epoch, place: int) -> None:
        """Keep the weights as they are now, if this epoch is better than those before."""
        loss = epoch.loss if epoch.val_loss is None else epoch.val_loss
        if math.isfinite(loss) and (loss < self.loss or self.place is None):
            self.loss, self.place = loss, place
            self.keep()

    def restore(self) -> None:
        """Bring the weights of the best epoch back, those from before training where there was none."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)


class ProgressCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells how far a phase is, keeps its history, and stops it when asked to, or when the loss is no number any more.

    phase: its place in the recipe; history: all epochs so far, which grows.
    stopped: "" while nothing stops it, else "stop" or "nan".
    """

    def __init__(
        self,
        phase: int,
        history: list[Epoch],
        best: BestCheckpoint,
        on_progress: Callable[[TrainingStep], None],
        stop: Callable[[], bool],
        throughput: Throughput,
    ) -> None:
        super().__init__()
        self.stopped = ""
        self._phase, self._history, self._best = phase, history, best
        self._on_progress, self._stop, self._throughput = on_progress, stop, throughput
        self._epoch, self._began, self._said = 0, 0.0, 0.0
        self._warned: set[str] = set()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Begin to count."""
        self._epoch, self._began = epoch, time.perf_counter()
        self._throughput.begin(self._phase, epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell how far the epoch is, and look whether to stop."""
        logs, total = logs or {}, self.params["steps"]
        self._throughput.batch(batch + 1, total)
        if not math.isfinite(logs.get("loss", 0.0)):
            self._end("nan")
        elif self._stop():
            self._end("stop")
        elif time.perf_counter() - self._said > SAID_EVERY or batch + 1 == total:
            self._said = time.perf_counter()
            self._tell("batch", batch + 1, total, logs.get("loss"), logs.get("accuracy"))

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look whether to stop."""
        self._throughput.validated()
        if self._stop():
            self._end("stop")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, and its weights if they are the best so far; one that was cut off does not count.

        It is told by `tell_epoch`, once it is backed up: what was told must not be lost.
        """
        logs = logs or {}
        if self.stopped or not math.isfinite(logs.get("loss", 0.0)):
            self._end(self.stopped or "nan")
            return
        seconds = time.perf_counter() - self._began
        rate = float(self.model.optimizer.learning_rate.numpy())
        loss, accuracy, val_loss, val_accuracy = (logs.get(name) for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
        record = Epoch(self._phase, epoch, seconds, loss, accuracy, val_loss, val_accuracy, rate)
        self._history.append(record)
        self._best.offer(record, len(self._history) - 1)
        self._throughput.finish()

    def tell_epoch(self) -> None:
        """Tell the newest epoch, which is through."""
        record = self._history[-1]
        self._tell("epoch", loss=record.loss, accuracy=record.accuracy, record=record)

    def warn(self, text: str) -> None:
        """Say something to know, once."""
        if text not in self._warned:
            self._warned.add(text)
            self._on_progress(TrainingStep("notice", self._phase, self._epoch, text=text))

    def _tell(self, what: str, done: int = 0, total: int = 0, loss: Any = None, accuracy: Any = None, record: Epoch | None = None) -> None:
        left = self._throughput.left()
        sooner = left is not None and self._throughput.sooner
        self._on_progress(TrainingStep(what, self._phase, self._epoch, done, total, loss, accuracy, left, record, sooner=sooner))

    def _end(self, why: str) -> None:
        self.stopped = self.stopped or why
        self.model.stop_training = self.model.stop_evaluating = True


class Callbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """The callbacks of a phase. Those given are told nothing of the end of an epoch that was cut off: its figures are of a part of it.

    given: Keras's, or the user's own; own: what goes along with each phase, `watch` among them.
    """

    def __init__(self, given: Sequence[Any], own: Sequence[Any], watch: ProgressCallback, **options: Any) -> None:
        super().__init__([*given, *own], **options)
        self._own, self._watch = own, watch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell all of them, or only our own."""
        if not self._watch.stopped:
            super().on_epoch_end(epoch, logs)
            return
        for one in self._own:
            one.on_epoch_end(epoch, logs)
