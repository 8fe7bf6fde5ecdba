"""The loading of networks: which one is loaded, and how another replaces it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from traitlets import HasTraits, Instance

from explorer.catalog.options import checked_labels, preprocess_mode, spec, spec_of
from explorer.errors import DownloadNeeded, ExplorerError
from explorer.locale import _
from explorer.state.requests import Requests
from explorer.values import AdoptedModel, AnySpec, LoadedModels, ModelFile, NetworkSpec, NetworkSummary
from explorer.worker.backend import Backend

PREFERRED = "MobileNetV2"
ALWAYS_THERE = "digits"

OPENING = "network"  # the key of the request that opens a network

_keys = count(1)


class NetworkLoader(HasTraits):
    """Opens networks; knows which one is loading, which one has to be downloaded first, and which ones are available.

    requests: goes to the backend; on_opened: takes the network that was opened.
    """

    loading_spec = Instance(object, allow_none=True, help="The spec of the network that is being loaded.")
    download_prompt = Instance(NetworkSpec, allow_none=True, help="A network whose weights have to be downloaded first.")
    loaded_models = Instance(LoadedModels, args=((), 0), help="The networks that the worker holds.")
    locally_available = Instance(frozenset, args=(), help="The architectures whose weights are on this machine.")

    def __init__(self, requests: Requests[Backend], on_opened: Callable[[NetworkSummary], None]) -> None:
        super().__init__()
        self._requests, self._on_opened = requests, on_opened
        self._loaded: AnySpec | None = None  # the network that was opened last
        self._live: dict[int, tuple[Any, Any]] = {}  # live models and their preprocess functions, by key
        self._registered = set[tuple[int, int]]()  # keys and versions of the live models that the worker has
        self._left: Any = None  # the network that was loaded or loading when this was closed

    def begin(self, source: Any, preprocess: Any, labels: Sequence[str]) -> None:
        """Open the first network of a page, as `Session` describes it. Raises ExplorerError if `source` is none."""
        wanted = None if source is None else self._spec_of(source, preprocess, labels)
        self._look_for_weights(partial(self._begin, wanted), partial(self._begin_without, wanted))

    def open(self, source: str, **options: Any) -> None:
        """Load an architecture with its options, or a model's file, as `explorer.load` takes them.

        `network` changes once it is loaded; if its weights have to be downloaded first, `download_prompt` changes
        instead, and `download` accepts it. Errors are reported in `error_message`.
        """
        self._open_spec(spec_of, source, **options)

    def open_file(self, data: bytes, name: str) -> None:
        """Load the model in the bytes of a .keras, .h5, .json or .yaml file."""
        name = last_part(name)
        self.loading_spec, self.download_prompt = ModelFile(name, "", name), None
        self._requests.submit(OPENING, Backend.receive, data, name, on_success=self._open, on_error=self._not_opened)

    def open_again(self, wanted: AnySpec) -> None:
        """Load the network of a spec, such as that of a run, unless it is loaded or loading."""
        if wanted != (self.loading_spec or self._loaded):
            self._open(wanted)

    def register_live_model(self, model: Any, preprocess: Any = None, labels: Sequence[str] = ()) -> None:
        """Show a live Keras model of your own, as `explorer.load` takes it; it is copied."""
        self._open_spec(self._adopted, model, preprocess, labels)

    def refresh(self) -> None:
        """Copy the live model again, as it is now."""
        if isinstance(self._loaded, AdoptedModel):
            self._open_spec(replace, self._loaded, version=self._loaded.version + 1)

    def read_as(self, preprocess: str | None, labels: Sequence[str] = ()) -> None:
        """Set the preprocessing of a model of the user's own by the name of a preprocess_mode, and name its classes.

        preprocess: None for the mode that the model file names, or a guess.
        """
        if self._loaded is not None and not isinstance(self._loaded, NetworkSpec):
            self._open_spec(_read_as, self._loaded, preprocess, labels)

    def look_for_weights(self) -> None:
        """Update which architectures' weights are on this machine: files may have been added since."""
        self._look_for_weights(partial(setattr, self, "locally_available"))

    def download(self) -> None:
        """Accept `download_prompt`: download the weights and load the network."""
        if self.download_prompt is not None:
            self._open(self.download_prompt, download=True)

    def open_with_random_weights(self) -> None:
        """Load the network of `download_prompt` with random weights instead."""
        if self.download_prompt is not None:
            self._open_spec(replace, self.download_prompt, weights=None)

    def decline(self) -> None:
        """Decline `download_prompt`."""
        self.download_prompt = None

    def cancel(self) -> None:
        """Cancel the network that is being loaded."""
        if self.loading_spec is not None:
            self._requests.supersede("adopted", OPENING)
            self._fall_back()
            self._requests.update_busy()

    def leave(self) -> None:
        """Remember the network that is loaded or loading, as the worker releases all that it holds."""
        self._left = self._loaded if self.loading_spec is None else self.loading_spec
        self._registered.clear()
        self.loading_spec = None

    def come_back(self) -> None:
        """Open the network that `leave` has remembered, before a later request."""
        if self._left is not None:
            self._open(self._left)

    def _look_for_weights(self, on_success: Callable[[frozenset[str]], None], on_error: Callable[[Exception], None] | None = None) -> None:
        self._requests.submit("locally available", Backend.locally_available, on_success=on_success, on_error=on_error)

    def _begin(self, wanted: AnySpec | None, locally_available: frozenset[str]) -> None:
        self.locally_available = locally_available
        if self._loaded is None and self.loading_spec is None:
            self._open(wanted or spec(PREFERRED if PREFERRED in locally_available else ALWAYS_THERE))

    def _begin_without(self, wanted: AnySpec | None, error: Exception) -> None:
        self._requests.errors.report(error, "locally available")
        self._begin(wanted, frozenset())

    def _spec_of(self, source: Any, preprocess: Any, labels: Sequence[str]) -> AnySpec:
        """Return the spec of any source that a page may begin with."""
        if isinstance(source, str | os.PathLike):
            given = {name: value for name, value in (("preprocess", preprocess), ("labels", labels)) if value}
            return spec_of(source, **given)
        return self._adopted(source, preprocess, labels)

    def _adopted(self, model: Any, preprocess: Any, labels: Sequence[str]) -> AdoptedModel:
        """Return the spec of a live model; the model itself is given to the worker when it is opened."""
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
        """Open the spec that `make` returns, or report its error."""
        try:
            wanted = make(*arguments, **options)
        except ExplorerError as error:
            self._requests.errors.report(error, OPENING)
        else:
            self._open(wanted)

    def _open(self, wanted: AnySpec, download: bool = False, download_prompt: NetworkSpec | None = None) -> None:
        self.loading_spec, self.download_prompt = wanted, download_prompt
        if isinstance(wanted, AdoptedModel):
            self._register(wanted)
        self._requests.submit(OPENING, Backend.open, wanted, download, on_success=self._opened, on_error=self._not_opened)

    def _register(self, adopted: AdoptedModel) -> None:
        """Give a live model to the worker, unless it has this version."""
        version = adopted.key, adopted.version
        if version not in self._registered:
            model, prepare = self._live[adopted.key]
            registered = partial(self._registered.add, version)
            self._requests.submit("adopted", Backend.register_live_model, adopted, model, prepare, on_success=lambda _adopted: registered())

    def _opened(self, network: NetworkSummary) -> None:
        self._loaded = network.spec
        try:
            self._on_opened(network)
        finally:
            self.loading_spec = None  # only now: what waits for it would still see the former network
        self._requests.submit("loaded models", Backend.loaded_models, on_success=partial(setattr, self, "loaded_models"))
        self.look_for_weights()

    def _not_opened(self, error: Exception) -> None:
        if isinstance(error, DownloadNeeded) and isinstance(self.loading_spec, NetworkSpec):
            self.download_prompt = self.loading_spec
            self._fall_back()
        else:
            self._fall_back()
            self._requests.errors.report(error, OPENING)  # after that: opening another network would clear it

    def _fall_back(self) -> None:
        """Keep the network that is loaded; without one, open the one that needs no download, and keep error and prompt."""
        failed, self.loading_spec = self.loading_spec, None
        always_there = spec(ALWAYS_THERE)
        if self._loaded is None and failed != always_there:
            self._open(always_there, download_prompt=self.download_prompt)


def last_part(name: str) -> str:
    """Return the last part of a name from a browser, which may hold a path; it is shown, and never used as a path."""
    return Path(name.replace("\\", "/")).name or _("the file")


def _read_as(own: ModelFile | AdoptedModel, preprocess: str | None, labels: Sequence[str]) -> ModelFile | AdoptedModel:
    return replace(own, preprocess=preprocess_mode(preprocess), labels=checked_labels(labels))
