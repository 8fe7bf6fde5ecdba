from dataclasses import replace

import pytest
from fake_fine_tuning import DATA, FineTuningBackend
from fakes import NESTED, OF_ARRAYS, FakeBackend, network, network_of_arrays

from explorer.errors import ExplorerError
from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import Layer, Layers
from explorer.widgets.explore.layer_strip import LayerStrip
from explorer.worker.queue import InlineWorker


@pytest.fixture
def view(session):
    return LayerStrip(session)


@pytest.fixture
def fine_tuning():
    return FineTuningState(Session(worker=InlineWorker(FineTuningBackend)))


@pytest.fixture
def tuned(fine_tuning):
    fine_tuning.shown = True
    return LayerStrip(fine_tuning._session, fine_tuning)


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
    kinds = {name.removeprefix("kind_") for name in view.texts if name.startswith("kind_")}
    assert kinds == {*view.texts["kinds"]} >= {row.kind for row in (*OF_ARRAYS, *NESTED)}


def test_a_layer_of_no_kind_is_described_by_its_class_and_open_sizes_by_question_marks(view, page_of):
    odd = Layer(0, "odd", "other", "Reshape", "stem", (None, 3), 0, output_shapes=((None, 3),))
    page_of(lambda spec: network(spec, layers=Layers([odd, *NESTED[1:]])))
    assert view.layers[0][3] == "Reshape, ? × 3"


def test_a_click_that_comes_late_changes_nothing(view, session):
    for late in (151, -1):
        view.layer = late
        assert (view.layer, session.layer, session.error_message) == (2, "block1_relu", "")


def test_another_network_moves_the_selection_without_clearing_what_was_said(session, backend):
    view = LayerStrip(session)
    view.layer = 3

    def built_while_something_else_fails(spec):
        session.report_error(ExplorerError("It broke."), "network")
        return network(spec, layers=Layers(NESTED[:2]))

    backend.networks["digits"] = built_while_something_else_fails
    session.open("digits", weights=None)
    assert (view.layer, session.layer, session.error_message) == (1, "backbone", "It broke.")
    session.layer = 0
    assert (view.layer, session.error_message) == (0, "It broke.")


def test_a_model_without_layers_has_an_empty_strip(page_of):
    view = LayerStrip(page_of(lambda spec: network(spec, layers=Layers([]))))
    assert (view.layers, view.title) == ([], "0 layers")
    view.layer = 1
    assert view.session.error_message == ""


def test_before_there_is_a_network_it_has_only_its_name():
    view = LayerStrip(Session(worker=InlineWorker(lambda: FakeBackend(missing=("digits",)))))
    assert (view.layers, view.title) == ([], "Layers")


def test_there_is_no_freeze_line_unless_fine_tuning_is_looked_at(view, fine_tuning):
    tuned = LayerStrip(fine_tuning._session, fine_tuning)
    for strip in (view, tuned):
        assert (strip.fine_tuning_shown, strip.backbone_count, strip.ends, strip.probes) == (False, 0, [], [])
        strip.freeze = 2
    assert (tuned.freeze, fine_tuning.freeze) == (0, 0)
    fine_tuning.shown = True
    assert (tuned.fine_tuning_shown, tuned.freeze, tuned.title) == (True, 7, "9 layers of the backbone")
    fine_tuning.shown = False
    assert (tuned.fine_tuning_shown, tuned.backbone_count, tuned.title) == (False, 0, "11 layers")


def test_the_freeze_line_knows_how_far_it_goes_and_how_it_is_said_to_stand(tuned):
    assert (len(tuned.layers), tuned.backbone_count) == (11, 9)
    assert [index for index, _said in tuned.ends] == [0, 1, 4, 7, 9]
    assert tuned.ends[0][1] == "layers[:0], nothing is frozen"
    assert tuned.ends[3][1] == "layers[:7], to the end of block 2"


def test_the_freeze_line_moves_both_ways(tuned, fine_tuning):
    tuned.freeze = 4
    assert (fine_tuning.freeze, fine_tuning.plan.end) == (4, "block_1")
    fine_tuning.go_to("block_2_norm")
    assert tuned.freeze == 5
    fine_tuning.snap = True
    fine_tuning.snap = False
    assert not tuned.snap
    tuned.freeze = 99
    assert (tuned.freeze, fine_tuning.freeze) == (9, 9)


def test_the_freeze_line_stands_inside_a_nested_model(tuned, fine_tuning):
    rows = [
        Layer(0, "scale", "other", "Rescaling", "", (8, 6, 3), 0),
        Layer(1, "net", "model", "Functional", "", (8, 6, 4), 30),
        Layer(1, "net/block_1_conv", "convolution", "Conv2D", "block_1", (8, 6, 4), 10, True),
        Layer(2, "net/block_2_conv", "convolution", "Conv2D", "block_2", (8, 6, 4), 20, True),
        Layer(2, "scores", "dense", "Dense", "", (4,), 24),
    ]
    picture = Layer(0, "picture", "input", "InputLayer", "", (8, 6, 3), 0)  # which a Sequential model does not list
    session = fine_tuning._session
    session.network = replace(session.network, layers=Layers(rows))
    fine_tuning.backbone = Layers(
        [picture, rows[0], replace(rows[1], is_nested_or_reused=True), *(replace(row, is_nested_or_reused=False) for row in rows[2:4])]
    )
    assert tuned.places == [0, 0, 2, 3, 4]
    assert [index for index, _said in tuned.ends] == [0, 1, 2, 3, 4]
    fine_tuning.go_to("block_2")
    assert (tuned.freeze, fine_tuning.plan.end, fine_tuning.plan.trained_parameters) == (3, "block_1", 0)
    fine_tuning.go_to("net/block_1_conv")
    assert tuned.freeze == 2
    fine_tuning.go_to("net")
    assert (tuned.freeze, session.error_message) == (2, "")


def test_a_line_that_was_moved_late_stays_where_it_is(tuned, fine_tuning):
    fine_tuning.shown = False
    tuned.freeze = 4
    assert (tuned.freeze, fine_tuning.freeze) == (7, 7)


def test_probes_are_said_beside_the_work_that_trains(tuned, fine_tuning):
    fine_tuning.data = DATA
    fine_tuning.request_probes()
    assert [probe[:3] for probe in tuned.probes] == [[1, 0.55, 0.02], [4, 0.7, 0.02], [7, 0.85, 0.02], [9, 0.95, 0.02]]
    assert [probe[3] for probe in tuned.probes] == [fine_tuning.work_from(index) for index in (1, 4, 7, 9)]
    share = round(100 * fine_tuning.work_from(7))
    said = f"probe accuracy 85.0 ± 2.0 %; {share} % of the computation trains from there on"
    assert tuned.probes[2][4:] == ["to the end of block 2", said]
    fine_tuning.data = None
    assert tuned.probes == []


def test_closed_it_leaves_the_tuning_to_others(tuned, fine_tuning):
    tuned.close()
    fine_tuning.freeze_at(4)
    assert (fine_tuning.plan.index, tuned.freeze) == (4, 7)
