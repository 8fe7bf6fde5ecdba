"""The reading of examples: the requested one, and the first one for a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from explorer.catalog import BUNDLED, architectures
from explorer.state.requests import Requests
from explorer.values import Example, NetworkSummary, PreprocessedInput
from explorer.worker.backend import Backend

SAMPLES = BUNDLED / "samples"
EXAMPLE = "example"  # the key of the request that reads one


class ExampleLoader:
    """Reads examples for the network that is shown; if that fails, the former example stays.

    requests: goes to the backend; sample: the name of the bundled sample to begin with.
    on_read: takes the example, and the preprocessed input.
    on_refused: called if it can't be read, with a fallback; None to keep the former example.
    """

    def __init__(
        self,
        requests: Requests[Backend],
        sample: str | None,
        on_read: Callable[[Example, PreprocessedInput], None],
        on_refused: Callable[[Callable[[], None] | None], None],
    ) -> None:
        self._requests, self._sample = requests, sample
        self._on_read, self._on_refused = on_read, on_refused
        self._network: NetworkSummary | None = None
        self._pending: Example | None = None  # requested, and not yet read
        self._last: dict[str, Example] = {}  # the last example by kind

    def last(self, kind: str) -> Example | None:
        """Return the example of a kind that was shown last."""
        return self._last.get(kind)

    def show_first(self, network: NetworkSummary, shown: Example | None) -> None:
        """Show the current example if it may suit the network, else the first of the network's own samples."""
        self._network = network
        example = self._pending or shown
        if self._pending and isinstance(self._pending.data, bytes):
            example = replace(self._pending, kind=network.input_spec.kind)  # it was dropped before the network was loaded
        self._pending = None
        if example is None or example.kind != network.input_spec.kind or (_is_of_samples(example) and example.name not in network.samples):
            self._show_own(network)
        else:
            self.show(example, otherwise=partial(self._show_own, network))

    def show(self, example: Example, otherwise: Callable[[], None] | None = None) -> None:
        """Show the example, as soon as a network is loaded; if it can't be read, `otherwise` is called."""
        self._pending = example
        if self._network is None:
            return
        self._requests.supersede("random", "predictions", "feature maps")
        read, refused = partial(self._read, example), partial(self._refused, example, otherwise)
        self._requests.submit(EXAMPLE, Backend.view, self._network.spec, example, on_success=read, on_error=refused)

    def show_random(self, seed: int, otherwise: Callable[[], None] | None = None) -> None:
        """Show random values that fit the inputs of the network."""
        if self._network is not None:
            show = partial(self.show, otherwise=otherwise)
            self._requests.submit("random", Backend.random_example, self._network.spec, seed, on_success=show, about=EXAMPLE)

    def _show_own(self, network: NetworkSummary) -> None:
        """Show the first of the network's own samples, or random values."""
        if network.samples:
            name = self._sample if self._sample in network.samples else network.samples[0]
            self.show(Example(network.input_spec.kind, sample_bytes(name), name), otherwise=_do_nothing)
        else:
            self.show_random(0, otherwise=_do_nothing)

    def _read(self, example: Example, preprocessed: PreprocessedInput) -> None:
        self._pending = None
        self._last[example.kind] = example
        self._on_read(example, preprocessed)

    def _refused(self, example: Example, otherwise: Callable[[], None] | None, error: Exception) -> None:
        self._pending = None
        self._on_refused(otherwise)
        if isinstance(example.data, bytes):  # nobody requested the random values of the former network
            self._requests.errors.report(error, EXAMPLE)  # after that: showing another example would clear it


def sample_bytes(name: str) -> bytes:
    """Return the bytes of a bundled sample."""
    return (SAMPLES / name).read_bytes()


def is_sample(name: str) -> bool:
    """Whether a bundled sample has this name."""
    return any(name in row.samples for row in architectures.values())


def _is_of_samples(example: Example) -> bool:
    """Whether the example is a bundled sample, and not a file of the user's own with the name of one."""
    return is_sample(example.name) and example.data == sample_bytes(example.name)


def _do_nothing() -> None:
    """Keep the state: the network's own example could not be read."""
