"""One HTTP request that brings a file, or the rest of it, on a thread of its own that can be stopped at any time."""

from __future__ import annotations

import http.client
import os
import re
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from explorer import __version__
from explorer.backend.runtime.file_locks import Note

STALL = 15.0  # seconds without a byte that end a request
CHUNK = 2**16


class Changed(OSError):
    """What the server has no longer fits what came before; it was thrown away."""


class Transfer(threading.Thread):
    """Brings what is missing in `part`. When it has ended, `error` is None exactly where the file is complete.

    note: remembers which version of the file the part belongs to (the server's ETag or Last-Modified):
        it goes on only where that is still the server's version, and starts anew otherwise.
    received, total: bytes of the file that are here, and in all where the server says so.
    """

    def __init__(self, url: str, part: Path, note: Note) -> None:
        super().__init__(name="explorer-download", daemon=True)
        self.error: Exception | None = None
        self.total: int | None = None
        self._url, self._part, self._note = url, part, note
        self._version = note.text if note.text.isascii() and note.text.isprintable() else ""  # else it is damaged, and no header
        self.received = part.stat().st_size if part.exists() else 0
        self._sockets: list[socket.socket] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        """Do the request; never raises."""
        try:
            self._bring()
        except Exception as error:  # noqa: BLE001  # the thread that waits raises it
            self.error = error

    def stop(self, timeout: float = 0.1) -> None:
        """End the request at once and write no more; wait that many seconds for it.

        A thread that is still looking for the server can't be woken: it ends by itself, and does nothing more.
        """
        self._stopped.set()
        for one in self._sockets:
            _shut(one)
        self.join(timeout)

    def _bring(self) -> None:
        headers = {"User-Agent": f"keras-explorer/{__version__}"}
        if self.received and self._version:
            headers |= {"Range": f"bytes={self.received}-", "If-Range": self._version}
        try:
            response = self._opener().open(Request(self._url, headers=headers), timeout=STALL)  # noqa: S310  # http(s) only, see downloads
        except HTTPError as error:
            error.close()
            if self._stopped.is_set() or error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            if _total_of(error.headers) != self.received:
                self._forget()
                raise Changed from error
            return  # nothing was missing
        with response:
            if self._stopped.is_set():
                return
            self._write(response)
        if self.total is not None and self.received != self.total:
            raise ConnectionError

    def _write(self, response: http.client.HTTPResponse) -> None:
        """Write the body to the part: after what is there where the server goes on, else from the start."""
        goes_on = response.status == http.client.PARTIAL_CONTENT
        if goes_on and not self._fits(response):
            self._forget()
            raise Changed
        with self._part.open("ab" if goes_on else "wb") as part:
            if not goes_on:
                self.received = 0
                self._note.text = _version_of(response)
            self.total = None if response.length is None else self.received + response.length
            while (chunk := response.read1(CHUNK)) and not self._stopped.is_set():
                part.write(chunk)
                part.flush()
                self.received += len(chunk)
            if not self._stopped.is_set():
                os.fsync(part.fileno())  # or a power cut could leave a whole file's name on half of it

    def _fits(self, response: http.client.HTTPResponse) -> bool:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        same_version = _version_of(response) in ("", self._version)
        return start is not None and int(start[1]) == self.received and same_version

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.text = ""

    def _opener(self) -> OpenerDirector:
        """Return what opens addresses as urllib does, proxies and redirects included, and keeps the sockets at hand."""

        def keep(one: socket.socket) -> None:
            self._sockets.append(one)
            if self._stopped.is_set():  # too late for stop() to see it
                _shut(one)

        class Plain(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        class Secure(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        class OpenPlain(HTTPHandler):
            def http_open(self, req: Request) -> Any:
                return self.do_open(Plain, req)

        class OpenSecure(HTTPSHandler):
            def https_open(self, req: Request) -> Any:
                return self.do_open(Secure, req)

        return build_opener(OpenPlain, OpenSecure)


def _shut(one: socket.socket) -> None:
    """Wake the thread that reads from the socket, which close() would not."""
    with suppress(OSError):  # it is closed already
        socket.socket.shutdown(one, socket.SHUT_RDWR)


def _version_of(response: http.client.HTTPResponse) -> str:
    """Return what tells versions of a file apart, as If-Range takes it (RFC 9110, 13.1.5): no weak ETag."""
    etag: str = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _total_of(headers: Any) -> int | None:
    """Return the size of the whole file that a Content-Range header tells."""
    found = re.search(r"/(\d+)$", headers.get("Content-Range", ""))
    return int(found[1]) if found else None
