import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections import namedtuple

import file_server
import numpy as np
import pytest
from file_server import FileServer, cut, silence, stall, status, without_length

from explorer.backend.weights import download
from explorer.backend.weights import transfer as transfers
from explorer.errors import Cancelled, ExplorerError, WeightsUnavailable

BODY = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
def server():
    with FileServer() as server:
        server.files["net.bin"] = BODY
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    file_server.without_waiting(monkeypatch)


@pytest.fixture
def get(server, tmp_path):
    """Return a function that downloads net.bin and returns its path."""

    def get(size=300_000, published=MD5, say=lambda _progress: None, url=None, path=tmp_path / "models" / "net.bin"):
        download.download(url or f"{server.url}/net.bin", path, size, published, say, "Downloading the net")
        return path

    return get


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def cancel_when(condition):
    """Return a `say` that wants no more as soon as `condition(progress)` holds, and what it was told."""
    told = []

    def say(progress):
        told.append(progress)
        if condition(progress):
            raise Cancelled("no longer wanted")

    return say, told


def no_thread_is_left():
    """Return whether no transfer goes on; one that was only just told to stop has a moment, though not the minute of a stall."""
    threads = [one for one in threading.enumerate() if one.name == "explorer-download"]
    for one in threads:
        one.join(10)
    return not any(one.is_alive() for one in threads)


def test_a_file_comes_whole_and_nothing_else_is_left(get, server):
    path = get()
    assert path.read_bytes() == BODY
    assert left(path.parent) == ["net.bin"]
    assert server.sent == len(BODY)


def test_a_hash_may_be_sha256(get, server):
    assert get(published=hashlib.sha256(BODY).hexdigest()).read_bytes() == BODY


def test_a_file_of_which_nothing_is_known_comes_as_long_as_the_server_says(get, server):
    server.plan = [cut(100_000)]
    assert get(size=None, published=None).read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_server_may_not_say_how_long_the_file_is(get, server):
    server.plan = [without_length]
    told = []
    assert get(size=None, published=None, say=told.append).read_bytes() == BODY
    assert {one.fraction for one in told[:-1]} <= {None}


@pytest.mark.parametrize("interruption", [cut(120_000), stall(120_000)], ids=["cut off", "stalled"])
def test_what_was_interrupted_goes_on_from_there(interruption, get, server):
    server.plan = [interruption]
    assert get().read_bytes() == BODY
    assert server.asked == [None, "bytes=120000-"]
    assert server.sent == len(BODY)


def test_it_goes_on_as_long_as_each_attempt_brings_something(get, server):
    server.plan = [cut(10_000)] * (3 * download.RETRIES)
    assert get().read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_server_that_ignores_ranges_starts_anew(get, server):
    server.ranges = False
    server.plan = [cut(120_000)]
    assert get().read_bytes() == BODY
    assert server.asked == [None, "bytes=120000-"]
    assert server.sent == 120_000 + len(BODY)


def test_a_server_that_tells_no_versions_apart_starts_anew(get, server):
    server.etags = False
    server.plan = [cut(120_000)]
    assert get().read_bytes() == BODY
    assert server.asked == [None, None]


def test_a_weak_etag_is_no_reason_to_go_on(get, server, monkeypatch):
    monkeypatch.setattr(file_server, "hash", lambda _body: 7, raising=False)

    def weak(server, request):
        server.count(1000)
        file_server.answer(request, 200, Content_Length=len(BODY), ETag='W/"7"')
        request.wfile.write(BODY[:1000])

    server.plan = [weak]
    assert get().read_bytes() == BODY
    assert server.asked == [None, None]


def test_a_file_that_changes_between_attempts_is_fetched_anew(get, server):
    def cut_and_change(server, request):
        file_server.serve(server, request, 120_000)
        server.files["net.bin"] = OTHER

    server.plan = [cut_and_change]
    assert get(published=hashlib.md5(OTHER).hexdigest()).read_bytes() == OTHER
    assert server.sent == 120_000 + len(OTHER)


def test_a_server_that_goes_on_with_another_version_is_not_believed(get, server):
    def other_version(_server, request):
        start = 120_000
        span = f"bytes {start}-{len(OTHER) - 1}/{len(OTHER)}"
        file_server.answer(request, 206, Content_Length=len(OTHER) - start, Content_Range=span, ETag='"other"')
        request.wfile.write(OTHER[start:])

    server.plan = [cut(120_000), other_version]
    assert get(published=None).read_bytes() == BODY


def test_a_later_call_goes_on_where_an_earlier_one_was_cancelled(get, server):
    server.plan = [stall(120_000)]
    say, _told = cancel_when(lambda progress: progress.fraction >= 0.4)
    with pytest.raises(Cancelled):
        get(say=say)
    assert get().read_bytes() == BODY
    assert server.asked == [None, "bytes=120000-"]
    assert server.sent == len(BODY)


def test_a_part_that_is_whole_already_is_only_given_its_name(get, server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.bin.part").write_bytes(BODY)
    (folder / "net.bin.part.note").write_text(f'"{hash(BODY)}"')
    assert get().read_bytes() == BODY
    assert server.sent == 0
    assert left(folder) == ["net.bin"]


def test_a_part_that_is_too_long_is_thrown_away(get, server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.bin.part").write_bytes(BODY + b"more")
    (folder / "net.bin.part.note").write_text(f'"{hash(BODY)}"')
    assert get().read_bytes() == BODY
    assert server.asked == [f"bytes={len(BODY) + 4}-", None]


def test_a_part_of_unknown_origin_is_not_gone_on_with(get, server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.bin.part").write_bytes(OTHER[:120_000])
    assert get().read_bytes() == BODY
    assert server.asked == [None]


def test_a_part_whose_note_is_damaged_is_not_gone_on_with(get, server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.bin.part").write_bytes(BODY[:120_000])
    (folder / "net.bin.part.note").write_bytes(b'"\x00\xff\r\nHost: elsewhere')
    assert get().read_bytes() == BODY
    assert server.asked == [None]


@pytest.mark.parametrize(("size", "published"), [(len(BODY), MD5), (len(BODY), None)])
def test_a_wrong_file_is_deleted_and_said_to_be_wrong(size, published, get, server, tmp_path):
    server.files["net.bin"] = b"<html>Please log in to this network.</html>"
    with pytest.raises(WeightsUnavailable, match=r"sent a wrong net\.bin .* deleted") as refused:
        get(size, published)
    assert server.host in str(refused.value)
    assert left(tmp_path / "models") == []


def test_a_wrong_file_of_the_right_size_is_found_out_by_its_hash(get, server, tmp_path):
    server.files["net.bin"] = OTHER
    with pytest.raises(WeightsUnavailable, match="its hash is not the published one"):
        get()
    assert left(tmp_path / "models") == []


def test_an_hdf5_file_of_which_nothing_is_known_must_open(get, server, tmp_path):
    server.files["net.h5"] = b"<html>Please log in to this network.</html>"
    with pytest.raises(WeightsUnavailable, match="no whole HDF5 file"):
        get(None, None, url=f"{server.url}/net.h5", path=tmp_path / "models" / "net.h5")
    assert left(tmp_path / "models") == []


def test_a_damaged_file_is_set_aside_once_the_new_one_is_whole(get, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.bin").write_bytes(b"damaged")
    assert get().read_bytes() == BODY
    assert left(folder) == ["net.bin", "net.bin.damaged"]
    assert (folder / "net.bin.damaged").read_bytes() == b"damaged"


def test_a_damaged_file_stays_where_no_whole_one_can_be_had(get, server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.bin").write_bytes(b"damaged")
    server.files.clear()
    with pytest.raises(WeightsUnavailable):
        get()
    assert (folder / "net.bin").read_bytes() == b"damaged"


def test_a_busy_server_is_asked_again(get, server):
    server.plan = [status(503, Retry_After="0"), status(503), status(429)]
    assert get().read_bytes() == BODY
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("step", "attempts", "part"),
    [
        (status(404), 1, "has no file net.bin (404)"),
        (status(403), 1, "refuses to send net.bin (403 Forbidden)"),
        (status(503), 1 + download.RETRIES, "is too busy to send net.bin (503): try again later"),
        (status(503, Retry_After="3600"), 1, "is too busy to send net.bin (503): try again later"),
        (status(503, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT"), 1, "is too busy to send net.bin (503): try again later"),
        (status(502), 1 + download.RETRIES, "refuses to send net.bin (502 Bad Gateway): try again later"),
        (cut(0), 1 + download.RETRIES, "stopped sending net.bin after 0.0 MB"),
        (silence, 1 + download.RETRIES, "stopped sending net.bin after 0.0 MB"),
    ],
)
def test_what_a_server_can_not_do_is_said_in_a_sentence(step, attempts, part, get, server, tmp_path, monkeypatch):
    if step is silence:
        monkeypatch.setattr(transfers, "STALL", 0.2)  # each attempt takes as long
    server.plan = [step] * 10
    with pytest.raises(WeightsUnavailable) as refused:
        get()
    sentence = str(refused.value)
    assert f"{server.host} {part}" in sentence
    assert len(server.asked) == attempts
    assert left(tmp_path / "models") == []


def test_a_server_that_stops_for_good_is_given_up_and_its_part_kept(get, server, tmp_path):
    server.ranges = False  # so that no attempt gets any further
    server.plan = [cut(120_000)] * 10
    with pytest.raises(WeightsUnavailable, match=r"stopped sending net\.bin after 0\.1 MB"):
        get()
    assert len(server.asked) == 1 + 1 + download.RETRIES
    assert (tmp_path / "models" / "net.bin.part").stat().st_size == 120_000
    assert not (tmp_path / "models" / "net.bin").exists()


def test_a_server_that_is_not_there_is_not_asked_twice(get):
    told = []
    with pytest.raises(WeightsUnavailable, match=r"127\.0\.0\.1:9 can't be reached to download net\.bin \(Connection refused\)"):
        get(url="http://127.0.0.1:9/net.bin", say=told.append)
    assert not any("again" in one.text for one in told)


def test_a_server_that_goes_away_in_the_middle_is_asked_again(get, server, tmp_path):
    def cut_and_leave(server, request):
        server.leave()
        file_server.serve(server, request, 120_000)

    server.plan = [cut_and_leave]
    told = []
    with pytest.raises(WeightsUnavailable, match=f"{server.host} can't be reached"):
        get(say=told.append)
    assert any("trying" in one.text for one in told)
    assert (tmp_path / "models" / "net.bin.part").stat().st_size == 120_000


def test_the_proxy_of_the_environment_is_asked(get, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    server.files["http://example.org/net.bin"] = BODY
    assert get(url="http://example.org/net.bin").read_bytes() == BODY
    assert server.names == ["http://example.org/net.bin"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/net.bin", "net.bin"])
def test_only_web_addresses_are_downloaded_from(url, get):
    with pytest.raises(ExplorerError, match="must start with http"):
        get(url=url)


def test_a_disk_that_is_too_small_is_noticed_at_once(get, server, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _folder: namedtuple("usage", "free")(1000))
    server.plan = [stall(1000)]
    with pytest.raises(WeightsUnavailable, match=r"no room for net\.bin .* make room") as refused:
        get()
    assert server.host in str(refused.value)
    assert no_thread_is_left()


def test_a_disk_that_gets_full_is_said_to_be_so(get, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.bin.part").symlink_to("/dev/full")
    with pytest.raises(WeightsUnavailable, match=r"no room for net\.bin"):
        get()


def test_a_folder_that_can_not_be_written_is_named(get, server, tmp_path):
    (tmp_path / "models").write_text("a file in the folder's place")
    with pytest.raises(WeightsUnavailable, match=r"can't be written into .*models \(.*KERAS_HOME") as refused:
        get()
    assert "net.bin" in str(refused.value)
    assert server.asked == []


def test_a_folder_that_may_not_be_written_is_named(get, monkeypatch):
    def denied(*_arguments):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(download, "hold", denied)
    with pytest.raises(WeightsUnavailable, match=r"can't be written into .* \(Permission denied\)"):
        get()


def test_progress_says_how_much_and_how_fast(get, server):
    server.plan = [stall(150_000)]
    told = []
    get(say=told.append)
    texts = [one.text for one in told]
    assert all(text.startswith("Downloading the net: ") for text in texts)
    assert any("0.1 of 0.3 MB, waiting for " in text for text in texts)
    assert any(f"trying {server.host} again in 0 s" in text for text in texts)
    assert texts[-1].endswith("checking the file")
    assert all(one.cancellable for one in told)
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert 0.0 <= fractions[0] < fractions[-1] == 1.0  # the first tick may come after the first bytes


@pytest.mark.parametrize(
    ("seen", "total", "words"),
    [
        ([(0, 0), (1, 2**20)], 11 * 2**20, "1.0 of 11 MB, 1.0 MB/s, 10 s left"),
        ([(0, 0), (2, 24 * 2**20)], 1224 * 2**20, "24 of 1224 MB, 12 MB/s, 100 s left"),
        ([(0, 0), (1, 2**20)], 301 * 2**20, "1.0 of 301 MB, 1.0 MB/s, 5 min left"),
        ([(0, 0), (1, 2**20), (3, 2 * 2**20), (7, 10 * 2**20)], None, "10 MB, 2.0 MB/s"),
        ([(0, 0), (1, 2**20), (4, 2**20)], 11 * 2**20, "1.0 of 11 MB, waiting for host"),
        ([(0, 5 * 2**20), (1, 0), (2, 2**20)], 11 * 2**20, "1.0 of 11 MB, 1.0 MB/s, 10 s left"),
        ([(0, 0)], 11 * 2**20, "0.0 of 11 MB, waiting for host"),
    ],
)
def test_speed_and_time_left_are_those_of_the_last_seconds(seen, total, words, monkeypatch):
    monkeypatch.setattr(download, "QUIET", 2.0)
    pace = download._Pace()
    said = [pace.words(here, total, "host", moment) for moment, here in seen]
    assert said[-1] == words


@pytest.mark.parametrize("where", [stall(120_000), silence], ids=["in the middle", "before the answer"])
def test_a_stalled_download_can_be_cancelled_at_once(where, get, server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfers, "STALL", 60)
    server.plan = [where]
    say, _told = cancel_when(lambda progress: server.asked and (where is silence or progress.fraction >= 0.4))
    with pytest.raises(Cancelled):
        get(say=say)
    assert no_thread_is_left()
    path = tmp_path / "models" / "net.bin.part"
    assert not path.exists() if where is silence else path.read_bytes() == BODY[:120_000]
    assert get().read_bytes() == BODY


def test_a_pause_can_be_cancelled(get, server, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 60)
    server.plan = [status(503)]
    say, _told = cancel_when(lambda progress: "again in 60 s" in progress.text)
    with pytest.raises(Cancelled):
        get(say=say)
    assert len(server.asked) == 1


def test_a_check_can_be_cancelled_and_is_done_again(get, server, tmp_path):
    say, _told = cancel_when(lambda progress: "checking" in progress.text)
    with pytest.raises(Cancelled):
        get(say=say)
    assert left(tmp_path / "models") == ["net.bin.part", "net.bin.part.note"]
    assert get().read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_transfer_that_is_stopped_before_it_connects_writes_nothing(server, tmp_path):
    note = download.hold(tmp_path / "note")
    transfer = transfers.Transfer(f"{server.url}/net.bin", tmp_path / "part", note)
    transfer._stopped.set()
    transfer.start()
    transfer.join()
    assert left(tmp_path) == ["note"]
    note.remove()
    assert left(tmp_path) == []


DOWNLOADER = """
import sys
from pathlib import Path
from explorer.backend.weights import download
download.TICK = 0.02
def say(progress):
    print(progress.text, flush=True)
download.download(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], say, "Downloading")
print("done", flush=True)
"""


@pytest.fixture
def process(server, tmp_path):
    """Return a function that starts a process which downloads net.bin."""
    started = []

    def process():
        arguments = [sys.executable, "-c", DOWNLOADER, f"{server.url}/net.bin", tmp_path / "models" / "net.bin", len(BODY), MD5]
        started.append(subprocess.Popen([*map(str, arguments)], stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield process
    for one in started:
        one.kill()
        one.wait()
        one.stdout.close()


def test_a_process_killed_while_it_downloads_leaves_nothing_that_looks_whole(process, get, server, tmp_path):
    server.plan = [stall(120_000)]
    killed = process()
    part = tmp_path / "models" / "net.bin.part"
    assert any(part.exists() and part.stat().st_size == 120_000 for _line in killed.stdout)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert left(tmp_path / "models") == ["net.bin.part", "net.bin.part.note"]
    assert get().read_bytes() == BODY  # nor does it keep others out
    assert server.asked == [None, "bytes=120000-"]
    assert server.sent == len(BODY)


def test_two_processes_download_one_file_once(process, server, tmp_path):
    server.plan = [stall(120_000)]
    first = process()
    assert any("0.1 of 0.3 MB" in line for line in first.stdout)
    second = process()
    assert any("another program is downloading it" in line for line in second.stdout)
    server.closing.set()  # ends the stall; the first goes on
    assert [one.communicate()[0].splitlines()[-1] for one in (first, second)] == ["done", "done"]
    assert [first.returncode, second.returncode] == [0, 0]
    assert (tmp_path / "models" / "net.bin").read_bytes() == BODY
    assert left(tmp_path / "models") == ["net.bin"]
    assert server.sent == len(BODY)


def test_two_threads_download_one_file_once(get, server, tmp_path):
    server.plan = [stall(120_000)]
    threads = [threading.Thread(target=get) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "models" / "net.bin").read_bytes() == BODY
    assert server.sent == len(BODY)


def test_where_files_can_not_be_locked_it_downloads_all_the_same(get, monkeypatch):
    def unsupported(_handle):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("explorer.backend.runtime.file_locks._lock", unsupported)
    assert get().read_bytes() == BODY
