"""Taking a training away: the plain Keras script and notebook that do the same without explorer, with all that they need, in a zip."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from explorer.backend.fine_tuning import keras_settings, mistakes, recipe_checks
from explorer.backend.fine_tuning.callback_registry import made
from explorer.backend.fine_tuning.export_data import (
    LARGEST,
    Bounded,
    bytes_of_arrays,
    bytes_of_pictures,
    file_name,
    folders,
    write_arrays,
    write_pictures,
)
from explorer.backend.fine_tuning.export_script import as_notebook, as_script
from explorer.backend.fine_tuning.export_script_data import Subject, call, literal
from explorer.backend.fine_tuning.tuned_model import Parts
from explorer.backend.loading import data_format
from explorer.backend.models import files as model_files
from explorer.backend.network import Network
from explorer.backend.runtime import temporary_files
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import flat_layers
from explorer.catalog import architectures
from explorer.locale import _
from explorer.runs.serialization import history_csv
from explorer.values import Epoch, InputSpec, Layers, NetworkSpec, Recipe, TakenFile, TrainingData

BACKBONE = "backbone.keras"
SCRIPT = "fine_tune.py"
CONVENTIONS_OF_FILES = ("tf", "caffe", "torch", "unit", "none")  # those whose pixels Keras prepares from pictures in files
WITH_A_LAYER_MORE = "EfficientNet"  # the family to which Keras adds a layer where it loads "imagenet" itself


class Trained(Protocol):
    """What is told of a training: its epochs; a `Run` and a `RunRecord` say so."""

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs, one after the other."""


def script(network: Network, data: TrainingData, recipe: Recipe) -> str:
    """Return the Python script that trains as `training.train` does, in plain Keras; `bundle` has what it needs beside it.

    Raises ExplorerError for a recipe or data that don't fit.
    """
    return as_script(subject(network, data, recipe, _parts(network, data, recipe)))


def notebook(network: Network, data: TrainingData, recipe: Recipe) -> str:
    """Return the same as a Jupyter notebook, as JSON. Raises as `script` does."""
    return as_notebook(subject(network, data, recipe, _parts(network, data, recipe)))


def bundle(network: Network, data: TrainingData, recipe: Recipe, run: Trained) -> TakenFile:
    """Return a zip with the script, the notebook, the data as the script reads it, and what else it needs.

    Pictures that are larger than the network reads them are in it as large as it does. Weights are in it unless Keras has them.
    Raises ExplorerError for a recipe or data that don't fit, and for more than 500 MB; UnreadableExample.
    """
    parts = _parts(network, data, recipe)
    about = subject(network, data, recipe, parts)
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(SCRIPT, as_script(about))
            archive.writestr("fine_tune.ipynb", as_notebook(about))
            archive.writestr("requirements.txt", _requirements(about))
            archive.writestr("README.txt", _readme(about, run))
            archive.writestr("history.csv", history_csv(run.history))
            room = Bounded(archive)
            if BACKBONE in about.base:
                room.write(BACKBONE, _backbone(parts), zipfile.ZIP_STORED)
            if about.as_files:
                write_pictures(room, data, about.folders, network.input_spec.size, recipe.head.multi_label)
            else:
                write_arrays(room, data, network, recipe.head.multi_label)
        file.seek(0)
        return TakenFile(f"{file_name(network.spec.name)}-fine-tuning.zip", file.read())


def most_bytes(network: Network, data: TrainingData, parameters: int) -> int:
    """Return how many bytes the data and the weights in a bundle take at most; parameters: of the backbone.

    Raises UnreadableExample.
    """
    weights = 0 if _may_be_loaded(network) else 4 * parameters
    measure = bytes_of_pictures if _as_files(network.input_spec) else bytes_of_arrays
    return min(weights + measure(data, network), LARGEST)


def subject(network: Network, data: TrainingData, recipe: Recipe, parts: Parts) -> Subject:
    """Return what a script is about; parts: of the tuned network in the making."""
    input_spec, base = network.input_spec, parts.base
    as_files = _as_files(input_spec)
    application = _application(network, parts.table)
    layers = flat_layers(base)
    named = [parts.table.find(name) for name in recipe.freeze] if isinstance(recipe.freeze, tuple) else []
    return Subject(
        name=network.spec.name,
        base=application or _loading(layers),
        table=parts.table,
        rank=len(base.outputs[0].shape),
        module=_module(network) if input_spec.preprocess_mode in ("tf", "caffe", "torch") else "",
        own_layers=tuple(sorted({type(layer).__name__ for layer in layers if not type(layer).__module__.startswith("keras.")})),
        input_spec=input_spec,
        as_files=as_files,
        classes=data.classes,
        folders=folders(data.classes) if as_files and not recipe.head.multi_label else (),
        held_out=bool(data.validation),
        recipe=recipe,
        plan=parts.plan,
        phases=mistakes.apply_mistakes(parts.phases(), recipe),
        by_index=bool(application) and any(_numbered(row.name, row.class_name) for row in named),
        convolves_first=any(hasattr(one, "kernel_size") and one.data_format == "channels_first" for one in layers),
    )


def _as_files(input_spec: InputSpec) -> bool:
    """Whether `keras.utils.load_img` reads pictures as the network does: in grey or in colour, with an axis of channels."""
    plain = input_spec.kind == "image" and input_spec.preprocess_mode in CONVENTIONS_OF_FILES
    return plain and len(input_spec.inputs[0].shape) == 3 and input_spec.size[2] in (1, 3)


def _parts(network: Network, data: TrainingData, recipe: Recipe) -> Parts:
    """Return the parts of the tuned network, untrained. Raises ExplorerError for a recipe or data that don't fit."""
    recipe_checks.check(recipe, data, network.input_spec.kind)
    made(recipe.callbacks, 0, Path())  # refuses what can't be switched on
    return Parts(network, recipe, len(data.classes))


def _application(network: Network, table: Layers) -> str:
    """Return the call of keras.applications that makes this very backbone; "" where none does."""
    spec, draws = network.spec, any(one.random for one in table.layer_rows)  # by a seed, in the order of their making
    if draws or not isinstance(spec, NetworkSpec) or not _may_be_loaded(network):
        return ""
    row = architectures[spec.architecture]
    options: dict[str, Any] = {"include_top": False, "input_shape": tuple(network.state.model.inputs[0].shape[1:])}
    options |= {name: getattr(spec, name) for name in ("alpha", "depth_multiplier") if name in row.options and getattr(spec, name) != 1}
    if spec.pooling and not spec.include_top:
        options["pooling"] = spec.pooling
    with data_format(spec.data_format):
        other = getattr(keras.applications, spec.architecture)(weights=None, **options)
    theirs = [(_alike(layer.name, type(layer).__name__), getattr(layer.output, "shape", None)) for layer in other.layers]
    ours = [(_alike(row.name, row.class_name), (None, *row.output_shape)) for row in table.layer_rows]
    return call(f"keras.applications.{spec.architecture}", weights="imagenet", **options) if theirs == ours else ""


def _may_be_loaded(network: Network) -> bool:
    """Whether Keras has the weights of this network, unless its layers say otherwise."""
    spec = network.spec
    if not isinstance(spec, NetworkSpec) or spec.weights != "imagenet" or network.files.altered:
        return False
    row = architectures[spec.architecture]
    return row.family != WITH_A_LAYER_MORE and hasattr(keras.applications, row.name)


def _alike(name: str, class_name: str) -> str:
    return class_name if _numbered(name, class_name) else name


def _numbered(name: str, class_name: str) -> bool:
    """Whether Keras made the name of a layer up: `conv2d_94`, or `conv2d` in another process."""
    return re.fullmatch(rf"{re.escape(class_name.lower())}\d*", name.replace("_", "").lower()) is not None


def _loading(layers: Sequence[Any]) -> str:
    options = {"compile": False} | ({"safe_mode": False} if any(isinstance(layer, keras.layers.Lambda) for layer in layers) else {})
    return call("keras.models.load_model", literal(BACKBONE), **options)


def _module(network: Network) -> str:
    """Return the module of keras.applications that prepares pictures for this architecture; "" where there is none."""
    name = network.spec.name
    if not isinstance(network.spec, NetworkSpec) or not hasattr(keras.applications, name):
        return ""
    return str(getattr(keras.applications, name).__module__).rpartition(".")[2]


def _backbone(parts: Parts) -> bytes:
    """Return the network up to its features as a .keras file, untrained."""
    with temporary_files.folder() as folder:
        path = Path(folder) / BACKBONE
        model_files.save_model(parts.base, path)
        return path.read_bytes()


def _requirements(about: Subject) -> str:
    packages = [*(f"{name}=={version}" for name, version in keras_settings.versions().items()), "numpy"]
    packages += ["pillow"] if about.as_files else []
    packages += ["tensorboard"] if any(switch.name == "TensorBoard" for switch in about.recipe.callbacks) else []
    return "\n".join(packages) + "\n"


def _readme(about: Subject, run: Trained) -> str:
    said = [
        _("{name}, fine-tuned in explorer, as plain Keras code.").format(name=about.name),
        "pip install -r requirements.txt\npython fine_tune.py",
        _("fine_tune.ipynb does the same in Jupyter. Both write model.keras. history.csv holds the epochs as they were in explorer."),
    ]
    scores = [one.val_accuracy for one in run.history if one.val_accuracy is not None]
    if scores:
        said.append(_("There, the last epoch reached a validation accuracy of {accuracy}.").format(accuracy=f"{scores[-1]:.1%}"))
    if BACKBONE not in about.base:
        said.append(_("Keras downloads the weights for ImageNet when they are not on the machine yet."))
    return "\n\n".join(said) + "\n"
