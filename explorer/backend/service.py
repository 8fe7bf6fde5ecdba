"""Backend: the methods that a worker calls; no logic of its own."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.backend.runtime import temporary_files
from explorer.backend.service_fine_tuning import FineTuningMethods
from explorer.backend.service_networks import HeldNetworks
from explorer.backend.weights import cache
from explorer.catalog.options import model_file
from explorer.errors import DownloadNeeded
from explorer.locale import _
from explorer.rendering.feature_maps import with_mosaic
from explorer.values import (
    AdoptedModel,
    AnySpec,
    AudioClip,
    Example,
    FeatureMaps,
    LoadedModels,
    ModelFile,
    NetworkSpec,
    NetworkSummary,
    Predictions,
    PreprocessedInput,
    Progress,
    ScoresOverTime,
    TakenFile,
)

if TYPE_CHECKING:
    from explorer.backend.models.weights import WeightsReport
    from explorer.values import ReportProgress


class Backend(FineTuningMethods):
    """The methods that a worker calls: each takes data, reports its progress to `report_progress` and returns data.

    activation_memory: bytes of activations to cache for the network used last; None for the default, 256 MB.
    memory: bytes of weights to keep loaded; the least recently used networks are released first, the newest always stays.
        None for EXPLORER_MEMORY in MB, else 1024 MB.
    """

    def __init__(self, activation_memory: int | None = None, memory: int | None = None) -> None:
        super().__init__(HeldNetworks(activation_memory, memory))
        self._folder: str | None = None
        temporary_files.clear()

    def close(self) -> None:
        """Release all networks and live models."""
        self.networks.close()

    def locally_available(self, _report_progress: ReportProgress) -> frozenset[str]:
        """Return the names of the architectures whose weights are on this machine."""
        return cache.locally_available()

    def register_live_model(self, spec: AdoptedModel, model: Any, prepare: Any, _report_progress: ReportProgress) -> AdoptedModel:
        """Take a live model of the user's own; opening `spec` copies it. The only method that takes what is no data."""
        self.networks.register_live_model(spec, model, prepare)
        return spec

    def receive(self, data: bytes, name: str, _report_progress: ReportProgress) -> ModelFile:
        """Save a model's file from a page in a folder that only this process knows; return its spec."""
        if self._folder is None:
            self._folder = str(temporary_files.make())
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        folder = tempfile.mkdtemp(dir=self._folder)
        path = Path(folder) / _file_name(name)
        path.write_bytes(data)
        return model_file(str(path))

    def open(self, spec: AnySpec, download: bool, report_progress: ReportProgress) -> NetworkSummary:
        """Build or find the network; return what a page needs to know of it.

        Raises DownloadNeeded if its weights are not on this machine and `download` is False.
        """
        if isinstance(spec, NetworkSpec) and spec not in self.networks and not download and not cache.here(spec):
            raise DownloadNeeded(str(cache.missing(spec)))
        summary = self.networks.original(spec, report_progress).summary()  # it is opened with its original weights
        return replace(summary, file_size=cache.file_size(spec))

    def loaded_models(self, _report_progress: ReportProgress) -> LoadedModels:
        """Return which networks are loaded, the most recently used first, and the memory limit."""
        return self.networks.loaded_models

    def view(self, spec: AnySpec, example: Example, report_progress: ReportProgress) -> PreprocessedInput:
        """Return the example before and after preprocessing."""
        report_progress(Progress(_("Reading {name}…").format(name=example.name)))
        return self.networks.network(spec, report_progress).inputs.view(example)

    def random_example(self, spec: AnySpec, seed: int, report_progress: ReportProgress) -> Example:
        """Return an example of random values that fit the network's inputs."""
        return self.networks.network(spec, report_progress).inputs.random_example(seed)

    def predict(self, spec: AnySpec, example: Example, top: int, output: int, report_progress: ReportProgress) -> Predictions:
        """Return the predictions of one output for an example."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Computing the predictions…")))
        return network.scores.of_output(example, top, output, with_layers=True)  # whose feature maps are requested next

    def feature_maps(self, spec: AnySpec, example: Example, layer: str, drawn: bool, report_progress: ReportProgress) -> FeatureMaps:
        """Return the feature maps of one layer for an example.

        drawn: whether with their mosaic, which is drawn here and not on the page's thread.
        """
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Computing the feature maps…")))
        maps = network.inside.maps(example, layer)
        return with_mosaic(maps) if drawn else maps

    def over_time(self, spec: AnySpec, example: Example, first: int, count: int, report_progress: ReportProgress) -> ScoresOverTime:
        """Return the scores of `count` windows along a sound, from index `first` on."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Listening along {name}…").format(name=example.name)))
        return network.audio.over_time(example, first=first, count=count)

    def clip(self, spec: AnySpec, example: Example, start: float, stop: float, report_progress: ReportProgress) -> AudioClip:
        """Return a part of a sound without preprocessing, from `start` to `stop` in seconds."""
        return self.networks.network(spec, report_progress).clip(example, start, stop)

    def take(self, spec: AnySpec, what: str, report_progress: ReportProgress) -> TakenFile:
        """Return the summary, the topology, the weights or the whole model as a file."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Writing the file…")))
        return network.files.take(what)

    def load_weights(self, spec: AnySpec, data: bytes, name: str, by_name: bool, report_progress: ReportProgress) -> WeightsReport:
        """Load weights from the bytes of a file into the network; return which layers got weights."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Reading {name}…").format(name=name)))
        with self._saved(data, name) as path:
            return network.load_weights(path, by_name)

    def evaluate(self, spec: AnySpec, data: bytes, name: str, report_progress: ReportProgress) -> dict[str, float]:
        """Return loss and metrics on the arrays of an .npz file with x and y."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Evaluating on {name}…").format(name=name)))
        with self._saved(data, name) as path:
            return network.evaluate_file(path)

    @contextmanager
    def _saved(self, data: bytes, name: str) -> Iterator[Path]:
        """Save the bytes of a file while it is read, under its own name, as the suffix tells its format."""
        with temporary_files.folder() as folder:
            path = Path(folder) / _file_name(name)
            path.write_bytes(data)
            yield path


def _file_name(name: str) -> str:
    """Return a safe file name with the same suffix; a page can send any text."""
    plain = re.sub(r"[^\w. ()-]", "_", Path(name).name)[-60:]
    return plain if plain.strip(". ") else "file"
