"""A network deep enough to be frozen somewhere, and a backend that knows where; nothing is computed."""

from contextlib import contextmanager

from fakes import PICTURES, FakeBackend, HeldBackend, layer, network

from explorer.errors import ExplorerError, UnknownName
from explorer.recipe.freeze_plan import block_ends
from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import DataClass, DataSpec, DataSummary, Layers, Probe
from explorer.worker.queue import Worker


def chain(*rows):
    """Return layers, each of which reads the one before; the last of a row's facts is how many parameters train."""
    return Layers(
        layer(index, *facts, inputs=rows[index - 1][:1] if index else (), trainable_parameters=trained)
        for index, (*facts, trained) in enumerate(rows)
    )


DEEP = chain(
    ("image", "input", "InputLayer", "stem", (8, 6, 3), 0, 0),
    ("block_1_conv", "convolution", "Conv2D", "block_1", (8, 6, 4), 112, 112),
    ("block_1_norm", "normalisation", "BatchNormalization", "block_1", (8, 6, 4), 16, 8),
    ("block_1_relu", "activation", "ReLU", "block_1", (8, 6, 4), 0, 0),
    ("block_2_conv", "convolution", "Conv2D", "block_2", (4, 3, 8), 296, 296),
    ("block_2_norm", "normalisation", "BatchNormalization", "block_2", (4, 3, 8), 32, 16),
    ("block_2_relu", "activation", "ReLU", "block_2", (4, 3, 8), 0, 0),
    ("block_3_conv", "convolution", "Conv2D", "block_3", (4, 3, 10), 730, 730),
    ("block_3_norm", "normalisation", "BatchNormalization", "block_3", (4, 3, 10), 40, 20),
    ("pool", "pooling", "GlobalAveragePooling2D", "top", (10,), 0, 0),
    ("predictions", "dense", "Dense", "top", (4,), 44, 44),
)
BACKBONE = Layers(DEEP[:9])
SPEC = DataSpec("built-in", "patterns")
DATA = DataSummary(SPEC, "image", tuple(DataClass(name, 30, 10) for name in ("dots", "rings", "stripes")))


def deep(spec):
    return network(spec, PICTURES, DEEP)


class FineTuningBackend(FakeBackend):
    """`FakeBackend` with the verbs of fine-tuning; every network of its own is as deep as `DEEP`."""

    def __init__(self, **options):
        super().__init__(**options)
        self.networks = {"digits": deep, **self.networks}

    def backbone(self, spec, head_at, _report_progress):
        self.asked.append(("backbone", spec.name, head_at))
        return self._backbone(spec, head_at)

    def _backbone(self, spec, head_at=""):
        layers = self.opened[spec].layers
        if head_at and head_at not in layers:
            raise UnknownName(f"There is no layer {head_at!r}.")
        end = layers.find(head_at).index + 1 if head_at else next(row.index for row in layers if row.block == "top")
        return Layers(layers[:end])

    def probe(self, spec, data, _head_at, _report_progress):
        self.asked.append(("probe", spec.name, data.path))
        if data.path == "bad":
            raise ExplorerError("One class can't be told from others.")
        ends = block_ends(self._backbone(spec))
        return tuple(Probe(end.block, end.layer, end.index, 0.5 + end.index / 20, 0.02) for end in ends)


class HeldTuningBackend(FineTuningBackend, HeldBackend):
    """`FineTuningBackend` that holds "backbone" or "probe" back, as `HeldBackend` does, for the networks named in `loaded_models`."""

    def backbone(self, spec, head_at, report_progress):
        self._hold("backbone", spec.name)
        return super().backbone(spec, head_at, report_progress)

    def probe(self, spec, data, head_at, report_progress):
        self._hold("probe", spec.name)
        return super().probe(spec, data, head_at, report_progress)


def asked(backend, *verbs):
    """Return what a backend was asked with these verbs, in order, the verbs left out."""
    return [tuple(arguments) for method, *arguments in backend.asked if method in verbs]


@contextmanager
def looked_at(backend):
    """Yield a session that a thread answers, and its tuning, which is looked at; to be entered where an event loop runs."""
    session = Session(worker=Worker(lambda: backend))
    fine_tuning = FineTuningState(session)
    fine_tuning.shown = True
    try:
        yield session, fine_tuning
    finally:
        session.close()
