"""The state of fine-tuning on a page: the recipe, the freeze plan that follows from it, and the probes that help to choose it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from statistics import median
from typing import Any

from traitlets import Bool, Float, HasTraits, Instance, Int, observe

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.recipe import freeze_plan as plans
from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import AnySpec, DataSummary, FreezePlan, Layers, Probe, Recipe, RunRecord
from explorer.worker.backend import Backend

CLASSES = 5  # number of classes that the head is planned for until there is data
STEP = 3  # the work of a training step, in forward passes
FROZEN = 7 / 9  # initial share of frozen layers: InceptionV3's 249 of 311, as in the guides, and MobileNetV2 to the end of block 12


class FineTuningState(HasTraits):
    """The state of a page's fine-tuning, for the network that the session shows.

    session: the shared state of the page; errors are reported in its `error_message`.
    """

    shown = Bool(False, help="Whether fine-tuning is shown; nothing is requested before.")
    wanted = Bool(False, help="Whether the page's address names a run, so that fine-tuning is to be shown.")
    backbone = Instance(Layers, allow_none=True, help="The layers up to the features that the new head reads.")
    snap = Bool(True, help="Whether the freeze line snaps to block ends.")
    recipe = Instance(Recipe, args=(0,), help="All settings of the training.")
    problems = Instance(dict, args=(), help="Why values typed into the recipe are invalid: a sentence by field name.")
    plan = Instance(FreezePlan, allow_none=True, help="What is frozen and what trains, according to the recipe.")
    classes = Int(CLASSES, help="The number of classes of the new head.")
    data = Instance(DataSummary, allow_none=True, help="The data to train on.")
    probes = Instance(tuple, args=(), help="Probes of the block ends: how well each block's output already separates the data.")
    probing = Bool(False, help="Whether probes are being computed.")
    seconds_per_mac = Float(0.0, help="Seconds per multiply-accumulate in training, measured on this machine; 0 while unknown.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._probing_since = 0.0  # when the probes were requested
        self._asked: tuple[AnySpec, str] | None = None  # the network and head position of the backbone that is loaded or requested
        self._pending_recipe: tuple[AnySpec, Recipe] | None = None  # a recipe that waits for its network
        session.observe(self._request_backbone, "network")
        self.observe(self._request_backbone, ["shown", "recipe"])
        self._request_backbone()

    def close(self) -> None:
        """Stop observing the session and cancel the probes."""
        self.cancel_probes()
        self._asked = None
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._request_backbone, "network")

    def restore(self, network: AnySpec, recipe: Recipe) -> None:
        """Use the recipe of a run, as soon as the page shows the run's network."""
        self._pending_recipe = network, recipe
        if self.backbone is not None:
            self._use_pending_recipe()

    def choose(self, recipe: Recipe) -> None:
        """Replace the whole recipe; invalid values that were typed into the former one are forgotten."""
        self.problems, self.recipe = {}, recipe

    @property
    def freeze(self) -> int:
        """The freeze index k, with layers[:k] frozen, from `plan`; 0 without a plan, or if layers are frozen by name."""
        return (self.plan.index or 0) if self.plan is not None else 0

    def freeze_at(self, index: int) -> None:
        """Freeze `layers[:index]`; the index is clipped to the number of layers of the backbone."""
        self._session.errors.clear(self._key_of("freeze"))
        if self.backbone is not None:
            self.recipe = replace(self.recipe, freeze=max(0, min(int(index), len(self.backbone))))

    def go_to(self, text: str) -> None:
        """Train from a layer or block on, given as typed text: an index or a name. An unknown one is reported in `error_message`."""
        if self.backbone is None:
            return
        try:
            self.freeze_at(plans.index_of(self.backbone, text))
        except ExplorerError as error:
            self._session.report_error(error, self._key_of("freeze"))

    def request_probes(self) -> None:
        """Request a probe of each block end with the current data; the results replace `probes`."""
        if self._asked is None or self.data is None:
            return
        self.probing, self._probing_since = True, time.perf_counter()
        asked = self._asked[0], self.data.spec, self._asked[1]
        self._session.requests.submit(self._key_of("probes"), Backend.probe, *asked, on_success=self._probed, on_error=self._not_probed)

    def cancel_probes(self) -> None:
        """Cancel the probes that are being computed."""
        if self.probing:
            self.probing = False
            self._session.requests.cancel(self._key_of("probes"))

    def work_from(self, index: int) -> float:
        """Return the share of a forward pass, 0 to 1, that each epoch repeats with `layers[:index]` frozen."""
        if self.backbone is None:
            return 0.0
        planned = self._planned(self.backbone, replace(self.recipe, freeze=index))
        return planned.tail_work / planned.work if planned.work else 0.0

    @property
    def barred(self) -> str:
        """A sentence that says why no training can begin with the current choices; empty if one can."""
        network, data, recipe = self._session.network, self.data, self.recipe
        if network is None:
            return _("Pick a network first.")
        if data is None:
            return _("Add data first: pictures or sounds of at least two classes.")
        if data.kind != network.input_spec.kind:
            return _("This network does not read this kind of data: pick another network, or other data.")
        if data.multi_label and not recipe.head.multi_label:
            return _("The examples have several classes at once: switch that on in the plan, under Head.")
        if len(data.classes) < (1 if recipe.head.multi_label else 2):
            return _("There is only one class: add a second one.")
        if self.problems:
            return _("Correct the plan first. {problem}").format(problem=next(iter(self.problems.values())))
        return "" if any(phase.epochs for phase in recipe.phases) else _("All phases have 0 epochs: nothing would be trained.")

    @property
    def epoch_seconds(self) -> float | None:
        """The estimated duration of an epoch of the tail; None if nothing was measured yet, or nothing of the backbone trains."""
        if self.plan is None or self.data is None or not self.seconds_per_mac or not self.plan.trained_parameters:
            return None
        return self.seconds_per_mac * self.plan.tail_work * _examples(self.data)

    def learn(self, run: RunRecord) -> None:
        """Measure this machine's throughput from a run, if the run used the current network and data."""
        settings = run.settings
        same = self._asked is not None and self.data is not None and (settings.network, settings.data) == (self._asked[0], self.data.spec)
        phases = settings.recipe.phases
        tail = [epoch.seconds for epoch in run.history if phases[epoch.phase].trains == "tail"][1:]  # the first includes tracing
        if same and tail and self.backbone is not None and self.data is not None:
            work = self._planned(self.backbone, settings.recipe).tail_work * _examples(self.data)
            self.seconds_per_mac = median(tail) / work if work else 0.0

    def _request_backbone(self, _change: Any = None) -> None:
        """Request the backbone of the network that is shown, unless it is loaded or requested already."""
        network = self._session.network
        asked = None if network is None else (network.spec, self.recipe.head_at)
        if asked == self._asked:
            return
        if self._asked is None or asked is None or asked[0] != self._asked[0]:
            self._reset()
        if self.shown and asked is not None:
            self.cancel_probes()  # they were for the former end of the backbone
            self._asked = asked
            self._session.requests.submit(
                self._key_of("backbone"), Backend.backbone, *asked, on_success=self._set_backbone, still=lambda: asked == self._asked
            )

    def _reset(self) -> None:
        self.cancel_probes()
        self._asked, self.backbone, self.plan, self.probes, self.seconds_per_mac = None, None, None, (), 0.0

    def _set_backbone(self, backbone: Layers) -> None:
        first, self.backbone = self.backbone is None, backbone
        used = self._use_pending_recipe()
        if first and not used:
            self.freeze_at(plans.snapped(backbone, round(FROZEN * len(backbone))))
        elif isinstance(self.recipe.freeze, int):
            self.freeze_at(self.recipe.freeze)
        self._update_plan()

    def _use_pending_recipe(self) -> bool:
        """Use the recipe that waits for the network that is shown; return whether there was one."""
        network, recipe = self._pending_recipe or (None, self.recipe)
        here = self._asked is not None and network == self._asked[0]
        if here or network != self._session.loader.loading_spec:  # else its network is still loading
            self._pending_recipe = None
        if here:
            self.choose(recipe)
        return here

    def _probed(self, probes: tuple[Probe, ...]) -> None:
        self.probing, self.probes = False, probes
        if not self.seconds_per_mac and self.plan is not None and self.data is not None and self.plan.work:
            taken = time.perf_counter() - self._probing_since  # nearly all of it is one forward pass
            self.seconds_per_mac = STEP * taken / (self.plan.work * sum(row.training for row in self.data.classes))

    def _not_probed(self, error: Exception) -> None:
        self.probing = False
        self._session.report_error(error, self._key_of("probes"))

    def _planned(self, backbone: Layers, recipe: Recipe) -> FreezePlan:
        network = self._session.network
        axes = network.input_spec.data_format if network else "channels_last"
        return plans.freeze_plan(backbone, recipe, self.classes, axes)

    @observe("recipe", "classes")
    def _update_plan(self, _change: Any = None) -> None:
        """Compute the plan, or report why that fails."""
        if self.backbone is None:
            return
        try:
            self.plan = self._planned(self.backbone, self.recipe)
        except ExplorerError as error:
            self._session.report_error(error, self._key_of("plan"))
        else:
            self._session.errors.clear(self._key_of("plan"))

    @observe("snap")
    def _snapped(self, _change: Any) -> None:
        if self.snap and self.backbone is not None and isinstance(self.recipe.freeze, int):
            self.freeze_at(plans.snapped(self.backbone, self.recipe.freeze))

    @observe("data")
    def _reset_for_data(self, _change: Any) -> None:
        """Forget the probes, which were for the former data."""
        self.cancel_probes()
        self.probes = ()
        self.classes = len(self.data.classes) if self.data else CLASSES
        if self.data and self.data.multi_label != self.recipe.head.multi_label:
            self.recipe = replace(self.recipe, head=replace(self.recipe.head, multi_label=self.data.multi_label))


def _examples(data: DataSummary) -> int:
    """Return how many examples an epoch processes: the validation examples are predicted at its end."""
    return sum(row.training + row.validation for row in data.classes)
