"""Features: what the frozen part of a network makes of each example, computed once and kept, in memory or on disk."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.fine_tuning.unfolding import joined
from explorer.backend.network import Network
from explorer.backend.runtime import temporary_files
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.memory import brief_collections
from explorer.disk import FULL
from explorer.errors import Cancelled, ExplorerError
from explorer.locale import _, megabytes
from explorer.runs.serialization import why_not_written
from explorer.values import Labelled

Array: TypeAlias = np.ndarray[Any, Any]
Arrays: TypeAlias = list[Array]

BATCH = 8  # examples: small batches stay in the cache of a CPU, and the last one has little to be filled up with
READERS = 2  # threads that decode examples while the network is busy


@dataclass(frozen=True)
class Bounds:
    """How many bytes of features may be kept in memory, and beyond that on disk."""

    memory: int = 2 * 2**30
    disk: int = 20 * 2**30


BOUNDS = Bounds()


class FeatureExtractor:
    """Passes over examples: what some tensors of a model are for each of them.

    network: how the examples are read; inputs, tensors: of the model that answers.
    """

    def __init__(self, network: Network, inputs: Sequence[Any], tensors: Sequence[Any]) -> None:
        self._network, self._tensors = network, list(tensors)
        self._run = _compiled(joined(inputs, self._tensors, "features"))

    def over(
        self,
        examples: Sequence[Labelled],
        precision: str = "float32",
        bounds: Bounds = BOUNDS,
        change: Callable[[Array], Array] | None = None,
        progress: Callable[[int], None] = lambda _done: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Arrays:
        """Return the values of the tensors, (n, ...) each.

        precision: "float32" or "float16".
        change: changes each batch of pictures as it is read.
        progress: takes how many examples are through.
        Raises Cancelled when `stop` says so, UnreadableExample, ExplorerError where there is no room.
        """
        kept = _room(len(examples), self._tensors, precision, bounds)
        for start, batch in _batches(self._network, examples):
            if stop():
                raise Cancelled("features")
            count = len(batch[0])
            with brief_collections():
                answered = self._run([change(part) if change else part for part in _filled(batch)])
            for array, part in zip(kept, answered, strict=True):
                array[start : start + count] = part.numpy()[:count]
            progress(start + count)
        return kept


def answers(model: Any, features: Sequence[Array], moves: Callable[[], object] = lambda: None) -> Array:
    """Return what a model with one output answers to the values of its inputs, (n, ...) each: (n, ...).

    moves: called at each batch.
    """
    run, found = _compiled(model), []
    for start in range(0, len(features[0]), BATCH):
        moves()
        part = [array[start : start + BATCH].astype(tensor.dtype, copy=False) for array, tensor in zip(features, model.inputs, strict=True)]
        found.append(run(_filled(part))[0].numpy()[: len(part[0])])
    return np.concatenate(found)


def _compiled(model: Any) -> Callable[[Arrays], Any]:
    """Return what answers to full batches; one that is compiled by hand is traced once, and quietly."""
    signature = [tensorflow.TensorSpec((BATCH, *one.shape[1:]), one.dtype) for one in model.inputs]

    def run(*batch: Any) -> Any:
        return keras.tree.flatten(model(list(batch), training=False))

    compiled = tensorflow.function(partial(run), input_signature=signature, autograph=False)
    return lambda batch: compiled(*map(tensorflow.constant, batch))


def _filled(batch: Arrays) -> Arrays:
    """Return a batch filled up with its last example."""
    return [np.concatenate([part, np.repeat(part[-1:], BATCH - len(part), axis=0)]) for part in batch]


def _batches(network: Network, examples: Sequence[Labelled]) -> Iterator[tuple[int, Arrays]]:
    """Yield the place of the first example and the arrays of each batch; the next one is read meanwhile."""
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[tuple[int, list[Future[Any]]]] = deque()
        for start in range(0, len(examples), BATCH):
            ahead.append((start, [pool.submit(network.inputs.to_batch, one.example) for one in examples[start : start + BATCH]]))
            if len(ahead) > 1:
                yield _read(*ahead.popleft())
        for start, futures in ahead:
            yield _read(start, futures)


def _read(start: int, futures: Sequence[Future[Any]]) -> tuple[int, Arrays]:
    return start, [np.concatenate(parts) for parts in zip(*(one.result() for one in futures), strict=True)]


def _room(count: int, tensors: Sequence[Any], precision: str, bounds: Bounds) -> Arrays:
    """Return an array for what each tensor is for each example: in memory where there is room for all, else in files that go with them."""
    kinds = [precision if tensor.dtype == "float32" else str(tensor.dtype) for tensor in tensors]
    shapes = [(count, *map(_closed, tensor.shape[1:])) for tensor in tensors]
    size = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in zip(shapes, kinds, strict=True))
    if size <= bounds.memory:
        return [np.empty(shape, kind) for shape, kind in zip(shapes, kinds, strict=True)]
    room = min(bounds.disk, shutil.disk_usage(tempfile.gettempdir()).free)
    if size > room:
        raise ExplorerError(
            _(
                "The features of these examples take {size} MB, and {room} MB may be kept on the disk: freeze more layers, "
                "or take fewer or smaller examples."
            ).format(size=megabytes(size), room=megabytes(room))
        )
    return _on_disk(kinds, shapes)


def _on_disk(kinds: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> Arrays:
    """Return arrays in files, whose room on the disk is taken at once.

    Raises ExplorerError where it is gone by now, and leaves nothing there.
    """
    folder = temporary_files.make("features-")
    kept: Arrays = []
    try:
        for place, (kind, shape) in enumerate(zip(kinds, shapes, strict=True)):
            file = folder / f"{place}.npy"
            kept.append(np.lib.format.open_memmap(file, "w+", kind, shape))
            weakref.finalize(kept[-1], _remove, file)
            _take(file)
    except OSError as error:
        kept.clear()
        shutil.rmtree(folder, ignore_errors=True)
        raise ExplorerError(why_not_written(error, folder.parent)) from error
    return kept


def _take(file: Path) -> None:
    """Take the room of a file on the disk, where the system can: a disk that is full later ends the process at a write to the array."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as stream:
            try:
                os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
            except OSError as error:
                if error.errno in FULL:  # and not that this file system takes no room ahead
                    raise


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    with suppress(OSError):  # files of other tensors are left
        file.parent.rmdir()


def _closed(size: int | None) -> int:
    if size is None:
        raise ExplorerError(_("The size of this network's input is open: build it for one size, with input_shape."))
    return size
