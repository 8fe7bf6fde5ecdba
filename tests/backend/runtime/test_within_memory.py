"""Where the memory does not suffice, whatever is called from Python says so in one sentence."""

import numpy as np
import pytest

import explorer
from explorer.errors import ExplorerError

PICTURE = np.zeros((32, 32), np.uint8)


def exhaust(*_arguments, **_options):
    raise MemoryError


EXECUTOR = "explorer.backend.inference.executor.ModelExecutor"
CALLS = {
    "predict": (f"{EXECUTOR}.forward", lambda network: network.predict(PICTURE)),
    "predict several": ("numpy.concatenate", lambda network: network.predict([PICTURE, PICTURE])),
    "feature maps": (
        f"{EXECUTOR}.record",
        lambda network: network.feature_maps(1 + PICTURE, "block1_relu"),
    ),
    "features": ("explorer.backend.inputs.preprocessing.batch_of", lambda network: network.features(2 + PICTURE)),
    "read": ("explorer.backend.inputs.images.read", lambda network: network.read(PICTURE)),
    "view": ("explorer.backend.inputs.images.to_view", lambda network: network.inputs.view(network.read(PICTURE))),
    "evaluate": ("explorer.backend.evaluation.evaluate._measured", lambda network: network.evaluate(np.zeros((2, 32, 32, 1)), [0, 1])),
    "fine-tune": ("explorer.backend.datasets.loader.data_spec", lambda network: explorer.fine_tune(network, "digits")),
    "load": ("explorer.backend.loading.build", lambda _network: explorer.load("digits")),
}


@pytest.mark.parametrize("name", CALLS)
def test_memory_that_does_not_suffice_is_one_sentence(name, digits, monkeypatch):
    place, call = CALLS[name]
    monkeypatch.setattr(place, exhaust)
    with pytest.raises(ExplorerError, match="memory") as refused:
        call(digits)
    assert "\n" not in str(refused.value)
    assert "MemoryError" not in str(refused.value)
