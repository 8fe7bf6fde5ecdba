"""The options of the architectures, as the Keras Applications guides give them: checked, before anything is built.

The result is a spec: data that says which network to build. Sizes and limits are those of today's Keras.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from explorer.catalog import SPECTROGRAMS, Architecture, architectures
from explorer.catalog.keras_home import setting
from explorer.catalog.option_rules import check_pretrained, check_size, check_together
from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _
from explorer.values import ModelFile, NetworkSpec

POOLINGS = ("avg", "max")
DATA_FORMATS = ("channels_last", "channels_first")
CONVENTIONS = ("tf", "caffe", "torch", "unit", "none", "digit", *SPECTROGRAMS)
MODEL_ENDINGS = (".keras", ".h5", ".hdf5", ".json", ".yaml", ".yml")
DEFAULTS: Mapping[str, Any] = {
    "weights": "pretrained",
    "include_top": True,
    "input_shape": None,
    "pooling": None,
    "classes": None,
    "alpha": 1.0,
    "depth_multiplier": 1,
    "dropout": None,
    "data_format": None,
}
OF_MODELS = ("input_tensor", "preprocess", "labels", "custom_objects")  # what else `explorer.load` takes


def spec(architecture: str, weights: str | os.PathLike[str] | None = "pretrained", **options: Any) -> NetworkSpec:
    """Return the checked spec of a network of the table; `explorer.load` describes the options.

    Raises UnknownName for an architecture that is not in the table, ExplorerError for options that it
    does not take or that don't go together, each saying what would be allowed.
    """
    row = architectures[architecture]
    _check_names(row, options)
    include_top = _switch("include_top", options.get("include_top", True))
    weights, stamp = _weights(row, weights)
    wanted = NetworkSpec(
        row.name,
        weights,
        include_top,
        _input_shape(options.get("input_shape")),
        _one_of("pooling", options.get("pooling"), POOLINGS),
        _whole("classes", options.get("classes")),
        _number("alpha", options.get("alpha", 1.0), above=0, below=10),
        _whole("depth_multiplier", options.get("depth_multiplier", 1)) or 1,
        None if options.get("dropout") is None else _number("dropout", options["dropout"], least=0, below=1),
        _one_of("data_format", options.get("data_format"), DATA_FORMATS) or _usual_format(row),
        stamp,
    )
    check_together(row, wanted)
    check_size(row, wanted)
    if weights == row.weights:
        check_pretrained(row, wanted)
    return wanted


def spec_of(source: str | os.PathLike[str], **options: Any) -> NetworkSpec | ModelFile:
    """Return the spec of a name in the table, or of a model's file.

    Raises as `spec` does, and UnknownName where there is neither such an architecture nor such a file.
    """
    if isinstance(source, str) and source in architectures:
        return spec(source, **options)
    text = os.fspath(source)
    named_as_file = isinstance(source, os.PathLike) or text.lower().endswith(MODEL_ENDINGS)
    if not named_as_file and (not text.strip() or _there(text) is None):
        raise UnknownName(
            _("There is neither an architecture nor a file {name!r}.{near} explorer.architectures lists them all.").format(
                name=text, near=near(text, architectures)
            )
        )
    return model_file(text, **options)


def model_file(path: str, preprocess: str | None = None, labels: Iterable[str] | None = None, **others: Any) -> ModelFile:
    """Return the spec of a model's file: a path to .keras, .h5, .json or .yaml.

    preprocess: one of `CONVENTIONS`, or None for what the file says.
    Raises UnknownName where there is no such file, ExplorerError for options that only an architecture takes.
    """
    refuse_options(others)
    found = _there(path)
    if found is None:
        raise UnknownName(_("There is no model file {path}.").format(path=path))
    return ModelFile(str(found.resolve()), stamp_of(found), found.name, preprocess_mode(preprocess), checked_labels(labels))


def refuse_options(options: Mapping[str, Any]) -> None:
    """Raise ExplorerError where an option of the architectures, or an unknown one, is given for a model of the user's own."""
    for name, value in options.items():
        if name not in DEFAULTS:
            raise _no_option(name)
        if value != DEFAULTS[name]:
            raise ExplorerError(_("{name} is for the architectures of the table; a model of your own is taken as it is.").format(name=name))


def _no_option(name: str) -> ExplorerError:
    return ExplorerError(_("There is no option {name}.{near}").format(name=name, near=near(name, (*DEFAULTS, *OF_MODELS))))


def preprocess_mode(preprocess: str | None) -> str | None:
    """Return the named way of preparing pictures, or None. Raises ExplorerError for any other."""
    return _one_of("preprocess", preprocess, CONVENTIONS)


def checked_labels(labels: Iterable[str] | None) -> tuple[str, ...]:
    """Return the names of the classes as a tuple of texts; empty for None. Raises ExplorerError where they are none.

    labels: in order, or a mapping from each name to its number, as Keras's `class_indices` is.
    """
    if isinstance(labels, Mapping):
        numbered = sorted(labels.values(), key=str) == sorted(range(len(labels)), key=str)
        labels = sorted(labels, key=labels.__getitem__) if numbered else labels.values()
    listed = isinstance(labels, Iterable) and not isinstance(labels, str | set | frozenset)
    texts = list(labels) if listed and labels is not None else None
    if labels is not None and (texts is None or not all(isinstance(label, str) for label in texts)):
        raise ExplorerError(_("labels must be a list of texts, one a class."))
    return tuple(map(str, texts or ()))


def stamp_of(path: Path) -> str:
    """Return what changes when the file's content does: its size and the time of its last change."""
    facts = path.stat()
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _there(text: str | os.PathLike[str]) -> Path | None:
    """Return the path of a file or folder that is there; None for any other text, also one that can be no path."""
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):  # too long, with a zero, of a user that there isn't
        return None


def _usual_format(row: Architecture) -> str:
    """Return the order of axes that keras.json sets, where the architecture can be built so."""
    wanted = setting("image_data_format", "channels_last")
    return "channels_first" if wanted == "channels_first" and row.channels_first else "channels_last"


def _check_names(row: Architecture, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name == "blocks":
            raise ExplorerError(
                _("Today's Keras no longer takes blocks; DenseNet121, DenseNet169 and DenseNet201 are the three that the guides had.")
            )
        if name in ("preprocess", "labels"):
            raise ExplorerError(
                _("{name} is for models of your own; {architecture} brings its own.").format(name=name, architecture=row.name)
            )
        if name not in DEFAULTS:
            raise _no_option(name)
        if name == "depth_multiplier" and row.name == "MobileNetV2" and value != 1:
            raise ExplorerError(_("Today's Keras no longer takes depth_multiplier for MobileNetV2; alpha sets its width."))
        if name in ("alpha", "depth_multiplier", "dropout") and name not in row.options and value != DEFAULTS[name]:
            taking = [other.name for other in architectures.values() if name in other.options]
            raise ExplorerError(
                _("{name} takes no {option}; that is for {others}.").format(name=row.name, option=name, others=", ".join(taking))
            )


def _weights(row: Architecture, weights: Any) -> tuple[str | None, str]:
    """Return the weights as a set's name, None or an absolute path, with the stamp of that file."""
    if weights is None or weights == row.weights:
        return weights, ""
    if weights == "pretrained":
        return row.weights, ""
    if isinstance(weights, str | os.PathLike):
        file = Path(os.path.expanduser(weights))
        if os.path.isfile(file):
            return str(file.resolve()), stamp_of(file)
        if isinstance(weights, os.PathLike) or file.suffix or len(file.parts) > 1:
            raise ExplorerError(_("There is no weights file {path}.").format(path=file))
    raise ExplorerError(
        _("{name} has no weights {weights!r}: use {own!r}, the path of a file (.weights.h5, .h5, .keras), or None for random ones.").format(
            name=row.name, weights=weights, own=row.weights
        )
    )


def _input_shape(shape: Any) -> tuple[int | None, int | None, int | None] | None:
    if shape is None:
        return None
    fits = isinstance(shape, tuple | list) and len(shape) == 3
    if not fits or not all(size is None or _is_count(size) for size in shape):
        raise ExplorerError(_("input_shape must be three whole numbers, such as (160, 160, 3), not {shape!r}.").format(shape=shape))
    first, second, third = (None if size is None else int(size) for size in shape)
    return first, second, third


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExplorerError(_("{name} must be True or False, not {value!r}.").format(name=name, value=value))
    return value


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str | None:
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise ExplorerError(
        _("{name} must be {allowed} or None, not {value!r}.").format(name=name, allowed=", ".join(map(repr, allowed)), value=value)
    )


def _whole(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if not _is_count(value):
        raise ExplorerError(_("{name} must be a whole number of 1 or more, not {value!r}.").format(name=name, value=value))
    return int(value)


def _number(name: str, value: Any, below: float, above: float | None = None, least: float | None = None) -> float:
    right = isinstance(value, Real) and not isinstance(value, bool) and value < below
    if right and (above is None or value > above) and (least is None or value >= least):
        return float(value)
    start = _("above {number}").format(number=above) if above is not None else _("{number} or more").format(number=least)
    raise ExplorerError(
        _("{name} must be a number, {start} and below {below}, not {value!r}.").format(name=name, start=start, below=below, value=value)
    )
