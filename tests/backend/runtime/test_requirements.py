import importlib.util

import pytest

from explorer.backend.runtime.requirements import check
from explorer.errors import BackendMissing


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An own KERAS_HOME without settings, and no backend chosen."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path


def refusal():
    with pytest.raises(BackendMissing) as refused:
        check()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_tensorflow_is_what_is_needed_and_the_default(monkeypatch):
    check()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_of_the_environment_is_refused_with_what_to_set(backend, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert repr(backend) in refusal()
    assert "KERAS_BACKEND=tensorflow" in refusal()


def test_another_backend_of_the_settings_is_refused(home):
    (home / "keras.json").write_text('{"backend": "torch"}')
    assert "'torch'" in refusal()


def test_the_environment_counts_more_than_the_settings(home, monkeypatch):
    (home / "keras.json").write_text('{"backend": "torch"}')
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check()


@pytest.mark.parametrize("settings", ["", "{", "[]", "{}", '{"floatx": "float32"}', b"\xff\xfe\x00"])
def test_settings_that_say_nothing_of_a_backend_stand_for_tensorflow(settings, home):
    (home / "keras.json").write_bytes(settings if isinstance(settings, bytes) else settings.encode())
    check()


def test_without_tensorflow_the_refusal_says_what_to_install(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "tensorflow" else found(name, *rest))
    assert "TensorFlow is not installed" in refusal()
    assert 'pip install "keras-explorer[cpu]"' in refusal()
