"""Starts a kernel of the dashboards (`python -m explorer.dashboards.kernel_launcher`): ipykernel's, but it listens at no port."""

from __future__ import annotations

import os
import runpy
from typing import Any

from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread


class InwardThread(IOPubThread):  # type: ignore[misc]  # untyped
    """Publishes what this process prints, and listens for no processes that it forks: the port for these is every user's of the machine."""

    def __init__(self, socket: Any, **options: Any) -> None:
        super().__init__(socket, **options | {"pipe": False})
        self._owner = os.getpid()

    def send_multipart(self, *message: Any, **options: Any) -> None:
        """Send a message; that of a forked process goes nowhere: the socket is its parent's."""
        if os.getpid() == self._owner:
            super().send_multipart(*message, **options)


if __name__ == "__main__":
    kernelapp.IOPubThread = InwardThread
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
