"""The checks of archives and HDF5 files before anything is unpacked: their unpacked size, and that nothing leads outside them."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import h5py

from explorer.backend.models import config_text
from explorer.backend.runtime import budget
from explorer.errors import UnreadableModel
from explorer.locale import _, megabytes, size_text

WEIGHTS = "model.weights.h5"  # in a .keras
WEIGHTS_AS_ARRAYS = "model.weights.npz"  # the alternative to `WEIGHTS`
SMALL = 256 * 2**20  # bytes that any file may unpack to, however small it is
ENCRYPTED = 1  # the flag of an encrypted member of a zip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
BLOCK = 2**24  # bytes to search at a time
HEAP = b"GCOL\x01\0\0\0"  # the signature of a global heap, version 1, in HDF5
OBJECT = struct.Struct("<H6xQ")  # the index of an object in the heap (0 for free space), and its length
EXPANSION = 100  # a file may unpack to this many times its own size


def check_archive(archive: zipfile.ZipFile, size: int, name: str) -> int:
    """Return how many bytes of weights a zip of `size` bytes holds.

    Raises UnreadableModel if it unpacks to far more than its size, or outside its folder, or if its weights do, or if it is encrypted.
    """
    members, limit = archive.infolist(), _limit(size)
    _check_expansion(sum(member.file_size for member in members), size, name, limit)
    weight_bytes = 0
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise UnreadableModel(
                _("{name} holds {member!r}, which would be written outside its folder: it is not opened.").format(
                    name=name, member=member.filename
                )
            )
        if member.flag_bits & ENCRYPTED or member.compress_type not in METHODS:
            raise UnreadableModel(
                _("{name} is encrypted, or packed in a way that is not known here: save it again where it was made.").format(name=name)
            )
        if member.filename.endswith(".json") and member.file_size > config_text.LARGEST:
            raise UnreadableModel(
                _("{name} holds a description of {size} MB, more than any network needs: it is not opened.").format(
                    name=name, size=megabytes(member.file_size)
                )
            )
        if member.filename == WEIGHTS:
            with hdf5(BytesIO(archive.read(member)), size, name, limit) as (_file, claimed):
                weight_bytes += claimed
        if member.filename == WEIGHTS_AS_ARRAYS:
            with zipfile.ZipFile(BytesIO(archive.read(member))) as arrays:
                claimed = sum(array.file_size for array in arrays.infolist())
                _check_expansion(claimed, size, name, limit)
                weight_bytes += claimed
    return weight_bytes


@contextmanager
def hdf5(source: Path | BytesIO, size: int, name: str, limit: int | None = None) -> Iterator[tuple[h5py.File, int]]:
    """Open an HDF5 file of `size` bytes for reading; yield it, and how many bytes of arrays it holds.

    limit: how many bytes it may hold, if that was computed before the file was read into memory.
    Raises UnreadableModel if it is damaged so that libhdf5 would hang, links to other files, or claims to hold far more than its size.
    """
    with open(source, "rb") if isinstance(source, Path) else nullcontext(source) as stream:
        if _has_endless_heap(stream):
            raise UnreadableModel(damaged(name))
    with h5py.File(source, "r") as file:
        yield file, _check_hdf5(file, size, name, _limit(size) if limit is None else limit)


def damaged(name: str) -> str:
    """Return the sentence for a file that is truncated or corrupt."""
    return _("{name} is damaged or incomplete: save it again where it was made, or copy the whole file.").format(name=name)


def _has_endless_heap(stream: BinaryIO) -> bool:
    """Return whether a heap in an HDF5 file has free space of size 0, such as a zeroed part of the file, which makes libhdf5 hang."""
    stream.seek(0)
    before = b""
    while block := stream.read(BLOCK):
        position, data = stream.tell(), before + block
        start = data.find(HEAP)
        while start >= 0:
            if _is_endless(stream, position - len(data) + start):
                return True
            start = data.find(HEAP, start + 1)
        before = data[-len(HEAP) + 1 :]
        stream.seek(position)
    stream.seek(0)
    return False


def _is_endless(stream: BinaryIO, start: int) -> bool:
    """Return whether a walk through the objects of the heap at `start` would never end."""
    stream.seek(start + 8)
    (size,) = struct.unpack("<Q", stream.read(8).ljust(8, b"\0"))
    offset = start + 16
    while offset + OBJECT.size <= start + size:
        stream.seek(offset)
        header = stream.read(OBJECT.size)
        if len(header) < OBJECT.size:
            return False
        number, length = OBJECT.unpack(header)
        step = OBJECT.size + (length + 7) // 8 * 8 if number else length
        if step == 0:
            return True
        offset += step
    return False


def _check_hdf5(file: h5py.File, size: int, name: str, limit: int) -> int:
    """Return how many bytes of arrays an HDF5 file of `size` bytes holds. Raises UnreadableModel as `hdf5` does."""
    claimed = 0
    groups, seen = [file["/"]], set()
    while groups:
        group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:  # a group may contain itself
            continue
        seen.add(address)
        for key in group:
            link = group.get(key, getlink=True)
            child = group[key] if isinstance(link, h5py.HardLink) else None
            if isinstance(child, h5py.Group):
                groups.append(child)
            elif not isinstance(child, h5py.Dataset) or child.external or child.is_virtual:
                raise UnreadableModel(_("{name} leads to data outside itself at {key!r}: it is not opened.").format(name=name, key=key))
            else:
                _check_filters(child, name)
                claimed += math.prod(child.shape or ()) * child.dtype.itemsize
                _check_expansion(claimed, size, name, limit)
    return claimed


def _check_filters(dataset: h5py.Dataset, name: str) -> None:
    """Raise UnreadableModel for a dataset that is compressed with a filter that this HDF5 doesn't have."""
    creation = dataset.id.get_create_plist()
    codes = [creation.get_filter(index)[0] for index in range(creation.get_nfilters())]
    missing = [code for code in codes if not h5py.h5z.filter_avail(code)]
    if missing:
        raise UnreadableModel(
            _("{name} is packed with a filter of HDF5 that is not here, number {code}: save it again with gzip, or unpacked.").format(
                name=name, code=missing[0]
            )
        )


def check_backend(group: h5py.Group, name: str) -> None:
    """Raise UnreadableModel for convolutions of Theano, whose kernels are flipped; Keras 3 would not notice."""
    if group.attrs.get("backend") not in ("theano", b"theano"):
        return
    kernels: list[str] = []
    group.visititems(lambda path, child: kernels.append(path) if isinstance(child, h5py.Dataset) and child.ndim > 2 else None)
    if kernels:
        raise UnreadableModel(
            _("{name} was written by Keras on Theano, whose convolutions run the other way: save it from Keras 2 on TensorFlow.").format(
                name=name
            )
        )


def usual_size(size: int) -> int:
    """Return how many bytes a file of `size` bytes may ordinarily unpack to; weights hardly shrink by compression."""
    return 2 * size


def _limit(size: int) -> int:
    return budget.limit(at_least=usual_size(size))


def _check_expansion(claimed: int, size: int, name: str, limit: int) -> None:
    if claimed > max(SMALL, EXPANSION * size):
        raise UnreadableModel(
            _("{name} has {size} and claims to hold {claimed}: it is not opened.").format(
                name=name, size=size_text(size), claimed=size_text(claimed)
            )
        )
    advice = _("Open a smaller one, or free some memory.")
    budget.check(claimed, name, advice, UnreadableModel, limit)
