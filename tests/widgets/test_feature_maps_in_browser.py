import numpy as np
import pytest
from fakes import FakeBackend, layer, sound_axes
from in_browser import show

from explorer.session import Session
from explorer.values import Axis, FeatureMaps
from explorer.widgets.feature_maps import FeatureMapsView
from explorer.worker import InlineWorker

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
