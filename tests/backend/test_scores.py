import numpy as np
import pytest

from explorer.backend.scores import best, scale_of

LABELS = (("n1", "ant"), ("n2", "bee"), ("n3", "cow"), ("n4", "doe"))
SHARES = np.array([0.1, 0.4, 0.2, 0.3])


def test_the_best_come_first_with_their_names():
    answers = best(SHARES, 2, LABELS, "shares", output=3)
    assert [(one.id, one.label, one.score) for one in answers.predictions] == [("n2", "bee", 0.4), ("n4", "doe", 0.3)]
    assert (answers.others, answers.scale, answers.output) == (2, "shares", 3)
    assert answers.others_score == pytest.approx(0.3)


@pytest.mark.parametrize("top", [4, 9])
def test_all_of_them_leave_nothing_to_the_others(top):
    answers = best(SHARES, top, LABELS, "shares")
    assert len(answers.predictions) == 4
    assert (answers.others, answers.others_score) == (0, 0.0)


@pytest.mark.parametrize("labels", [(), LABELS[:2], (*LABELS, ("n5", "eel"))])
def test_without_labels_for_each_the_classes_have_numbers(labels):
    assert [(one.id, one.label) for one in best(SHARES, 2, labels, "shares").predictions] == [("1", "class 1"), ("3", "class 3")]


def test_of_equal_scores_the_first_class_comes_first():
    assert [one.id for one in best(np.array([0.2, 0.3, 0.3, 0.2]), 4, LABELS, "values").predictions] == ["n2", "n3", "n1", "n4"]


def test_the_others_never_hold_less_than_nothing_of_a_whole():
    for seed in range(50):
        scores = np.random.default_rng(seed).dirichlet(np.full(20, 0.01))
        for top in (1, 5, 19):
            assert best(scores, top, (), "shares").others_score >= 0


@pytest.mark.parametrize(
    ("scores", "activation", "scale"),
    [
        ([0.3, 0.7], "softmax", "shares"),
        ([0.3, 0.7], "sigmoid", "independent"),
        ([0.3, 0.7], "linear", "values"),
        ([0.3, 0.7], "relu", "values"),
        ([0.3, 0.7], "", "shares"),
        ([0.9, 0.7], "", "independent"),
        ([0.3], "", "independent"),
        ([-0.1, 1.1], "", "values"),
        ([3.0, 7.0], "", "values"),
        ([np.nan, 0.5], "", "values"),
    ],
)
def test_the_last_activation_says_what_scores_are_and_else_they_do(scores, activation, scale):
    assert scale_of(np.array(scores), activation) == scale
