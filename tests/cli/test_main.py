import contextlib
import dataclasses
import io
import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer import __version__
from explorer.catalog import BUNDLED, architectures
from explorer.cli import input_files
from explorer.cli.main import main


@pytest.fixture
def run(capsys, built_once):
    """Return a function that runs the command here and returns its exit status, stdout and stderr."""

    def run(*arguments):
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as left:
            status = left.code
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def corrupt(tmp_path, photo, encode):
    file = tmp_path / "corrupt.jpg"
    data = encode(photo, "JPEG")
    file.write_bytes(data[: len(data) // 2])
    return file


def shell(*arguments):
    """Run the command as the shell does."""
    return subprocess.run([sys.executable, "-m", "explorer", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def test_predictions_are_printed_best_first(run, samples):
    status, out, err = run("predict", "digits", samples / "digit_6.png", "--top", 3)
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert [len(line) for line in lines] == [3, 3, 3]
    assert lines[0][1:] == ["6", "6"]
    scores = [float(line[0].rstrip("%")) for line in lines]
    assert scores == sorted(scores, reverse=True)


def test_five_answers_are_the_default(run, samples):
    assert len(run("predict", "digits", samples / "digit_6.png")[1].splitlines()) == 5


def test_predictions_for_several_files_are_headed_by_their_names(run, samples):
    files = [samples / "digit_6.png", samples / "digit_2.png"]
    status, out, _err = run("predict", "digits", *files, "--top", 1)
    lines = out.splitlines()
    assert status == 0
    assert [lines[0], lines[2]] == [f"{file}:" for file in files]
    assert [lines[1].split()[1], lines[3].split()[1]] == ["6", "2"]


def test_predictions_as_json_are_those_of_the_network(run, samples, digits):
    files = [samples / "digit_6.png", samples / "digit_2.png"]
    status, out, err = run("predict", "digits", *files, "--json", "--top", 2)
    assert (status, err) == (0, "")
    for one, file in zip(json.loads(out), files, strict=True):
        assert list(one) == ["file", "predictions", "assumed"]
        assert one["assumed"] == []
        assert one["file"] == str(file)
        expected = digits.predict(file, top=2)
        assert [(answer["id"], answer["label"]) for answer in one["predictions"]] == [(answer.id, answer.label) for answer in expected]
        assert [answer["score"] for answer in one["predictions"]] == pytest.approx([answer.score for answer in expected], abs=1e-5)


def test_random_weights_are_asked_for_with_none(run, samples):
    status, out, _err = run("predict", "digits", samples / "digit_6.png", "--weights", "none", "--top", 1)
    assert status == 0
    assert "class" in out


def test_photographs_are_recognised_in_the_shell(run, elephant, keras_home):
    status, out, err = run("predict", "MobileNet", elephant, "--alpha", 0.25, "--top", 1)
    assert (status, err) == (0, "")
    assert out.split()[1:] == ["African_elephant", "n02504458"]


def test_layers_are_printed_one_a_line_under_their_titles(run, digits):
    status, out, err = run("layers", "digits")
    assert (status, err) == (0, "")
    title, *lines = out.splitlines()
    assert title.split() == ["index", "name", "kind", "block", "output", "shape", "parameters"]
    assert [line.split()[:4] for line in lines] == [[str(one.index), one.name, one.kind, one.block] for one in digits.layers]
    assert lines[1].endswith("32 x 32 x 8   80")
    assert "32,832" in lines[11]


def test_layers_as_json_are_the_layer_table(run, digits):
    status, out, err = run("layers", "digits", "--weights", "none", "--json")
    assert (status, err) == (0, "")
    rows = json.loads(out)
    assert list(rows[0])[:7] == ["index", "name", "kind", "class_name", "block", "output_shape", "parameters"]
    assert rows == json.loads(json.dumps([dataclasses.asdict(layer) for layer in digits.layers]))
    assert rows[2]["inputs"] == ["block1_conv"]


def test_architectures_are_printed_one_a_line(run, no_network):
    status, out, err = run("architectures")
    assert (status, err) == (0, "")
    _title, *lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(architectures)
    assert [line.split()[-1] for line in lines] == ["yes" if row.bundled else "no" for row in architectures.values()]
    assert next(line for line in lines if "VGG16" in line).split()[1:5] == ["71.3%", "138,357,544", "23", "528"]


def test_architectures_as_json_are_the_catalog(run, no_network):
    status, out, err = run("architectures", "--json")
    assert (status, err) == (0, "")
    for row, known in zip(json.loads(out), architectures.values(), strict=True):
        assert (row["name"], row["parameters"], row["size"], row["top1"]) == (known.name, known.parameters, known.size, known.top1)
        assert row["here"] is known.bundled
        assert row["input_size"] == list(known.input_size)


def test_its_version_and_help_are_said_on_stdout(run):
    assert run("--version") == (0, f"{__version__}\n", "")
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    commands = ("predict", "layers", "feature-maps", "features", "architectures", "weights")
    assert all(one in out for one in (*commands, "--no-browser", "--memory"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["layers", "VGG17"], "There is neither an architecture nor a file 'VGG17'. Did you mean VGG19 or VGG16?"),
        (["layers", "gone.keras"], "There is no model file gone.keras."),
        (["predict", "VGG17", "a.jpg"], "a.jpg"),
        (["layers", "digits", "--loud"], "--loud"),
        (["fly"], "fly"),
        (["predict", "digits"], "FILE"),
        (["layers", "digits", "--weights", "imagenet"], "digits has no weights 'imagenet'"),
        (["layers", "digits", "--alpha", "0.5"], "digits takes no alpha"),
        (["layers", "MobileNet", "--alpha", "much"], "much"),
        (["layers", "MobileNet", "--alpha", "0.3"], "has no imagenet weights for alpha=0.3"),
        (["layers", "MobileNet", "--weights", "none", "--alpha", "0.01"], "MobileNet"),
        (["predict", "digits", "gone.png"], "There is no file gone.png."),
        (["predict", "digits", "."], "is not a file"),
        (["--theme", "pink"], "pink"),
        (["--port", "http"], "http"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_be_done_is_said_in_one_line_with_status_2(arguments, says, run):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("explorer")
    assert says in err


@pytest.mark.parametrize("top", ["0", "11", "-1", "many", "1.5"])
def test_a_top_that_is_no_number_of_classes_is_said_in_one_line(top, run, samples):
    status, out, err = run("predict", "digits", samples / "digit_1.png", f"--top={top}")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert top in err


def test_a_corrupt_file_is_said_in_one_line(run, corrupt):
    status, out, err = run("predict", "digits", corrupt)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "corrupt.jpg is damaged or cut off" in err


def test_one_bad_file_among_good_ones_does_not_lose_their_answers(run, corrupt, samples, tmp_path):
    files = [samples / "digit_1.png", corrupt, tmp_path / "gone.png", samples / "digit_2.png"]
    status, out, err = run("predict", "digits", *files, "--json", "--top", 1)
    assert status == 2
    told = json.loads(out)
    assert [one["file"] for one in told] == [str(file) for file in files]
    assert [one["predictions"][0]["label"] for one in told if "predictions" in one] == ["1", "2"]
    assert ["error" in one for one in told] == [False, True, True, False]
    assert "corrupt.jpg is damaged or cut off" in told[1]["error"]
    assert sorted(err.splitlines()) == sorted(
        [f"explorer: There is no file {files[2]}.", f"explorer: {corrupt}: {told[1]['error']}"],
    )
    status, out, err = run("predict", "digits", *files, "--top", 1)
    assert (status, len(err.splitlines())) == (2, 2)
    assert [line for line in out.splitlines() if line.endswith(":")] == [f"{files[0]}:", f"{files[3]}:"]


def test_features_of_the_files_that_can_be_read_are_written_and_it_is_said_which_they_are(run, corrupt, samples, tmp_path, digits):
    files = [corrupt, samples / "digit_1.png", samples / "digit_2.png"]
    status, out, err = run("features", "digits", *files, "--pooling", "avg", "--output", tmp_path / "features.npy")
    assert status == 2
    assert f"{tmp_path / 'features.npy'} has 2 rows, in the order of the files that could be read." in err.splitlines()
    assert [line.split()[0] for line in out.splitlines()[1:]] == [str(file) for file in files[1:]]
    assert np.allclose(np.load(tmp_path / "features.npy"), digits.features(files[1:], pooling="avg"), atol=1e-5)
    status, out, _err = run("features", "digits", *files, "--json")
    assert ["error" in one for one in json.loads(out)] == [True, False, False]


def test_where_no_file_can_be_read_nothing_is_printed_but_why(run, corrupt, tmp_path):
    status, out, err = run("features", "digits", corrupt, tmp_path / "gone.png", "--output", tmp_path / "features.npy")
    assert (status, out, len(err.splitlines())) == (2, "", 2)
    assert not (tmp_path / "features.npy").exists()
    status, out, err = run("predict", "VGG17", tmp_path / "gone.png", "--json")
    assert (status, [list(one) for one in json.loads(out)]) == (2, [["file", "error"]])


@pytest.fixture
def album(tmp_path, samples, monkeypatch):
    """A folder with pictures in it and in folders inside it, which is the current one."""
    for name, digit in (("b.png", 2), ("a.png", 1), ("more/c.png", 4), ("more/deep/d.png", 6), ("a [1].png", 7)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((samples / f"digit_{digit}.png").read_bytes())
    (tmp_path / "notes.txt").write_text("no picture")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("patterns", "labels"),
    [
        (["*.png"], {"a [1].png": "7", "a.png": "1", "b.png": "2"}),
        (["?.png", "more/*.png"], {"a.png": "1", "b.png": "2", "more/c.png": "4"}),
        (["more/**/*.png"], {"more/c.png": "4", "more/deep/d.png": "6"}),
        (["[b-z].png"], {"b.png": "2"}),
        (["a [1].png"], {"a [1].png": "7"}),
    ],
    ids=str,
)
def test_patterns_that_the_shell_leaves_alone_stand_for_what_they_match(patterns, labels, digits, album):
    _network, asked = input_files.ask(patterns, lambda: digits, lambda network, examples: network.predict(examples, top=1))
    assert {one.file.replace(os.sep, "/"): one.answer[0].label for one in asked} == labels


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["predict", "digits", "*.jpg"], "No file matches *.jpg."),
        (["predict", "digits", "more"], f"more is not a file but a folder; write more{os.sep}* for the files in it."),
        (["feature-maps", "digits", "?.png", "1"], "?.png matches 2 files, such as a.png; name one."),
        (["over-time", "timbres", "*.wav"], "No file matches *.wav."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_pattern_that_matches_nothing_or_too_much_is_said(arguments, says, run, album):
    assert run(*arguments) == (2, "", f"explorer: {says}\n")


def test_a_command_of_one_file_takes_a_pattern_that_matches_one(run, album):
    assert run("feature-maps", "digits", "b*.png", "1")[0] == 0


LABELS = ["Löwe", "猫", "plain", *"456789", "Ω\u2028end"]


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "utf-16", "crlf", "cr"])
def test_labels_are_read_as_editors_write_them(written, tmp_path):
    text = {"crlf": "\r\n", "cr": "\r"}.get(written, "\n").join(LABELS) + "\n\n  \n"
    (tmp_path / "labels.txt").write_bytes(text.encode("utf-8" if written in ("crlf", "cr") else written))
    assert input_files.lines(tmp_path / "labels.txt") == LABELS


@pytest.fixture(scope="module")
def digits_of_my_own(tmp_path_factory):
    """A file of a model whose classes have no names."""
    path = tmp_path_factory.mktemp("own") / "mine.keras"
    explorer.load("digits").model.save(path)
    return path


@pytest.mark.parametrize(("encoding", "json_too"), [("ascii", []), ("cp1252", ["--json"]), ("utf-8", [])])
def test_any_label_and_any_files_name_can_be_printed_whatever_the_encoding(
    encoding, json_too, digits_of_my_own, tmp_path, samples, monkeypatch
):
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8-sig")
    files = [os.fsencode(tmp_path) + name for name in (b"/caf\xe9.png", "/日本.png".encode(), b"/gone\xff.png")]
    for file in files[:2]:
        with contextlib.suppress(OSError), open(file, "wb") as picture:  # macOS has no names that are no UTF-8
            picture.write((samples / "digit_1.png").read_bytes())
    written = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for name in ("stdout", "stderr")}
    for name, stream in written.items():
        monkeypatch.setattr(sys, name, stream)
    names = [os.fsdecode(file) for file in files]
    status = main(["predict", str(digits_of_my_own), *names, "--labels", str(tmp_path / "labels.txt"), "--top", "10", *json_too])
    monkeypatch.undo()
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in written.values())
    assert status == 2
    assert "plain" in out
    assert "There is no file" in err
    assert written["stdout"].errors == "strict"
    if json_too:
        assert out.isascii()
        assert [one["file"] for one in json.loads(out)] == names
        assert LABELS[1] in {one["label"] for one in json.loads(out)[1]["predictions"]}


def test_weights_that_can_not_be_had_are_said_in_one_line(run, no_network):
    status, out, err = run("layers", "MobileNetV2")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "The weights of MobileNetV2 (14 MB) are not on this machine." in err


def test_in_a_shell_json_is_all_that_stdout_holds_and_a_failure_is_one_line_on_stderr(samples, tmp_path):
    """TensorFlow, which is loaded between them, says nothing."""
    files = [samples / "digit_4.png", tmp_path / "gone.png"]
    done = shell("predict", "digits", *files, "--json", "--top", 2)
    assert (done.returncode, done.stderr) == (2, f"explorer: There is no file {files[1]}.\n")
    answered, failed = json.loads(done.stdout)
    assert [answered["file"], failed["file"]] == [str(file) for file in files]
    assert [list(one) for one in answered["predictions"]] == [["id", "label", "score"]] * 2
    assert answered["predictions"][0]["id"] == "4"


def test_what_reads_no_further_than_the_first_lines_ends_the_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "explorer", "architectures"], stdout=closed, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_what_the_machine_refuses_is_one_line_too(run, monkeypatch):
    def refuse():
        raise PermissionError(13, "Permission denied", "/weights")

    monkeypatch.setattr("explorer.backend.weights.cache.at_hand", refuse)
    assert run("architectures") == (2, "", "explorer: /weights: Permission denied\n")


MELODY = BUNDLED / "samples" / "melody.ogg"


def test_answers_over_time_are_printed_a_window_a_line(run):
    status, out, err = run("over-time", "timbres", MELODY, "--hop", 4, "--top", 2)
    assert (status, err) == (0, "")
    best = [re.search(r"^ +([\d.]+) s +[\d.]+% ([a-z ]+), [\d.]+% [a-z ]+$", line).groups() for line in out.splitlines()]
    assert [float(start) for start, _label in best] == [0, 4, 8, 12, 16, 20, 24, 28]
    assert [label for _start, label in best] == ["plucked string", "flute", "brass", "bowed string", "organ", "bell", "flute", "brass"]


def test_answers_over_time_as_json_and_as_arrays_are_those_of_the_network(run, tmp_path):
    status, out, err = run("over-time", "timbres", MELODY, "--hop", 8, "--json", "--output", tmp_path / "scores.npz")
    assert (status, err) == (0, "")
    expected, said, written = explorer.load("timbres").over_time(MELODY, hop=8), json.loads(out), np.load(tmp_path / "scores.npz")
    assert (said["window"], said["hop"], said["labels"]) == (expected.window, expected.hop, list(expected.labels))
    assert [one["start"] for one in said["windows"]] == expected.starts.tolist()
    np.testing.assert_allclose([one["scores"] for one in said["windows"]], expected.scores, atol=1e-5)
    np.testing.assert_allclose(written["scores"], expected.scores, atol=1e-5)
    assert written["labels"].tolist() == list(expected.labels)


def test_a_network_of_pictures_has_no_answers_over_time(run, samples):
    status, out, err = run("over-time", "digits", samples / "digit_1.png")
    assert (status, out) == (2, "")
    assert "digits reads no sound" in err


def test_maps_of_sound_are_written_with_low_frequencies_at_the_bottom(run, tmp_path):
    status, _out, err = run("feature-maps", "timbres", MELODY, "spectrogram", "--output", tmp_path / "maps.png")
    assert (status, err) == (0, "")
    drawn = np.asarray(Image.open(tmp_path / "maps.png")).astype(float)
    spectrum = explorer.load("timbres").feature_maps(MELODY, "spectrogram")[..., 0]
    assert np.corrcoef(drawn.mean(axis=1), spectrum[::-1][:: 64 // len(drawn)].mean(axis=1))[0, 1] > 0.9


def test_what_is_wrong_with_a_sound_that_can_be_heard_is_said_on_stderr(run, tmp_path):
    lying = tmp_path / "lying.wav"
    samples = (np.sin(np.arange(32_000) / 9) * 9000).astype("<i2").tobytes()
    header = b"RIFF" + struct.pack("<I", 10**9) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    lying.write_bytes(header + b"data" + struct.pack("<I", 10**9) + samples)
    status, out, err = run("predict", "timbres", lying, "--top", 1)
    assert status == 0
    assert out.strip()
    assert err == "The header of lying.wav promises 31250.0 s; 2.0 s are there.\n"


@pytest.fixture
def plain_model(tmp_path):
    """The file of a model that says nothing of how it reads pictures."""
    from explorer.backend.runtime.keras import keras

    file = tmp_path / "plain.keras"
    picture = keras.Input((28, 28))
    hidden = keras.layers.Dense(4, activation="relu", name="hidden")(keras.layers.Flatten(name="flat")(picture))
    keras.Model(picture, keras.layers.Dense(3, activation="softmax", name="top")(hidden)).save(file)
    return file


def test_what_was_assumed_is_said_on_stderr_and_in_json(run, samples, plain_model, tmp_path):
    guess = "Nothing says how pixels are prepared; they are brought to 0 to 1. preprocess= sets it otherwise."
    file = samples / "digit_1.png"
    for command in (("predict", plain_model, file), ("feature-maps", plain_model, file, "top"), ("features", plain_model, file)):
        status, out, err = run(*command, "--json")
        assert (status, err) == (0, f"explorer: {guess}\n")
        assert [one["assumed"] for one in json.loads(out)] == [[guess]]
        status, out, err = run(*command, "--json", "--preprocess", "unit")
        assert (status, err) == (0, "")
        assert [one["assumed"] for one in json.loads(out)] == [[]]
    assert run("predict", plain_model, file)[2] == f"explorer: {guess}\n"
    assert run("layers", plain_model)[2] == "", "nothing is read"
    np.save(tmp_path / "drawn.npy", np.full((28, 28), 255.0))
    status, out, err = run("predict", plain_model, tmp_path / "drawn.npy", "--json", "--preprocess", "unit")
    assert (status, json.loads(out)[0]["assumed"]) == (0, ["Its values, up to 255, are taken for pixels of 0 to 255."])
    assert err == "drawn.npy: Its values, up to 255, are taken for pixels of 0 to 255.\n"
