"""Lessons: the classic mistakes of fine-tuning made on purpose, and what to say of a run in which something went wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from explorer.locale import _
from explorer.values import Epoch, FreezePlan, Phase, Recipe

TOO_HIGH = 100  # times the tail's learning rate
GUESSING = 20  # a loss that no guess among any number of classes has


def apply_mistakes(phases: Mapping[int, Phase], recipe: Recipe) -> dict[int, Phase]:
    """Return the phases with the mistakes of the recipe in them."""
    factor = TOO_HIGH if "rate" in recipe.mistakes else 1
    return {
        place: replace(phase, learning_rate=phase.learning_rate * (factor if phase.trains == "tail" else 1))
        for place, phase in phases.items()
    }


def said(recipe: Recipe, plan: FreezePlan, history: Sequence[Epoch], norms: int, held_out: int) -> tuple[str, ...]:
    """Return what the mistakes made in a run have done to it, in sentences with its own figures.

    norms: how many batch norms the network has; held_out: how many examples the accuracies are of, for how much they tell.
    """
    head = [one for one in history if recipe.phases[one.phase].trains == "head"]
    tail = [one for one in history if recipe.phases[one.phase].trains == "tail"]
    if not tail:
        return (_("The tail did not train, so the mistake had no effect."),) if recipe.mistakes else ()
    before, after = _score(head[-1]) if head else None, _score(tail[-1])
    fell = before is not None and before - after > 2 * _deviation(before, held_out)
    figures = {"before": "?" if before is None else _percent(before), "after": _percent(after), "factor": TOO_HIGH}
    figures["count"] = f"{plan.trained_parameters:,}"
    notes = [_of_mistake(mistake, fell, norms).format(**figures) for mistake in recipe.mistakes]
    if fell and not recipe.mistakes:
        notes.append(
            _("Accuracy fell from {before} to {after} when the tail was thawed: lower its learning rate, or freeze more.").format(**figures)
        )
    return tuple(notes)


def _of_mistake(mistake: str, fell: bool, norms: int) -> str:
    """Return what is to be said of a mistake, with places for figures."""
    if mistake == "batch_norm" and not norms:
        return _("This network has no batch norms: letting them all train changes nothing here.")
    made = {
        "recompile": _(
            "The model was not compiled again after thawing: Keras kept the training step that it had built, and none of the "
            "{count} thawed parameters has changed. Compile after each change of `trainable`."
        ),
        "batch_norm": _(
            "All batch norms trained, also those of the frozen layers: their means and variances moved to those of small batches, which "
            "the frozen weights do not fit. Keep batch norms in inference mode."
        ),
        "rate": _(
            "The learning rate of the tail was {factor} times too high: such large steps can destroy what the thawed layers have learned. "
            "Fine-tune with a small rate, such as 0.0001."
        ),
        "thaw": _(
            "The tail was thawed before the head had learnt: the random head sent large gradients into trained weights. "
            "Accuracy came to {after}. Train the head first, with the backbone frozen."
        ),
    }[mistake]
    if mistake in ("recompile", "thaw"):
        return made
    harm = _("Accuracy fell from {before} to {after}.") if fell else _("This time it did no harm: accuracy went from {before} to {after}.")
    return f"{made} {harm}"


def not_a_number(phases: Mapping[int, Phase], history: Sequence[Epoch]) -> str:
    """Return what to say when the loss has become infinite or no number."""
    at = _culprit(phases, history)
    rate = phases[at].learning_rate
    return _("The loss became infinite or NaN in phase {phase}, with a learning rate of {rate}: lower it.").format(
        phase=at + 1, rate=f"{rate:g}"
    )


def _culprit(phases: Mapping[int, Phase], history: Sequence[Epoch]) -> int:
    """Return the place of the phase that led to it: the first whose loss was beyond all guessing, else the one it happened in."""
    wild = next((one.phase for one in history if one.loss > GUESSING), None)
    if wild is not None:
        return wild
    place = history[-1].phase if history else min(phases)
    later = [one for one in phases if one >= place]
    return later[-1] if history and history[-1].epoch + 1 >= phases[place].epochs and len(later) > 1 else place


def _deviation(share: float, count: int) -> float:
    """Return the standard deviation of a share of so many examples."""
    return math.sqrt(share * (1 - share) / count) if count else 0.0


def _percent(share: float) -> str:
    return _("{number} %").format(number=f"{100 * share:.0f}")


def _score(epoch: Epoch) -> float:
    return epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy
