"""Zips of class folders: unpacked where nothing in them can lead elsewhere, or fill the disk."""

from __future__ import annotations

import io
import re
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from explorer import disk
from explorer.backend import temporary
from explorer.backend.data.example_sources import is_ignored
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.options import stamp_of

LARGEST = 4 * 10**9  # bytes of all files together, unpacked
MOST = 100_000  # files
RATIO = 200  # times that a file may grow
SMALL = 2**20  # bytes of a file up to which it may grow more
NAMED_IN_UTF8, ENCRYPTED = 0x800, 0x1  # flags of a member
PIECE = 2**20  # bytes

_kept: dict[tuple[str, str], Path] = {}
_keeping = threading.Lock()


def unpacked(source: Path | bytes, into: Path) -> Path:
    """Unpack a zip and return the folder that holds all of it.

    into: a folder that is empty or not there yet; what was put there is removed again where the zip is refused.
    Raises ExplorerError where the zip is damaged or encrypted; where a name in it leads elsewhere, or is a link; where it
    would unpack to more than 4 GB or 100,000 files, or a file in it to more than 200 times its size; and where the disk is full.
    """
    if isinstance(source, Path) and not source.exists():
        raise ExplorerError(_("There is no file {path}.").format(path=source))
    name = source.name if isinstance(source, Path) else _("The zip")
    try:
        with _refusing(name), zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            members = _checked(archive.infolist(), name)
            into.mkdir(parents=True, exist_ok=True)
            for path, member in members:
                _write(archive, member, into / path)
    except ExplorerError:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return into


def kept_unpacked(path: Path) -> Path:
    """Return the folder that holds all of a zip, unpacked once; it is kept as long as this process lives."""
    with _keeping:
        key = str(path), stamp_of(path)
        if key not in _kept:
            _kept[key] = unpacked(path, temporary.make("data-"))
        return _kept[key]


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn what is raised on a zip that is none or damaged, or that finds no place on the disk, into sentences."""
    try:
        yield
    except ExplorerError:
        raise
    except FileExistsError as error:
        raise ExplorerError(
            _("{name} holds {file} twice; pack the folder again.").format(name=name, file=Path(error.filename).name)
        ) from None
    except OSError as error:
        raise ExplorerError(_("{name} can't be unpacked: {why}.").format(name=name, why=disk.why_not(error))) from error
    except Exception as error:  # zipfile and the decompressors raise what they like on damaged files
        raise ExplorerError(
            _("{name} is no zip that can be unpacked, or damaged: {why}.").format(name=name, why=str(error).rstrip("."))
        ) from error


def _checked(members: list[zipfile.ZipInfo], name: str) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Return the files of a zip that are wanted, with their paths, when all members have been looked at."""
    if len(members) > MOST:
        raise ExplorerError(_("{name} holds more than 100,000 files: use a part of them.").format(name=name))
    if sum(member.file_size for member in members) > LARGEST:
        raise ExplorerError(_("{name} unpacks to more than 4 GB: use a part of it.").format(name=name))
    wanted = []
    for member in members:
        file = _name_of(member)
        for refused, why in REFUSALS:
            if refused(file, member):
                raise ExplorerError(why().format(name=name, file=file))
        path = PurePosixPath(file)
        if not member.is_dir() and not any(map(is_ignored, path.parts)):
            wanted.append((path, member))
    return wanted


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return a member's name. Where it doesn't say that it is in UTF-8, as macOS leaves it open, it is tried all the same."""
    if member.flag_bits & NAMED_IN_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _leads_elsewhere(file: str, _member: zipfile.ZipInfo) -> bool:
    nameless = PurePosixPath(file) == PurePosixPath() and not file.endswith("/")
    return nameless or bool(re.match(r"/|[A-Za-z]:", file)) or "\\" in file or ".." in file.split("/")


def _is_link(_file: str, member: zipfile.ZipInfo) -> bool:
    """Whether it is a link, or a device or the like."""
    return stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)


def _is_encrypted(_file: str, member: zipfile.ZipInfo) -> bool:
    return bool(member.flag_bits & ENCRYPTED)


def _is_bomb(_file: str, member: zipfile.ZipInfo) -> bool:
    return member.file_size > max(SMALL, RATIO * member.compress_size)


REFUSALS: tuple[tuple[Callable[[str, zipfile.ZipInfo], bool], Callable[[], str]], ...] = (
    (_leads_elsewhere, lambda: _("{name} holds the path {file!r}, which leads out of its folder; pack the folder again.")),
    (_is_link, lambda: _("{name} holds the link {file}; put the file itself into the zip.")),
    (_is_encrypted, lambda: _("{name} is encrypted; pack the folder again without a password.")),
    (_is_bomb, lambda: _("{name} holds {file}, which unpacks to more than 200 times its size; such files are not taken.")),
)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Write one file. No more is read of it than its header says, so that the sums that were checked hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, path.open("xb") as file:
        shutil.copyfileobj(packed, file, PIECE)
