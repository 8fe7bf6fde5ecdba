import asyncio
import os
import re
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from served import served_dashboards, write_notebook

from explorer.dashboards import launch
from explorer.dashboards.kernels import LONELY, HiddenKernel, PatientKernels
from explorer.errors import ExplorerError


def test_the_notebooks_are_found_and_the_first_page_is_among_them():
    assert (launch.notebooks() / launch.START).is_file()


def test_a_taken_port_is_left_for_a_free_one_or_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert launch.free_port(port, 0) not in (0, port)
        with pytest.raises(ExplorerError, match=f"Port {port} of this machine is taken"):
            launch.free_port(port)
    with pytest.raises(ExplorerError, match="99999"):
        launch.serve(99999)


def test_pictures_beside_the_notebooks_are_not_served_and_only_this_machine_is_listened_to():
    settings = launch._settings(1234, "dark")
    assert settings.VoilaConfiguration.file_allowlist == []
    assert settings.VoilaConfiguration.allow_theme_override == settings.VoilaConfiguration.allow_template_override == "NO"
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


def test_a_kernel_that_no_page_ever_came_to_is_stopped_sooner_but_not_while_its_page_is_being_made(monkeypatch):
    stopped = []

    async def stop(_self, kernel):
        stopped.append(kernel)

    monkeypatch.setattr(PatientKernels, "shutdown_kernel", stop)
    kernels = PatientKernels()
    kernels._kernels = {"one": SimpleNamespace(execution_state="idle", last_activity=None)}
    for state in ("starting", "idle", "busy", "idle"):
        kernels._kernels["one"].execution_state = state
        asyncio.run(kernels.cull_kernel_if_idle("one"))
    assert stopped == []
    asyncio.run(kernels.cull_kernel_if_idle("one"))
    assert stopped == ["one"]


def test_a_kernel_that_has_died_is_given_to_no_page(monkeypatch):
    stopped = []

    async def stop(_self, kernel, now=False):
        stopped.append((kernel, now))

    class Kernel:
        def __init__(self, alive):
            self.alive = alive

        async def is_alive(self):
            return self.alive

    async def died(kernels, name):
        kernels._handle_kernel_died(name)
        await asyncio.sleep(0)

    monkeypatch.setattr(PatientKernels, "shutdown_kernel", stop)
    kernels = PatientKernels()
    kernels._kernels = {"lives": Kernel(True), "dead": Kernel(False)}
    asyncio.run(kernels.clear_dead())
    asyncio.run(died(kernels, "lives"))
    asyncio.run(died(kernels, "gone"))
    assert stopped == [("dead", True), ("lives", True)]


def test_a_kernel_that_ends_is_not_started_anew_without_its_widgets():
    assert launch._settings(1234, None).KernelRestarter.restart_limit == 0


def test_there_is_room_for_pages_until_too_many_kernels_have_none():
    kernels = PatientKernels()
    kernels._kernels = dict.fromkeys(map(str, range(2 * LONELY)))
    kernels._kernel_connections = {str(number): int(number < LONELY + 1) for number in range(2 * LONELY)}
    assert kernels.has_room()  # pages with a connection don't count
    kernels.opening = 1
    assert not kernels.has_room()


def test_a_kernel_s_connection_file_does_not_name_it(tmp_path):
    one, other = (HiddenKernel(connection_file=str(tmp_path / "kernel-0123.json")).connection_file for _again in range(2))
    assert one != other
    assert "0123" not in one + other
    assert Path(one).parent == Path(other).parent == tmp_path


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent otherwise on Windows")
def test_the_command_says_its_address_serves_the_page_and_ends_with_ctrl_c(tmp_path):
    write_notebook(tmp_path / "explore.ipynb", "print('come in')")
    # A shell's background job ignores Ctrl-C.
    with served_dashboards(tmp_path, "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)") as server:
        assert re.fullmatch(r"http://localhost:\d+/voila/render/explore\.ipynb\?token=\w+", server.address)
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        script = server.address.replace("render/explore.ipynb", "static/voila.js")
        with browser.open(script) as answer:  # the key led on to the address without it
            assert (answer.status, answer.url) == (200, script.partition("?")[0])
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(answer.url)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(300) in (0, 130), server.said()
