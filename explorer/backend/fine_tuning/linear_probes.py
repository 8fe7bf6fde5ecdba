"""Probes: how well each block's output already separates the data, by a linear classifier on it."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from explorer.backend.fine_tuning import batches, heads, recipe_checks, ridge
from explorer.backend.fine_tuning.features import FeatureExtractor
from explorer.backend.fine_tuning.unfolding import unfolded
from explorer.backend.graph import layer_table
from explorer.backend.network import Network
from explorer.backend.runtime.keras import keras
from explorer.errors import Cancelled, ExplorerError
from explorer.locale import _
from explorer.recipe.freeze_plan import BlockEnd, block_ends
from explorer.values import Head, Labelled, Layers, Probe, Recipe, TrainingData

Array: TypeAlias = np.ndarray[Any, Any]
Fold: TypeAlias = "tuple[Array, Array]"  # the places that are fitted, and those that are held out

MOST_EXAMPLES = 2000
MOST_BLOCKS = 40
FOLDS = 5
RANKS = (2, 3, 4, 5)  # vectors, sequences, maps, films: what can be pooled


def probe(
    network: Network,
    data: TrainingData,
    head_at: str = "",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Probe, ...]:
    """Return how well a linear classifier on each block's output separates the training examples, in one pass over them.

    head_at: where the backbone ends, as a recipe has it.
    progress: takes how much is done of how much in all: examples that are through, then blocks that are fitted.
    The output at each block's end is averaged over space or steps. The classifier is fitted on standardised features and
    cross-validated: 5 folds, fewer where a class has fewer groups of examples; groups stay together, classes evenly
    spread. With several classes at once the accuracy is the mean over classes of the balanced single answers: the mean of
    the shares found where the class holds and where it does not, so that guessing comes to 0.5; classes that are too rare
    for that, or hold everywhere, are left out. Of more than 2,000 examples a part is taken, of more than 40 blocks evenly
    spread ones with the last. Deterministic; the network is not touched.
    Raises ExplorerError where there are too few examples, or the network answers with no numbers; Cancelled when `stop` says so.
    """
    recipe_checks.check(Recipe(0, Head(multi_label=data.multi_label)), data, network.input_spec.kind)
    examples = _part(data.training)
    truth = batches.targets(examples, len(data.classes), data.multi_label)
    groups = _numbered(examples)
    folds = _shared_folds(truth, groups) if data.multi_label else _folds(truth, groups, data.classes)
    base = heads.backbone(network, head_at)
    found = _pooled(base, layer_table.table(base, opened=True), network.input_spec.data_format)
    if not found:
        return ()
    total = len(examples) + len(found)
    passing = FeatureExtractor(network, base.inputs, list(found.values()))
    features = passing.over(examples, progress=lambda done: progress(done, total), stop=stop)
    probes = []
    with _alone() as pool:
        for end, array in zip(found, features, strict=True):
            if stop():
                raise Cancelled("probes")
            _check(array, end)
            accuracies = list(pool.map(partial(_accuracy, array, truth, groups), folds))
            probes.append(Probe(end.block, end.layer, end.index, float(np.mean(accuracies)), _error(accuracies, len(truth))))
            progress(len(examples) + len(probes), total)
    return tuple(probes)


@contextmanager
def _alone() -> Iterator[ThreadPoolExecutor]:
    """Give threads for the folds, with one thread each for linear algebra: many take far longer where the machine is busy."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(FOLDS, os.cpu_count() or 1)) as pool:
        yield pool


def _check(features: Array, end: BlockEnd) -> None:
    if not np.isfinite(features).all():
        raise ExplorerError(_("{layer} answers with NaN or infinity: the weights of this network are broken.").format(layer=end.layer))


def _error(accuracies: Sequence[float], count: int) -> float:
    """Return the standard error of the mean of some folds over `count` examples.

    Folds that agree prove little: it is at least that of a share of so many examples, two more right and two more wrong
    (Agresti and Coull 1998).
    """
    right = (float(np.mean(accuracies)) * count + 2) / (count + 4)
    least = math.sqrt(right * (1 - right) / (count + 4))
    return max(least, float(np.std(accuracies, ddof=1)) / math.sqrt(len(accuracies)) if len(accuracies) > 1 else 0.0)


def _pooled(base: Any, table: Layers, order: str) -> dict[BlockEnd, Any]:
    """Return what comes out at each block's end, as one vector; blocks that only read the input, or can't be pooled, are left out."""
    inputs = {id(tensor) for tensor in base.inputs}
    outputs = {name: tensors[0] for name, tensors in unfolded(base).outputs.items() if id(tensors[0]) not in inputs}
    ends = [end for end in block_ends(table) if end.layer in outputs and len(outputs[end.layer].shape) in RANKS]
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(MOST_BLOCKS, len(ends))).round().astype(int))
    return {ends[place]: _vector(outputs[ends[place].layer], order) for place in chosen}


def _vector(tensor: Any, order: str) -> Any:
    if tensor.dtype != "float32":
        tensor = keras.ops.cast(tensor, "float32")
    if len(tensor.shape) == 2:
        return tensor
    pool = getattr(keras.layers, f"GlobalAveragePooling{len(tensor.shape) - 2}D")
    return pool(data_format=order if len(tensor.shape) == 4 else "channels_last")(tensor)


def _part(examples: Sequence[Labelled]) -> Sequence[Labelled]:
    """Return at most 2,000 of the examples, in their order: of each class its share by chance, but enough for the folds."""
    if len(examples) <= MOST_EXAMPLES:
        return examples
    sizes = Counter(one.classes for one in examples)
    seen: dict[tuple[int, ...], count[int]] = defaultdict(count)
    ranked = []
    for place in np.random.default_rng(0).permutation(len(examples)):
        own = examples[place].classes
        rank = next(seen[own])
        ranked.append((rank >= FOLDS, rank / sizes[own] if rank >= FOLDS else rank, int(place)))
    return [examples[place] for place in sorted(place for _late, _rank, place in sorted(ranked)[:MOST_EXAMPLES])]


def _numbered(examples: Sequence[Labelled]) -> Array:
    """Return the number of each example's group; one without is a group by itself."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(one.group or place, len(numbers)) for place, one in enumerate(examples)])


def _folds(truth: Array, groups: Array, classes: Sequence[str]) -> list[Fold]:
    """Return the folds for one class each. Raises ExplorerError where a class has too few groups of examples to be split."""
    from sklearn.model_selection import StratifiedGroupKFold

    sizes = {label: len(np.unique(groups[truth == label])) for label in np.unique(truth)}
    few = [classes[label] for label, size in sizes.items() if size < 2]
    if few or len(sizes) < 2:
        raise _too_few(", ".join(few))
    split = StratifiedGroupKFold(min(FOLDS, *sizes.values()), shuffle=True, random_state=0).split(truth, truth, groups)
    return _useful(split, lambda fitted, held_out: len(held_out) > 0 and len(np.unique(truth[fitted])) > 1)


def _shared_folds(truth: Array, groups: Array) -> list[Fold]:
    """Return the folds for any number of classes at once, in each of which one can be judged at least."""
    from sklearn.model_selection import GroupKFold

    number = len(np.unique(groups))
    split = GroupKFold(min(FOLDS, number)).split(truth, truth, groups) if number > 1 else ()
    return _useful(split, lambda fitted, held_out: bool(_judged(truth, fitted, held_out).any()))


def _useful(folds: Iterable[Fold], useful: Callable[[Array, Array], bool]) -> list[Fold]:
    """Return the folds that tell something: large groups may leave one without."""
    found = [fold for fold in folds if useful(*fold)]
    if not found:
        raise _too_few("")
    return found


def _too_few(names: str) -> ExplorerError:
    if names:
        return ExplorerError(
            _("A probe holds examples of each class out and needs two of each at least, not from one recording: add to {names}.").format(
                names=names
            )
        )
    return ExplorerError(_("A probe holds examples out in turn and needs two of each of two classes at least: add examples."))


def _accuracy(features: Array, truth: Array, groups: Array, fold: Fold) -> float:
    """Return how well the held-out examples of a fold are answered, 0 to 1."""
    fitted, held_out = fold
    several = truth.ndim > 1
    yes = truth > 0 if several else truth[:, None] == np.unique(truth)
    targets = np.where(yes, 1.0, -1.0)
    members = [np.flatnonzero(groups[fitted] == group) for group, size in Counter(groups[fitted]).items() if size > 1]
    linear = ridge.fitted(features[fitted].astype(np.float64), targets[fitted], members, balanced=several)
    scores = linear.scores(features[held_out])
    if not several:
        return float(yes[held_out, :][np.arange(len(held_out)), scores.argmax(axis=1)].mean())
    judged = _judged(truth, fitted, held_out)
    right, hold = (scores > 0) == yes[held_out], yes[held_out]
    found = [right[hold[:, place], place].mean() + right[~hold[:, place], place].mean() for place in np.flatnonzero(judged)]
    return float(np.mean(found)) / 2


def _judged(truth: Array, fitted: Array, held_out: Array) -> Array:
    """Return which classes hold for some, not all, of the fitted examples and of the held-out ones too."""
    shares = np.stack([(truth[places] > 0).mean(axis=0) for places in (fitted, held_out)])
    return np.asarray(((shares > 0) & (shares < 1)).all(axis=0))
