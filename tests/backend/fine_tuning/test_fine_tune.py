import numpy as np
import pytest
import tuning_cases as cases

import explorer
from explorer.errors import ExplorerError

PHASES = (explorer.Phase("head", "rmsprop", 0.01, 1, 8), explorer.Phase("tail", "sgd", 0.01, 1, 8))
UNTRAINED = {"phases": PHASES[1:], "stop": lambda: True}  # where the plan or the head is looked at


@pytest.fixture(scope="module")
def network():
    return cases.network()


def pair(count=24):
    examples = cases.pictures(count)
    return np.stack([one.example.data for one in examples]), np.array([cases.CLASSES[one.classes[0]] for one in examples])


def test_a_pair_of_arrays_and_the_name_of_a_layer_are_enough(network):
    run = explorer.fine_tune(network, pair(), train_from="block_3_conv", phases=PHASES, head="plain")
    assert isinstance(run, explorer.Run)
    assert (run.plan.index, run.state, len(run.history)) == (7, "done", 2)
    assert sorted(label for _id, label in run.network.labels) == sorted(cases.CLASSES)
    assert run.trainable == ("block_3_conv", "head_predictions")


@pytest.mark.parametrize("freeze", [None, "backbone", 11])
def test_the_whole_backbone_is_frozen_unless_something_else_is_said(network, freeze):
    run = explorer.fine_tune(network, pair(), freeze, phases=PHASES, stop=lambda: True)
    assert run.plan.trained_parameters == 0


def test_a_negative_number_counts_from_the_end_as_in_a_slice(network):
    assert explorer.fine_tune(network, pair(), -4, **UNTRAINED).plan.index == 7


def test_names_freeze_just_those_layers(network):
    run = explorer.fine_tune(network, pair(), ["block_1_conv", "block_2_conv"], batch_norm="train", **UNTRAINED)
    assert run.plan.frozen == ("block_1_conv", "block_2_conv")


def test_a_keras_model_and_the_name_of_an_architecture_are_networks_too(network):
    before = network.model.get_weights()
    run = explorer.fine_tune(network.model, pair(), phases=PHASES)  # for the second there is nothing to train
    assert [one.phase for one in run.history] == [0]
    assert run.network.model is not network.model
    for one, other in zip(before, network.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert explorer.fine_tune("digits", pair(), phases=PHASES, stop=lambda: True).network.model.name == "digits_tuned"


def test_held_out_data_may_be_given(network):
    x, y = pair(30)
    run = explorer.fine_tune(network, (x[:24], y[:24]), phases=PHASES[:1], validation=(x[24:], y[24:]))
    assert run.outcome.confusion.sum() == 6


def test_the_head_can_be_put_at_an_index(network):
    run = explorer.fine_tune(network, pair(), phases=PHASES, head_at=3, stop=lambda: True)
    assert (run.plan.layers, run.recipe.head_at) == (4, "3")


def test_several_classes_at_once_are_seen_by_the_answers(network):
    x, _y = pair()
    y = np.random.default_rng(0).integers(0, 2, (24, 3))
    run = explorer.fine_tune(network, (x, y), phases=PHASES, stop=lambda: True)
    assert run.recipe.head.multi_label
    assert run.network.model.layers[-1].activation.__name__ == "sigmoid"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"freeze": 3, "train_from": "block_2_conv"}, "not both"),
        ({"freeze": "block_2_conv"}, "train_from takes a block"),
        ({"freeze": True}, "a number of layers"),
        ({"freeze": ["block_9"]}, "no layer 'block_9'"),
        ({"train_from": "block_9"}, "no block or layer 'block_9'"),
        ({"freeze": 4.0}, "a number of layers"),
        ({"head": "none"}, "head is 'guide', 'plain'"),
        ({"head": 1024}, "head is 'guide', 'plain'"),
        ({"seed": "zero"}, "A seed is a whole number"),
        ({"seed": 2**31}, "A seed is a whole number"),
        ({"phases": "head"}, "phases is a list of Phase"),
        ({"callbacks": [print]}, "callbacks is a list of Callback"),
        ({"validation": 1.0}, "below 1"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(network, settings, said):
    with pytest.raises(ExplorerError, match=said):
        explorer.fine_tune(network, pair(), **{"phases": PHASES, **settings})
