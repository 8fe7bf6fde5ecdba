"""What a model's file would unpack to, looked at before anything is unpacked: how much, and where it would go or lead."""

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
WEIGHTS_AS_ARRAYS = "model.weights.npz"  # in its place
SMALL = 256 * 2**20  # bytes that may be unpacked from any file, however small it is
ENCRYPTED = 1  # the flag of a member of a zip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
BLOCK = 2**24  # bytes that are searched at a time
HEAP = b"GCOL\x01\0\0\0"  # how a heap of texts begins in HDF5, version 1
OBJECT = struct.Struct("<H6xQ")  # the number of an object in it, 0 for what is free, and its length
EXPANSION = 100  # how many times its own size a file may unpack to


def check_archive(archive: zipfile.ZipFile, size: int, name: str) -> int:
    """Return how many bytes of weights a zip of `size` bytes holds.

    Raises UnreadableModel if it unpacks to far more than its size, or outside its folder, or if the weights in it do.
    """
    members, most = archive.infolist(), _most(size)
    _check_expansion(sum(one.file_size for one in members), size, name, most)
    held = 0
    for one in members:
        parts = one.filename.replace("\\", "/").split("/")
        if ".." in parts or one.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise UnreadableModel(
                _("{name} holds {member!r}, which would be written outside its folder: it is not opened.").format(
                    name=name, member=one.filename
                )
            )
        if one.flag_bits & ENCRYPTED or one.compress_type not in METHODS:
            raise UnreadableModel(
                _("{name} is encrypted, or packed in a way that is not known here: save it again where it was made.").format(name=name)
            )
        if one.filename.endswith(".json") and one.file_size > config_text.LARGEST:
            raise UnreadableModel(
                _("{name} holds a description of {size} MB, more than any network needs: it is not opened.").format(
                    name=name, size=megabytes(one.file_size)
                )
            )
        if one.filename == WEIGHTS:
            with hdf5(BytesIO(archive.read(one)), size, name, most) as (_file, claimed):
                held += claimed
        if one.filename == WEIGHTS_AS_ARRAYS:
            with zipfile.ZipFile(BytesIO(archive.read(one))) as arrays:
                claimed = sum(array.file_size for array in arrays.infolist())
                _check_expansion(claimed, size, name, most)
                held += claimed
    return held


@contextmanager
def hdf5(source: Path | BytesIO, size: int, name: str, most: int | None = None) -> Iterator[tuple[h5py.File, int]]:
    """Open an HDF5 file of `size` bytes to be read; give it, and how many bytes of arrays it holds.

    most: how many it may hold, where that was asked before it was read into memory.
    Raises UnreadableModel if it is damaged such that libhdf5 would not come back from it, leads to other files, or claims to hold far more
    than its size.
    """
    with open(source, "rb") if isinstance(source, Path) else nullcontext(source) as stream:
        if _has_endless_heap(stream):
            raise UnreadableModel(damaged(name))
    with h5py.File(source, "r") as file:
        yield file, _check_hdf5(file, size, name, _most(size) if most is None else most)


def damaged(name: str) -> str:
    """Return the sentence for a file that is cut off, or whose bytes have changed."""
    return _("{name} is damaged or incomplete: save it again where it was made, or copy it to the end.").format(name=name)


def _has_endless_heap(stream: BinaryIO) -> bool:
    """Return whether a heap of texts in an HDF5 file holds a free place of no size, as a part filled with zeros does: libhdf5 hangs."""
    stream.seek(0)
    before = b""
    while block := stream.read(BLOCK):
        here, data = stream.tell(), before + block
        place = data.find(HEAP)
        while place >= 0:
            if _is_endless(stream, here - len(data) + place):
                return True
            place = data.find(HEAP, place + 1)
        before = data[-len(HEAP) + 1 :]
        stream.seek(here)
    stream.seek(0)
    return False


def _is_endless(stream: BinaryIO, start: int) -> bool:
    """Return whether a walk through the objects of the heap at `start` would not come to its end."""
    stream.seek(start + 8)
    (size,) = struct.unpack("<Q", stream.read(8).ljust(8, b"\0"))
    place = start + 16
    while place + OBJECT.size <= start + size:
        stream.seek(place)
        header = stream.read(OBJECT.size)
        if len(header) < OBJECT.size:
            return False
        number, length = OBJECT.unpack(header)
        step = OBJECT.size + (length + 7) // 8 * 8 if number else length
        if step == 0:
            return True
        place += step
    return False


def _check_hdf5(file: h5py.File, size: int, name: str, most: int) -> int:
    """Return how many bytes of arrays an HDF5 file of `size` bytes holds. Raises UnreadableModel as `hdf5` does."""
    claimed = 0
    groups, seen = [file["/"]], set()
    while groups:
        group = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:  # a group may lie in itself
            continue
        seen.add(address)
        for key in group:
            link = group.get(key, getlink=True)
            found = group[key] if isinstance(link, h5py.HardLink) else None
            if isinstance(found, h5py.Group):
                groups.append(found)
            elif not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
                raise UnreadableModel(_("{name} leads to data outside itself at {key!r}: it is not opened.").format(name=name, key=key))
            else:
                _check_filters(found, name)
                claimed += math.prod(found.shape or ()) * found.dtype.itemsize
                _check_expansion(claimed, size, name, most)
    return claimed


def _check_filters(dataset: h5py.Dataset, name: str) -> None:
    """Raise UnreadableModel for numbers that are packed by what this HDF5 does not have."""
    how = dataset.id.get_create_plist()
    codes = [how.get_filter(place)[0] for place in range(how.get_nfilters())]
    missing = [code for code in codes if not h5py.h5z.filter_avail(code)]
    if missing:
        raise UnreadableModel(
            _("{name} is packed with a filter of HDF5 that is not here, number {code}: save it again with gzip, or unpacked.").format(
                name=name, code=missing[0]
            )
        )


def check_backend(group: h5py.Group, name: str) -> None:
    """Raise UnreadableModel for convolutions of Theano, whose kernels lie the other way round; Keras 3 would not notice."""
    if group.attrs.get("backend") not in ("theano", b"theano"):
        return
    found: list[str] = []
    group.visititems(lambda place, one: found.append(place) if isinstance(one, h5py.Dataset) and one.ndim > 2 else None)
    if found:
        raise UnreadableModel(
            _("{name} was written by Keras on Theano, whose convolutions run the other way: save it from Keras 2 on TensorFlow.").format(
                name=name
            )
        )


def usual_size(size: int) -> int:
    """Return how many bytes nobody is surprised to find in a file of `size` bytes; weights hardly shrink when they are packed."""
    return 2 * size


def _most(size: int) -> int:
    return budget.limit(at_least=usual_size(size))


def _check_expansion(claimed: int, size: int, name: str, most: int) -> None:
    if claimed > max(SMALL, EXPANSION * size):
        raise UnreadableModel(
            _("{name} has {size} and claims to hold {claimed}: it is not opened.").format(
                name=name, size=size_text(size), claimed=size_text(claimed)
            )
        )
    advice = _("Open a smaller one, or free some memory.")
    budget.check(claimed, name, advice, UnreadableModel, most)
