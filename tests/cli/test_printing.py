"""Whatever a file, a label or a class is called, the shell prints it to any terminal and pipe as one line that steers nothing."""

import io
import json
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from explorer.cli import printing
from explorer.cli.main import main
from explorer.cli.printing import complain, cut, padded, print_table, remark, tell, visible, width

pytestmark = pytest.mark.usefixtures("built_once")

STEERING = {
    "an escape code": "\x1b[31m",
    "a bell": "a\ab",
    "a line's end": "a\nb\rc",
    "a zero": "a\0b",
    "C1": "a\x9b31mb\x85",
    "other ends of lines": "a\u2028b\u2029c",
    "another direction": "cat\u202egpj.exe\u2066\u200f",
    "half a character": "a\ud800b",
    "bytes that are no text": os.fsdecode(b"a\xff\xfeb"),
    "a byte order mark": "\ufeffa",
}


class Stream(io.StringIO):
    def __init__(self, encoding):
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding


def steers(text):
    return any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252", None])
def test_what_would_steer_a_terminal_is_made_visible(encoding):
    shown = {name: visible(text, Stream(encoding)) for name, text in STEERING.items()}
    assert not [name for name, text in shown.items() if steers(text)]
    assert all(text.encode(encoding or "utf-8") for text in shown.values())


def test_what_is_written_is_what_python_writes_in_quotes():
    assert visible("\x1b[31m\u202e\ud800\x85") == r"\x1b[31m\u202e\ud800\x85"


@pytest.mark.parametrize("text", ["Füße", "猫", "пёс", "किताब", "می‌خواهم", "👩‍👩‍👧", "e\u0301", "a\\b"])
def test_words_of_any_language_stay_as_they_are(text):
    assert visible(text) == text
    assert visible(text, Stream("utf-8")) == text


def test_what_a_stream_can_not_encode_is_written_in_ascii():
    assert visible("Füße 猫", Stream("ascii")) == r"F\xfc\xdfe \u732b"
    assert visible("Füße 猫", Stream("latin-1")) == r"Füße \u732b"


def test_columns_are_as_wide_as_a_terminal_shows_them(capsys):
    assert [width(one) for one in ("cat", "猫", "e\u0301", "ｶﾅ", "Ａ", "")] == [3, 2, 1, 2, 2, 0]
    assert padded("猫", 4) == "猫  "
    assert cut("猫犬a", 3) == "猫"
    print_table([("猫", "1"), ("dog", "2"), ("e\u0301\x1b", "3")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert len({width(line) for line in lines}) == 1
    assert lines[2].startswith("e\u0301\\x1b")


@pytest.mark.parametrize("say", [tell, remark, complain])
def test_each_text_is_one_line(say, capsys):
    say("a\nb\x1bc")
    out, err = capsys.readouterr()
    assert len((out + err).splitlines()) == 1
    assert "\x1b" not in out + err


def test_streams_that_the_shell_has_closed_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    tell("a")
    complain("b")
    assert printing.visible("c", None) == "c"


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A folder with a picture called oddly, another file called so, and a text of odd labels."""
    folder = tmp_path_factory.mktemp("odd")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(folder / "\x1b[31m\u202e猫.png")
    (folder / "\x1b]0;a\a\x9b.png").write_bytes(b"nothing")
    labels = [f"{place}{text}".replace("\n", " ").replace("\r", " ").replace("\ud800", "") for place, text in enumerate(STEERING.values())]
    (folder / "labels.txt").write_text("\n".join(one.replace("\udcff", "").replace("\udcfe", "") for one in labels), encoding="utf-8")
    return folder


def test_answers_to_files_called_oddly_steer_nothing(odd, capsys):
    files = [str(path) for path in odd.glob("*.png")]
    assert main(["predict", "digits", *files, "--labels", str(odd / "labels.txt"), "--top", "10"]) == 2
    out, err = capsys.readouterr()
    assert not steers(out.replace("\n", "") + err.replace("\n", ""))
    assert r"\x1b[31m\u202e猫.png" in out
    assert r"\x1b]0;a\x07\x9b.png" in err
    assert len(err.splitlines()) == 1


def test_json_of_files_called_oddly_is_json(odd, capsys):
    files = [str(path) for path in odd.glob("*.png")]
    main(["predict", "digits", *files, "--labels", str(odd / "labels.txt"), "--json"])
    out, _err = capsys.readouterr()
    assert out.isascii()
    assert [one["file"] for one in json.loads(out)] == files


@pytest.mark.parametrize("arguments", [["\x1b[31m"], ["layers", "a\x1b\u202e"], ["predict", "digits", os.fsdecode(b"\xff\x1b.png")]])
def test_arguments_that_are_refused_steer_nothing(arguments, capsys):
    try:
        status = main(arguments)
    except SystemExit as left:
        status = left.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert not steers(err.rstrip("\n"))


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_any_encoding_of_a_pipe_will_do(encoding, tmp_path):
    name = os.fsdecode(b"\x1b(B\xff") + "猫.npz"
    clean = {key: value for key, value in os.environ.items() if key not in ("LC_ALL", "LANG", "PYTHONIOENCODING", "PYTHONUTF8")}
    done = subprocess.run(
        [sys.executable, "-m", "explorer", "predict", "digits", os.fsencode(tmp_path / name)],
        capture_output=True,
        timeout=120,
        env=clean | encoding,
    )
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = done.stderr.splitlines()
    assert line.startswith(b"explorer: There is no file")
    assert b"\x1b" not in line
