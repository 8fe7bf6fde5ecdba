import gc
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

import fake_runs
import numpy as np
import pytest
from chromium import browser, show_loop
from fake_aftermath import FakeTrainings
from fake_tuning import DATA
from needs import skip_or_fail
from PIL import Image

import explorer
from explorer import runs
from explorer.catalog import BUNDLED
from explorer.runs import process
from explorer.state.fine_tuning import Tuning
from explorer.state.run_comparison import Aftermath
from explorer.state.run_list import Trainings
from explorer.state.session import Session
from explorer.worker.queue import InlineWorker

TEST_DATA = "EXPLORER_TEST_DATA"
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
# The files that take longest, begun first: no process is left with one of them when the others have nothing more to do.
LONGEST = (
    *("test_export_script", "test_trainer", "test_architectures", "test_dashboard", "test_loading", "test_process_main"),
    *("test_resnext", "test_sound_on_a_page", "test_network", "test_recipes", "test_receptive_fields", "test_fine_tuning"),
)
_empty_home = None
_runs = None


def pytest_configure(config):
    """Set KERAS_HOME before Keras reads it, which it does once, when it is imported, and where runs lie: never the user's own."""
    global _empty_home, _runs
    _runs = Path(tempfile.mkdtemp(prefix="explorer_runs-"))
    os.environ["EXPLORER_RUNS"] = str(_runs)
    home = Path(os.environ[TEST_DATA]).resolve() / "keras_home" if os.environ.get(TEST_DATA) else None
    if home is None or not home.is_dir():
        home = _empty_home = Path(tempfile.mkdtemp(prefix="keras_home-"))
    os.environ["KERAS_HOME"] = str(home)
    os.environ["LANGUAGE"] = "C"  # the messages as they are written
    sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema goes without it: its grammars take three seconds to build


def pytest_unconfigure(config):
    if _empty_home:
        shutil.rmtree(_empty_home, ignore_errors=True)
    shutil.rmtree(_runs, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without Python's collector, which would look through all that is imported over and over: half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    for item in items:
        if "test_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.weights)
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    show_loop("chromium" in item.fixturenames)


@pytest.fixture
def runs_home(tmp_path, monkeypatch):
    """Let runs lie in a folder of the test's own; their processes are ended with it."""
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "runs"))
    yield tmp_path / "runs"
    for place in runs.home().iterdir() if runs.home().is_dir() else ():
        process.end(place)


@pytest.fixture(scope="session")
def chromium():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def test_data():
    if not os.environ.get(TEST_DATA):
        pytest.skip("EXPLORER_TEST_DATA is not set: no real weights")
    folder = Path(os.environ[TEST_DATA]).resolve()
    if not folder.is_dir():
        skip_or_fail(f"EXPLORER_TEST_DATA: there is no folder {folder}")
    return folder


def existing(path):
    if not path.exists():
        skip_or_fail(f"EXPLORER_TEST_DATA has no {path.name}")
    return path


def set_keras_home(monkeypatch, folder):
    """Set Keras's folder for explorer, which reads KERAS_HOME, and for Keras, which has read it already."""
    import keras_settings

    monkeypatch.setenv("KERAS_HOME", str(folder))
    keras_settings.set_home(monkeypatch, folder)


@pytest.fixture
def keras_home(test_data, monkeypatch):
    folder = existing(test_data / "keras_home")
    set_keras_home(monkeypatch, folder)
    return folder


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """Make every download fail at once; return the empty KERAS_HOME that is set meanwhile."""
    folder = tmp_path / "empty_keras_home"
    folder.mkdir()
    set_keras_home(monkeypatch, folder)
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("urllib.request._opener", None)  # one made earlier would not know the proxies
    return folder


@pytest.fixture(scope="session")
def pictures(test_data):
    return existing(test_data / "pictures")


@pytest.fixture(scope="session")
def elephant(pictures):
    return existing(pictures / "elephant.jpg")


@pytest.fixture(scope="session")
def samples():
    return BUNDLED / "samples"


@pytest.fixture(scope="session")
def digits():
    return explorer.load("digits")


@pytest.fixture(scope="session", params=["digits", "MobileNet"])
def untrained(request):
    """A small architecture with random weights, built once; pytest runs the tests of one together and lets go of it."""
    from explorer.backend.runtime.keras import keras

    keras.utils.set_random_seed(0)
    yield explorer.load(request.param, weights=None)
    gc.collect()


@pytest.fixture(scope="session")
def photo():
    """A picture that is not square and has edges and colours: RGB pixels, uint8 (90, 150, 3)."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((150, 90), Image.Resampling.BICUBIC))


@pytest.fixture
def encode():
    """Return the bytes of a picture file."""

    def encode(image, kind="PNG", **options):
        out = io.BytesIO()
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
        return out.getvalue()

    return encode


# The state of a page, over the fake that a module or a folder names as its `backend`


@pytest.fixture
def session(backend):
    """The session of a page that opens with "digits"; what it asks is answered at once."""
    return Session(worker=InlineWorker(lambda: backend))


@pytest.fixture
def worker_here(backend, monkeypatch):
    """Let `backend` be asked by every session that is made without a worker, as a page makes its own."""
    monkeypatch.setattr("explorer.state.requests.worker_here", lambda: InlineWorker(lambda: backend))


@pytest.fixture
def tuning(session):
    """The fine-tuning that is looked at on the page of `session`; no data yet."""
    tuning = Tuning(session)
    tuning.shown = True
    return tuning


@pytest.fixture
def alive(backend, tmp_path, monkeypatch):
    """The keys of the runs whose processes live; `backend` is a `RunningBackend`, and runs lie in a folder of the test."""
    fake_runs.play(monkeypatch, tmp_path, backend.alive)
    return backend.alive


@pytest.fixture
def trainings(session, tuning, alive):
    """The runs of the page of `tuning`, which has data now: one can begin."""
    tuning.data = DATA
    return Trainings(session, tuning)


@pytest.fixture
def fake_trainings():
    """In place of `trainings`: a run is shown by assigning it to `run`."""
    return FakeTrainings()


@pytest.fixture
def aftermath(session, fake_trainings):
    """What the run that `fake_trainings` shows has come to, looked at; `backend` is an `AftermathBackend`."""
    aftermath = Aftermath(session, fake_trainings)
    aftermath.shown = True
    return aftermath
