"""Zip archives of class folders: checked before they are unpacked, so that no path leads out of the folder and the disk doesn't fill up."""

from __future__ import annotations

import errno
import io
import re
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from explorer import disk
from explorer.backend.datasets.class_folders import DEEPEST
from explorer.backend.datasets.example_reader import is_ignored
from explorer.backend.inputs.files import existing
from explorer.backend.runtime import budget, temporary_files
from explorer.backend.runtime.refusals import refusing
from explorer.catalog.options import stamp_of
from explorer.errors import ExplorerError
from explorer.locale import _, size_text
from explorer.values.names import plain

LARGEST = 4 * 10**9  # bytes of all files together, unpacked
MOST = 100_000  # files
RATIO = 200  # times its packed size that a file may have
SMALL = 2**20  # bytes up to which a file may have more than that
NAMED_IN_UTF8, ENCRYPTED = 0x800, 0x1  # flags of a member
CHUNK = 2**20  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ZIP_ERRORS = (None, errno.EINVAL)  # errno of a decompressor's errors, and of seeking before the start of the file
LISTED = b"PK\1\2"  # how each entry of the central directory begins
TAIL = 2**16 + 22 + 76  # bytes at the end that hold the end record, which a comment may follow
OBJECT, COPIES = 1000, 3  # bytes of Python's object for an entry, and how many copies of the central directory Python keeps
LONGEST = 100  # characters of a file's name in a sentence

_unpacked_zips: dict[tuple[str, str], Path] = {}
_lock = threading.Lock()


def unpacked(source: Path | bytes, into: Path) -> Path:
    """Unpack a zip and return the folder that holds all of it.

    into: a folder that is empty or doesn't exist yet; it is removed where the zip is refused.
    Raises ExplorerError where the zip is damaged or encrypted; where a name in it leads out of the folder, or is a link; where it
    would unpack to more than 4 GB or 100,000 files, or a file in it to more than 200 times its size; and where the disk is full.
    """
    name = source.name if isinstance(source, Path) else _("The zip")
    try:
        with _zip_errors(name), io.BytesIO(source) if isinstance(source, bytes) else existing(source).open("rb") as file:
            _check_directory(file, name)
            archive = zipfile.ZipFile(file)
            members = _checked_files(archive.infolist(), name)
            _check_room(into.parent, sum(member.file_size for _path, member in members), name)
            into.mkdir(parents=True, exist_ok=True)
            for path, member in members:
                _write(archive, member, into / path)
    except ExplorerError:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return into


def unpacked_once(path: Path) -> Path:
    """Return the folder of an unpacked zip; each zip is unpacked once, and the folder kept until this process ends."""
    with _lock:
        key = str(path), stamp_of(path)
        if key not in _unpacked_zips:
            with _zip_errors(path.name):
                folder = temporary_files.make("data-")
            _unpacked_zips[key] = unpacked(path, folder)
        return _unpacked_zips[key]


@contextmanager
def _zip_errors(name: str) -> Iterator[None]:
    """Turn errors of damaged zips, of files that are no zips and of a full disk into sentences."""
    damaged = _("{name} is not a zip that can be unpacked, or is damaged: {why}. Pack the folder again, or use another copy of it.")
    with refusing(ExplorerError, damaged, name):
        try:
            yield
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            file = _short_name(Path(error.filename).name)
            message = _("{name} holds {file} twice, or as a file and a folder; pack the folder again.")
            raise ExplorerError(message.format(name=name, file=file)) from None
        except OSError as error:
            if error.errno in ZIP_ERRORS:
                raise
            raise ExplorerError(_("{name} can't be unpacked: {why}.").format(name=name, why=disk.why_not(error))) from error


def _check_directory(file: BinaryIO, name: str) -> None:
    """Raise ExplorerError where a zip lists more files than are unpacked, or its central directory alone would fill the memory.

    The central directory lies before the end record, which gives its length. The end record's number of files may be forged.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    tail = file.read()
    position = tail.rfind(b"PK\5\6")
    if position < 0:
        return  # zipfile reports that it is no zip
    end, length = size - len(tail) + position, int.from_bytes(tail[position + 12 : position + 16], "little")
    if tail[max(0, position - 76) : position - 72] == b"PK\6\6":  # the end record of large zips (ZIP64), and its position
        end, length = end - 76, int.from_bytes(tail[position - 36 : position - 28], "little")
    start = max(0, end - length)
    file.seek(start)
    count, overlap = 0, b""
    while file.tell() < end and (chunk := file.read(min(CHUNK, end - file.tell()))):
        count += (overlap + chunk).count(LISTED)
        overlap = chunk[1 - len(LISTED) :]
    if count > MOST:
        raise _too_many(name)
    budget.check(OBJECT * count + COPIES * (end - start), name, _("Use a part of it."), ExplorerError)


def _check_room(folder: Path, size: int, name: str) -> None:
    """Raise ExplorerError where the disk has no room for the unpacked files."""
    existing_folder = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    free = shutil.disk_usage(existing_folder).free
    if size > free:
        raise ExplorerError(
            _("{name} unpacks to {size}, and there are {free} free on the disk: use a part of it, or make room.").format(
                name=name, size=size_text(size), free=size_text(free)
            )
        )


def _too_many(name: str) -> ExplorerError:
    return ExplorerError(_("{name} holds more than 100,000 files: use a part of them.").format(name=name))


def _checked_files(members: list[zipfile.ZipInfo], name: str) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Return the files to unpack, with their paths. Raises ExplorerError where any member is refused."""
    if len(members) > MOST:
        raise _too_many(name)
    if sum(member.file_size for member in members) > LARGEST:
        raise ExplorerError(_("{name} unpacks to more than 4 GB: use a part of it.").format(name=name))
    files = []
    for member in members:
        file = _name_of(member)
        for is_refused, why in REFUSALS:
            if is_refused(file, member):
                raise ExplorerError(why().format(name=name, file=_short_name(file)))
        path = PurePosixPath(file)
        if not member.is_dir() and not any(map(is_ignored, path.parts)):
            files.append((path, member))
    return files


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return a member's name, decoded as UTF-8 where possible: macOS writes UTF-8 without its flag."""
    if member.flag_bits & NAMED_IN_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _short_name(file: str) -> str:
    """Return a member's name for a sentence, shortened where it is long."""
    return plain(file) if len(file) <= LONGEST else f"{plain(file[:LONGEST])}…"


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


def _is_foreign(_file: str, member: zipfile.ZipInfo) -> bool:
    """Whether it is compressed by a method that Python doesn't support, such as the Deflate64 of Windows."""
    return member.compress_type not in METHODS


def _is_deep(file: str, _member: zipfile.ZipInfo) -> bool:
    return file.count("/") > DEEPEST


REFUSALS: tuple[tuple[Callable[[str, zipfile.ZipInfo], bool], Callable[[], str]], ...] = (
    (_leads_elsewhere, lambda: _("{name} holds the path “{file}”, which leads out of its folder; pack the folder again.")),
    (_is_link, lambda: _("{name} holds the link {file}; put the file itself into the zip.")),
    (_is_encrypted, lambda: _("{name} is encrypted; pack the folder again without a password.")),
    (_is_foreign, lambda: _("{name} holds {file}, packed by an unsupported method; pack the folder again as an ordinary zip.")),
    (_is_deep, lambda: _("{name} holds {file}, inside more than 100 folders; pack the folder itself.")),
    (_is_bomb, lambda: _("{name} holds {file}, which unpacks to more than 200 times its size; such files are refused.")),
)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Write one file. No more of it is read than its header says, so that the checked sizes hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, path.open("xb") as file:
        shutil.copyfileobj(packed, file, CHUNK)
