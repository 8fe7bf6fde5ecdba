"""The security checks of model files before Keras reads them: no code, no links out of the file, no unknown objects.

Keras's own safe mode has been bypassed again and again: with its own functions as gadgets (CVE-2025-1550,
CVE-2025-8747, CVE-2025-9906), the .h5 format (CVE-2025-9905), layers that run code of other libraries
(CVE-2025-49655, CVE-2026-1462), links out of HDF5 files, and files that unpack to far more than their size
(CVE-2026-0897, CVE-2026-1669). So a config is read here as plain data, and checked against a list of what is allowed.
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

# The modules of Keras that hold parts of models; functions are allowed only from those that hold nothing but arithmetic.
_BY_NAME_ALONE = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
_FUNCTIONS = (*_BY_NAME_ALONE, "ops")
_CLASSES = (*_FUNCTIONS, "dtype_policies", "layers", "mixed_precision", "models", "optimizers", "quantizers", "random")
_PACKAGES = ("keras", "keras_hub", "keras_cv", "keras_nlp")
_FACTORIES = ("get", "serialize", "deserialize")
_FOREIGN_CODE = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# Objects that Keras creates without looking up a class.
_PLAIN = ("Functional", "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__", "__ellipsis__")


def check_config(config: Any, custom_objects: Custom | None, name: str) -> dict[str, Any]:
    """Return the custom objects by every name that the config uses for them.

    name: of the file, for the sentences.
    Raises UnreadableModel for Python code in the config, for functions of Keras that aren't part of models, and
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
        lookup_name = _lookup_name(entry)
        bare = lookup_name.rsplit(">", 1)[-1]
        if bare not in (custom_objects or {}):
            refuse_old(entry, layer, name)
        if lookup_name in known or bare in known:
            known.setdefault(lookup_name, known.get(bare))
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
    remaining = [(config, "")]
    while remaining:
        node, layer = remaining.pop()
        if isinstance(node, list):
            remaining += [(child, layer) for child in node]
        elif isinstance(node, dict):
            if "class_name" in node:
                inner = node.get("config")
                layer = str(inner.get("name", layer)) if isinstance(inner, dict) else layer
                yield node, layer
            remaining += [(child, layer) for child in node.values()]


def _refuse_senseless(entry: dict[str, Any], layer: str, name: str) -> None:
    names = [entry["class_name"], *(entry[key] for key in ("module", "registered_name") if entry.get(key) is not None)]
    if not all(isinstance(text, str) for text in [*names, *([entry.get("config")] if names[0] == "function" else [])]):
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


def _lookup_name(entry: dict[str, Any]) -> str:
    """Return the name by which Keras looks up an object among the custom objects."""
    return str(entry.get("config") if entry["class_name"] == "function" else entry.get("registered_name") or entry["class_name"])


def _full_name(entry: dict[str, Any]) -> str:
    name = entry.get("config") if entry["class_name"] == "function" else entry["class_name"]
    module = entry.get("module")
    return str(name) if module in (None, "builtins", "__main__") else f"{module}.{name}"


def _is_foreign(entry: dict[str, Any]) -> bool:
    """Return whether an object isn't from Keras or one of the packages that Keras imports by itself."""
    if entry["class_name"] in _PLAIN:
        return False
    package = _module(entry).split(".")[0]
    return package not in _PACKAGES or (package == "keras" and not _candidates(entry))


def _is_harmless(entry: dict[str, Any]) -> bool:
    """Return whether an object of Keras's may be part of a model: a class to instantiate, or an arithmetic function."""
    if entry["class_name"] in _PLAIN:
        return True
    if entry["class_name"] == "function" and _module(entry).split(".")[0] != "keras":
        return False
    for space, candidate in _candidates(entry):
        if isinstance(candidate, type):
            return space in ("", "src", "_legacy", *_CLASSES)
        return space in _FUNCTIONS and callable(candidate) and getattr(candidate, "__name__", "") not in _FACTORIES
    return True  # from one of Keras's other packages, of which Keras accepts only serializable classes


def _module(entry: dict[str, Any]) -> str:
    module = entry.get("module")
    return "keras" if module is None or module == "builtins" else str(module)


def _candidates(entry: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the objects of Keras that an entry may refer to, as (submodule, object): ("layers", Dense)."""
    named = entry.get("module") not in (None, "builtins")
    spaces = _BY_NAME_ALONE if entry["class_name"] == "function" else _CLASSES
    modules = [_module(entry)] if named else [f"keras.{space}" for space in spaces]
    candidates = []
    for module in modules:
        parent: Any = keras
        for part in module.split(".")[1:]:
            parent = getattr(parent, part, None)
        name = entry.get("config") if entry["class_name"] == "function" else entry["class_name"]
        if hasattr(parent, str(name)):
            candidates.append((f"{module}.".split(".")[1], getattr(parent, str(name))))
    return candidates


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Convert any exception that Keras, h5py or zipfile raises for a file into an UnreadableModel that says what to do."""
    sentence = _("{name} can't be opened: {why}. It is damaged, or does not fit this Keras: save it again where it was made.")
    with refusals.refusing(UnreadableModel, sentence, name):
        try:
            yield
        except PermissionError as error:
            raise UnreadableModel(_("You may not read {name}.").format(name=name)) from error
        except OSError as error:
            if error.errno is None or isinstance(error.__cause__, RuntimeError):  # raised by h5py itself, for damaged files
                raise UnreadableModel(damaged(name)) from error
            raise UnreadableModel(_("{name} can't be read: {why}.").format(name=name, why=error.strerror)) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UnreadableModel(damaged(name)) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Suppress the warnings of Keras about old arguments, the state of optimizers, the age of .h5 and the like."""
    with unlogged("absl", logging.ERROR), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
