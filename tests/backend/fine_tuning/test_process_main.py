import csv
import errno
import os
import shutil
import time
import zipfile
from dataclasses import replace

import killing
import pytest

import explorer
from explorer import runs
from explorer.backend.fine_tuning import checkpoints, process_main, trainer
from explorer.backend.network import Network
from explorer.backend.runtime.file_locks import hold
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.catalog.options import spec
from explorer.errors import ExplorerError
from explorer.runs import exit_reason
from explorer.runs import serialization as files
from explorer.runs.process import process
from explorer.values import DataSpec, Epoch, Head, ModelFile, NetworkSpec, Phase, Recipe, RunResult, RunSettings, TrainingStep

PHASES = (Phase("head", "adam", 0.01, 1), Phase("tail", "adam", 0.001, 1))
SETTINGS = RunSettings(NetworkSpec("digits", "digits"), DataSpec("built-in", "digits", count=50), Recipe(3, Head(0), PHASES))
MANY_EPOCHS = replace(SETTINGS, recipe=Recipe(3, Head(0), (Phase("head", "adam", 0.01, 6), Phase("tail", "adam", 0.001, 12))))
SHORT = replace(SETTINGS, recipe=Recipe(3, Head(0), (Phase("head", "adam", 0.01, 2),)))
LONG = replace(SETTINGS, recipe=Recipe(3, Head(0), (Phase("head", "adam", 0.01, 2), Phase("tail", "adam", 0.001, 30))))


def full():
    return OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    yield
    for record in runs.records():
        runs.kill(record.key)


@pytest.fixture
def folder():
    return runs.folder(runs.create(SETTINGS))


@pytest.fixture(scope="module")
def all_trained(tmp_path_factory):
    """The folder of a run that is done, its backup still there, and its result."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("EXPLORER_RUNS", str(tmp_path_factory.mktemp("runs")))
        folder = runs.folder(runs.create(SETTINGS))
        return folder, process_main.work(folder)


@pytest.fixture
def nearly_done(all_trained, tmp_path):
    """The folder of a run whose network was trained and backed up, and nothing more."""
    return shutil.copytree(
        all_trained[0], tmp_path / "runs" / all_trained[0].name, ignore=shutil.ignore_patterns(files.TUNED, files.HISTORY)
    )


def until(condition):
    deadline = time.monotonic() + 600  # such a process yields to every other one of the machine
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def raising(error):
    def raise_it(*_arguments, **_options):
        raise error

    return raise_it


def full_after(monkeypatch, epochs):
    """Make the disk full once so many backups were written."""
    kept, keep = [], checkpoints.Checkpoints.keep

    def kept_at_first(self, *arguments, **options):
        if len(kept) == epochs:
            raise full()
        kept.append(1)
        keep(self, *arguments, **options)

    monkeypatch.setattr(checkpoints.Checkpoints, "keep", kept_at_first)


# Processes


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_its_end():
    key = runs.create(LONG)
    runs.start(key)
    until(lambda: len(runs.record(key).history) > 2)
    assert runs.record(key).state == "running"
    runs.kill(key)
    lost = runs.record(key)
    assert (lost.state, lost.resumable) == ("lost", True)
    runs.resume(key)
    until(lambda: process(runs.folder(key)) is None)
    record, found = runs.record(key), runs.result(key)
    assert (record.state, record.error_message) == ("done", ""), (runs.folder(key) / files.LOG).read_text()
    assert [(one.phase, one.epoch) for one in record.history] == [*((0, epoch) for epoch in range(2)), *((1, epoch) for epoch in range(30))]
    assert record.history[0] == lost.history[0]  # what came after the last backup is done once more
    assert record.seconds > lost.seconds
    assert found.outcome.confusion.sum() == 10
    tuned = explorer.load(runs.file(key, files.TUNED))
    assert [label for _id, label in tuned.labels] == list("0123456789")
    with runs.file(key, files.HISTORY).open() as table:
        assert [int(row["epoch"]) for row in csv.DictReader(table)] == [one.epoch + 1 for one in record.history]
    assert not {*files.CHECKPOINTS, files.TEMPORARY, files.RESERVE} & {path.name for path in runs.folder(key).iterdir()}


def is_whole(path):
    """Return whether a file that has its final name is whole, or not there."""
    if not path.exists():
        return True
    if path.suffix in (".keras", ".npz"):
        return zipfile.ZipFile(path).testzip() is None
    return path.read_bytes().endswith((b"}", b"\n"))


def killed_at_each(moments, settings):
    """Begin a run and kill its process at each of the moments, resuming it in between; return its record at its end."""
    key, begin = runs.create(settings), runs.start
    folder = runs.folder(key)
    for moment in moments:
        before = killing.place_in(folder)
        begin(key)
        begin = runs.resume
        if not killing.original(moment, folder, before, lambda: process(folder) is not None):
            assert moment.place == "it is saved", moment  # which may take no time
            return runs.record(key)
        runs.kill(key)
        record = runs.record(key)
        assert (record.state, record.resumable) == ("lost", True), (moment, record.error_message)
        assert "was killed" in record.error_message
        assert all(is_whole(folder / name) for name in (files.CHECKPOINT, files.TUNED, files.HISTORY, files.RESULT)), moment
    runs.resume(key)
    until(lambda: process(folder) is None)
    return runs.record(key)


def check_end(record, settings):
    """Check that a run has ended as if nothing had happened: with each epoch once, what it leaves and nothing else."""
    folder = runs.folder(record.key)
    assert (record.state, record.error_message) == ("done", ""), (folder / files.LOG).read_text()
    epochs = [(place, epoch) for place, phase in enumerate(settings.recipe.phases) for epoch in range(phase.epochs)]
    assert [(one.phase, one.epoch) for one in record.history] == epochs
    assert keras.saving.load_model(folder / files.TUNED).output_shape == (None, 10)
    left = {path.name for path in folder.iterdir()}
    assert left == {files.SETTINGS, files.PROGRESS, files.RESULT, files.HISTORY, files.TUNED, files.LOG, files.PID, files.LOCK}


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_goes_on_to_its_end():
    places = ("it is started", "features are computed", "the first phase trains", "the second phase trains")
    check_end(killed_at_each(killing.moments(places, seed=12, longest=0.05), MANY_EPOCHS), MANY_EPOCHS)


@pytest.mark.slow
@pytest.mark.usefixtures("keras_home")
def test_so_does_one_of_a_network_of_real_size():
    phases = (Phase("head", "adam", 0.01, 3), Phase("tail", "sgd", 0.001, 3))
    settings = RunSettings(spec("MobileNetV2"), DataSpec("built-in", "digits", count=40), Recipe(116, phases=phases))
    places = ("the network is built", "the second phase trains", "it is saved")
    check_end(killed_at_each(killing.moments(places, seed=13, longest=0.2), settings), settings)


@pytest.mark.skipif(os.name != "posix", reason="Windows ends processes without asking")
def test_a_process_that_is_to_end_stops_and_keeps_what_it_has():
    key = runs.create(LONG)
    runs.start(key)
    until(lambda: len(runs.record(key).history) > 2)
    alive = process(runs.folder(key))
    assert alive.nice() >= process_main.NICE
    alive.terminate()
    until(lambda: runs.record(key).state != "running")
    record = runs.record(key)
    assert (record.state, record.resumable, record.error_message) == ("stopped", True, "")
    assert 2 < len(record.history) < 32
    assert record.history[record.best_epoch].val_loss == min(one.val_loss for one in record.history)
    assert keras.saving.load_model(runs.file(key, files.TUNED)).output_shape == (None, 10)


def test_a_second_process_leaves_the_run_to_the_first(folder):
    held = hold(folder / files.LOCK)
    held.text = "4711"
    (folder / files.PID).write_text("4712")
    assert process_main.main(folder) == 1
    assert (folder / files.PID).read_text() == "4711"
    held.release()


# A run, in this process


def test_what_was_trained_is_saved(all_trained, monkeypatch):
    folder, result = all_trained
    monkeypatch.setenv("EXPLORER_RUNS", str(folder.parent))
    assert (result.state, result.error_message) == ("done", "")
    assert [one.phase for one in result.history] == [0, 1]
    assert "head_predictions" in result.trainable
    assert {files.TUNED, files.HISTORY} < {path.name for path in folder.iterdir()}
    said = [step.text for step in runs.steps(folder.name)[0] if step.what == "preparing"]
    assert said[:3] == ["Loading TensorFlow…", "Building digits…", "Reading the data…"]
    assert runs.record(folder.name).history == result.history
    assert explorer.load(runs.file(folder.name, files.TUNED)).summary().tuned_from == ("digits", "digits")


def test_the_users_own_model_is_trained(tmp_path, digits):
    digits.save(tmp_path / "mine.keras")
    mine = ModelFile(str(tmp_path / "mine.keras"), "", "mine.keras")
    key = runs.create(replace(SHORT, network=mine), copy_network=True)
    (tmp_path / "mine.keras").unlink()
    assert process_main.work(runs.folder(key)).state == "done"


def test_a_run_that_is_stopped_before_it_begins_has_trained_nothing(folder):
    (folder / files.STOP).touch()
    result = process_main.work(folder)
    assert (result.state, result.history) == ("stopped", ())
    assert not (folder / files.TUNED).exists()


def test_an_attempt_that_does_not_get_far_leaves_the_result_before_it(folder):
    earlier = RunResult("stopped", 9.0, history=(Epoch(0, 0, 1.0, 2.0, 0.5),), best_epoch=0, notices=("It overfits.",))
    files.write(folder / files.EARLIER, files.as_json(earlier))
    (folder / files.STOP).touch()
    result = process_main.work(folder)
    assert replace(result, seconds=9.0) == earlier


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ExplorerError("There is only one class."), "There is only one class."),
        (MemoryError(), "not enough memory: lower the batch size"),
        (tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"), "not enough memory: lower the batch size"),
        (full(), r"The disk is full: free some space where .* is\. Then run it again\.$"),
        (ZeroDivisionError(), r"Something went wrong in explorer itself \(ZeroDivisionError\)\.$"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory: lower the batch size"),
        (ImportError("libtensorflow_cc.so.2: failed to map segment from shared object"), "not enough memory: lower the batch size"),
        (RuntimeError("can't start new thread"), "not enough memory: lower the batch size"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/b"), r"explorer itself \(FileNotFoundError\)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_goes_wrong_is_said(folder, monkeypatch, capfd, error, says):
    monkeypatch.setattr(trainer, "train", raising(error))
    result = process_main.work(folder)
    assert result.state == "failed"
    with pytest.raises(ExplorerError, match=says):
        raise ExplorerError(result.error_message)
    assert type(error).__name__ in capfd.readouterr().err


def test_details_are_named_only_where_there_are_any(folder):
    assert process_main.why(ZeroDivisionError(), folder).endswith("(ZeroDivisionError).")
    (folder / files.PID).write_text("7")
    (folder / files.LOG).write_text(f"Traceback\n{exit_reason.first_log_line(7)}\nTraceback of this attempt\n")
    assert process_main.why(ZeroDivisionError(), folder).endswith("log.txt has the details.")


def test_a_folder_that_may_not_be_written_is_called_that(folder):
    error = PermissionError(errno.EACCES, "Permission denied", str(folder / files.CHECKPOINT))
    (folder / files.CHECKPOINT).write_bytes(b"arrays")
    said = process_main.why(error, folder)
    assert "(Permission denied): allow it" in said
    assert said.endswith("Then resume the run: its checkpoint is kept.")


def test_memory_that_runs_out_when_all_is_trained_loses_nothing(nearly_done, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(trainer._Training, "_outcome", raising(MemoryError()))
        result = process_main.work(nearly_done)
    assert (result.state, len(result.history), result.outcome) == ("failed", 2, None)
    assert "its network is kept, but memory ran out while it was evaluated" in result.error_message
    assert keras.saving.load_model(nearly_done / files.TUNED).output_shape == (None, 10)
    files.write(nearly_done / files.RESULT, files.as_json(result))
    assert runs.record(nearly_done.name).resumable
    assert process_main.work(nearly_done).outcome is not None


def test_memory_that_runs_out_when_it_is_saved_leaves_the_backup(nearly_done, monkeypatch):
    monkeypatch.setattr(Network, "save", raising(MemoryError()))
    result = process_main.work(nearly_done)
    assert (result.state, len(result.history)) == ("failed", 2)
    assert "not enough memory" in result.error_message
    assert (nearly_done / files.CHECKPOINT).exists()


def test_settings_that_can_not_be_read_are_said(folder):
    (folder / files.SETTINGS).write_text("{}")
    assert "settings of this run can't be read" in process_main.work(folder).error_message


def test_data_that_is_gone_is_said(folder, tmp_path):
    files.write_settings(folder, replace(SETTINGS, data=DataSpec("zip", str(tmp_path / "gone.zip"))))
    assert "There is no file or folder" in process_main.work(folder).error_message


def test_what_is_to_be_known_of_the_data_is_told(folder, tmp_path, encode, photo):
    for name, count in (("cats", 9), ("dogs", 9)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for place in range(count):
            (tmp_path / "data" / name / f"{place}.png").write_bytes(encode(photo[place:, place:]))
    files.write_settings(folder, replace(SHORT, data=DataSpec("folder", str(tmp_path / "data"), stamp="of before")))
    result = process_main.work(folder)
    assert "data has changed since it was chosen." in result.notices
    assert "data has changed since it was chosen." in [step.text for step in runs.steps(folder.name)[0]]


def test_a_disk_that_is_full_when_the_network_is_saved_leaves_the_backup(nearly_done, monkeypatch):
    (nearly_done / files.TUNED).write_bytes(b"of before")
    with monkeypatch.context() as patched:
        patched.setattr(keras.saving, "save_model", raising(full()))
        result = process_main.work(nearly_done)
    assert (result.state, len(result.history)) == ("failed", 2)
    assert "The disk is full" in result.error_message
    assert (nearly_done / files.TUNED).read_bytes() == b"of before"
    assert (nearly_done / files.CHECKPOINT).exists()
    assert process_main.work(nearly_done).state == "done"


def test_a_disk_that_is_full_while_training_ends_the_backups_only(folder, monkeypatch):
    files.write_settings(folder, SHORT)
    full_after(monkeypatch, 1)
    assert process_main.work(folder).state == "done"
    assert "can't be backed up" in (folder / files.PROGRESS).read_text()


def test_a_run_that_is_deleted_ends_quietly(folder, monkeypatch):
    def deleted(*_arguments, on_progress, stop, **_options):
        shutil.rmtree(folder)
        on_progress(TrainingStep("epoch"))
        assert stop()
        raise FileNotFoundError(errno.ENOENT, "No such file", str(folder / files.CHECKPOINT))

    monkeypatch.setattr(trainer, "train", deleted)
    result = process_main.work(folder)
    assert process_main._save_result(folder, result) == exit_reason.UNWRITABLE
    assert not folder.exists()
    assert process_main.main(folder) == exit_reason.UNWRITABLE


def test_a_full_disk_has_room_to_say_so(folder, monkeypatch):
    (folder / files.RESERVE).write_bytes(b"0" * 99)
    write = files.write

    def written(path, text):
        if (folder / files.RESERVE).exists():
            raise full()
        write(path, text)

    monkeypatch.setattr(files, "write", written)
    assert process_main._save_result(folder, RunResult("failed", 1.0, "The disk is full.")) == 1
    assert runs.record(folder.name).error_message == "The disk is full."


def test_a_network_that_can_not_be_saved_is_said(nearly_done, monkeypatch):
    monkeypatch.setattr(Network, "save", raising(ExplorerError("tuned.keras can't be saved: no.")))
    assert process_main.work(nearly_done).error_message == "tuned.keras can't be saved: no."


# The diary


def test_steps_that_follow_at_once_are_left_out_but_never_an_epoch(folder):
    diary = process_main.Diary(folder)
    for batch in range(50):
        diary.write(TrainingStep("batch", done=batch))
    for epoch in range(3):
        diary.write(TrainingStep("epoch", epoch=epoch, record=Epoch(0, epoch, 1.0, 1.0, 1.0)))
    steps, _after = runs.steps(folder.name)
    assert len([step for step in steps if step.what == "batch"]) < 5
    assert len(runs.record(folder.name).history) == 3


def test_the_time_of_earlier_attempts_counts_and_their_last_line_hinders_nobody(folder):
    line = files.as_json(files.LogEntry(100.0, TrainingStep("notice", text="first")))
    (folder / files.PROGRESS).write_text(f'{line}\n{{"kind": "To')
    diary = process_main.Diary(folder)
    diary.write(TrainingStep("notice", text="second"))
    record = runs.record(folder.name)
    assert record.notices == ("first", "second")
    assert 100 <= record.seconds < 200


def test_a_step_that_can_not_be_written_hinders_no_training(folder, monkeypatch):
    diary = process_main.Diary(folder)
    monkeypatch.setattr(process_main.os, "write", raising(full()))
    diary.write(TrainingStep("notice", text="lost"))
    monkeypatch.undo()
    diary.write(TrainingStep("notice", text="told"))
    shutil.rmtree(folder)
    diary.write(TrainingStep("notice", text="nobody listens"))
    assert not folder.exists()


def test_a_sign_of_life_is_given_where_the_training_moves_and_nowhere_else(folder, monkeypatch):
    now = iter([10.0, 10.5, 11.5])
    diary = process_main.Diary(folder)
    diary.write(TrainingStep("notice", text="first"))
    monkeypatch.setattr(process_main.time, "perf_counter", lambda: next(now))
    pulses = [runs.pulse(folder.name)]
    for _moved in range(3):
        os.utime(folder / files.PROGRESS, (0, 0))
        diary.beat()
        pulses.append(runs.pulse(folder.name))
    size = pulses[0][1]
    assert pulses[2] == (0, size), "not for each batch"
    assert pulses[1][0] > 0 < pulses[3][0]
    shutil.rmtree(folder)
    monkeypatch.undo()
    diary.beat()


def test_what_the_log_can_not_take_is_lost_and_ends_nothing(tmp_path):
    (tmp_path / "log.txt").write_bytes(b"")
    handle = os.open(tmp_path / "log.txt", os.O_RDONLY)  # stands for a disk that is full
    log = process_main._forgiving(handle)
    print("lost", file=log, flush=True)
    os.close(handle)
    assert (tmp_path / "log.txt").read_bytes() == b""
