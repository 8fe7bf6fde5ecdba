"""Lines of plain Keras that read data and build a model, as a teacher would write them: only those that are needed. No Keras in here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from explorer.backend.fine_tuning.head_names import POOLS, head_names
from explorer.backend.models.metadata import MEMBER
from explorer.values import FreezePlan, InputSpec, Layers, Phase, Recipe

WIDTH = 100  # of a line

Lines = list[str]


@dataclass(frozen=True)
class Subject:
    """What a script is about, as data.

    name: of the network.
    base: the call that makes the backbone; its layers are `table`, and its features have `rank` axes, the batch's included.
    module: of keras.applications, whose `preprocess_input` prepares its pictures; "" where there is none.
    own_layers: names of classes of the user's own in the backbone.
    reading: how the network reads.
    as_files: whether the examples are pictures in files, in a folder each for the classes, or arrays as the network reads them.
    folders: those of the classes, in their order.
    held_out: whether there are examples to validate on.
    phases: those that are done, by their places in the recipe.
    by_index: whether layers have names in this process only, so that their indices tell which they are.
    convolves_first: whether any of its convolutions has the channels first, which not every processor does by itself.
    """

    name: str
    base: str
    table: Layers
    rank: int
    module: str
    own_layers: tuple[str, ...]
    input_spec: InputSpec
    as_files: bool
    classes: tuple[str, ...]
    folders: tuple[str, ...]
    held_out: bool
    recipe: Recipe
    plan: FreezePlan
    phases: Mapping[int, Phase]
    by_index: bool = False
    convolves_first: bool = False

    @property
    def drops(self) -> bool:
        """Whether the backbone drops values at random while it trains."""
        return any(row.random for row in self.table.rows)

    @property
    def channels_first(self) -> bool:
        """Whether the order of axes is not Keras's usual one."""
        return self.input_spec.data_format == "channels_first"


def literal(value: Any) -> str:
    """Return a value as it is written in code, texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, list | tuple):
        inside = ", ".join(map(literal, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    return repr(value)


def call(name: str, /, *arguments: str, **options: Any) -> str:
    """Return a call: arguments as code, options as values."""
    return f"{name}({', '.join([*arguments, *(f'{key}={literal(value)}' for key, value in options.items())])})"


def listed(name: str, values: Iterable[str]) -> Lines:
    """Return a list of texts under a name, in one line where it fits."""
    items = [literal(value) for value in values]
    line = f"{name} = [{', '.join(items)}]"
    return [line] if len(line) <= WIDTH else [f"{name} = [", *(f"    {item}," for item in items), "]"]


def reading_pictures(subject: Subject) -> Lines:
    """Return the functions that read the pictures in files."""
    height, width, channels = subject.input_spec.size
    grey = ', color_mode="grayscale"' if channels == 1 else ""
    head = [
        "def picture(file):",
        f"    return keras.utils.img_to_array(keras.utils.load_img(file, target_size=({height}, {width}){grey}))",
        "",
        "",
        "def read(folder):",
    ]
    if subject.recipe.head.multi_label:
        return [
            *head,
            '    with open(Path(folder, "labels.csv"), newline="", encoding="utf-8") as file:',
            "        _header, *rows = csv.reader(file)  # a file and, for each class, 0 or 1",
            "    x = [picture(Path(folder, row[0])) for row in rows]",
            '    return np.array(x, "uint8"), np.array([row[1:] for row in rows], "float32")',
        ]
    folders = "CLASSES" if subject.folders == subject.classes else "FOLDERS"
    return [
        *head,
        "    files = [",
        "        (file.name, file, number)",
        f"        for number, name in enumerate({folders})",
        '        for file in Path(folder, name).glob("*.png")',
        "    ]",
        "    files.sort()  # by the numbers that their names begin with",
        "    x = [picture(file) for _name, file, _number in files]",
        '    return np.array(x, "uint8"), np.array([number for _name, _file, number in files], "int32")',
    ]


def loading(subject: Subject) -> Lines:
    """Return the lines that load the examples."""
    sides = ["train", *(["validation"] if subject.held_out else [])]
    if subject.as_files:
        return [f'x_{side}, y_{side} = read("data/{side}")' for side in sides]
    count = len(subject.input_spec.inputs)
    lines = ['data = np.load("data.npz")']
    for side in sides:
        alone = f'data["x_{side}"]'
        several = f'tuple(data[f"x_{side}_{{number}}"] for number in range(1, {count + 1}))'
        lines += [f"x_{side} = {several if count > 1 else alone}", f'y_{side} = data["y_{side}"]']
    return lines


def preparing(subject: Subject) -> Lines:
    """Return the function that prepares a batch of pictures, 0 to 255, as the network reads them."""
    kind, preprocess_mode = subject.input_spec.inputs[0].dtype, subject.input_spec.preprocess_mode
    pixels = call("tf.cast", "x", dtype=kind if preprocess_mode == "none" else "float32")
    prepared = {"none": pixels, "unit": f"{pixels} / 255"}.get(preprocess_mode) or (
        f"keras.applications.{subject.module}.preprocess_input({pixels})"
        if subject.module
        else call("keras.applications.imagenet_utils.preprocess_input", pixels, mode=preprocess_mode)
    )
    return ["def prepare(x, y):", f"    return {prepared}, y"]


def feeding(subject: Subject) -> Lines:
    """Return the function that makes batches of examples."""
    seed, augmentation = subject.recipe.seed, subject.recipe.augmentation
    lines = [
        "def batches(x, y, size, training=False):",
        "    data = tf.data.Dataset.from_tensor_slices((x, y))",
        "    if training:",
        f"        data = data.shuffle(len(y), seed={seed})  # anew in each epoch",
    ]
    batched = f"data.batch(size){'.map(prepare)' if subject.as_files else ''}"
    if augmentation:
        changes = [
            *([call("keras.layers.RandomFlip", literal("horizontal"), seed=seed)] if augmentation.flip else []),
            *([call("keras.layers.RandomRotation", literal(augmentation.rotation), seed=seed + 1)] if augmentation.rotation else []),
            *([call("keras.layers.RandomZoom", literal(augmentation.zoom), seed=seed + 2)] if augmentation.zoom else []),
        ]
        return [
            *lines,
            f"    data = {batched}",
            "    if training:",
            "        change = keras.Sequential(",
            "            [",
            *(f"                {change}," for change in changes),
            "            ]",
            "        )",
            "        data = data.map(lambda x, y: (change(x, training=True), y))",
            "    return data",
        ]
    return [*lines, f"    return {batched}"]


def card(subject: Subject) -> Lines:
    """Return the lines that write into model.keras what a plain Keras model doesn't say of itself."""
    told = {"preprocess": subject.input_spec.named_preprocess_mode, "name": subject.name}
    items = [f"{literal(key)}: {literal(value)}" for key, value in told.items()]
    return [
        f'card = {{"labels": CLASSES, {", ".join(items)}}}',
        'with zipfile.ZipFile("model.keras", "a") as file:',
        f'    file.writestr("{MEMBER}", json.dumps(card))',
    ]


def head(subject: Subject) -> Lines:
    """Return the lines that put the new head on the backbone."""
    own, lines, features = subject.recipe.head, [f"keras.utils.set_random_seed({subject.recipe.seed})"], "base.output"
    names = head_names([row.name for row in subject.table])
    if subject.rank > 2:
        order = {"data_format": "channels_last"} if subject.channels_first and subject.rank == 3 else {}
        pooling = call(f"keras.layers.{POOLS[own.pooling]}{subject.rank - 2}D", name=names.pooling, **order)
        lines.append(f"x = {pooling}({features})")
        features = "x"
    if own.units:
        dense = call("keras.layers.Dense", literal(own.units), activation="relu", name=names.dense)
        lines.append(f"x = {dense}({features})")
        features = "x"
    if own.dropout:
        lines.append(f"x = {call('keras.layers.Dropout', literal(own.dropout), name=names.dropout)}({features})")
        features = "x"
    activation = "sigmoid" if own.multi_label else "softmax"
    last = call("keras.layers.Dense", "len(CLASSES)", activation=activation, name=names.predictions)
    return [*lines, f"outputs = {last}({features})", "model = keras.Model(base.inputs, outputs)"]
