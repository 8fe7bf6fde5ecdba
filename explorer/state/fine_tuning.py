"""Tuning: what is chosen and known of fine-tuning the network that a page shows: where it is frozen, and what speaks for it."""

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

CLASSES = 5  # that a head is planned for until there is data
STEP = 3  # how much work a training step is, in passes forward
FROZEN = 7 / 9  # of the layers, to begin with: InceptionV3's 249 of 311, as in the guides, and MobileNetV2 to the end of block 12


class FineTuningState(HasTraits):
    """The state of a page's fine-tuning; it belongs to the network that the session shows.

    session: the shared state of the page; failures end in its `error_message`.
    """

    shown = Bool(False, help="Whether fine-tuning is looked at; nothing is asked before.")
    wanted = Bool(False, help="Whether the page's address names a run, so that fine-tuning is what to look at.")
    backbone = Instance(Layers, allow_none=True, help="The layers up to the features that the new head is put on.")
    snap = Bool(True, help="Whether the freeze line goes from block end to block end.")
    recipe = Instance(Recipe, args=(0,), help="All settings of the training.")
    problems = Instance(dict, args=(), help="Why what was typed for the recipe is not taken, a sentence by the field's name.")
    plan = Instance(FreezePlan, allow_none=True, help="What the freeze line means.")
    classes = Int(CLASSES, help="How many classes the new head tells apart.")
    data = Instance(DataSummary, allow_none=True, help="The data to train on.")
    probes = Instance(tuple, args=(), help="Probes of the block ends: how well each block's output already separates the data.")
    probing = Bool(False, help="Whether probes are on their way.")
    seconds_per_mac = Float(
        0.0, help="Seconds that one multiplication takes in training, as measured on this machine; 0 while that isn't known."
    )

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._key_of = session, own_keys()
        self._since = 0.0  # when the probes were asked for
        self._asked: tuple[AnySpec, str] | None = None  # the network and the end of the backbone that is there, or on its way
        self._kept: tuple[AnySpec, Recipe] | None = None  # a recipe that waits for its network
        session.observe(self._begin, "network")
        self.observe(self._begin, ["shown", "recipe"])
        self._begin()

    def close(self) -> None:
        """Let go of the session; what is under way comes to nothing."""
        self.stop_advice()
        self._asked = None
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._begin, "network")

    def bring_back(self, network: AnySpec, recipe: Recipe) -> None:
        """Choose the recipe that a run had, once the page shows its network."""
        self._kept = network, recipe
        if self.backbone is not None:
            self._use_kept()

    def choose(self, recipe: Recipe) -> None:
        """Take a recipe as a whole; what was typed and could not be taken goes with the one before."""
        self.problems, self.recipe = {}, recipe

    @property
    def freeze(self) -> int:
        """The freeze line: k of the layers[:k] that are frozen, as `plan` has it from the recipe; 0 without one, or for layers by name."""
        return (self.plan.index or 0) if self.plan is not None else 0

    def freeze_at(self, index: int) -> None:
        """Freeze `layers[:index]`: from 0 to all layers of the backbone, the nearest of these for any other."""
        self._session.errors.clear(self._key_of("freeze"))
        if self.backbone is not None:
            self.recipe = replace(self.recipe, freeze=max(0, min(int(index), len(self.backbone))))

    def go_to(self, text: str) -> None:
        """Train from the layer or the block on that a person typed, by index or name; one that is not there ends in `error_message`."""
        if self.backbone is None:
            return
        try:
            self.freeze_at(plans.index_of(self.backbone, text))
        except ExplorerError as error:
            self._session.report_error(error, self._key_of("freeze"))

    def ask_advice(self) -> None:
        """Probe each block end with the data that is there; what there is of `probes` gives way to the new ones."""
        if self._asked is None or self.data is None:
            return
        self.probing, self._since = True, time.perf_counter()
        asked = self._asked[0], self.data.spec, self._asked[1]
        self._session.requests.submit(self._key_of("advice"), Backend.probe, *asked, on_success=self._probed, on_error=self._not_probed)

    def stop_advice(self) -> None:
        """Give up the probes that are on their way."""
        if self.probing:
            self.probing = False
            self._session.requests.cancel(self._key_of("advice"))

    def work_from(self, index: int) -> float:
        """Return which share of the work of one pass is done anew in each epoch with `layers[:index]` frozen, 0 to 1."""
        if self.backbone is None:
            return 0.0
        planned = self._planned(self.backbone, replace(self.recipe, freeze=index))
        return planned.tail_work / planned.work if planned.work else 0.0

    @property
    def barred(self) -> str:
        """Why no training can begin with what is chosen, in a sentence; empty where one can."""
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
        """About how long an epoch of the tail takes; None while nothing was measured, or nothing of the backbone trains."""
        if self.plan is None or self.data is None or not self.seconds_per_mac or not self.plan.trained_parameters:
            return None
        return self.seconds_per_mac * self.plan.tail_work * _examples(self.data)

    def learn(self, run: RunRecord) -> None:
        """Take from a run how fast this machine trains, where it was of the network and the data that are chosen."""
        settings = run.settings
        same = self._asked is not None and self.data is not None and (settings.network, settings.data) == (self._asked[0], self.data.spec)
        tail = [one.seconds for one in run.history if settings.recipe.phases[one.phase].trains == "tail"][1:]  # the first one is traced
        if same and tail and self.backbone is not None and self.data is not None:
            work = self._planned(self.backbone, settings.recipe).tail_work * _examples(self.data)
            self.seconds_per_mac = median(tail) / work if work else 0.0

    def _begin(self, _change: Any = None) -> None:
        """Ask for the backbone of the network that is shown, unless it is there or on its way."""
        network = self._session.network
        asked = None if network is None else (network.spec, self.recipe.head_at)
        if asked == self._asked:
            return
        if self._asked is None or asked is None or asked[0] != self._asked[0]:
            self._begin_anew()
        if self.shown and asked is not None:
            self.stop_advice()  # of the end before
            self._asked = asked
            self._session.requests.submit(
                self._key_of("backbone"), Backend.backbone, *asked, on_success=self._arrived, still=lambda: asked == self._asked
            )

    def _begin_anew(self) -> None:
        self.stop_advice()
        self._asked, self.backbone, self.plan, self.probes, self.seconds_per_mac = None, None, None, (), 0.0

    def _arrived(self, backbone: Layers) -> None:
        first, self.backbone = self.backbone is None, backbone
        used = self._use_kept()
        if first and not used:
            self.freeze_at(plans.snapped(backbone, round(FROZEN * len(backbone))))
        elif isinstance(self.recipe.freeze, int):
            self.freeze_at(self.recipe.freeze)
        self._renew_plan()

    def _use_kept(self) -> bool:
        """Choose the recipe that waits for the network that is shown; return whether there was one."""
        network, recipe = self._kept or (None, self.recipe)
        here = self._asked is not None and network == self._asked[0]
        if here or network != self._session.loader.loading_spec:  # else it still waits
            self._kept = None
        if here:
            self.choose(recipe)
        return here

    def _probed(self, probes: tuple[Probe, ...]) -> None:
        self.probing, self.probes = False, probes
        if not self.seconds_per_mac and self.plan is not None and self.data is not None and self.plan.work:
            taken = time.perf_counter() - self._since  # nearly all of it is one pass through the network
            self.seconds_per_mac = STEP * taken / (self.plan.work * sum(one.training for one in self.data.classes))

    def _not_probed(self, error: Exception) -> None:
        self.probing = False
        self._session.report_error(error, self._key_of("advice"))

    def _planned(self, backbone: Layers, recipe: Recipe) -> FreezePlan:
        network = self._session.network
        axes = network.input_spec.data_format if network else "channels_last"
        return plans.freeze_plan(backbone, recipe, self.classes, axes)

    @observe("recipe", "classes")
    def _renew_plan(self, _change: Any = None) -> None:
        """Plan anew, or say why that can't be done."""
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
    def _other_data(self, _change: Any) -> None:
        """Probes are of the data before."""
        self.stop_advice()
        self.probes = ()
        self.classes = len(self.data.classes) if self.data else CLASSES
        if self.data and self.data.multi_label != self.recipe.head.multi_label:
            self.recipe = replace(self.recipe, head=replace(self.recipe.head, multi_label=self.data.multi_label))


def _examples(data: DataSummary) -> int:
    """Return how many examples an epoch goes through: those that are held out are answered at its end."""
    return sum(one.training + one.validation for one in data.classes)
