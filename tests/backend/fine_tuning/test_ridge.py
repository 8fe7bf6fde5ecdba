"""The linear classifier of the probes is scikit-learn's ridge classifier, and leaves groups out where it chooses its penalty."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

from explorer.backend.fine_tuning import ridge


def drawn(count, features, classes, seed=0):
    """Return features whose first few hang on the class, of different means and sizes, and the classes as -1 and 1."""
    random = np.random.default_rng(seed)
    own = random.integers(0, classes, count)
    found = random.normal(size=(count, features)) + np.eye(classes, features)[own]
    return found * random.uniform(0.1, 9, features) + 3, np.where(np.eye(classes)[own] > 0, 1.0, -1.0)


@pytest.mark.parametrize("features", [12, 90], ids=["narrow", "wide"])
def test_it_answers_as_the_classifier_of_scikit_learn(features):
    x, y = drawn(80, features, 4)
    scaler = StandardScaler().fit(x[:50])
    scaled = scaler.transform(x[:50])
    theirs = RidgeClassifierCV(ridge.STRENGTHS * (scaled**2).sum() / 50).fit(scaled, y[:50].argmax(axis=1))
    mine = ridge.fitted(x[:50], y[:50])
    np.testing.assert_allclose(mine.scores(x[50:]), theirs.decision_function(scaler.transform(x[50:])), atol=1e-9)


def test_what_a_group_would_get_without_it_takes_no_further_fit():
    x, y = drawn(30, 8, 3)
    x, groups = (x - x.mean(axis=0)) / x.std(axis=0), [np.arange(4), np.array([9, 20])]
    penalty, middle = 5.0, y.mean(axis=0)
    left, squares, _right = ridge._decomposed(x)
    kept = squares / (squares + penalty)
    off = ridge._left_out(left, kept, y - middle - left @ (kept[:, None] * (left.T @ (y - middle))), groups)
    for places in (*groups, np.array([5])):
        rest = np.delete(np.arange(30), places)
        centre = x[rest].mean(axis=0)
        weights = np.linalg.solve((x[rest] - centre).T @ (x[rest] - centre) + penalty * np.eye(8), (x[rest] - centre).T @ y[rest])
        np.testing.assert_allclose(y[places] - off[places], (x[places] - centre) @ weights + y[rest].mean(axis=0), atol=1e-9)


def test_copies_in_groups_do_not_talk_it_into_a_weak_penalty():
    x, y = drawn(20, 40, 2)
    x = np.repeat(x, 5, axis=0) + np.random.default_rng(1).normal(0, 1e-6, (100, 40))
    y = np.repeat(y, 5, axis=0)
    alone = ridge.fitted(x, y)
    grouped = ridge.fitted(x, y, [np.arange(start, start + 5) for start in range(0, 100, 5)])
    assert np.linalg.norm(grouped.weights) < 0.7 * np.linalg.norm(alone.weights)


def test_balanced_it_finds_what_is_rare():
    random = np.random.default_rng(0)
    hold = np.arange(400) % 20 == 0
    x, y = random.normal(size=(400, 5)) + 1.5 * hold[:, None], np.where(hold, 1.0, -1.0)[:, None]
    found = {balanced: ridge.fitted(x[:200], y[:200], balanced=balanced).scores(x[200:])[:, 0] > 0 for balanced in (False, True)}
    assert found[False][hold[200:]].mean() < 0.7 < 0.9 <= found[True][hold[200:]].mean()
    assert found[True][~hold[200:]].mean() < 0.15


def test_features_that_say_nothing_give_what_is_most_frequent():
    x, y = np.ones((6, 3)), np.where(np.eye(2)[[0, 0, 1, 0, 1, 0]] > 0, 1.0, -1.0)
    np.testing.assert_allclose(ridge.fitted(x, y).scores(x[:1]), [[1 / 3, -1 / 3]])
    assert np.isfinite(ridge.fitted(x[:2], np.array([[1.0], [-1.0]])).scores(x)).all()
