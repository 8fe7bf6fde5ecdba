"""The methods that a worker calls for fine-tuning; like the others of `Backend` they take data and return data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import runs
from explorer.backend.service_networks import HeldNetworks
from explorer.catalog.options import model_file
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.runs.serialization import HISTORY, TUNED
from explorer.values import (
    AnySpec,
    DatasetChange,
    DataSpec,
    DataSummary,
    ExampleCard,
    Layers,
    Misclassification,
    ModelFile,
    Outcome,
    Probe,
    Progress,
    Recipe,
    RunRecord,
    TakenFile,
)

if TYPE_CHECKING:
    from explorer.backend.datasets.page_uploads import CollectedFolder
    from explorer.backend.network import Network
    from explorer.values import ReportProgress

FILES = {"model": TUNED, "history": HISTORY}


class FineTuningMethods:
    """The methods of fine-tuning: where to freeze, datasets, runs and their results; `networks` are the loaded ones."""

    def __init__(self, networks: HeldNetworks) -> None:
        self.networks = networks
        self._data: tuple[Any, Any] | None = None  # the network and spec of the data read last, and the data
        self._collected: CollectedFolder | None = None  # the examples collected on the page

    def backbone(self, spec: AnySpec, head_at: str, report_progress: ReportProgress) -> Layers:
        """Return the layers up to the features that a new head reads."""
        network = self.networks.network(spec, report_progress)
        from explorer.backend.fine_tuning.heads import backbone_table

        return backbone_table(network, head_at)

    def choose_data(
        self,
        spec: AnySpec,
        source: str,
        validation: float | str,
        seed: int,
        count: int,
        label_column: str,
        file_column: str,
        report_progress: ReportProgress,
    ) -> DataSummary:
        """Return what is in a folder, a file or a built-in set, for a network. Raises UndecidedColumn if a column has to be chosen."""
        from explorer.backend.datasets.specs import data_spec
        from explorer.backend.datasets.summary import summary

        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Reading {name}…").format(name=Path(source).name)))
        data = data_spec(source, validation, seed, count, label_column, file_column)
        return summary(data, self._training_data(network, data), network.input_spec)

    def collect(
        self, spec: AnySpec, changes: Sequence[DatasetChange], validation: float, seed: int, report_progress: ReportProgress
    ) -> DataSummary | None:
        """Apply changes that were made on a page; return a summary of all collected examples, None for none."""
        from explorer.backend.datasets.page_uploads import CollectedFolder

        network = self.networks.network(spec, report_progress)
        self._collected = self._collected or CollectedFolder()
        self._collected.apply(changes)
        found: DataSummary | None = self._collected.summary(network.input_spec, validation, seed)
        return found

    def examples(
        self, spec: AnySpec, data: DataSpec, label: str, first: int, count: int, report_progress: ReportProgress
    ) -> tuple[tuple[ExampleCard, ...], int]:
        """Return `count` examples of a class from index `first` on, and how many it has."""
        from explorer.backend.datasets.cards import cards

        network = self.networks.network(spec, report_progress)
        if self._collected is not None and self._collected.holds(data):
            found: tuple[tuple[ExampleCard, ...], int] = self._collected.examples(label, first, count, network.input_spec)
            return found
        return cards(self._training_data(network, data), label, first, count, network.input_spec)

    def probe(self, spec: AnySpec, data: DataSpec, head_at: str, report_progress: ReportProgress) -> tuple[Probe, ...]:
        """Return how well a linear classifier on each block's features separates the data."""
        from explorer.backend.fine_tuning.linear_probes import probe

        network = self.networks.network(spec, report_progress)

        def progress(done: int, total: int) -> None:
            text = _("Probing the blocks…")
            report_progress(Progress(text, done / total if total else None, cancellable=True))

        return probe(network, self._training_data(network, data), head_at, progress)

    def train(self, spec: AnySpec, data: DataSpec, recipe: Recipe, report_progress: ReportProgress) -> str:
        """Start a training in a process of its own; return the key of its run."""
        network = self.networks.network(spec, report_progress)
        from explorer.backend.fine_tuning.start import new_run

        report_progress(Progress(_("Starting the training…")))
        copy_data = self._collected is not None and self._collected.holds(data)
        copy_data = copy_data or Path(data.path).is_relative_to(runs.home())  # kept with another run, which may be deleted
        key = new_run(network, data, recipe, copy_data)
        runs.start(key)
        return key

    def resume(self, key: str, _report_progress: ReportProgress) -> RunRecord:
        """Resume a run that was stopped, is lost or has failed."""
        runs.resume(key)
        return runs.record(key)

    def delete_run(self, key: str, _report_progress: ReportProgress) -> None:
        """Delete a run with all its files."""
        runs.delete(key)

    def outcome(self, key: str, _report_progress: ReportProgress) -> Outcome | None:
        """Return the predictions for a run's validation examples; None if it has no result."""
        found = runs.result(key)
        return found.outcome if found else None

    def held_out(self, key: str, place: int, report_progress: ReportProgress) -> bytes:
        """Return a thumbnail (PNG) of a validation example of a run; b"" if it is no picture.

        Raises ExplorerError if the data has changed and no longer has that example.
        """
        from explorer.backend.datasets.summary import thumbnail

        network, data, _recipe = self._of_run(key, report_progress)
        if place >= len(data.validation):
            raise ExplorerError(_("The data of this run has changed since it was trained: this example is gone."))
        return thumbnail(data.validation[place].example, network.input_spec)

    def predicted(
        self, key: str, row: int, column: int, count: int, report_progress: ReportProgress
    ) -> tuple[tuple[tuple[Misclassification, bytes], ...], int]:
        """Return the first examples in a cell of a run's confusion matrix, each with a thumbnail, and how many there are.

        row, column: as `results.examples_in` takes them.
        """
        from explorer.backend.datasets.summary import thumbnail
        from explorer.backend.fine_tuning.results import examples_in

        network, data, _recipe = self._of_run(key, report_progress)
        outcome = self.outcome(key, report_progress)
        examples = examples_in(outcome, data, row, column) if outcome else ()
        return tuple((example, thumbnail(data.validation[example.place].example, network.input_spec)) for example in examples[:count]), len(
            examples
        )

    def tuned(self, key: str, _report_progress: ReportProgress) -> ModelFile:
        """Return the spec of a run's tuned network."""
        return model_file(str(runs.file(key, TUNED)))

    def take_run(self, key: str, what: str, report_progress: ReportProgress) -> TakenFile:
        """Return a file of a run: "model", "history", "script", "notebook", or "bundle" for all that its script needs."""
        if what in FILES:
            file = runs.file(key, FILES[what])
            return TakenFile(f"{runs.record(key).settings.network.name}-{file.name}", file.read_bytes())
        from explorer.backend.fine_tuning import export_bundle

        network, data, recipe = self._of_run(key, report_progress)
        report_progress(Progress(_("Writing the file…")))
        if what == "bundle":
            return export_bundle.bundle(network, data, recipe, runs.record(key))
        text, ending = (export_bundle.notebook, ".ipynb") if what == "notebook" else (export_bundle.script, ".py")
        return TakenFile(f"fine_tune{ending}", text(network, data, recipe).encode())

    def _of_run(self, key: str, report_progress: ReportProgress) -> tuple[Network, Any, Recipe]:
        """Return the network, the data and the recipe of a run."""
        settings = runs.record(key).settings
        network = self.networks.network(settings.network, report_progress)
        return network, self._training_data(network, settings.data), settings.recipe

    def _training_data(self, network: Network, spec: DataSpec) -> Any:
        """Return the data of a spec; the last one is cached."""
        from explorer.backend.datasets.loader import training_data

        key = (network.spec, spec)
        if self._data is None or self._data[0] != key:
            self._data = key, training_data(spec, network.input_spec)
        return self._data[1]
