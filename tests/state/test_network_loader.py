"""Which network is loaded: opening, offers, cancelling, models of the user's own, and what stays when something fails."""

import asyncio
import threading
import time

import pytest
from fakes import ARRAYS, OF_ARRAYS, FakeBackend, HeldBackend, network, network_of_arrays, until

from explorer.catalog.options import spec
from explorer.errors import Cancelled, ExplorerError
from explorer.state.session import Session
from explorer.values import AdoptedModel, Layer, Layers, ModelFile, Progress
from explorer.worker.queue import InlineWorker, Worker


class Model:
    """A live model of the user's own, as far as the session sees it."""

    name = "mine"


class Downloading(FakeBackend):
    """Downloads VGG16 until nobody wants it any more."""

    def __init__(self, **options):
        super().__init__(to_download=("VGG16",), **options)
        self.downloading, self.given_up = threading.Event(), threading.Event()

    def open(self, wanted, download, report_progress):
        if not download:
            return super().open(wanted, download, report_progress)
        deadline = time.monotonic() + 120
        try:
            while time.monotonic() < deadline:
                report_progress(Progress("Downloading: 40 of 528 MB", 0.08, cancellable=True))
                self.downloading.set()
                time.sleep(0.005)
        except Cancelled:
            self.given_up.set()
            raise
        raise AssertionError("nobody gave it up")


def page(backend=None, *source, **options):
    return Session(*source, worker=InlineWorker(lambda: backend or FakeBackend()), **options)


def opened(backend):
    return [what for method, what, *_rest in backend.asked if method == "open"]


def state(session):
    return session.network, session.example, session.predictions, session.feature_maps, session.layer, session.preprocessed


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.keras"
    path.write_bytes(b"a model")
    return path


def test_with_imagenet_weights_at_hand_a_page_opens_on_mobilenetv2():
    assert page(FakeBackend(locally_available=frozenset({"digits", "MobileNetV2"}))).network.spec == spec("MobileNetV2")
    assert page().network.spec == spec("digits")


def test_a_page_may_begin_with_an_architecture_a_file_or_a_live_model(file):
    assert page(None, "VGG16").network.spec == spec("VGG16")
    for source in (file, str(file)):
        assert page(None, source).network.spec.path == str(file)
    own = page(None, str(file), preprocess="tf", labels=["cat", "dog"]).network.spec
    assert (own.preprocess, own.labels) == ("tf", ("cat", "dog"))
    assert page(None, Model(), labels=["cat"]).network.spec.labels == ("cat",)


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("VGG17", {}, "Did you mean VGG19 or VGG16"),
        ("gone.keras", {}, "There is no model file gone.keras"),
        ("VGG16", {"preprocess": "tf"}, "preprocess is for models of your own"),
        ("VGG16", {"labels": ["cat"]}, "labels is for models of your own"),
        (Model(), {"preprocess": "pink"}, "preprocess must be 'tf'"),
        (Model(), {"labels": "cat"}, "labels must be a list"),
        ("digits", {"sample": "digit_11.png"}, "There is no sample 'digit_11.png'"),
    ],
)
def test_what_no_page_can_begin_with_is_refused_where_it_is_written(source, options, says):
    with pytest.raises(ExplorerError, match=says):
        page(None, source, **options)


def test_a_page_whose_weights_can_not_be_looked_for_opens_all_the_same():
    class Blind(FakeBackend):
        def locally_available(self, _report_progress):
            raise PermissionError("no entry")

    session = page(Blind())
    assert session.network.spec == spec("digits")
    assert "PermissionError" in session.error_message


def test_a_network_opens_with_its_options():
    session = page()
    session.open("MobileNet", alpha=0.5, include_top=False, weights=None)
    assert session.network.spec == spec("MobileNet", None, alpha=0.5, include_top=False)
    assert (session.error_message, session.loader.loading_spec, session.busy) == ("", None, False)


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("MobilNetV2", {}, "Did you mean MobileNetV2"),
        ("", {}, "neither an architecture nor a file"),
        ("x" * 5000, {}, "neither an architecture nor a file"),
        ("/nowhere/\0.keras", {}, "There is no model file"),
        ("~nobody-of-that-name/mine.keras", {}, "There is no model file"),
        ("VGG16", {"alpha": 0.5}, "VGG16 takes no alpha"),
        ("VGG16", {"classes": 7}, "weights=None"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_can_not_be_asked_for_is_a_sentence_and_changes_nothing(source, options, says):
    session = page()
    before = state(session)
    session.open(source, **options)
    assert says in session.error_message
    assert state(session) == before
    assert session.network.spec == spec("digits")
    assert (session.loader.loading_spec, session.busy) == (None, False)


def test_a_network_that_cannot_be_opened_leaves_the_page_as_it_was_and_says_why():
    session = page(FakeBackend(missing=("VGG16",)))
    before = state(session)
    session.open("VGG16")
    assert session.error_message == "The weights are not here."
    assert state(session) == before
    assert (session.loader.loading_spec, session.busy) == (None, False)
    session.open("ResNet50")
    assert (session.network.spec.architecture, session.error_message) == ("ResNet50", "")


def test_a_first_network_that_cannot_be_opened_gives_way_to_digits():
    session = page(FakeBackend(missing=("MobileNetV2",), locally_available=frozenset({"MobileNetV2"})))
    assert session.network.spec.architecture == "digits"
    assert session.error_message == "The weights are not here."


def test_where_nothing_can_be_opened_that_is_said_once():
    backend = FakeBackend(missing=("VGG16", "digits"))
    session = page(backend, "VGG16")
    assert opened(backend) == ["VGG16", "digits"]
    assert session.network is None
    assert session.error_message == "The weights are not here."
    assert (session.loader.loading_spec, session.busy) == (None, False)
    session.show(b"pixels", "mine.jpg")
    session.select(1)
    session.show_random()
    session.refresh()
    session.loader.read_as("tf")
    session.loader.cancel()
    session.open("ResNet50")
    assert (session.network.spec.name, session.example.name) == ("ResNet50", "mine.jpg")


def test_weights_that_are_not_here_are_offered_before_they_are_downloaded():
    backend = FakeBackend(to_download=("VGG16",))
    session = page(backend)
    before, failures = state(session), []
    session.errors.observe(lambda change: failures.append(change["new"]), "message")
    session.open("VGG16", include_top=False)
    assert session.loader.download_prompt == spec("VGG16", include_top=False)
    assert (session.loader.loading_spec, session.busy, failures) == (None, False, [])
    assert state(session) == before
    session.loader.download()
    assert (session.network.spec, session.loader.download_prompt) == (spec("VGG16", include_top=False), None)


def test_an_offer_may_be_declined():
    session = page(FakeBackend(to_download=("VGG16",)))
    session.open("VGG16")
    session.loader.decline()
    assert session.loader.download_prompt is None
    session.loader.download()
    session.loader.open_with_random_weights()
    assert session.network.spec.name == "digits"


def test_an_offer_may_be_answered_with_random_weights():
    session = page(FakeBackend(to_download=("VGG16",)))
    session.open("VGG16", input_shape=[224, 224, 3])
    session.loader.open_with_random_weights()
    assert session.network.spec == spec("VGG16", None, input_shape=(224, 224, 3))
    assert session.loader.download_prompt is None


def test_another_network_takes_the_offer_away():
    session = page(FakeBackend(to_download=("VGG16", "VGG19")))
    session.open("VGG16")
    session.open("VGG19")
    assert session.loader.download_prompt == spec("VGG19")
    session.open("ResNet50")
    assert (session.loader.download_prompt, session.network.spec.name) == (None, "ResNet50")


def test_a_first_network_that_would_have_to_be_downloaded_is_offered_beside_digits():
    session = page(FakeBackend(to_download=("VGG16",)), "VGG16")
    assert (session.network.spec, session.loader.download_prompt, session.error_message) == (spec("digits"), spec("VGG16"), "")
    session.loader.download()
    assert session.network.spec == spec("VGG16")


def test_a_download_that_fails_is_said_and_an_old_failure_is_not():
    backend = FakeBackend(to_download=("VGG16",), missing=("VGG16",))
    session = page(backend)
    session.open("VGG16")
    assert session.loader.download_prompt == spec("VGG16")
    session.open("nowhere.keras")
    assert "nowhere.keras" in session.error_message
    failures = []
    session.errors.observe(lambda change: failures.append(change["new"]), "message")
    session.loader.download()
    assert failures == ["", "The weights are not here."]
    assert (session.loader.download_prompt, session.network.spec.name) == (None, "digits")


def test_a_download_can_be_cancelled_and_ends():
    backend = Downloading()

    async def cancelled():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.predictions and not session.busy)
        before = state(session)
        session.open("VGG16")
        await until(lambda: session.loader.download_prompt)
        session.loader.download()
        await until(lambda: session.requests.status.cancellable)
        said = session.requests.status, session.busy, session.loader.loading_spec
        session.loader.cancel()
        at_once = session.loader.loading_spec, session.busy, session.requests.status.text
        await until(backend.given_up.is_set)
        session.show_sample("digit_7.png")  # the worker is free again
        await until(lambda: session.example.name == "digit_7.png")
        session.close()
        return session, before, said, at_once

    session, before, said, at_once = asyncio.run(cancelled())
    assert said == (Progress("Downloading: 40 of 528 MB", 0.08, cancellable=True), True, spec("VGG16"))
    assert at_once[:2] == (None, False)
    assert at_once[2].startswith("Ready.")
    assert (session.network, session.error_message) == (before[0], "")


def test_another_choice_ends_a_download_too():
    backend = Downloading()

    async def chosen():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.network and not session.busy)
        session.open("VGG16")
        await until(lambda: session.loader.download_prompt)
        session.loader.download()
        await until(backend.downloading.is_set)
        session.open("ResNet50")
        await until(lambda: session.network.spec.name == "ResNet50" and not session.busy)
        session.close()
        return session.error_message, session.loader.loading_spec

    assert asyncio.run(chosen()) == ("", None)
    assert backend.given_up.is_set()


def test_a_first_download_that_is_cancelled_gives_way_to_digits():
    class Straight(Downloading):
        def open(self, wanted, download, report_progress):
            return super().open(wanted, download or wanted == spec("VGG16"), report_progress)

    async def cancelled():
        session = Session("VGG16", worker=Worker(Straight))
        await until(lambda: session.requests.status.cancellable)
        session.loader.cancel()
        await until(lambda: session.network and not session.busy)
        session.close()
        return session.network.spec, session.error_message

    assert asyncio.run(cancelled()) == (spec("digits"), "")


def test_with_nothing_under_way_there_is_nothing_to_cancel():
    session = page()
    before = state(session)
    session.loader.cancel()
    assert state(session) == before


def test_the_last_of_many_choices_is_the_one_that_shows():
    backend = HeldBackend(held=("VGG16",), method="open")
    shown = []

    async def chosen():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.network and not session.busy)
        session.observe(lambda change: shown.append(change["new"].spec.name), "network")
        session.open("VGG16")
        await until(backend.holding.is_set)
        for name in ("VGG19", "ResNet50", "Xception"):
            session.open(name)
        backend.let_go.set()
        await until(lambda: session.network.spec.name == "Xception" and not session.busy)
        session.close()
        return session.loader.loading_spec

    assert asyncio.run(chosen()) is None
    assert shown == ["Xception"]
    assert opened(backend) == ["digits", "VGG16", "Xception"]


def test_what_the_worker_holds_and_what_is_at_hand_is_known_anew_after_each_network():
    backend = FakeBackend()
    session = page(backend)
    backend.here = frozenset({"digits", "VGG16"})
    session.open("VGG16")
    assert session.loader.loaded_models.networks == (("digits", 656), ("VGG16", 656))
    assert session.loader.locally_available == {"digits", "VGG16"}


def test_a_file_that_is_dropped_is_received_and_opened():
    backend = FakeBackend()
    session = page(backend)
    session.open("nowhere.keras")
    assert session.error_message
    session.loader.open_file(b"a model", "C:\\models\\cats.keras")
    assert ("receive", "cats.keras") in backend.asked
    assert session.network.spec == ModelFile("/somewhere/cats.keras", "1", "cats.keras")
    assert (session.error_message, session.loader.loading_spec, session.busy) == ("", None, False)


def test_a_file_that_is_no_model_is_said_and_leaves_the_page_as_it_was():
    session = page(FakeBackend(missing=("empty.h5",)))
    before = state(session)
    session.loader.open_file(b"bad", "notes.json")
    assert session.error_message == "notes.json is no Keras model."
    assert (session.loader.loading_spec, session.busy) == (None, False)
    assert state(session) == before
    session.loader.open_file(b"weights only", "empty.h5")
    assert session.error_message == "The weights are not here."
    assert state(session) == before


def test_a_file_dropped_while_another_network_is_opening_takes_its_place_even_if_it_is_none():
    backend = HeldBackend(held=("VGG16",), method="open")

    async def dropped():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.network and not session.busy)
        session.open("VGG16")
        await until(backend.holding.is_set)
        session.loader.open_file(b"bad", "notes.json")
        during = session.loader.loading_spec.name
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return during, session.loader.loading_spec, session.network.spec.name, session.error_message

    assert asyncio.run(dropped()) == ("notes.json", None, "digits", "notes.json is no Keras model.")


def test_a_page_is_busy_until_the_model_in_a_dropped_file_is_there():
    backend = HeldBackend(held=("cats.keras",), method="open")

    async def dropped():
        session = Session(worker=Worker(lambda: backend))
        await until(lambda: session.network and not session.busy)
        session.loader.open_file(b"a model", "cats.keras")
        await until(backend.holding.is_set)
        during = session.busy, session.loader.loading_spec.name
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return during, session.network.spec.name

    assert asyncio.run(dropped()) == ((True, "cats.keras"), "cats.keras")


def test_a_file_dropped_before_anything_is_there_is_what_the_page_begins_with():
    backend = FakeBackend()

    async def dropped():
        session = Session(worker=Worker(lambda: backend))
        session.loader.open_file(b"a model", "cats.keras")
        await until(lambda: session.network and not session.busy)
        session.close()
        return session.network.spec.name

    assert asyncio.run(dropped()) == "cats.keras"
    assert opened(backend) == ["cats.keras"]


def test_a_live_model_is_handed_over_and_opened():
    backend, model = FakeBackend(), Model()
    session = page(backend)
    session.register_live_model(model, preprocess="tf", labels=["cat", "dog"])
    adopted = session.network.spec
    assert (adopted.name, adopted.version, adopted.preprocess, adopted.labels) == ("mine", 0, "tf", ("cat", "dog"))
    assert ("register_live_model", adopted, model, None) in backend.asked


def test_a_function_that_prepares_pictures_goes_with_the_model_and_not_with_its_spec():
    backend, model = FakeBackend(), Model()
    session = page(backend)
    session.register_live_model(model, preprocess=abs)
    assert ("register_live_model", session.network.spec, model, abs) in backend.asked
    assert session.network.spec.preprocess is None
    hash(session.network.spec)


@pytest.mark.parametrize("name", [None, 7])
def test_a_model_without_a_proper_name_is_called_by_its_class(name):
    session = page()
    session.register_live_model(type("Own", (), {"name": name})())
    assert session.network.spec.name == "Own"


def test_models_are_told_apart_also_where_they_are_called_the_same():
    session = page()
    session.register_live_model(Model())
    first = session.network.spec
    session.register_live_model(Model())
    assert (session.network.spec.name, first.name) == ("mine", "mine")
    assert session.network.spec != first


@pytest.mark.parametrize(
    ("options", "says"),
    [({"preprocess": "pink"}, "preprocess must be"), ({"labels": ["cat", 3]}, "labels must be a list of texts")],
    ids=str,
)
def test_a_model_that_is_adopted_wrongly_is_a_sentence_and_changes_nothing(options, says):
    backend = FakeBackend()
    session = page(backend)
    before = state(session)
    backend.asked.clear()
    session.register_live_model(Model(), **options)
    assert says in session.error_message
    assert state(session) == before
    assert backend.asked == []


def test_a_model_that_can_not_be_adopted_says_why_and_the_one_before_can_still_be_refreshed():
    backend, good, bad = FakeBackend(missing=("Odd",)), Model(), type("Odd", (), {})()
    session = page(backend)
    session.register_live_model(good)
    session.register_live_model(bad)
    assert session.error_message == "The weights are not here."
    assert session.network.spec.name == "mine"
    session.refresh()
    assert (session.network.spec.version, session.error_message) == (1, "")
    assert ("register_live_model", session.network.spec, good, None) in backend.asked


def test_refreshing_hands_the_model_over_again_and_keeps_what_is_chosen():
    backend, model = FakeBackend(), Model()
    session = page(backend)
    session.register_live_model(model)
    session.show(b"pixels", "holiday.jpg")
    session.select("block1_conv")
    session.channel, session.cell, session.top = 3, (1, 7), 2
    session.refresh()
    assert session.network.spec.version == 1
    assert ("register_live_model", session.network.spec, model, None) in backend.asked
    assert (session.example.name, session.layer, session.channel, session.cell, session.top) == ("holiday.jpg", "block1_conv", 3, (1, 7), 2)
    assert session.region is not None
    assert len(session.predictions.predictions) == 2


def test_only_a_live_model_can_be_refreshed(file):
    for source in ("digits", file):
        backend = FakeBackend()
        session = page(backend, source)
        backend.asked.clear()
        session.refresh()
        assert backend.asked == []


def test_a_model_of_the_users_own_can_be_read_otherwise_without_being_handed_over_again(file):
    backend = FakeBackend()
    session = page(backend, Model())
    backend.asked.clear()
    session.loader.read_as("caffe", ["a", "b", "c", "d"])
    assert (session.network.spec.preprocess, session.network.spec.labels) == ("caffe", ("a", "b", "c", "d"))
    assert [method for method, *_rest in backend.asked][:1] == ["open"]
    session = page(None, file)
    session.loader.read_as("unit")
    assert (session.network.spec.preprocess, session.network.spec.name) == ("unit", "mine.keras")
    session.loader.read_as(None)
    assert session.network.spec.preprocess is None


def test_what_a_model_can_not_be_read_as_is_a_sentence(file):
    session = page(None, file)
    session.loader.read_as("pink")
    assert "preprocess must be 'tf'" in session.error_message
    session.loader.read_as("tf", "cat")
    assert "labels must be a list of texts" in session.error_message
    assert session.network.spec.preprocess is None


def test_an_architecture_of_the_table_is_read_as_it_was_trained():
    backend = FakeBackend()
    session = page(backend)
    backend.asked.clear()
    session.loader.read_as("tf")
    assert (backend.asked, session.error_message) == ([], "")


def test_the_layer_stays_when_a_network_is_built_with_other_options_and_begins_anew_for_another():
    session = page(None, "MobileNet")
    session.select("block1_conv")
    session.open("MobileNet", alpha=0.5)
    assert (session.layer, session.feature_maps.layer.name) == ("block1_conv", "block1_conv")
    session.open("VGG16")
    assert (session.layer, session.feature_maps.layer.name) == ("block1_relu", "block1_relu")


def test_a_layer_that_a_network_built_anew_has_no_more_gives_way_to_the_first_worth_looking_at():
    backend = FakeBackend()
    session = page(backend)
    session.select("predictions")
    backend.networks["digits"] = lambda spec: network(spec, layers=Layers(session.network.layers[:3]))
    session.open("digits", weights=None)
    assert (session.layer, session.feature_maps.layer.name, session.error_message) == ("block1_relu", "block1_relu", "")
    assert session.channel == 0


def test_a_model_without_any_layer_opens_all_the_same():
    session = page(FakeBackend(networks={"mine": lambda spec: network(spec, layers=Layers([]))}))
    session.register_live_model(Model())
    assert (session.network.spec.name, session.layer, session.feature_maps, session.error_message) == ("mine", "", None, "")
    session.select(0)
    assert session.error_message == "This network has no layers."
    session.open("VGG16")
    assert session.layer == "block1_relu"


def test_a_network_of_dense_layers_is_first_looked_at_behind_its_inputs():
    session = page(FakeBackend(networks={"mine": network_of_arrays}))
    session.register_live_model(Model())
    assert (session.network.input_spec, session.network.layers) == (ARRAYS, OF_ARRAYS)
    assert session.layer == "lstm"


def test_a_layer_that_the_network_does_not_run_is_not_the_first_to_be_looked_at():
    never_run = Layer(0, "never_run", "convolution", "Conv2D", "", (), 9)
    session = page(FakeBackend(networks={"mine": lambda spec: network(spec, ARRAYS, Layers([never_run, *OF_ARRAYS]))}))
    session.register_live_model(Model())
    assert session.layer == "lstm"


def test_an_adopted_model_is_told_from_the_files_of_the_same_name(file):
    session = page(None, file)
    session.register_live_model(type("Model", (), {"name": "mine.keras"})())
    assert isinstance(session.network.spec, AdoptedModel)


def test_a_page_that_was_closed_opens_its_network_again_when_something_is_asked():
    backend = FakeBackend()
    session = page(backend, "VGG16")
    before = session.network.spec, session.example, session.layer
    session.close()
    session.close()
    assert session.feature_maps is None
    del backend.asked[:]
    session.select("predictions")
    assert opened(backend) == ["VGG16"]
    assert (session.network.spec, session.example) == before[:2]
    assert session.feature_maps.layer.name == "predictions"
    assert (session.error_message, session.busy) == ("", False)
    del backend.asked[:]
    session.select("block1_relu")
    assert opened(backend) == []


def test_a_live_model_is_handed_over_again_after_that():
    backend, model = FakeBackend(), Model()
    session = page(backend, model)
    session.close()
    del backend.asked[:]
    session.show_sample("cat.jpg")
    adopted = session.network.spec
    assert backend.asked[:2] == [("register_live_model", adopted, model, None), ("open", "mine")]


def test_a_page_that_is_closed_while_a_network_is_on_its_way_brings_that_one():
    backend = HeldBackend(held=("VGG16",), method="open")

    async def closed():
        session = Session("VGG16", worker=Worker(lambda: backend))
        await until(backend.holding.is_set)
        session.close()
        during = session.loader.loading_spec, session.busy
        backend.let_go.set()
        session.requests.cancel("nothing")
        session.requests.submit("locally available", FakeBackend.locally_available, on_success=lambda _names: None)
        await until(lambda: session.network and not session.busy)
        session.close()
        return during, session.network.spec.name

    assert asyncio.run(closed()) == ((None, False), "VGG16")
