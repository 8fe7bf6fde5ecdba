"""What a page asks is there, in the rooms that have it as in the fakes that stand for them, and takes what it is given."""

import inspect
import subprocess
import sys

import pytest
from fake_data import DataBackend, HeldDataBackend
from fake_fine_tuning import FineTuningBackend, HeldTuningBackend
from fake_run_comparison import ComparisonBackend, HeldAftermathBackend
from fake_runs import RunningBackend
from fakes import FakeBackend, HeldBackend

from explorer.backend import service
from explorer.runs.run_files import RunFiles
from explorer.worker.backend import Backend, RunStore

FAKES = [
    FakeBackend,
    HeldBackend,
    FineTuningBackend,
    HeldTuningBackend,
    RunningBackend,
    DataBackend,
    HeldDataBackend,
    ComparisonBackend,
    HeldAftermathBackend,
]


def methods(kind):
    """Return how many arguments each public method of a class takes, by its name."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: len(inspect.signature(method).parameters) for name, method in found if not name.startswith("_")}


@pytest.mark.parametrize("fake", FAKES)
def test_a_fake_has_no_method_that_is_not_asked_for_and_each_takes_what_it_is_given(fake):
    assert methods(fake).items() <= methods(Backend).items()


def test_the_fakes_together_have_every_method():
    assert set().union(*map(methods, FAKES)) == set(methods(Backend))


@pytest.mark.parametrize(("room", "asked"), [(service.Backend, Backend), (RunFiles, RunStore)])
def test_the_rooms_have_every_method_that_is_asked_for(room, asked):
    assert methods(asked).items() <= methods(room).items()


CALLS = """
from explorer.state.requests import Requests
from explorer.values import Example, NetworkSpec, Predictions
from explorer.worker.backend import Backend, RunStore

def take(_predictions: Predictions) -> None: ...
def wrong(_predictions: bytes) -> None: ...

requests: Requests[Backend]
spec, example = NetworkSpec("digits", None), Example("image", b"", "a.png")
requests.submit("a", Backend.predict, spec, example, 5, 0, on_success=take)
requests.submit("a", Backend.predict, spec, example, "5", 0, on_success=take)  # wrong
requests.submit("a", Backend.predict, spec, example, 5, on_success=take)  # wrong
requests.submit("a", Backend.predict, spec, example, 5, 0, on_success=wrong)  # wrong
requests.submit("a", RunStore.record, "key", on_success=print)  # wrong
requests.submit("a", "predict", spec, example, 5, 0, on_success=take)  # wrong
"""


@pytest.mark.slow
def test_a_call_that_does_not_fit_is_found_before_it_is_made(tmp_path):
    (tmp_path / "calls.py").write_text(CALLS)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "calls.py")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300).stdout
    found = {int(line.split(":")[1]) for line in said.splitlines() if "calls.py:" in line and "error" in line}
    assert found == {number for number, line in enumerate(CALLS.split("\n"), 1) if line.endswith("# wrong")}, said
