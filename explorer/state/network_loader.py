"""Opening: which network is loaded, and how another one takes its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from traitlets import Instance

from explorer.catalog.options import checked_labels, preprocess_mode, spec, spec_of
from explorer.errors import DownloadNeeded, ExplorerError
from explorer.locale import _
from explorer.state.requests import Requests
from explorer.values import AdoptedModel, AnySpec, LoadedModels, ModelFile, NetworkSpec, NetworkSummary
from explorer.worker.queue import AnyWorker

PREFERRED = "MobileNetV2"
ALWAYS_THERE = "digits"

_keys = count(1)


class NetworkLoader(Requests):
    """The network that is loaded, the one that is being loaded, and the one that would have to be downloaded first.

    source, preprocess, labels, worker: as `Session` describes them.
    """

    network = Instance(NetworkSummary, allow_none=True, help="The network that is loaded.")
    loading_spec = Instance(object, allow_none=True, help="The spec of the network that is being loaded.")
    download_prompt = Instance(NetworkSpec, allow_none=True, help="A network whose weights would have to be downloaded first.")
    loaded_models = Instance(LoadedModels, args=((), 0), help="The networks that the worker holds.")
    locally_available = Instance(frozenset, args=(), help="The architectures whose weights are on this machine.")

    def __init__(self, source: Any, preprocess: Any, labels: Sequence[str], worker: AnyWorker | None) -> None:
        self._live: dict[int, tuple[Any, Any]] = {}  # models that were adopted, and how they read pictures, by their key
        self._handed = set[tuple[int, int]]()  # which of them, and in which versions, the worker was given
        self._left: Any = None  # the network that was shown or on its way when this was closed
        wanted = None if source is None else self._spec_of(source, preprocess, labels)
        super().__init__(worker)
        self.submit("at hand", "locally_available", done=partial(self._begin, wanted), failed=partial(self._begin_without, wanted))

    def open(self, source: str, **options: Any) -> None:
        """Load an architecture with its options, or a model's file, as `explorer.load` takes them.

        `network` changes when it is there; where its weights would have to be downloaded, `download_prompt` changes
        instead, and `download` accepts it. What can't be opened ends in `error_message`.
        """
        self._open_spec(spec_of, source, **options)

    def open_file(self, data: bytes, name: str) -> None:
        """Load the model in the bytes of a .keras, .h5, .json or .yaml file."""
        name, self.error_message = last_part(name), ""
        self.loading_spec, self.download_prompt = ModelFile(name, "", name), None
        self.submit("network", "receive", data, name, done=self._open, failed=self._not_opened)

    def open_again(self, wanted: AnySpec) -> None:
        """Load the network of a spec, such as that of a run, unless it is shown or on its way."""
        shown = self.network.spec if self.network is not None else None
        if wanted != (self.loading_spec or shown):
            self.error_message = ""
            self._open(wanted)

    def register_live_model(self, model: Any, preprocess: Any = None, labels: Sequence[str] = ()) -> None:
        """Show a live Keras model of your own, as `explorer.load` takes it; a copy of it is looked into."""
        self._open_spec(self._adopted, model, preprocess, labels)

    def refresh(self) -> None:
        """Copy the adopted model again, as it is now."""
        adopted = self.network and self.network.spec
        if isinstance(adopted, AdoptedModel):
            self._open_spec(replace, adopted, version=adopted.version + 1)

    def read_as(self, preprocess: str | None, labels: Sequence[str] = ()) -> None:
        """Prepare pictures for a model of the user's own by a named convention, and name its classes.

        preprocess: None for the way that the model came with, or a guess.
        """
        if self.network is not None and not isinstance(self.network.spec, NetworkSpec):
            self._open_spec(_read_as, self.network.spec, preprocess, labels)

    def look_for_weights(self) -> None:
        """See anew which architectures' weights are on this machine: files may have come since."""
        self.submit("at hand", "locally_available", done=partial(setattr, self, "locally_available"))

    def download(self) -> None:
        """Accept what `download_prompt` says: download the weights and load the network."""
        if self.download_prompt is not None:
            self.error_message = ""
            self._open(self.download_prompt, download=True)

    def open_with_random_weights(self) -> None:
        """Answer `download_prompt` by loading the network as it is before training."""
        if self.download_prompt is not None:
            self._open_spec(replace, self.download_prompt, weights=None)

    def decline(self) -> None:
        """Put the offer away."""
        self.download_prompt = None

    def cancel(self) -> None:
        """Give up the network that is being loaded."""
        if self.loading_spec is not None:
            self._cancel("adopted", "network")
            self._make_do()
            self._update_busy()

    def close(self) -> None:
        """Let go of the networks; where something is asked later on, the one that was shown is opened again."""
        if not self._closed:
            self._left = self.loading_spec if self.network is None or self.loading_spec is not None else self.network.spec
            self._handed.clear()
            self.loading_spec = None
        super().close()

    def _bring_back(self) -> None:
        if self._left is not None:
            self._open(self._left)

    def _begin(self, wanted: AnySpec | None, locally_available: frozenset[str]) -> None:
        self.locally_available = locally_available
        if self.network is None and self.loading_spec is None:
            self._open(wanted or spec(PREFERRED if PREFERRED in locally_available else ALWAYS_THERE))

    def _begin_without(self, wanted: AnySpec | None, error: Exception) -> None:
        self.report_error(error)
        self._begin(wanted, frozenset())

    def _spec_of(self, source: Any, preprocess: Any, labels: Sequence[str]) -> AnySpec:
        """Return the spec of whatever a page may begin with."""
        if isinstance(source, str | os.PathLike):
            given = {name: value for name, value in (("preprocess", preprocess), ("labels", labels)) if value}
            return spec_of(source, **given)
        return self._adopted(source, preprocess, labels)

    def _adopted(self, model: Any, preprocess: Any, labels: Sequence[str]) -> AdoptedModel:
        """Return the spec of a live model; the model itself is handed over when it is opened."""
        name = getattr(model, "name", None)
        prepare = preprocess if callable(preprocess) else None
        adopted = AdoptedModel(
            next(_keys),
            0,
            name if isinstance(name, str) else type(model).__name__,
            None if prepare else preprocess_mode(preprocess),
            checked_labels(labels),
        )
        self._live[adopted.key] = model, prepare
        return adopted

    def _open_spec(self, make: Callable[..., AnySpec], /, *arguments: Any, **options: Any) -> None:
        """Open the spec that `make` returns, or say why it refuses."""
        self.error_message = ""
        try:
            wanted = make(*arguments, **options)
        except ExplorerError as error:
            self.report_error(error)
        else:
            self._open(wanted)

    def _open(self, wanted: AnySpec, download: bool = False, download_prompt: NetworkSpec | None = None) -> None:
        self.loading_spec, self.download_prompt = wanted, download_prompt
        if isinstance(wanted, AdoptedModel):
            self._hand_over(wanted)
        self.submit("network", "open", wanted, download, done=self._opened, failed=self._not_opened)

    def _hand_over(self, adopted: AdoptedModel) -> None:
        """Hand a live model to the worker, unless it has it in this version."""
        one = adopted.key, adopted.version
        if one not in self._handed:
            self.submit("adopted", "register_live_model", adopted, *self._live[adopted.key], done=lambda _adopted: self._handed.add(one))

    def _opened(self, network: NetworkSummary) -> None:
        self.loading_spec = None
        self.network = network
        self.submit("loaded_models", "loaded_models", done=partial(setattr, self, "loaded_models"))
        self.look_for_weights()

    def _not_opened(self, error: Exception) -> None:
        if isinstance(error, DownloadNeeded) and isinstance(self.loading_spec, NetworkSpec):
            self.download_prompt = self.loading_spec
        else:
            self.report_error(error)
        self._make_do()

    def _make_do(self) -> None:
        """Stay with the network that is there; where there is none, open the one that always is, beside what was said and offered."""
        given_up, self.loading_spec = self.loading_spec, None
        always_there = spec(ALWAYS_THERE)
        if self.network is None and given_up != always_there:
            self._open(always_there, download_prompt=self.download_prompt)


def last_part(name: str) -> str:
    """Return the last part of a name from a browser, which may hold a path; it is shown, and never used as a path."""
    return Path(name.replace("\\", "/")).name or _("the file")


def _read_as(own: ModelFile | AdoptedModel, preprocess: str | None, labels: Sequence[str]) -> ModelFile | AdoptedModel:
    return replace(own, preprocess=preprocess_mode(preprocess), labels=checked_labels(labels))
