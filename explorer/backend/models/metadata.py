"""The metadata that explorer adds to a model file: explorer.json inside a .keras, an attribute of an .h5. No Keras.

Keras opens such files like any other; it drops the card when it saves them again.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.backend.runtime.refusals import refusing
from explorer.catalog.options import CONVENTIONS
from explorer.errors import ExplorerError
from explorer.locale import _

MEMBER = "explorer.json"
ATTRIBUTE = "explorer"
LARGEST = 4 * 2**20  # bytes


@dataclass(frozen=True)
class ModelCard:
    """How a model preprocesses pictures, the names of its classes, its own name, and how it was trained.

    preprocess: "tf" (to -1..1), "caffe" (BGR, minus the ImageNet mean), "torch" (minus the ImageNet mean, divided by its
        standard deviation), "unit" (0..1), "none" (0..255), "digit" (grey ink on black, 0..1) or None if unknown.
    labels: one for each class, in the order of the scores; empty if unknown.
    run: the settings and versions of the training that it comes from, as parsed JSON; None if unknown.
    note: a sentence about a card that could not be understood; "" if there is nothing to say.
    """

    preprocess: str | None = None
    labels: tuple[str, ...] = ()
    name: str = ""
    note: str = ""
    run: Mapping[str, Any] | None = None


def read_card(path: str | Path) -> ModelCard | None:
    """Return the card in a model file, None if it has none or isn't a model file.

    A card that is not understood doesn't prevent the model from being opened: an empty card with a `note` is returned.
    """
    path = Path(path).expanduser()
    try:
        with refusing(ExplorerError, _("it is not valid JSON, or damaged"), path.name):
            text = _text(path)
            return None if text is None else _parsed(json.loads(text))
    except ExplorerError as error:
        sentence = _("The labels and the preprocessing in {name} are not understood: {why}.")
        return ModelCard(note=sentence.format(name=path.name, why=error))


def check_card(card: ModelCard) -> None:
    """Raise ExplorerError for a card that could not be read back."""
    _parsed(json.loads(as_json(card)))


def as_json(card: ModelCard) -> str:
    """Return a card as the JSON that is written into a file."""
    content: dict[str, Any] = {"preprocess": card.preprocess, "labels": list(card.labels), "name": card.name}
    if card.run is not None:
        content["run"] = card.run
    return json.dumps(content, ensure_ascii=False, indent=1)


def _text(path: Path) -> bytes | str | None:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return None
            return archive.read(MEMBER) if archive.getinfo(MEMBER).file_size <= LARGEST else b""
    import h5py  # few files need it, and the import is slow

    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path, "r") as file:
        text = file.attrs.get(ATTRIBUTE)
        return text if isinstance(text, bytes | str) else None


def _parsed(content: Any) -> ModelCard:
    if not isinstance(content, dict):
        raise ExplorerError(_("it is not a JSON object"))
    preprocess, labels, name, run = content.get("preprocess"), content.get("labels", []), content.get("name", ""), content.get("run")
    if preprocess is not None and preprocess not in CONVENTIONS:
        raise ExplorerError(
            _("preprocess is {preprocess!r}, and may be {known}").format(preprocess=preprocess, known=", ".join(CONVENTIONS))
        )
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ExplorerError(_("labels is not a list of names"))
    if not isinstance(name, str):
        raise ExplorerError(_("name is not a text"))
    if run is not None and not isinstance(run, dict):
        raise ExplorerError(_("run is not a JSON object"))
    return ModelCard(preprocess, tuple(labels), name, run=run)
