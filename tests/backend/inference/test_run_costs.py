"""What a network would take to be run is known before it is."""

import numpy as np
import pytest
import small_models as small

import explorer
from explorer.backend.inference import run_costs
from explorer.backend.runtime import budget
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.errors import ExplorerError

layers = keras.layers


def graph_of(run, *shape):
    signature = [tensorflow.TensorSpec(shape, "float32")]
    return tensorflow.function(run, input_signature=signature).get_concrete_function().graph


def test_a_tensor_counts_from_where_it_is_made_to_where_it_is_read_last():
    def run(x):
        wide = tensorflow.tile(x, (1, 10))
        return tensorflow.reduce_sum(tensorflow.sin(tensorflow.cos(wide)), axis=1)

    ten = 4 * 1000 * 10
    assert 2 * ten <= run_costs.peak(graph_of(run, None, 1000), 1) < 2.2 * ten  # two of the four wide ones at a time
    assert 14 * ten <= run_costs.peak(graph_of(run, None, 1000), 7) < 15.4 * ten
    assert run_costs.peak(graph_of(lambda x: x + 1, 1, None), 1, longest=1000) >= 8000


def test_what_is_kept_for_later_counts_all_the_while():
    def run(x):
        kept = [tensorflow.sin(x + place) for place in range(10)]
        return tensorflow.add_n(kept)

    assert run_costs.peak(graph_of(run, 1, 1000), 1) >= 10 * 4000


def test_what_is_only_reshaped_takes_nothing_more():
    def run(x):
        return tensorflow.identity(tensorflow.reshape(tensorflow.reshape(x, (10, 100)), (1, 1000)))

    assert run_costs.peak(graph_of(run, 1, 1000), 1) < 4100


def network(*rest, shape, **options):
    return explorer.load(keras.Sequential([keras.Input(shape), *rest]), **options)


WIDE = {
    "between layers": lambda: [layers.RepeatVector(10_000), layers.Conv1D(1, 1), layers.Flatten(), layers.Dense(2)],
    "within a layer": lambda: [
        layers.Reshape((400, 1)),
        layers.SeparableConv1D(1, 1, depth_multiplier=10_000),
        layers.Flatten(),
        layers.Dense(2),
    ],
}


@pytest.mark.parametrize("kind", WIDE)
def test_what_does_not_fit_is_refused_before_it_is_run(kind, monkeypatch):
    found = network(*WIDE[kind](), shape=(400,))
    example = found.inputs.random_example()
    monkeypatch.setenv(budget.VARIABLE, "12")
    with pytest.raises(ExplorerError, match=r"would take \d+ MB of memory, and one input may take 12 MB here. Give a smaller example"):
        found.predict(example)
    with pytest.raises(ExplorerError, match="MB of memory"):
        found.feature_maps(example, found.layers[1].name)


def test_examples_that_do_not_fit_together_are_run_one_after_the_other(monkeypatch):
    found = network(layers.RepeatVector(1000), layers.GlobalAveragePooling1D(), layers.Dense(2), shape=(400,))
    examples = [found.inputs.random_example(seed) for seed in range(9)]
    together = found.predict(examples)
    monkeypatch.setenv(budget.VARIABLE, "5")
    np.testing.assert_allclose([one[0].score for one in found.predict(examples)], [one[0].score for one in together], rtol=1e-5)


def test_open_sizes_are_counted_as_the_example_has_them(monkeypatch):
    found = network(
        layers.Conv1D(4, 3, strides=100), layers.Conv1D(500, 3), layers.GlobalAveragePooling1D(), layers.Dense(2), shape=(None, 1)
    )
    monkeypatch.setenv(budget.VARIABLE, "10")
    assert found.predict(np.zeros((20_000, 1), np.float32))  # 500 channels of 20,000 steps would be 40 MB, of 200 they are not
    with pytest.raises(ExplorerError, match="MB of memory"):
        found.predict(np.zeros((2_000_000, 1), np.float32))


RECURRENT = {
    "lstm": lambda: [layers.LSTM(2)],
    "in both directions": lambda: [layers.Bidirectional(layers.GRU(2))],
    "of cells": lambda: [layers.RNN(layers.LSTMCell(2))],
    "in a nested model": lambda: [keras.Sequential([keras.Input((None, 1)), layers.SimpleRNN(2)])],
}


@pytest.mark.parametrize("shape", [(3_000_000, 1), (None, 1)])
@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_layer_over_millions_of_steps_is_refused(kind, shape):
    found = network(*RECURRENT[kind](), layers.Dense(2), shape=shape)
    with pytest.raises(
        ExplorerError, match=r"recurrent layer \w+ of \w+ would take 3,000,000 steps.* and may take 1,\d+,\d+: give a shorter"
    ):
        found.predict(np.zeros((3_000_000, 1), np.float32))


def test_unrolled_and_large_layers_may_take_fewer_steps():
    def most(layer, shape=(10, 1)):
        return next(run_costs.recurrences(keras.Sequential([keras.Input(shape), layer]))).most

    assert most(layers.LSTM(2, unroll=True)) < 2000 < most(layers.LSTM(500)) < most(layers.LSTM(2))
    assert most(layers.ConvLSTM1D(8, 3), (10, 500, 1)) < most(layers.ConvLSTM1D(8, 3), (10, 50, 1))


def test_the_steps_of_a_time_distributed_layer_are_those_of_the_layer_within():
    model = keras.Sequential([keras.Input((7, 11, 1)), layers.TimeDistributed(layers.LSTM(2))])
    assert [one.steps for one in run_costs.recurrences(model)] == [11]


def test_networks_without_recurrence_have_none():
    assert not list(run_costs.recurrences(small.functional()))
