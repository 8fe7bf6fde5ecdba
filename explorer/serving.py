"""The dashboards in a browser: Voila over the notebooks, on this machine only."""

from __future__ import annotations

import logging
import os
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Any

from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets.config import Config

from explorer.catalog import BUNDLED
from explorer.errors import ExplorerError
from explorer.locale import _

PORT = 8866
START = "explore.ipynb"
IDLE = 120  # seconds after which the kernel of a page that was closed is stopped


def notebooks() -> Path:
    """Return the folder of the notebooks: inside an installed package, beside it in a clone."""
    inside = Path(__file__).parent / "notebooks"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "notebooks"


def serve(port: int | None = None, browse: bool = True, theme: str | None = None) -> None:
    """Serve the dashboards until interrupted; print their address and open it where there is a browser.

    port: by default 8866, or a free one when that is taken.
    theme: "light" or "dark"; None for what each browser prefers, or was switched to.
    Raises ExplorerError where the port can't be had.
    """
    folder = notebooks()
    if not (folder / START).is_file():
        raise ExplorerError(_("The notebooks are missing from {folder}; install explorer again.").format(folder=folder))
    port = free_port(PORT, 0) if port is None else free_port(port)
    # Voila looks for templates, and Jupyter for everything, in the folders that this variable lists.
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(BUNDLED), os.environ.get("JUPYTER_PATH"))))
    from voila.app import Voila
    from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
    from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

    from explorer.kernels import Channels, Shutdown

    class Dashboards(Voila):  # type: ignore[misc]  # Voila is untyped
        """Voila that says in its own words where it is."""

        def init_handlers(self) -> list[tuple[Any, ...]]:
            """Return what answers which address."""
            own = {VoilaKernelWebsocketHandler: Channels, VoilaShutdownKernelHandler: Shutdown}
            return [(path, own.get(handler, handler), *rest) for path, handler, *rest in super().init_handlers()]

        def launch_browser(self) -> None:
            """Say where the dashboard is as soon as the server answers; Voila calls this when it listens."""
            IOLoop.current().add_callback(self.announce)

        def stop(self) -> None:
            """Stop the kernels."""
            try:
                super().stop()
            except HTTPError:
                self.log.info("a kernel that was just starting could not be stopped; it ends when it finds its parent gone")

        def announce(self) -> None:
            """Print the address and open it."""
            address = f"http://localhost:{self.port}/voila/render/{START}"
            print(_("The dashboard is at {address}\nStop it with Ctrl-C.").format(address=address), flush=True)
            if browse and _has_browser():
                webbrowser.open(address)

    # Jupyter counts the time for a ping's answer in milliseconds, and beyond the next ping; tornado complains of that on each page.
    logging.getLogger("tornado.general").addFilter(lambda record: "websocket_ping_timeout" not in record.getMessage())
    Dashboards.launch_instance([str(folder)], config=_settings(port, theme))


def _settings(port: int, theme: str | None) -> Config:
    settings = Config()
    settings.Voila.update(ip="127.0.0.1", port=port, port_retries=0, open_browser=True, log_level="ERROR")
    # Voila would serve every picture below the folder to whoever asks.
    settings.VoilaConfiguration.update(template="explorer", resources={"forced_theme": theme}, file_allowlist=[])
    settings.MappingKernelManager.update(cull_idle_timeout=IDLE, cull_interval=30)
    settings.VoilaConfiguration.extension_denylist = ["jupyterlab-plotly"]  # 5 MB on every page; the chart brings its own
    # One kernel has run the notebook and loaded TensorFlow before anybody asks for the page.
    settings.VoilaConfiguration.update(preheat_kernel=True, multi_kernel_manager_class="explorer.kernels.PatientKernels")
    settings.VoilaKernelManager.kernel_pools_config = {"default": {"pool_size": 0}, START: {"pool_size": 1}}
    if os.name == "posix":
        settings.KernelManager.transport = "ipc"  # sockets that other users of the machine can't open
    return settings


def free_port(*wishes: int) -> int:
    """Return the first of these ports that is free on this machine; 0 stands for any."""
    for wanted in wishes:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise ExplorerError(_("Port {port} of this machine is taken or can't be used.").format(port=wishes[0]))


def _has_browser() -> bool:
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
