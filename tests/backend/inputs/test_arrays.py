import io
import zipfile

import numpy as np
import pytest

from explorer.backend.inputs import arrays
from explorer.errors import UnreadableExample
from explorer.values import Example, InputSpec, TensorInfo


def input_spec(*inputs):
    return InputSpec("arrays", tuple(TensorInfo(*one) for one in inputs))


VECTOR = input_spec(("numbers", (3,), "float32"))
STEPS = input_spec(("steps", (None, 2), "float32"))
SCALAR = input_spec(("number", (), "float32"))
TWO = input_spec(("first", (3,), "float32"), ("second", (2, 2), "int32"))


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(*unnamed, **named):
    out = io.BytesIO()
    np.savez(out, *unnamed, **named)
    return out.getvalue()


def batch(source, wanted=VECTOR):
    return arrays.to_batch(arrays.read(source), wanted)


def refusal(source, wanted=VECTOR):
    with pytest.raises(UnreadableExample) as refused:
        batch(source, wanted)
    assert "\n" not in str(refused.value)
    return str(refused.value)


# from Python


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "float16"])
def test_an_array_is_brought_to_the_inputs_dtype_with_a_batch_axis(dtype):
    (found,) = batch(np.array([1, 0, 1], dtype))
    assert (found.dtype, found.shape) == (np.float32, (1, 3))
    np.testing.assert_array_equal(found[0], [1, 0, 1])


def test_a_batch_of_one_is_one_example():
    np.testing.assert_array_equal(batch(np.ones((1, 3)))[0], np.ones((1, 3)))
    assert "3, one example at a time; the array is 2 × 3" in refusal(np.ones((2, 3)))


@pytest.mark.parametrize("give", [lambda a, b: {"first": a, "second": b}, lambda a, b: {"second": b, "first": a}, lambda a, b: (a, b)])
def test_several_inputs_are_given_by_name_or_in_order(give):
    first, second = batch(give(np.arange(3), np.arange(4).reshape(2, 2)), TWO)
    np.testing.assert_array_equal(first, [[0, 1, 2]])
    np.testing.assert_array_equal(second, [[[0, 1], [2, 3]]])
    assert (first.dtype, second.dtype) == (np.float32, np.int32)


def test_the_only_input_takes_an_array_of_any_name():
    np.testing.assert_array_equal(batch({"anything": np.arange(3)})[0], [[0, 1, 2]])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"first": np.ones(3)}, "the arrays holds first; this network reads first, second."),
        ({"first": np.ones(3), "third": np.ones((2, 2))}, "the arrays holds first, third; this network reads first, second."),
        ({"first": np.ones(3), "second": np.ones((2, 2)), "third": np.ones(1)}, "holds first, second, third;"),
        ({}, "the arrays holds nothing; this network reads first, second."),
        ((np.ones(3),), "the arrays holds 0; this network reads first, second."),
        (np.ones(3), "the array holds 0; this network reads first, second."),
        ({"first": np.ones(3), "0": np.ones((2, 2))}, "holds first, 0;"),
    ],
)
def test_arrays_that_are_not_the_inputs_are_refused_with_their_names(source, says):
    assert says in refusal(source, TWO)


@pytest.mark.parametrize("shape", [(), (2,), (4,), (3, 1, 1), (3, 4), (0,), (0, 3)])
def test_another_shape_is_refused_with_both(shape):
    said = " × ".join(map(str, shape)) or "one number"
    assert refusal(np.ones(shape)) == f"The input numbers reads 3, one example at a time; the array is {said}."


@pytest.mark.parametrize("steps", [1, 5])
def test_an_open_size_takes_any(steps):
    assert batch(np.ones((steps, 2)), STEPS)[0].shape == (1, steps, 2)
    assert "reads ? × 2" in refusal(np.ones((steps, 3)), STEPS)


def test_one_number_is_read():
    for source in (np.array(4), np.array([4.0]), np.array([[4]]), b"4\n"):
        (found,) = batch(source, SCALAR)
        assert found.shape == (1,)
        assert found[0] == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_what_is_no_number_in_the_inputs_dtype_is_refused(value):
    assert refusal(np.array([0, value, 1])) == "The array for numbers holds NaN or infinite values."


def test_whole_numbers_are_whole_and_within_what_the_network_knows():
    for dtype in ("int32", "float32"):
        words = input_spec(("words", (3,), dtype, 10))
        assert batch(np.array([0, 9, 3.0]), words)[0].dtype == dtype
        assert "reads whole numbers from 0 to 9; the array has 0 to 10" in refusal(np.array([0, 10, 3]), words)
        assert "the array has -1 to 3" in refusal(np.array([0, -1, 3]), words)
        assert f"reads whole numbers ({dtype}); the array has others" in refusal(np.array([0, 1.5, 3]), words)
    small = input_spec(("levels", (3,), "uint8"))
    assert "reads whole numbers (uint8); the array has others" in refusal(np.array([0, 300, 3]), small)
    assert "reads whole numbers (uint8)" in refusal(np.array([0, -1, 3]), small)
    assert batch(np.array([0, 255, 3]), small)[0].dtype == np.uint8


@pytest.mark.parametrize(
    "source", [np.array(["a", "b", "c"]), np.array([None, 1, 2]), np.array([1j, 2, 3]), np.array(["2020-01-01"], "M8")]
)
def test_what_holds_no_numbers_is_refused(source):
    with pytest.raises(UnreadableExample, match="holds no numbers"):
        arrays.read(source)


def test_an_array_given_is_copied():
    mine = np.arange(3.0)
    example = arrays.read(mine)
    mine[:] = 9
    np.testing.assert_array_equal(arrays.to_batch(example, VECTOR)[0], [[0, 1, 2]])
    with pytest.raises(ValueError, match="read-only"):
        example.data[0][1][0] = 1


@pytest.mark.parametrize("source", [3, None, "nowhere.npy", object()])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(UnreadableExample):
        arrays.read(source)


def test_an_example_is_one_already():
    example = Example("arrays", (("0", np.ones(3)),), "mine")
    assert arrays.read(example) is example


# from files


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_a_file_is_read_by_path_and_by_bytes(suffix, tmp_path):
    file = tmp_path / f"mine{suffix}"
    file.write_bytes(npy(np.arange(3)) if suffix == ".npy" else b"0,1,2\n")
    for source in (file, str(file), file.read_bytes()):
        np.testing.assert_array_equal(batch(source)[0], [[0, 1, 2]])
    assert arrays.read(file).name == f"mine{suffix}"


def test_an_archive_names_the_inputs_or_numbers_them():
    first, second = np.arange(3), np.arange(4).reshape(2, 2)
    for source in (npz(first=first, second=second), npz(second=second, first=first), npz(first, second)):
        found = batch(source, TWO)
        np.testing.assert_array_equal(found[0], [first])
        np.testing.assert_array_equal(found[1], [second])
    np.testing.assert_array_equal(batch(npz(x=first))[0], [first])
    assert "holds 0; this network reads first, second" in refusal(npz(first), TWO)


def test_of_a_file_of_examples_the_first_counts_and_the_page_says_so():
    example = arrays.read(npy(np.arange(12).reshape(4, 3)))
    np.testing.assert_array_equal(arrays.to_batch(example, VECTOR)[0], [[0, 1, 2]])
    assert arrays.to_view(example, VECTOR).notes == ("The first of 4 examples in the file.",)
    several = arrays.read(npz(first=np.ones((7, 3)), second=np.ones((1, 2, 2))))
    assert arrays.to_view(several, TWO).notes == ("The first of 7 examples in the file.",)


@pytest.mark.parametrize("source", [npy(np.arange(3)), npy(np.arange(3)[None]), b"0,1,2", npz(numbers=np.arange(3))])
def test_one_example_needs_no_note(source):
    seen = arrays.to_view(arrays.read(source), VECTOR)
    assert seen.notes == ()
    ((name, array),) = seen.arrays
    assert name == "numbers"
    np.testing.assert_array_equal(array, [0, 1, 2])
    assert seen.original.size == seen.preprocessed.size == 0


def test_one_number_in_a_file_is_shown():
    assert arrays.to_view(arrays.read(npy(np.array(4.0))), SCALAR).arrays[0][1] == 4


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3",
        "1,2,3\n",
        "1, 2 ,3\r\n",
        "1;2;3",
        "1\t2\t3",
        "1 2 3",
        "  1   2  3  ",
        "a,b,c\n1,2,3\n",
        '"a","b","c"\n1,2,3',
        "\ufeff1,2,3",
        "1,2,3\n4,5,6\n",
        "1\n2\n3\n",
        "value\n1\n2\n3\n",
        "1e0,2.0,+3",
        "\n\n1,2,3\n\n",
    ],
)
def test_a_table_of_text_is_read(text):
    np.testing.assert_array_equal(batch(text.encode())[0], [[1, 2, 3]])


def test_a_table_is_steps_by_units_where_the_network_reads_that():
    np.testing.assert_array_equal(batch(b"1,2\n3,4\n5,6", STEPS)[0], [[[1, 2], [3, 4], [5, 6]]])
    np.testing.assert_array_equal(batch(b"1,2", STEPS)[0], [[[1, 2]]])
    column = input_spec(("series", (None, 1), "float32"))
    np.testing.assert_array_equal(batch(b"1\n2\n3", column)[0], [[[1], [2], [3]]])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"  \n \n",
        b"a,b,c",
        b"a,b,c\n",
        b"1,2,x\n",
        b"1,,3\n",
        b"1,2,3\n4,5\n",
        b"1.5.2,3,4",
        b"\xff\xfe\x00",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}\n",
        npy(np.ones(300))[:-9],
        b"PK\x03\x04",
        npz(numbers=np.ones(300))[:-9],
        b"nothing that is a table",
    ],
)
def test_what_is_no_file_of_numbers_is_refused(data):
    assert refusal(data)


def test_pickles_are_never_opened():
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "holds Python objects" in refusal(out.getvalue())
    out = io.BytesIO()
    np.savez(out, numbers=np.array([{"a": 1}], dtype=object))
    assert "holds Python objects" in refusal(out.getvalue())


def test_an_archive_that_would_fill_the_memory_is_refused_before_it_is_unpacked():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("numbers.npy", "w") as member:
        for _chunk in range(210):
            member.write(bytes(2**20))
    assert len(out.getvalue()) < 2**20
    assert "more than 200 MB" in refusal(out.getvalue())


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(UnreadableExample, match=f"There is no file {tmp_path / 'gone.npy'}"):
        arrays.read(tmp_path / "gone.npy")
    for text in ("x" * 5000, "a\0b"):
        with pytest.raises(UnreadableExample, match="There is no file"):
            arrays.read(text)


# at random


def test_random_values_fit_every_input_and_come_again_with_their_seed():
    wanted = input_spec(
        ("a", (None, 3), "float32"),
        ("b", (4,), "int64", 7),
        ("c", (2, 2), "uint8"),
        ("d", (2,), "bool"),
        ("e", (3,), "float32", 5),
        ("f", (2,), "float16"),
        ("g", (), "float64"),
    )
    example = arrays.random(wanted, seed=3)
    assert "3" in example.name
    for array, info in zip(arrays.to_batch(example, wanted), wanted.inputs, strict=True):
        assert array.dtype == info.dtype
        assert len(array) == 1
    assert arrays.random(wanted, seed=3).digest == example.digest
    assert arrays.random(wanted, seed=4).digest != example.digest
    many = np.concatenate([dict(arrays.random(wanted, seed).data)["b"] for seed in range(30)])
    assert set(many) == set(range(7))
    assert arrays.blank(wanted).kind == "arrays"


def test_random_values_that_would_fill_the_memory_are_refused():
    with pytest.raises(UnreadableExample, match="takes more than 200 MB"):
        arrays.random(input_spec(("huge", (100_000, 100_000), "float32")))


def test_nothing_says_where_cells_lie_on_arrays():
    assert arrays.axes_of(VECTOR) == ()
