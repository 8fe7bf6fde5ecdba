"""What a run has come to: accuracy and its interval, the confusion, the worst answers, how far weights moved."""

import dataclasses

import numpy as np
import own_models
import pytest
import small_models
import tuning_cases as cases
from sklearn.metrics import multilabel_confusion_matrix

import explorer
from explorer.backend.fine_tuning import heads, results
from explorer.backend.graph import layer_table
from explorer.backend.models.clone import copy
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError
from explorer.values import Example, Head, Labelled, TrainingData

CLASSES = ("ape", "bee", "cat")


def data(*classes, groups=(), multi_label=False, names=CLASSES):
    groups = groups or ("",) * len(classes)
    examples = (
        Labelled(Example("arrays", np.zeros(1), f"x[{place}]"), one, group)
        for place, (one, group) in enumerate(zip(classes, groups, strict=True))
    )
    return TrainingData("arrays", names, (), tuple(examples), multi_label)


def single(truth, scores, groups=()):
    return results.outcome(np.array(scores, np.float32), data(*((one,) for one in truth), groups=groups), ())


def several(truth, scores, names=CLASSES):
    return results.outcome(np.array(scores, np.float32), data(*truth, multi_label=True, names=names), ())


# one class each

TRUTH = (0, 1, 2, 1, 0)
SCORES = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.01, 0.98, 0.01], [0.4, 0.5, 0.1], [0.34, 0.33, 0.33]]


def test_it_says_which_class_is_taken_for_which():
    found = single(TRUTH, SCORES)
    assert found.classes == CLASSES
    assert found.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert found.confusion.dtype == np.int64
    assert found.accuracy == pytest.approx(0.6)


def test_only_wrong_answers_are_among_the_worst_the_surest_first():
    worst = single(TRUTH, SCORES).worst
    assert [(one.place, one.name, one.truth, one.answer) for one in worst] == [(2, "x[2]", "cat", "bee"), (1, "x[1]", "bee", "ape")]
    assert [one.score for one in worst] == pytest.approx([0.98, 0.6])
    assert [one.loss for one in worst] == pytest.approx([-np.log(0.01), -np.log(0.3)], rel=1e-5)


def test_the_worst_are_sixteen_at_most_and_equal_ones_stay_in_order():
    worst = single([1] * 40, [[0.7, 0.2, 0.1]] * 20 + [[0.9, 0.05, 0.05]] * 10 + [[0, 1, 0]] * 10).worst
    assert [one.place for one in worst] == [*range(20, 30), *range(6)]
    assert all(np.isfinite(one.loss) for one in single([0], [[0, 1, 0]]).worst)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),  # R, binom::binom.wilson
    [(8, 10, 0.4901625, 0.9433178), (0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0), (270, 300, 0.8609018, 0.9290057)],
)
def test_the_interval_is_that_of_wilson(right, count, low, high):
    found = single([0] * count, [[1, 0, 0]] * right + [[0, 1, 0]] * (count - right))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_windows_of_one_recording_are_no_more_evidence_than_one():
    alone = single([0] * 8, [[1, 0, 0]] * 6 + [[0, 1, 0]] * 2)
    copied = single([0] * 32, [[1, 0, 0]] * 24 + [[0, 1, 0]] * 8, groups=[f"recording {place // 4}" for place in range(32)])
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))
    assert copied.accuracy == alone.accuracy


def test_nothing_held_out_has_no_accuracy():
    found = results.outcome(np.zeros((0, 3), np.float32), data(), (("block_1", 0.5),))
    assert (found.accuracy, found.low, found.high, found.worst) == (None, None, None, ())
    assert found.confusion.tolist() == [[0] * 3] * 3
    assert found.weight_change == (("block_1", 0.5),)


# several classes at once

SETS = ((0, 2), (), (1,), (0, 1, 2), (2,))
SHARES = [[0.9, 0.2, 0.8], [0.1, 0.5, 0.2], [0.7, 0.4, 0.1], [0.9, 0.9, 0.4], [0.3, 0.3, 0.99]]


def test_with_several_classes_each_has_its_own_confusion():
    found = several(SETS, SHARES)
    truth = [[place in one for place in range(3)] for one in SETS]
    expected = multilabel_confusion_matrix(np.array(truth, int), (np.array(SHARES) > 0.5).astype(int))
    assert found.confusion.tolist() == expected.tolist()


def test_with_several_classes_the_accuracy_is_that_of_keras():
    found = several(SETS, SHARES)
    truth = np.array([[place in one for place in range(3)] for one in SETS], np.float32)
    metric = keras.metrics.BinaryAccuracy()
    metric.update_state(truth, np.array(SHARES, np.float32))
    assert found.accuracy == pytest.approx(float(metric.result()))
    assert (found.low, found.high) == pytest.approx(results.wilson(12 / 15, 5))


def test_with_several_classes_an_example_is_wrong_where_any_answer_is():
    worst = several(SETS, SHARES).worst
    assert [(one.place, one.truth, one.answer) for one in worst] == [(3, "ape, bee, cat", "ape, bee"), (2, "bee", "ape")]
    assert [one.score for one in worst] == pytest.approx([0.9 * 0.9 * 0.6, 0.7 * 0.6 * 0.9])
    loss = keras.losses.binary_crossentropy(np.array([[1, 1, 1], [0.0, 1, 0]]), np.array([SHARES[3], SHARES[2]]))
    assert [one.loss for one in worst] == pytest.approx(np.array(loss).tolist(), rel=1e-4)


def test_no_class_at_all_is_an_answer_too():
    (missed,) = several([(0,)], [[0.4, 0.1, 0.1]]).worst
    assert (missed.truth, missed.answer) == ("ape", "none")


def test_a_single_class_that_holds_or_does_not_is_enough():
    found = several([(0,), (), (0,)], [[0.9], [0.8], [0.2]], names=("ape",))
    assert found.confusion.tolist() == [[[0, 1], [1, 1]]]
    assert found.accuracy == pytest.approx(1 / 3)


def test_a_head_for_several_classes_is_judged_so_on_one_class_each():
    found = results.outcome(np.array([[0.2, 0.4, 0.1]], np.float32), data((1,)), (), multi_label=True)
    assert found.accuracy == pytest.approx(2 / 3)


# the examples of a cell


def places(found, given, row, column):
    return [one.place for one in results.examples_in(found, given, row, column)]


def test_the_examples_of_a_cell_are_all_there_the_surest_first():
    found, given = single(TRUTH, SCORES), data(*((one,) for one in TRUTH))
    for row in range(3):
        for column in range(3):
            assert len(places(found, given, row, column)) == found.confusion[row, column]
    assert places(found, given, 0, 0) == [0, 4]
    assert places(found, given, 1, -1) == [1, 3]
    assert places(found, given, -1, 1) == [2, 3]
    (one,) = results.examples_in(found, given, 2, 1)
    assert (one.name, one.truth, one.answer, one.score) == ("x[2]", "cat", "bee", 0.98)


def test_with_several_classes_a_cell_is_a_class_and_a_kind():
    found, given = several(SETS, SHARES), data(*SETS, multi_label=True)
    for row, ((negative, false), (missed, positive)) in enumerate(found.confusion):
        assert [len(places(found, given, row, column)) for column in range(4)] == [positive, missed, false, negative]
    assert sorted(places(found, given, 1, -1)) == [2, 3], "those that are no bees, and not taken for any, are no matter of that class"
    assert places(found, given, -1, 2) == [2]


def test_a_run_without_predictions_and_data_that_has_changed_are_refused():
    found = single(TRUTH, SCORES)
    with pytest.raises(ExplorerError, match="older version"):
        results.examples_in(dataclasses.replace(found, answers=(), scores=()), data((0,)), 0, 0)
    with pytest.raises(ExplorerError, match="has changed"):
        results.examples_in(found, data((0,)), 0, 0)


# how far the weights moved


def test_each_block_says_how_far_it_moved_relative_to_its_size():
    network = cases.network()
    base = heads.backbone(network)
    after = heads.with_head(base, Head(4), 3, "channels_last", 0)
    kernel = after.get_layer("block_2_conv").kernel
    kernel.assign(kernel * 1.5)
    statistics = after.get_layer("block_3_norm").moving_variance
    statistics.assign(statistics + 1)
    found = dict(results.weight_change(network.model, after, layer_table.table(base)))
    own = {name: network.model.get_layer(name).get_weights() for name in ("block_2_conv", "block_2_norm", "block_3_conv", "block_3_norm")}
    sizes = {name: np.sqrt(sum((one**2).sum() for one in weights)) for name, weights in own.items()}
    assert list(found) == ["block_1", "block_2", "block_3"]
    assert found["block_1"] == 0
    expected = 0.5 * np.linalg.norm(own["block_2_conv"][0]) / np.hypot(sizes["block_2_conv"], sizes["block_2_norm"])
    assert found["block_2"] == pytest.approx(expected, rel=1e-5)
    assert found["block_3"] == pytest.approx(np.sqrt(5) / np.hypot(sizes["block_3_conv"], sizes["block_3_norm"]), rel=1e-5)


def test_blocks_without_weights_are_left_out_and_nested_layers_are_found():
    before = small_models.moved(own_models.nested())
    table = layer_table.table(before)
    after = copy(before)
    conv = after.get_layer("backbone").get_layer("stem").get_layer("conv")
    conv.set_weights([2 * one for one in conv.get_weights()])
    found = results.weight_change(before, after, table)
    assert [block for block, _far in found] == ["backbone/stem/conv", "backbone/stem/bn", "backbone/side", "head/scores"]
    assert [far for _block, far in found] == pytest.approx([1, 0, 0, 0])


def test_a_layer_that_is_used_twice_counts_once():
    before = small_models.moved(own_models.siamese())
    after = copy(before)
    after.get_layer("lstm").set_weights([1.25 * one for one in before.get_layer("lstm").get_weights()])
    table = layer_table.table(before)
    found = dict(results.weight_change(before, after, table))
    assert found[table.find("lstm").block or "lstm"] == pytest.approx(0.25, rel=1e-5)


def test_weights_that_were_zero_have_moved_as_far_as_they_are_large_now():
    before = explorer.load(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="zeros", name="zero")])).model
    after = copy(before)
    assert [far for _block, far in results.weight_change(before, after, layer_table.table(before))] == [0]
    after.set_weights([one + 1 for one in after.get_weights()])
    assert [far for _block, far in results.weight_change(before, after, layer_table.table(before))] == [1]


def test_the_fields_of_an_outcome_are_plain_values():
    found = single(TRUTH, SCORES)
    assert {type(value) for one in found.worst for value in dataclasses.astuple(one)} == {int, str, float}
    assert {type(value) for value in (found.accuracy, found.low, found.high)} == {float}
