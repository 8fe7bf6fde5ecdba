"""Runs whose processes are played by a test: folders as real ones, in which it writes what they would tell."""

import numpy as np
from fake_tuning import BACKBONE, TuningBackend

from explorer import runs
from explorer.errors import ExplorerError
from explorer.recipe.freeze_plan import start_of
from explorer.runs import serialization as files
from explorer.values import DataSpec, Epoch, NetworkSpec, Outcome, Recipe, RunResult, RunSettings, TakenFile, TrainingStep

NETWORK = NetworkSpec("digits", None)


class RunningBackend(TuningBackend):
    """`TuningBackend` with the verbs of runs; `alive` are the keys of those whose processes live.

    Data from the path "bad" can't be trained on.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.alive = set()

    def train(self, spec, data, recipe, _say):
        self.asked.append(("train", spec.name, data.path, recipe))
        if data.path == "bad":
            raise ExplorerError("The disk is full.")
        return begun(self.alive, recipe, spec, data)

    def go_on(self, key, _say):
        self.asked.append(("go_on", key))
        (runs.folder(key) / files.RESULT).unlink(missing_ok=True)
        self.alive.add(key)
        return runs.record(key)

    def delete_run(self, key, _say):
        self.asked.append(("delete_run", key))
        self.alive.discard(key)
        runs.delete(key)

    def take_run(self, key, what, _say):
        self.asked.append(("take_run", key, what))
        return TakenFile(f"run.{what}", what.encode())


def play(monkeypatch, tmp_path, alive):
    """Let runs lie in a folder of the test, and live while their keys are in `alive`."""
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    for module in (runs.reader, runs.control):
        monkeypatch.setattr(module, "process", lambda place: place.name in alive or None)
    monkeypatch.setattr(runs.control, "end", lambda place: alive.discard(place.name))


def begun(alive, recipe=None, network=NETWORK, data=None):
    """Begin a run whose process lives; return its key."""
    recipe = recipe or Recipe(7)
    start = start_of(BACKBONE, recipe)
    key = runs.create(RunSettings(network, data or DataSpec("built-in", "patterns"), recipe, start))
    (runs.folder(key) / files.PID).write_text("1")
    alive.add(key)
    return key


def tell(key, *steps, seconds=4.0):
    """Write down what the process of a run tells."""
    with (runs.folder(key) / files.PROGRESS).open("a") as stream:
        stream.writelines(files.as_json(files.Told(seconds, step)) + "\n" for step in steps)


def told(trainings, *steps):
    """Let the run that is shown tell this, and have a look at it."""
    tell(trainings.key, *steps)
    trainings.look()


def batch(phase, epoch, done, total=10, accuracy=0.5, left=None):
    return TrainingStep("batch", phase, epoch, done, total, 1.0 - accuracy / 2, accuracy, left)


def epoch(phase, number, accuracy=0.5, held_out=0.6, left=None):
    record = Epoch(phase, number, 0.5, 1.0 - accuracy / 2, accuracy, None if held_out is None else 1.0 - held_out / 2, held_out, 0.001)
    return TrainingStep("epoch", phase, number, record=record, left=left)


def outcome(accuracy=0.92, low=0.88, high=0.96):
    return Outcome(("a", "b"), np.array([[4, 1], [0, 5]]), accuracy, low, high, (), ())


def records(*steps):
    """Return the history that these ends of epochs make."""
    return tuple(step.record for step in steps)


def end(alive, key, state="done", history=(), **facts):
    """Let the process of a run end."""
    result = RunResult(state, 4.2, history=records(*history), **facts)
    files.write(runs.folder(key) / files.RESULT, files.as_json(result))
    alive.discard(key)


def finish(trainings, alive, state="done", history=(), **facts):
    """Let the process of the run that is shown end, and have a look at it."""
    end(alive, trainings.key, state, history, **facts)
    trainings.look()
