import numpy as np
import pytest

from explorer.backend.evaluation.data import arrays_by_name, check_lengths, read_data
from explorer.errors import ExplorerError


@pytest.fixture
def stored(tmp_path):
    def store(name="data.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return store


def test_examples_and_answers_of_a_file(stored):
    x, y = read_data(stored(x=np.ones((3, 2)), y=[0, 1, 2]))
    assert x.tolist() == [[1, 1]] * 3
    assert y.tolist() == [0, 1, 2]


def test_several_inputs_and_outputs_of_a_file(stored):
    x, y = read_data(stored(x_left=np.zeros(3), x_right=np.ones(3), y_kind=np.arange(3)))
    assert set(x) == {"left", "right"}
    assert y["kind"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.ones(2)}, "data.npz holds no x: .*it has a"),
        ({"x": np.ones(2)}, "data.npz holds no y"),
        ({"x": np.ones(2), "y": np.ones(3)}, "one target for each example: x has 2, y has 3"),
        ({"x_left": np.ones(2), "x_right": np.ones(3), "y": np.ones(3)}, r"x \(left\) has 2, x \(right\) has 3, y has 3"),
        ({"x": np.ones(0), "y": np.ones(0)}, "There are no examples"),
        ({"x": np.array([None, 1]), "y": np.ones(2)}, "holds Python objects"),
        ({"x": ["cat", "dog"], "y": np.ones(2)}, "x is not an array of numbers"),
        ({"x": np.float32([1, np.nan]), "y": np.ones(2)}, "x holds NaN or infinite values"),
    ],
    ids=range(8),
)
def test_what_is_missing_or_no_number_is_told(arrays, said, stored):
    with pytest.raises(ExplorerError, match=said):
        read_data(stored(**arrays))


def test_no_object_of_python_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "run"), "w"))

    np.savez(tmp_path / "data.npz", x=np.array([Trap()], dtype=object), y=np.ones(1))
    with pytest.raises(ExplorerError, match="holds Python objects"):
        read_data(tmp_path / "data.npz")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"PK\x03\x04 cut", b"\x80\x04K\x01."])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(ExplorerError, match=r"data.npz can't be read"):
        read_data(tmp_path / "data.npz")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ExplorerError, match="There is no file"):
        read_data(tmp_path / "away.npz")


def test_a_single_array(tmp_path):
    np.save(tmp_path / "data.npy", np.ones(3))
    with pytest.raises(ExplorerError, match="a single array"):
        read_data(tmp_path / "data.npy")


def test_a_file_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "1")
    np.savez_compressed(tmp_path / "data.npz", x=np.zeros(2**18), y=np.zeros(2**18))
    assert (tmp_path / "data.npz").stat().st_size < 2**14
    with pytest.raises(ExplorerError, match=r"data\.npz would take 4\.0 MB of memory, and one input may take 1\.0 MB here"):
        read_data(tmp_path / "data.npz")


def test_arrays_get_the_names_of_what_they_are_for():
    assert list(arrays_by_name([[1], [2]], ["x"], "x")) == ["x"]
    assert list(arrays_by_name({"anything": [1]}, ["x"], "x")) == ["x"]
    assert list(arrays_by_name([[1], [2]], ["left", "right"], "x")) == ["left", "right"]
    assert arrays_by_name({"right": [2], "left": [1]}, ["left", "right"], "x")["left"].tolist() == [1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.ones(3), "x must hold 2 arrays, by name or in this order: left, right"),
        ([[1]], "x must hold 2 arrays"),
        ({"left": [1], "up": [2]}, "x is for left, up, but the model has left, right"),
        ({"left": [1], "right": [[1], [1, 2]]}, r"x \(right\) is not an array: its rows have unequal lengths"),
        ({"left": [1], "right": 3}, r"x \(right\) is not an array of numbers"),
        ({"left": [1], "right": [np.inf]}, r"x \(right\) holds NaN or infinite values"),
    ],
    ids=range(6),
)
def test_arrays_that_do_not_fit_are_told(data, said):
    with pytest.raises(ExplorerError, match=said):
        arrays_by_name(data, ["left", "right"], "x")


def test_there_must_be_as_much_of_everything():
    check_lengths({"x": np.ones(3)}, {"a": np.ones((3, 2)), "b": np.ones(3)})
    with pytest.raises(ExplorerError, match=r"x has 2, y \(a\) has 2, y \(b\) has 3"):
        check_lengths({"x": np.ones(2)}, {"a": np.ones(2), "b": np.ones(3)})
