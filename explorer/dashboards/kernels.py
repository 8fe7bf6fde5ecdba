"""How the dashboards' server opens pages, keeps and stops their kernels, and talks with them."""

from __future__ import annotations

import asyncio
import secrets
from itertools import pairwise
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager, ServerKernelManager
from tornado.web import RequestHandler
from traitlets import default
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from explorer.dashboards.access import page
from explorer.locale import _

LONELY = 6  # kernels without a page, and pages just being made, at a time: a kernel takes 0.8 GB
IPYKERNEL, INWARD = ("ipykernel_launcher", "ipykernel"), "explorer.dashboards.kernel_launcher"  # modules that start a kernel
AGAIN = 3  # seconds after which a page that found no room tries again


class HiddenKernel(ServerKernelManager):  # type: ignore[misc]  # untyped
    """A kernel that other users of the machine neither see nor reach.

    Its id does not stand in its connection file's name, which its command line, and so `ps`, shows to everybody;
    and it listens at no port.
    """

    def __init__(self, **options: Any) -> None:
        if file := options.get("connection_file"):
            options["connection_file"] = str(Path(file).with_name(f"{secrets.token_hex(8)}.json"))
        super().__init__(**options)

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """Return the command that starts the kernel: explorer's own where it would be ipykernel's."""
        command = super().format_kernel_cmd(extra_arguments)
        return [INWARD if before == "-m" and part in IPYKERNEL else part for before, part in pairwise(["", *command])]


class PatientKernels(AsyncMappingKernelManager):  # type: ignore[misc]  # untyped
    """Stops a kernel only when it is found idle and without a page twice in a row; sooner when no page ever came.

    One that waited for its first page has been idle for long, and in the moment when it is handed out
    no page is connected yet.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._suspects: set[str] = set()
        self._visited: set[str] = set()
        self.opening = 0  # pages that are being made

    @default("kernel_manager_class")
    def _hidden(self) -> str:
        return f"{__name__}.{HiddenKernel.__name__}"

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Stop the kernel if it was already suspect at the last look, and for long where a page had come."""
        if self._kernel_connections.get(kernel_id):
            self._visited.add(kernel_id)
            self._suspects.discard(kernel_id)
        elif kernel_id not in self._visited and getattr(self._kernels.get(kernel_id), "execution_state", "idle") != "idle":
            self._suspects.discard(kernel_id)  # its page is being made
        elif kernel_id not in self._suspects:
            self._suspects.add(kernel_id)
        elif kernel_id in self._visited:
            await super().cull_kernel_if_idle(kernel_id)
        else:
            await self.shutdown_kernel(kernel_id)

    async def clear_dead(self) -> None:
        """Clear away the kernels that have died since they were looked at last: no page is to be given one that waits for it."""
        for kernel_id in self.list_kernel_ids():
            if not await self._kernels[kernel_id].is_alive():
                await self.shutdown_kernel(kernel_id, now=True)

    def _handle_kernel_died(self, kernel_id: str) -> None:
        """Clear away a kernel that has died, from where it waits for a page too."""
        if kernel_id in self:
            self._clearing = asyncio.ensure_future(self.shutdown_kernel(kernel_id, now=True))

    def has_room(self) -> bool:
        """Return whether one more page may be opened: those that never connect must not fill the memory."""
        return self.opening + sum(not self._kernel_connections.get(one) for one in self.list_kernel_ids()) < LONELY


class Pages(TornadoVoilaHandler):  # type: ignore[misc]  # untyped
    """Opens a notebook as a page. Its template and theme are ours: neither is taken from the address."""

    async def get(self, path: str) -> None:
        """Send the page, or one that tries again when too many are being opened."""
        kernels = self.kernel_manager
        await kernels.clear_dead()
        if not kernels.has_room():
            self.set_status(503)
            self.set_header("Refresh", str(AGAIN))
            self.finish(page(_("One moment"), _("Other pages are just being opened. This one tries again by itself.")))
            return
        for name in ("template", "theme"):
            self.request.arguments.pop(name, None)
        kernels.opening += 1
        try:
            await super().get(path)
        finally:
            kernels.opening -= 1


class Channels(VoilaKernelWebsocketHandler):  # type: ignore[misc]  # untyped
    """Speaks the older of the two protocols too, which a browser falls back to when its first try to connect fails.

    Voila takes each message for one of the newer protocol, and of the length that it reads there it would count to its end.
    """

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Send a message to the page."""
        if self.selected_subprotocol:
            return super().write_message(message, binary)
        return super(VoilaKernelWebsocketHandler, self).write_message(message, binary)


class Shutdown(VoilaShutdownKernelHandler):  # type: ignore[misc]  # untyped
    """Stops the kernel of a page that goes away, instead of minutes later."""

    def check_xsrf_cookie(self) -> None:
        """Ask for nothing more: the page has no such cookie, and no other site's request comes through the door."""


class Anybody(IdentityProvider):  # type: ignore[misc]  # untyped
    """Knows whoever came through the door as the same user; Jupyter would give each browser a made-up name, in a cookie for a month."""

    def get_user(self, _handler: RequestHandler) -> User:
        """Return the user."""
        return User("explorer")
