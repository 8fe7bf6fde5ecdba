"""Where weights are and whether they are here; no Keras, so that a page can ask before TensorFlow is loaded."""

from __future__ import annotations

import os
import re
from pathlib import Path

from explorer.catalog import BUNDLED, Architecture, WeightsFile, architectures
from explorer.errors import ExplorerError, WeightsUnavailable
from explorer.locale import _
from explorer.values import NetworkSpec


def keras_home() -> Path:
    """Return the folder of Keras's settings and files: KERAS_HOME, else ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def folder(row: Architecture) -> Path:
    """Return the folder that the weights files of an architecture belong in: the package's own or Keras's cache."""
    if row.bundled:
        return BUNDLED
    return keras_home() / "models"


def path(spec: NetworkSpec) -> Path:
    """Return where the weights file of `spec` is or would be."""
    row = architectures[spec.architecture]
    return folder(row) / row.file(spec.include_top, spec.alpha).name


def at_hand() -> frozenset[str]:
    """Return the names of the architectures whose default weights are on this machine."""
    return frozenset(name for name, row in architectures.items() if (folder(row) / row.files[0].name).is_file())


def size_of(file: WeightsFile) -> str:
    """Return the size of a weights file in words: whole MB, as the Keras guides print it."""
    return _("size unknown") if file.size is None else _("{size} MB").format(size=round(file.size / 2**20))


def classes_unavailable(row: Architecture, why: Exception) -> WeightsUnavailable:
    """Return the error for class names that are not here and could not be downloaded."""
    return WeightsUnavailable(
        _("The names of the classes of {name} could not be downloaded ({reason}). Put imagenet_class_index.json into {folder}.").format(
            name=row.name, reason=in_short(why), folder=folder(row)
        )
    )


def refusal(spec: NetworkSpec, here: bool, why: Exception) -> ExplorerError:
    """Return the error for a network that Keras could not build.

    here: whether its weights file was on this machine before.
    """
    row, reason = architectures[spec.architecture], in_short(why)
    if spec.weights is None:
        return ExplorerError(_("{name} can't be built with these options; Keras says: {why}.").format(name=row.name, why=reason))
    file = row.file(spec.include_top, spec.alpha)
    if here:
        return ExplorerError(
            _("{path} does not hold the weights of {name}: {why}. Delete it, and load again to download it anew.").format(
                path=path(spec), name=row.name, why=reason
            )
        )
    return WeightsUnavailable(
        _(
            "The weights of {name} are not on this machine and could not be downloaded ({reason}). "
            "Put {file} ({size}) into {folder}, or use weights=None for random weights."
        ).format(name=row.name, reason=reason, file=file.name, size=size_of(file), folder=folder(row))
    )


def in_short(why: Exception) -> str:
    """Return the point of an error from Keras: its first line without the address and number that come before the reason."""
    first = (str(why).splitlines() or [""])[0]
    return re.sub(r"^\[Errno [^\]]*\] ", "", first.rsplit(" -- ", 1)[-1]).rstrip(".") or type(why).__name__
