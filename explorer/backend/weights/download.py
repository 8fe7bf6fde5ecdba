"""A file from a web address: resumed where an earlier attempt stopped, checked, and in its place only when whole."""

from __future__ import annotations

import errno
import shutil
import ssl
import time
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from explorer import disk
from explorer.backend.runtime.file_locks import Note, hold
from explorer.backend.weights.checksum import wrong_with
from explorer.backend.weights.transfer import Transfer
from explorer.disk import FULL, why_not
from explorer.errors import ExplorerError, WeightsUnavailable
from explorer.locale import _, megabytes
from explorer.values import Progress

TICK = 0.15  # seconds between two reports
RETRIES = 4  # failures in a row, none of which brought a byte more than was here before
PAUSE = 1.0  # seconds before the first retry; doubled for each that follows
LONGEST_PAUSE = 60.0  # a server that asks for more patience is given up
WINDOW = 5.0  # seconds over which the speed is measured
QUIET = 2.0  # seconds without a byte after which the report says so
BUSY = {408, 425, 429, 500, 502, 503, 504}  # statuses that may pass
UNWRITABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG),
}

ReportProgress: TypeAlias = Callable[[Progress], None]


def download(url: str, path: Path, size: int | None, published: str | None, report_progress: ReportProgress, title: str) -> None:
    """Put the file at `url` to `path`; return when it is there and whole.

    It grows as `path`.part beside it, where a later call goes on, and takes its name at the end; a file that has
    that name already is then set aside as `path`.damaged. One process downloads; others wait for it and take its file.
    size, published: the bytes and the hash (MD5 or SHA-256) that the file must have, where known; else the length that the server says.
    say: told a Progress every TICK seconds, also while nothing comes. What it raises (Cancelled) ends the
        download at once and passes through.
    title: what the reports begin with ("Downloading the weights of VGG16").
    Raises WeightsUnavailable, in a sentence that names the server, the file and what to do.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ExplorerError(_("{url} is no address to download from: it must start with http:// or https://.").format(url=url))
    _Download(url, path, size, published, report_progress, title).run()


class _Download:
    """One call of `download`."""

    def __init__(self, url: str, path: Path, size: int | None, published: str | None, report_progress: ReportProgress, title: str) -> None:
        self._url, self._path, self._size, self._published = url, path, size, published
        self._tell, self._title = report_progress, title
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._part = path.with_name(f"{path.name}.part")
        self._pace = _Pace()
        self._answered = False
        self._total = size

    def run(self) -> None:
        before = _stamp(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            note = self._alone()
            try:
                if _stamp(self._path) == before:  # or else another process has brought it meanwhile
                    self._bring(note)
                    self._finish()
            finally:
                self._leave(note)
        except OSError as error:
            if _of_the_disk(error):
                raise self._no_place(error) from error
            raise

    def _alone(self) -> Note:
        """Return the note beside the part when no other process or thread holds it any more."""
        path = self._path.with_name(f"{self._path.name}.part.note")
        while (note := hold(path)) is None:
            self._report_progress(_("another program is downloading it"))
            time.sleep(TICK)
        return note

    def _leave(self, note: Note) -> None:
        """Keep the part and the note where there is something to go on with."""
        if self._here():
            note.release()
        else:
            self._part.unlink(missing_ok=True)
            note.remove()

    def _bring(self, note: Note) -> None:
        """Request the file until the part has all of it."""
        failures, furthest = 0, self._here()
        while True:
            transfer = Transfer(self._url, self._part, note)
            self._watch(transfer)
            if transfer.error is None:
                return
            failures = 0 if transfer.received > furthest else failures + 1
            furthest = max(furthest, transfer.received)
            self._pause(self._patience(transfer.error, failures))

    def _watch(self, transfer: Transfer) -> None:
        """Report until the request has ended."""
        transfer.start()
        try:
            while transfer.is_alive():
                self._total = transfer.total or self._total
                self._report_progress(self._pace.words(self._here(), self._total, self._host, time.monotonic()))
                if transfer.total and shutil.disk_usage(self._part.parent).free < transfer.total - transfer.received:
                    raise self._full()
                transfer.join(TICK)
        finally:
            transfer.stop()

    def _patience(self, error: Exception, failures: int) -> float:
        """Return the seconds to wait before the next try, or raise what ended the last one."""
        pause, spent = PAUSE * 2.0 ** max(0, failures - 1), failures > RETRIES
        if isinstance(error, HTTPError):
            self._answered = True
            pause = max(pause, _retry_after(error))
            if error.code not in BUSY or spent or pause > LONGEST_PAUSE:
                raise self._refused(error) from error
        elif isinstance(error, URLError):
            if spent or not self._answered or isinstance(error.reason, ssl.SSLCertVerificationError):
                raise self._unreachable(error) from error
        elif not isinstance(error, OSError | HTTPException) or _of_the_disk(error):
            raise error
        else:
            self._answered = True
            if spent:
                raise self._stalled() from error
        return pause

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._report_progress(_("trying {host} again in {seconds:.0f} s").format(host=self._host, seconds=left))
            time.sleep(min(TICK, left))

    def _finish(self) -> None:
        """Check the part and put it in its place."""
        due = 0.0

        def tick() -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + TICK
                self._report_progress(_("checking the file"))

        wrong = wrong_with(self._part, self._published, self._size, tick)
        if wrong:
            self._part.unlink()
            raise WeightsUnavailable(
                _(
                    "{host} sent a wrong {file} ({wrong}), which was deleted: try again later or on another network, "
                    "or put the file into {folder}."
                ).format(host=self._host, file=self._path.name, wrong=wrong, folder=self._path.parent)
            )
        disk.put(self._part, self._path, before=self._path.with_name(f"{self._path.name}.damaged"))

    def _report_progress(self, state: str) -> None:
        here = self._here()
        fraction = min(1.0, here / self._total) if self._total else None
        self._tell(Progress(_("{title}: {state}").format(title=self._title, state=state), fraction, cancellable=True))

    def _here(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _refused(self, error: HTTPError) -> WeightsUnavailable:
        sentences = {
            404: _("{host} has no file {file} (404): get the file elsewhere and put it into {folder}."),
            503: _("{host} is too busy to send {file} (503): try again later, or put the file into {folder}."),
        }
        other = _("{host} refuses to send {file} ({status} {reason}): try again later, or put the file into {folder}.")
        return WeightsUnavailable(
            sentences.get(error.code, other).format(
                host=self._host, file=self._path.name, status=error.code, reason=error.reason, folder=self._path.parent
            )
        )

    def _unreachable(self, error: URLError) -> WeightsUnavailable:
        reason = error.reason.strerror or str(error.reason) if isinstance(error.reason, OSError) else error.reason
        return WeightsUnavailable(
            _("{host} can't be reached to download {file} ({reason}): check the network, or put the file into {folder}.").format(
                host=self._host, file=self._path.name, reason=reason, folder=self._path.parent
            )
        )

    def _stalled(self) -> WeightsUnavailable:
        return WeightsUnavailable(
            _("{host} stopped sending {file} after {here} MB: download it again later, which goes on from there.").format(
                host=self._host, file=self._path.name, here=megabytes(self._here())
            )
        )

    def _no_place(self, error: OSError) -> WeightsUnavailable:
        if error.errno in FULL:
            return self._full()
        return WeightsUnavailable(
            _("{file} from {host} can't be written into {folder} ({reason}): allow it, or set KERAS_HOME to another folder.").format(
                file=self._path.name, host=self._host, folder=self._path.parent, reason=why_not(error)
            )
        )

    def _full(self) -> WeightsUnavailable:
        size = _(" ({size} MB)").format(size=megabytes(self._total)) if self._total else ""
        return WeightsUnavailable(
            _("There is no room for {file} from {host}{size} in {folder}: make room, and download it again.").format(
                file=self._path.name, host=self._host, size=size, folder=self._path.parent
            )
        )


class _Pace:
    """How far a transfer is and how fast it has been lately, in words."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # (time, bytes)
        self._grew = 0.0  # when more bytes were seen than before

    def words(self, here: int, total: int | None, host: str, now: float) -> str:
        """Return such as "120 of 528 MB, 5.3 MB/s, 76 s left".

        here, total: bytes; now: seconds on any clock, in rising order from call to call.
        """
        speed = self._speed(here, now)
        done = _("{here} MB") if total is None else _("{here} of {total} MB")
        done = done.format(here=megabytes(here), total=megabytes(total or 0))
        if not speed or now - self._grew > QUIET:
            return _("{done}, waiting for {host}").format(done=done, host=host)
        if total is None:
            return _("{done}, {speed} MB/s").format(done=done, speed=megabytes(int(speed)))
        left = (total - here) / speed
        left_words = _("{minutes:.0f} min").format(minutes=left / 60) if left > 120 else _("{seconds:.0f} s").format(seconds=left)
        return _("{done}, {speed} MB/s, {left} left").format(done=done, speed=megabytes(int(speed)), left=left_words)

    def _speed(self, here: int, now: float) -> float:
        """Return the bytes per second over the last seconds; 0 where they are not known yet."""
        if self._seen and here < self._seen[-1][1]:  # it started anew
            self._seen.clear()
        if not self._seen or here > self._seen[-1][1]:
            self._grew = now
        self._seen.append((now, here))
        while now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        seconds = now - self._seen[0][0]
        return (here - self._seen[0][1]) / seconds if seconds else 0.0


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when another file takes the path; None where there is none."""
    if not path.exists():
        return None
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _of_the_disk(error: Exception) -> bool:
    """Return whether the disk and not the network is to blame; OpenSSL numbers its errors otherwise."""
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno in FULL | UNWRITABLE


def _retry_after(error: HTTPError) -> float:
    """Return the seconds that the server asks to wait, which it may give as a date (RFC 9110, 10.2.3); 0 where it doesn't."""
    asked = error.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return parsedate_to_datetime(asked).timestamp() - time.time()
    except ValueError:
        return 0.0
