"""Real servers for the browser: each runs until its block ends."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import nbformat
import psutil
import pytest

SUPPORT = Path(__file__).parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # a download fails at once
# The command `explorer`, over notebooks of the tests.
COMMAND = """
import sys
from pathlib import Path
from explorer.cli import main
from explorer.dashboards import launch
launch.notebooks = lambda: Path(sys.argv[1])
main.main(sys.argv[2:])
"""


@dataclass
class Server:
    """A server that runs; it is known where once it has said so."""

    process: subprocess.Popen
    log: IO
    address: str = ""

    def said(self):
        """Return what it has printed so far."""
        self.log.seek(0)
        return self.log.read()

    def children(self):
        """Return the processes that it has started and that live: its kernels."""
        return [one for one in psutil.Process(self.process.pid).children() if one.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def served(command, environment, ready, folder=None):
    """Run a server, in this folder, until the block ends; yield it with its address, found in its output by the pattern `ready`."""
    options = {"env": os.environ | environment, "cwd": folder}
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stdout=log, stderr=log, **options) as process:
        server = Server(process, log)
        try:
            server.address = address_of(server, ready)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def address_of(server, ready):
    waiting = until(server)
    while not (found := re.search(ready, server.said())):
        next(waiting)
    return found[1]


def until(server):
    """Yield again and again, for as long as the server lives, and at most for ten minutes, in which it has something to do."""
    for _attempt in range(12_000):
        if server.process.poll() is not None:
            break
        time.sleep(0.05)
        yield
    pytest.fail(f"the server does not do what it should: {server.said()}")


def with_support(**environment):
    """Return an environment in whose processes the helpers of the tests can be imported."""
    path = filter(None, (str(SUPPORT), os.environ.get("PYTHONPATH")))
    return {"PYTHONPATH": os.pathsep.join(path), **environment}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_notebook(path, *codes):
    """Write a notebook of these code cells."""
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)


@contextmanager
def served_dashboards(folder=None, before="", browse=False, **environment):
    """Run the dashboards' own server until the block ends, over the notebooks in a folder; yield it.

    before: Python that the server runs first, where there is such a folder.
    """
    how = ("-P", "-c", before + COMMAND, str(folder)) if folder else ("-m", "explorer")
    command = [sys.executable, *how, *(() if browse else ("--no-browser",)), "--port", "0"]
    with served(command, OFFLINE | environment, r"The dashboard is at (\S+)\n", folder) as server:
        yield server


def wait_for(server, address):
    """Wait until a server answers at this address."""
    waiting = until(server)
    while True:
        try:
            return urllib.request.urlopen(address, timeout=60).read()
        except OSError:
            next(waiting)
