"""A local web server with files, which can be told how to fail."""

import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from explorer.backend.weights import download, transfer


def without_waiting(monkeypatch):
    """Make everything that takes its time take milliseconds, and let no proxy stand between the tests and their server."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transfer, "STALL", 1.0)  # a busy machine may well keep a good server waiting for a tenth of it
    monkeypatch.setattr(download, "TICK", 0.01)
    monkeypatch.setattr(download, "PAUSE", 0.005)
    monkeypatch.setattr(download, "QUIET", 0.05)


class FileServer:
    """Serves `files` (name -> bytes) at `url`; each request takes the next of `plan`, and is served well when that is empty.

    etags: whether versions are told apart; ranges: whether files can be asked for from the middle on.
    asked: the Range header of each request, None where it has none; names: the paths; sent: bytes of bodies, in all.
    """

    def __init__(self):
        self.files, self.plan = {}, []
        self.etags = self.ranges = True
        self.asked, self.names, self.sent = [], [], 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.closing.set()
        self.leave()

    def leave(self):
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, size):
        with self._lock:
            self.sent += size

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.headers.get("Range"))
                server.names.append(self.path.lstrip("/"))
                step = server.plan.pop(0) if server.plan else serve
                with suppress(ConnectionError):
                    step(server, self)

            def log_message(self, *_arguments):
                pass

        return Handler


def answer(request, status, **headers):
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()


def serve(server, request, most=None):
    """Answer as a good server does; with `most`, stop after that many bytes of the body."""
    body = server.files.get(request.path.lstrip("/"))
    if body is None:
        return answer(request, 404, Content_Length=0)
    etag = {"ETag": f'"{hash(body)}"'} if server.etags else {}
    start = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    start = int(start[1]) if start and server.ranges and request.headers.get("If-Range") == etag.get("ETag") else 0
    if start >= len(body) > 0:
        return answer(request, 416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
    if start:
        answer(request, 206, Content_Length=len(body) - start, Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}", **etag)
    else:
        answer(request, 200, Content_Length=len(body), **etag)
    sent = body[start:][:most]
    server.count(len(sent))
    request.wfile.write(sent)
    request.wfile.flush()
    return None


def cut(after):
    """Close the connection after that many bytes of the body."""
    return lambda server, request: serve(server, request, after)


def stall(after):
    """Send that many bytes of the body, and then nothing until the server closes."""

    def step(server, request):
        serve(server, request, after)
        server.closing.wait()

    return step


def silence(server, _request):
    """Answer nothing at all until the server closes."""
    server.closing.wait()


def status(code, **headers):
    """Answer with this status."""
    return lambda _server, request: answer(request, code, Content_Length=0, **headers)


def without_length(server, request):
    """Send the file in pieces, without saying how long it is."""
    body = server.files[request.path.lstrip("/")]
    request.protocol_version = "HTTP/1.1"
    answer(request, 200, Transfer_Encoding="chunked", Connection="close")
    for start in range(0, len(body), 1000):
        piece = body[start : start + 1000]
        request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    request.wfile.write(b"0\r\n\r\n")
    server.count(len(body))
