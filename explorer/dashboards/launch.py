"""The dashboards in a browser: Voila over the notebooks, on this machine only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from traitlets.config import Config

from explorer.catalog import BUNDLED
from explorer.dashboards.connections import allow_files, loopback_sockets
from explorer.errors import ExplorerError
from explorer.locale import _

PORT = 8866
START = "explore.ipynb"
IDLE = 120  # seconds after which the kernel of a page that was closed is stopped


def notebooks() -> Path:
    """Return the folder of the notebooks: inside an installed package, beside it in a clone."""
    package = Path(__file__).parents[1]
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"


def serve(port: int | None = None, browse: bool = True, theme: str | None = None, hosts: Sequence[str] = ()) -> None:
    """Serve the dashboards until interrupted; print their address with its key and open it where there is a browser.

    port: by default 8866, or a free one when that is taken.
    theme: "light" or "dark"; None for what each browser prefers, or was switched to.
    hosts: names besides localhost by which they may be asked for, such as a proxy's.
    Raises ExplorerError where the port can't be had.
    """
    folder = notebooks()
    if not (folder / START).is_file():
        raise ExplorerError(_("The notebooks are missing from {folder}; install explorer again.").format(folder=folder))
    port = free_port(PORT, 0) if port is None else free_port(port)
    # Voila looks for templates, and Jupyter for everything, in the folders that this variable lists.
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(BUNDLED), os.environ.get("JUPYTER_PATH"))))
    from explorer.dashboards.server import Dashboards

    allow_files()
    settings = _settings(port, theme)
    settings.Dashboards.update(start_page=START, browse=browse and _has_browser(), hosts=list(hosts))
    Dashboards.launch_instance([str(folder)], config=settings)


def _settings(port: int, theme: str | None) -> Config:
    settings = Config()
    # A voila.py in the folder where the command is given would be run, and could open what is closed here.
    settings.Voila.update(ip="127.0.0.1", port=port, log_level="ERROR", config_file_paths=[])
    # Voila would serve every picture below the folder to whoever asks, and take template and theme, unescaped, from the address.
    settings.VoilaConfiguration.update(template="explorer", resources={"forced_theme": theme, "gone": _gone()}, file_allowlist=[])
    settings.VoilaConfiguration.update(allow_template_override="NO", allow_theme_override="NO")
    settings.KernelRestarter.restart_limit = 0  # one started anew has no widgets: the page is loaded again
    settings.MappingKernelManager.update(cull_idle_timeout=IDLE, cull_interval=30)
    settings.VoilaConfiguration.extension_denylist = ["jupyterlab-plotly"]  # 5 MB on every page; the chart brings its own
    # One kernel has run the notebook and loaded TensorFlow before anybody asks for the page.
    settings.VoilaConfiguration.update(preheat_kernel=True, multi_kernel_manager_class="explorer.dashboards.kernels.PatientKernels")
    settings.VoilaKernelManager.kernel_pools_config = {"default": {"pool_size": 0}, START: {"pool_size": 1}}
    settings.Voila.identity_provider_class = "explorer.dashboards.kernels.Anybody"
    if os.name == "posix":
        settings.KernelManager.transport = "ipc"  # sockets that other users of the machine can't open
    return settings


def _gone() -> dict[str, str]:
    """Return the words of a page whose kernel is gone."""
    return {
        "ended": _("The kernel of this page has ended. A training is found again."),
        "lost": _("What was collected here for training is lost with the kernel."),
        "again": _("The kernel of this page has ended again, as it does where memory runs out. A training is found again."),
        "load": _("Load the page again"),
        "silent": _(
            "The command explorer has ended or does not answer. Start it again and open the address that it prints; "
            "leave this page open until then."
        ),
        "key": _("This dashboard was started anew, with another key: open the address that it printed. A training is found again."),
    }


def free_port(*wishes: int) -> int:
    """Return the first of these ports that is free on this machine; 0 stands for any."""
    for wanted in wishes:
        try:
            sockets = loopback_sockets(wanted)
        except OSError:
            continue
        port = int(sockets[0].getsockname()[1])
        for one in sockets:
            one.close()
        return port
    raise ExplorerError(_("Port {port} of this machine is taken or can't be used.").format(port=wishes[0]))


def _has_browser() -> bool:
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
