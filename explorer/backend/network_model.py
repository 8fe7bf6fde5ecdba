"""WholeModel: what Keras itself can do with a network's model: describe, save, load weights, evaluate."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer.backend.evaluation import data as evaluation_data
from explorer.backend.evaluation import evaluate
from explorer.backend.models import files as model_files
from explorer.backend.models import topology, weights
from explorer.backend.models.finite import nonfinite_sentence, unfit_layers
from explorer.backend.models.metadata import ModelCard
from explorer.backend.models.weights import WeightsReport
from explorer.backend.runtime import temporary_files
from explorer.catalog.options import MODEL_ENDINGS
from explorer.errors import AssumptionWarning, ExplorerError
from explorer.locale import _
from explorer.values import AnySpec, InputSpec, TakenFile

Take = Callable[["WholeModel", Path], None]


class WholeModel:
    """The part of a `Network` that is about its Keras model as a whole; `model` itself has all that Keras offers.

    altered: whether `load_weights` gave it other weights than its `spec` says.
    run: the settings and versions of the training that it comes from, as JSON has it; None for a network that was not tuned here.
    """

    unshared_model: Any
    spec: AnySpec
    input_spec: InputSpec
    labels: tuple[tuple[str, str], ...]
    altered = False
    run: Mapping[str, Any] | None = None

    def renew(self) -> None:
        """Compile and read the model anew: it is no longer what it was."""
        raise NotImplementedError

    def _current(self) -> Any:
        """Return what is known of the model as it stands now."""
        raise NotImplementedError

    def name_data(self, name: str) -> None:
        """Keep the name of the data that it was tuned on; its file will tell."""
        self.run = {**(self.run or {}), "data": name}

    @property
    def tuned_from(self) -> tuple[str, str] | None:
        """The network that it was tuned from, and the data, by name, "" for one that is not known; None where it was not tuned here."""
        if self.run is None:
            return None
        network, data = (self.run.get(name, "") for name in ("network", "data"))
        return str(network), str(data)

    def describe(self) -> str:
        """Return `model.summary()` as text."""
        return topology.summary(self.unshared_model)

    def config(self) -> dict[str, Any]:
        """Return `model.get_config()`. Raises ExplorerError for a model whose class does not say how it was made."""
        return topology.config(self.unshared_model)

    def to_json(self) -> str:
        """Return the model's topology as JSON, which `explorer.load` and Keras read. Raises as `config` does."""
        return topology.to_json(self.unshared_model)

    def to_yaml(self) -> str:
        """Return the model's topology as YAML, which `explorer.load` reads. Raises as `config` does."""
        return topology.to_yaml(self.unshared_model)

    def save(self, path: str | Path) -> None:
        """Save the whole model as .keras or .h5, with how it reads pictures and its labels; Keras opens it as any other.

        A `preprocess` that is a function is left out: it is code, not data.
        Raises ExplorerError where it can't be saved.
        """
        labels = tuple(label for _id, label in self.labels)
        model_files.save_model(
            self.unshared_model, path, ModelCard(self.input_spec.named_preprocess_mode, labels, self.spec.name, run=self.run)
        )

    def save_weights(self, path: str | Path) -> None:
        """Save the weights as .weights.h5, or as .h5 in the layout of Keras 2."""
        weights.save_weights(self.unshared_model, path)

    def load_weights(self, path: str | Path, by_name: bool = False) -> WeightsReport:
        """Load weights from a .weights.h5, .h5 or .keras file and return which layers they reached.

        by_name: load only into layers that have the same name in the file; else the file must fit as a whole.
        Warns (AssumptionWarning) of weights that are no numbers.
        Raises ExplorerError where it does not fit; then nothing has changed.
        """
        try:
            report = weights.load_weights(self.unshared_model, path, by_name)
            report = replace(report, unfit=unfit_layers(self.unshared_model))
            self.altered = True
        finally:  # a file that does not fit may have brought its statistics before Keras found out
            self.renew()
        if report.unfit:
            warnings.warn(nonfinite_sentence(report.unfit), AssumptionWarning, stacklevel=2)
        return report

    def evaluate(self, x: Any, y: Any, batch_size: int = 32) -> dict[str, float]:
        """Return loss and metrics on data as the model reads it: arrays, or dicts of them by input and output.

        The model's own compiled loss and metrics count; without them they are chosen by its last activation.
        Raises ExplorerError for data that does not fit the model.
        """
        self._current()
        return evaluate.evaluate(self.unshared_model, x, y, batch_size)

    def evaluate_file(self, path: str | Path, batch_size: int = 32) -> dict[str, float]:
        """Return what `evaluate` does for the arrays of an .npz file: x and y, or x_<input> and y_<output>."""
        return self.evaluate(*evaluation_data.read_data(path), batch_size)

    def take(self, what: str) -> TakenFile:
        """Return one of `TAKEN` as a file: its name and bytes. Raises ExplorerError where the model has no such thing."""
        if what not in TAKEN:
            raise ExplorerError(_("There is no {what} to take away; there are {known}.").format(what=what, known=", ".join(TAKEN)))
        ending, write = TAKEN[what]
        with temporary_files.folder() as folder:
            path = Path(folder) / f"{_stem(self.spec.name)}{ending}"
            write(self, path)
            return TakenFile(path.name, path.read_bytes())


def _stem(name: str) -> str:
    """Return the beginning of a file's name: what the network is called, or the file that it came from."""
    bare = name.removesuffix(Path(name).suffix) if name.lower().endswith(MODEL_ENDINGS) else name
    return re.sub(r"[^\w.+-]+", "_", bare)[:50] or "model"


def _text(of: Callable[[WholeModel], str]) -> Take:
    def write(model: WholeModel, path: Path) -> None:
        path.write_text(of(model), encoding="utf-8")

    return write


TAKEN: dict[str, tuple[str, Take]] = {
    "summary": ("-summary.txt", _text(WholeModel.describe)),
    "json": (".json", _text(WholeModel.to_json)),
    "yaml": (".yaml", _text(WholeModel.to_yaml)),
    "config": ("-config.json", _text(lambda whole: topology.as_text(whole.config()))),
    "weights": (".weights.h5", WholeModel.save_weights),
    "weights_h5": ("-weights.h5", WholeModel.save_weights),
    "keras": (".keras", WholeModel.save),
    "h5": (".h5", WholeModel.save),
}
