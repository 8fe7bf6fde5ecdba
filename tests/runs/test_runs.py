import errno
import itertools
import os
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from explorer import runs
from explorer.errors import ExplorerError, UnknownName
from explorer.runs import exit_reason, store
from explorer.runs import process as processes
from explorer.runs import serialization as files
from explorer.values import (
    AdoptedModel,
    Augmentation,
    DataSpec,
    Epoch,
    Head,
    Misclassification,
    ModelFile,
    NetworkSpec,
    Outcome,
    Phase,
    Recipe,
    RunResult,
    RunSettings,
    Switch,
    TrainingStep,
)

SETTINGS = RunSettings(NetworkSpec("digits", "digits"), DataSpec("built-in", "digits", count=50), Recipe(4))
WAITING_CHILD = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
print("here")
while not (folder / "stop").exists():
    time.sleep(0.01)
(folder / "result.json").write_text('{"kind": "RunResult", "state": "stopped", "seconds": 1.5}')
"""


@pytest.fixture(autouse=True)
def home(runs_home):
    return runs_home


@pytest.fixture
def waiting_child(tmp_path, monkeypatch):
    """Make the process of a run one that only waits until it is asked to stop."""
    (tmp_path / "waiting_child.py").write_text(WAITING_CHILD)
    monkeypatch.setattr(processes, "CHILD", "waiting_child")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def tell(key, *steps, seconds=1.0):
    """Write steps down as the process of a run does."""
    with (runs.folder(key) / files.PROGRESS).open("a") as stream:
        stream.writelines(files.as_json(files.LogEntry(seconds, step)) + "\n" for step in steps)


def end_of(phase, epoch, loss=1.0):
    return TrainingStep("epoch", phase, epoch, record=Epoch(phase, epoch, 0.5, loss, 0.5))


def started(key):
    """Leave what a process leaves that is gone."""
    (runs.folder(key) / files.PID).write_text("99999999")


# Where runs are


def test_too_little_room_is_said_before_anything_is_trained(monkeypatch, tmp_path):
    monkeypatch.setenv(runs.HOME, str(tmp_path / "not" / "there"))
    runs.check_room(1)
    monkeypatch.setattr("explorer.runs.store.shutil.disk_usage", lambda _place: SimpleNamespace(free=7_000_000))
    with pytest.raises(ExplorerError, match=r"has 6.7 MB left, and this training takes up to 19 MB: free some space first"):
        runs.check_room(20_000_000)


def test_without_the_variable_runs_lie_in_the_users_folder_of_data(monkeypatch):
    monkeypatch.delenv("EXPLORER_RUNS")
    assert runs.home().is_absolute()
    assert runs.home().parts[-2:] == ("explorer", "runs")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_its_owner_may_look_into_a_run(home):
    key = runs.create(SETTINGS)
    assert {oct(path.stat().st_mode & 0o777) for path in (home, home / key)} == {"0o700"}


def test_keys_tell_runs_apart_and_can_be_part_of_an_address():
    keys = {runs.create(SETTINGS) for _ in range(5)}
    assert len(keys) == 5
    assert all(key.isalnum() and len(key) >= 22 for key in keys)


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "/",
        "../runs",
        "{key}/",
        "{key}/..",
        "{key}\n",
        "{key}\0",
        "{home}/{key}",
        "\\",
        "~",
        "A" * 32,
        "0" * 32,
        "0" * 9999,
        None,
        7,
    ],
)
def test_only_the_key_of_a_run_leads_to_a_folder(home, key):
    own = runs.create(SETTINGS)
    hostile = key.format(key=own, home=home) if isinstance(key, str) else key
    for verb in (runs.folder, runs.record, runs.result, runs.steps, runs.start, runs.resume, runs.ask_to_stop, runs.kill, runs.delete):
        with pytest.raises(UnknownName, match="no such run"):
            verb(hostile)
    assert runs.record(own).state == "waiting"


def test_a_link_is_no_run(home, tmp_path):
    key = runs.create(SETTINGS)
    elsewhere = tmp_path / "elsewhere"
    (home / key).rename(elsewhere)
    (home / key).symlink_to(elsewhere)
    with pytest.raises(UnknownName):
        runs.delete(key)
    assert (elsewhere / files.SETTINGS).exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../{key}/settings.json", "/etc/passwd", "data", "a\0b", "missing.csv", "link.json"])
def test_only_plain_files_of_a_run_are_handed_out(home, name):
    key = runs.create(SETTINGS)
    (home / key / "data").mkdir()
    (home / key / "link.json").symlink_to(home / key / "settings.json")
    assert runs.file(key, "settings.json") == home / key / "settings.json"
    with pytest.raises(UnknownName):
        runs.file(key, name.format(key=key))


# Settings


def recipes():
    for head, precision, freeze in itertools.product(
        (Head(), Head(0, 0.3, "max", True)), ("float32", "float16"), (0, 116, (), ("block_1_conv", "größer/as:1"))
    ):
        yield Recipe(freeze, head, precision=precision)
    for phases in ((), (Phase("head", "adam", 1e-05, 0),), (Phase("tail", "sgd", 0.1 + 0.2, 5, 1, 0.9, "cosine"),) * 3):
        yield Recipe(1, phases=phases, mistakes=("rate", "thaw"))
    for augmentation in (Augmentation(), Augmentation(False, 0.0, 0.3, 4)):
        yield Recipe(1, augmentation=augmentation, batch_norm="train", head_at="relu", seed=2**40)
    switches = (
        Switch("TerminateOnNaN"),
        Switch("EarlyStopping", (("patience", 3), ("min_delta", 0.01), ("restore_best_weights", True), ("baseline", None))),
        Switch("TensorBoard", (("log_dir", "board"), ("profile_batch", (2, (5, "x"))))),
    )
    yield Recipe(1, callbacks=switches)


@pytest.mark.parametrize("recipe", list(recipes()))
def test_a_recipe_comes_back_as_it_was(recipe):
    again = runs.record(runs.create(replace(SETTINGS, recipe=recipe))).settings
    assert again == replace(SETTINGS, recipe=recipe)
    assert hash(again)  # all that are lists in JSON are tuples again


@pytest.mark.parametrize(
    "network",
    [
        NetworkSpec("MobileNetV2", None, False, (None, None, 3), "avg", 7, 0.35, 2, 0.5, "channels_first", "1-2"),
        ModelFile("/models/größer.keras", "1-2", "größer.keras", "tf", ("cat", "dog")),
        ModelFile('C:\\a "b".h5', "", "b"),
    ],
)
@pytest.mark.parametrize("data", [DataSpec("folder", "/data/a b", 0.0, 3, 0, "1-2"), DataSpec("zip", "/a.zip", "/held out")])
def test_network_and_data_come_back_as_they_were(network, data):
    settings = RunSettings(network, data, Recipe(0))
    assert runs.record(runs.create(settings)).settings == settings


def test_numbers_of_numpy_are_numbers():
    settings = replace(SETTINGS, recipe=Recipe(np.int64(3), phases=(Phase("head", "adam", np.float32(0.5), np.int32(2)),)))
    assert runs.record(runs.create(settings)).settings == settings


def test_what_is_no_data_makes_no_run(home):
    live = RunSettings(AdoptedModel(1, 0, "mine"), SETTINGS.data, Recipe(0))
    code = replace(SETTINGS, recipe=Recipe(0, callbacks=(Switch("LambdaCallback", (("on_epoch_end", print),)),)))
    with pytest.raises(ExplorerError, match="mine is a live model: save it"):
        runs.create(live)
    with pytest.raises(ExplorerError, match="only numbers and texts"):
        runs.create(code)
    assert not list(home.iterdir())


def changed(key, old, new):
    path = runs.folder(key) / files.SETTINGS
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"version": 1', '"version": 2', "newer version of explorer"),
        ('\\"seed\\": 0', '\\"seed\\": 0, \\"dose\\": 1', "can't be read"),
        ('\\"freeze\\": 4', '\\"freeze\\": 4.5', "can't be read"),
        ('\\"freeze\\": 4', '\\"freeze\\": true', "can't be read"),
        ('\\"freeze\\": 4, ', "", "can't be read"),
        ('\\"kind\\": \\"NetworkSpec\\"', '\\"kind\\": \\"Popen\\"', "can't be read"),
        ('"created"', '"made"', "can't be read"),
        ('"created": ', '"created": 1e300, "made": ', "can't be read"),
        ('"created": ', '"created": NaN, "made": ', "can't be read"),
        ('"version": 1', '"version": "1"', "can't be read"),
        ("{", "[", "can't be read"),
        ("}", "", "can't be read"),
    ],
)
def test_settings_that_are_not_understood_are_refused(old, new, says):
    good, bad = runs.create(SETTINGS), runs.create(SETTINGS)
    changed(bad, old, new)
    with pytest.raises(ExplorerError, match=says):
        runs.record(bad)
    assert [one.key for one in runs.records()] == [good]


def test_a_field_that_older_settings_lack_has_its_usual_value():
    key = runs.create(SETTINGS)
    changed(key, '\\"precision\\": \\"float32\\", ', "")
    assert runs.record(key).settings == SETTINGS


@pytest.mark.parametrize("nonsense", ['{"a": 1}', '"many"', "null", "[[1], []]", f"[{2**70}]"])
def test_a_result_that_is_no_result_is_none(nonsense):
    key = runs.create(SETTINGS)
    outcome = Outcome(("a", "b"), np.zeros((2, 2), np.int64), 1.0, 0.5, 1.0, (), ())
    text = files.as_json(RunResult("done", 1.0, outcome=outcome))
    assert files.from_json(RunResult, text).outcome.accuracy == 1
    (runs.folder(key) / files.RESULT).write_text(text.replace("[[0, 0], [0, 0]]", nonsense))
    assert runs.result(key) is None


def test_whole_numbers_are_read_as_fractions_where_these_are_meant():
    phase = files.from_json(Phase, files.as_json(Phase("head", "sgd", 1, momentum=0)))
    assert (type(phase.learning_rate), type(phase.momentum), type(phase.epochs)) == (float, float, int)


def test_deep_nonsense_is_refused():
    key = runs.create(SETTINGS)
    (runs.folder(key) / files.SETTINGS).write_text("[" * 100_000)
    with pytest.raises(ExplorerError, match="can't be read"):
        runs.record(key)


def test_a_full_disk_makes_no_run_and_is_said(home, monkeypatch):
    def full(_path, _text):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(ExplorerError, match=r"The disk is full: free some space where .*runs is"):
        runs.create(SETTINGS)
    assert not list(home.iterdir())


def test_a_home_that_can_not_be_written_is_said(home):
    home.write_text("a file")
    with pytest.raises(ExplorerError, match=r"Nothing can be written into .*runs .*EXPLORER_RUNS"):
        runs.create(SETTINGS)
    assert runs.records() == ()


# What is kept with a run


@pytest.fixture
def pictures(tmp_path):
    page = tmp_path / "page"
    for name in ("cats/1.png", "cats/2.png", "dogs/1.png"):
        (page / name).parent.mkdir(parents=True, exist_ok=True)
        (page / name).write_bytes(name.encode())
    (page / "empty").mkdir()
    (page / "dogs" / "secret.png").symlink_to("/etc/passwd")
    return page


def test_data_of_a_page_outlives_it(pictures, home):
    key = runs.create(replace(SETTINGS, data=DataSpec("folder", str(pictures), str(pictures), 3, stamp="1")), copy_data=True)
    data = runs.record(key).settings.data
    for path in pictures.rglob("*.png"):
        path.unlink()
    for kept in (data.path, data.validation):
        found = {
            str(path.relative_to(kept)): path.read_bytes() for path in (home / key / "data").glob("*/*/*") if str(path).startswith(kept)
        }
        assert found == {name: name.encode() for name in ("cats/1.png", "cats/2.png", "dogs/1.png")}
        assert sorted(os.listdir(kept)) == ["cats", "dogs", "empty"]
    assert (data.source, data.seed, data.stamp) == ("folder", 3, "1")


def test_where_there_are_no_hard_links_data_is_copied(pictures, monkeypatch):
    def refused(*_paths):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    key = runs.create(replace(SETTINGS, data=DataSpec("folder", str(pictures))), copy_data=True)
    (pictures / "cats" / "1.png").write_bytes(b"other")
    assert (runs.folder(key) / "data" / "training" / "cats" / "1.png").read_bytes() == b"cats/1.png"


def test_files_and_lists_of_files_are_kept(pictures):
    (pictures / "data.zip").write_bytes(b"zip")
    (pictures / "list.csv").write_text("file,class\ncats/1.png,cat\n")
    zipped = runs.record(runs.create(replace(SETTINGS, data=DataSpec("zip", str(pictures / "data.zip"))), copy_data=True))
    listed = runs.record(runs.create(replace(SETTINGS, data=DataSpec("csv", str(pictures / "list.csv"))), copy_data=True))
    assert zipped.settings.data.path == str(runs.folder(zipped.key) / "data" / "training.zip")
    assert listed.settings.data.path == str(runs.folder(listed.key) / "data" / "training" / "list.csv")
    assert (runs.folder(listed.key) / "data" / "training" / "cats" / "1.png").exists()


def test_built_in_data_and_the_users_own_stay_where_they_are(pictures):
    own = DataSpec("folder", str(pictures))
    built_in = runs.create(SETTINGS, copy_data=True)
    assert runs.record(built_in).settings == SETTINGS
    assert runs.record(runs.create(replace(SETTINGS, data=own))).settings.data == own
    assert os.listdir(runs.folder(built_in)) == ["settings.json"]


def test_a_models_file_of_a_page_outlives_it(tmp_path):
    file = tmp_path / "my.model.keras"
    file.write_bytes(b"model")
    key = runs.create(replace(SETTINGS, network=ModelFile(str(file), "old", "my model", labels=("a", "b"))), copy_network=True)
    network = runs.record(key).settings.network
    file.unlink()
    assert runs.file(key, "network.keras").read_bytes() == b"model"
    assert (network.path, network.name, network.labels) == (str(runs.folder(key) / "network.keras"), "my model", ("a", "b"))


def test_data_that_is_gone_makes_no_run(home, tmp_path):
    with pytest.raises(ExplorerError, match="No such file"):
        runs.create(replace(SETTINGS, data=DataSpec("zip", str(tmp_path / "gone.zip"))), copy_data=True)
    assert not list(home.iterdir())


# What a folder tells


def test_a_new_run_waits():
    record = runs.record(runs.create(SETTINGS))
    assert (record.state, record.history, record.step, record.seconds, record.resumable) == ("waiting", (), None, 0.0, False)
    assert runs.result(record.key) is None
    assert runs.steps(record.key) == ((), 0)


def test_the_newest_run_comes_first(monkeypatch):
    times = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(files.time, "time", lambda: next(times))
    keys = [runs.create(SETTINGS) for _ in range(3)]
    assert [one.key for one in runs.records()] == [keys[0], keys[2], keys[1]]


def test_what_is_no_run_is_left_out(home):
    key = runs.create(SETTINGS)
    (home / ("0" * 32)).mkdir()
    (home / "notes").mkdir()
    (home / "file.txt").write_text("mine")
    assert [one.key for one in runs.records()] == [key]


def test_without_a_home_there_are_no_runs():
    assert runs.records() == ()


def test_progress_is_told_while_it_grows():
    key = runs.create(SETTINGS)
    batch = TrainingStep("batch", 0, 1, 3, 9, 0.5, 0.25, 12.0)
    tell(key, TrainingStep("preparing", text="Loading…"), TrainingStep("notice", text="One class is small."), end_of(0, 0))
    first, after = runs.steps(key)
    tell(key, batch, seconds=7.5)
    assert [step.what for step in first] == ["preparing", "notice", "epoch"]
    assert runs.steps(key, after)[0] == (batch,)
    record = runs.record(key)
    assert (record.step, record.seconds, record.notices) == (batch, 7.5, ("One class is small.",))
    assert record.history == (end_of(0, 0).record,)


@pytest.mark.parametrize("cut", [1, 20, 100, 150])
def test_a_half_written_line_waits_for_its_end(cut):
    key = runs.create(SETTINGS)
    tell(key, end_of(0, 0))
    line = files.as_json(files.LogEntry(2.0, end_of(0, 1))) + "\n"
    path = runs.folder(key) / files.PROGRESS
    whole = path.read_text()
    path.write_text(whole + line[:cut])
    assert len(runs.record(key).history) == 1
    steps, after = runs.steps(key)
    assert (len(steps), after) == (1, len(whole))
    path.write_text(whole + line)
    assert runs.steps(key, after)[0] == (end_of(0, 1),)
    assert [epoch.epoch for epoch in runs.record(key).history] == [0, 1]


def test_a_line_that_a_killed_process_left_is_passed_over():
    key = runs.create(SETTINGS)
    tell(key, end_of(0, 0))
    with (runs.folder(key) / files.PROGRESS).open("a") as stream:
        stream.write('{"kind": "Told", "seconds": 1.0, "step": {"kind": "TrainingStep", "what": "epoch"\n\0\0\n\n')
    tell(key, end_of(0, 1), seconds=3.0)
    assert [epoch.epoch for epoch in runs.record(key).history] == [0, 1]
    assert [step.epoch for step in runs.steps(key)[0]] == [0, 1]
    assert runs.record(key).seconds == 3.0


def test_epochs_that_are_done_once_more_after_going_on_count_once():
    key = runs.create(SETTINGS)
    tell(key, end_of(0, 0), end_of(0, 1), end_of(1, 0, loss=9.0), end_of(1, 1, loss=9.0))
    tell(key, end_of(1, 0, loss=2.0))
    assert [(one.phase, one.epoch, one.loss) for one in runs.record(key).history] == [(0, 0, 1.0), (0, 1, 1.0), (1, 0, 2.0)]


def test_a_loss_that_is_no_number_can_be_told():
    key = runs.create(SETTINGS)
    tell(key, TrainingStep("batch", loss=float("nan")))
    assert np.isnan(runs.record(key).step.loss)


def test_a_result_says_what_a_run_has_come_to():
    outcome = Outcome(
        ("a", "b"), np.array([[3, 1], [0, 4]]), 0.875, 0.5, 0.98, (Misclassification(2, "x.png", "a", "b", 0.9, 2.3),), (("block_1", 0.01),)
    )
    history = (end_of(0, 0).record, end_of(1, 0).record)
    said = RunResult("failed", 4.5, "The loss is no number.", history, 1, ("head",), outcome, ("A notice.",))
    key = runs.create(SETTINGS)
    files.write(runs.folder(key) / files.RESULT, files.as_json(said))
    record, found = runs.record(key), runs.result(key)
    assert (record.state, record.error_message, record.history, record.best_epoch) == ("failed", "The loss is no number.", history, 1)
    assert (record.accuracy, record.low, record.high, record.seconds, record.notices) == (0.875, 0.5, 0.98, 4.5, ("A notice.",))
    assert np.array_equal(found.outcome.confusion, outcome.confusion)
    assert found.outcome.confusion.dtype == np.int64
    assert vars(found.outcome.worst[0]) == vars(outcome.worst[0])
    assert (found.outcome.weight_change, found.trainable) == (outcome.weight_change, ("head",))


def test_a_history_is_a_table():
    assert files.history_csv([Epoch(0, 1, 0.5, 2.0, 0.25)]) == (
        "phase,epoch,seconds,loss,accuracy,val_loss,val_accuracy,learning_rate\n1,2,0.5,2.0,0.25,,,\n"
    )


def test_a_run_whose_process_is_gone_is_lost_and_can_go_on():
    key = runs.create(SETTINGS)
    tell(key, end_of(0, 0))
    started(key)
    record = runs.record(key)
    assert (record.state, record.resumable, len(record.history)) == ("lost", True, 1)
    assert "process of this training is gone" in record.error_message


def logged(key, text, number=99999999):
    """Leave what a process that is gone has written into the log, after one before it that ran out of memory."""
    lines = f"{exit_reason.first_log_line(1)}\nstd::bad_alloc\n{exit_reason.first_log_line(number)}\n{text}\n"
    (runs.folder(key) / files.LOG).write_text(lines)


@pytest.mark.parametrize("backup", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "LLVM ERROR: out of memory\nAllocation failed",
        "F0000 env.cc:84] Check failed: ret == 0 (11 vs. 0) Thread x creation via pthread_create() failed.",
        "MemoryError",
    ],
)
def test_memory_that_ran_out_is_found_in_the_log_by_any_page(said, backup):
    key = runs.create(SETTINGS)
    started(key)
    logged(key, said)
    if backup:
        (runs.folder(key) / files.CHECKPOINT).write_bytes(b"arrays")
    record = runs.record(key)
    assert record.error_message.startswith("Memory ran out and ended this training. ")
    assert ("best weights so far are kept: resume it" in record.error_message) == backup
    assert ("Nothing was kept yet" in record.error_message) != backup
    assert record.error_message.endswith("log.txt has the details.")
    assert record.resumable


@pytest.mark.parametrize("text", ["", "\n", "2026-01-01 00:00:00 I tensorflow/core/util/port.cc:153] oneDNN custom operations are on."])
def test_a_log_that_says_nothing_is_not_named(text):
    key = runs.create(SETTINGS)
    started(key)
    logged(key, text)
    assert files.LOG not in runs.record(key).error_message
    (runs.folder(key) / files.PID).write_text("99999998")  # which had no time to say anything
    assert "is gone: it was killed" in runs.record(key).error_message


@pytest.mark.parametrize(
    ("free", "writable", "says"),
    [(0, True, "The disk is full: free some space"), (10**9, False, "Nothing can be written into .* allow it")],
)
def test_a_disk_that_takes_nothing_is_blamed_and_not_memory(monkeypatch, free, writable, says):
    key = runs.create(SETTINGS)
    started(key)
    monkeypatch.setattr(exit_reason.shutil, "disk_usage", lambda _place: SimpleNamespace(free=free))
    monkeypatch.setattr(exit_reason.os, "access", lambda _place, _mode: writable)
    with pytest.raises(ExplorerError, match=f"^{says}"):
        raise ExplorerError(runs.record(key).error_message)
    assert "emory" not in runs.record(key).error_message


@pytest.mark.usefixtures("waiting_child")
@pytest.mark.skipif(os.name != "posix", reason="Windows knows no signals")
@pytest.mark.parametrize(
    ("number", "says"), [(9, "was killed"), (6, "crashed (SIGABRT)"), (11, "crashed (SIGSEGV)"), (7, "crashed (SIGBUS)")]
)
def test_the_page_that_started_a_process_knows_how_it_ended(number, says):
    key = runs.create(SETTINGS)
    runs.start(key)
    processes.process(runs.folder(key)).send_signal(number)
    until(lambda: runs.record(key).state == "lost")
    assert says in runs.record(key).error_message
    runs.resume(key)
    assert processes.return_code(runs.folder(key)) is None
    runs.kill(key)


@pytest.mark.usefixtures("waiting_child")
def test_a_process_that_could_write_nothing_says_so_by_its_return_code(tmp_path):
    (tmp_path / "waiting_child.py").write_text(f"raise SystemExit({exit_reason.UNWRITABLE})")
    key = runs.create(SETTINGS)
    runs.start(key)
    until(lambda: runs.record(key).state == "lost")
    assert runs.record(key).error_message == f"Nothing could be written into {runs.folder(key)}. Then run it again."


@pytest.mark.usefixtures("waiting_child")
def test_a_process_that_has_just_been_started_is_there_at_once(monkeypatch):
    """Between its start and its own command a process has none."""
    monkeypatch.setattr(processes.psutil.Process, "cmdline", lambda _process: [])
    key = runs.create(SETTINGS)
    runs.start(key)
    assert runs.record(key).state == "running"
    runs.kill(key)


def test_a_pulse_changes_with_whatever_is_told():
    key = runs.create(SETTINGS)
    pulses = [runs.pulse(key)]
    tell(key, end_of(0, 0))
    pulses.append(runs.pulse(key))
    assert runs.pulse(key) == pulses[-1]
    os.utime(runs.folder(key) / files.PROGRESS, (5, 5))
    assert len({*pulses, runs.pulse(key)}) == 3
    runs.delete(key)
    with pytest.raises(UnknownName):
        runs.pulse(key)


@pytest.mark.parametrize(
    ("variables", "all_of_them"),
    [({}, True), ({"VOILA_BASE_URL": "/"}, False), ({"VOILA_BASE_URL": "/", runs.ALL_RUNS: "1"}, True)],
)
def test_a_dashboard_lists_its_own_runs_unless_told_otherwise_and_a_notebook_all(monkeypatch, variables, all_of_them):
    for name in ("VOILA_BASE_URL", runs.ALL_RUNS):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert runs.are_all_listed() == all_of_them


@pytest.mark.parametrize("text", ["of these tests", "1", "-1", "x", "", "9" * 40])
def test_another_process_of_the_same_number_is_not_the_runs(text):
    key = runs.create(SETTINGS)
    (runs.folder(key) / files.PID).write_text(text.replace("of these tests", str(os.getpid())))
    assert runs.record(key).state == "lost"
    runs.ask_to_stop(key)
    runs.kill(key)
    assert not (runs.folder(key) / files.STOP).exists()


@pytest.mark.parametrize(
    ("state", "backup", "resumable"), [("done", False, False), ("failed", False, False), ("failed", True, True), ("stopped", False, True)]
)
def test_a_run_can_go_on_from_its_backup(state, backup, resumable):
    key = runs.create(SETTINGS)
    files.write(runs.folder(key) / files.RESULT, files.as_json(RunResult(state, 1.0)))
    if backup:
        (runs.folder(key) / files.CHECKPOINT).write_bytes(b"arrays")
    assert runs.record(key).resumable == resumable
    if not resumable:
        with pytest.raises(ExplorerError, match="can't be resumed"):
            runs.resume(key)


def test_readers_never_see_anything_half_done():
    key = runs.create(SETTINGS)
    wrong, done = [], threading.Event()

    def look():
        count, after, seen = 0, 0, 0
        while not done.is_set() or seen < 200:
            history = runs.record(key).history
            steps, after = runs.steps(key, after)
            seen += len(steps)
            if not count <= len(history) <= 200 or any(epoch.epoch != place for place, epoch in enumerate(history)):
                wrong.append(history)
            count = len(history)

    readers = [threading.Thread(target=look, daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    for epoch in range(200):
        tell(key, end_of(0, epoch))
    done.set()
    for reader in readers:
        reader.join(60)
    assert not wrong
    assert not any(reader.is_alive() for reader in readers)


# What can be done with a run


@pytest.mark.usefixtures("waiting_child")
def test_a_run_is_started_and_stops_when_asked():
    key = runs.create(SETTINGS)
    runs.start(key)
    assert runs.record(key).state == "running"
    runs.start(key)  # it is already
    runs.resume(key)
    runs.ask_to_stop(key)
    until(lambda: runs.record(key).state == "stopped")
    assert runs.record(key).seconds == 1.5
    until(lambda: processes.process(runs.folder(key)) is None)
    assert runs.file(key, files.LOG).read_text() == "here\n"
    with pytest.raises(ExplorerError, match="started before"):
        runs.start(key)


@pytest.mark.usefixtures("waiting_child")
def test_a_killed_run_is_lost_and_goes_on():
    key = runs.create(SETTINGS)
    runs.start(key)
    runs.kill(key)
    assert runs.record(key).state == "lost"
    (runs.folder(key) / files.STOP).touch()  # of the attempt before
    runs.resume(key)
    assert runs.record(key).state == "running"
    assert not (runs.folder(key) / files.STOP).exists()
    runs.kill(key)


@pytest.mark.usefixtures("waiting_child")
@pytest.mark.skipif(os.name != "posix", reason="groups of processes are POSIX's")
def test_a_run_is_in_no_group_with_the_process_that_started_it():
    key = runs.create(SETTINGS)
    runs.start(key)
    assert os.getsid(processes.process(runs.folder(key)).pid) != os.getsid(0)
    runs.kill(key)


@pytest.mark.usefixtures("waiting_child")
def test_a_run_that_is_deleted_is_ended_first(home, tmp_path):
    (tmp_path / "mine.png").write_bytes(b"mine")
    key, other = runs.create(SETTINGS), runs.create(SETTINGS)
    (home / key / "link").symlink_to(tmp_path)
    runs.start(key)
    process = processes.process(home / key)
    runs.delete(key)
    assert not process.is_running()
    assert [one.key for one in runs.records()] == [other]
    assert (tmp_path / "mine.png").exists()
    with pytest.raises(UnknownName):
        runs.record(key)


def test_a_run_that_can_not_be_deleted_is_said(monkeypatch):
    def refused(_path):
        raise PermissionError(errno.EACCES, "Permission denied", "x.keras")

    monkeypatch.setattr(store.shutil, "rmtree", refused)
    with pytest.raises(ExplorerError, match=r"x\.keras can't be deleted: Permission denied"):
        runs.delete(runs.create(SETTINGS))


def test_a_process_that_can_not_be_started_is_said(monkeypatch):
    key = runs.create(SETTINGS)

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(processes.subprocess, "Popen", full)
    with pytest.raises(ExplorerError, match="disk is full"):
        runs.start(key)
    assert runs.record(key).state == "waiting"
    files.write(runs.folder(key) / files.RESULT, files.as_json(RunResult("stopped", 1.0)))
    with pytest.raises(ExplorerError, match="disk is full"):
        runs.resume(key)
    assert runs.record(key).state == "stopped"


@pytest.mark.usefixtures("waiting_child")
def test_a_process_whose_number_can_not_be_written_is_not_left_running(monkeypatch):
    key, launched, launch = runs.create(SETTINGS), [], processes._launch

    def full(_path, _text):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(processes, "_launch", lambda place: launched.append(launch(place)) or launched[0])
    monkeypatch.setattr(files, "write", full)
    with pytest.raises(ExplorerError, match="disk is full"):
        runs.start(key)
    assert launched[0].poll() is not None
    assert runs.record(key).state == "waiting"
