"""The connections of the dashboards' server: few and short where nobody showed the key, so that nobody keeps others out by them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Container
from contextlib import suppress
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerConnectionDelegate
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

STRANGERS = 128  # connections, at a time, over which no key has come
HEADERS_WITHIN = 10  # seconds from a connection's beginning, or the answer before, until a request's headers must be there
FILES = 4096  # files and connections that the server may have open, where the system lets it: many kernels' and pages'
REST = 0.5  # seconds
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener(socket.socket):
    """A socket that rests for a moment where the system has no room for one more connection: tornado would fail, and tell, without end."""

    def accept(self) -> tuple[socket.socket, Any]:
        """Return a connection and where it comes from; raises BlockingIOError where there is none or no room for it."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in FULL:
                raise
            IOLoop.current().update_handler(self, 0)
            IOLoop.current().call_later(REST, self._resume)
            raise BlockingIOError from error

    def _resume(self) -> None:
        if self.fileno() >= 0:
            IOLoop.current().update_handler(self, IOLoop.READ)


class BoundedServer(HTTPServer):
    """Answers what comes over many connections of `guests`, and over few of others.

    Where there are too many of these, the oldest is closed: who has the key needs a moment to show it, and then stays.
    """

    def initialize(self, door: HTTPServerConnectionDelegate, guests: Container[IOStream], **options: Any) -> None:  # type: ignore[override]
        """Take what answers, and the connections that it let in."""
        super().initialize(door, idle_connection_timeout=HEADERS_WITHIN, **options)
        self._guests = guests
        self._strangers: list[IOStream] = []

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Answer what comes over a new connection."""
        self._strangers = [one for one in self._strangers if not one.closed() and one not in self._guests]
        if len(self._strangers) >= STRANGERS:
            self._strangers.pop(0).close()
        self._strangers.append(stream)
        super().handle_stream(stream, address)


def loopback_sockets(port: int) -> list[socket.socket]:
    """Return sockets that listen at this port of both of this machine's own addresses; 0 stands for any port.

    "localhost" is either of them: on one that was left free, somebody else could wait for the key.
    Raises OSError where the port can't be had.
    """
    if not 0 <= port < 2**16:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    sockets = [socket.create_server(("127.0.0.1", port), backlog=128)]
    try:
        sockets.append(socket.create_server(("::1", sockets[0].getsockname()[1]), family=socket.AF_INET6, backlog=128))
    except OSError as error:  # most often because the machine has no such address
        if error.errno == errno.EADDRINUSE:
            sockets[0].close()
            raise
    listeners: list[socket.socket] = [Listener(one.family, one.type, one.proto, fileno=one.detach()) for one in sockets]
    for listener in listeners:
        listener.setblocking(False)
    return listeners


def allow_files() -> None:
    """Let this process have enough files and connections open; many systems allow few unless asked."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
