"""What a model file may hold, looked at before Keras sees any of it: no code, no way out of the file, no unknown objects.

Keras's own safe mode has been got round again and again, by functions of its own as gadgets (CVE-2025-1550,
CVE-2025-8747, CVE-2025-9906), by the .h5 format (CVE-2025-9905), by layers that bring code of other libraries
(CVE-2025-49655, CVE-2026-1462), by links out of HDF5 and by files that unpack to far more than they are
(CVE-2026-0897, CVE-2026-1669). So a config is read here as plain data, and what may be in it is listed.
"""

from __future__ import annotations

import logging
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from explorer.backend.models.archives import damaged
from explorer.backend.models.legacy_checks import refuse_old
from explorer.backend.runtime import refusals
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.native_stderr import unlogged
from explorer.errors import UnreadableModel
from explorer.locale import _

Custom = Mapping[str, Any]

MOST_LAYERS = 5000  # Keras's largest networks have some 1,000

# Where Keras keeps what a model is made of; functions only in those that hold nothing but arithmetic.
_BY_NAME_ALONE = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
_FUNCTIONS = (*_BY_NAME_ALONE, "ops")
_CLASSES = (*_FUNCTIONS, "dtype_policies", "layers", "mixed_precision", "models", "optimizers", "quantizers", "random")
_PACKAGES = ("keras", "keras_hub", "keras_cv", "keras_nlp")
_FACTORIES = ("get", "serialize", "deserialize")
_FOREIGN_CODE = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# What Keras makes itself, without looking anywhere for a class.
_PLAIN = ("Functional", "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__", "__ellipsis__")


def check_config(config: Any, custom_objects: Custom | None, name: str) -> dict[str, Any]:
    """Return the custom objects by every name under which the config asks for them.

    name: what to call the file in sentences.
    Raises UnreadableModel for Python code in the config, for functions of Keras that no model is made of, and
    for objects that are neither Keras's nor in `custom_objects` nor registered, naming each.
    """
    known = {**keras.saving.get_custom_objects(), **(custom_objects or {})}
    unknown: dict[str, str] = {}
    layers = 0
    for entry, layer in _entries(config):
        _refuse_senseless(entry, layer, name)
        layers += "name" in (entry.get("config") or ())
        if layers > MOST_LAYERS:
            raise UnreadableModel(
                _("{name} has more than {limit} layers, which Keras would build for minutes: it is not opened.").format(
                    name=name, limit=f"{MOST_LAYERS:,}"
                )
            )
        _refuse_code(entry, layer, name)
        wanted = _wanted(entry)
        bare = wanted.rsplit(">", 1)[-1]
        if bare not in (custom_objects or {}):
            refuse_old(entry, layer, name)
        if wanted in known or bare in known:
            known.setdefault(wanted, known.get(bare))
        elif _is_foreign(entry):
            unknown[_full_name(entry)] = bare
        elif not _is_harmless(entry):
            raise UnreadableModel(
                _("{name} asks for {function}, which is no part of a network and might do harm: it is not opened.").format(
                    name=name, function=_full_name(entry)
                )
            )
    if unknown:
        raise UnreadableModel(
            _("{name} needs {objects}, which this Keras does not have. If they are your own, pass custom_objects={{{example}}}.").format(
                name=name, objects=", ".join(unknown), example=", ".join(f"{bare!r}: {bare}" for bare in dict.fromkeys(unknown.values()))
            )
        )
    return known


def _entries(config: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every object in a config and the name of the layer that it belongs to."""
    left = [(config, "")]
    while left:
        node, layer = left.pop()
        if isinstance(node, list):
            left += [(one, layer) for one in node]
        elif isinstance(node, dict):
            if "class_name" in node:
                inner = node.get("config")
                layer = str(inner.get("name", layer)) if isinstance(inner, dict) else layer
                yield node, layer
            left += [(one, layer) for one in node.values()]


def _refuse_senseless(entry: dict[str, Any], layer: str, name: str) -> None:
    names = [entry["class_name"], *(entry[key] for key in ("module", "registered_name") if entry.get(key) is not None)]
    if not all(isinstance(one, str) for one in [*names, *([entry.get("config")] if names[0] == "function" else [])]):
        raise UnreadableModel(
            _("{name} is damaged: the description of its layer {layer!r} makes no sense. Save it again where it was made.").format(
                name=name, layer=layer
            )
        )


def _refuse_code(entry: dict[str, Any], layer: str, name: str) -> None:
    inner = entry.get("config")
    marshalled = isinstance(inner, dict) and any(isinstance(inner.get(key), list) for key in ("function", "mask"))
    if entry["class_name"] == "__lambda__" or (entry["class_name"] == "Lambda" and marshalled):
        raise UnreadableModel(
            _(
                "{name} holds Python code, the Lambda layer {layer!r}, and code from a file is not run. If you trust it, load it yourself "
                "with keras.saving.load_model(..., safe_mode=False) and hand over the model; better is a layer class of your own "
                "marked @keras.saving.register_keras_serializable() in its place."
            ).format(name=name, layer=layer)
        )
    if entry["class_name"] in _FOREIGN_CODE:
        raise UnreadableModel(
            _("{name} holds a network of another library, the {kind} {layer!r}, whose code is not run from a file.").format(
                name=name, kind=entry["class_name"], layer=layer
            )
        )


def _wanted(entry: dict[str, Any]) -> str:
    """Return the name by which Keras looks for an object among the custom ones."""
    return str(entry.get("config") if entry["class_name"] == "function" else entry.get("registered_name") or entry["class_name"])


def _full_name(entry: dict[str, Any]) -> str:
    name = entry.get("config") if entry["class_name"] == "function" else entry["class_name"]
    module = entry.get("module")
    return str(name) if module in (None, "builtins", "__main__") else f"{module}.{name}"


def _is_foreign(entry: dict[str, Any]) -> bool:
    """Return whether an object is not Keras's: neither one of its own nor of the packages that it looks into by itself."""
    if entry["class_name"] in _PLAIN:
        return False
    package = _module(entry).split(".")[0]
    return package not in _PACKAGES or (package == "keras" and not _found(entry))


def _is_harmless(entry: dict[str, Any]) -> bool:
    """Return whether an object of Keras's is what models are made of: a class to be built, or a function of arithmetic."""
    if entry["class_name"] in _PLAIN:
        return True
    if entry["class_name"] == "function" and _module(entry).split(".")[0] != "keras":
        return False
    for space, found in _found(entry):
        if isinstance(found, type):
            return space in ("", "src", "_legacy", *_CLASSES)
        return space in _FUNCTIONS and callable(found) and getattr(found, "__name__", "") not in _FACTORIES
    return True  # of a package beside Keras, where Keras itself takes classes only that can be saved


def _module(entry: dict[str, Any]) -> str:
    module = entry.get("module")
    return "keras" if module is None or module == "builtins" else str(module)


def _found(entry: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the objects of Keras that an entry may mean, each with the part of Keras that it lies in ("layers")."""
    named = entry.get("module") not in (None, "builtins")
    spaces = _BY_NAME_ALONE if entry["class_name"] == "function" else _CLASSES
    modules = [_module(entry)] if named else [f"keras.{space}" for space in spaces]
    found = []
    for module in modules:
        place: Any = keras
        for part in module.split(".")[1:]:
            place = getattr(place, part, None)
        name = entry.get("config") if entry["class_name"] == "function" else entry["class_name"]
        if hasattr(place, str(name)):
            found.append((f"{module}.".split(".")[1], getattr(place, str(name))))
    return found


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn whatever Keras, h5py and zipfile raise for a file into an UnreadableModel that says what to do: the border of its readers."""
    sentence = _("{name} can't be opened: {why}. It is damaged, or does not fit this Keras: save it again where it was made.")
    with refusals.refusing(UnreadableModel, sentence, name):
        try:
            yield
        except PermissionError as error:
            raise UnreadableModel(_("You may not read {name}.").format(name=name)) from error
        except OSError as error:
            if error.errno is None or isinstance(error.__cause__, RuntimeError):  # h5py's own; it knows no class for it
                raise UnreadableModel(damaged(name)) from error
            raise UnreadableModel(_("{name} can't be read: {why}.").format(name=name, why=error.strerror)) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UnreadableModel(damaged(name)) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what Keras warns of to itself: old arguments, the state of optimizers, the age of .h5 and the like."""
    with unlogged("absl", logging.ERROR), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
