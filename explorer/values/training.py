"""What is trained, how, and what came of it: recipes, freeze plans, runs."""

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

    units: of a dense layer with ReLU before the last one; 0 for none. The Keras Applications guide takes 1024.
    dropout: share of values dropped before the last dense layer, 0 or more and below 1.
    pooling: how maps become a vector, "avg" or "max"; a vector is taken as it is.
    multi_label: whether any number of classes hold at once (sigmoid, binary cross-entropy), or just one (softmax).
    """

    units: int = 1024
    dropout: float = 0.0
    pooling: str = "avg"
    multi_label: bool = False


@dataclass(frozen=True)
class Phase:
    """One phase of a training.

    trains: "head", with the whole backbone frozen, or "tail": the head and all that the plan leaves trainable.
    optimizer: one of `OPTIMIZERS`; `momentum` is of "sgd" only.
    learning_rate: at the beginning, above 0.
    epochs: 0 or more, 0 to leave the phase out; batch_size: examples in a batch, 1 or more; momentum: 0 or more and below 1.
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
    """Random changes of pictures while training, each as Keras's layer of that name takes it.

    flip: left and right; rotation: share of a full turn, 0 to 1, to both sides; zoom: share of the size, 0 to below 1, in and out.
    copies: how many changed copies of each picture are computed once and taken in turn; 0 for new ones in each epoch,
        for which the whole network runs each time.
    """

    flip: bool = True
    rotation: float = 0.05
    zoom: float = 0.1
    copies: int = 0


@dataclass(frozen=True)
class Switch:
    """One of Keras's callbacks, by its name ("EarlyStopping"), with its arguments as pairs."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Recipe:
    """All settings of a training, as data.

    freeze: k for `layers[:k]` of the backbone, where the layers inside of nested models count in their place; or the names of just
        those layers that are frozen.
    batch_norm: what the thawed batch norms do: "inference" (they stay frozen) or "train", as in the Keras guide.
    head_at: the layer whose output the head is put on; "" for the one before the old head.
    seed: 0 to 2,147,483,647; decides the first weights of the head, the order of examples and all that is drawn at random.
    precision: of the features that are kept: "float32", or "float16" for half the memory.
    callbacks: switched on, beside what is given in Python.
    mistakes: of `MISTAKES`, made on purpose for a lesson: "recompile" (thawing without compiling again), "batch_norm" (all batch
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
    """What a freeze point means for a backbone.

    layers: how many the backbone has, those inside of nested models counted and not these; trained: how many of them train.
    frozen: the names of its frozen layers, in order; batch norms that are kept in inference mode are among them.
    index: k where these begin with `layers[:k]`; None where single layers were named.
    line: where it runs in each model that it leaves anything of to train: the address of the model, "" for the backbone itself, and
        Keras's own k of its `layers[:k]`.
    end: the block that ends there, "" where `index` cuts through one, or at 0.
    note: what there is to say of the place, in a sentence.
    frozen_parameters, trained_parameters: of the backbone; those of the head are `head_parameters`.
    cached: the rows that are computed once and for all; crossing: those of them whose outputs the rest reads.
    cache_bytes: float32 bytes kept of one example for the tail, and `head_bytes` for the head alone; None where a size is open.
    work: multiplications of one forward pass through all, and `tail_work` through what is not cached.
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

    loss, accuracy, val_loss, val_accuracy: on the training data while it was trained, and on the held-out data after it;
        None without any. Accuracy is 0 to 1; with several classes at once, of each class on its own.
    learning_rate: at the end of the epoch. seconds: that it took, the held-out data included.
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
    """How far a training is.

    what: "preparing" (building, tracing), "features" (the pass through the frozen part), "batch", "epoch" (`record` is there)
        or "notice" (something to know, in `text`).
    done, total: examples of the pass, or batches of the epoch.
    left: seconds to the end of the last epoch, where that can be told; sooner: whether the training may stop before, by itself.
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
    """An example of the validation data and what the network predicts for it.

    place: among the validation examples; name: what the example is called.
    truth, answer: names of classes; score: what the prediction got, 0 to 1; loss: that of the truth.
    """

    place: int
    name: str
    truth: str
    answer: str
    score: float
    loss: float = 0.0


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run has come to, on the held-out data.

    classes: their names; confusion: int (classes, classes): how many of the class of the row were answered with the class of the
        column; for several classes at once, (classes, 2, 2) as scikit-learn's `multilabel_confusion_matrix` has it.
    accuracy, low, high: 0 to 1, and its 95 % Wilson interval; None without held-out data.
    worst: the examples that are predicted wrongly with the highest scores, the highest first.
    moved: (block, how far its weights moved relative to how large they were) for each block, the head left out.
    answers: of each validation example the classes that are predicted, as places among their names; empty in runs of old versions.
    scores: what each of these predictions got.
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
    """How well a linear classifier on one block's pooled features separates the data: cross-validated.

    layer: the row whose output is pooled; index: k of `layers[:k]` for freezing up to it and with it.
    accuracy: the mean over the folds, 0 to 1; error: its standard error.
    """

    block: str
    layer: str
    index: int
    accuracy: float
    error: float


@dataclass(frozen=True)
class DataSpec:
    """Where data to train on comes from.

    source: "folder" (of class folders), "zip" (of one), "npz" (arrays x and y), "csv" (files and their classes) or "built-in".
    path: of the folder or file; for a built-in set its name: "digits", "patterns", "timbres".
    validation: the share that is held out, 0 to below 1; or the path of a folder of class folders.
    seed: decides which examples are held out, and what is drawn for a built-in set.
    count: how many examples a built-in set has; 0 for its own number.
    stamp: tells versions of the file apart.
    label_column, file_column: which columns of a .csv hold the classes and the files, by their names or numbers; "" to find them.
    """

    source: str
    path: str
    validation: float | str = 0.2
    seed: int = 0
    count: int = 0
    stamp: str = ""
    label_column: str = ""
    file_column: str = ""
