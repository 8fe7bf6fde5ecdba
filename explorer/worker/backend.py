"""The types of what a worker calls for a page: neither the worker nor the page's state imports the implementations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from explorer.values import (
    AdoptedModel,
    AnySpec,
    AudioClip,
    DatasetChange,
    DataSpec,
    DataSummary,
    Example,
    ExampleCard,
    FeatureMaps,
    Layers,
    LoadedModels,
    Misclassification,
    ModelFile,
    NetworkSummary,
    Outcome,
    Predictions,
    PreprocessedInput,
    Probe,
    Recipe,
    ReportProgress,
    RunNews,
    RunRecord,
    ScoresOverTime,
    TakenFile,
    WeightsReport,
)


class Closable(Protocol):
    """An object that holds resources until it is closed."""

    def close(self) -> None:
        """Release all resources."""


class Networks(Closable, Protocol):
    """The methods about networks: which ones are available, how they are opened, and what they compute."""

    def locally_available(self, report_progress: ReportProgress, /) -> frozenset[str]:
        """Return the names of the architectures whose weights are on this machine."""

    def register_live_model(self, spec: AdoptedModel, model: Any, prepare: Any, report_progress: ReportProgress, /) -> AdoptedModel:
        """Take a live model of the user's own; opening `spec` copies it. The only method that takes what is no data."""

    def receive(self, data: bytes, name: str, report_progress: ReportProgress, /) -> ModelFile:
        """Save a model's file from a page; return its spec."""

    def open(self, spec: AnySpec, download: bool, report_progress: ReportProgress, /) -> NetworkSummary:
        """Build or find the network; return what a page needs to know of it.

        Raises DownloadNeeded if its weights are not on this machine and `download` is False.
        """

    def loaded_models(self, report_progress: ReportProgress, /) -> LoadedModels:
        """Return which networks are loaded, the most recently used first, and the memory limit."""

    def view(self, spec: AnySpec, example: Example, report_progress: ReportProgress, /) -> PreprocessedInput:
        """Return the example before and after preprocessing."""

    def random_example(self, spec: AnySpec, seed: int, report_progress: ReportProgress, /) -> Example:
        """Return an example of random values that fit the network's inputs."""

    def predict(self, spec: AnySpec, example: Example, top: int, output: int, report_progress: ReportProgress, /) -> Predictions:
        """Return the predictions of one output for an example."""

    def feature_maps(self, spec: AnySpec, example: Example, layer: str, drawn: bool, report_progress: ReportProgress, /) -> FeatureMaps:
        """Return the feature maps of one layer for an example, with their mosaic where it is to be drawn."""

    def over_time(self, spec: AnySpec, example: Example, first: int, count: int, report_progress: ReportProgress, /) -> ScoresOverTime:
        """Return the scores of `count` windows along a sound, from index `first` on."""

    def clip(self, spec: AnySpec, example: Example, start: float, stop: float, report_progress: ReportProgress, /) -> AudioClip:
        """Return a part of a sound without preprocessing, from `start` to `stop` in seconds."""

    def take(self, spec: AnySpec, what: str, report_progress: ReportProgress, /) -> TakenFile:
        """Return the summary, the topology, the weights or the whole model as a file."""

    def load_weights(self, spec: AnySpec, data: bytes, name: str, by_name: bool, report_progress: ReportProgress, /) -> WeightsReport:
        """Load weights from the bytes of a file into the network; return which layers got weights."""

    def evaluate(self, spec: AnySpec, data: bytes, name: str, report_progress: ReportProgress, /) -> dict[str, float]:
        """Return loss and metrics on the arrays of an .npz file with x and y."""


class Datasets(Protocol):
    """The methods about the datasets of a page."""

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
        /,
    ) -> DataSummary:
        """Return what is in a folder, a file or a built-in set, for a network. Raises UndecidedColumn if a column has to be chosen."""

    def collect(
        self, spec: AnySpec, changes: Sequence[DatasetChange], validation: float, seed: int, report_progress: ReportProgress, /
    ) -> DataSummary | None:
        """Apply changes that were made on a page; return a summary of all collected examples, None for none."""

    def examples(
        self, spec: AnySpec, data: DataSpec, label: str, first: int, count: int, report_progress: ReportProgress, /
    ) -> tuple[tuple[ExampleCard, ...], int]:
        """Return `count` examples of a class from index `first` on, and how many it has."""


class Trainings(Protocol):
    """The methods about freezing and training: how runs begin, and their results."""

    def backbone(self, spec: AnySpec, head_at: str, report_progress: ReportProgress, /) -> Layers:
        """Return the layers up to the features that a new head reads."""

    def probe(self, spec: AnySpec, data: DataSpec, head_at: str, report_progress: ReportProgress, /) -> tuple[Probe, ...]:
        """Return how well a linear classifier on each block's features separates the data."""

    def train(self, spec: AnySpec, data: DataSpec, recipe: Recipe, report_progress: ReportProgress, /) -> str:
        """Start a training in a process of its own; return the key of its run."""

    def resume(self, key: str, report_progress: ReportProgress, /) -> RunRecord:
        """Resume a run that was stopped, is lost or has failed."""

    def delete_run(self, key: str, report_progress: ReportProgress, /) -> None:
        """Delete a run with all its files."""

    def outcome(self, key: str, report_progress: ReportProgress, /) -> Outcome | None:
        """Return the predictions for a run's validation examples; None if it has no result."""

    def held_out(self, key: str, place: int, report_progress: ReportProgress, /) -> bytes:
        """Return a thumbnail (PNG) of a validation example of a run; b"" if it is no picture."""

    def predicted(
        self, key: str, row: int, column: int, count: int, report_progress: ReportProgress, /
    ) -> tuple[tuple[tuple[Misclassification, bytes], ...], int]:
        """Return the first examples in a cell of a run's confusion matrix, each with a thumbnail, and how many there are."""

    def tuned(self, key: str, report_progress: ReportProgress, /) -> ModelFile:
        """Return the spec of a run's tuned network."""

    def take_run(self, key: str, what: str, report_progress: ReportProgress, /) -> TakenFile:
        """Return a file of a run: "model", "history", "script", "notebook", or "bundle" for all that its script needs."""


class Backend(Networks, Datasets, Trainings, Protocol):
    """The model backend as a page's requests reach it: each method takes data, reports its progress and returns data."""


class RunStore(Closable, Protocol):
    """The runs on this machine. The methods take milliseconds; they have a worker of their own, so that none waits for a network."""

    def listed(self, report_progress: ReportProgress, /) -> tuple[RunRecord, ...]:
        """Return the runs that any page lists, the newest first; none if each page lists only its own."""

    def record(self, key: str, report_progress: ReportProgress, /) -> RunRecord:
        """Return a run. Raises UnknownName if there is none, ExplorerError if its settings can't be read."""

    def known(self, keys: Sequence[str], report_progress: ReportProgress, /) -> tuple[tuple[RunRecord, ...], tuple[str, ...]]:
        """Return the runs with these keys, without unreadable ones, and the keys of those that no longer exist."""

    def news(self, key: str, after: int, report_progress: ReportProgress, /) -> RunNews:
        """Return the news of a run from a position in its progress on. Raises UnknownName if there is no such run."""

    def ask_to_stop(self, key: str, report_progress: ReportProgress, /) -> None:
        """Ask the process of a run to stop: it stops within a batch, and keeps the best weights so far."""

    def kill(self, key: str, report_progress: ReportProgress, /) -> None:
        """Kill the process of a run; the run is lost then, and can be resumed from its checkpoint."""
