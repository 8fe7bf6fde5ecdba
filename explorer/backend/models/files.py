"""The files of whole models: opening those of any version of Keras, and saving with labels. No code in a file is run.

The format is detected by the first bytes of a file, not by its name: a .keras that an old TensorFlow wrote is an HDF5 file.
"""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import h5py

from explorer import disk
from explorer.backend.models import config_text, legacy_order, metadata, topology
from explorer.backend.models import hdf5 as hdf5_models
from explorer.backend.models.archives import WEIGHTS, check_archive, check_backend, hdf5, usual_size
from explorer.backend.models.build_costs import within_budget
from explorer.backend.models.compiling import Opened, modernise_training, opened, what_is_available
from explorer.backend.models.legacy_config import is_old, modernise
from explorer.backend.models.metadata import ModelCard
from explorer.backend.models.security import Custom, check_config, quietly, refusing
from explorer.backend.runtime import temporary_files
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.refusals import reason
from explorer.errors import ExplorerError, UnreadableModel
from explorer.locale import _, megabytes

ZIP = b"PK\x03\x04"
HDF5 = b"\x89HDF\r\n\x1a\n"
KERAS_CONFIG = "config.json"

Within: TypeAlias = Callable[[], AbstractContextManager[None]]  # makes the context in which a network is built


def load_model(path: str | Path, custom_objects: Custom | None = None) -> Any:
    """Return the Keras model in a file: .keras, a whole-model .h5 of any Keras, a .json or .yaml topology (random weights).

    custom_objects: name -> class or function, for what the file names that isn't Keras's. Only pass what you trust: it is run.
    The model is compiled as it was saved if that can be read, else not compiled.
    Raises UnreadableModel if there is no such file, for other formats, damaged files, weights without a model, code in
    the file, and objects that aren't available; the message says which and what to do.
    """
    return open_model(path, custom_objects).model


def open_model(path: str | Path, custom_objects: Custom | None = None) -> Opened:
    """Return the model as `load_model` does, and sentences about the parts of the file that were left out. Raises as `load_model`."""
    path = Path(path).expanduser()
    with refusing(path.name), quietly():
        start = _start(path)
        if start.startswith(ZIP):
            return _from_archive(path, custom_objects)
        if start == HDF5:
            return _from_hdf5(path, custom_objects)
        if path.suffix.lower() in (".yaml", ".yml"):
            return topology.open_yaml(_read(path), custom_objects, path.name)
        if path.suffix.lower() == ".json":
            return topology.open_json(_read(path), custom_objects, path.name)
        raise UnreadableModel(_other_format(path, start))


def _start(path: Path) -> bytes:
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            raise UnreadableModel(
                _(
                    "{name} is a SavedModel of TensorFlow, which Keras 3 can't open: open it with the Keras 2 "
                    "that wrote it (or tf_keras) and save it as .keras or .h5."
                ).format(name=path.name)
            )
        raise UnreadableModel(_("{name} is a folder: give the model's file, .keras, .h5, .json or .yaml.").format(name=path.name))
    if not path.is_file():
        sentence = _("{path} is not a file that a model could be in.") if path.exists() else _("There is no file {path}.")
        raise UnreadableModel(sentence.format(path=path))
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise UnreadableModel(_("{name} is empty: it was not completely saved or copied.").format(name=path.name))
    return start


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > config_text.LARGEST:
        raise UnreadableModel(_("{name} has {size} MB, more than any topology.").format(name=path.name, size=megabytes(size)))
    return path.read_bytes()


def _other_format(path: Path, start: bytes) -> str:
    """Return the sentence for a file that isn't a Keras model."""
    known = {
        ".tflite": _("a model of TensorFlow Lite"),
        ".pt": _("a file of PyTorch"),
        ".pth": _("a file of PyTorch"),
        ".onnx": _("an ONNX model"),
        ".pb": _("a graph of TensorFlow"),
        ".safetensors": _("weights without a model"),
    }
    suffix = path.suffix.lower()
    kind = known.get(".tflite" if start[4:] == b"TFL3" else suffix)
    if kind:
        return _("{name} is {kind}; only Keras models can be opened: save it from Keras as .keras.").format(name=path.name, kind=kind)
    if suffix in (".keras", ".h5", ".hdf5"):
        return _("{name} is not a {suffix} file, despite its name: it is damaged, or something else was saved under that name.").format(
            name=path.name, suffix=suffix
        )
    return _("{name} is not a Keras model: .keras, .h5, .json and .yaml can be opened.").format(name=path.name)


def _from_archive(path: Path, custom_objects: Custom | None) -> Opened:
    with zipfile.ZipFile(path) as archive:
        weight_bytes = check_archive(archive, path.stat().st_size, path.name)
        within = partial(within_budget, path.name, weight_bytes, usual_size(path.stat().st_size))
        members = archive.namelist()
        if KERAS_CONFIG not in members:
            raise UnreadableModel(_no_keras_archive(path, members))
        config = _parsed(archive.read(KERAS_CONFIG), path.name)
        about = _parsed(archive.read("metadata.json"), path.name) if "metadata.json" in members else {}
        old = "keras_version" in about and is_old(str(about["keras_version"]))
        repaired = modernise({key: value for key, value in config.items() if key != "compile_config"}, old)
        custom_objects = check_config(repaired, custom_objects, path.name)
        written = config.get("compile_config")
        training, notes = what_is_available(modernise_training(written) if old else written, custom_objects)
        if "compile_config" in config:
            repaired["compile_config"] = training or {}
        with file_for_keras(path, ".keras", repaired == config) as (file, fresh):
            if fresh:
                contents = {member: archive.read(member) for member in members} | {KERAS_CONFIG: json.dumps(repaired).encode()}
                if old and legacy_order.may_differ(config) and WEIGHTS in members:
                    contents[WEIGHTS] = legacy_order.reorder_folders(contents[WEIGHTS], _built(repaired, custom_objects, within), config)
                with zipfile.ZipFile(file, "w") as new:
                    for member, content in contents.items():
                        new.writestr(member, content)
            return _opened(file, custom_objects, training, notes, within)


def _no_keras_archive(path: Path, members: list[str]) -> str:
    if any(member.endswith("data.pkl") for member in members):
        return _("{name} is a file of PyTorch; only Keras models can be opened: save it from Keras as .keras.").format(name=path.name)
    inside = next((member for member in members if member.endswith((".keras", ".h5", ".hdf5"))), None)
    if inside:
        return _("{name} is an archive that holds {inside}: unpack it, and open that file.").format(name=path.name, inside=inside)
    return _("{name} is an archive, but not one of Keras: there is no {member} in it.").format(name=path.name, member=KERAS_CONFIG)


def _from_hdf5(path: Path, custom_objects: Custom | None) -> Opened:
    size = path.stat().st_size
    with hdf5(path, size, path.name) as (file, weight_bytes):
        if hdf5_models.CONFIG not in file.attrs:
            raise UnreadableModel(_no_keras_hdf5(path, file))
        check_backend(file, path.name)
        written = {hdf5_models.CONFIG: _text(file.attrs[hdf5_models.CONFIG]), "training_config": _text(file.attrs.get("training_config"))}
        version = _text(file.attrs.get("keras_version")) or None
        misread = hdf5_models.unreadable(file)
    config, training = (_parsed(text, path.name) if text else {} for text in written.values())
    repaired = modernise(config, is_old(version))
    custom_objects = check_config(repaired, custom_objects, path.name)
    repaired_training, notes = what_is_available(modernise_training(training), custom_objects)
    is_readable = not misread and (repaired, repaired_training or {}) == (config, training)
    within = partial(within_budget, path.name, weight_bytes, usual_size(path.stat().st_size))
    with file_for_keras(path, ".h5", is_readable) as (file, fresh):
        if fresh:
            shutil.copyfile(path, file)
            with h5py.File(file, "r+") as new:
                new.attrs[hdf5_models.CONFIG] = json.dumps(repaired)
                if training:
                    new.attrs["training_config"] = json.dumps(repaired_training or {})
                hdf5_models.replace(new, misread)
                if legacy_order.may_differ(config):
                    legacy_order.reorder_listed(new["model_weights"], _built(repaired, custom_objects, within), config)
        return _opened(file, custom_objects, repaired_training, notes, within)


def _no_keras_hdf5(path: Path, file: h5py.File) -> str:
    if "layer_names" in file.attrs or {"layers", "_layer_checkpoint_dependencies", "vars"} & set(file):
        return _(
            "{name} holds weights only, without the layers that they belong to: build the network first, "
            "then load them into it with load_weights."
        ).format(name=path.name)
    return _("{name} is an HDF5 file, but holds no Keras model.").format(name=path.name)


def _text(value: Any) -> str:
    """Return an HDF5 attribute, which h5py reads as bytes or text, as text; "" if there is none."""
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    content = config_text.from_json(text, name)
    if not isinstance(content, dict):
        raise UnreadableModel(_("{name} is damaged: its description is not a JSON object.").format(name=name))
    return content


@contextmanager
def file_for_keras(path: Path, suffix: str, is_readable: bool = True) -> Iterator[tuple[Path, bool]]:
    """Yield a path that Keras can read, and whether the caller has to write that file first.

    That is the file itself if Keras can read it and its name has the suffix that Keras expects, else a temporary file with that
    suffix, which is deleted afterwards.
    """
    if is_readable and path.name.endswith((".h5", ".hdf5") if suffix == ".h5" else suffix):
        yield path, False
        return
    with temporary_files.folder() as folder:
        yield Path(folder) / f"model{suffix}", True


def _built(config: dict[str, Any], custom_objects: Custom, within: Within) -> Any:
    """Return the model of a config with random weights."""
    bare = {key: value for key, value in config.items() if key != "compile_config"}
    with within():
        return keras.models.model_from_json(json.dumps(bare), custom_objects=custom_objects)


def _opened(file: Path, custom_objects: Custom, training: Any, notes: tuple[str, ...], within: Within) -> Opened:
    """Return the model that Keras reads, compiled with `training` if there is any."""

    def load(compiled: bool) -> Any:
        with within():
            return keras.saving.load_model(file, custom_objects=custom_objects, compile=compiled)

    return opened(load, training, notes)


def save_model(model: Any, path: str | Path, card: ModelCard | None = None) -> None:
    """Save a whole model as .keras or, for old programs, as .h5, with its `card` if one is given.

    An existing file is left unchanged if this fails.
    Raises ExplorerError for other suffixes, a missing folder, and a model that Keras can't save.
    """
    path = Path(path).expanduser()
    if not path.name.endswith((".keras", ".h5", ".hdf5")) or path.name.endswith(".weights.h5"):
        raise ExplorerError(_("A model is saved under a name that ends in .keras or .h5, not as {name}.").format(name=path.name))
    if card is not None:
        metadata.check_card(card)
    with writing(path, model) as part:
        if path.suffix != ".keras" and "layers" not in model.get_config():
            raise ExplorerError(_("{kind} is a class of its own, which an .h5 can't hold: use .keras").format(kind=type(model).__name__))
        keras.saving.save_model(model, part)
        if path.suffix != ".keras":
            with h5py.File(part, "r+") as file:
                hdf5_models.complete(file, modernise(_config_of(model), old=False))
        if card is not None and path.suffix == ".keras":
            with zipfile.ZipFile(part, "a") as archive:
                archive.writestr(metadata.MEMBER, metadata.as_json(card))
        elif card is not None:
            with h5py.File(part, "r+") as file:
                file.attrs[metadata.ATTRIBUTE] = metadata.as_json(card)


def _config_of(model: Any) -> dict[str, Any]:
    config = keras.saving.serialize_keras_object(model)
    return {"class_name": config["class_name"], "config": config["config"]}


@contextmanager
def writing(path: Path, model: Any) -> Iterator[Path]:
    """Yield a path beside `path` to write a model or its weights to; that file replaces `path` in the end if nothing was raised."""
    if not path.parent.is_dir():
        raise ExplorerError(_("There is no folder {folder} to save into.").format(folder=path.parent))
    try:
        with disk.writing(path, room=0 if path.suffix == ".keras" else _size(model)) as part, quietly():
            yield part
    except Exception as error:  # get_config() of the user's layers may raise anything
        blamed = disk.blamed(error)
        why = disk.why_not(blamed) if blamed else reason(error)
        raise ExplorerError(_("{name} can't be saved: {why}.").format(name=path.name, why=why)) from error


def _size(model: Any) -> int:
    """Return the minimal size of a model's HDF5 file in bytes: if the disk fills up halfway, the process crashes later."""
    variables = [*model.variables, *getattr(getattr(model, "optimizer", None), "variables", ())]
    return sum(math.prod(variable.shape) * tensorflow.as_dtype(variable.dtype).size for variable in variables)
