"""Who gets into the dashboards: the started command, attacked from outside; and what the door alone decides."""

import asyncio
import errno
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from served import served_dashboards, until, write_notebook
from tornado.httpclient import AsyncHTTPClient
from tornado.web import Application, RequestHandler

from explorer.dashboards import access, connections
from explorer.dashboards.access import Door
from explorer.dashboards.connections import BoundedServer, loopback_sockets
from explorer.dashboards.kernels import LONELY

PAGE = "/voila/render/explore.ipynb"
KERNEL = "/api/kernels/01234567-89ab-cdef-0123-456789abcdef"
SHUTDOWN = "/voila/api/shutdown/01234567-89ab-cdef-0123-456789abcdef"
STATIC = "/voila/static/voila.js"
SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
EVERYTHING = [
    *(("GET", path, {}) for path in (PAGE, "/", STATIC, KERNEL, "/voila/templates/explorer/static/index.css", "/voila/tree", "/nothing")),
    ("GET", f"{KERNEL}/channels", SOCKET),
    *((method, path, {}) for method, path in (("POST", SHUTDOWN), ("DELETE", KERNEL), ("HEAD", PAGE), ("PUT", PAGE), ("OPTIONS", KERNEL))),
]


class Outside:
    """A program that speaks to the server as it likes."""

    def __init__(self, server):
        self.server = server
        self.port, self.key = (re.search(pattern, server.address)[1] for pattern in (r":(\d+)/", r"token=(\w+)$"))
        self.host = f"localhost:{self.port}"
        self.cookie = {"Cookie": f"explorer-localhost-{self.port}={self.key}"}

    def submit(self, method="GET", path=PAGE, **headers):
        """Return the status, the headers and the beginning of the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=60)
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Host": self.host} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = b"" if answer.status == 101 else answer.read()
        connection.close()
        return answer.status, answer.headers, body.decode()

    def kernels(self):
        """Return the command lines of the kernels that run."""
        return [" ".join(one.cmdline()) for one in self.server.children()]

    def connect(self, path=None, **headers):
        """Return a connection over which this was asked; nothing whole without a path."""
        connection = socket.create_connection(("127.0.0.1", int(self.port)), 60)
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.host}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        connection.sendall("\r\n".join(lines).encode() if path else b"GET / HT")
        return connection

    def is_quiet(self):
        """Return whether nothing but where the dashboard is has come to the terminal."""
        return re.fullmatch(r"The dashboard is at \S+\nStop it with Ctrl-C\.\n", self.server.said())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Notebooks that need no TensorFlow, where the command is given too, which may be anybody's folder."""
    folder = tmp_path_factory.mktemp("door")
    for name in ("explore", "other"):
        write_notebook(folder / f"{name}.ipynb", "print('come in')")
    (folder / "secret.png").write_bytes(b"secret")
    (folder / "voila.py").write_text("print('this ran')")
    return folder


@pytest.fixture(scope="module")
def outside(folder):
    with served_dashboards(folder) as server:
        yield Outside(server)


@pytest.fixture(scope="module")
def opened(outside):
    """The page that one browser opened, and its kernel's id."""
    odd = urllib.parse.urlencode({"theme": '"><script>alert(1)</script>', "template": "nothing"})
    status, headers, body = outside.submit(path=f"{PAGE}?{odd}", **outside.cookie)
    assert status == 200
    return headers, body, kernel_of(body)


def kernel_of(body):
    return json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', body, re.DOTALL)[1])["kernelId"]


def test_nothing_is_answered_without_the_key(outside):
    wrong = [
        {},
        {"Cookie": f"explorer-localhost-{outside.port}={'0' * 48}"},
        {"Cookie": f"explorer-localhost-1={outside.key}"},
        {"Authorization": f"token {'0' * 48}"},
        {"Cookie": f"explorer-localhost-{outside.port}=\xff"},
    ]
    let_in = []
    for method, path, headers in EVERYTHING:
        for query, own in (*(("", own) for own in wrong), *((f"?token={key}", {}) for key in ("", "0" * 48, "%ff", outside.key[:-1]))):
            if (status := outside.submit(method, path + query, **headers, **own)[0]) != 403:
                let_in.append((method, path + query, own, status))
    assert let_in == []


def test_nothing_is_answered_to_another_host_or_origin_or_site(outside):
    port, let_in = int(outside.port), []
    hosts = (
        "evil.example",
        f"evil.example:{port}",
        f"localhost.evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        "0.0.0.0",
        "[::]",
        "-",
    )
    others = (f"localhost:{port + 1}", "localhost", f"127.0.0.1:{port}", "evil.example", f"localhost:{port}.evil.example")
    origins = (*(f"http://{other}" for other in others), f"https://localhost:{port}", "null", "")

    def asked(allowed, method, path, **headers):
        if (status := outside.submit(method, path, **headers)[0]) not in allowed:
            let_in.append((method, path, headers, status))

    for method, path, headers in EVERYTHING:
        with_key = f"{path}?token={outside.key}"
        for host in hosts:
            cookie = {"Cookie": f"explorer-{re.sub(r'[^a-z0-9_]', '-', host)}={outside.key}"}
            for own in ({}, {"Origin": f"http://{host}"}):
                asked((400, 403), method, path, **headers, **cookie, **own, Host=host)
                asked((400, 403), method, with_key, **headers, **own, Host=host)
        for origin in origins:
            asked((403,), method, path, **headers, **outside.cookie, Origin=origin)
        for site in ("cross-site", "same-site"):  # another port of this machine is the same site
            embedded = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
            asked((403,), method, path, **headers, **outside.cookie, **embedded)
            asked((403,), method, with_key, **headers, **embedded)
    assert let_in == []


def test_who_is_refused_is_told_what_to_do(outside):
    assert "Open the whole address that the command explorer printed" in outside.submit()[2]
    assert "--host" in outside.submit(Host="evil.example")[2]
    assert "Another site asked for it" in outside.submit(Origin="http://evil.example")[2]


def test_the_key_of_the_address_becomes_a_cookie_of_this_port(outside):
    for host in (outside.host, f"127.0.0.1:{outside.port}", f"[::1]:{outside.port}"):
        status, headers, _body = outside.submit(path=f"{PAGE}?token={outside.key}&theme=dark&run=a%20b", Host=host)
        assert (status, headers["Location"]) == (302, f"{PAGE}?theme=dark&run=a+b")
        name, *facts = headers["Set-Cookie"].split("; ")
        assert name == f"explorer-{re.sub(r'[^a-z0-9]', '-', host)}={outside.key}"
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(facts)
    assert outside.submit(path=f"//evil.example/?token={outside.key}")[1]["Location"] == "/evil.example/"


def test_every_answer_protects_its_page(outside, opened):
    for headers in (
        opened[0],
        outside.submit()[1],
        outside.submit(path=STATIC, **outside.cookie)[1],
        outside.submit(path="/nothing", **outside.cookie)[1],
    ):
        policy = headers["Content-Security-Policy"]
        assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'self'", "default-src 'self'"} <= set(policy.split("; "))
        assert "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Set-Cookie" not in headers


def test_what_else_voila_has_is_closed(outside):
    closed = ("voila/tree", "voila/api/contents", "voila/api/contents/explore.ipynb", "logout", "login", "voila/files/secret.png")
    closed += (
        "voila/files/explore.ipynb",
        "files/secret.png",
        "api/kernels",
        "voila/render/secret.png",
        "voila/render/log",
        "voila/query/a-a-a-a-a",
    )
    assert {path: outside.submit(path=f"/{path}", **outside.cookie)[0] for path in closed} == dict.fromkeys(closed, 404)
    status, headers, _body = outside.submit(path="/", **outside.cookie)
    assert (status, headers["Location"]) == (302, PAGE)


def test_a_bad_address_leaves_the_terminal_alone(outside):
    odd = [
        "",
        "x",
        "a/b/c",
        "%00",
        "%ff",
        "%1b[2J",
        "..%2f..%2fetc/passwd",
        "../../x",
        "lab/static/%00",
        "lab/static",
        "x/static/y",
        "a" * 5000,
    ]
    folders = (
        "voila/templates",
        "voila/static",
        "voila/labextensions",
        "voila/render",
        "voila/api/shutdown",
        "api/kernels",
        "voila/api/themes",
    )
    for folder in folders:
        for one in odd:
            for method in ("GET", "POST", "DELETE", "BREW"):
                assert 400 <= outside.submit(method, f"/{folder}/{one}", **outside.cookie)[0] < 500, (method, folder, one)
    for path in ("*", "http://evil.example/", f"{KERNEL}/channels", "/x?theme=%ff"):
        assert outside.submit(path=path, **outside.cookie, **SOCKET)[0] == 404
    assert outside.is_quiet()


def test_connections_of_those_without_the_key_keep_nobody_out(outside):
    ours = outside.connect("/", **outside.cookie)
    assert b"302 Found" in ours.recv(5000)
    strangers = [outside.connect() for _one in range(2 * connections.STRANGERS)]
    assert outside.submit(path="/", **outside.cookie)[0] == 302
    assert strangers[0].recv(1) == b""
    ours.sendall(f"GET / HTTP/1.1\r\nHost: {outside.host}\r\nCookie: {outside.cookie['Cookie']}\r\n\r\n".encode())
    assert b"302 Found" in ours.recv(5000)
    for one in (ours, *strangers):
        one.close()
    assert outside.is_quiet()


def test_template_and_theme_of_the_address_are_not_taken_by_the_server(opened):
    _headers, body, _kernel = opened
    assert "come in" in body
    assert "alert(1)" not in body


def test_the_kernel_of_a_page_answers_those_with_the_key_only_whoever_knows_its_id(outside, opened):
    kernel = opened[2]
    assert outside.kernels()
    assert not any(kernel in line for line in outside.kernels())
    channels, own = f"/api/kernels/{kernel}/channels", {"Origin": f"http://{outside.host}"}
    for refused in ({}, own, outside.cookie | {"Origin": "http://evil.example"}, outside.cookie | {"Host": "evil.example"}):
        assert outside.submit(path=channels, **SOCKET | refused)[0] == 403
        assert outside.submit("POST", f"/voila/api/shutdown/{kernel}", **refused)[0] == 403
    for allowed in (outside.cookie, outside.cookie | own):
        assert outside.submit(path=channels, **SOCKET | allowed)[0] == 101
    assert outside.submit(path=f"/api/kernels/{kernel}", **outside.cookie)[0] == 200
    assert outside.submit("POST", f"/voila/api/shutdown/{kernel}", **outside.cookie | own)[0] == 204
    assert outside.submit(path=f"/api/kernels/{kernel}", **outside.cookie)[0] == 404


@pytest.mark.skipif(os.name != "posix", reason="elsewhere kernels listen at ports")
def test_others_of_the_machine_find_no_way_to_a_kernel(outside):
    assert "come in" in outside.submit(**outside.cookie)[2]
    for process in outside.server.children():
        assert [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN] == []
    for line in outside.kernels():
        file = Path(line.split(" -f ")[1].split()[0])
        assert json.loads(file.read_text())["transport"] == "ipc"
        assert [path.stat().st_mode & 0o077 for path in (file, file.parent)] == [0, 0]


def test_a_kernel_that_dies_under_its_page_leaves_the_terminal_alone(outside):
    kernel = kernel_of(outside.submit(**outside.cookie)[2])
    with outside.connect(f"/api/kernels/{kernel}/channels", **SOCKET, **outside.cookie) as channels:
        assert b"101 Switching" in channels.recv(5000)
        for process in outside.server.children():
            process.kill()
        while outside.submit(path=f"/api/kernels/{kernel}", **outside.cookie)[0] == 200:
            time.sleep(0.05)
        told = b""
        while b'"dead"' not in told:
            told += (more := channels.recv(5000))
            assert more
    said = outside.server.said()
    assert kernel not in said, said
    assert "restarted failed" not in said, said


@pytest.mark.slow
def test_pages_that_never_connect_start_few_kernels(outside):
    with ThreadPoolExecutor(20) as pool:
        predictions = list(pool.map(lambda _one: outside.submit(path="/voila/render/other.ipynb", **outside.cookie), range(20)))
    assert {status for status, _headers, _body in predictions} == {200, 503}
    assert len(outside.kernels()) <= LONELY + 1  # and the one that is made ready for the next page
    # on a slow machine the first of these kernels may have been stopped meanwhile: what has room again is filled again
    while (last := outside.submit(path="/voila/render/other.ipynb", **outside.cookie))[0] == 200:
        predictions.append(last)
        assert len(predictions) < 60
    status, headers, body = last
    assert (status, headers["Refresh"]) == (503, "3")
    assert "tries again by itself" in body
    kernels = [kernel_of(body) for status, _headers, body in predictions if status == 200]
    assert 204 in {outside.submit("POST", f"/voila/api/shutdown/{kernel}", **outside.cookie)[0] for kernel in kernels}
    assert outside.submit(**outside.cookie)[0] == 200


class Inside(RequestHandler):
    def get(self):
        self.write("inside")


def asked(*requests, hosts=(), proxied=False):
    """Send requests to a door of its own, each a function of the door that gives path and headers; return status, headers and body."""

    async def ask():
        gate = Door(Application([("/.*", Inside)]), hosts)
        server, [first, *others] = BoundedServer(gate, gate.guests, xheaders=proxied), loopback_sockets(0)
        server.add_sockets([first, *others])
        predictions = []
        for request in requests:
            path, headers = request(gate)
            url = f"http://127.0.0.1:{first.getsockname()[1]}{path}"
            answer = await AsyncHTTPClient().fetch(url, headers=headers, follow_redirects=False, raise_error=False)
            predictions.append((answer.code, answer.headers, answer.body.decode()))
        server.stop()
        await server.close_all_connections()
        return predictions

    return asyncio.run(ask())


def test_a_link_with_the_key_leads_in_from_wherever_it_was_clicked():
    clicked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    [(status, headers, body), without, framed] = asked(
        lambda gate: (f"/a?token={gate.key}&b=c", clicked),
        lambda gate: ("/a", clicked),
        lambda gate: (f"/a?token={gate.key}", clicked | {"Sec-Fetch-Dest": "iframe"}),
    )
    # A redirect would be the foreign site's still, and a strict cookie not be sent along.
    assert (status, headers["Refresh"]) == (200, "0; url=/a?b=c")
    assert "Set-Cookie" in headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "The dashboard opens" in body
    assert without[0] == framed[0] == 403


def test_the_key_on_a_browsers_command_line_opens_once_and_for_this_user_only(monkeypatch):
    keys = []

    def once(gate):
        keys[:] = keys or [gate.once()]
        return f"/?token={keys[0]}", {}

    assert [answer[0] for answer in asked(once, once)] == [302, 403]
    if sys.platform == "linux":
        keys.clear()
        monkeypatch.setattr(access.os, "getuid", lambda: 12345)
        assert [answer[0] for answer in asked(once, lambda gate: (f"/?token={gate.key}", {}))] == [403, 302]


BROWSER = """
import sys, urllib.request
from pathlib import Path
answer = urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(sys.argv[1])
done = Path(sys.argv[2])
done.with_suffix(".part").write_text(f"{answer.url} {'jupyter-config-data' in answer.read().decode()} {sys.argv[1]}")
done.with_suffix(".part").rename(done)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere the browser is not found by BROWSER, or not opened without a screen"
)
def test_the_browser_that_the_command_opens_comes_in_though_its_command_line_has_another_key(folder, tmp_path):
    script, done = tmp_path / "browser.py", tmp_path / "done"
    script.write_text(BROWSER)
    environment = {"DISPLAY": ":0", "BROWSER": f"{sys.executable} {script} %s {done}", "no_proxy": "localhost"}
    with served_dashboards(folder, browse=True, **environment) as server:
        for _again in until(server):
            if done.exists():
                break
        url, opened, address = done.read_text().split()
        assert url == address.partition("?")[0]
        assert opened == "True"
        assert server.address.partition("token=")[2] not in address


def test_a_host_that_was_named_is_answered_also_behind_a_proxy():
    def named(**more):
        return lambda gate: ("/", {"Host": "Lab.example", "Cookie": f"explorer-lab-example={gate.key}"} | more)

    def statuses(**options):
        forwarded = {"X-Forwarded-Proto": "https", "Origin": "https://lab.example"}
        return [answer[0] for answer in asked(named(), named(Origin="http://lab.example"), named(**forwarded), **options)]

    assert statuses() == [403, 403, 403]
    assert statuses(hosts=["lab.example"]) == [200, 200, 403]
    assert statuses(hosts=["LAB.example"], proxied=True) == [200, 200, 200]


def test_headers_that_do_not_come_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(connections, "HEADERS_WITHIN", 0.01)

    async def cut():
        gate = Door(Application([("/.*", Inside)]))
        server, sockets = BoundedServer(gate, gate.guests), loopback_sockets(0)
        server.add_sockets(sockets)
        reader, writer = await asyncio.open_connection(*sockets[0].getsockname())
        writer.write(b"GET / HT")
        assert await reader.read() == b""
        writer.close()
        server.stop()

    asyncio.run(cut())


def test_where_no_more_connections_can_be_had_the_next_waits_a_moment(monkeypatch, caplog):
    monkeypatch.setattr(connections, "REST", 0.01)
    accept, failures = socket.socket.accept, [errno.EMFILE, errno.ENFILE]

    def full(one):
        if failures:
            raise OSError(failures.pop(), "full")
        return accept(one)

    monkeypatch.setattr(socket.socket, "accept", full)
    assert asked(lambda gate: (f"/?token={gate.key}", {}))[0][0] == 302
    assert (failures, caplog.records) == ([], [])


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_enough_files_are_allowed():
    code = "from resource import *; from explorer.dashboards.connections import *; few, most = RLIMIT_NOFILE, getrlimit(RLIMIT_NOFILE)[1]; "
    code += "setrlimit(few, (64, most)); allow_files(); print(getrlimit(few)[0], FILES if most == RLIM_INFINITY else min(FILES, most))"
    now, wanted = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert now == wanted


def test_nobody_else_waits_at_the_other_address_of_localhost():
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("the machine has no ::1")
    with other, pytest.raises(OSError, match="in use"):
        loopback_sockets(other.getsockname()[1])
    ours = loopback_sockets(0)
    with pytest.raises(OSError, match="in use"):
        socket.create_server(("::1", ours[0].getsockname()[1]), family=socket.AF_INET6)
    for one in ours:
        one.close()
