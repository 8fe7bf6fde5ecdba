"""The plain Keras code of a freeze plan. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence

from explorer.recipe.freeze_plan import BATCH_NORM
from explorer.values import FreezePlan, Recipe
from explorer.values.layer_names import ways

BY_PATH = (  # the code that freezes the layers of `FROZEN`, each given by its path through nested models
    "for layer in model.layers:",
    "    layer.trainable = True",
    "for path in FROZEN:",
    "    layer = model",
    '    for name in path.split("/"):',
    "        layer = layer.get_layer(name)",
    "    layer.trainable = False",
)


def keras_lines(plan: FreezePlan, recipe: Recipe) -> tuple[str, ...]:
    """Return the lines of plain Keras code that freeze as the plan does, to run before the tail is compiled."""
    if plan.index is not None:
        return tuple(line for path, index in plan.line for line in _sliced(path, index, recipe))
    if any("/" in name for name in plan.frozen):
        return (f"FROZEN = {outermost(plan.frozen)}", *BY_PATH)
    names = ", ".join(repr(name) for name in plan.frozen)
    return (f"frozen = {{{names}}}", "for layer in model.layers:", "    layer.trainable = layer.name not in frozen")


def in_keras(path: str) -> str:
    """Return the code that gets a layer by its address; for "" the whole model."""
    return "model" + "".join(f".get_layer({name!r})" for name in path.split("/") if name)


def outermost(frozen: Sequence[str]) -> list[str]:
    """Return the addresses that are enough to freeze all of these: no further uses, and no layers inside of another one."""
    paths = {name for name in frozen if ":" not in name}
    return [name for name in frozen if name in paths and paths.isdisjoint(ways(name)[:-1])]


def _sliced(path: str, index: int, recipe: Recipe) -> list[str]:
    """Return the lines for the layers of one model: the nested one at a path, or the whole model for ""."""
    model = in_keras(path)
    thawed = "True" if recipe.batch_norm == "train" else f"not isinstance(layer, keras.layers.{BATCH_NORM})"
    return [
        *([f"for layer in {model}.layers[:{index}]:", "    layer.trainable = False"] if index else []),
        f"for layer in {model}.layers[{index}:]:" if index else f"for layer in {model}.layers:",
        f"    layer.trainable = {thawed}",
    ]
