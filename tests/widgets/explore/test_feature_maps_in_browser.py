import numpy as np
import pytest
from fakes import FakeBackend, layer, sound_axes
from in_browser import focused, overflows, sent, show, trait

from explorer.state.session import Session
from explorer.values import Axis, FeatureMaps
from explorer.widgets.explore.feature_maps import FeatureMapsView
from explorer.worker.queue import InlineWorker

pytestmark = pytest.mark.browser


@pytest.fixture
def view():
    return FeatureMapsView(Session(worker=InlineWorker(FakeBackend)))


def sounding(view, shape, axes):
    values = np.random.default_rng(0).random(shape, np.float32)
    view.session.feature_maps = FeatureMaps(layer(0, "hum", "activation", "ReLU", "hum", shape), values, axes, 1, 2)


def test_a_click_and_the_arrow_keys_mean_cells_of_the_picture(page, view):
    sounding(view, (12, 30, 2), sound_axes(0, (12, 30, 2)))
    show(page, view)
    box = page.locator(".one img").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 21.5 / 30, box["y"] + box["height"] * 2.5 / 12)
    assert page.evaluate('window.model.get("cell")') == [2, 21]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert page.evaluate('window.model.get("cell")') == [1, 22]


def test_the_mark_of_a_tiny_cell_is_seen_and_lies_about_it(page, view):
    sounding(view, (48, 720, 1), sound_axes(0, (48, 720, 1)))
    view.cell = [12, 360]
    show(page, view)
    box, mark = (page.locator(where).bounding_box() for where in (".one", ".one .mark"))
    assert min(mark["width"], mark["height"]) >= 8
    assert mark["x"] + mark["width"] / 2 == pytest.approx(box["x"] + box["width"] * 360.5 / 720, abs=1)
    assert mark["y"] + mark["height"] / 2 == pytest.approx(box["y"] + box["height"] * 12.5 / 48, abs=1)


def test_slim_maps_are_wide_enough_to_hit(page, view):
    sounding(view, (3, 720, 12), sound_axes(0, (3, 720, 12)))
    show(page, view)
    for image in page.locator(".one img, .mosaic img").all():
        box = image.bounding_box()
        assert box["width"] / 8 < box["height"] < box["width"] * 3


def test_the_axes_lie_around_the_map(page, view):
    sounding(view, (8, 21, 3), sound_axes(4, (8, 21, 3)))
    show(page, view)
    box = page.locator(".one").bounding_box()
    assert page.locator(".axis.below span").all_inner_texts() == [text for _part, text in view.below]
    for (part, _text), tick in zip(view.left, page.locator(".axis.upright span").all(), strict=True):
        text = tick.bounding_box()
        assert text["y"] + text["height"] / 2 == pytest.approx(box["y"] + (1 - part) * box["height"], abs=2)
        assert text["x"] + text["width"] < box["x"]
    for tick in page.locator(".axis.below span").all():
        text = tick.bounding_box()
        assert box["x"] - 1 <= text["x"] < text["x"] + text["width"] <= box["x"] + box["width"] + 1
        assert text["y"] >= box["y"] + box["height"]
    assert page.get_by_text("Hz", exact=True).is_visible()


def test_pictures_and_steps_have_no_axes_around_them(page, view):
    show(page, view)
    assert page.locator(".axis").filter(visible=True).count() == 0
    sounding(view, (21, 9), (sound_axes(4)[1], Axis("unit", 9)))
    show(page, view)
    assert page.locator(".axis").filter(visible=True).count() == 1


def test_hovering_the_mosaic_names_a_map_without_asking_python(page, view):
    values = np.stack([np.full((6, 8), index, np.float32) * np.linspace(0, 1, 8, dtype=np.float32) for index in range(5)], -1)
    axes = tuple(Axis(name, size) for name, size in zip(("row", "column", "channel"), values.shape, strict=True))
    view.session.feature_maps = FeatureMaps(layer(0, "relu", "activation", "ReLU", "", values.shape), values, axes, 1, 2)
    show(page, view)
    grid, box = view.grid, page.locator(".mosaic img").bounding_box()
    for index in (4, 2):
        row, column = divmod(index, grid["columns"])
        page.mouse.move(box["x"] + box["width"] * (column + 0.5) / grid["columns"], box["y"] + box["height"] * (row + 0.5) / grid["rows"])
        assert page.locator(".tip").inner_text() == f"Map {index} · 0 to {index}"
    page.mouse.move(0, 0)
    assert page.locator(".tip").is_hidden()
    assert sent(page) == []


def test_hovering_the_bars_of_a_vector_names_a_unit(page, view):
    values = np.array([0.25, -3, 7], np.float32)
    view.session.feature_maps = FeatureMaps(layer(0, "dense", "dense", "Dense", "", (3,)), values, (Axis("unit", 3),), 1, 2)
    show(page, view)
    box = page.locator(".bars canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    assert page.locator(".tip").inner_text() == "Unit 1 · -3.00"
    assert page.get_by_role("button", name="Full screen").is_hidden()


def test_the_chosen_map_fills_the_screen_and_comes_back(page, view):
    show(page, view)
    small = page.locator(".one img").bounding_box()
    page.get_by_role("button", name="Full screen").click()
    large, window = page.locator(".one img").bounding_box(), page.viewport_size
    assert large["height"] > 0.6 * window["height"] or large["width"] > 0.9 * window["width"]
    assert large["y"] + large["height"] < window["height"]
    page.mouse.click(large["x"] + large["width"] * 6.5 / 8, large["y"] + large["height"] * 4.5 / 6)
    assert trait(page, "cell") == [4, 6]
    page.keyboard.press("PageDown")
    assert trait(page, "channel") == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()
    assert trait(page, "cell") == [4, 6], "Escape there means the screen"
    page.locator(".one img").wait_for()  # it is on its way back
    assert page.locator(".one img").bounding_box() == small
    page.get_by_role("slider", name="Feature maps").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close").click()
    assert page.locator("dialog").is_hidden()
    assert focused(page.get_by_role("button", name="Full screen"))


@pytest.mark.parametrize("shape", [(224, 224, 3), (224, 224, 1), (7, 7, 1280), (14, 14, 2), (96, 300, 2)], ids=str)
def test_the_mosaic_is_seen_as_a_whole_on_a_projector_too(page, view, shape):
    axes = tuple(Axis(name, size) for name, size in zip(("row", "column", "channel"), shape, strict=True))
    view.session.feature_maps = FeatureMaps(layer(0, "input", "input", "InputLayer", "", shape), np.ones(shape, np.float32), axes, 1, 2)
    page.set_viewport_size({"width": 1920, "height": 1080})
    show(page, view)
    box = page.locator(".mosaic img").bounding_box()
    assert box["height"] < 1080 * 0.9
    assert overflows(page, 1920) == []
