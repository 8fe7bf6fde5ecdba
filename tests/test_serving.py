import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from explorer import serving
from explorer.errors import ExplorerError
from explorer.kernels import PatientKernels


def test_the_notebooks_are_found_and_the_first_page_is_among_them():
    assert (serving.notebooks() / serving.START).is_file()


def test_a_taken_port_is_left_for_a_free_one_or_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serving.free_port(port, 0) not in (0, port)
        with pytest.raises(ExplorerError, match=f"Port {port} of this machine is taken"):
            serving.free_port(port)
    with pytest.raises(ExplorerError, match="99999"):
        serving.serve(99999)


def test_pictures_beside_the_notebooks_are_not_served_and_only_this_machine_is_listened_to():
    settings = serving._settings(1234, "dark")
    assert settings.VoilaConfiguration.file_allowlist == []
    assert settings.Voila.ip == "127.0.0.1"


def test_a_kernel_is_stopped_only_when_found_without_a_page_twice(monkeypatch):
    stopped = []

    async def stop(_self, kernel):
        stopped.append(kernel)

    monkeypatch.setattr(PatientKernels.__bases__[0], "cull_kernel_if_idle", stop)
    kernels = PatientKernels()
    kernels._kernel_connections = {"open": 1, "waiting": 0}

    async def look():
        for kernel in ("open", "waiting"):
            await kernels.cull_kernel_if_idle(kernel)

    asyncio.run(look())
    assert stopped == []
    kernels._kernel_connections["waiting"] = 1  # its page has come
    asyncio.run(look())
    kernels._kernel_connections["waiting"] = 0
    asyncio.run(look())
    assert stopped == []
    asyncio.run(look())
    assert stopped == ["waiting"]


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent otherwise on Windows")
def test_the_command_says_its_address_serves_the_page_and_ends_with_ctrl_c(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    command = [sys.executable, "-m", "explorer", "--no-browser", "--port", str(port)]
    wake = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}  # a shell's background job ignores it
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, **wake) as server:
        while "The dashboard is at" not in log.read_text():
            assert server.poll() is None, log.read_text()
            time.sleep(0.05)
        assert f"http://localhost:{port}/voila/render/explore.ipynb" in log.read_text()
        for hidden in ("explore.ipynb", "../README.md", "picture.png"):
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"http://localhost:{port}/voila/files/{hidden}")
        server.send_signal(signal.SIGINT)
        assert server.wait(60) in (0, 130), log.read_text()
