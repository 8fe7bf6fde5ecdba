"""A backend that keeps by class what a page collects, and knows the sets that come with explorer; nothing is read."""

from fake_tuning import TuningBackend
from fakes import HeldBackend

from explorer.catalog import DATA_SETS
from explorer.errors import ExplorerError, UndecidedColumn
from explorer.values import DataClass, DataSpec, DataSummary, ExampleCard

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c6360d8e20100015c00e1ebda50a00000000049454e44ae426082"
)


class DataBackend(TuningBackend):
    """`TuningBackend` with the verbs of data. The file b"bad" can't be read, the zip b"bad" and the class "bad" are refused.

    A zip holds two pictures of each of two classes.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.kept, self.groups, self.left_out, self.before, self.copies, self.said = {}, [], [], [], 0, []

    def choose_data(self, spec, source, validation, seed, count, label_column, file_column, _say):
        self.asked.append(("choose_data", spec.name, source, validation, seed, count))
        if source.endswith(".csv"):
            if not label_column:
                raise UndecidedColumn("Which column?", ("breed", "species"))
            columns = (DataClass("cat", 3, 1), DataClass(label_column, 3, 1))
            return DataSummary(DataSpec("csv", source, validation, seed, count, "", label_column, file_column), "image", columns)
        if source not in DATA_SETS:
            raise ExplorerError(f"There is no file or folder {source}.")
        kind, own = DATA_SETS[source].kind, DATA_SETS[source].count
        if kind != self.opened[spec].reading.kind:
            raise ExplorerError(f"This network does not read {source}.")
        half = (count or own) // 2
        held = round(half * validation)
        classes = tuple(DataClass(name, half - held, held, PICTURE) for name in ("dots", "rings"))
        return DataSummary(DataSpec("built-in", source, validation, seed, count), kind, classes)

    def collect(self, spec, changes, validation, seed, _say):
        self.asked.append(("collect", spec.name, tuple((one.what, one.label, one.name) for one in changes), validation, seed))
        for change in changes:
            getattr(self, f"_{change.what}")(change)
        removed = self.before[-1][0] if self.before else ""
        if not self.kept and not removed:
            return None
        held = {label: round(number * validation) for label, number in self.kept.items()}
        classes = tuple(
            DataClass(label, number - held[label], held[label], PICTURE if number else b"") for label, number in sorted(self.kept.items())
        )
        missing = () if sum(map(bool, self.kept.values())) > 1 else ("Add a second class to train.",)
        kind = self.opened[spec].reading.kind
        left_out, notes = tuple(self.left_out), (*self.said, *missing)
        return DataSummary(DataSpec("folder", "/kept", validation, seed), kind, classes, False, left_out, notes, self.copies, removed)

    def examples(self, spec, data, label, first, count, _say):
        self.asked.append(("examples", spec.name, label, first, count))
        number = self.kept.get(label, 30) if data.path == "/kept" else 30
        names = [f"{one}.png" for one in range(number)]
        return tuple(
            ExampleCard(name if data.path == "/kept" else "", name, False, PICTURE) for name in names[first : first + count]
        ), number

    def _class(self, change):
        if change.label == "bad":
            raise ExplorerError("bad is no name.")
        self.kept.setdefault(change.label, 0)

    def _file(self, change):
        self._class(change)
        self.groups.append(change.group)
        if change.data == b"bad":
            self.left_out.append((change.name, f"{change.name} is not a picture."))
        else:
            self.kept[change.label] += 1

    def _zip(self, change):
        if change.data == b"bad":
            raise ExplorerError(f"{change.name} is damaged.")
        for label in ("roses", "tulips"):
            self.kept[label] = self.kept.get(label, 0) + 2

    def _note(self, change):
        self.said.append(change.name)

    def _rename(self, change):
        self.kept[change.name] = self.kept.pop(change.label) + self.kept.get(change.name, 0)

    def _remember(self, said):
        self.before.append((said, dict(self.kept), self.copies))

    def _remove(self, change):
        self._remember(f"The class {change.label} was removed.")
        self.kept.pop(change.label, None)

    def _example(self, change):
        self._remember(f"{change.name} was removed.")
        self.kept[change.label] -= 1

    def _copies(self, _change):
        self._remember(f"{self.copies} copies were removed.")
        self.copies = 0

    def _undo(self, _change):
        _said, self.kept, self.copies = self.before.pop()

    def _clear(self, _change):
        self.kept, self.left_out, self.before = {}, [], []


class HeldDataBackend(DataBackend, HeldBackend):
    """`DataBackend` that holds "collect" back, as `HeldBackend` does, for the networks named in `held`."""

    def collect(self, spec, changes, validation, seed, say):
        self._hold("collect", spec.name)
        return super().collect(spec, changes, validation, seed, say)


def counts(summary):
    """Return how many examples each class has, those that are held out among them."""
    return {one.name: one.training + one.validation for one in summary.classes}
