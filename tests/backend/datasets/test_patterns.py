import numpy as np
import pytest

from explorer.backend.datasets import patterns
from explorer.errors import ExplorerError, UnknownName


def drawn(name, size=64, seed=0):
    return patterns.drawn(name, size, np.random.default_rng(seed))


@pytest.fixture
def ink(monkeypatch):
    """Return which pixels of a pattern are nearer to the other colour than its top left corner is, drawn without shading and noise."""
    monkeypatch.setattr(patterns, "SHADING", 0)
    monkeypatch.setattr(patterns, "NOISIEST", 0)

    def ink(name, size=128, seed=0):
        grey = drawn(name, size, seed) @ patterns.GREY
        bright = grey > (grey.min() + grey.max()) / 2
        return bright ^ bright[0, 0]

    return ink


def test_there_are_ten_classes():
    assert len(set(patterns.CLASSES)) == 10


@pytest.mark.parametrize("name", patterns.CLASSES)
@pytest.mark.parametrize("size", [8, 33, 224])
def test_patterns_come_in_any_size(name, size):
    picture = drawn(name, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("name", patterns.CLASSES)
def test_the_same_seed_draws_the_same_and_another_one_something_else(name):
    assert np.array_equal(drawn(name), drawn(name))
    assert not np.array_equal(drawn(name), drawn(name, seed=1))


@pytest.mark.parametrize("name", patterns.CLASSES)
def test_patterns_can_be_seen_without_colour(name):
    for seed in range(20):
        grey = drawn(name, 64, seed) @ patterns.GREY
        assert np.percentile(grey, 99.5) - np.percentile(grey, 0.5) > 0.7 * 255 * patterns.CONTRAST


@pytest.mark.parametrize("name", list(patterns.SHAPES))
def test_a_shape_lies_whole_in_the_picture(name, ink):
    for seed in range(10):
        covered = ink(name, seed=seed)
        assert 0.02 < covered.mean() < 0.6
        assert not covered[[0, -1]].any()
        assert not covered[:, [0, -1]].any()


@pytest.mark.parametrize("name", list(patterns.TEXTURES))
def test_a_texture_fills_the_picture(name, ink):
    for seed in range(10):
        covered = ink(name, seed=seed)
        quarters = [covered[rows, columns].mean() for rows in (slice(64), slice(64, 128)) for columns in (slice(64), slice(64, 128))]
        assert all(0.08 < share < 0.92 for share in quarters)


@pytest.mark.parametrize(("name", "low", "high"), [("circle", 0.75, 0.82), ("square", 0.48, 1.05), ("ring", 0.3, 0.6), ("cross", 0.2, 0.7)])
def test_shapes_cover_their_part_of_the_box_around_them(name, low, high, ink):
    for seed in range(10):
        covered = ink(name, 200, seed)
        rows, columns = (np.flatnonzero(covered.any(axis=axis)) for axis in (1, 0))
        share = covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
        assert low < share < high, seed


def test_a_misspelt_pattern_is_refused_with_what_may_be_meant():
    with pytest.raises(UnknownName, match=r"no pattern 'strips'\. Did you mean stripes"):
        drawn("strips")


def test_a_size_that_shows_nothing_is_refused():
    with pytest.raises(ExplorerError, match="8 to 1024 pixels a side, not 2"):
        drawn("circle", 2)
