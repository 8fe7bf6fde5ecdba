import pytest
from fakes import NESTED, OF_ARRAYS, FakeBackend, network, network_of_arrays
from messages import says

from explorer.session import Session
from explorer.values import Layer, Layers
from explorer.widgets.layer_strip import LayerStrip
from explorer.worker import InlineWorker


@pytest.fixture
def view(session):
    return LayerStrip(session)


def test_it_lists_the_layers_and_selects_both_ways(view, session):
    assert view.title == "4 layers"
    assert view.layers[1] == [
        "block1_conv",
        "convolution",
        "block1",
        "convolution, 6 × 8 × 5",
        140,
        "1 · block1_conv",
        "model.layers[1]",
        1,
    ]
    view.layer = 1
    assert session.layer == "block1_conv"
    session.layer = 3
    assert view.layer == 3
    says(view, {"select": "block1_relu"})
    assert view.layer == 2
    says(view, {"select": " 1 "})
    assert view.layer == 1
    says(view, {"select": "blok"})
    assert "There is no layer 'blok'" in session.failure
    assert view.layer == 1


def test_what_lies_inside_a_nested_model_is_a_bar_of_its_own_without_an_index(view, page_of):
    session = page_of(lambda spec: network(spec, layers=NESTED))
    assert view.title == "3 layers", "those of model.layers, as Keras counts"
    assert [row[0] for row in view.layers] == ["image", "backbone", "backbone/conv", "predictions", "predictions:1"]
    assert [row[7] for row in view.layers] == [0, 1, -1, 2, -1]
    assert view.layers[2][5:7] == ["backbone/conv", "model.get_layer('backbone').get_layer('conv')"]
    assert view.layer == 2, "its place among the bars"
    view.layer = 4
    assert session.layer == "predictions:1"
    session.layer = 2
    assert (session.layer, view.layer) == ("predictions", 3)


def test_kinds_that_pictures_do_not_have_are_named_too(view, page_of):
    page_of(network_of_arrays)
    assert view.layers[1][1:4] == ["recurrent", "lstm", "recurrent, 6 × 5"]
    kinds = {name.removeprefix("kind_") for name in view.words if name.startswith("kind_")}
    assert kinds == {*view.words["kinds"]} >= {row.kind for row in (*OF_ARRAYS, *NESTED)}


def test_a_layer_of_no_kind_is_described_by_its_class_and_open_sizes_by_question_marks(view, page_of):
    odd = Layer(0, "odd", "other", "Reshape", "stem", (None, 3), 0, output_shapes=((None, 3),))
    page_of(lambda spec: network(spec, layers=Layers([odd, *NESTED[1:]])))
    assert view.layers[0][3] == "Reshape, ? × 3"


def test_a_click_that_comes_late_changes_nothing(view, session):
    for late in (151, -1):
        view.layer = late
        assert (view.layer, session.layer, session.failure) == (2, "block1_relu", "")


def test_another_network_moves_the_selection_without_clearing_what_was_said(session, backend):
    view = LayerStrip(session)
    view.layer = 3

    def built_while_something_else_fails(spec):
        session.failure = "It broke."
        return network(spec, layers=Layers(NESTED[:2]))

    backend.networks["digits"] = built_while_something_else_fails
    session.open("digits", weights=None)
    assert (view.layer, session.layer, session.failure) == (1, "backbone", "It broke.")
    session.layer = 0
    assert (view.layer, session.failure) == (0, "It broke.")


def test_a_model_without_layers_has_an_empty_strip(page_of):
    view = LayerStrip(page_of(lambda spec: network(spec, layers=Layers([]))))
    assert (view.layers, view.title) == ([], "0 layers")
    view.layer = 1
    assert view.session.failure == ""


def test_before_there_is_a_network_it_has_only_its_name():
    view = LayerStrip(Session(worker=InlineWorker(lambda: FakeBackend(missing=("digits",)))))
    assert (view.layers, view.title) == ([], "Layers")
    says(view, {"select": "3"})
    assert view.layer == 0
