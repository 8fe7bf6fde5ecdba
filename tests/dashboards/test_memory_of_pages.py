"""Pages that are made again and again in one kernel: how much memory that takes."""

import re
import sys
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MODEL = """
import explorer
from explorer.backend.runtime.keras import keras
layers = [layer for _again in range(4) for layer in (keras.layers.Conv2D(48, 1), keras.layers.ReLU())]
model = keras.Sequential([keras.Input((256, 256, 3)), *layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
"""  # of its activations 96 MB are remembered
ANSWERED = """
import asyncio
async with asyncio.timeout(60):
    while page.session.busy or page.session.feature_maps is None:
        await asyncio.sleep(0.02)
print(page.session.feature_maps.count, page.session.failure)
"""


@pytest.fixture
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(kernel, code):
    """Run a cell; return what it prints, or how it failed."""
    said = []

    def hear(message):
        said.append(message["content"].get("text") or "\n".join(message["content"].get("traceback", ())))

    kernel[1].execute_interactive(code, output_hook=hear, timeout=120, allow_stdin=False)
    return "".join(said)


def memory(kernel):
    """Return the resident memory of a kernel in kB."""
    status = Path(f"/proc/{kernel[0].provisioner.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def test_a_cell_that_is_run_ten_times_takes_little_more_memory_than_once(kernel):
    assert run(kernel, MODEL) == ""
    taken = []
    for _again in range(10):
        run(kernel, "page = explorer.Explorer(model); page")
        assert re.fullmatch(r"48 \n", run(kernel, ANSWERED))
        taken.append(memory(kernel))
    assert taken[-1] < 1.1 * taken[0], f"{taken} kB"
