"""Training: a network fine-tuned by a recipe, cut at the freeze line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from explorer.backend.fine_tuning import batches, keras_settings, mistakes, recipe_checks, results
from explorer.backend.fine_tuning.augmentation import changes
from explorer.backend.fine_tuning.callback_registry import made
from explorer.backend.fine_tuning.checkpoints import Checkpoint, Checkpoints
from explorer.backend.fine_tuning.features import BOUNDS, Bounds, FeatureExtractor, answers
from explorer.backend.fine_tuning.keras_callbacks import BestCheckpoint, ProgressCallback
from explorer.backend.fine_tuning.model_split import Cut
from explorer.backend.fine_tuning.phase_fit import Fit, Material
from explorer.backend.fine_tuning.throughput import Throughput
from explorer.backend.fine_tuning.tuned_model import Parts
from explorer.backend.network import Network
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import optimized_variables
from explorer.errors import Cancelled, is_out_of_memory
from explorer.locale import _
from explorer.runs.exit_reason import not_enough_memory
from explorer.values import AdoptedModel, Augmentation, Epoch, FreezePlan, Outcome, Phase, Recipe, TrainingData, TrainingStep

CALLBACKS = "callbacks"  # the folder in a run's folder where callbacks write


@dataclass(frozen=True, eq=False)
class Run:
    """A training and what came of it.

    network: the tuned network, live; its labels are the classes of the data.
    plan, recipe: what was frozen, and all settings.
    history: the epochs, one after the other; `best_epoch` is the place in it of the epoch that the weights are of, None where they
        are those of the end.
    trainable: the names of the layers that trained last, read back from the compiled model.
    state: "done", "stopped" (by `stop`) or "failed"; `error_message` says why, and what to do.
    outcome: how the held-out examples were answered; None where the training did not get so far, or nothing is held out.
    notices: what there is to know of the run and its data, in sentences.
    """

    network: Network
    plan: FreezePlan
    recipe: Recipe
    history: tuple[Epoch, ...]
    best_epoch: int | None
    trainable: tuple[str, ...]
    state: str
    error_message: str = ""
    outcome: Outcome | None = None
    notices: tuple[str, ...] = ()


def nobody(_step: TrainingStep) -> None:
    """Say nothing: the default where nobody listens."""


def train(
    network: Network,
    data: TrainingData,
    recipe: Recipe,
    callbacks: Sequence[Any] = (),
    on_progress: Callable[[TrainingStep], None] = nobody,
    stop: Callable[[], bool] = lambda: False,
    folder: Path | None = None,
    bounds: Bounds = BOUNDS,
) -> Run:
    """Fine-tune a copy of the network by the recipe; the network itself is never changed.

    callbacks: Keras's, or the user's own; they see the whole tuned model.
    stop: asked at each batch.
    folder: where the training is backed up, and where callbacks of the recipe write; one that holds a backup is gone on with.
    bounds: for the features that are kept.
    The backup stays there: whoever has kept the tuned network removes it.
    Sets Python's, NumPy's and TensorFlow's random seeds.
    Raises ExplorerError for a recipe or data that don't fit, a backup of another training, and too little room for what is kept.
    What goes wrong in the middle of training ends in the run's `error_message`.
    """
    recipe = recipe_checks.plain(recipe)
    recipe_checks.check(recipe, data, network.input_spec.kind, callbacks)
    on_progress(TrainingStep("preparing", text=_("Copying the network…")))
    parts = Parts(network, recipe, len(data.classes))
    return _Training(network, data, recipe, parts, callbacks, on_progress, stop, folder, bounds).run()


@dataclass(eq=False)
class _Training:
    """One training while it runs."""

    network: Network
    data: TrainingData
    recipe: Recipe
    parts: Parts
    callbacks: Sequence[Any]
    on_progress: Callable[[TrainingStep], None]
    stop: Callable[[], bool]
    folder: Path | None
    bounds: Bounds
    history: list[Epoch] = field(default_factory=list)
    trainable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.phases = mistakes.apply_mistakes(self.parts.phases(), self.recipe)
        self.cuts = self._cuts()
        changed = {id(variable) for one in self.cuts.values() for variable in one.rest.variables}
        self.best = BestCheckpoint([variable for variable in self.parts.whole.variables if id(variable) in changed])
        self.best.keep()
        self.checkpoints = Checkpoints(self.folder, self._fingerprint())
        self.features: Mapping[int, tuple[Any, Any]] = {}

    def run(self) -> Run:
        """Train phase after phase; whatever ends it early, the best weights so far are in the network that comes back."""
        checkpoint = self._checkpoint()
        try:
            self.features = self._features()
            why = self._fit_all(checkpoint)
        except Cancelled:
            why = "stop"
        except KeyboardInterrupt:  # in a notebook or a shell; what was trained so far is worth more than the traceback
            if not self.history:
                raise
            why = "stop"
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            why, self.features = "memory", {}  # saving takes memory too
        self.on_progress(TrainingStep("preparing", text=_("Evaluating and saving…")))
        if ended_early := bool(why):
            self.best.restore()
        if "recompile" in self.recipe.mistakes:
            self.parts.thaw("head")  # what was thawed without compiling again never trained, and Keras saves what is compiled
        network = self._tuned()
        why, outcome = self._evaluated(why)
        return Run(
            network,
            self.parts.plan,
            self.recipe,
            tuple(self.history),
            self.best.place if ended_early else None,
            self.trainable,
            {"": "done", "stop": "stopped"}.get(why, "failed"),
            error_message=self._failure(why),
            outcome=outcome,
            notices=self._notices(),
        )

    def _checkpoint(self) -> Checkpoint | None:
        checkpoint = self.checkpoints.found()
        if self.checkpoints.notice:
            self.on_progress(TrainingStep("notice", text=self.checkpoints.notice))
        return checkpoint

    def _cuts(self) -> dict[str, Cut]:
        """Return the cut of each kind of phase; one that is not compiled again stays with that of the phase before."""
        wanted = list(dict.fromkeys(phase.trains for phase in self.phases.values()))
        if "recompile" in self.recipe.mistakes:
            return dict.fromkeys(wanted, self.parts.cut(wanted[0]))
        return {trains: self.parts.cut(trains) for trains in wanted}

    def _features(self) -> dict[int, tuple[Any, Any]]:
        """Return what crosses, by the tensor's id: its values for the training examples (and their copies) and the held-out ones."""
        tensors = list({id(tensor): tensor for one in self.cuts.values() for tensor in one.boundary_tensors}.values())
        training, held_out = self.data.training * max(1, self._copies), self.data.validation
        going = FeatureExtractor(self.network, self.parts.whole.inputs, tensors)

        def over(examples: Any, before: int, change: Any = None) -> Any:
            def progress(done: int) -> None:
                self.on_progress(TrainingStep("features", done=before + done, total=len(training) + len(held_out)))

            return going.over(examples, self.recipe.precision, self.bounds, change, progress, self.stop)

        if self.recipe.augmentation and self._copies:
            change = self._changes(self.recipe.augmentation)
            seen, kept = over(training, 0, lambda batch: change(batch, training=True)), over(held_out, len(training))
            return {id(tensor): (one, other) for tensor, one, other in zip(tensors, seen, kept, strict=True)}
        both, count = over(training + held_out, 0), len(training)
        return {id(tensor): (array[:count], array[count:]) for tensor, array in zip(tensors, both, strict=True)}

    @property
    def _copies(self) -> int:
        """How many changed copies of each picture are computed once; 0 where there are none."""
        return self.recipe.augmentation.copies if self.recipe.augmentation else 0

    def _changes(self, augmentation: Augmentation) -> Any:
        return changes(augmentation, self.network.input_spec.data_format, self.recipe.seed)

    def _fingerprint(self) -> str:
        """Return what a backup has in common with the training that it is of; epochs and rates may differ."""
        phases = [(phase.trains, phase.optimizer) for phase in self.recipe.phases]
        return json.dumps([self.data.classes, phases, [tuple(variable.shape) for variable in self.best.variables]])

    def _fit_all(self, checkpoint: Checkpoint | None) -> str:
        """Fit phase after phase, from the backup on where there is one; return what ended it early, "" for nothing."""
        if checkpoint:
            self.history += checkpoint.history
        throughput = Throughput(self.phases, sooner=self._may_stop_early())
        for place, phase in self.phases.items():
            if checkpoint is None or place >= checkpoint.phase:
                why = self._fit(place, phase, throughput, checkpoint if checkpoint and place == checkpoint.phase else None)
                if why:
                    return why
        return ""

    def _fit(self, place: int, phase: Phase, throughput: Throughput, checkpoint: Checkpoint | None) -> str:
        self.on_progress(TrainingStep("preparing", place, text=_("Preparing phase {number}…").format(number=place + 1)))
        one = self.cuts[phase.trains]
        kept = [self.features[id(tensor)] for tensor in one.boundary_tensors]
        change = self._changes(self.recipe.augmentation) if self.recipe.augmentation and not self._copies else None
        material = Material(
            [array for array, _held_out in kept],
            self._answers(self.data.training),
            [array for _training, array in kept],
            self._answers(self.data.validation),
            max(1, self._copies),
            change,
        )
        self.parts.thaw(phase.trains)
        kept_compiled = "recompile" in self.recipe.mistakes and getattr(one.rest, "optimizer", None) is not None
        fit = Fit(place, phase, self.recipe, self.parts.whole, one.rest, material, compiled=kept_compiled)
        watch = ProgressCallback(place, self.history, self.best, self.on_progress, self.stop, throughput)
        why = fit.run(
            [
                *self.callbacks,
                *made(self.recipe.callbacks, place, self.folder and self.folder / CALLBACKS, self.history if checkpoint else ()),
            ],
            watch,
            self.checkpoints,
            checkpoint,
            self.best,
            self.history,
        )
        self.trainable = self.parts.trained(optimized_variables(one.rest.optimizer))
        return why

    def _may_stop_early(self) -> bool:
        given = any(isinstance(one, keras.callbacks.EarlyStopping) for one in self.callbacks)
        return given or any(switch.name == "EarlyStopping" for switch in self.recipe.callbacks)

    def _answers(self, examples: Any) -> Any:
        return batches.targets(examples, len(self.data.classes), self.recipe.head.multi_label)

    def _tuned(self) -> Network:
        input_spec, whole = self.network.input_spec, self.parts.whole
        labels = tuple((str(place), name) for place, name in enumerate(self.data.classes))
        spec = AdoptedModel(id(whole), 0, whole.name)
        network = Network(whole, spec, replace(input_spec, assumed=()), labels, prepare=self.network.inputs.prepare)
        network.files.run = keras_settings.settings(self.recipe) | {"network": self.network.spec.name}
        return network

    def _notices(self) -> tuple[str, ...]:
        measured = self.data.validation or self.data.training
        said = mistakes.said(self.recipe, self.parts.plan, self.history, self.parts.norms, len(measured))
        return (*filter(None, [self.checkpoints.notice]), *said)

    def _failure(self, why: str) -> str:
        if why == "nan":
            return mistakes.not_a_number(self.phases, self.history)
        if why == "memory":
            return not_enough_memory()
        if why == "unevaluated":
            return _("The training is through and its network is kept, but memory ran out while it was evaluated: free some, and resume.")
        return ""

    def _evaluated(self, why: str) -> tuple[str, Outcome | None]:
        """Return what ended the training early, which may be now, and how the held-out examples are answered."""
        if why == "memory":
            return why, None
        try:
            return why, self._outcome()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return "unevaluated", None

    def _outcome(self) -> Outcome | None:
        """Return how the held-out examples are answered with the weights that are there now."""
        if not self.data.validation or not self.features or not self.history:
            return None
        rest = self.cuts[self.phases[self.history[-1].phase].trains]
        scores = answers(rest.rest, [self.features[id(tensor)][1] for tensor in rest.boundary_tensors], self.stop)
        weight_change = results.weight_change(self.network.state.model, self.parts.whole, self.parts.table)
        return results.outcome(scores, self.data, weight_change, self.recipe.head.multi_label)
