import gettext
from dataclasses import replace

import pytest
from fakes import LAYERS, NESTED, OF_ARRAYS, PICTURES, layer, network, network_of_arrays
from messages import says

import explorer.locale
from explorer.backend.models.weights_report import Mismatch, WeightsReport
from explorer.values import Layers, LoadedModels, TensorInfo
from explorer.widgets.base import view as view_module
from explorer.widgets.explore.model_tools import ModelToolsView


@pytest.fixture
def view(session):
    """The view, with `messages` that it has sent."""
    view = ModelToolsView(session)
    view.messages = []
    view.send = lambda content, buffers=(): view.messages.append((content, *map(bytes, buffers)))
    return view


def upload(view, data, name, purpose):
    says(view, {"upload": name, "part": 0, "count": 1, "name": name, "purpose": purpose}, data)


def apply(view, read_as="", labels=""):
    says(view, {"read_as": read_as, "labels": labels})


def test_the_facts_of_a_network_of_the_table(view, session):
    assert view.facts == [
        ["name", "digits"],
        ["input", "image, 12 × 16 × 3, float32"],
        ["output", "predictions, 4"],
        ["layers", "4"],
        ["parameters", "164"],
        ["weights", "1 kB"],
    ]
    assert (view.own, view.live, view.assumed, view.barred) == (False, False, [], [])
    assert view.drawn == 1


def test_several_inputs_and_outputs_are_counted(view, page_of):
    outputs = (TensorInfo("same", (), "float32"), TensorInfo("topic", (4,), "float32"))
    page_of(lambda spec: replace(network_of_arrays(spec), outputs=outputs, classes=(0, 4)))
    facts = dict(view.facts)
    assert (facts["input 1"], facts["input 2"]) == ("steps, 6 × 3, float32", "age, 1, int32")
    assert (facts["output 1"], facts["output 2"]) == ("same, 1", "topic, 4")
    assert view.data == "An .npz file with x_steps, x_age, as the network reads it, and the right answers y_same, y_topic."


def test_with_one_input_and_one_output_a_file_to_evaluate_on_has_x_and_y(view):
    assert view.data == "An .npz file with x, as the network reads it, and the right answers y."


def test_what_was_assumed_of_a_model_of_ones_own_is_said(view, page_of):
    page_of(lambda spec: network(spec, replace(PICTURES, preprocess_mode="unit", assumed=("Pixels are brought to 0 to 1.",))))
    assert (view.own, view.live, view.picture, view.classes) == (True, True, True, True)
    assert view.assumed == ["Pixels are brought to 0 to 1.", "Nothing says what its classes are called; they show as numbers."]
    assert (view.read_as, view.automatic) == ("", "automatic: 0 to 1 (unit)")


def test_a_function_that_prepares_pictures_is_called_that(view, page_of):
    page_of(lambda spec: network(spec, replace(PICTURES, preprocess_mode="custom")))
    assert (view.read_as, view.automatic) == ("", "a function of your own")


def test_how_pictures_are_read_and_labels_can_be_set(view, session, page_of):
    page_of(lambda spec: replace(network(spec, replace(PICTURES, preprocess_mode=spec.preprocess or "unit")), labels=spec.labels))
    drawn = view.drawn
    apply(view, "torch", "rose\n\n  tulip \r\ndaisy\nelk\n")
    assert (session.network.spec.preprocess, session.network.spec.labels) == ("torch", ("rose", "tulip", "daisy", "elk"))
    assert (view.read_as, view.labels) == ("torch", "rose\ntulip\ndaisy\nelk")
    assert view.automatic == "automatic"
    assert (view.assumed, view.drawn) == ([], drawn + 1)
    apply(view)
    assert (session.network.spec.preprocess, session.network.spec.labels, view.labels) == (None, (), "")


def test_what_was_typed_stays_where_it_is_refused(view, session, backend, page_of):
    page_of(network)
    drawn = view.drawn
    backend.missing = ("mine",)
    apply(view, "tf", "rose")
    assert session.error_message
    assert (view.drawn, view.read_as) == (drawn, "")


def test_a_network_of_arrays_is_not_asked_how_it_reads_pictures(view, page_of):
    page_of(network_of_arrays)
    assert (view.own, view.picture, view.classes) == (True, False, True)


def test_a_model_handed_over_live_can_be_looked_at_again(view, session, page_of):
    page_of(network)
    says(view, {"refresh": True})
    assert session.network.spec.version == 1
    session.loader.open_file(b"model", "mine.keras")
    assert (view.own, view.live) == (True, False)


def test_what_a_model_without_a_graph_does_not_have_is_said_and_its_buttons_barred(view, page_of):
    page_of(lambda spec: replace(network(spec, layers=LAYERS), graph=False))
    assert "Keras knows its layers, but not how they are joined" in view.assumed[-1]
    assert "a topology, a config and cutting it are not to be had" in view.assumed[-1]
    assert set(view.barred) == {"json", "yaml", "config", "h5"}
    assert view.node[3:] == [["reads", "–"], ["input", "–"], ["output", "6 × 8 × 5"]]


def test_every_button_asks_for_a_file_that_the_backend_can_take(view):
    from explorer.backend.network_files import TAKEN

    offered = [what for _label, files in view.texts["takes"] for what in files]
    assert sorted(offered) == sorted(TAKEN)
    assert set(view.barred) <= set(offered)
    for _label, files in view.texts["takes"]:
        assert all(TAKEN[what][0].endswith(ending) for what, ending in files.items())


def test_a_file_is_asked_for_and_given_to_the_browser(view, session):
    says(view, {"take": "keras"})
    (message, data), *others = view.messages
    assert (message["file"], data, others) == ("digits.keras", b"keras", [])
    assert view.model_files.taken is None, "it is held no longer than it takes to send it"
    says(view, {"take": "keras"})
    assert len(view.messages) == 2
    says(view, {"take": "h5"})
    assert session.error_message == "digits can't be saved."


def test_weights_are_loaded_and_the_report_says_which_layers_they_reached(view, session, backend):
    many = tuple(f"layer_{index}" for index in range(20))
    backend.report = WeightsReport(loaded=many, missing=("head",), mismatched=(Mismatch("stem", ((3, 4),), ((3, 5),)),))
    upload(view, b"weights", "best.weights.h5", "by_name")
    assert ("load_weights", "best.weights.h5", True) in backend.asked
    assert view.report == [
        ["loaded", "20 layers: layer_0, layer_1, layer_2, layer_3, layer_4, layer_5, layer_6, layer_7, …"],
        ["not in the file", "1 layer: head"],
        ["of other shapes", "1 layer: stem"],
    ]
    backend.report = WeightsReport(loaded=("predictions", "block1_conv"))
    upload(view, b"weights", "best.weights.h5", "weights")
    assert view.report == [["loaded", "2 layers: block1_conv, predictions"]], "in the network's order"
    backend.report = WeightsReport(loaded=(), unexpected=("other",))
    upload(view, b"weights", "best.weights.h5", "weights")
    assert backend.asked.count(("load_weights", "best.weights.h5", False)) == 2
    assert view.report == [["loaded", "none"], ["only in the file", "1 layer: other"]]
    upload(view, b"bad", "diary.h5", "weights")
    assert (view.report, session.error_message) == ([], "diary.h5 holds no weights.")


def test_scores_are_short_numbers(view, session):
    upload(view, b"data", "data.npz", "evaluate")
    assert view.scores == [["loss", "0.25"], ["accuracy", "0.5"]]
    session.open("VGG16")
    assert view.scores == []


def test_an_upload_that_was_meant_for_the_network_before_comes_to_nothing(view, session, backend):
    says(view, {"upload": "u", "part": 0, "count": 2, "name": "best.weights.h5", "purpose": "weights"}, b"first")
    session.open("VGG16")
    says(view, {"upload": "u", "part": 1, "count": 2, "name": "best.weights.h5", "purpose": "weights"}, b"second")
    assert view.messages[-1][0]["error"] == "overtaken"
    assert not any(asked[0] == "load_weights" for asked in backend.asked)


def test_a_file_that_is_too_large_is_one_sentence(view, session, monkeypatch):
    monkeypatch.setattr(view_module, "LARGEST", 3)
    upload(view, b"large", "large.npz", "evaluate")
    assert session.error_message.startswith("large.npz is larger than 200 MB")
    says(view, {"refuse": "large.npz is larger than 200 MB; load it in Python."})
    assert session.error_message == "large.npz is larger than 200 MB; load it in Python."


def test_held_networks_show_with_their_size_within_the_bound(view, session):
    session.loader.loaded_models = LoadedModels(
        (("NASNetMobile", 21 * 2**20), ("VGG16", 528 * 2**20), ("digits", 151_000), ("tiny", 3)), 1024 * 2**20
    )
    assert view.loaded_models == [["NASNetMobile", "21 MB"], ["VGG16", "528 MB"], ["digits", "147 kB"], ["tiny", "1 kB"]]
    assert view.held_text == "549 MB of at most 1024 MB of weights; EXPLORER_MEMORY sets the bound in MB."


def test_the_selected_layer_says_what_goes_in_and_out(view, session, page_of):
    conv = layer(1, "conv", "convolution", "Conv2D", "block1", (6, 8, 5), 140, inputs=("image",), input_shapes=((12, 16, 3),))
    page_of(lambda spec: network(spec, layers=Layers([LAYERS[0], conv, layer(2, "scores", "dense", "Dense", "top", ())])))
    session.select("conv")
    assert view.node == [
        ["in Keras", "model.layers[1]"],
        ["class", "Conv2D"],
        ["parameters", "140"],
        ["reads", "image"],
        ["input", "12 × 16 × 3"],
        ["output", "6 × 8 × 5"],
    ]
    session.select("scores")
    assert dict(view.node)["output"] == "1"


def test_each_use_of_a_shared_layer_shows_its_own_inputs_and_outputs(view, session, page_of):
    first, second = OF_ARRAYS[1], layer(1, "lstm:1", "recurrent", "LSTM", "lstm", (9, 5), is_nested_or_reused=True, inputs=("age",))
    first = replace(first, inputs=("steps",), input_shapes=((6, 3),))
    second = replace(second, input_shapes=((9, 3), (5,)))
    page_of(lambda spec: replace(network_of_arrays(spec), layers=Layers([OF_ARRAYS[0], first, second, OF_ARRAYS[2]])))
    session.select("lstm:1")
    assert view.node[2:] == [
        ["parameters", "180"],
        ["use", "lstm"],
        ["reads", "steps"],
        ["input", "6 × 3"],
        ["output", "6 × 5"],
        ["use", "lstm:1, selected"],
        ["reads", "age"],
        ["input", "9 × 3; 5"],
        ["output", "9 × 5"],
    ]


def test_a_layer_inside_a_nested_model_is_found_by_its_address(view, session, page_of):
    page_of(lambda spec: network(spec, layers=NESTED))
    session.select("backbone/conv")
    assert dict(view.node)["in Keras"] == "model.get_layer('backbone').get_layer('conv')"
    session.select("predictions:1")
    assert [text for term, text in view.node if term == "use"] == ["predictions", "predictions:1, selected"]


def test_a_file_is_opened_by_its_path(view, session, tmp_path):
    path = tmp_path / "mine.keras"
    says(view, {"open": f"  {path} "})
    assert "mine.keras" in session.error_message
    path.write_bytes(b"model")
    says(view, {"open": f"  {path} "})
    assert (session.network.spec.name, session.error_message) == ("mine.keras", "")


def test_every_word_goes_through_gettext(session, monkeypatch):
    class Marked(gettext.NullTranslations):
        def gettext(self, message):
            return f"⟦{message}⟧"

    monkeypatch.setattr(explorer.locale, "_catalogue", Marked())
    words = ModelToolsView(session).texts
    assert all(label.startswith("⟦") for label, _files in words["takes"])
    assert all(text.startswith("⟦") for _name, text in words["preprocess_modes"])


def test_a_closed_view_lets_go_of_its_workbench(view, session, backend):
    upload(view, b"data", "data.npz", "evaluate")
    view.close()
    session.open("VGG16")
    assert view.model_files.evaluation == {"loss": 0.25, "accuracy": 0.5}
