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

import pytest

OFFLINE = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # a download fails at once


@contextmanager
def served(command, environment, ready):
    """Run a server until the block ends; yield its address, found in its output by the pattern `ready`."""
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log) as server:
        try:
            yield address_in(log, ready, server)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def address_in(log, ready, server):
    for _attempt in range(1200):
        log.seek(0)
        said = log.read()
        if found := re.search(ready, said):
            return found[1]
        if server.poll() is not None:
            break
        time.sleep(0.05)
    return pytest.fail(f"the server gave no address: {said}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served_dashboards(**environment):
    """Run the dashboards' own server until the block ends; yield its address."""
    command = [sys.executable, "-m", "explorer", "--no-browser", "--port", str(free_port())]
    with served(command, OFFLINE | environment, r"The dashboard is at (\S+)") as address:
        yield address


def wait_for(address):
    for _attempt in range(600):
        try:
            return urllib.request.urlopen(address, timeout=1).read()
        except OSError:
            time.sleep(0.05)
    return pytest.fail(f"{address} did not answer")
