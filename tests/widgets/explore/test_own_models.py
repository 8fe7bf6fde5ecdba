"""The whole page, with Keras behind it, on models of the user's own of every kind: nothing that they read or answer breaks a view."""

import numpy as np
import own_models
import pytest
from messages import says, upload

from explorer.backend.service import Backend
from explorer.state.session import Session
from explorer.widgets.explore.architecture_picker import ArchitecturePicker
from explorer.widgets.explore.feature_maps import FeatureMapsView
from explorer.widgets.explore.input import InputView
from explorer.widgets.explore.layer_strip import LayerStrip
from explorer.widgets.explore.model_tools import ModelToolsView
from explorer.widgets.explore.network_options import NetworkOptionsView
from explorer.widgets.explore.predictions import PredictionsView
from explorer.widgets.explore.status import StatusView
from explorer.worker.queue import InlineWorker

KINDS = [
    *(own_models.sequential, own_models.siamese, own_models.nested, own_models.timed, own_models.named_ends, own_models.open_steps),
    *(own_models.words, own_models.states, own_models.blocks, own_models.reader, own_models.branches),
]


class Page:
    """A page with every view over one session."""

    def __init__(self, *source, **options):
        self.session = Session(*source, worker=InlineWorker(Backend), **options)
        self.strip, self.maps = LayerStrip(self.session), FeatureMapsView(self.session)
        self.input, self.predictions = InputView(self.session), PredictionsView(self.session)
        self.others = [view(self.session) for view in (ArchitecturePicker, ModelToolsView, NetworkOptionsView, StatusView)]


@pytest.fixture(scope="module")
def page():
    return Page("digits")


def pictures(scale=1.0):
    layers = own_models.keras.layers
    one = own_models.keras.Sequential([layers.Input((8, 10, 3)), layers.Flatten(), layers.Dense(2, name="all")], name="pictures")
    one.set_weights([np.full((240, 2), scale / 240), np.zeros(2)])
    return one


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_every_layer_and_every_output_of_a_model_shows(page, make):
    session = page.session
    session.register_live_model(model := make())
    assert (session.network.spec.name, session.error_message, session.busy) == (model.name, "", False)
    assert bool(page.input.original) != bool(page.input.arrays)
    assert len(page.strip.layers) == len(session.network.layers.rows)
    for place, row in enumerate(session.network.layers.rows):
        page.strip.layer = place
        if "never" in row.name:
            assert session.error_message == f"The network does not run its layer {row.name}."
            continue
        assert (session.feature_maps.layer.name, session.error_message) == (row.name, "")
        page.maps.channel = session.feature_maps.count - 1
        page.maps.cell = [size - 1 for size in page.maps.cells]
        assert (page.maps.channel, page.maps.cell) == (session.feature_maps.count - 1, [size - 1 for size in page.maps.cells])
        assert page.maps.facts[-1][1]
    for output, classes in enumerate(session.network.classes):
        page.predictions.output = output
        assert (len(page.predictions.predictions), session.error_message) == (min(session.top, classes), "")


def test_a_model_is_shown_as_it_was_copied_until_it_is_copied_again():
    model = pictures()
    session = Session(model, preprocess="unit", worker=InlineWorker(Backend))
    before = session.predictions
    model.set_weights([np.full((240, 2), 3 / 240), np.zeros(2)])
    session.show_again()
    assert session.predictions == before
    session.refresh()
    assert session.predictions.predictions[0].score == pytest.approx(3 * before.predictions[0].score, rel=1e-4)


def test_how_pictures_are_read_can_be_chosen_over_what_the_model_came_with():
    session = Session(pictures(), preprocess=lambda pixels: pixels * 0, worker=InlineWorker(Backend))
    assert [one.score for one in session.predictions.predictions] == [0, 0]
    session.loader.read_as("none", ["cat", "dog"])
    assert session.error_message == ""
    assert session.network.input_spec.preprocess_mode == "none"
    assert session.predictions.predictions[0].score > 1
    assert {one.label for one in session.predictions.predictions} == {"cat", "dog"}
    session.loader.read_as("none", ["cat"])
    assert session.error_message == "There is 1 label; the network answers with 2 numbers."
    assert session.network.spec.labels == ("cat", "dog")
    session.loader.read_as(None)
    assert [one.score for one in session.predictions.predictions] == [0, 0], "what it came with"


@pytest.mark.parametrize(
    ("source", "says_why"),
    [(42, "int is no Keras model"), ("not a model", "str is no Keras model"), (own_models.Blocks, "type is no Keras model")],
    ids=["a number", "a text", "a class"],
)
def test_what_is_no_model_is_not_adopted_and_the_page_says_why(page, source, says_why):
    before = page.session.network
    page.session.register_live_model(source)
    assert says_why in page.session.error_message
    assert page.session.network is before


def test_a_model_that_was_never_called_is_not_adopted_and_the_page_says_why(page):
    before = page.session.network
    page.session.register_live_model(own_models.Reader())
    assert "reader has not been called yet" in page.session.error_message
    assert page.session.network is before


def test_a_model_without_layers_or_whose_answers_are_no_numbers_shows_as_well(page):
    class Twice(own_models.keras.Model):
        def call(self, x):
            return x * np.nan

    page.session.register_live_model(own_models.called(Twice(name="twice"), np.zeros((1, 3), np.float32)))
    assert page.session.network.spec.name == "twice"
    assert page.session.error_message.startswith("The output of twice is not a number (NaN), or infinite.")
    assert not page.predictions.predictions
    assert page.strip.layers == []
    assert page.maps.title == ""


def test_arrays_come_from_files_and_what_does_not_fit_is_said(page, tmp_path):
    page.session.register_live_model(own_models.siamese())
    both = {"first": np.ones((5, 4)), "second": np.full((5, 4), 2.0)}
    np.savez(tmp_path / "both.npz", **both)
    np.save(tmp_path / "one.npy", both["first"])
    upload(page.input, (tmp_path / "both.npz").read_bytes(), "both.npz")
    assert (page.input.original_text, page.session.error_message) == ("both.npz", "")
    assert [one["text"] for one in page.input.arrays] == ["first: 5 × 4, float32, 1 to 1", "second: 5 × 4, float32, 2 to 2"]
    for name, data in (("one.npy", (tmp_path / "one.npy").read_bytes()), ("cut.npz", b"PK\3\4cut"), ("picture.png", b"\x89PNG")):
        upload(page.input, data, name)
        assert name in page.session.error_message
        assert page.input.original_text == "both.npz"
    says(page.input, {"random": True})
    assert page.session.error_message == ""
    assert page.input.original_text.startswith("random values, seed ")


def test_no_steps_at_all_break_no_view(page, tmp_path):
    page.session.register_live_model(own_models.open_steps())
    np.save(tmp_path / "none.npy", np.zeros((0, 4)))
    upload(page.input, (tmp_path / "none.npy").read_bytes(), "none.npy")
    assert "explorer itself" not in page.session.error_message


def test_a_dropped_model_file_is_opened_and_one_that_is_none_is_said(page, tmp_path):
    own_models.nested().save(tmp_path / "nested.keras")
    upload(page.input, (tmp_path / "nested.keras").read_bytes(), "nested.keras")
    assert (page.session.network.spec.name, page.session.error_message) == ("nested.keras", "")
    assert page.input.original
    upload(page.input, b"no model", "notes.h5")
    assert "notes.h5" in page.session.error_message
    assert page.session.network.spec.name == "nested.keras"
    page.session.loader.read_as("torch", ["cat", "dog"])
    assert (page.session.network.input_spec.preprocess_mode, page.session.error_message) == ("torch", "")


def test_the_layer_chosen_survives_a_model_copied_again_and_gives_way_to_one_of_another_model(page):
    page.session.register_live_model(own_models.nested())
    page.session.select("backbone/stem/conv")
    page.maps.channel, page.maps.cell = 3, [4, 5]
    page.session.refresh()
    assert (page.session.layer, page.maps.channel, page.maps.cell) == ("backbone/stem/conv", 3, [4, 5])
    page.session.open("digits")
    assert (page.session.layer, page.session.error_message) == ("block1_relu", "")
