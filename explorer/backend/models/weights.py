"""The weights files of models: saving them, and loading them by the order of the layers or by their names.

Keras writes weights in two formats. An .h5 of Keras 1 or 2 lists its layers by name; a .weights.h5 and the weights in a
.keras are in folders named after the classes of layers, and Keras 3.6 and later adds the layers' names as attributes.
Keras loads only the first format by name; this module loads both.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py

from explorer.backend.models.archives import WEIGHTS, check_archive, hdf5
from explorer.backend.models.files import file_for_keras, writing
from explorer.backend.models.legacy_weights import is_listed, load_listed
from explorer.backend.models.security import quietly, refusing
from explorer.backend.models.weights_report import compared, misfit, paired
from explorer.backend.runtime import temporary_files
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError, UnreadableModel
from explorer.locale import _
from explorer.values.weights import Mismatch, Shapes, WeightsReport

__all__ = ["Mismatch", "WeightsReport", "load_weights", "save_weights"]


def save_weights(model: Any, path: str | Path) -> None:
    """Save the weights of a model as .weights.h5, or as .h5 in the format of Keras 1 and 2.

    Raises ExplorerError for other suffixes, a missing folder, a model that is not built or, for .h5, one
    that Keras can't save.
    """
    path = Path(path).expanduser()
    if not path.name.endswith((".h5", ".hdf5")):
        raise ExplorerError(_("Weights are saved under a name that ends in .weights.h5 or .h5, not as {name}.").format(name=path.name))
    _check_built(model)
    with writing(path, model) as part:
        if path.name.endswith(".weights.h5"):
            model.save_weights(part)
        else:
            keras.saving.save_model(model, part, include_optimizer=False)
            _keep_weights(part)


def _keep_weights(path: Path) -> None:
    """Remove everything but the weights from a whole-model .h5."""
    whole = path.with_name(f"{path.name}.whole")
    path.replace(whole)
    try:
        with h5py.File(whole, "r") as model, h5py.File(path, "w") as file:
            file.attrs.update(model["model_weights"].attrs)
            for name in model["model_weights"]:
                model.copy(f"model_weights/{name}", file, name)
    finally:
        whole.unlink()


def load_weights(model: Any, path: str | Path, by_name: bool = False) -> WeightsReport:
    """Load weights from an .h5, a .weights.h5 or a .keras into a model; return the result for each layer.

    by_name: whether to load into each layer of the model, nested models included, the weights of the layer with that name if the
        shapes match, and leave the others unchanged; else the file has to match the whole model.
    Raises UnreadableModel for files that hold no weights or are damaged, ExplorerError for weights that do not match
    or a model that is not built; the model is then unchanged.
    """
    path = Path(path).expanduser()
    _check_built(model)
    with refusing(path.name), quietly(), _weights(path) as file:
        if is_listed(file):
            return load_listed(model, file, path, by_name)
        return _load_folders_by_name(model, file, path) if by_name else _load_folders(model, file, path)


def _check_built(model: Any) -> None:
    if not model.built:
        raise ExplorerError(
            _("{name} has no weights yet: call it on some data, or model.build(input_shape), first.").format(name=model.name)
        )


@contextmanager
def _weights(path: Path) -> Iterator[h5py.Group]:
    """Check a file, and open the group in it that holds the weights."""
    if not path.is_file():
        raise UnreadableModel(_("There is no file {path}.").format(path=path))
    error = UnreadableModel(_("{name} holds no weights of Keras.").format(name=path.name))
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, size, path.name)
            if WEIGHTS not in archive.namelist():
                raise error
            content = BytesIO(archive.read(WEIGHTS))
        with hdf5(content, size, path.name) as (file, _bytes):
            yield file
        return
    if not h5py.is_hdf5(path):
        raise error
    with hdf5(path, size, path.name) as (file, _bytes):
        yield file.get("model_weights", file)


def _load_folders(model: Any, file: h5py.Group, path: Path) -> WeightsReport:
    before = model.get_weights()
    with _as_folders(model) as own_file:
        own, saved = _folders(own_file), _folders(file)
        name_of = {group.name: name for name, group in saved.items()}
        pairs = {name: name_of[group.name] for name, group in own.items() if group.name in name_of}
        report = compared(_shapes_in(own), _shapes_in(saved), pairs)
    try:
        with file_for_keras(path, ".keras" if zipfile.is_zipfile(path) else ".weights.h5") as (named, fresh):
            model.load_weights(shutil.copyfile(path, named) if fresh else named)
    except Exception as error:
        model.set_weights(before)
        if report.missing or report.mismatched:
            raise misfit(model, path.name, report) from error
        raise
    return WeightsReport(loaded=tuple(own), unexpected=report.unexpected)


def _load_folders_by_name(model: Any, file: h5py.Group, path: Path) -> WeightsReport:
    """Save the model's weights as Keras does, replace them by those of the file, and let Keras load the result."""
    saved = _folders(file)
    if not saved:
        raise UnreadableModel(
            _(
                "{name} does not say which weights are whose, as Keras before 3.6 left the layers' names out: load it "
                "without by_name, or open the whole model and save it again."
            ).format(name=path.name)
        )
    with _as_folders(model) as own_file:
        own = _folders(own_file)
        pairs = paired(own, saved)
        report = compared(_shapes_in(own), _shapes_in(saved), pairs)
        for name in report.loaded:
            for key, dataset in _datasets(saved[pairs[name]]).items():
                del own[name][key]
                own[name].copy(dataset, own[name], key)
        own_path = Path(own_file.filename)
        own_file.close()
        if report.loaded:
            model.load_weights(own_path)
    return report


@contextmanager
def _as_folders(model: Any) -> Iterator[h5py.File]:
    """Yield the model's weights as Keras 3 writes them, in a temporary file that may be modified."""
    with temporary_files.folder() as folder:
        file = Path(folder) / "own.weights.h5"
        model.save_weights(file)
        with h5py.File(file, "r+") as own:
            yield own


def _folders(group: h5py.Group, within: str = "") -> dict[str, h5py.Group]:
    """Return layer name -> folder for the layers with weights, those of nested models as "model/layer"."""
    folders: dict[str, h5py.Group] = {}
    for key, child in group.items():
        if key in ("vars", "optimizer") or not isinstance(child, h5py.Group):
            continue
        name = child["vars"].attrs.get("name") if "vars" in child else None
        if name is None or "layers" in child:
            folders |= _folders(child, f"{within}{name}/" if name else within)
        elif _datasets(child):
            folders[f"{within}{name}"] = child
    return folders


def _datasets(group: h5py.Group) -> dict[str, h5py.Dataset]:
    datasets: dict[str, h5py.Dataset] = {}
    group.visititems(lambda path, child: datasets.update({path: child}) if isinstance(child, h5py.Dataset) else None)
    return datasets


def _shapes_in(folders: Mapping[str, h5py.Group]) -> dict[str, Shapes]:
    return {name: tuple(value.shape for value in _datasets(folder).values()) for name, folder in folders.items()}
