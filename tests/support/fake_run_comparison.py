"""Runs that have ended, and a backend that knows what they have come to."""

import io
from dataclasses import replace

import numpy as np
from fakes import FakeBackend, HeldBackend, network
from PIL import Image
from traitlets import HasTraits, Instance

from explorer.catalog.options import model_file
from explorer.errors import ExplorerError, UnknownName
from explorer.values import (
    Axis,
    DataSpec,
    FeatureMaps,
    Misclassification,
    ModelFile,
    NetworkSpec,
    Outcome,
    Prediction,
    Predictions,
    Recipe,
    RunRecord,
    RunSettings,
)

CLASSES = ("red_dots", "rings", "stripes")
BEFORE = NetworkSpec("digits", "digits")
OUTCOME = Outcome(
    CLASSES,
    np.array([[8, 2, 0], [1, 9, 0], [0, 0, 10]]),
    0.9,
    0.74,
    0.965,
    (
        Misclassification(4, "dots_4.png", "red_dots", "rings", 0.93, 3.1),
        Misclassification(17, "rings_1.png", "rings", "red_dots", 0.6, 1.2),
        Misclassification(5, "dots_5.png", "red_dots", "rings", 0.51, 0.7),
    ),
    (("stem", 0.0), ("block_1", 0.0), ("block_2", 0.004), ("block_3", 0.02)),
)
NOTHING_HELD_OUT = replace(OUTCOME, confusion=np.zeros((3, 3), np.int64), accuracy=None, low=None, high=None, worst=())
OF_SEVERAL = Outcome(
    ("red", "round"),
    np.array([[[5, 1], [2, 4]], [[6, 0], [0, 6]]]),
    0.875,
    0.6,
    0.97,
    (Misclassification(3, "a.png", "red, round", "round", 0.8, 2.0), Misclassification(7, "b.png", "none", "red", 0.6, 1.0)),
    (),
)


class FakeRunList(HasTraits):
    """What is looked at of `RunList`: the run that is shown."""

    run = Instance(RunRecord, allow_none=True)


def run(key="a", state="done", spec=BEFORE, seconds=3.0):
    return RunRecord(key, RunSettings(spec, DataSpec("built-in", "patterns"), Recipe(2)), state, 0.0, seconds)


def tuned_by(key):
    return ModelFile(f"/runs/{key}/tuned.keras", "1", "tuned.keras")


def picture(place):
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8), 10 * place % 256, np.uint8)).save(out, "PNG")
    return out.getvalue()


class ComparisonBackend(FakeBackend):
    """`FakeBackend` with the verbs of what runs have come to.

    outcomes: by the run's key; `OUTCOME` for those not named.
    folder: where files of tuned networks are, for tests that open one.
    The tuned networks have no layer "predictions"; the values in their maps are larger by 1 % of their range, and by 10 % in map 2.
    """

    def __init__(self, outcomes=None, folder=None, **options):
        super().__init__(**options)
        self.outcomes, self.folder = outcomes or {}, folder

    def outcome(self, key, _report_progress):
        self.asked.append(("outcome", key))
        return self.outcomes.get(key, OUTCOME)

    def tuned(self, key, _report_progress):
        self.asked.append(("tuned", key))
        spec = tuned_by(key)
        if self.folder is not None:
            (self.folder / f"{key}.keras").touch()
            spec = model_file(str(self.folder / f"{key}.keras"))
        self.opened.setdefault(spec, network(spec))
        return spec

    def held_out(self, key, place, _report_progress):
        self.asked.append(("held_out", key, place))
        if key == "moved away":
            raise ExplorerError("The data is gone.")
        return picture(place)

    def predicted(self, key, row, column, count, _report_progress):
        self.asked.append(("predicted", key, row, column, count))
        if key == "moved away":
            raise ExplorerError("The data is gone.")
        confusion = self.outcomes.get(key, OUTCOME).confusion
        number = int(confusion[row, column]) if min(row, column) >= 0 and confusion.ndim == 2 else 40
        rows = [Misclassification(place, f"{row}_{column}_{place}.png", CLASSES[row], CLASSES[column], 0.9) for place in range(number)]
        return tuple((one, picture(one.place)) for one in rows[:count]), number

    def predict(self, spec, example, top, output, report_progress):
        if not isinstance(spec, ModelFile):
            return super().predict(spec, example, top, output, report_progress)
        self.asked.append(("predict", spec.path, top))
        scores = (0.75, 0.25, 0.0)
        rows = tuple(Prediction(name, name, score) for name, score in zip(CLASSES, scores, strict=True))[:top]
        return Predictions(rows, len(CLASSES) - top, 0.0)

    def feature_maps(self, spec, example, name, drawn, report_progress):
        maps = super().feature_maps(spec, example, name, drawn, report_progress)
        if not isinstance(spec, ModelFile):
            return maps
        if name == "predictions":
            raise UnknownName("There is no layer 'predictions'.")
        values = maps.values + np.float32(0.03)
        values[..., 2] += np.float32(0.3)
        return FeatureMaps(maps.layer, values, maps.axes)


class HeldAftermathBackend(ComparisonBackend, HeldBackend):
    """`ComparisonBackend` that holds back, as `HeldBackend` does, "outcome" of a run, or "tuned predict": what a tuned network answers."""

    def outcome(self, key, report_progress):
        self._hold("outcome", key)
        return super().outcome(key, report_progress)

    def predict(self, spec, example, top, output, report_progress):
        self._hold("tuned predict", getattr(spec, "path", ""))
        return super().predict(spec, example, top, output, report_progress)


def vector(values):
    """Return the answer of a layer of units."""
    row = network(BEFORE).layers["predictions"]
    return FeatureMaps(row, np.asarray(values, np.float32), (Axis("unit", len(values)),))
