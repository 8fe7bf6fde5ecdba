import os
import signal
import subprocess
import sys

import pytest

from explorer.cli import streams
from explorer.cli.main import main


def in_a_shell(command, samples):
    script = f'"{sys.executable}" -m explorer {command}'
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=300, cwd=samples)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_with_stderr_closed_the_answer_is_there(samples):
    done = in_a_shell("predict digits digit_4.png --top 1 2>&-", samples)
    assert (done.returncode, done.stdout.split()[-1]) == (0, "4")


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_with_stdout_closed_it_is_said_that_the_answer_is_lost(samples):
    done = in_a_shell("predict digits digit_4.png >&-", samples)
    assert (done.returncode, done.stderr) == (2, "explorer: The answer has nowhere to go: stdout is closed.\n")


def test_ctrl_c_ends_what_only_reads_at_once(monkeypatch):
    handlers = []
    monkeypatch.setattr("explorer.cli.main.cli_network.load", lambda *_given, **_options: handlers.append(signal.getsignal(signal.SIGINT)))
    with pytest.raises(AttributeError):  # there is no network
        main(["layers", "digits"])
    assert handlers == [signal.SIG_DFL]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_somebody_else_is_left():
    before = signal.signal(signal.SIGINT, lambda *_given: None)
    try:
        own = signal.getsignal(signal.SIGINT)
        with streams.ended_by_ctrl_c():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
