"""Lessons: the classic mistakes of fine-tuning made on purpose, and what to say of a run in which something went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from explorer.locale import _
from explorer.values import Epoch, FreezePlan, Phase, Recipe

TOO_HIGH = 100  # times the tail's learning rate


def spoilt(phases: Mapping[int, Phase], recipe: Recipe) -> dict[int, Phase]:
    """Return the phases with the mistakes of the recipe in them."""
    factor = TOO_HIGH if "rate" in recipe.mistakes else 1
    return {
        place: replace(phase, learning_rate=phase.learning_rate * (factor if phase.trains == "tail" else 1))
        for place, phase in phases.items()
    }


def said(recipe: Recipe, plan: FreezePlan, history: Sequence[Epoch]) -> tuple[str, ...]:
    """Return what went wrong in a run because of the mistakes made in it, in sentences with its own figures."""
    head = [one for one in history if recipe.phases[one.phase].trains == "head"]
    tail = [one for one in history if recipe.phases[one.phase].trains == "tail"]
    if not tail:
        return ()
    before, after = _score(head[-1]) if head else None, _score(tail[-1])
    fell = before is not None and after < before
    sentences = {
        "recompile": _(
            "The model was not compiled again after thawing: Keras went on with the step that it had built, and none of the "
            "{count} thawed parameters has moved. Compile after each change of `trainable`."
        ).format(count=f"{plan.trained_parameters:,}"),
        "batch_norm": _(
            "All batch norms trained, those of the frozen layers too: their means and variances moved to those of small batches, which the "
            "frozen weights do not know. Accuracy went from {before} to {after}. Keep batch norms in inference mode."
        ),
        "rate": _(
            "The learning rate of the tail was {factor} times too high: steps so large undo what the thawed layers knew. "
            "Accuracy went from {before} to {after}. Fine-tune with a small rate, such as 0.0001."
        ),
        "thaw": _(
            "The tail was thawed before the head had learnt: the random head sent large gradients into trained weights. "
            "Accuracy came to {after}. Train the head first, with the backbone frozen."
        ),
    }
    figures = {"before": "?" if before is None else f"{before:.0%}", "after": f"{after:.0%}", "factor": TOO_HIGH}
    notes = [sentences[mistake].format(**figures) for mistake in recipe.mistakes]
    if fell and not recipe.mistakes:
        notes.append(
            _("Accuracy fell from {before} to {after} when the tail was thawed: lower its learning rate, or freeze more.").format(**figures)
        )
    return tuple(notes)


def not_a_number(phases: Mapping[int, Phase], history: Sequence[Epoch], kept: int | None) -> str:
    """Return what to say when the loss has become infinite or no number."""
    place = history[-1].phase if history else min(phases)
    later = [one for one in phases if one >= place]
    at = later[-1] if history and history[-1].epoch + 1 >= phases[place].epochs and len(later) > 1 else place
    rate = phases[at].learning_rate
    back = _("the weights from before training are back") if kept is None else _("the weights of epoch {epoch}, the best, are back")
    return _("The loss is no number any more in phase {phase}, with a learning rate of {rate}: take a lower one; {back}.").format(
        phase=at + 1, rate=f"{rate:g}", back=back.format(epoch=(kept or 0) + 1)
    )


def _score(epoch: Epoch) -> float:
    return epoch.accuracy if epoch.val_accuracy is None else epoch.val_accuracy
