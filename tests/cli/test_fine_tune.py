import csv
import json
import os
import shutil
import signal
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer import runs
from explorer.backend.fine_tuning import process_main
from explorer.cli import fine_tune
from explorer.cli import run as cli_run
from explorer.cli.main import main
from explorer.cli.printing import complain
from explorer.runs import process
from explorer.runs import serialization as files
from explorer.values import DataSpec, Epoch, Head, NetworkSpec, Phase, Recipe, RunSettings, TrainingStep

SETTINGS = RunSettings(
    NetworkSpec("digits", "digits"), DataSpec("built-in", "digits", count=50), Recipe(4, Head(0), (Phase("head", "adam", 0.01, 1),))
)
SAYS_WHERE = "explorer: This is run "
FAKE_CHILD = """
import os, signal, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
with (folder / "progress.jsonl").open("a") as told:
    told.write(Path(__file__).with_name("told").read_text())
if {signal}:
    print({log!r}, end="", flush=True)
    os.kill(os.getpid(), {signal})
while not (folder / "stop").exists():
    time.sleep(0.01)
(folder / "result.json").write_text('{{"kind": "RunResult", "state": "stopped", "seconds": 1.5}}')
"""


@pytest.fixture(autouse=True)
def home(runs_home):
    return runs_home


@pytest.fixture
def trained_here(monkeypatch):
    """Let what the process of a run does be done here, before anybody looks at it."""

    def train(place):
        if (place / files.RESULT).exists():
            (place / files.RESULT).replace(place / files.EARLIER)
        (place / files.STOP).unlink(missing_ok=True)
        process_main._save_result(place, process_main.work(place))

    monkeypatch.setattr("explorer.runs.control.spawn", train)


@pytest.fixture
def fake_child(tmp_path, monkeypatch):
    """Return a function that makes the process of a run one that tells an epoch, then ends by a signal, or waits for Stop."""

    def fake(number=0, log=""):
        epoch = files.LogEntry(1.0, TrainingStep("epoch", record=Epoch(0, 0, 0.5, 1.0, 0.5), loss=1.0))
        (tmp_path / "told").write_text(files.as_json(epoch) + "\n")
        (tmp_path / "fake_child.py").write_text(FAKE_CHILD.format(signal=int(number), log=log))
        monkeypatch.setattr(process, "CHILD", "fake_child")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return fake


@pytest.fixture
def run(capsys):
    """Return a function that runs `explorer fine-tune ...` here and returns its exit status, stdout and stderr."""

    def run(*arguments):
        try:
            status = main(["fine-tune", *map(str, arguments)])
        except SystemExit as left:
            status = left.code
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def shapes(tmp_path):
    """Two classes of eight small pictures: a bar that stands, a bar that lies."""
    random = np.random.default_rng(0)
    for kind in ("lies", "stands"):
        folder = tmp_path / "shapes" / kind
        folder.mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(230, 256, (24, 24)).astype(np.uint8)
            at = random.integers(6, 16)
            pixels[(slice(3, 21), slice(at, at + 4)) if kind == "stands" else (slice(at, at + 4), slice(3, 21))] = 0
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "shapes"


def only_run():
    """Return the one run that there is."""
    (record,) = runs.records()
    return record


def assert_refused(answer, said):
    """Check that a run of the command has ended with one line that says why, and nothing else."""
    status, out, err = answer
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert runs.records() == ()


@pytest.mark.usefixtures("trained_here")
def test_a_network_is_tuned_and_all_that_comes_of_it_lies_in_the_folder(run, shapes, tmp_path):
    folder = tmp_path / "tuned"
    arguments = ("--architecture", "digits", "--train-from", "block3", "--epochs", 2, 1, "--batch-size", 4, "--output", folder)
    status, out, err = run(shapes, *arguments)
    assert (status, len(err.splitlines())) == (0, 1)
    assert err.startswith(SAYS_WHERE)
    lines = out.splitlines()
    assert lines[0].startswith("7 of 10 layers frozen; ")
    assert lines[2].startswith("accuracy ")
    assert lines[-1] == str(folder)
    tuned = explorer.load(folder / "tuned.keras")
    assert {one.label for one in tuned.predict(shapes / "lies" / "0.png")} == {"lies", "stands"}
    assert [row["phase"] for row in csv.DictReader((folder / "history.csv").read_text().splitlines())] == ["1", "1", "2"]
    assert "fine_tune.py" in zipfile.ZipFile(folder / "digits-fine-tuning.zip").namelist()
    assert {path.name for path in tmp_path.iterdir()} == {"shapes", "tuned", "runs"}
    assert runs.records() == ()


@pytest.mark.usefixtures("trained_here")
def test_json_tells_the_same(run, shapes, tmp_path):
    arguments = ("--architecture", "digits", "--freeze", 4, "--epochs", 1, 1, "--output", tmp_path / "tuned", "--json")
    status, out, err = run(shapes, *arguments)
    told = json.loads(out)
    assert (status, told["classes"]) == (0, ["lies", "stands"])
    assert err.startswith(SAYS_WHERE)
    assert told["frozen"] == ["image", "block1_conv", "block1_relu", "block1_pool"]
    assert told["trainable"] == ["block2_conv", "block3_conv", "head_dense", "head_predictions"]
    assert [one["val_accuracy"] is not None for one in told["history"]] == [True, True]
    low, high = told["interval"]
    assert 0 <= low <= told["accuracy"] <= high <= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--train-from", "block9"], "no block or layer 'block9'"),
        (["--freeze", "11"], "10 layers"),
        (["--freeze", "3", "--train-from", "block2"], "not allowed with"),
        (["--epochs", "0", "0"], "All phases have 0 epochs"),
        (["--learning-rates", "0", "1"], "learning rate of 0.0"),
        (["--validation", "1.5"], "1.5"),
        (["--validation", "nowhere"], "nowhere"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, shapes, tmp_path, arguments, said):
    assert_refused(run(shapes, "--architecture", "digits", "--output", tmp_path / "tuned", *arguments), said)
    assert not (tmp_path / "tuned").exists()


def test_a_folder_that_is_not_empty_is_left_alone(run, shapes):
    before = sorted(shapes.rglob("*"))
    assert_refused(run(shapes, "--architecture", "digits", "--output", shapes), "is not empty")
    assert sorted(shapes.rglob("*")) == before


def test_data_that_is_none_is_one_line(run, tmp_path):
    assert_refused(run(tmp_path / "flowers", "--architecture", "digits", "--output", tmp_path / "tuned"), "flowers")


@pytest.mark.usefixtures("trained_here")
def test_what_was_trained_before_the_loss_was_no_number_is_kept(run, shapes, tmp_path):
    folder = tmp_path / "tuned"
    rates = ("--optimizers", "adam", "sgd", "--learning-rates", 0.001, 1e38, "--epochs", 1, 3, "--batch-size", 4)
    status, _out, err = run(shapes, "--architecture", "digits", "--train-from", "block1_conv", *rates, "--output", folder)
    assert status == 2
    assert "The loss became infinite or NaN in phase 2" in err
    assert "The weights of epoch 1, the best, were kept." in err
    assert len((folder / "history.csv").read_text().splitlines()) >= 2
    assert explorer.load(folder / "tuned.keras").predict(shapes / "lies" / "0.png")


# Runs that are interrupted


@pytest.mark.parametrize("name", ["SIGKILL", "SIGABRT", "SIGSEGV"])
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_process_that_is_killed_or_crashes_is_said_with_what_goes_on(run, shapes, tmp_path, fake_child, name):
    fake_child(getattr(signal, name))
    folder = tmp_path / "my tuned"
    status, out, err = run(shapes, "--architecture", "digits", "--output", folder)
    assert (status, out) == (2, "")
    said = err.splitlines()[-1]
    assert ("was killed: by the system, where memory has run out, or by someone" if name == "SIGKILL" else f"has crashed ({name})") in said
    assert "log.txt" not in said  # it is empty
    assert said.endswith(f" `explorer fine-tune --resume {only_run().key[:8]} --output '{folder}'` resumes it.")
    assert not folder.exists()
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"shapes", "runs", "told", "fake_child.py"}


def test_what_the_log_says_is_pointed_to(run, shapes, tmp_path, fake_child):
    fake_child(signal.SIGTERM, "LLVM ERROR: out of memory")
    _status, _out, err = run(shapes, "--architecture", "digits", "--output", tmp_path / "tuned")
    assert f"{runs.file(only_run().key, files.LOG)} has the details." in err


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_command_that_is_to_end_stops_the_run_and_says_what_goes_on(run, shapes, tmp_path, fake_child, monkeypatch, request, name):
    number = getattr(signal, name)

    def interrupted(_step, _phases):
        signal.raise_signal(number)
        raise OSError("the terminal is gone")

    fake_child()
    monkeypatch.setattr(fine_tune, "in_words", interrupted)
    nohup = signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)  # where tests run under nohup
    request.addfinalizer(lambda: signal.signal(number, nohup))
    before = signal.getsignal(number)
    status, out, err = run(shapes, "--architecture", "digits", "--output", tmp_path / "tuned")
    assert (status, out) == (128 + number, "")
    record = only_run()
    assert (record.state, len(record.history), record.resumable) == ("stopped", 1, True)
    assert err.splitlines()[-1].endswith(f"`explorer fine-tune --resume {record.key[:8]} --output {tmp_path / 'tuned'}` resumes it.")
    assert signal.getsignal(number) == before


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_second_ctrl_c_kills_the_run(run, shapes, tmp_path, fake_child, monkeypatch):
    def interrupted(_step, _phases):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    fake_child()
    monkeypatch.setattr(fine_tune, "in_words", interrupted)
    status, _out, err = run(shapes, "--architecture", "digits", "--output", tmp_path / "tuned")
    assert (status, only_run().state) == (130, "lost")
    assert "resumes it" in err.splitlines()[-1]


def test_what_ignores_a_closed_terminal_goes_on_ignoring_it(run, shapes, tmp_path, fake_child, monkeypatch):
    if not hasattr(signal, "SIGHUP"):
        pytest.skip("there is no such signal")
    fake_child(signal.SIGKILL)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        monkeypatch.setattr(fine_tune, "in_words", lambda _step, _phases: signal.raise_signal(signal.SIGHUP) or "")
        status, _out, _err = run(shapes, "--architecture", "digits", "--output", tmp_path / "tuned")
        assert (status, signal.getsignal(signal.SIGHUP)) == (2, signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("trained_here")
def test_a_run_goes_on_with_what_it_was_begun_with(run, tmp_path, shapes, monkeypatch):
    rows = [f"shapes/{kind}/{number}.png,x,{kind}" for kind in ("lies", "stands") for number in range(8)]
    (tmp_path / "list.csv").write_text("\n".join(["path,other,which", *rows]))
    columns = ("--label-column", "which", "--file-column", "1", "--validation", 0.25)
    monkeypatch.chdir(tmp_path)

    def stop_once(place):
        (place / files.STOP).touch()
        process_main._save_result(place, process_main.work(place))

    with monkeypatch.context() as patched:
        patched.setattr("explorer.runs.control.spawn", stop_once)
        status, _out, _err = run("list.csv", "--architecture", "digits", "--weights", "none", *columns, "--epochs", 1, 0, "--output", "out")
    assert (status, only_run().state) == (130, "stopped")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    status, out, err = run("--resume", only_run().key[:6], "--output", "out", "--json")
    assert status == 0, err
    assert json.loads(out)["classes"] == ["lies", "stands"]
    assert sorted(path.name for path in (tmp_path / "elsewhere" / "out").iterdir()) == [
        "digits-fine-tuning.zip",
        "history.csv",
        "tuned.keras",
    ]
    assert runs.records() == ()


@pytest.mark.usefixtures("trained_here")
def test_an_output_that_could_not_be_written_is_written_again(run, shapes, tmp_path, monkeypatch):
    def full(*_paths):
        raise OSError(28, "No space left on device")

    arguments = (shapes, "--architecture", "digits", "--epochs", 1, 0, "--output", tmp_path / "tuned")
    with monkeypatch.context() as patched:
        patched.setattr("explorer.cli.output_folder.shutil.copyfile", full)
        status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "can't be written: the disk is full. What was trained is kept in run" in err
    assert not (tmp_path / "tuned").exists()
    record = only_run()
    assert record.state == "done"
    status, out, _err = run("--resume", record.key, "--output", tmp_path / "tuned")
    assert (status, out.splitlines()[-1]) == (0, str(tmp_path / "tuned"))
    assert explorer.load(tmp_path / "tuned" / "tuned.keras")


def test_a_run_is_named_by_its_key_and_nothing_else(run, tmp_path, home):
    key = runs.create(SETTINGS)
    for name in (f"{key}/../{key}", f"./{key}", f"{key}/", str(home / key)):
        status, _out, err = run("--resume", name, "--output", tmp_path / "tuned")
        assert (status, "There is no run" in err) == (2, True), name


@pytest.mark.usefixtures("trained_here")
def test_a_run_of_a_page_is_written_and_stays_with_what_is_said_of_its_damaged_backup(run, tmp_path):
    key = runs.create(SETTINGS)
    for name in files.CHECKPOINTS:
        (runs.folder(key) / name).write_bytes(b"PK damaged")
    status, out, err = run("--resume", key, "--output", tmp_path / "tuned", "--json")
    said = "The backup of this training is damaged: what was trained is lost, and it begins anew."
    assert (status, said in json.loads(out)["notices"], said in only_run().notices, only_run().state) == (0, True, True, "done"), err


def test_a_run_is_written_by_one_command_at_a_time(run, tmp_path, monkeypatch):
    key = runs.create(SETTINGS)
    monkeypatch.chdir(tmp_path)
    with cli_run.claiming(Path("a")) as claim:
        claim(key)
        status, out, err = run("--resume", key[:8], "--output", "b")
    assert (status, out, only_run().state) == (2, "", "waiting")
    assert err == (
        f"explorer: Run {key[:8]} is being written into {tmp_path / 'a'} by another command: wait until that has ended, or stop it first.\n"
    )
    with cli_run.claiming(Path("b")) as claim:
        claim(key)


@pytest.mark.parametrize("resuming", [False, True])
def test_an_output_without_room_for_the_data_is_refused_before_the_training(run, tmp_path, monkeypatch, resuming):
    key = runs.create(SETTINGS) if resuming else ""
    arguments = ["--resume", key] if resuming else ["digits", "--architecture", "digits"]
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr("explorer.runs.store.shutil.disk_usage", lambda _place: usage)
    status, out, err = run(*arguments, "--output", tmp_path / "tuned")
    assert (status, out) == (2, "")
    assert "has 1.0 MB left, and this training takes up to" in err
    assert [one.state for one in runs.records()] == ["waiting"] * resuming
    assert not (tmp_path / "tuned").exists()


@pytest.mark.usefixtures("trained_here")
def test_where_the_data_can_not_be_taken_the_script_is_written_alone(run, shapes, tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.backend.fine_tuning.export_data.LARGEST", 1000)
    status, _out, err = run(shapes, "--architecture", "digits", "--epochs", 1, 0, "--output", tmp_path / "tuned")
    assert (status, "The script is written without its data: The data and weights of this training take more than" in err) == (0, True)
    assert {path.name for path in (tmp_path / "tuned").iterdir()} == {"fine_tune.py", "history.csv", "tuned.keras"}


@pytest.mark.parametrize("name", ["o/new\nline\033[31m", "a  b", " a", "it's", "ü\u200b\u00a0", "a\\b\t'", "$(x) !1", "~", "-x", "\udcff"])
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no shell")
def test_a_shell_reads_the_path_that_the_command_was_given(name, capsys):
    complain(f"`{cli_run.command('ab' * 16, name)}`")
    printed = capsys.readouterr().err.split("`", 1)[1].rsplit("`", 1)[0]
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {printed}"], stdout=subprocess.PIPE, check=True).stdout.split(b"\0")
    assert [os.fsdecode(word) for word in words[4:-1]] == ["--output", f"./{name}" if name.startswith("-") else name]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "x"], "these arguments are required, or --resume RUN: DATA, --architecture"),
        (["digits", "--output", "x"], "these arguments are required, or --resume RUN: --architecture"),
        (["--architecture", "digits", "--output", "x"], "or --resume RUN: DATA"),
        (["--resume", "1234"], "required: --output"),
        (["--resume", "1234", "--output", "x"], "There is no run '1234' in "),
        (["--resume", "", "--output", "x"], "these arguments are required"),
        (["--resume", "../../etc", "--output", "x"], "There is no run '../../etc' in "),
        (["digits", "--resume", "1234", "--epochs", "1", "1", "--output", "x"], "leave out DATA, --epochs"),
    ],
)
def test_what_is_to_be_trained_is_named_once(run, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_refused(run(*arguments), said)


def test_a_beginning_that_two_runs_have_is_not_enough(run, tmp_path, home):
    for key in ("ab" * 16, "ac" * 16):
        (home / key).mkdir(parents=True)
    status, _out, err = run("--resume", "a", "--output", tmp_path / "tuned")
    assert (status, "The names of 2 runs begin with a" in err) == (2, True)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_stops_the_training_and_keeps_what_there_is(run, shapes, tmp_path, monkeypatch):
    def interrupted(step, _phases):
        if step.what == "epoch" and step.epoch == 1:
            signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr(fine_tune, "in_words", interrupted)
    folder = tmp_path / "tuned"
    status, out, err = run(shapes, "--architecture", "digits", "--epochs", 5000, 1, "--batch-size", 4, "--output", folder)
    assert (status, out.splitlines()[-1]) == (0, str(folder))
    assert 1 + 2 <= len((folder / "history.csv").read_text().splitlines()) < 5000
    assert err.splitlines()[-1].endswith("--output NEW_FOLDER` resumes it.")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
