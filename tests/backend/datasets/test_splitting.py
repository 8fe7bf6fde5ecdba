import numpy as np
import pytest
from data_sets import PICTURES, classes_of, names, pictures

from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.splitting import validation_indices
from explorer.values import Example, Labelled
from explorer.values.names import natural


def labelled(*classes, groups=None):
    groups = groups or [""] * len(classes)
    return [
        Labelled(Example("image", bytes([place]), str(place)), own, group)
        for place, (own, group) in enumerate(zip(classes, groups, strict=True))
    ]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("sizes", [(2, 2), (3, 50), (10, 10, 10), (1, 7)], ids=str)
def test_of_each_class_its_share_is_held_out_and_at_least_one_on_each_side(share, sizes):
    examples = labelled(*[(one,) for one, size in enumerate(sizes) for _ in range(size)])
    for seed in range(5):
        out = validation_indices(examples, share, seed)
        for one, size in enumerate(sizes):
            held = sum(examples[place].classes == (one,) for place in out)
            wanted = int(share * size + 0.5)
            assert held == (0 if size == 1 else min(max(1, wanted), size - 1))


def test_nothing_is_held_out_of_a_share_of_nothing():
    assert validation_indices(labelled((0,), (1,)), 0, 0) == frozenset()


def test_the_seed_decides():
    examples = labelled(*[(place % 2,) for place in range(40)])
    assert validation_indices(examples, 0.2, 1) == validation_indices(examples, 0.2, 1)
    assert len({validation_indices(examples, 0.2, seed) for seed in range(5)}) == 5


def test_groups_stay_whole_and_the_share_is_as_near_as_they_allow():
    groups = [f"g{place // 5}" for place in range(50)]
    examples = labelled(*[(place // 25,) for place in range(50)], groups=groups)
    for seed in range(10):
        out = validation_indices(examples, 0.2, seed)
        assert {groups[place] for place in out}.isdisjoint(groups[place] for place in range(50) if place not in out)
        assert len(out) == 10


def test_the_larger_of_two_groups_is_trained_on():
    examples = labelled(*[(0,)] * 20, *[(1,)] * 20, groups=["large"] * 17 + ["small"] * 3 + [""] * 20)
    assert all({place for place in validation_indices(examples, 0.2, seed) if place < 20} == {17, 18, 19} for seed in range(10))


def test_a_class_of_a_single_group_is_trained_on():
    examples = labelled(*[(0,)] * 5, *[(1,)] * 5, groups=["all"] * 5 + [""] * 5)
    assert min(validation_indices(examples, 0.2, 0)) >= 5


def test_examples_of_several_classes_are_divided_by_each_of_them():
    rng = np.random.default_rng(0)
    rows = rng.random((200, 5)) < (0.5, 0.3, 0.2, 0.1, 0.05)
    examples = labelled(*[tuple(np.flatnonzero(row)) for row in rows])
    out = sorted(validation_indices(examples, 0.2, 0))
    shares = rows[out].sum(axis=0) / rows.sum(axis=0)
    assert np.all(np.abs(shares - 0.2) < 0.09)
    assert 30 <= len(out) <= 50


def test_of_each_of_several_classes_something_is_trained_on():
    rng = np.random.default_rng(0)
    for seed in range(100):
        rows = rng.random((rng.integers(3, 12), 4)) < 0.5
        out = validation_indices(labelled(*[tuple(np.flatnonzero(row)) for row in rows]), 0.3, seed)
        trained_on = rows[[place not in out for place in range(len(rows))]]
        assert np.array_equal(trained_on.any(axis=0), rows.any(axis=0)), seed


def test_training_and_validation_keep_the_order_of_the_files(tmp_path):
    data = training_data(pictures(tmp_path, a=30, b=12), PICTURES, seed=5)
    for side in (data.training, data.validation):
        assert names(side) == sorted(names(side), key=natural)
    assert (len(data.training), len(data.validation)) == (34, 8)
    again = training_data(tmp_path, PICTURES, seed=5)
    assert names(again.validation) == names(data.validation)
    assert names(training_data(tmp_path, PICTURES, seed=6).validation) != names(data.validation)


def test_what_is_not_held_out_is_said(tmp_path):
    pictures(tmp_path, a=1, b=5)
    data = training_data(tmp_path, PICTURES)
    assert classes_of(data, data.validation) == [("b",)]
    assert any(note.startswith("There is no validation example of a:") for note in data.notes)
    assert any(note.startswith("There is no validation data, so") for note in training_data(tmp_path, PICTURES, validation=0).notes)


@pytest.mark.parametrize(
    "ordered", [["a1", "A2", "a10"], ["1", "02", "3", "10"], ["apfel", "Äpfel", "Birne"], ["a", "a1", "a 1", "b"], ["", "0", "x"]]
)
def test_names_are_in_their_natural_order(ordered):
    assert sorted(set(ordered), key=natural) == ordered
