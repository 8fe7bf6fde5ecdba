"""Arrays as NumPy saves them, .npy and .npz: measured by their headers before memory is taken, and nothing in them is run."""

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
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # how NumPy packs
ENCRYPTED = 0x1  # a flag of a member
GROWTH = 200  # times that an array may grow when it is unpacked
SMALL = 32 * 2**20  # bytes up to which it may grow more, as masks and numbers of classes in order do
PIECE = 2**20  # bytes


class _Room(bytearray):
    """The numbers of an array that was read from a file: nobody else has them."""


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """How many bytes the numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def array(self, buffer: Any, start: int = 0) -> Array:
        """Return the array whose numbers lie in a buffer, which is not copied."""
        count = math.prod(self.shape)
        flat = np.frombuffer(buffer, self.dtype, count, start) if count else np.empty(0, self.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


def from_npy(data: bytes, name: str) -> Array:
    """Return the array in the bytes of an .npy file, without a copy of them, read-only.

    Raises UnreadableExample where it is damaged, or holds Python objects.
    """
    with refusing(UnreadableExample, _damaged(), name):
        stream = io.BytesIO(data)
        header = _header(stream, len(data), name)
        return header.array(data, stream.tell())


def from_npz(source: Path | bytes, name: str, largest: float = math.inf) -> dict[str, Array]:
    """Return the arrays in an .npz file by their names, read-only.

    largest: how many bytes they may take in all, beside what the budget allows.
    Raises UnreadableExample where it is damaged or a bomb, holds Python objects, or takes more memory than one input may.
    """
    with refusing(UnreadableExample, _damaged(), name):
        room = len(source) if isinstance(source, bytes) else source.stat().st_size
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
            _check(members, room, largest, name)
            return {one.filename.removesuffix(".npy"): _unpacked(archive, one, name) for one in members}


def is_kept(array: Any) -> bool:
    """Whether it is an array that was read from a file, so that nobody can change it."""
    base = array if type(array) is np.ndarray else None
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, bytes) or (isinstance(base, memoryview) and isinstance(base.obj, _Room))


def _damaged() -> str:
    return _("{name} can't be read: it is damaged or cut off, or no file of arrays; save it again with numpy.save or numpy.savez.")


def _check(members: list[zipfile.ZipInfo], room: int, largest: float, name: str) -> None:
    """Raise UnreadableExample where the members of an .npz would take too much, or are packed in a way that NumPy doesn't use."""
    if any(one.compress_type not in PACKED or one.flag_bits & ENCRYPTED for one in members):
        raise UnreadableExample(
            _("{name} can't be read: it is encrypted, or packed otherwise than NumPy packs; save it again with numpy.savez.").format(
                name=name
            )
        )
    if any(one.compress_size > room for one in members):
        raise UnreadableExample(_damaged().format(name=name))
    size = sum(one.file_size for one in members)
    if size > largest:
        raise UnreadableExample(
            _("The arrays in {name} take more than {largest}; save fewer of them.").format(name=name, largest=size_text(largest))
        )
    budget.check(size, name, _("Save fewer arrays or examples in it."))
    if any(one.file_size > max(SMALL, GROWTH * one.compress_size) for one in members):
        raise UnreadableExample(
            _("{name} unpacks to more than {growth} times its size, which is not taken; save it with numpy.savez.").format(
                name=name, growth=GROWTH
            )
        )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    with archive.open(member) as stream:
        header = _header(stream, member.file_size, name)
        room, place = _Room(header.size), 0
        while piece := stream.read(min(PIECE, header.size - place)):
            room[place : place + len(piece)] = piece
            place += len(piece)
        while stream.read(PIECE):  # its checksum is looked at when it has been read to the end
            pass
    if place < header.size:
        raise EOFError
    return header.array(memoryview(room).toreadonly())


def _header(stream: IO[bytes], size: int, name: str) -> _Header:
    """Return the header of an .npy file of `size` bytes, which fits what follows. Raises UnreadableExample."""
    header = _parsed(stream)
    if header is None:
        raise UnreadableExample(_damaged().format(name=name))
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
    """Return what the header says; None where it makes no sense, for which NumPy raises what it likes, MemoryError too."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")  # a file of Python 2, and what is odd in a forged text
        version = np.lib.format.read_magic(stream)
        # 3.0 is 2.0 where fields have names in UTF-8, and what has fields is no array of numbers
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        if version in VERSIONS and all(type(size) is int and size >= 0 for size in shape):
            return _Header(shape, bool(fortran), dtype)
    return None
