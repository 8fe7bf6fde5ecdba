"""Lines of plain Keras that freeze, compile and fit, as a teacher would write them: only those that a phase needs. No Keras in here."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.backend.fine_tuning.export_script_data import Lines, Subject, call, listed, literal
from explorer.recipe.freeze_plan import BATCH_NORM
from explorer.recipe.keras_code import BY_PATH, outermost
from explorer.values import Phase, Switch

OPTIMIZERS = {"rmsprop": "RMSprop", "sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}


def freezing(subject: Subject, trains: str) -> Lines:
    """Return the lines that freeze the backbone for a phase: all of it for the head's, as the plan says for the tail's."""
    if trains == "head":
        return ["for layer in base.layers:", "    layer.trainable = False"]
    recipe, table, index = subject.recipe, subject.table, subject.plan.index
    if any("/" in row.name for row in table.layer_rows):
        return [*listed("FROZEN", outermost(subject.plan.frozen)), *BY_PATH]
    norm = f"isinstance(layer, keras.layers.{BATCH_NORM})"
    norms = [row.index for row in table if row.class_name == BATCH_NORM]
    all_train = "batch_norm" in recipe.mistakes
    still = bool(norms) and not all_train and recipe.batch_norm == "inference"
    if index is not None:
        thawed = f"not {norm}" if still and norms[-1] >= index else "True"
        frozen = norm if all_train and norms and norms[0] < index else "False"
        return [
            *([f"for layer in model.layers[:{index}]:", f"    layer.trainable = {frozen}"] if index else []),
            f"for layer in model.layers[{index}:]:" if index else "for layer in model.layers:",
            f"    layer.trainable = {thawed}",
        ]
    rows = [table.find(name) for name in recipe.freeze] if isinstance(recipe.freeze, tuple) else []
    more = f" and not {norm}" if still else f" or {norm}" if all_train and norms else ""
    if subject.by_index:
        frozen_rows = f"FROZEN = {sorted({row.index for row in rows})}"
        return [frozen_rows, "for index, layer in enumerate(model.layers):", f"    layer.trainable = index not in FROZEN{more}"]
    names = listed("FROZEN", dict.fromkeys(row.name for row in rows))
    return [*names, "for layer in model.layers:", f"    layer.trainable = layer.name not in FROZEN{more}"]


def asking_for_xla() -> Lines:
    """Return the lines that find out, as JIT_COMPILE, whether convolutions with the channels first need XLA."""
    return [
        "try:",
        '    tf.nn.conv2d(tf.ones((1, 1, 1, 1)), tf.ones((1, 1, 1, 1)), 1, "VALID", data_format="NCHW")',
        '    JIT_COMPILE = "auto"',
        "except tf.errors.UnimplementedError:",
        "    JIT_COMPILE = True",
    ]


def compiling(subject: Subject, phase: Phase) -> Lines:
    """Return the lines that compile the model for a phase, whose batches are there as `train`."""
    several = subject.recipe.head.multi_label
    metric = call("keras.metrics.BinaryAccuracy", name="accuracy") if several else literal("accuracy")
    schedule = _schedule(phase)
    rate = "rate" if schedule else f"learning_rate={literal(phase.learning_rate)}"
    return [
        *schedule,
        "model.compile(",
        f"    optimizer={call(f'keras.optimizers.{OPTIMIZERS[phase.optimizer]}', rate, **_momentum(phase))},",
        f"    loss={literal('binary_crossentropy' if several else 'sparse_categorical_crossentropy')},",
        f"    metrics=[{metric}],",
        *(["    jit_compile=JIT_COMPILE,"] if subject.convolves_first else []),
        ")",
    ]


def _schedule(phase: Phase) -> Lines:
    """Return the lines that make the schedule of the learning rate; none for a constant one."""
    rate = literal(phase.learning_rate)
    if phase.schedule == "cosine":
        return [f"rate = keras.optimizers.schedules.CosineDecay({rate}, decay_steps={phase.epochs} * len(train))"]
    if phase.schedule == "halving":
        arguments = f"    {rate}, decay_steps=len(train), decay_rate=0.5, staircase=True"
        return ["rate = keras.optimizers.schedules.ExponentialDecay(", arguments, ")"]
    return []


def _momentum(phase: Phase) -> dict[str, float]:
    return {"momentum": phase.momentum} if phase.optimizer == "sgd" and phase.momentum else {}


def fitting(subject: Subject, place: int, phase: Phase, files: Mapping[str, tuple[str, str]]) -> Lines:
    """Return the lines that fit a phase; files: what callbacks write, as `callbacks.FILES` has it."""
    arguments = ["train"]
    if subject.held_out:
        arguments.append(f"validation_data=batches(x_validation, y_validation, {phase.batch_size})")
    arguments += [f"epochs={phase.epochs}", "shuffle=False"]
    switched = [_callback(switch, place, files) for switch in subject.recipe.callbacks]
    if not switched:
        return [call("model.fit", *arguments)]
    listing = ["    callbacks=[", *(f"        {one}," for one in switched), "    ],"]
    return ["model.fit(", *(f"    {one}," for one in arguments), *listing, ")"]


def _callback(switch: Switch, place: int, files: Mapping[str, tuple[str, str]]) -> str:
    options = dict(switch.options)
    name = f"keras.callbacks.{switch.name}"
    if switch.name == "LearningRateScheduler":
        factor, after = float(options.get("factor", 0.9)), int(options.get("after", 1))
        return f"{name}(lambda epoch, rate: rate * {factor} if epoch >= {after} else rate)"
    if switch.name in files:
        argument, usual = files[switch.name]
        options[argument] = str(options.get(argument, usual)).replace("{phase}", str(place + 1))
    return call(name, **options)
