"""The door of the dashboards' server: only browsers that ask for this machine by its own name, and showed the key, come in."""

from __future__ import annotations

import html
import os
import re
import secrets
from collections.abc import Iterable
from hmac import compare_digest
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from weakref import WeakSet

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest
from tornado.iostream import IOStream
from tornado.routing import Router
from tornado.web import Application, OutputTransform, RequestHandler, stream_request_body

from explorer.locale import _

LOCAL = ("localhost", "127.0.0.1", "[::1]")
TOKEN = "token"  # noqa: S105  # the name in the address, as Jupyter's
# Voila's page has inline scripts, and the modules of widgets are blobs. Where inline scripts run, to forbid eval keeps nobody
# out, and browsers' tools and some widgets that others install use it. Nothing comes from elsewhere, and nothing goes there.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "object-src 'none'; frame-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, a browser says of the page's own POSTs that they come from nowhere
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 34em; margin: 15vh auto; padding: 0 1em }}
</style>
</head><body><h1>{title}</h1><p>{text}</p></body></html>
"""


def page(title: str, text: str) -> str:
    """Return a page of HTML that says this."""
    return PAGE.format(title=html.escape(title), text=html.escape(text))


class Sealed(OutputTransform):
    """Puts the headers by which a browser protects a page on whatever is answered."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, _finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the headers to those that the handler set."""
        referrer = headers.get("Referrer-Policy", HEADERS["Referrer-Policy"])
        headers.update(HEADERS | {"Referrer-Policy": referrer})
        return status_code, headers, chunk


@stream_request_body  # what is sent along is not kept
class Notice(RequestHandler):
    """Answers any request with a sentence."""

    def initialize(self, status: int, title: str, text: str) -> None:
        """Take what to say."""
        self.set_status(status)
        self.said = page(title, text)

    def prepare(self) -> None:
        """Say it, whatever was asked."""
        self.finish(self.said)

    def data_received(self, chunk: bytes) -> None:
        """Drop what was sent along."""


class Welcome(RequestHandler):
    """Turns the key of an address into a cookie, so that no address that is shown, or gone back to, has it."""

    def initialize(self, cookie: str, key: str, foreign: bool) -> None:
        """Take the cookie's name and value, and whether another site's page led here."""
        self.cookie, self.key, self.foreign = cookie, key, foreign

    def get(self) -> None:
        """Set the cookie and lead to the same address without the key."""
        self.set_cookie(self.cookie, self.key, path="/", httponly=True, samesite="Strict", secure=self.request.protocol == "https")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")  # the address of this answer has the key
        rest = [(name, value) for name, values in self.request.query_arguments.items() if name != TOKEN for value in values]
        # One slash: two would lead to another host.
        address = "/" + self.request.path.lstrip("/\\") + ("?" + urlencode(rest) if rest else "")
        if not self.foreign:
            self.redirect(address)
            return
        # Along a redirect that begins on another site, a browser keeps strict cookies back; from a page of ours it sends them.
        self.set_header("Refresh", f"0; url={address}")
        self.finish(page(_("One moment"), _("The dashboard opens.")))

    head = get


class Door(Router):
    """Hands a request on to the application inside only when it comes from a browser, or a program, that may.

    That is: the host that it asks for is this machine (or one of `hosts`), which no name that another site had
    pointed here is; no other origin than this server's own stands behind it; and it has the key, in a cookie or, once, in the address.
    """

    def __init__(self, inside: Application, hosts: Iterable[str] = ()) -> None:
        self.inside = inside
        self.hosts = {*LOCAL, *(host.lower() for host in hosts)}
        self.key = secrets.token_hex(24)
        self.guests: WeakSet[IOStream] = WeakSet()  # connections over which the key has come
        self._passes: set[str] = set()

    def once(self) -> str:
        """Return a key for one use by this user: a browser's command line, which others can read, may hold it."""
        self._passes.add(key := secrets.token_hex(24))
        return key

    def find_handler(self, request: HTTPServerRequest, **_options: Any) -> HTTPMessageDelegate | None:
        """Return what answers the request."""
        host = request.headers.get("Host", "").lower()
        if re.sub(r":\d*$", "", host) not in self.hosts:
            return self._refuse(request, _("Ask for it as localhost, or start explorer with --host and the name that you ask for."))
        foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
        key = (request.query_arguments.get(TOKEN) or [b""])[-1]
        own = f"{request.protocol}://{host}"
        if request.headers.get("Origin", own) != own or (foreign and not _leads_here(request, key)):
            return self._refuse(request, _("Another site asked for it. Open the address that the command explorer printed yourself."))
        cookie = "explorer-" + re.sub(r"\W", "-", host)  # cookies know no ports: each server of a machine has its own
        given = request.cookies[cookie].value if cookie in request.cookies else ""
        known = compare_digest(given.encode(), self.key.encode()) and not foreign
        if key and request.method in ("GET", "HEAD") and (known or self._fits(request, key)):
            self._remember(request)
            return self.inside.get_handler_delegate(request, Welcome, {"cookie": cookie, "key": self.key, "foreign": foreign})
        if not known:
            return self._refuse(request, _("It opens with a key. Open the whole address that the command explorer printed, up to its end."))
        self._remember(request)
        return self.inside.find_handler(request)

    def _remember(self, request: HTTPServerRequest) -> None:
        if stream := _stream_of(request):
            self.guests.add(stream)

    def _fits(self, request: HTTPServerRequest, key: bytes) -> bool:
        if compare_digest(key, self.key.encode()):
            return True
        found = [one for one in self._passes if compare_digest(key, one.encode())]
        self._passes.difference_update(found)
        return bool(found) and _is_ours(request)

    def _refuse(self, request: HTTPServerRequest, text: str) -> HTTPMessageDelegate:
        return self.inside.get_handler_delegate(request, Notice, {"status": 403, "title": _("This dashboard is private"), "text": text})


def _leads_here(request: HTTPServerRequest, key: bytes) -> bool:
    """Return whether a link with a key led here, from wherever it was clicked: nothing that is part of a foreign page."""
    return bool(key) and (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) == ("navigate", "document")


def _stream_of(request: HTTPServerRequest) -> IOStream | None:
    """Return the connection that the request came over; None where it was closed."""
    return getattr(request.connection, "stream", None)


def _is_ours(request: HTTPServerRequest) -> bool:
    """Return whether a process of this user sent the request; true where the system doesn't say whose a connection is."""
    stream = _stream_of(request)
    if stream is None or stream.socket is None:
        return False
    ends = [stream.socket.getpeername()[1], stream.socket.getsockname()[1]]
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [row.split() for row in Path(table).read_text(encoding="ascii").splitlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if [int(end.rpartition(":")[2], 16) for end in row[1:3]] == ends:
                return int(row[7]) == os.getuid()
    return True
