"""The download of a file from a URL: resumed where an earlier attempt stopped, checked, and put in its place only when complete."""

from __future__ import annotations

import errno
import shutil
import ssl
import time
from collections import deque
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from explorer import disk
from explorer.backend.runtime.file_locks import Note, hold
from explorer.backend.weights.checksum import find_damage
from explorer.backend.weights.transfer import Transfer
from explorer.disk import FULL, why_not
from explorer.errors import ExplorerError, WeightsUnavailable
from explorer.locale import _, megabytes
from explorer.values import Progress, ReportProgress

TICK = 0.15  # seconds between two reports
RETRIES = 4  # consecutive failures without a new byte
PAUSE = 1.0  # seconds before the first retry; doubled for each that follows
LONGEST_PAUSE = 60.0  # the download fails if a server asks to wait longer
WINDOW = 5.0  # seconds over which the speed is measured
QUIET = 2.0  # seconds without a byte after which the report says that it waits
BUSY = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be temporary
UNWRITABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG),
}


def download(url: str, path: Path, size: int | None, published: str | None, report_progress: ReportProgress, title: str) -> None:
    """Download the file at `url` to `path`; return when it is complete.

    It is written to `path`.part, from where a later call resumes, and renamed at the end; an existing file of
    that name is then renamed to `path`.damaged. If several processes download it, one does, and the others wait for its file.
    size, published: the size in bytes and the hash (MD5 or SHA-256) of the file, if known; else the server's Content-Length counts.
    report_progress: called with a Progress every TICK seconds, also while no data arrive. An exception that it raises (Cancelled)
        ends the download at once and propagates.
    title: the beginning of the reports ("Downloading the weights of VGG16").
    Raises WeightsUnavailable, with a sentence that names the server, the file and what to do.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ExplorerError(_("{url} is not an address to download from: it must start with http:// or https://.").format(url=url))
    _Download(url, path, size, published, report_progress, title).run()


class _Download:
    """One call of `download`."""

    def __init__(self, url: str, path: Path, size: int | None, published: str | None, report_progress: ReportProgress, title: str) -> None:
        self._url, self._path, self._size, self._published = url, path, size, published
        self._callback, self._title = report_progress, title
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._part = path.with_name(f"{path.name}.part")
        self._meter = _SpeedMeter()
        self._has_responded = False
        self._total = size

    def run(self) -> None:
        before = _stamp(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            note = self._lock()
            try:
                if _stamp(self._path) == before:  # otherwise another process has downloaded it meanwhile
                    self._request_all(note)
                    self._finish()
            finally:
                self._unlock(note)
        except OSError as error:
            if _is_disk_error(error):
                raise self._disk_error(error) from error
            raise

    def _lock(self) -> Note:
        """Wait until no other process or thread holds the note beside the part; hold it and return it."""
        path = self._path.with_name(f"{self._path.name}.part.note")
        while (note := hold(path)) is None:
            self._report_progress(_("another program is downloading it"))
            time.sleep(TICK)
        return note

    def _unlock(self, note: Note) -> None:
        """Release the note; remove it and the part if there is nothing to resume."""
        if self._received():
            note.release()
        else:
            self._part.unlink(missing_ok=True)
            note.remove()

    def _request_all(self, note: Note) -> None:
        """Repeat requests until the part is complete."""
        failures, furthest = 0, self._received()
        while True:
            transfer = Transfer(self._url, self._part, note)
            self._watch(transfer)
            if transfer.error is None:
                return
            failures = 0 if transfer.received > furthest else failures + 1
            furthest = max(furthest, transfer.received)
            self._pause(self._retry_delay(transfer.error, failures))

    def _watch(self, transfer: Transfer) -> None:
        """Start a request, and report its progress until it has ended."""
        transfer.start()
        try:
            while transfer.is_alive():
                self._total = transfer.total or self._total
                self._report_progress(self._meter.text(self._received(), self._total, self._host, time.monotonic()))
                if transfer.total and shutil.disk_usage(self._part.parent).free < transfer.total - transfer.received:
                    raise self._full()
                transfer.join(TICK)
        finally:
            transfer.stop()

    def _retry_delay(self, error: Exception, failures: int) -> float:
        """Return the seconds to wait before the next request; raises for an error after which there is none."""
        pause, is_exhausted = PAUSE * 2.0 ** max(0, failures - 1), failures > RETRIES
        if isinstance(error, HTTPError):
            self._has_responded = True
            pause = max(pause, _retry_after(error))
            if error.code not in BUSY or is_exhausted or pause > LONGEST_PAUSE:
                raise self._refused(error) from error
        elif isinstance(error, URLError):
            if is_exhausted or not self._has_responded or isinstance(error.reason, ssl.SSLCertVerificationError):
                raise self._unreachable(error) from error
        elif not isinstance(error, OSError | HTTPException) or _is_disk_error(error):
            raise error
        else:
            self._has_responded = True
            if is_exhausted:
                raise self._stalled() from error
        return pause

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._report_progress(_("trying {host} again in {seconds:.0f} s").format(host=self._host, seconds=left))
            time.sleep(min(TICK, left))

    def _finish(self) -> None:
        """Check the part and rename it to the file."""
        due = 0.0

        def tick() -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + TICK
                self._report_progress(_("checking the file"))

        damage = find_damage(self._part, self._published, self._size, tick)
        if damage:
            self._part.unlink()
            raise WeightsUnavailable(
                _(
                    "{host} sent a wrong {file} ({wrong}), which was deleted: try again later or on another network, "
                    "or put the file into {folder}."
                ).format(host=self._host, file=self._path.name, wrong=damage, folder=self._path.parent)
            )
        disk.put(self._part, self._path, before=self._path.with_name(f"{self._path.name}.damaged"))

    def _report_progress(self, state: str) -> None:
        received = self._received()
        fraction = min(1.0, received / self._total) if self._total else None
        self._callback(Progress(_("{title}: {state}").format(title=self._title, state=state), fraction, cancellable=True))

    def _received(self) -> int:
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
            _("{host} stopped sending {file} after {here} MB: download it again later, which continues from there.").format(
                host=self._host, file=self._path.name, here=megabytes(self._received())
            )
        )

    def _disk_error(self, error: OSError) -> WeightsUnavailable:
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


class _SpeedMeter:
    """Measures the recent speed of a transfer, and describes its progress."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()  # (time, bytes)
        self._last_growth = 0.0  # the time when the number of bytes last increased

    def text(self, received: int, total: int | None, host: str, now: float) -> str:
        """Return a text such as "120 of 528 MB, 5.3 MB/s, 76 s left".

        received, total: bytes; now: seconds on a monotonic clock.
        """
        speed = self._speed(received, now)
        done = _("{here} MB") if total is None else _("{here} of {total} MB")
        done = done.format(here=megabytes(received), total=megabytes(total or 0))
        if not speed or now - self._last_growth > QUIET:
            return _("{done}, waiting for {host}").format(done=done, host=host)
        if total is None:
            return _("{done}, {speed} MB/s").format(done=done, speed=megabytes(int(speed)))
        left = (total - received) / speed
        left_words = _("{minutes:.0f} min").format(minutes=left / 60) if left > 120 else _("{seconds:.0f} s").format(seconds=left)
        return _("{done}, {speed} MB/s, {left} left").format(done=done, speed=megabytes(int(speed)), left=left_words)

    def _speed(self, received: int, now: float) -> float:
        """Return the bytes per second over the last seconds; 0 if that is not known yet."""
        if self._samples and received < self._samples[-1][1]:  # the transfer has restarted
            self._samples.clear()
        if not self._samples or received > self._samples[-1][1]:
            self._last_growth = now
        self._samples.append((now, received))
        while now - self._samples[0][0] > WINDOW:
            self._samples.popleft()
        seconds = now - self._samples[0][0]
        return (received - self._samples[0][1]) / seconds if seconds else 0.0


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return a value that identifies the file at a path: inode, size and time of change; None if there is none."""
    if not path.exists():
        return None
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _is_disk_error(error: Exception) -> bool:
    """Return whether an error comes from the disk, not the network; errno of OpenSSL's errors has another meaning."""
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno in FULL | UNWRITABLE


def _retry_after(error: HTTPError) -> float:
    """Return the seconds that the server asks to wait, given as a number or a date (RFC 9110, 10.2.3); 0 if it doesn't ask."""
    value = error.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return 0.0
