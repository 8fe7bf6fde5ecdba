import contextlib
import csv
import gc
import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tuning_cases as cases

import explorer
from explorer.backend.fine_tuning import features
from explorer.backend.fine_tuning.checkpoints import Backups
from explorer.backend.fine_tuning.features import Bounds
from explorer.backend.fine_tuning.trainer import Run, train
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.errors import ExplorerError
from explorer.values import Augmentation, Head, Labelled, Phase, Switch, TrainingData, TrainingStep


@pytest.fixture(scope="module")
def network():
    return cases.network()


@pytest.fixture
def data():
    return cases.data()


class Watching(keras.callbacks.Callback):
    """What the user wrote: looks at `params` and `model`."""

    def __init__(self, example):
        super().__init__()
        self.example, self.losses, self.answers, self.params_seen, self.names = example, [], [], [], []

    def on_train_begin(self, logs=None):
        self.params_seen.append(dict(self.params))
        self.names.append([layer.name for layer in self.model.layers])

    def on_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self.answers.append(self.model.predict(self.example, verbose=0)[0])


@dataclass
class Usual:
    """A training that tells much, and what was seen of it.

    read: the names of the examples that the network has read; printed: on stdout; checkpoint: what Keras's callback has saved.
    """

    run: Run
    steps: list
    read: list
    printed: str
    watching: "Watching"
    checkpoint: Path


@pytest.fixture(scope="module")
def usual(network, tmp_path_factory):
    """Train once for all that look at one training as it usually is."""
    data, steps, read, printed = cases.data(), [], [], io.StringIO()
    watching, path = Watching(cases.arrays(network, data.validation[:1])[0]), tmp_path_factory.mktemp("usual") / "best.keras"
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setattr(network, "to_batch", lambda example, to_batch=network.to_batch: read.append(example.name) or to_batch(example))
        run = train(network, data, cases.recipe(4), callbacks=[watching, keras.callbacks.ModelCheckpoint(path)], on_progress=steps.append)
    return Usual(run, steps, read, printed.getvalue(), watching, path)


def losses(run):
    return [one.loss for one in run.history]


def assert_may_stop_early(steps):
    told = [one.sooner for one in steps if one.left is not None]
    assert told
    assert all(told)


def weights(model):
    return [variable.numpy().copy() for variable in model.weights]


def trained_layers(model):
    return [layer.name for layer in model.layers if layer.trainable_weights]


# The same as plain Keras


@pytest.mark.parametrize(
    ("freeze", "batch_norm"),
    [(4, "inference"), (0, "train"), *(pytest.param(*one, marks=pytest.mark.slow) for one in [(5, "train"), (11, "inference")])],
)
def test_losses_are_those_of_plain_keras(network, data, usual, freeze, batch_norm):
    recipe = cases.recipe(freeze, batch_norm=batch_norm)
    run = usual.run if recipe == usual.run.recipe else train(network, data, recipe)
    tuned, losses, held_out = cases.plainly(network, data, recipe, set(run.plan.frozen))
    count = len(run.history)  # with all frozen there is nothing for the second phase
    np.testing.assert_allclose([one.loss for one in run.history], losses[:count], rtol=1e-3)
    np.testing.assert_allclose([one.val_loss for one in run.history], held_out[:count], rtol=1e-3)
    assert (count, run.state) == (2 if freeze == 11 else 4, "done")
    if count == len(losses):
        batch = cases.arrays(network, data.validation)[0]
        np.testing.assert_allclose(run.network.model.predict(batch, verbose=0), tuned.predict(batch, verbose=0), atol=1e-4)


@pytest.mark.slow
def test_a_frozen_dropout_still_drops(data):
    network = cases.network(dropout=0.4)
    recipe = cases.recipe(8, head=Head(8, dropout=0.3))
    run = train(network, data, recipe)
    _tuned, losses, _held_out = cases.plainly(network, data, recipe, set(run.plan.frozen))
    assert run.plan.crossing == ("block_2_relu",)
    np.testing.assert_allclose([one.loss for one in run.history], losses, rtol=1e-3)


def test_what_is_frozen_is_read_back_from_what_was_compiled(network, data, usual):
    expected = ("block_2_conv", "block_3_conv", "head_dense", "head_predictions")
    assert usual.run.trainable == expected
    assert tuple(trained_layers(usual.run.network.model)) == expected
    thawed = train(network, data, cases.recipe(("block_1_conv",), batch_norm="train", epochs=(0, 1)))
    assert "block_1_norm" in thawed.trainable
    assert "block_1_conv" not in thawed.trainable


def test_the_network_itself_is_never_touched(network, data):
    before, flags = weights(network.model), [layer.trainable for layer in network.model.layers]
    train(network, data, cases.recipe(4), stop=lambda: True)
    with pytest.raises(ZeroDivisionError):  # once all of it has trained
        train(
            network,
            data,
            cases.recipe(0, batch_norm="train", epochs=(0, 1)),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: 1 / 0)],
        )
    for one, other in zip(before, network.model.weights, strict=True):
        assert one.tobytes() == other.numpy().tobytes()
    assert [layer.trainable for layer in network.model.layers] == flags
    assert not hasattr(network.model, "optimizer") or network.model.optimizer is None


def test_only_the_tail_and_the_head_move(network, usual):
    for name in ("block_1_conv", "block_1_norm", "block_2_norm", "block_3_norm"):
        for one, other in zip(network.model.get_layer(name).weights, usual.run.network.model.get_layer(name).weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert dict(usual.run.outcome.moved)["block_1"] == 0
    assert dict(usual.run.outcome.moved)["block_2"] > 0


def test_the_tuned_network_answers_with_the_classes(network, data):
    run = train(network, data, cases.recipe(4, epochs=(15, 0)))
    assert run.history[-1].val_accuracy > 0.9
    assert [run.network.predict(one.example, top=1)[0].label for one in data.validation[:3]] == list(cases.CLASSES)
    assert run.outcome.confusion.sum() == len(data.validation)
    assert run.outcome.accuracy == pytest.approx(run.history[-1].val_accuracy)
    assert run.network.layers["block_2_conv"].index == network.layers["block_2_conv"].index


def test_the_same_seed_gives_the_same_run(network, data, usual):
    again, other = (train(network, data, cases.recipe(4, epochs=(2, 0), seed=seed)) for seed in (0, 1))
    assert losses(again) == losses(usual.run)[:2]
    assert losses(other)[0] != losses(usual.run)[0]


def test_nothing_held_out_is_fine(network):
    run = train(network, TrainingData("image", cases.CLASSES, cases.pictures(12), ()), cases.recipe(4, epochs=(1, 0)))
    assert run.history[-1].val_loss is None
    assert run.outcome is None


# What is kept of the frozen part


def test_features_that_find_no_room_in_memory_lie_on_the_disk_and_are_gone_with_it(network, data, usual, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []
    run = train(
        network, data, cases.recipe(4), bounds=Bounds(memory=100), on_progress=lambda _step: seen.append([*tmp_path.rglob("*.npy")])
    )
    assert losses(run) == losses(usual.run)
    gc.collect()
    assert max(map(len, seen)) == 2
    assert list(tmp_path.rglob("*.npy")) == []


def test_features_beyond_all_bounds_are_refused_with_a_way_out(network, data):
    with pytest.raises(ExplorerError, match="freeze more layers, or take fewer"):
        train(network, data, cases.recipe(4), bounds=Bounds(memory=100, disk=1000))


def test_a_full_disk_is_said(network, data, monkeypatch):
    monkeypatch.setattr(features.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 1000})())
    with pytest.raises(ExplorerError, match="may be kept on the disk"):
        train(network, data, cases.recipe(4), bounds=Bounds(memory=100))


@pytest.mark.skipif(not hasattr(features.os, "posix_fallocate"), reason="this system takes no room ahead")
def test_a_disk_that_fills_up_meanwhile_is_told_before_anything_is_written(network, data, tmp_path, monkeypatch):
    taken, take = [], features.os.posix_fallocate

    def full_at_the_second(handle, start, size):
        if taken:
            raise OSError(28, "No space left on device")
        taken.append(size)
        take(handle, start, size)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(features.os, "posix_fallocate", full_at_the_second)
    with pytest.raises(ExplorerError, match="The disk is full: free some space where"):
        train(network, data, cases.recipe(4), bounds=Bounds(memory=100))
    assert len(taken) == 1
    assert list(tmp_path.rglob("*.npy")) == []


@pytest.mark.slow
def test_half_precision_moves_the_loss_a_little(network, data, usual):
    half = train(network, data, cases.recipe(4, precision="float16"))
    assert 0 < np.abs(np.subtract(losses(usual.run), losses(half))).max() < 6e-3


def test_the_frozen_part_runs_once_for_both_phases(usual):
    assert len(usual.read) == 24 + 9


# Augmentation


@pytest.mark.slow
def test_new_changes_in_each_epoch_run_the_whole_network(network, data, usual):
    run = train(network, data, cases.recipe(4, augmentation=Augmentation()))
    assert run.state == "done"
    assert losses(run)[0] != losses(usual.run)[0]


@pytest.mark.parametrize("copies", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_changed_copies_are_computed_once(network, data, usual, monkeypatch, copies):
    seen = []
    monkeypatch.setattr(network, "to_batch", lambda example, read=network.to_batch: seen.append(example.name) or read(example))
    run = train(network, data, cases.recipe(4, epochs=(1, 0), augmentation=Augmentation(copies=copies)))
    assert len(seen) == copies * 24 + 9
    assert losses(run)[0] != losses(usual.run)[0]


# Callbacks see the whole network


def test_a_callback_of_the_users_own_sees_params_and_the_whole_model(usual):
    watching = usual.watching
    assert watching.params_seen == [{"verbose": 0, "epochs": 2, "steps": 4}] * 2
    assert watching.names[0][:2] == ["picture", "block_1_conv"]
    assert len(watching.losses) == 4 * 4
    np.testing.assert_allclose(watching.answers[-1], usual.run.network.model.predict(watching.example, verbose=0)[0], atol=1e-6)
    assert not np.allclose(watching.answers[0], watching.answers[1])


def test_a_checkpoint_opens_whole_in_plain_keras(network, data, usual):
    opened = keras.models.load_model(usual.checkpoint)
    batch = cases.arrays(network, data.validation)[0]
    np.testing.assert_allclose(opened.predict(batch, verbose=0), usual.run.network.model.predict(batch, verbose=0), atol=1e-6)
    assert opened.optimizer.iterations == 8
    assert isinstance(opened.optimizer, keras.optimizers.SGD)
    opened.fit(*cases.arrays(network, data.training), epochs=1, verbose=0)


def test_a_callback_can_stop_a_phase_and_turn_the_learning_rate(network, data):
    class Turning(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.optimizer.learning_rate = 0.0
            self.model.stop_training = batch == 1

    run = train(network, data, cases.recipe(4), callbacks=[Turning()])
    assert [(one.phase, one.epoch, one.learning_rate) for one in run.history] == [(0, 0, 0.0), (1, 0, 0.0)]
    assert run.state == "done"


def test_keras_own_callbacks_do_what_they_do(network, data, usual, tmp_path, capsys):
    history, log, steps = keras.callbacks.History(), tmp_path / "log.csv", []
    run = train(
        network,
        data,
        cases.recipe(4, epochs=(4, 0)),
        callbacks=[
            history,
            keras.callbacks.CSVLogger(log),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
            keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=100, factor=0.5),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=100, restore_best_weights=True),
            keras.callbacks.ProgbarLogger(),
        ],
        on_progress=steps.append,
    )
    assert history.history["loss"] == losses(run)
    assert len(log.read_text().splitlines()) == 1 + len(run.history) == 3
    assert run.history[0].learning_rate == pytest.approx(0.005, rel=1e-3)
    assert "Epoch 2/4" in capsys.readouterr().out
    assert usual.printed == "", "a bar of progress is drawn where one asks for it"
    assert_may_stop_early(steps)


def test_switches_write_into_the_runs_folder_only(network, data, tmp_path):
    switches = (Switch("CSVLogger"), Switch("ModelCheckpoint", (("save_best_only", True),)), Switch("EarlyStopping", (("patience", 1),)))
    steps = []
    train(network, data, cases.recipe(4, callbacks=switches), folder=tmp_path, on_progress=steps.append)
    assert sorted(path.name for path in (tmp_path / "callbacks").iterdir()) == [
        "checkpoint-1.keras",
        "checkpoint-2.keras",
        "log-1.csv",
        "log-2.csv",
    ]
    assert_may_stop_early(steps)


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        (Switch("CSVLogger", (("filename", "../log.csv"),)), "leads out of the run's folder"),
        (Switch("CSVLogger", (("filename", "/tmp/log.csv"),)), "leads out of the run's folder"),
        (Switch("CSVLogger", (("filename", "logs/log.csv"),)), "or into another one in it"),
        (Switch("LearningRateScheduler", (("factor", 2.0),)), "above 0 and at most 1"),
        (Switch("LearningRateScheduler", (("after", "soon"),)), "does not take these options"),
        (Switch("LearningRateScheduler", (("facter", 0.5),)), "does not take these options"),
        (Switch("RemoteMonitor"), "no switch for the callback 'RemoteMonitor'"),
        (Switch("EarlyStoping"), "Did you mean EarlyStopping"),
        (Switch("EarlyStopping", (("patients", 3),)), "does not take these options"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(network, data, tmp_path, switch, said):
    with pytest.raises(ExplorerError, match=said):
        train(network, data, cases.recipe(4, callbacks=(switch,)), folder=tmp_path)


def test_tensorboard_says_what_it_needs(network, data, tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.backend.fine_tuning.callback_registry.find_spec", lambda name: None)
    with pytest.raises(ExplorerError, match=r"pip install 'keras-explorer\[tensorboard\]'"):
        train(network, data, cases.recipe(4, callbacks=(Switch("TensorBoard"),)), folder=tmp_path)


# Stop, and going on


class StopAfter:
    """Says stop when it has been asked so often."""

    def __init__(self, times):
        self.left = times

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_stop_acts_within_a_batch_and_keeps_the_best_weights(network, data):
    batches = []
    ends = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch), on_epoch_end=lambda epoch, logs: ends.append(epoch)
    )
    # 5 batches of examples are read, then each epoch asks at 4 batches, and at 2 held-out ones
    run = train(network, data, cases.recipe(4, epochs=(9, 0)), callbacks=[watch], stop=StopAfter(5 + 2 * 6 + 2))
    assert (run.state, run.failure, len(run.history)) == ("stopped", "", 2)
    assert ends == [0, 1], "the epoch that was cut off has no figures"
    assert len(batches) == 2 * 4 + 3
    best = min(run.history, key=lambda one: one.val_loss)
    assert run.kept == run.history.index(best)
    reference = train(network, data, cases.recipe(4, epochs=(run.kept + 1, 0)))
    for one, other in zip(run.network.model.weights, reference.network.model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_stop_before_the_first_batch_leaves_a_network_as_it_was(network, data):
    run = train(network, data, cases.recipe(4), stop=lambda: True)
    assert (run.state, run.history, run.kept, run.outcome) == ("stopped", (), None, None)


@pytest.mark.parametrize("times", [5 + 6 + 1, 5 + 2 * 6 + 6 + 2])
def test_a_stopped_training_goes_on(network, data, tmp_path, times):
    train(network, data, cases.recipe(4), stop=StopAfter(times), folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"backup.npz", "backup-before.npz"}
    run = train(network, data, cases.recipe(4), folder=tmp_path)
    assert [(one.phase, one.epoch) for one in run.history] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert run.state == "done"


class Killed(Exception):
    """Stands for the end of the process."""


def raising(error, phase, at):
    """Return a callback that raises at the beginning of an epoch of the head's phase, 0, or of the tail's, 1."""
    optimizers = keras.optimizers.RMSprop, keras.optimizers.SGD

    def begin(epoch, _logs):
        if isinstance(one.model.optimizer, optimizers[phase]) and epoch == at:
            raise error

    one = keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    return one


@pytest.mark.parametrize("phase", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_training_that_was_killed_after_an_epoch_ends_as_if_it_had_not_been(network, data, tmp_path, phase):
    recipe = cases.recipe(4, epochs=(2, 2), phases=(Phase("head", "rmsprop", 0.01, 2, 24), Phase("tail", "sgd", 0.02, 2, 24, 0.9)))
    with pytest.raises(Killed):
        train(network, data, recipe, callbacks=[raising(Killed, phase, 1)], folder=tmp_path)
    run, whole = train(network, data, recipe, folder=tmp_path), train(network, data, recipe)
    np.testing.assert_allclose([one.loss for one in run.history], [one.loss for one in whole.history], rtol=1e-5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the log that is left open
@pytest.mark.parametrize("backed_up", [9, 1], ids=["each epoch is backed up", "the first is"])
def test_what_callbacks_write_goes_on_with_the_training(network, data, tmp_path, backed_up, monkeypatch):
    keep = Backups.keep
    monkeypatch.setattr(Backups, "keep", lambda self, phase, epoch, *rest, **options: epoch > backed_up or keep(self, phase, epoch, *rest))
    switches = (Switch("CSVLogger"), Switch("ModelCheckpoint", (("monitor", "loss"), ("save_best_only", True))))
    recipe = cases.recipe(4, epochs=(0, 3), callbacks=switches)
    with pytest.raises(Killed):
        train(network, data, recipe, callbacks=[raising(Killed, 1, 2)], folder=tmp_path)
    written = tmp_path / "callbacks"
    before = (written / "checkpoint-2.keras").read_bytes()
    far_too_fast = keras.callbacks.LearningRateScheduler(lambda _epoch, _rate: 50.0)
    run = train(network, data, recipe, callbacks=[far_too_fast], folder=tmp_path)
    rows = list(csv.DictReader((written / "log-2.csv").open()))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert run.history[2].loss > run.history[0].loss
    assert (written / "checkpoint-2.keras").read_bytes() == before


def test_a_callback_that_ends_the_training_has_all_held_out_examples_answered(network, data):
    def stop(batch, logs):  # Keras gives them by name
        one.model.stop_training = True

    one = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    run = train(network, data, cases.recipe(4, epochs=(3, 0)), callbacks=[one])
    x, y = cases.arrays(run.network, data.validation)
    assert run.state == "done"
    assert [one.epoch for one in run.history] == [0]
    assert run.history[0].val_loss == pytest.approx(run.network.model.evaluate(x, y, verbose=0)[0], rel=1e-4)


def test_ctrl_c_keeps_the_best_weights_so_far(network, data):
    run = train(network, data, cases.recipe(4), callbacks=[raising(KeyboardInterrupt, 0, 1)])
    assert (run.state, len(run.history), run.kept) == ("stopped", 1, 0)
    with pytest.raises(KeyboardInterrupt):
        train(network, data, cases.recipe(4), callbacks=[raising(KeyboardInterrupt, 0, 0)])


def test_a_disk_that_is_full_ends_the_backups_and_not_the_training(network, data, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    steps = []
    monkeypatch.setattr("explorer.disk.os.replace", full)
    run = train(network, data, cases.recipe(4), on_progress=steps.append, folder=tmp_path)
    assert (run.state, len(run.history)) == ("done", 4)
    told = [one.text for one in steps if one.what == "notice"]
    assert told[0] == "This training can't be backed up (the disk is full): free some disk space."
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_is_damaged_is_begun_anew(network, data, tmp_path):
    (tmp_path / "backup.npz").write_bytes(b"PK\x03\x04 nothing")
    steps = []
    run = train(network, data, cases.recipe(4, epochs=(1, 0)), on_progress=steps.append, folder=tmp_path)
    said = "The backup of this training is damaged: what was trained is lost, and it begins anew."
    assert (len(run.history), run.notices[0]) == (1, said)
    assert steps[1] == TrainingStep("notice", text=said)


def test_where_the_newest_backup_is_damaged_the_one_before_is_gone_on_with(network, data, tmp_path):
    whole = train(network, data, cases.recipe(4, epochs=(2, 0)), folder=tmp_path)
    content = bytearray((tmp_path / "backup.npz").read_bytes())
    content[len(content) // 2] ^= 16
    (tmp_path / "backup.npz").write_bytes(content)
    run = train(network, data, cases.recipe(4, epochs=(2, 0)), folder=tmp_path)
    assert len(run.history) == 2
    assert run.history[0] == whole.history[0]
    assert run.notices[0].startswith("The newest backup of this training is damaged: it goes on from the one before")


def test_the_backup_of_another_training_is_refused(network, data, tmp_path):
    train(network, data, cases.recipe(4), stop=StopAfter(5 + 6 + 1), folder=tmp_path)
    others = {"freeze": 7}, {"head": Head(9)}, {"phases": (Phase("head", "adam", 0.01, 1, 7),)}
    for other in others:
        with pytest.raises(ExplorerError, match=r"backup\.npz is of another training"):
            train(network, data, cases.recipe(**{"freeze": 4, **other}), folder=tmp_path)


def test_keras_own_backup_and_restore_goes_on_over_both_phases(network, data, tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    x, y = np.stack([one.example.data for one in data.training]), [one.classes[0] for one in data.training]
    phases = cases.recipe().phases
    stop = StopAfter(1 + 2 * 5 + 2)
    first = explorer.fine_tune(network, (x, y), 4, phases=phases, callbacks=[backup], validation=0.25, stop=stop)
    again = explorer.fine_tune(network, (x, y), 4, phases=phases, callbacks=[backup], validation=0.25)
    assert (first.state, again.state) == ("stopped", "done")
    assert len(first.history) < len(again.history) == 4
    assert list((tmp_path / "backup").iterdir()) == []


# What goes wrong


def test_a_loss_that_is_no_number_is_said_and_the_best_weights_come_back(network, data):
    class Diverging(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if isinstance(self.model.optimizer, keras.optimizers.SGD):
                self.model.get_layer("head_dense").bias.assign(np.full(8, np.inf))

    run = train(network, data, cases.recipe(4), callbacks=[Diverging()])
    assert run.state == "failed"
    assert run.failure == "The loss became infinite or NaN in phase 2, with a learning rate of 0.02: lower it."
    assert run.kept is not None
    assert all(np.isfinite(one).all() for one in weights(run.network.model))
    assert len(run.history) == 2


def test_too_little_memory_is_said_with_what_to_lower(network, data):
    def exhaust(*_):
        raise tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    run = train(network, data, cases.recipe(4), callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=exhaust)])
    assert run.state == "failed"
    assert "lower the batch size" in run.failure


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"phases": (Phase("head", "rmsprop", 0.0),)}, "With a learning rate of 0.0 nothing is learnt"),
        ({"phases": (Phase("head", "lion", 0.1),)}, "optimizer is rmsprop or sgd"),
        ({"phases": (Phase("head", "sgd", 0.1, epochs=0),)}, "All phases have 0 epochs"),
        ({"phases": (Phase("tail", "sgd", 0.1),), "freeze": 11}, "Nothing would be trained"),
        ({"head": Head(dropout=1.0)}, "dropout of 0 or more and below 1"),
        ({"precision": "float8"}, "float32 or float16"),
        ({"batch_norm": "infer"}, "inference or train, not 'infer'"),
        ({"mistakes": ("all",)}, "recompile, batch_norm, rate, thaw"),
        ({"seed": -1}, "whole number, 0 to 2147483647, not -1"),
        ({"head": Head(8.5)}, r"Head\(units=8\.5.* counts as whole numbers"),
        ({"phases": (Phase("head", "sgd", "0.1"),)}, r"Phase\(trains='head'.* numbers as numbers"),
        ({"phases": (Phase("head", "sgd", 0.1, 2.5),)}, "counts as whole numbers"),
        ({"augmentation": Augmentation(zoom=1.0)}, "zoomed by one of 0 to below 1"),
        ({"augmentation": Augmentation(copies=-1)}, "0 or more copies"),
        ({"augmentation": Augmentation(False, 0, 0)}, "Nothing would change"),
        ({"phases": (Phase("head", "sgd", 0.1, schedule="cosine"),), "callbacks": (Switch("ReduceLROnPlateau"),)}, "in two ways"),
        ({"freeze": 12}, "11 layers: freeze 0 to 11"),
        ({"head_at": "nothing"}, "no layer 'nothing'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(network, data, settings, said):
    with pytest.raises(ExplorerError, match=said):
        train(network, data, cases.recipe(settings.pop("freeze", 4), **settings))


def test_too_little_memory_for_a_copy_is_not_taken_for_a_model_that_can_not_be_copied(network, data, monkeypatch):
    def exhaust(*_arguments, **_options):
        raise MemoryError

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", exhaust)
    with pytest.raises(MemoryError):
        train(network, data, cases.recipe(4))


def test_a_callback_that_turns_a_rate_that_a_schedule_turns_is_refused(network, data):
    phases = (Phase("head", "sgd", 0.1, schedule="halving"),)
    callback = keras.callbacks.LearningRateScheduler(lambda _epoch, rate: rate)
    with pytest.raises(ExplorerError, match="in two ways"):
        train(network, data, cases.recipe(4, phases=phases), callbacks=[callback])


def test_numbers_of_numpy_are_numbers(network, data):
    phases = (Phase("head", "sgd", np.float32(0.5), np.int64(1), np.int32(7), 0),)
    run = train(network, data, cases.recipe(np.int64(4), head=Head(np.int64(8)), phases=phases, seed=np.int64(3)))
    assert (run.state, len(run.history), run.recipe.seed) == ("done", 1, 3)
    assert run.network.run["recipe"]["phases"][0]["epochs"] == 1


def test_one_class_is_refused(network):
    with pytest.raises(ExplorerError, match="at least two"):
        train(network, TrainingData("image", ("only",), cases.pictures(3)[:1], ()), cases.recipe(4))


# Other networks and tasks


@pytest.mark.slow
def test_several_classes_at_once(network):
    sets = ((0,), (1,), (0, 1))
    examples = tuple(Labelled(one.example, sets[one.classes[0]]) for one in cases.pictures(24))
    data = TrainingData("image", ("red or blue", "green or blue"), examples[:18], examples[18:], multi_label=True)
    phases = (Phase("head", "adam", 0.03, 60, 7), Phase("tail", "sgd", 0.01, 1, 7))
    run = train(network, data, cases.recipe(4, phases=phases, head=Head(32, multi_label=True)))
    assert run.history[-1].val_accuracy > 0.8
    assert run.network.model.layers[-1].activation is keras.activations.sigmoid
    assert run.outcome.confusion.shape == (2, 2, 2)


def test_a_head_can_be_put_elsewhere(network, data):
    run = train(network, data, cases.recipe(1, head_at="block_2_relu", epochs=(1, 0)))
    assert run.plan.layers == 7
    assert "block_3_conv" not in [layer.name for layer in run.network.model.layers]


@pytest.mark.parametrize("units", [0, 8])
def test_a_tuned_network_can_be_tuned_again(data, usual, tmp_path, units):
    usual.run.network.save(tmp_path / "tuned.keras")
    recipe = cases.recipe(4, epochs=(1, 0), head=Head(units, dropout=0.1))
    again = train(explorer.load(tmp_path / "tuned.keras"), data, recipe)
    dense = ["head_2_dense"] if units else []
    assert [layer.name for layer in again.network.model.layers][-len(dense) - 2 :] == [*dense, "head_2_dropout", "head_2_predictions"]
    assert again.state == "done"


def test_a_nested_backbone_can_be_frozen_in_part(data):
    import own_models

    network = explorer.load(own_models.nested(), preprocess="none")
    run = train(network, data, cases.recipe(("backbone/stem",), batch_norm="train", epochs=(0, 1)))
    assert "backbone/side" in run.trainable
    assert not any("stem" in name for name in run.trainable)


def test_a_subclassed_model_is_refused_with_the_reason(data):
    from small_models import Silent

    model = Silent(None)
    model(np.zeros((1, 4)))
    with pytest.raises(ExplorerError, match="no graph that could be cut"):
        train(explorer.load(model), TrainingData("arrays", ("a", "b"), data.training, ()), cases.recipe(0))


@pytest.mark.slow
def test_sound_is_tuned_as_pictures_are():
    timbres = explorer.load("timbres")
    random = np.random.default_rng(0)
    time = np.arange(16_000) / 16_000
    sounds = [(np.sin(2 * np.pi * (200 if kind else 2000) * time) * 0.5 + random.normal(0, 0.01, 16_000), 16_000) for kind in (0, 1) * 6]
    examples = tuple(Labelled(timbres.read(one), (place % 2,)) for place, one in enumerate(sounds))
    run = train(timbres, TrainingData("audio", ("high", "low"), examples[:8], examples[8:]), cases.recipe(10, epochs=(10, 1)))
    assert run.history[-1].val_accuracy == 1
    assert run.network.reading.sound == timbres.reading.sound


@pytest.mark.slow
def test_the_lessons_say_what_went_wrong(network, data):
    recompile, both, thaw = (
        train(network, data, cases.recipe(4, epochs=(1, 1), mistakes=mistakes))
        for mistakes in (("recompile",), ("rate", "batch_norm"), ("thaw",))
    )
    assert "none of the" in recompile.notices[0]
    assert recompile.trainable == ("head_dense", "head_predictions")
    assert dict(recompile.outcome.moved)["block_3"] == 0
    assert "100 times too high" in both.notices[0]
    assert [one.phase for one in thaw.history] == [1]
    assert "block_1_norm" in both.trainable
    assert "block_1_conv" not in both.trainable


# Progress


def test_progress_tells_the_pass_the_batches_and_the_epochs(usual):
    steps = usual.steps
    passes = [one for one in steps if one.what == "features"]
    assert (passes[-1].done, passes[-1].total) == (33, 33)
    assert [(one.record.phase, one.record.epoch) for one in steps if one.what == "epoch"] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [one.done for one in steps if one.what == "batch" and one.done == one.total] == [4] * 4
    assert all(one.left is None for one in steps if one.phase == 0)  # the tail was not measured
    assert steps[-2].left < steps[-3].left
    assert steps[-1].what == "preparing"


@pytest.mark.slow
def test_nothing_is_warned_of_however_often_one_trains(network, data, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _again in range(6):
            train(network, data, cases.recipe(4, epochs=(1, 0)))
    assert caplog.records == []
