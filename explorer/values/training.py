"""The values of a training: recipes, freeze plans, progress and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

OPTIMIZERS = ("rmsprop", "sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "halving")
BATCH_NORMS = ("inference", "train")
PRECISIONS = ("float32", "float16")
MISTAKES = ("recompile", "batch_norm", "rate", "thaw")


@dataclass(frozen=True)
class Head:
    """The new head on the features of a backbone.

    units: of a dense layer with ReLU before the last one; 0 for none. The Keras Applications guide uses 1024.
    dropout: fraction of values dropped before the last dense layer, 0 or more and below 1.
    pooling: of maps to a vector, "avg" or "max"; a vector is used as it is.
    multi_label: whether any number of classes can apply at once (sigmoid, binary cross-entropy), or just one (softmax).
    """

    units: int = 1024
    dropout: float = 0.0
    pooling: str = "avg"
    multi_label: bool = False


@dataclass(frozen=True)
class Phase:
    """One phase of a training.

    trains: "head", with the whole backbone frozen, or "tail": the head and all layers that the plan leaves trainable.
    optimizer: one of `OPTIMIZERS`; `momentum` is for "sgd" only.
    learning_rate: the initial one, above 0.
    epochs: 0 or more, 0 to skip the phase; batch_size: examples in a batch, 1 or more; momentum: 0 or more and below 1.
    schedule: "constant", "cosine" (to 0 at the last batch) or "halving" (halved after each epoch).
    """

    trains: str
    optimizer: str
    learning_rate: float
    epochs: int = 5
    batch_size: int = 32
    momentum: float = 0.0
    schedule: str = "constant"


HEAD_PHASE = Phase("head", "rmsprop", 0.001)
TAIL_PHASE = Phase("tail", "sgd", 0.0001, momentum=0.9)


@dataclass(frozen=True)
class Augmentation:
    """The random augmentation of pictures while training, with the arguments of Keras's layers.

    flip: left and right; rotation: fraction of a full turn, 0 to 1, in both directions; zoom: fraction of the size, 0 to below 1, in
        and out.
    copies: how many augmented copies of each picture are computed once and used in turn; 0 for new ones in each epoch,
        for which the whole network runs each time.
    """

    flip: bool = True
    rotation: float = 0.05
    zoom: float = 0.1
    copies: int = 0


@dataclass(frozen=True)
class Switch:
    """A Keras callback that is switched on: its name ("EarlyStopping") and its arguments as (name, value) pairs."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Recipe:
    """All settings of a training, as data.

    freeze: k for `layers[:k]` of the backbone, in which the layers of nested models replace these; or the names of exactly the
        layers to freeze.
    batch_norm: mode of the thawed batch norms: "inference" (they stay frozen) or "train", as in the Keras guide.
    head_at: the layer whose output the head reads; "" for the one before the old head.
    seed: 0 to 2,147,483,647; of the initial weights of the head, the order of examples and all other random numbers.
    precision: of the cached features: "float32", or "float16" for half the memory.
    callbacks: those that are switched on, in addition to callbacks given in Python.
    mistakes: from `MISTAKES`, made on purpose for a lesson: "recompile" (thawing without compiling again), "batch_norm" (all batch
        norms train), "rate" (the tail's learning rate 100 times too high), "thaw" (the tail is thawed before the head has learnt).
    """

    freeze: int | tuple[str, ...]
    head: Head = Head()
    phases: tuple[Phase, ...] = (HEAD_PHASE, TAIL_PHASE)
    batch_norm: str = "inference"
    head_at: str = ""
    seed: int = 0
    augmentation: Augmentation | None = None
    precision: str = "float32"
    callbacks: tuple[Switch, ...] = ()
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FreezePlan:
    """What is frozen and what trains in a backbone, and the costs.

    layers: how many layers the backbone has, counting those inside of nested models instead of these; trained: how many of them train.
    frozen: the names of its frozen layers, in order, including batch norms that are kept in inference mode.
    index: the k of the frozen `layers[:k]`; None if single layers were named.
    line: for each model with trainable layers, its address ("" for the backbone itself), and the k of its own `layers[:k]` that
        are frozen.
    end: the block that ends at `index`; "" at 0, or if `index` cuts through a block.
    note: a sentence about an `index` that cuts through a block; "" otherwise.
    frozen_parameters, trained_parameters: of the backbone; those of the head are `head_parameters`.
    cached: the rows that are computed only once; boundary_tensors: those of them whose outputs the rest reads.
    cache_bytes: float32 bytes cached for one example for the tail, and `head_bytes` for the head alone; None if a size is open.
    work: multiplications of one forward pass through all rows, and `tail_work` through those that are not cached.
    """

    layers: int
    frozen: tuple[str, ...]
    index: int | None
    end: str
    note: str
    frozen_parameters: int
    trained_parameters: int
    head_parameters: int
    cached: tuple[str, ...]
    boundary_tensors: tuple[str, ...]
    cache_bytes: int | None
    head_bytes: int | None
    work: int
    tail_work: int
    trained: int = 0
    line: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Epoch:
    """One epoch of a run; `phase` and `epoch` count from 0.

    loss, accuracy: on the training data, averaged during the epoch; val_loss, val_accuracy: on the validation data after it, None
        if there are none. Accuracy is 0 to 1; for multi-label data, averaged over examples and classes.
    learning_rate: at the end of the epoch. seconds: how long it took, including validation.
    """

    phase: int
    epoch: int
    seconds: float
    loss: float
    accuracy: float
    val_loss: float | None = None
    val_accuracy: float | None = None
    learning_rate: float | None = None


@dataclass(frozen=True)
class TrainingStep:
    """A step in the progress of a training.

    what: "preparing" (building, tracing), "features" (the pass through the frozen part), "batch", "epoch" (with `record`)
        or "notice" (a sentence in `text`).
    done, total: examples of the pass, or batches of the epoch.
    left: estimated seconds to the end of the last epoch, if known; sooner: whether the training may stop earlier by itself.
    """

    what: str
    phase: int = 0
    epoch: int = 0
    done: int = 0
    total: int = 0
    loss: float | None = None
    accuracy: float | None = None
    left: float | None = None
    record: Epoch | None = None
    text: str = ""
    sooner: bool = False


@dataclass(frozen=True, eq=False)
class Misclassification:
    """A validation example that the network misclassifies.

    place: its index among the validation examples; name: of the example.
    truth, answer: names of the true and the predicted class; score: of the prediction, 0 to 1; loss: for the true class.
    """

    place: int
    name: str
    truth: str
    answer: str
    score: float
    loss: float = 0.0


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of a run on the validation data.

    classes: their names; confusion: int64 (classes, classes), rows are true classes, columns predicted ones;
        for multi-label data (classes, 2, 2), as scikit-learn's `multilabel_confusion_matrix`.
    accuracy, low, high: 0 to 1, and its 95 % Wilson interval; None without validation data.
    worst: the misclassified examples with the highest scores, the highest first.
    weight_change: (block, the norm of the change of its weights relative to their norm) for each block but the head.
    answers: for each validation example the indices of the predicted classes; empty in runs of old versions.
    scores: of each of these predictions.
    """

    classes: tuple[str, ...]
    confusion: np.ndarray[Any, np.dtype[np.int64]]
    accuracy: float | None
    low: float | None
    high: float | None
    worst: tuple[Misclassification, ...]
    weight_change: tuple[tuple[str, float], ...]
    answers: tuple[tuple[int, ...], ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Probe:
    """The cross-validated accuracy of a linear classifier on the pooled features of a block.

    layer: the row whose output is pooled; index: the k of the `layers[:k]` that end with it.
    accuracy: the mean over the folds, 0 to 1; error: its standard error.
    """

    block: str
    layer: str
    index: int
    accuracy: float
    error: float


@dataclass(frozen=True)
class DataSpec:
    """The source of training data.

    source: "folder" (of class folders), "zip" (of one), "npz" (arrays x and y), "csv" (files and their classes) or "built-in".
    path: of the folder or file; for a built-in dataset its name: "digits", "patterns", "timbres".
    validation: the fraction for validation, 0 to below 1; or the path of a folder of class folders.
    seed: of the split, and of the random examples of a built-in dataset.
    count: how many examples a built-in dataset has; 0 for its default.
    stamp: identifies the version of the file.
    label_column, file_column: the columns of a .csv with the classes and the files, by their names or numbers; "" to detect them.
    """

    source: str
    path: str
    validation: float | str = 0.2
    seed: int = 0
    count: int = 0
    stamp: str = ""
    label_column: str = ""
    file_column: str = ""
