"""NetworkFiles: the Keras model of a network as a whole: it is described and saved, and weights are loaded into it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer.backend.models import files as model_files
from explorer.backend.models import topology, weights
from explorer.backend.models.finite import nonfinite_sentence, unfit_layers
from explorer.backend.models.metadata import ModelCard
from explorer.backend.models.weights import WeightsReport
from explorer.backend.network_inputs import NetworkInputs
from explorer.backend.network_state import ModelState
from explorer.backend.runtime import temporary_files
from explorer.catalog.options import MODEL_ENDINGS
from explorer.errors import AssumptionWarning, ExplorerError
from explorer.locale import _
from explorer.values import TakenFile

Take = Callable[["NetworkFiles", Path], None]


class NetworkFiles:
    """The part of a network that is about its whole Keras model: description, saving, and loading weights.

    altered: whether `load_weights` replaced the weights that its `spec` names.
    run: the settings and versions of the training that it comes from, as JSON has it; None for a network that was not tuned here.
    """

    def __init__(self, state: ModelState, inputs: NetworkInputs) -> None:
        self.altered = False
        self.run: Mapping[str, Any] | None = None
        self._state = state
        self._inputs = inputs

    def name_data(self, name: str) -> None:
        """Keep the name of the data that it was tuned on, for the file that it is saved to."""
        self.run = {**(self.run or {}), "data": name}

    @property
    def tuned_from(self) -> tuple[str, str] | None:
        """The network that it was tuned from, and the data, by name, "" for an unknown one; None if it was not tuned here."""
        if self.run is None:
            return None
        network, data = (self.run.get(name, "") for name in ("network", "data"))
        return str(network), str(data)

    def describe(self) -> str:
        """Return `model.summary()` as text."""
        return topology.summary(self._state.model)

    def config(self) -> dict[str, Any]:
        """Return `model.get_config()`. Raises ExplorerError for a model whose class does not say how it was made."""
        return topology.config(self._state.model)

    def to_json(self) -> str:
        """Return the model's topology as JSON, which `explorer.load` and Keras read. Raises as `config` does."""
        return topology.to_json(self._state.model)

    def to_yaml(self) -> str:
        """Return the model's topology as YAML, which `explorer.load` reads. Raises as `config` does."""
        return topology.to_yaml(self._state.model)

    def save(self, path: str | Path) -> None:
        """Save the whole model, with its preprocessing and its labels, as `Network.save` does."""
        labels = tuple(label for _id, label in self._state.labels)
        model_files.save_model(
            self._state.model, path, ModelCard(self._inputs.input_spec.named_preprocess_mode, labels, self._state.spec.name, run=self.run)
        )

    def save_weights(self, path: str | Path) -> None:
        """Save the weights as .weights.h5, or as .h5 in the layout of Keras 2."""
        weights.save_weights(self._state.model, path)

    def load_weights(self, path: str | Path, by_name: bool = False) -> WeightsReport:
        """Load weights as `Network.load_weights` does; warnings name the line that called it."""
        try:
            report = weights.load_weights(self._state.model, path, by_name)
            report = replace(report, unfit=unfit_layers(self._state.model))
            self.altered = True
        finally:  # a file that does not fit may have brought its statistics before Keras found out
            self._state.renew()
        if report.unfit:
            warnings.warn(nonfinite_sentence(report.unfit), AssumptionWarning, stacklevel=3)
        return report

    def take(self, what: str) -> TakenFile:
        """Return one of `TAKEN` as a file: its name and bytes. Raises ExplorerError if the model has no such file."""
        if what not in TAKEN:
            raise ExplorerError(_("There is no {what} to take away; there are {known}.").format(what=what, known=", ".join(TAKEN)))
        ending, write = TAKEN[what]
        with temporary_files.folder() as folder:
            path = Path(folder) / f"{_stem(self._state.spec.name)}{ending}"
            write(self, path)
            return TakenFile(path.name, path.read_bytes())


def _stem(name: str) -> str:
    """Return the stem of a file's name: the name of the network, or of its own file."""
    bare = name.removesuffix(Path(name).suffix) if name.lower().endswith(MODEL_ENDINGS) else name
    return re.sub(r"[^\w.+-]+", "_", bare)[:50] or "model"


def _text(of: Callable[[NetworkFiles], str]) -> Take:
    def write(files: NetworkFiles, path: Path) -> None:
        path.write_text(of(files), encoding="utf-8")

    return write


TAKEN: dict[str, tuple[str, Take]] = {
    "summary": ("-summary.txt", _text(NetworkFiles.describe)),
    "json": (".json", _text(NetworkFiles.to_json)),
    "yaml": (".yaml", _text(NetworkFiles.to_yaml)),
    "config": ("-config.json", _text(lambda files: topology.as_text(files.config()))),
    "weights": (".weights.h5", NetworkFiles.save_weights),
    "weights_h5": ("-weights.h5", NetworkFiles.save_weights),
    "keras": (".keras", NetworkFiles.save),
    "h5": (".h5", NetworkFiles.save),
}
