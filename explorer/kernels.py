"""How the dashboards' server keeps and stops kernels, and talks with their pages."""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler


class PatientKernels(AsyncMappingKernelManager):  # type: ignore[misc]  # untyped
    """Stops a kernel only when it is found idle and without a page twice in a row.

    One that waited for its first page has been idle for long, and in the moment when it is handed out
    no page is connected yet.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._suspects: set[str] = set()

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Stop the kernel if it was already suspect at the last look."""
        if self._kernel_connections.get(kernel_id):
            self._suspects.discard(kernel_id)
        elif kernel_id in self._suspects:
            await super().cull_kernel_if_idle(kernel_id)
        else:
            self._suspects.add(kernel_id)


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
    """Stops the kernel of a page that goes away, instead of minutes later; its id, which nobody can guess, is proof enough."""

    def check_xsrf_cookie(self) -> None:
        """Ask for nothing more: the page has no such cookie."""
