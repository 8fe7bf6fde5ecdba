import io
from dataclasses import replace

import numpy as np
import pytest
from fakes import INPUT, PICTURES, network_of_arrays, network_of_sound
from messages import palette, says, sent, upload
from PIL import Image

from explorer.catalog.options import MODEL_ENDINGS
from explorer.values import PreprocessedInput, Region, Span
from explorer.widgets.explore.input import SIDE, InputView

EMPTY = np.zeros((0, 0), np.uint8)


@pytest.fixture
def view(session):
    return InputView(session)


def drawn(view, session, array, name="x"):
    """Return the text and the picture of an array that the network gets."""
    session.preprocessed = PreprocessedInput(EMPTY, EMPTY, (), (), aligned=False, arrays=((name, array),))
    assert session.error_message == ""
    (one,) = view.arrays
    return one["text"], one["picture"]


def test_it_shows_both_pictures_and_marks_the_region(view, session):
    assert Image.open(io.BytesIO(view.original)).size == (24, 12)
    assert Image.open(io.BytesIO(view.preprocessed)).size == (16, 12)
    assert (view.original_text, view.preprocessed_text) == ("digit_0.png, 24 × 12 pixels", "16 × 12 pixels")
    session.cell = (1, 7)
    assert view.mark == {"top": 2 / 12, "height": 2 / 12, "left": 14 / 16, "width": 2 / 16}
    session.cell = None
    assert view.mark == {}


def test_what_the_browser_refuses_is_said_in_its_words(view, session):
    says(view, {"refuse": "There is no picture to paste."})
    assert session.error_message == "There is no picture to paste."


def test_a_sample_chosen_during_an_upload_ends_it(view, session):
    predictions = sent(view)
    says(view, {"upload": "u", "part": 0, "count": 2, "size": 2, "name": "slow.jpg"}, b"1")
    says(view, {"sample": "digit_5.png"})
    says(view, {"upload": "u", "part": 1, "count": 2, "size": 2, "name": "slow.jpg"}, b"2")
    assert predictions[-1]["error"] == "overtaken"
    assert session.example.name == "digit_5.png"


def test_every_example_is_settled_once(view, session):
    before = view.example_revision
    upload(view, b"bad", "notes.jpg")
    upload(view, b"pixels", "cat.jpg")
    assert view.example_revision == session.example_revision == before + 2


@pytest.mark.parametrize("name", ["cats.keras", "Cats.H5", "old.hdf5", "topology.json", "topology.yaml", "C:\\models\\cats.keras"])
def test_a_model_that_is_dropped_is_opened_and_not_taken_for_a_picture(view, session, name):
    upload(view, b"a model", name)
    assert session.network.spec.name == name.rpartition("\\")[2]
    assert session.example.name != name
    assert session.error_message == ""


def test_a_file_that_is_no_model_whatever_its_name_is_said(view, session):
    before = session.network, session.example
    upload(view, b"bad", "notes.json")
    assert session.error_message == "notes.json is no Keras model."
    assert (session.network, session.example) == before


def test_the_endings_of_models_go_to_the_browser(view):
    assert tuple(view.texts["models"]) == MODEL_ENDINGS


def test_arrays_take_the_place_of_pictures(view, page_of):
    session = page_of(network_of_arrays)
    session.cell = (1, 1)
    assert (view.kind, view.original, view.preprocessed, view.samples, view.mark) == ("arrays", b"", b"", [], {})
    assert view.original_text == "random values, seed 0"
    steps, age = view.arrays
    assert steps["text"].startswith("steps: 6 × 3, float32, ")
    assert age["text"] == "age: 1, int32, 40 to 40"
    assert palette(steps["picture"]).shape == (6, 3)
    assert palette(age["picture"]).shape == (1, 1)


def test_where_an_input_among_arrays_reads_pictures_the_page_says_so(view, page_of):
    page_of(network_of_arrays)
    assert not view.mixed
    mixed = replace(network_of_arrays(None).input_spec, pictures=(PICTURES, None))
    page_of(lambda spec: replace(network_of_arrays(spec), input_spec=mixed))
    assert view.mixed


def test_pixels_among_arrays_are_drawn_as_a_picture(view, session):
    text, picture = drawn(view, session, np.arange(60.0).reshape(4, 5, 3))
    assert text.startswith("x: 4 × 5 × 3, ")
    assert palette(picture).shape == (4, 5)


def test_a_sound_is_taken_in_here_and_shown_elsewhere(view, page_of):
    session = page_of(network_of_sound)
    upload(view, b"RIFF", "song.wav")
    assert (session.example.kind, session.example.data, session.example.name) == ("audio", b"RIFF", "song.wav")
    assert (view.kind, view.original, view.preprocessed, view.original_text, view.preprocessed_text, view.notes, view.arrays) == (
        "audio",
        b"",
        b"",
        "",
        "",
        [],
        [],
    )
    assert session.error_message == ""


def test_samples_of_sounds_have_no_picture(view, page_of):
    session = page_of(lambda spec: replace(network_of_sound(spec), samples=("melody.ogg", "drums.ogg")))
    assert view.samples == [{"name": "melody.ogg", "picture": b""}, {"name": "drums.ogg", "picture": b""}]
    session.open("VGG16")
    assert all(sample["picture"] for sample in view.samples)


def test_what_a_cell_hears_is_no_mark_on_a_picture(view, page_of):
    session = page_of(network_of_sound)
    session.cell = (1, 2)
    assert [span.unit for span in session.region.spans] == ["Hz", "s"]
    assert (view.mark, session.error_message) == ({}, "")


def test_a_region_that_is_bounded_along_one_axis_goes_from_edge_to_edge_along_the_other(view, session):
    session.region = Region((Span("column", "pixel", 4, 8),))
    assert view.mark == {"left": 4 / INPUT[1].stop, "width": 4 / INPUT[1].stop, "top": 0, "height": 1}
    session.region = Region((Span("row", "pixel", 3, 9),))
    assert view.mark == {"left": 0, "width": 1, "top": 3 / INPUT[0].stop, "height": 6 / INPUT[0].stop}


def test_other_random_values_come_with_each_press(view, page_of):
    session = page_of(network_of_arrays)
    for seed in (1, 2):
        says(view, {"random": True})
        assert session.example.name == f"random values, seed {seed}"


@pytest.mark.parametrize("before", [network_of_arrays, network_of_sound])
def test_pictures_come_back_with_a_network_that_reads_them(view, page_of, before):
    session = page_of(before)
    session.open("VGG16")
    assert (view.kind, view.arrays, view.original_text) == ("image", [], "cat.jpg, 24 × 12 pixels")
    assert view.original
    assert view.samples


def test_nothing_of_a_picture_stays_before_a_network_of_arrays_that_has_nothing_to_show(view, backend, page_of):
    def refuse(*_arguments):
        raise ValueError("no room")

    backend.random_example = refuse
    session = page_of(network_of_arrays)
    assert session.error_message
    assert (view.original, view.preprocessed, view.original_text, view.preprocessed_text, view.arrays, view.mark) == (
        b"",
        b"",
        "",
        "",
        [],
        {},
    )


@pytest.mark.parametrize(
    ("shape", "pixels"),
    [((), (1, 1)), ((7,), (1, 7)), ((2, 3), (2, 3)), ((4, 2, 5), (8, 5)), ((2, 3, 4, 5), (24, 5)), ((1, 1, 1), (1, 1))],
    ids=str,
)
def test_an_array_of_any_shape_is_a_picture_with_further_axes_below_each_other(view, session, shape, pixels):
    values = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    text, picture = drawn(view, session, values)
    assert text == f"x: {' × '.join(map(str, shape)) or '1'}, float32, 0 to {values.max():.3g}"
    entries = palette(picture).astype(int)
    assert entries.shape == pixels
    assert np.abs(entries - values.reshape(pixels) / max(values.max(), 1) * 254).max() <= 1


@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0), (0, 0, 3), (2, 0, 3)], ids=str)
def test_an_array_without_values_is_only_said(view, session, shape):
    text, picture = drawn(view, session, np.zeros(shape, np.float32))
    assert text == f"x: {' × '.join(map(str, shape))}, float32, 0 to 0"
    assert picture == b""


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64", ">f4"])
def test_an_array_of_any_type_of_numbers_is_drawn(view, session, dtype):
    text, picture = drawn(view, session, np.array([[0, 1], [1, 0]], dtype))
    assert text.endswith(f"{np.dtype(dtype)}, 0 to 1")
    assert palette(picture).tolist() == [[0, 254], [254, 0]]


def test_the_ends_of_floats_are_drawn_without_a_warning(view, session):
    _text, picture = drawn(view, session, np.array([-1e300, 0, 1e300]))
    assert palette(picture).tolist() == [[0, 127, 254]]


def test_a_large_array_is_thinned_out(view, session):
    _text, picture = drawn(view, session, np.zeros((3000, 5000), np.float32))
    rows, columns = palette(picture).shape
    assert rows <= SIDE
    assert columns <= SIDE


def test_a_picture_in_grey_and_one_of_another_frame_are_shown_too(view, session):
    grey = np.full((8, 8), 90, np.uint8)
    session.preprocessed = PreprocessedInput(grey, grey, (8, 8), (), aligned=False, notes=("Cut to the ink.",))
    assert (view.aligned, view.notes, view.arrays, session.error_message) == (False, ["Cut to the ink."], [], "")
    assert Image.open(io.BytesIO(view.original)).mode == "L"
