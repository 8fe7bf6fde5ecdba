"""Hostile arrays: .npy and .npz, as examples, to evaluate on and to train on: mutated, with forged headers, pickles, bombs."""

import io
import zipfile

import numpy as np
from mutating import mutated

DTYPES = ("<f4", ">f8", "<f2", "|u1", "<i8", ">u2", "|b1", "<c8", "<U3", "|S2", "<M8[s]", "<m8", "|V3", "<g", "|O", "<U0", "<f16")
SHAPES = ((4,), (1, 4), (3, 4), (2, 2), (), (0,), (0, 4), (4, 1), (32, 32), (32, 32, 3), (1,) * 40, (28, 28, 1), (7, 4))
FORGED = (
    *(
        "(1000000000000,)",
        "(-1,)",
        "(4,",
        "()",
        "(True,)",
        "(4.0,)",
        "4",
        "(2**40,)",
        "('4',)",
        "(4L,)",
        "None",
        "(" * 500,
        "-" * 3000 + "1",
    ),
    *("(0, 1000000000000)", "(9" + "9" * 5000 + ",)", "(4,)" * 3, "(1000000, 1000000, 1000000)", "[4]", "(1e3,)", "({},)", "(4, -4, -1)"),
)
VALUES = (0, 1, -1, 255, 0.5, 1e30, -1e300, np.nan, np.inf)


def array(random):
    """Return the name and the bytes of a hostile .npy or .npz file."""
    if random.random() < 0.5:
        return "a.npy", _npy(random)
    members = {
        random.choice(("x", "y", "0", "arr_0", "numbers", "a/b", "../a", "", "\x1b[31m")): _npy(random)
        for _ in range(random.choice((0, 1, 1, 2)))
    }
    return "a.npz", _often_mutated(_archive(members, random), random)


def vectors(random):
    """Return the name and the bytes of a hostile .npz with x and y, for a network that reads four numbers and answers with two."""
    return _pair((4,), random)


def pixels(random):
    """Return the name and the bytes of a hostile .npz with x and y, for a network of pictures."""
    return _pair((8, 8), random)


def _pair(shape, random):
    count = random.choice((0, 1, 2, 6, 6, 6))
    x = _plain(random, (count, *random.choice((shape, shape, shape, (8, 8, 1), (3, 3, 3, 3), ()))))
    numbers = np.arange(count) % 2
    names = np.array(["cat", "dog\x1b"] * count)[:count]
    y = random.choice((numbers, numbers, np.arange(count), np.eye(2)[numbers], np.eye(2)[numbers], names, x))
    members = {random.choice(("x", "x", "x", "x_a", "z")): _saved(x), random.choice(("y", "y", "y", "y_b")): _saved(y)}
    if random.random() < 0.2:
        members["x"] = _npy(random)
    data = _archive(members, random)
    return "pair.npz", _often_mutated(data, random)


def _npy(random):
    how = random.random()
    if how < 0.35:
        return _forged(random)
    data = _saved(_plain(random, random.choice(SHAPES)))
    return data if how < 0.8 else mutated(data, random)


def _plain(random, shape):
    source = np.random.default_rng(random.randrange(2**32))
    found = source.integers(0, 256, shape).astype(random.choice(("f4", ">f8", "f2", "u1", "u1", "i8", "bool", "longdouble")))
    if random.random() < 0.2 and found.size:
        found = found.astype(float)
        found.reshape(-1)[0] = random.choice(VALUES)
    return np.asfortranarray(found) if random.random() < 0.2 else found


def _saved(found):
    out = io.BytesIO()
    np.save(out, found, allow_pickle=True)
    return out.getvalue()


def _forged(random):
    """Return a file whose header says what it likes."""
    shape = random.choice((*FORGED, repr(random.choice(SHAPES))))
    dtype = random.choice((*map(repr, DTYPES), "None", "[('a', '<f4')]", "'\\x1b'", "{}", "'f4'", "'<f4, <f4'", "'x'"))
    order = random.choice(("False", "False", "True", "None", "2"))
    text = f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
    if random.random() < 0.1:
        text = random.choice(("", "{}", "[" * 900, "\x00" * 60, "{'descr': '<f4'}", "__import__('os').abort()", "é" * 50))
    version = random.choice(((1, 0), (1, 0), (2, 0), (3, 0), (4, 0), (255, 255)))
    header = text.encode("utf-8" if version == (3, 0) else "latin-1", "replace")
    length = random.choice((len(header),) * 5 + (0, 1, 65535)).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + header + random.randbytes(random.choice((0, 7, 16, 64, 4096)))


def _archive(members, random):
    out = io.BytesIO()
    packed = random.choice((*(zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) * 6, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", packed) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
        if "z" not in members and random.random() < 0.05:  # zeros, to which nobody could count
            archive.writestr("z.npy", _forged_zeros(random), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _forged_zeros(random):
    count = random.choice((2**22, 2**25))
    return (
        b"\x93NUMPY\x01\x00\x76\x00"
        + f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}".ljust(117).encode()
        + b"\n"
        + bytes(count)
    )


def _often_mutated(data, random):
    return data if random.random() < 0.6 else mutated(data, random)
