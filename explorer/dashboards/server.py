"""Voila as the dashboards use it: what it answers, behind the door, on this machine only."""

from __future__ import annotations

import logging
import re
import webbrowser
from contextlib import suppress
from http.client import responses
from pathlib import Path
from threading import Thread
from typing import Any, cast

from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from nbclient.exceptions import DeadKernelError
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RedirectHandler, RequestHandler
from traitlets import Bool, List, Unicode
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from explorer.dashboards.access import TOKEN, Door, Notice, Sealed, page
from explorer.dashboards.connections import BoundedServer, loopback_sockets
from explorer.dashboards.kernels import Channels, Pages, Shutdown
from explorer.locale import _

# All that is answered, and by whom. What else Voila has (themes, tree, contents, files, login, logout, query) stays closed.
ANSWERED = {
    VoilaKernelWebsocketHandler: Channels,
    VoilaShutdownKernelHandler: Shutdown,
    TornadoVoilaHandler: Pages,
    **{handler: handler for handler in (KernelHandler, TemplateStaticFileHandler, MultiStaticFileHandler, FileFindHandler)},
}
NAME = r"[\w@~+-][\w@~+.-]*"  # of a file or folder that is handed out
FILE = f"{NAME}(?:/{NAME})*"
# What Jupyter and tornado tell the terminal and nobody there can use. A ping's time is counted in milliseconds, and beyond the
# next ping, which tornado complains of on each page; of a kernel that has died its page tells, and loads itself again.
NOISE = ("websocket_ping_timeout", "restarted failed", "Got events for closed stream", "Kernel died while waiting")


def _is_of_use(record: logging.LogRecord) -> bool:
    """Return whether a message is for the terminal."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, DeadKernelError) and not any(words in record.getMessage() for words in NOISE)


class Quiet:
    """What a handler says of a bad address: a short page, and nothing in the terminal, which whoever asks could fill or paint."""

    def write_error(self, status_code: int, **_reasons: Any) -> None:
        """Name the error to the browser."""
        cast(RequestHandler, self).finish(page(f"{status_code} {responses.get(status_code, '')}", ""))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Tell of an error that is ours only."""
        if not isinstance(error, HTTPError):
            super().log_exception(kind, error, trace)  # type: ignore[misc]


class Dashboards(Voila):  # type: ignore[misc]  # Voila is untyped
    """Voila that lets in who has the key, and says in its own words where it is."""

    start_page = Unicode(config=True, help="the notebook that opens first")
    browse = Bool(config=True, help="whether to open it in a browser")
    hosts = List(Unicode(), config=True, help="other names that this server may be asked for by")

    def init_settings(self) -> dict[str, Any]:
        """Return the settings of the application."""
        lost = {"status": 404, "title": _("There is no such page"), "text": _("The dashboard is at {address}").format(address=self._path)}
        own = {"transforms": [Sealed], "log_function": lambda _handler: None, "default_handler_class": Notice, "default_handler_args": lost}
        return {**super().init_settings(), **own}

    def init_handlers(self) -> list[tuple[Any, ...]]:
        """Return what answers which address."""
        notebooks = "|".join(re.escape(one.name) for one in Path(self.root_dir).glob("*.ipynb"))
        names = {Pages: notebooks, TemplateStaticFileHandler: f"{NAME}/static/{FILE}"}
        handlers = []
        for path, theirs, *rest in super().init_handlers():
            if ours := ANSWERED.get(theirs):
                quiet = type(ours.__name__, (Quiet, ours), {})
                handlers.append((path.replace("(.*)", f"({names.get(ours, FILE)})"), quiet, *rest))
        return [*handlers, ("/", RedirectHandler, {"url": self._path, "permanent": False})]

    def listen(self) -> None:
        """Answer, behind the door, until interrupted."""
        self.door = Door(self.app, self.hosts)
        server = BoundedServer(
            self.door, self.door.guests, xheaders=bool(self.hosts)
        )  # a proxy in front says by which protocol it was asked
        server.add_sockets(loopback_sockets(self.port))
        for log in (self.log, logging.getLogger("tornado.general")):
            log.addFilter(_is_of_use)
        self.ioloop = IOLoop.current()
        self.ioloop.add_callback(self.announce)
        try:
            with suppress(KeyboardInterrupt):
                self.ioloop.start()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop the kernels."""
        try:
            super().stop()
        except HTTPError:
            self.log.info("a kernel that was just starting could not be stopped; it ends when it finds its parent gone")

    def announce(self) -> None:
        """Print the address with its key, and open it."""
        print(_("The dashboard is at {address}\nStop it with Ctrl-C.").format(address=self._address(self.door.key)), flush=True)
        if self.browse:  # in a thread: some browsers' commands return only when they are closed
            Thread(target=webbrowser.open, args=[self._address(self.door.once())], daemon=True).start()

    @property
    def _path(self) -> str:
        return f"/voila/render/{self.start_page}"

    def _address(self, key: str) -> str:
        return f"http://localhost:{self.port}{self._path}?{TOKEN}={key}"
