"""NumPy files, .npy and .npz: sizes are checked by their headers before memory is allocated, and no code in them is run."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np

from explorer.backend.runtime import budget
from explorer.backend.runtime.refusals import refusing
from explorer.errors import UnreadableExample
from explorer.locale import _, size_text

Array: TypeAlias = "np.ndarray[Any, Any]"

NPY, ZIP = b"\x93NUMPY", b"PK"  # how .npy and .npz files begin
VERSIONS = ((1, 0), (2, 0), (3, 0))  # of .npy
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the compression methods that NumPy uses
ENCRYPTED = 0x1  # a flag of a member
GROWTH = 200  # times its packed size that an array may have
SMALL = 32 * 2**20  # bytes up to which it may have more, as masks and sorted class numbers do
CHUNK = 2**20  # bytes


class _Buffer(bytearray):
    """The memory of an array that was read from a file, to which there is no other reference."""


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """The size of the numbers in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def array(self, buffer: Any, start: int = 0) -> Array:
        """Return the array of the numbers in a buffer, without copying it."""
        count = math.prod(self.shape)
        flat = np.frombuffer(buffer, self.dtype, count, start) if count else np.empty(0, self.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


def from_npy(data: bytes, name: str) -> Array:
    """Return the array in the bytes of an .npy file, read-only and without copying them.

    Raises UnreadableExample where it is damaged, or holds Python objects.
    """
    with refusing(UnreadableExample, _damaged_message(), name):
        stream = io.BytesIO(data)
        header = _header(stream, len(data), name)
        return header.array(data, stream.tell())


def from_npz(source: Path | bytes, name: str, largest: float = math.inf) -> dict[str, Array]:
    """Return the arrays in an .npz file by their names, read-only.

    largest: the limit for all arrays together in bytes, besides that of the budget.
    Raises UnreadableExample where it is damaged or a zip bomb, holds Python objects, or exceeds the memory for one input.
    """
    with refusing(UnreadableExample, _damaged_message(), name):
        file_size = len(source) if isinstance(source, bytes) else source.stat().st_size
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            _check_members(members, file_size, largest, name)
            return {member.filename.removesuffix(".npy"): _unpacked(archive, member, name) for member in members}


def is_from_file(array: Any) -> bool:
    """Whether it is an array that was read from a file, so that no other code can change it."""
    base = array if type(array) is np.ndarray else None
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, bytes) or (isinstance(base, memoryview) and isinstance(base.obj, _Buffer))


def _damaged_message() -> str:
    return _("{name} can't be read: it is damaged or cut off, or no file of arrays; save it again with numpy.save or numpy.savez.")


def _check_members(members: list[zipfile.ZipInfo], file_size: int, largest: float, name: str) -> None:
    """Raise UnreadableExample where the members of an .npz are too large, encrypted, or compressed by a method that NumPy doesn't use."""
    if any(member.compress_type not in PACKED or member.flag_bits & ENCRYPTED for member in members):
        raise UnreadableExample(
            _(
                "{name} can't be read: it is encrypted, or compressed by a method that NumPy doesn't use; save it again with numpy.savez."
            ).format(name=name)
        )
    if any(member.compress_size > file_size for member in members):
        raise UnreadableExample(_damaged_message().format(name=name))
    size = sum(member.file_size for member in members)
    if size > largest:
        raise UnreadableExample(
            _("The arrays in {name} take more than {largest}; save fewer of them.").format(name=name, largest=size_text(largest))
        )
    budget.check(size, name, _("Save fewer arrays or examples in it."))
    if any(member.file_size > max(SMALL, GROWTH * member.compress_size) for member in members):
        raise UnreadableExample(
            _("{name} unpacks to more than {growth} times its size, which is refused; save it with numpy.savez.").format(
                name=name, growth=GROWTH
            )
        )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    with archive.open(member) as stream:
        header = _header(stream, member.file_size, name)
        buffer, position = _Buffer(header.size), 0
        while chunk := stream.read(min(CHUNK, header.size - position)):
            buffer[position : position + len(chunk)] = chunk
            position += len(chunk)
        while stream.read(CHUNK):  # zipfile checks the checksum at the end of the member
            pass
    if position < header.size:
        raise EOFError
    return header.array(memoryview(buffer).toreadonly())


def _header(stream: IO[bytes], size: int, name: str) -> _Header:
    """Return the header of an .npy file of `size` bytes, checked against the file's size. Raises UnreadableExample."""
    header = _parsed(stream)
    if header is None:
        raise UnreadableExample(_damaged_message().format(name=name))
    if header.dtype.hasobject:
        raise UnreadableExample(
            _("{name} can't be read: it holds Python objects, which may hold code; save plain arrays in it.").format(name=name)
        )
    if header.size > size - stream.tell():
        raise UnreadableExample(
            _("{name} can't be read: it is cut off, or its header asks for more numbers than it holds; save it again.").format(name=name)
        )
    return header


def _parsed(stream: IO[bytes]) -> _Header | None:
    """Return the parsed header; None where it is invalid, for which NumPy raises various exceptions, even MemoryError."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")  # about files from Python 2, and about odd syntax in a forged header
        version = np.lib.format.read_magic(stream)
        # Version 3.0 differs from 2.0 only in field names in UTF-8, and an array with fields is no array of numbers.
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        if version in VERSIONS and all(type(size) is int and size >= 0 for size in shape):
            return _Header(shape, bool(fortran), dtype)
    return None
