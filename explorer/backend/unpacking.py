"""What a model's file would unpack to, looked at before anything is unpacked: how much, and where it would go or lead."""

from __future__ import annotations

import math
import zipfile
from io import BytesIO

import h5py

from explorer.backend import config_texts
from explorer.errors import UnreadableModel
from explorer.locale import _, megabytes

WEIGHTS = "model.weights.h5"  # in a .keras
WEIGHTS_AS_ARRAYS = "model.weights.npz"  # in its place
SMALL = 256 * 2**20  # bytes that may be unpacked from any file, however small it is
EXPANSION = 100  # how many times its own size a file may unpack to


def check_archive(archive: zipfile.ZipFile, size: int, name: str) -> int:
    """Return how many bytes of weights a zip of `size` bytes holds.

    Raises UnreadableModel if it unpacks to far more than its size, or outside its folder, or if the weights in it do.
    """
    members = archive.infolist()
    _check_expansion(sum(one.file_size for one in members), size, name)
    held = 0
    for one in members:
        parts = one.filename.replace("\\", "/").split("/")
        if ".." in parts or one.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise UnreadableModel(
                _("{name} holds {member!r}, which would be written outside its folder: it is not opened.").format(
                    name=name, member=one.filename
                )
            )
        if one.filename.endswith(".json") and one.file_size > config_texts.LARGEST:
            raise UnreadableModel(
                _("{name} holds a description of {size} MB, more than any network needs: it is not opened.").format(
                    name=name, size=megabytes(one.file_size)
                )
            )
        if one.filename == WEIGHTS:
            with h5py.File(BytesIO(archive.read(one)), "r") as file:
                held += check_hdf5(file, size, name)
        if one.filename == WEIGHTS_AS_ARRAYS:
            with zipfile.ZipFile(BytesIO(archive.read(one))) as arrays:
                claimed = sum(array.file_size for array in arrays.infolist())
                _check_expansion(claimed, size, name)
                held += claimed
    return held


def check_hdf5(file: h5py.File, size: int, name: str) -> int:
    """Return how many bytes of arrays an HDF5 file of `size` bytes holds.

    Raises UnreadableModel if it leads to other files or claims to hold far more than its size.
    """
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
                claimed += math.prod(found.shape or ()) * found.dtype.itemsize
                _check_expansion(claimed, size, name)
    return claimed


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


def _check_expansion(claimed: int, size: int, name: str) -> None:
    if claimed > max(SMALL, EXPANSION * size):
        raise UnreadableModel(
            _("{name} has {size} MB and claims to hold {claimed} MB: it is not opened.").format(
                name=name, size=megabytes(size), claimed=megabytes(claimed)
            )
        )
