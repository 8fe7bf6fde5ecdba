"""Models of the user's own on the dashboard: dropped, looked into, given data, taken away again."""

import io
import re

import numpy as np
import pytest
from pages import drop, go_to, levels, loaded, refused, tab

import explorer
from explorer.backend.runtime.keras import keras
from explorer.catalog import BUNDLED
from explorer.rendering import feature_maps

pytestmark = pytest.mark.browser
layers = keras.layers


@pytest.fixture
def page(visit):
    page = visit.page()
    yield page
    assert page.errors == []
    assert page.beyond == [], "nothing is asked of another server"


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a model as a .keras file."""

    def saved(model, name):
        model.save(tmp_path / name)
        return tmp_path / name

    return saved


def flowers():
    """A classifier around a nested backbone."""
    keras.utils.set_random_seed(0)
    picture = keras.Input((24, 32, 3))
    x = layers.Conv2D(6, 3, strides=2, name="conv")(picture)
    backbone = keras.Model(picture, layers.ReLU(name="relu")(x), name="backbone")
    inner = keras.Input((24, 32, 3), name="picture")
    x = backbone(layers.Rescaling(1 / 127.5, offset=-1, name="scaling")(inner))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inner, layers.Dense(3, activation="softmax", name="kind")(x), name="flowers")


def tweets():
    """Two inputs, an LSTM that is used twice, two outputs."""
    keras.utils.set_random_seed(0)
    one, other = keras.Input((5, 4), name="one"), keras.Input((5, 4), name="other")
    lstm = layers.LSTM(3, name="lstm")
    x = layers.concatenate([lstm(one), lstm(other)], name="both")
    outputs = [layers.Dense(1, activation="sigmoid", name="same")(x), layers.Dense(4, activation="softmax", name="topic")(x)]
    return keras.Model([one, other], outputs, name="tweets")


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def open_model(page, path):
    drop(page, path.read_bytes(), path.name)
    loaded(page, path.name)


def choose_file(page, button, name, data):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files({"name": name, "mimeType": "", "buffer": data})


def test_a_dropped_model_shows_the_layers_and_maps_of_its_nested_backbone(page, saved):
    path, cat = saved(flowers(), "nested.keras"), BUNDLED / "samples" / "cat.jpg"
    open_model(page, path)
    drop(page, cat.read_bytes(), "cat.jpg")
    page.locator(".explorer .caption", has_text="cat.jpg").wait_for()
    go_to(page, "backbone/relu")
    page.locator(".explorer .said", has_text="model.get_layer('backbone').get_layer('relu')").wait_for()
    page.locator(".explorer .about", has_text="backbone/relu, 11 × 15 × 6").wait_for()

    maps = explorer.load(path).feature_maps(cat, "backbone/relu")
    drawn, shown = feature_maps.mosaic(maps), levels(page)
    for index in range(6):
        row, column = divmod(index, drawn.columns)
        top, left = row * (drawn.height + feature_maps.GAP), column * (drawn.width + feature_maps.GAP)
        tile = shown[top : top + drawn.height, left : left + drawn.width][:: drawn.height // 11, :: drawn.width // 15]
        stretch = (feature_maps.LEVELS - 1) / (np.ptp(maps[..., index]) or 1)
        assert np.abs(tile - (maps[..., index] - maps[..., index].min()) * stretch).max() <= 1.01, index


def test_what_was_assumed_is_said_and_can_be_set(page, saved):
    open_model(page, saved(flowers(), "assumed.keras"))
    model = tab(page, "Model")
    model.get_by_text("Pixels go in as 0 to 255: the network scales them itself (scaling).").wait_for()
    model.get_by_text("Nothing says what its classes are called").wait_for()
    model.get_by_label("Names of the classes").fill("rose\ntulip\n")
    model.get_by_role("button", name="Apply").click()
    refused(page, "There are 2 labels; the network answers with 3 numbers.")
    model.get_by_label("Names of the classes").fill("rose\ntulip\ndaisy\n")
    model.get_by_label("Pictures are read as").select_option("tf")
    model.get_by_role("button", name="Apply").click()
    page.locator(".explorer.answers li.first", has_text=re.compile("rose|tulip|daisy")).wait_for()
    model.get_by_text("Pixels go in as").wait_for(state="hidden")
    assert model.get_by_label("Names of the classes").input_value() == "rose\ntulip\ndaisy"


def test_a_model_of_arrays_gets_random_values_and_files_and_shows_each_use_of_a_shared_layer(page, saved):
    open_model(page, saved(tweets(), "tweets.keras"))
    arrays = page.locator(".explorer .arrays figcaption")
    arrays.filter(has_text="one: 5 × 4, float32").wait_for()
    before = arrays.all_inner_texts()
    page.get_by_role("button", name="Random values").click()
    arrays.filter(has_not_text=before[0]).first.wait_for()
    drop(page, npz(one=np.full((5, 4), 2, "float32"), other=np.zeros((5, 4), "float32")), "values.npz")
    arrays.filter(has_text="one: 5 × 4, float32, 2 to 2").wait_for()
    page.get_by_role("combobox", name="Output").select_option("topic")
    page.locator(".explorer.answers li").nth(3).wait_for()
    go_to(page, "lstm:1")
    page.locator(".explorer .said", has_text="lstm:1").wait_for()
    page.locator(".explorer .about", has_text="lstm:1, 3").wait_for()
    facts = tab(page, "Model").get_by_role("region", name="The selected layer in Keras")
    facts.get_by_text("lstm:1, selected").wait_for()
    assert re.search(r"use\s+lstm\s+reads\s+one\s+input\s+5 × 4\s+output\s+3\s+use\s+lstm:1, selected\s+reads\s+other", facts.inner_text())


def test_data_that_does_not_fit_is_a_sentence_and_the_page_works_on(page, saved):
    open_model(page, saved(tweets(), "unfit.keras"))
    drop(page, npz(one=np.zeros((5, 4), "float32")), "half.npz")
    refused(page, "other")
    page.get_by_role("button", name="Random values").click()
    page.get_by_role("alert").wait_for(state="hidden")


def test_a_model_that_holds_code_is_refused_with_the_reason_and_the_way_to_allow_it(page, saved):
    before = page.locator(".explorer .pick b").inner_text()
    code = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x * 2, name="twice"), layers.Dense(2)])
    path = saved(code, "code.keras")
    drop(page, path.read_bytes(), path.name)
    refused(page, re.compile("code.keras.*Lambda.*"))
    assert page.locator(".explorer .pick b").inner_text() == before
    assert page.locator(".explorer.answers li.first").is_visible()


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_the_model_is_taken_away_and_opens_in_keras(page, saved, tmp_path, ending):
    model = flowers()
    open_model(page, saved(model, f"to take{ending}"))
    tab(page, "Model")
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Whole model ({ending})").click()
    assert download.value.suggested_filename == f"to_take{ending}"
    download.value.save_as(tmp_path / download.value.suggested_filename)
    again = keras.saving.load_model(tmp_path / download.value.suggested_filename)
    x = np.random.default_rng(0).random((2, 24, 32, 3), "float32")
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5)


def test_weights_are_loaded_by_name_and_the_report_says_which_layers_they_reached(page, saved, tmp_path):
    open_model(page, saved(flowers(), "weights.keras"))
    other = flowers()
    other = keras.Model(other.input, layers.Dense(5, name="other_kind")(other.layers[-2].output))
    other.save_weights(tmp_path / "other.weights.h5")
    data = (tmp_path / "other.weights.h5").read_bytes()
    model = tab(page, "Model")
    choose_file(page, "Choose weights…", "other.weights.h5", data)
    refused(page, "The weights in other.weights.h5 do not fit flowers")
    model.get_by_label("only into layers of the same name").check()
    choose_file(page, "Choose weights…", "other.weights.h5", data)
    report = model.get_by_role("region", name="Load weights")
    report.get_by_text("1 layer: backbone/conv").wait_for()
    report.get_by_text("1 layer: kind").wait_for()
    page.get_by_role("alert").wait_for(state="hidden")
    model.get_by_label("only into layers of the same name").uncheck()


def test_the_model_is_evaluated_on_a_file_of_examples_and_answers(page, saved):
    model = flowers()
    open_model(page, saved(model, "evaluated.keras"))
    x = np.random.default_rng(0).integers(0, 256, (6, 24, 32, 3)).astype("float32")
    y = model(x).numpy().argmax(axis=-1)
    tab(page, "Model")
    choose_file(page, "Choose data…", "data.npz", npz(x=x, y=y))
    page.get_by_role("region", name="Evaluate").get_by_text("accuracy").wait_for()
    assert re.search(r"accuracy\s+1\b", page.get_by_role("region", name="Evaluate").inner_text())
    choose_file(page, "Choose data…", "data.npz", npz(x=x[:, :5], y=y))
    refused(page, "reads examples of shape (24, 32, 3)")


def test_a_model_is_opened_by_its_path(page, saved):
    path = saved(flowers(), "by path.keras")
    model = tab(page, "Model")
    where = model.get_by_label("Path of its file")
    where.fill(str(path.with_name("nowhere.keras")))
    where.press("Enter")
    refused(page, "nowhere.keras")
    where.fill(str(path))
    where.press("Enter")
    loaded(page, "by path.keras")
    page.get_by_role("alert").wait_for(state="hidden")
