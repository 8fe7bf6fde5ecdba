"""Backend: what a worker can ask for, by name; no logic of its own."""

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
    """Does a worker's verbs; each takes data, says its progress to `report_progress` and returns data.

    activation_memory: bytes of activations to remember for the network looked into; None for the default, 256 MB.
    memory: bytes of weights to hold; the networks used longest ago go first, the newest always stays. None
        for what EXPLORER_MEMORY says in MB, else 1024 MB.
    """

    def __init__(self, activation_memory: int | None = None, memory: int | None = None) -> None:
        super().__init__(HeldNetworks(activation_memory, memory))
        self._folder: str | None = None
        temporary_files.clear()

    def close(self) -> None:
        """Let go of all networks and live models."""
        self.networks.close()

    def locally_available(self, _report_progress: ReportProgress) -> frozenset[str]:
        """Return the names of the architectures whose weights are on this machine."""
        return cache.locally_available()

    def register_live_model(self, spec: AdoptedModel, model: Any, prepare: Any, _report_progress: ReportProgress) -> AdoptedModel:
        """Take a live model of the user's own; opening `spec` copies it. The one verb that takes what is no data."""
        self.networks.register_live_model(spec, model, prepare)
        return spec

    def receive(self, data: bytes, name: str, _report_progress: ReportProgress) -> ModelFile:
        """Keep a model's file that came through a page, in a folder that only this process knows; return its spec."""
        if self._folder is None:
            self._folder = str(temporary_files.make())
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        folder = tempfile.mkdtemp(dir=self._folder)
        path = Path(folder) / _file_name(name)
        path.write_bytes(data)
        return model_file(str(path))

    def open(self, spec: AnySpec, download: bool, report_progress: ReportProgress) -> NetworkSummary:
        """Build or find the network; return what a page needs to know of it.

        Raises DownloadNeeded where its weights are not on this machine and `download` is False.
        """
        if isinstance(spec, NetworkSpec) and spec not in self.networks and not download and not cache.here(spec):
            raise DownloadNeeded(str(cache.missing(spec)))
        summary = self.networks.anew(spec, report_progress).summary()  # a network is opened as it came
        return replace(summary, file_size=cache.file_size(spec))

    def loaded_models(self, _report_progress: ReportProgress) -> LoadedModels:
        """Return which networks are held, the one used last first, and within what bound."""
        return self.networks.loaded_models

    def view(self, spec: AnySpec, example: Example, report_progress: ReportProgress) -> PreprocessedInput:
        """Return the example as it came and as the network sees it."""
        report_progress(Progress(_("Reading {name}…").format(name=example.name)))
        return self.networks.network(spec, report_progress).inputs.view(example)

    def random_example(self, spec: AnySpec, seed: int, report_progress: ReportProgress) -> Example:
        """Return an example of random values that fit the network's inputs."""
        return self.networks.network(spec, report_progress).inputs.random_example(seed)

    def predict(self, spec: AnySpec, example: Example, top: int, output: int, report_progress: ReportProgress) -> Predictions:
        """Return the answers of one output to an example."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Computing the answers…")))
        return network.scores.of_output(example, top, output, with_layers=True)  # whose maps are asked for next

    def feature_maps(self, spec: AnySpec, example: Example, layer: str, drawn: bool, report_progress: ReportProgress) -> FeatureMaps:
        """Return the feature maps of one layer for an example.

        drawn: whether with their mosaic, which is drawn here and not on the page's thread.
        """
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Computing the feature maps…")))
        maps = network.inside.maps(example, layer)
        return with_mosaic(maps) if drawn else maps

    def over_time(self, spec: AnySpec, example: Example, first: int, count: int, report_progress: ReportProgress) -> ScoresOverTime:
        """Return the answers to `count` windows along a sound, from the one numbered `first` on."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Listening along {name}…").format(name=example.name)))
        return network.audio.over_time(example, first=first, count=count)

    def clip(self, spec: AnySpec, example: Example, start: float, stop: float, report_progress: ReportProgress) -> AudioClip:
        """Return a stretch of a sound as it came, from `start` to `stop` in seconds."""
        return self.networks.network(spec, report_progress).clip(example, start, stop)

    def take(self, spec: AnySpec, what: str, report_progress: ReportProgress) -> TakenFile:
        """Return the summary, the topology, the weights or the whole model as a file."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Writing the file…")))
        return network.files.take(what)

    def load_weights(self, spec: AnySpec, data: bytes, name: str, by_name: bool, report_progress: ReportProgress) -> WeightsReport:
        """Load weights from the bytes of a file into the network; return which layers they reached."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Reading {name}…").format(name=name)))
        with self._kept(data, name) as path:
            return network.load_weights(path, by_name)

    def evaluate(self, spec: AnySpec, data: bytes, name: str, report_progress: ReportProgress) -> dict[str, float]:
        """Return loss and metrics on the arrays of an .npz file with x and y."""
        network = self.networks.network(spec, report_progress)
        report_progress(Progress(_("Evaluating on {name}…").format(name=name)))
        with self._kept(data, name) as path:
            return network.evaluate_file(path)

    @contextmanager
    def _kept(self, data: bytes, name: str) -> Iterator[Path]:
        """Keep the bytes of a file while it is read, under its own name: its ending says what it is."""
        with temporary_files.folder() as folder:
            path = Path(folder) / _file_name(name)
            path.write_bytes(data)
            yield path


def _file_name(name: str) -> str:
    """Return the name as a file here may have it, its ending kept; a page can send any text."""
    plain = re.sub(r"[^\w. ()-]", "_", Path(name).name)[-60:]
    return plain if plain.strip(". ") else "file"
