"""The transfer of a file, or the rest of it, by one HTTP request on its own thread, which can be stopped at any time."""

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

STALL = 15.0  # seconds without a byte after which a request fails
CHUNK = 2**16


class Changed(OSError):
    """The file on the server has changed since the part was downloaded; the part was discarded."""


class Transfer(threading.Thread):
    """Downloads what is missing in `part`. When it has ended, `error` is None if and only if the file is complete.

    note: stores the version of the file that the part belongs to (the server's ETag or Last-Modified):
        the transfer resumes only if the server still has that version, and otherwise restarts.
    received, total: bytes received so far, and of the whole file if the server sends its size.
    """

    def __init__(self, url: str, part: Path, note: Note) -> None:
        super().__init__(name="explorer-download", daemon=True)
        self.error: Exception | None = None
        self.total: int | None = None
        self._url, self._part, self._note = url, part, note
        self._version = (
            note.text if note.text.isascii() and note.text.isprintable() else ""
        )  # otherwise it is damaged, and can't be sent as a header
        self.received = part.stat().st_size if part.exists() else 0
        self._sockets: list[socket.socket] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        """Make the request; never raises."""
        try:
            self._request()
        except Exception as error:  # noqa: BLE001  # the waiting thread raises it
            self.error = error

    def stop(self, timeout: float = 0.1) -> None:
        """End the request at once and write no more; wait up to `timeout` seconds for that.

        A thread that is still connecting can't be woken: it ends by itself later, and writes nothing.
        """
        self._stopped.set()
        for connection in self._sockets:
            _shut(connection)
        self.join(timeout)

    def _request(self) -> None:
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
                self._discard()
                raise Changed from error
            return  # nothing was missing
        with response:
            if self._stopped.is_set():
                return
            self._write(response)
        if self.total is not None and self.received != self.total:
            raise ConnectionError

    def _write(self, response: http.client.HTTPResponse) -> None:
        """Write the body to the part: appended if the server sends the rest of the file, else from the start."""
        is_partial = response.status == http.client.PARTIAL_CONTENT
        if is_partial and not self._continues_part(response):
            self._discard()
            raise Changed
        with self._part.open("ab" if is_partial else "wb") as part:
            if not is_partial:
                self.received = 0
                self._note.text = _version_of(response)
            self.total = None if response.length is None else self.received + response.length
            while (chunk := response.read1(CHUNK)) and not self._stopped.is_set():
                part.write(chunk)
                part.flush()
                self.received += len(chunk)
            if not self._stopped.is_set():
                os.fsync(part.fileno())  # otherwise a power cut could leave an incomplete file with the final name

    def _continues_part(self, response: http.client.HTTPResponse) -> bool:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        same_version = _version_of(response) in ("", self._version)
        return start is not None and int(start[1]) == self.received and same_version

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.text = ""

    def _opener(self) -> OpenerDirector:
        """Return an opener of URLs as urllib's, with proxies and redirects, that collects its sockets in `_sockets`."""

        def keep(connection: socket.socket) -> None:
            self._sockets.append(connection)
            if self._stopped.is_set():  # opened after stop() has closed the others
                _shut(connection)

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


def _shut(connection: socket.socket) -> None:
    """Shut a socket down, which wakes the thread that reads from it; close() would not."""
    with suppress(OSError):  # it may be closed already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _version_of(response: http.client.HTTPResponse) -> str:
    """Return the version of a file as a value for If-Range (RFC 9110, 13.1.5): a strong ETag, else Last-Modified; "" for none."""
    etag: str = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _total_of(headers: Any) -> int | None:
    """Return the size of the whole file from a Content-Range header; None if it has none."""
    match = re.search(r"/(\d+)$", headers.get("Content-Range", ""))
    return int(match[1]) if match else None
