"""The dataset of a page: examples that are dropped or captured on it, or a path or a built-in set."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from traitlets import Bool, Float, HasTraits, Instance, Int, Unicode, observe, validate

from explorer.errors import UndecidedColumn
from explorer.state.fine_tuning import FineTuningState
from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import AnySpec, DatasetChange, DataSpec, DataSummary, ExampleCard
from explorer.worker.backend import Backend

AT_ONCE = 200  # changes per request; the classes are counted again after each
WEIGHT = 32 * 2**20  # bytes of files per request
MOST = 0.9  # largest share of validation examples
CARDS = 24  # examples of a class that are shown at first, and with each request for more
DATA = "data"  # names the request that reads the data
CHANGE = "dataset"  # names the error of a change: the next change in the queue does not clear it


class DatasetBuilder(HasTraits):
    """The data of a page's fine-tuning, for the network that the session shows.

    No change is lost: changes wait in a queue for each other, and for the network; several are made in one request.

    session: the shared state of the page; errors are reported in its `error_message`.
    fine_tuning: takes the data, as soon as it can be trained on.
    """

    summary = Instance(DataSummary, allow_none=True, help="The data, including classes without examples; None for no data.")
    ready = Bool(False, help="Whether it can be trained on: it has examples of two classes.")
    source = Unicode("", help='A path, or the name of a built-in set; "" for examples collected on the page.')
    count = Int(0, help="How many examples a built-in set has; 0 for its own number.")
    label_column = Unicode("", help='The column of a .csv that holds the classes; "" to find it.')
    file_column = Unicode("", help='The column of a .csv that holds the files; "" to find it.')
    columns = Instance(tuple, args=(), help="Columns of the .csv that may hold the classes, if one has to be chosen.")
    validation = Float(0.2, help="The share of validation examples, 0 to 0.9.")
    seed = Int(0, help="Seed of the validation split, and of the examples of a built-in set.")
    waiting = Int(0, help="How many changes are pending.")
    reading = Bool(False, help="Whether the data is being read.")
    collected = Bool(False, help="Whether anything was collected on the page.")
    label = Unicode("", help="The class whose examples are shown; empty for none.")
    cards = Instance(tuple, args=(), help="The examples that are shown, as ExampleCard.")
    of_label = Int(0, help="How many examples that class has.")

    def __init__(self, session: Session, fine_tuning: FineTuningState) -> None:
        super().__init__()
        self._session, self._fine_tuning, self._key_of = session, fine_tuning, own_keys()
        self._changes = deque[DatasetChange]()
        self._in_request = 0  # number of changes in the current request
        self._stale = False  # the data was read for another network, share, seed or source
        self._network: AnySpec | None = None  # the network that `summary` is for
        session.observe(self._other_network, "network")
        session.loader.observe(self._other_network, "loading_spec")
        fine_tuning.observe(self._resume, "shown")

    def close(self) -> None:
        """Stop observing the session; pending changes are dropped."""
        self._changes.clear()
        with suppress(ValueError):  # closed before
            self._session.unobserve(self._other_network, "network")
            self._session.loader.unobserve(self._other_network, "loading_spec")
            self._fine_tuning.unobserve(self._resume, "shown")

    def add_class(self, label: str) -> None:
        """Add a class without examples."""
        self._change(DatasetChange("class", label))

    def add_file(self, label: str, data: bytes, name: str, group: str = "") -> None:
        """Add an example of a class; examples of one group, such as windows of one recording, stay on the same side of the split."""
        self._change(DatasetChange("file", label, data, name, group))

    def add_zip(self, data: bytes, name: str) -> None:
        """Add the examples in a zip of class folders; classes of the same name are merged."""
        self._change(DatasetChange("zip", data=data, name=name))

    def rename(self, label: str, new: str) -> None:
        """Rename a class; it is merged with a class that has the new name already."""
        self._change(DatasetChange("rename", label, name=new))

    def remove(self, label: str) -> None:
        """Remove a class with all its examples."""
        self._change(DatasetChange("remove", label))

    def remove_example(self, label: str, key: str) -> None:
        """Remove an example of a class, by the key of its card."""
        self._change(DatasetChange("example", label, name=key))

    def remove_copies(self) -> None:
        """Remove duplicate examples within each class."""
        self._change(DatasetChange("copies"))

    def undo(self) -> None:
        """Undo the last removal."""
        self._change(DatasetChange("undo"))

    def look_at(self, label: str) -> None:
        """Show examples of a class; with "" none."""
        self.label, self.cards, self.of_label = label, (), 0
        self._request_cards(CARDS)

    def show_more(self) -> None:
        """Show more examples of the class."""
        self._request_cards(len(self.cards) + CARDS)

    def clear(self) -> None:
        """Remove all examples collected on the page."""
        self._change(DatasetChange("clear"))

    def report_error(self, error: Exception) -> None:
        """Report why something can't become part of the data."""
        self._session.report_error(error, self._key_of(CHANGE))

    def clear_error(self) -> None:
        """Clear what went wrong with an earlier change, as a person asks for another."""
        self._session.errors.clear(self._key_of(CHANGE))

    def add_note(self, text: str) -> None:
        """Add a sentence to the notes on the data."""
        self._change(DatasetChange("note", name=text))

    def choose(self, source: str, count: int = 0, label_column: str = "") -> None:
        """Use the data at a path, a built-in set, or, with "", the examples collected on the page."""
        self._session.errors.clear(self._key_of(DATA), self._key_of(CHANGE))
        self.source, self.count, self.label_column, self.file_column = source, count, label_column, ""
        self._reread()

    def restore(self, spec: DataSpec) -> None:
        """Use the data of a run."""
        if not isinstance(spec.validation, str):  # else a folder of validation examples, for which the page has no field
            self.validation = spec.validation
        self.seed, self.source, self.count = spec.seed, spec.path, spec.count
        self.label_column, self.file_column = spec.label_column, spec.file_column
        self._reread()

    def _change(self, change: DatasetChange) -> None:
        self.source, self.count, self.collected = "", 0, True
        self._changes.append(change)
        self._resume()

    def _other_network(self, _change: Any) -> None:
        network = self._session.network
        if network is not None and self._network is not None and network.spec != self._network:
            self._network, self.ready, self._fine_tuning.data = None, False, None
            self._reread()
        else:
            self._resume()

    @observe("validation", "seed")
    def _reread(self, _change: Any = None) -> None:
        self._stale = self.collected or bool(self.source)
        if not self._stale:
            self._set_summary(None, None)
        self._resume()

    @validate("validation")
    def _a_share(self, proposal: Any) -> float:
        return min(MOST, max(0.0, float(proposal["value"])))

    @validate("seed")
    def _a_seed(self, proposal: Any) -> int:
        return max(0, min(int(proposal["value"]), 2**32 - 1))

    def _resume(self, _change: Any = None) -> None:
        """Make the next changes, or read the data again; not before a network is loaded, or while another one is loading."""
        self.waiting = len(self._changes) + self._in_request
        network = self._session.network
        wanted = self._fine_tuning.shown and (self._changes or self._stale)
        if network is None or self._session.loader.loading_spec is not None or self.reading or not wanted:
            return
        self.reading, self._stale, self.columns = True, False, ()
        changes = self._next()
        self._in_request = len(changes)
        source = "" if changes else self.source
        asked = network.spec, source
        done, failed, submit = partial(self._done, asked), partial(self._failed, asked), self._session.requests.submit
        if source:
            chosen = *asked, self.validation, self.seed, self.count, self.label_column, self.file_column
            submit(self._key_of(DATA), Backend.choose_data, *chosen, on_success=done, on_error=failed)
        else:
            submit(self._key_of(DATA), Backend.collect, network.spec, changes, self.validation, self.seed, on_success=done, on_error=failed)

    def _next(self) -> tuple[DatasetChange, ...]:
        """Take the next changes off the queue: several files, or one change of another kind, as an error would reject all of them."""
        taken = list[DatasetChange]()
        while self._changes and len(taken) < AT_ONCE and sum(len(change.data) for change in taken) <= WEIGHT:
            if taken and not taken[-1].what == "file" == self._changes[0].what:
                break
            taken.append(self._changes.popleft())
        return tuple(taken)

    def _done(self, asked: tuple[AnySpec, str], found: DataSummary | None) -> None:
        self.reading, self._in_request = False, 0
        if asked == self._wanted():
            self._set_summary(asked[0], found)
        else:
            self._stale = True
        self._resume()

    def _failed(self, asked: tuple[AnySpec, str], error: Exception) -> None:
        """Report the error. Changes before the rejected one may have been made; unreadable data counts as no data."""
        if isinstance(error, UndecidedColumn):
            self.columns = error.columns
        else:
            self._session.report_error(error, self._key_of(CHANGE if self._in_request else DATA))
        self._stale = self._stale or self._in_request > 0 or asked != self._wanted()
        self.reading, self._in_request = False, 0
        if not self._stale:
            self._set_summary(asked[0], None)
        self._resume()

    def _wanted(self) -> tuple[AnySpec | None, str]:
        return self._session.network.spec if self._session.network else None, self.source

    def _request_cards(self, count: int) -> None:
        """Request the first `count` examples of the class that is shown."""
        if self.label and self.summary is not None and self._network is not None:
            label, spec = self.label, self.summary.spec

            def still() -> bool:
                return (self.label, self.summary and self.summary.spec) == (label, spec)

            asked = self._network, spec, label, 0, count
            self._session.requests.submit(self._key_of("cards"), Backend.examples, *asked, on_success=self._show_cards, still=still)

    def _show_cards(self, found: tuple[tuple[ExampleCard, ...], int]) -> None:
        self.cards, self.of_label = found

    def _set_summary(self, network: AnySpec | None, found: DataSummary | None) -> None:
        filled = tuple(row for row in found.classes if row.training + row.validation) if found else ()
        self._network, self.summary, self.ready = network, found, len(filled) > 1
        self._fine_tuning.data = replace(found, classes=filled) if found and self.ready else None
        if self.label in {row.name for row in filled}:
            self._request_cards(max(CARDS, len(self.cards)))
        else:
            self.look_at("")
