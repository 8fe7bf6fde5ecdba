import own_models
import pytest

from explorer.backend.graph import nodes
from explorer.backend.runtime.keras import keras

layers = keras.layers


def test_a_model_written_as_a_class_over_a_graph_has_it():
    class Functional(keras.Model):
        def __init__(self):
            numbers = keras.Input((4,))
            super().__init__(numbers, layers.Dense(2)(numbers))

    assert nodes.has_graph(Functional())


def test_other_subclassed_models_and_sequential_ones_without_input_have_none():
    assert not nodes.has_graph(own_models.reader())
    assert not nodes.has_graph(own_models.Reader())
    assert not nodes.has_graph(keras.Sequential([layers.Dense(2)]))


@pytest.mark.parametrize("make", own_models.WITH_GRAPH, ids=lambda make: make.__name__)
def test_functional_and_sequential_models_have_a_graph_whose_nodes_come_after_those_that_they_read(make):
    model, known = make(), set()
    assert nodes.has_graph(model)
    for node in nodes.nodes(model):
        assert {id(tensor) for tensor in node.input_tensors} <= known
        known |= {id(tensor) for tensor in node.output_tensors}


def test_uses_are_counted_within_the_model():
    numbers = keras.Input((4,))
    dense = layers.Dense(4, name="dense")
    elsewhere, here = dense(numbers), dense(numbers)
    again = dense(here)
    model = keras.Model(numbers, again)
    number = nodes.uses(nodes.nodes(model))
    assert [number[id(nodes.node_of(tensor))] for tensor in (here, again)] == [0, 1]
    assert id(nodes.node_of(elsewhere)) not in number
    assert nodes.output_addresses(model) == ["dense:1"]


def test_the_running_order_names_only_what_runs_in_another_order():
    assert nodes.running_order(own_models.siamese()) == {}
    assert nodes.running_order(own_models.reader()) == {}
    model = own_models.backwards()
    inner = model.get_layer("inner")
    assert nodes.running_order(model) == {(id(model), id(inner)): [1, 0], (id(inner), id(inner.get_layer("shared"))): [1, 0]}


def test_what_makes_an_output_is_a_layer_or_an_operation():
    numbers = keras.Input((4,), name="numbers")
    dense = layers.Dense(4, name="dense")(numbers)
    assert nodes.output_addresses(keras.Model(numbers, [dense, numbers])) == ["dense", "numbers"]
    (name,) = nodes.output_addresses(keras.Model(numbers, keras.ops.relu(dense)))
    assert name.startswith("relu")
    assert nodes.maker_of(dense).name == "dense"
    assert nodes.node_of(dense).input_tensors == [numbers]


@pytest.mark.parametrize(("use", "address"), [(0, "backbone/lstm"), (1, "backbone/lstm:1"), (12, "backbone/lstm:12")])
def test_an_address_says_which_use_it_is(use, address):
    assert nodes.address_of("backbone/lstm", use) == address
