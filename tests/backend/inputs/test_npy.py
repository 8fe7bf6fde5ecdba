"""Arrays as NumPy saves them, looked at before memory is taken."""

import io
import zipfile

import numpy as np
import pytest

from explorer.backend.inputs.array_files import arrays_in, is_finite, read_only_copy
from explorer.backend.inputs.npy import from_npy, from_npz, is_from_file
from explorer.errors import UnreadableExample

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def npz(pack=np.savez, **arrays):
    out = io.BytesIO()
    pack(out, **arrays)
    return out.getvalue()


def forged(shape, dtype="'<f4'", data=bytes(64)):
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def packed(data, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr("x.npy", data)
    return out.getvalue()


def refusal(read, data):
    with pytest.raises(UnreadableExample) as refused:
        read(data, "a.npy")
    return str(refused.value)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0), None])
@pytest.mark.parametrize(
    "array", [X, np.asfortranarray(X), X.astype(">i2"), X.astype("f2"), X > 3, np.array(4.0), np.zeros((0, 3)), np.array(["a", "bc"])]
)
def test_an_array_is_what_numpy_reads(array, version):
    for found in (from_npy(npy(array, version), "a"), from_npz(packed(npy(array, version)), "a")["x"]):
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found, array)
        assert not found.size or not found.flags.writeable


def test_numbers_of_python_2_are_read():
    np.testing.assert_array_equal(from_npy(forged("(4L, 4L)"), "a"), np.zeros((4, 4)))


def test_what_a_file_holds_is_not_copied():
    data = npy(X)
    found = from_npy(data, "a")
    assert np.shares_memory(found, np.frombuffer(data, np.uint8))
    assert read_only_copy(found) is found
    inside = from_npz(npz(x=X), "a")["x"]
    assert read_only_copy(inside[0]) is not X
    assert np.shares_memory(read_only_copy(inside[0]), inside)
    assert is_from_file(inside)


def test_what_somebody_else_may_change_is_copied():
    mine = X.copy()
    for given in (mine, mine[0], np.frombuffer(bytearray(16), np.float32)):
        own = read_only_copy(given)
        assert not np.shares_memory(own, given)
        assert not own.flags.writeable
    mine.flags.writeable = False  # and may be set again
    assert not np.shares_memory(read_only_copy(mine), mine)


@pytest.mark.parametrize(
    "shape", ["(1000000000000,)", "(-1, -4)", "(True,)", "(4.0,)", "4", "(4", "(" * 300, "-" * 3000 + "1", f"({'9' * 4000},)", "(10**3,)"]
)
@pytest.mark.parametrize("read", [from_npy, lambda data, name: from_npz(packed(data), name)])
def test_a_header_that_asks_for_what_is_not_there_is_refused(read, shape):
    assert refusal(read, forged(shape)).startswith("a.npy can't be read: it is ")


@pytest.mark.parametrize("dtype", ["'<U0'", "'|V0'", "'x'", "None"])
def test_a_dtype_that_is_none_is_refused(dtype):
    assert refusal(from_npy, forged("(4,)", dtype)).startswith("a.npy can't be read: it is damaged")


def test_damage_is_found_by_the_checksum_of_an_archive():
    data = bytearray(npz(x=X))
    place = data.index(X.tobytes())
    data[place] ^= 1
    assert "it is damaged or cut off" in refusal(from_npz, bytes(data))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_numpy_does_not_pack_so_is_refused(how):
    assert "compressed by a method that NumPy doesn't use" in refusal(from_npz, packed(npy(X), how))


def test_a_bomb_is_refused_and_a_mask_is_not():
    zeros = npz(np.savez_compressed, x=np.zeros(2**20, np.uint8))
    assert len(zeros) < 2**20 / 200
    assert from_npz(zeros, "a")["x"].size == 2**20
    assert "unpacks to more than 200 times its size" in refusal(from_npz, npz(np.savez_compressed, x=np.zeros(2**26, np.uint8)))


def test_an_archive_is_within_the_budget(monkeypatch):
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "1")
    assert "would take 2.0 MB of memory, and one input may take 1.0 MB here" in refusal(from_npz, npz(x=np.zeros(2**18), y=1))
    with pytest.raises(UnreadableExample, match=r"The array would take 4\.0 MB"):
        read_only_copy(np.broadcast_to(0.0, (2**9, 2**10)))


def test_masked_values_are_not_taken_for_numbers():
    with pytest.raises(UnreadableExample, match="has masked values"):
        read_only_copy(np.ma.masked_array([1.0, 2.0], [0, 1]))
    np.testing.assert_array_equal(read_only_copy(np.ma.masked_array([1.0, 2.0])), [1, 2])


@pytest.mark.parametrize(("values", "finite"), [([1.0], True), ([], True), ([1, 2], True), ([1, np.nan], False), ([-np.inf, 1], False)])
def test_finite_numbers_are_told_from_others(values, finite):
    assert is_finite(np.array(values)) is finite


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2\n3,x\n", "line 2 holds 'x'; leave only numbers"),
        ("1,2\n\n3\n", "line 3 has 1 of them, the first 2; each must"),
        ("a,b\nc,d\n1,2", "line 2 holds 'c'"),
        ("1,,2", "line 1 holds ''"),
        (f"1,{'9' * 10**6}x", f"line 1 holds '{'9' * 40}';"),
        ("a,b", "has no numbers in it"),
    ],
)
def test_a_table_that_is_none_says_where(text, says):
    with pytest.raises(UnreadableExample) as refused:
        arrays_in(text.encode(), "a.csv")
    assert says in str(refused.value)


def test_a_table_of_too_many_numbers_is_refused_before_it_is_read():
    with pytest.raises(UnreadableExample, match=r"The numbers in a\.csv take more than 200 MB"):
        arrays_in(b"1\n" * (26 * 2**20), "a.csv")


def test_an_archive_without_arrays_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.txt", "nothing")
    assert "holds no arrays" in refusal(arrays_in, out.getvalue())
