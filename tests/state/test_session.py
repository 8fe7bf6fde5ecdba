"""Examples, answers, layers and feature maps, over whatever network there is. test_opening has the networks."""

import asyncio
from dataclasses import replace

import pytest
from fakes import LAYERS, NESTED, FakeBackend, HeldBackend, maps_of, network, network_of_arrays, until

from explorer.errors import ExplorerError, UnknownName
from explorer.state.session import Session
from explorer.values import TensorInfo
from explorer.worker.queue import InlineWorker, Worker

TWO_OUTPUTS = (TensorInfo("kind", (4,), "float32"), TensorInfo("mask", (6, 8, 2), "float32"), TensorInfo("size", (2,), "float32"))


class Model:
    """A live model of the user's own, as far as the session sees it."""

    name = "mine"


def page(backend=None, *source, **options):
    return Session(*source, worker=InlineWorker(lambda: backend or FakeBackend()), **options)


def page_of(make, **options):
    """Return a page on a model of the user's own; `make` makes its summary."""
    session = page(FakeBackend(networks={"mine": make}, **options))
    session.register_live_model(Model())
    return session


def labels(session):
    return [one.label for one in session.predictions.predictions]


def test_a_page_opens_on_digits_with_a_sample_already_answered():
    session = page()
    assert session.network.spec.architecture == "digits"
    assert session.example.name == "digit_0.png"
    assert labels(session) == ["red_fox", "owl", "bear", "elk"]
    assert session.layer == "block1_relu", "the activation after the first convolution"
    assert (session.feature_maps.values == maps_of(LAYERS[2])).all()
    assert session.error_message == ""
    assert not session.busy
    assert session.requests.status.text.startswith("Ready. Answered in")


def test_a_sample_can_be_asked_for_to_begin_with():
    assert page(None, "VGG16", sample="rocket.jpg").example.name == "rocket.jpg"
    assert page(None, "digits", sample="rocket.jpg").example.name == "digit_0.png", "rockets are nothing for digits"


def test_a_picture_is_shown_answered_and_looked_into():
    session = page()
    session.show(b"pixels", "holiday.jpg")
    assert session.example.name == "holiday.jpg"
    assert session.preprocessed.original_size == (24, 12)
    assert session.error_message == ""


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Users\\me\\passwd", "/etc/passwd"])
def test_of_a_name_with_a_path_only_the_last_part_is_kept(name):
    session = page()
    session.show(b"pixels", name)
    assert session.example.name == "passwd"


def test_a_picture_that_cannot_be_read_leaves_the_last_one_and_says_why():
    session = page()
    before = (session.example, session.preprocessed, session.predictions)
    session.show(b"bad", "notes.jpg")
    assert session.error_message == "notes.jpg is not a picture."
    assert (session.example, session.preprocessed, session.predictions) == before
    session.show(b"good", "cat.jpg")
    assert (session.example.name, session.error_message) == ("cat.jpg", "")


def test_samples_are_those_of_the_network_and_change_with_it():
    session = page()
    assert "digit_3.png" in session.samples
    session.show_sample("digit_3.png")
    assert session.example.name == "digit_3.png"
    session.open("MobileNetV2")
    assert session.example.name in session.samples
    assert "cat.jpg" in session.samples
    session.show_sample("../session.py")
    assert "no sample" in session.error_message


def test_a_sample_stays_where_it_suits_the_next_network_too():
    session = page(None, "VGG16")
    session.show_sample("rocket.jpg")
    session.open("VGG19")
    assert session.example.name == "rocket.jpg"


@pytest.mark.parametrize("name", ["mine.jpg", "digit_3.png"], ids=["its own name", "the name of a sample"])
def test_the_users_own_picture_stays_when_the_network_changes(name):
    session = page()
    session.show(b"pixels", name)
    session.open("VGG16")
    assert (session.example.name, session.example.data) == (name, b"pixels")
    assert session.predictions is not None


def test_top_asks_again_and_a_wrong_top_goes_back():
    session = page()
    session.top = 2
    assert len(session.predictions.predictions) == 2
    assert session.predictions.others == 2
    session.top = 0
    assert session.error_message == "top must be from 1 to 4, not 0."
    assert session.top == 2
    session.top = 3
    assert (len(session.predictions.predictions), session.error_message) == (3, "")


def test_a_top_above_the_number_of_classes_is_lowered_for_a_smaller_network():
    assert page().top == 4


def test_layers_are_selected_by_index_and_name_and_misspellings_are_said():
    session = page()
    session.select("block1_conv")
    assert (session.layer, session.feature_maps.layer.name) == ("block1_conv", "block1_conv")
    session.select("3")
    assert session.feature_maps.layer == LAYERS[3]
    assert session.channel == 3, "the strongest unit of a vector"
    session.select("block1_con")
    assert "Did you mean block1_conv" in session.error_message
    assert session.layer == "predictions"
    session.select(99)
    assert "layers 0 to 3" in session.error_message


def test_a_layer_is_assigned_by_name_or_index_and_known_by_its_name():
    session = page()
    for key, name in ((1, "block1_conv"), (-1, "predictions"), ("2", "block1_relu"), ("image", "image")):
        session.layer = key
        assert (session.layer, session.feature_maps.layer.name) == (name, name)


@pytest.mark.parametrize("key", [999, "", "nothing", True])
def test_a_layer_that_is_not_there_cannot_be_set(key):
    session = page()
    with pytest.raises(UnknownName):
        session.layer = key
    assert session.layer == "block1_relu"


def test_layers_inside_nested_models_are_selected_by_their_address():
    session = page_of(lambda spec: network(spec, layers=NESTED))
    assert session.layer == "backbone/conv", "the first convolution, however deep"
    session.select("predictions:1")
    assert session.feature_maps.layer.is_nested_or_reused
    session.select(1)
    assert session.layer == "backbone"


def test_a_chosen_cell_becomes_a_region_of_the_input():
    session = page()
    session.cell = (1, 7)
    rows, columns = session.region.spans
    assert (rows.axis, rows.unit, rows.start, rows.stop) == ("row", "pixel", 2, 4)
    assert (columns.axis, columns.start, columns.stop) == ("column", 14, 16)
    session.select(3)
    assert session.region is None, "a vector lies nowhere"


def test_a_cell_of_other_maps_is_no_cell():
    session = page()
    session.cell = (1, 7)
    session.select(1)
    assert session.cell is None, "another layer has other cells"
    for cell in ((1000, 2), (1, 2, 3), (1,), (-1, 0)):
        session.cell = cell
        assert session.cell is None
    session.select("predictions")
    session.cell = (0, 0)
    assert session.cell is None, "a vector has none"


def test_a_channel_that_is_not_there_cannot_be_chosen():
    session = page()
    session.channel = 4
    for channel in (5, -1, 10**9):
        session.channel = channel
        assert session.channel == 4
    session.select("predictions")
    session.channel = 4
    assert session.channel == 3


def test_looking_at_another_layer_asks_for_nothing_else():
    backend = FakeBackend()
    session = page(backend)
    backend.asked.clear()
    session.select(1)
    assert backend.asked == [("feature_maps", "block1_conv", True)]


def test_an_unexpected_failure_is_a_plain_sentence_and_goes_to_the_log(caplog):
    backend = FakeBackend()
    session = page(backend)
    backend.predict = lambda *_: 1 / 0
    session.show(b"pixels", "cat.jpg")
    assert session.error_message == "Something went wrong in explorer itself (ZeroDivisionError); the log has the details."
    assert any(record.exc_info for record in caplog.records)


def test_a_view_that_fails_to_draw_is_said_on_the_page():
    session = page()

    def draw(_change):
        raise RuntimeError("no paper")

    session.observe(draw, "predictions")
    session.top = 1
    assert "RuntimeError" in session.error_message
    assert not session.busy


def test_answers_that_can_not_be_computed_leave_none_beside_the_new_picture():
    backend = FakeBackend()
    session = page(backend)

    def refuse(*_arguments):
        raise ExplorerError("It takes too much memory.")

    backend.predict = refuse
    session.show(b"pixels", "large.jpg")
    assert (session.example.name, session.error_message) == ("large.jpg", "It takes too much memory.")
    assert session.predictions is None, "those to the picture before say nothing of this one"
    assert session.feature_maps is not None


def test_feature_maps_that_can_not_be_computed_leave_none_under_the_new_layers_name():
    backend = FakeBackend()
    session = page(backend)
    whole = backend.feature_maps

    def refuse(spec, example, name, drawn, report_progress):
        if name == "block1_conv":
            raise ExplorerError("The network does not run its layer block1_conv.")
        return whole(spec, example, name, drawn, report_progress)

    backend.feature_maps = refuse
    session.select("block1_conv")
    assert (session.layer, session.error_message) == ("block1_conv", "The network does not run its layer block1_conv.")
    assert session.feature_maps is None
    session.select("predictions")
    assert (session.feature_maps.layer.name, session.channel, session.error_message) == ("predictions", 3, "")


def test_one_of_several_outputs_answers():
    session = page_of(lambda spec: network(spec, outputs=TWO_OUTPUTS))
    assert (session.network.classes, session.output, len(session.predictions.predictions)) == ((4, 0, 2), 0, 4)
    session.output = 1
    assert (session.predictions, session.error_message) == (None, "")
    session.output = 2
    assert (session.predictions.output, len(session.predictions.predictions)) == (2, 2)
    assert session.top == 4, "fewer where an output has fewer"
    for asked, known in ((7, 2), (-3, 0)):
        session.output = asked
        assert session.output == known


def test_the_output_and_the_top_stay_when_a_model_is_copied_again_and_the_output_begins_anew_for_another():
    session = page_of(lambda spec: network(spec, outputs=TWO_OUTPUTS))
    session.top, session.output = 2, 2
    session.refresh()
    assert (session.output, session.predictions.output) == (2, 2)
    session.open("VGG16")
    assert (session.output, session.top, session.predictions.output) == (0, 2, 0)


def test_an_output_that_a_model_copied_again_has_no_more_is_let_go():
    several = [TWO_OUTPUTS, TWO_OUTPUTS[:1]]
    session = page_of(lambda spec: network(spec, outputs=several[spec.version]))
    session.output = 2
    session.refresh()
    assert (session.output, session.predictions.output, session.error_message) == (0, 0, "")


def test_a_network_without_scores_shows_everything_but_answers():
    headless = (TensorInfo("block1_relu", (6, 8, 5), "float32"),)
    session = page(FakeBackend(networks={"VGG16": lambda spec: network(spec, outputs=headless)}))
    assert session.top == 4
    session.open("VGG16", include_top=False)
    assert (session.predictions, session.error_message, session.example.name) == (None, "", "cat.jpg")
    assert session.feature_maps.layer.name == "block1_relu"
    session.open("ResNet50")
    assert len(session.predictions.predictions) == 4, "top is what it was"
    session.open("VGG16", include_top=False)
    session.top = 3
    assert (session.predictions, session.error_message) == (None, "")


def test_random_values_are_shown_for_a_network_of_arrays():
    session = page_of(network_of_arrays)
    assert session.example.name == "random values, seed 0"
    assert [name for name, _array in session.preprocessed.arrays] == ["steps", "age"]
    assert (session.samples, session.predictions is not None, session.layer) == ((), True, "lstm")
    session.show_random(7)
    assert session.example.name == "random values, seed 7"
    assert session.example_revision == 3, "a sample of digits, and two of these"


def test_a_file_of_arrays_is_shown_to_a_network_of_arrays():
    session = page_of(network_of_arrays)
    session.show(b"numbers", "mine.npy")
    assert (session.example.kind, session.example.name, session.error_message) == ("arrays", "mine.npy", "")
    session.show(b"bad", "other.npy")
    assert (session.error_message, session.example.name) == ("other.npy is not a picture.", "mine.npy")


def test_maps_of_steps_lie_nowhere_on_the_input():
    session = page_of(network_of_arrays)
    session.cell = (2, 4)
    assert (session.cell, session.region) == ((2, 4), None)


def test_from_pictures_to_arrays_and_back_each_network_gets_what_it_reads():
    session = page_of(network_of_arrays)
    session.open("VGG16")
    assert (session.example.kind, session.example.name, session.error_message) == ("image", "cat.jpg", "")
    session.show(b"pixels", "mine.jpg")
    session.register_live_model(Model())
    assert (session.example.kind, session.example.name, session.error_message) == ("arrays", "random values, seed 0", "")


def test_random_values_that_do_not_fit_the_next_network_give_way_to_those_that_do():
    class Picky(FakeBackend):
        def view(self, spec, example, report_progress):
            if example.kind == "arrays" and example.name != f"random values of {spec.key}":
                raise ExplorerError(f"{example.name} does not fit.")
            return super().view(spec, example, report_progress)

        def random_example(self, spec, seed, report_progress):
            example = super().random_example(spec, seed, report_progress)
            return type(example)(example.kind, example.data, f"random values of {spec.key}")

    session = page(Picky(networks={"mine": network_of_arrays}))
    for _time in range(2):
        session.register_live_model(Model())
        assert (session.example.name, session.error_message) == (f"random values of {session.network.spec.key}", "")
        assert session.preprocessed is not None


def test_where_not_even_random_values_can_be_had_that_is_said_and_the_page_works_on():
    class Full(FakeBackend):
        def random_example(self, _spec, _seed, _report_progress):
            raise ExplorerError("An input takes more than 200 MB.")

    session = page(Full(networks={"mine": network_of_arrays}))
    session.register_live_model(Model())
    assert session.error_message == "An input takes more than 200 MB."
    assert (session.example, session.preprocessed, session.predictions, session.busy) == (None, None, None, False)
    session.select("score")
    session.top = 2
    session.open("VGG16")
    assert (session.example.name, session.error_message) == ("cat.jpg", "")


def test_nothing_is_shown_at_random_to_a_network_of_pictures_that_refuses():
    backend = FakeBackend()

    def refuse(*_arguments):
        raise ExplorerError("digits reads pictures; give it one.")

    backend.random_example = refuse
    session = page(backend)
    session.show_random()
    assert (session.error_message, session.example.name) == ("digits reads pictures; give it one.", "digit_0.png")


def test_after_weights_have_changed_the_same_example_is_answered_and_looked_into_anew():
    backend = FakeBackend()
    session = page(backend)
    session.cell = (1, 7)
    backend.asked.clear()
    session.renew("mine.h5")
    assert session.weights_revision == 1
    assert [method for method, *_rest in backend.asked] == ["predict", "feature_maps"]
    assert session.cell == (1, 7)


def test_an_answer_held_back_and_overtaken_never_shows():
    backend = HeldBackend(held=("slow.jpg",))
    shown = []

    async def overtaken():
        session = Session(worker=Worker(lambda: backend))
        session.observe(lambda change: shown.append(change["new"] and change["new"].predictions[0].label), "predictions")
        await until(lambda: shown)
        session.show(b"1", "slow.jpg")
        await until(backend.holding.is_set)
        session.show(b"2", "quick.jpg")
        backend.let_go.set()
        await until(lambda: shown[-1].startswith("quick.jpg") and not session.busy)
        session.close()
        return session.example.name

    assert asyncio.run(overtaken()) == "quick.jpg"
    assert not any(label.startswith("slow.jpg") for label in shown)


def test_an_answer_given_up_for_a_picture_that_cannot_be_read_is_asked_for_again():
    backend = HeldBackend(held=("slow.jpg",))

    async def given_up():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.predictions)
        session.show(b"1", "slow.jpg")
        await until(backend.holding.is_set)
        session.show(b"bad", "broken.jpg")
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session

    session = asyncio.run(given_up())
    assert session.error_message == "broken.jpg is not a picture."
    assert session.example.name == "slow.jpg"
    assert session.predictions.predictions[0].label == "slow.jpg red_fox"


def test_a_file_shown_after_random_values_were_asked_for_is_what_stays():
    backend = HeldBackend(held=(5,), method="random_example", networks={"mine": network_of_arrays})

    async def shown():
        session = Session(Model(), worker=Worker(lambda: backend))
        await until(lambda: session.predictions and not session.busy)
        session.show_random(5)
        await until(backend.holding.is_set)
        session.show(b"bad", "mine.npy")
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session.example.name, session.error_message

    assert asyncio.run(shown()) == ("random values, seed 0", "mine.npy is not a picture.")


def test_maps_of_the_network_before_never_show_beside_the_new_one():
    backend = HeldBackend(held=("VGG16",), method="open")
    seen_with = []

    async def opened():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.feature_maps and not session.busy)
        session.observe(lambda change: seen_with.append((session.network.spec.architecture, change["new"])), "feature_maps")
        session.open("VGG16")
        await until(backend.holding.is_set)
        session.select(1)  # of the network still on the page; answered only after the new one is there
        backend.let_go.set()
        await until(lambda: session.network.spec.architecture == "VGG16" and not session.busy)
        session.close()

    asyncio.run(opened())
    assert [maps.layer.name for name, maps in seen_with if maps and name == "VGG16"] == ["block1_relu"]


def test_a_picture_dropped_while_a_network_is_opening_is_kept():
    backend = HeldBackend(held=("VGG16",), method="open")

    async def dropped():
        session = Session(worker=Worker(lambda: backend))
        session.show(b"0", "early.jpg")  # before there is any network
        await until(lambda: session.example and not session.busy)
        first = session.example.name
        session.open("VGG16")
        await until(backend.holding.is_set)
        session.show(b"1", "late.jpg")
        backend.let_go.set()
        await until(lambda: session.network.spec.architecture == "VGG16" and not session.busy)
        session.close()
        return first, session.example.name

    assert asyncio.run(dropped()) == ("early.jpg", "late.jpg")


def test_a_file_dropped_before_there_is_a_network_is_read_as_that_network_reads():
    read = []

    class Reader(FakeBackend):
        def view(self, _spec, example, _report_progress):
            read.append((example.kind, example.name))
            raise ExplorerError("It does not fit.")

        def random_example(self, _spec, _seed, _report_progress):
            read.append("random")
            raise ExplorerError("Nor does this.")

    async def dropped():
        session = Session(Model(), worker=Worker(lambda: Reader(networks={"mine": network_of_arrays})))
        session.show(b"numbers", "early.npy")
        await until(lambda: session.network and not session.busy)
        session.close()
        return session.error_message

    assert asyncio.run(dropped()) == "Nor does this."
    assert read == [("arrays", "early.npy"), "random"]


def test_a_first_picture_that_can_not_be_read_gives_way_to_a_sample_and_is_said():
    async def dropped():
        session = Session(worker=Worker(FakeBackend))
        session.show(b"bad", "early.jpg")
        await until(lambda: session.predictions and not session.busy)
        session.close()
        return session.example.name, session.error_message

    assert asyncio.run(dropped()) == ("digit_0.png", "early.jpg is not a picture.")


def test_every_example_is_settled_once_shown_or_refused():
    session = page()
    before = session.example_revision
    session.show(b"bad", "a.jpg")
    session.show(b"good", "b.jpg")
    assert session.example_revision == before + 2


def test_of_a_layer_that_is_looked_into_first_the_strongest_map_is_chosen():
    class Strong(FakeBackend):
        def feature_maps(self, spec, example, name, drawn, report_progress):
            maps = super().feature_maps(spec, example, name, drawn, report_progress)
            values = maps.values.copy()
            values[..., {"block1_conv": 1, "block1_relu": 3}.get(name, -1)] *= 9
            return replace(maps, values=values)

    session = page(Strong())
    assert (session.layer, session.channel) == ("block1_relu", 3)
    session.channel = 0
    session.show_sample("cat.jpg")
    assert session.channel == 0, "what was chosen stays for another picture"
    session.select("block1_conv")
    assert session.channel == 1
