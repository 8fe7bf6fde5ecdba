"""The freeze plan: what the freeze line means, in numbers, as Keras lines and as the whole printed list."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.locale import _, counted, size_text
from explorer.recipe.freeze_plan import block_ends
from explorer.recipe.keras_code import keras_lines
from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import DataSummary, FreezePlan, Layers, shape_text
from explorer.widgets.base.view import View

MILLIONS = 100_000  # parameters from which on they are counted in millions


class FreezePlanView(View):
    """Says what is frozen, what trains and what that costs; a number, a block or a name moves the freeze line.

    tuning: the state of fine-tuning; without one the view makes its own.
    """

    there = traitlets.Bool(False, help="Whether there is a plan to show.").tag(sync=True)
    facts: traitlets.List[list[str]] = traitlets.List(help="Lists of what it is about (cold, warm or quiet), its number, the rest.").tag(
        sync=True
    )
    note = traitlets.Unicode(help="What there is to say of the place.").tag(sync=True)
    freeze = traitlets.Int(0, help="The freeze line: k of the layers[:k] that are frozen.").tag(sync=True)
    count = traitlets.Int(0, help="How many layers the backbone has.").tag(sync=True)
    snap = traitlets.Bool(True, help="Whether the line goes from block end to block end.").tag(sync=True)
    blocks: traitlets.List[list[Any]] = traitlets.List(help="The block ends, 0 too: index and name.").tag(sync=True)
    lines = traitlets.List(traitlets.Unicode(), help="The lines of Keras that freeze alike.").tag(sync=True)
    rows: traitlets.List[list[Any]] = traitlets.List(help="The layers of the backbone: index, name, kind, shape.").tag(sync=True)
    first = traitlets.Int(0, help="How many of them are frozen without a gap, from the first on.").tag(sync=True)
    further = traitlets.List(traitlets.Int(), help="The indices of those frozen behind.").tag(sync=True)
    layer = traitlets.Unicode(help="The name of the selected layer.").tag(sync=True)
    advisable = traitlets.Bool(False, help="Whether there is data to ask for advice.").tag(sync=True)
    probing = traitlets.Bool(False, help="Whether advice is on its way.").tag(sync=True)
    probed = traitlets.Float(-1.0, help="How much of it is there, 0 to 1; -1 where nobody knows.").tag(sync=True)

    def __init__(self, session: Session | None = None, fine_tuning: FineTuningState | None = None) -> None:
        super().__init__(session)
        self._own = fine_tuning is None
        self.fine_tuning = fine_tuning or FineTuningState(self.session)
        self.fine_tuning.shown = self.fine_tuning.shown or self._own
        self.follow("backbone", by=self._draw_backbone, of=self.fine_tuning)
        self.follow("plan", "data", "backbone", "seconds_per_mac", by=self._draw, of=self.fine_tuning)
        self.follow("plan", "snap", by=self._draw_line, of=self.fine_tuning)
        self.follow("data", "probing", by=self._draw_advice, of=self.fine_tuning)
        self.follow("status", by=self._draw_advice, of=self.session.requests)
        self.follow("layer", by=self._select)
        self.observe(self._moved, "freeze")
        self.observe(self._snapped, "snap")

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "none": _("What is frozen and what trains appears here when the network is loaded."),
            "freeze": _("How many layers are frozen"),
            "block": _("Freeze"),
            "elsewhere": _("inside a block"),
            "from": _("Train from"),
            "from_hint": _("index or name"),
            "snap": _("Snap to block ends"),
            "probe": _("Probe the blocks"),
            "probe_about": _(
                "One pass over the data: a linear classifier on each block's output shows how well it already separates your classes."
            ),
            "probe_needs": _(
                "Add data first: a linear classifier on each block's output then shows how well it already separates your classes."
            ),
            "stop": _("Stop"),
            "progress": _("Probing progress"),
            "lines": _("The same in Keras"),
            "copy": _("Copy"),
            "copied": _("Copied"),
            "list": _("All layers of the backbone"),
            "search": _("Search the layers"),
            "found": _("{number} of {count}"),
            "columns": [_("index"), _("name"), _("kind"), _("shape"), _("training")],
            "frozen": _("frozen"),
            "trains": _("trains"),
            "list_keys": _("Arrow keys: another layer. Enter: select it."),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Train from what was typed, select a layer, or ask for advice."""
        if "go" in message:
            self.fine_tuning.go_to(str(message["go"]))
        elif "select" in message:
            self.session.select(str(message["select"]))
        elif "advice" in message:
            (self.fine_tuning.request_probes if message["advice"] else self.fine_tuning.cancel_probes)()

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        if self._own:
            self.fine_tuning.close()
        super().close()

    def _draw_backbone(self) -> None:
        backbone = self.fine_tuning.backbone
        self.count = len(backbone or ())
        self.rows = [[place, row.name, row.class_name, shape_text(row.output_shape)] for place, row in enumerate(backbone or ())]
        self.blocks = [] if backbone is None else _named_ends(backbone)

    def _draw(self) -> None:
        plan, backbone = self.fine_tuning.plan, self.fine_tuning.backbone
        self.there = plan is not None and backbone is not None
        if plan is None or backbone is None:
            self.facts, self.note, self.lines, self.first, self.further = [], "", [], 0, []
            return
        frozen = set(plan.frozen)
        indices = [place for place, row in enumerate(backbone) if row.name in frozen]
        self.first = next((place for place, index in enumerate(indices) if index != place), len(indices))
        self.further = indices[self.first :]
        work = _work(plan, self.fine_tuning.epoch_seconds)
        self.facts = [
            _cold(plan, len(indices)),
            _warm(plan, len(backbone) - len(indices)),
            _boundary_tensors(plan, self.fine_tuning.data),
            work,
        ]
        self.note = plan.note
        self.lines = list(keras_lines(plan, self.fine_tuning.recipe))

    def _draw_line(self) -> None:
        self.freeze, self.snap = self.fine_tuning.freeze, self.fine_tuning.snap

    def _draw_advice(self) -> None:
        self.advisable, self.probing = self.fine_tuning.data is not None, self.fine_tuning.probing
        fraction = self.session.requests.status.fraction if self.probing else None
        self.probed = -1.0 if fraction is None else fraction

    def _select(self) -> None:
        self.layer = str(self.session.layer)

    def _moved(self, change: dict[str, Any]) -> None:
        if change["new"] != self.fine_tuning.freeze and self.fine_tuning.backbone is not None:
            self.fine_tuning.freeze_at(change["new"])
        self._draw_line()

    def _snapped(self, change: dict[str, Any]) -> None:
        self.fine_tuning.snap = change["new"]


def _cold(plan: FreezePlan, frozen: int) -> list[str]:
    """Return what is frozen: so many of the layers that Keras counts."""
    said = counted("{number} layer frozen", "{number} layers frozen", frozen)
    if plan.index is None:
        return ["cold", said, ", " + _("chosen by name")]
    block, norms = plan.end.replace("_", " "), frozen - plan.index
    if norms <= 0:
        return ["cold", said, ", " + _("to the end of {block}").format(block=block) if block else ""]
    if plan.index == 0:
        return ["cold", said, ", " + _("batch norms only")]
    behind = counted("and {number} batch norm after it", "and {number} batch norms after it", norms)
    before = _("{number} to the end of {block}") if block else _("{number} before the line")
    return ["cold", said, f", {before.format(number=plan.index, block=block)} {behind}"]


def _warm(plan: FreezePlan, trained: int) -> list[str]:
    head = _amount(plan.head_parameters)
    if not trained:
        return ["warm", _("Only the head trains"), ", " + _("{number} parameters").format(number=head)]
    said = counted("{number} layer and the head train", "{number} layers and the head train", trained)
    return ["warm", said, ", " + _("{backbone} + {head} parameters").format(backbone=_amount(plan.trained_parameters), head=head)]


def _boundary_tensors(plan: FreezePlan, data: DataSummary | None) -> list[str]:
    """Return what is computed once and for all, and how much room it takes."""
    said = counted("{number} boundary tensor", "{number} boundary tensors", len(plan.boundary_tensors))
    if plan.cache_bytes is None:
        return ["quiet", said, ", " + _("of open size")]
    if data is None:
        return ["quiet", said, ", " + _("{size} cached for each example").format(size=size_text(plan.cache_bytes))]
    examples = sum(one.training + one.validation for one in data.classes)
    return ["quiet", said, ", " + _("{size} cached").format(size=size_text(plan.cache_bytes * examples))]


def _work(plan: FreezePlan, seconds: float | None) -> list[str]:
    """Return how much of the work trains, and how long an epoch takes where that was measured."""
    share = f"{100 * plan.tail_work / plan.work:.0f}" if plan.work else "0"
    anew = " " + _("is repeated in each epoch")
    if seconds is not None:
        anew += _(", about {seconds} s").format(seconds=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")
    return ["quiet", _("{number} % of the computation").format(number=share), anew]


def _amount(parameters: int) -> str:
    return f"{parameters:,}" if parameters < MILLIONS else _("{number} M").format(number=f"{parameters / 1e6:.2f}")


def _named_ends(backbone: Layers) -> list[list[Any]]:
    ends = [[end.index, _("to the end of {block}").format(block=end.block.replace("_", " "))] for end in block_ends(backbone)]
    return [[0, _("nothing")], *ends[:-1], *([len(backbone), _("all of the backbone")] for _end in ends[-1:])]
