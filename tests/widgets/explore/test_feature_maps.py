import json

import numpy as np
import pytest
from fakes import LABELS, LAYERS, OF_ARRAYS, layer, maps_of, network_of_arrays
from messages import palette

from explorer.rendering import feature_maps
from explorer.values import Axis, FeatureMaps
from explorer.widgets.explore.feature_maps import FeatureMapsView


@pytest.fixture
def view(session):
    return FeatureMapsView(session)


def level(values):
    low, high = values.min(), values.max()
    return np.round((values - low) / (high - low) * (feature_maps.LEVELS - 1))


def show(session, values, axes, labels=()):
    """Show what a layer answers: values, float32, with the names of their axes."""
    row = layer(0, "odd", "other", "Odd", "", values.shape)
    named = tuple(Axis(name, size) for name, size in zip(axes, values.shape, strict=True))
    session.feature_maps = FeatureMaps(row, values.astype(np.float32), named, 1, 2, labels)


def test_the_mosaic_shows_every_map_on_its_own_scale_or_all_on_one(view, session):
    maps, grid = maps_of(LAYERS[2]), view.grid
    assert view.title == "5 feature maps"
    assert "2 · block1_relu, 6 × 8 × 5, values -1 to 2" in view.about
    assert view.memory == "3.0 of 256 MB of activations remembered"
    for alike in (False, True):
        view.alike = alike
        shown = palette(view.mosaic)
        for index in range(grid["count"]):
            row, column = divmod(index, grid["columns"])
            top, left = row * (grid["height"] + grid["gap"]), column * (grid["width"] + grid["gap"])
            tile = shown[top : top + grid["height"] : grid["height"] // 6, left : left + grid["width"] : grid["width"] // 8]
            expected = (level(maps) if alike else np.stack([level(maps[..., one]) for one in range(5)], -1))[..., index]
            assert np.abs(tile.astype(int) - expected).max() <= 1
    assert view.ends == ["-1", "2"]
    assert view.ranges[1] == f"{feature_maps.short(maps[..., 1].min())} to {feature_maps.short(maps[..., 1].max())}"


def test_a_chosen_map_is_enlarged_and_a_chosen_cell_is_read_off(view, session):
    view.channel = 3
    assert session.channel == 3
    assert (view.one_title, view.cells) == ("Map 3", [6, 8])
    assert np.abs(palette(view.one).astype(int) - level(maps_of(LAYERS[2])[..., 3])).max() <= 1
    view.cell = [4, 6]
    assert session.cell == (4, 6)
    cell, value, sees = view.facts
    assert cell == ["cell", "row 4, column 6"]
    assert float(value[1]) == pytest.approx(maps_of(LAYERS[2])[4, 6, 3], abs=0.01)
    assert sees == ["sees", "rows 8 to 10, columns 12 to 14"]
    assert (view.left, view.below, view.hint) == ([], [], "Click a cell to see its value and its place on the input.")
    view.cell = []
    assert session.cell is None
    assert view.facts == []


def test_a_dense_layer_is_drawn_as_units_with_the_class_each_stands_for(view, session):
    session.select("predictions")
    assert (view.title, view.mosaic, view.grid) == ("4 units", b"", {})
    assert (np.frombuffer(view.values, np.float32) == maps_of(LAYERS[3])).all()
    assert dict(view.facts)["class"] == LABELS[3]
    view.channel = 0
    assert dict(view.facts)["class"] == "red fox"


def test_steps_by_units_are_one_map_whose_cells_lie_nowhere_on_the_input(view, page_of):
    session = page_of(network_of_arrays)
    assert session.layer == "lstm"
    assert (view.title, view.grid["count"], view.cells) == ("1 feature map", 1, [6, 5])
    assert "1 · lstm, 6 × 5, values -1 to 2" in view.about
    view.cell = [2, 4]
    assert view.facts == [["cell", "step 2, unit 4"], ["value", feature_maps.short(maps_of(OF_ARRAYS[1])[2, 4])]]
    assert np.abs(palette(view.one).astype(int) - level(maps_of(OF_ARRAYS[1]))).max() <= 1


HZ = Axis("frequency", 4, "Hz", 0, 4000, scale=(0, 500, 1000, 2000, 4000), upward=True, fields=((0, 1000), (500, 2000), (1000, 4000), None))
SECONDS = Axis("time", 6, "s", -0.01, 2.99, fields=tuple((step / 2 - 0.01, step / 2 + 0.99) for step in range(6)))


def sounding(session, *axes):
    """Show maps whose values tell their places: a thousand for each cell of the first axis, one for each of the second."""
    values = np.add.outer(1000 * np.arange(axes[0].size), np.arange(axes[1].size)).astype(np.float32)
    values = values[..., None] if len(axes) > 2 else values
    session.cell = None  # as when a layer is selected
    session.feature_maps = FeatureMaps(layer(0, "odd", "other", "Odd", "", values.shape), values, axes, 1, 2)
    return values


def test_low_frequencies_are_drawn_at_the_bottom_and_a_click_there_means_them(view, session):
    values = sounding(session, HZ, SECONDS, Axis("channel", 1))[..., 0]
    assert view.cells == [4, 6]
    assert np.array_equal(palette(view.one), level(values[::-1]))
    assert np.array_equal(palette(view.mosaic)[:: view.grid["height"] // 4, :: view.grid["width"] // 6], level(values[::-1]))
    view.cell = [3, 5]
    assert session.cell == (0, 5)
    assert view.facts == [["cell", "frame 5, band 0"], ["value", "5"], ["sees", "2.49 s to 3.49 s, 0 to 1000 Hz"]]
    session.cell = (2, 0)
    assert view.cell == [1, 0]
    assert view.facts == [["cell", "frame 0, band 2"], ["value", "2000"], ["sees", "0.00 s to 0.99 s, 1000 to 4000 Hz"]]


def test_a_cell_of_the_padding_sees_nothing(view, session):
    sounding(session, HZ, SECONDS, Axis("channel", 1))
    view.cell = [0, 2]
    assert session.cell == (3, 2)
    assert view.facts[2:] == [["sees", "nothing of the input: it lies in the padding"]]


def test_maps_of_sound_have_their_axes_around_them(view, session):
    sounding(session, HZ, SECONDS, Axis("channel", 1))
    assert view.left == [[0.25, "500"], [0.5, "1k"], [0.75, "2k"]]
    assert [text for _part, text in view.below] == ["0.0 s", "1.0 s", "2.0 s", "3.0 s"]
    assert [part for part, _text in view.below] == pytest.approx([0, 1.01 / 3, 2.01 / 3, 1])
    assert view.hint == "Click a cell to see its value and hear what it sees."
    session.feature_maps = None
    assert (view.left, view.below) == ([], [])


def test_a_recurrent_layer_is_drawn_with_time_from_left_to_right(view, session):
    values = sounding(session, SECONDS, Axis("unit", 9))
    assert view.cells == [9, 6]
    assert np.array_equal(palette(view.one), level(values.T))
    view.cell = [7, 4]
    assert session.cell == (4, 7)
    assert view.facts == [["cell", "step 4, unit 7"], ["value", "4007"], ["sees", "1.99 s to 2.99 s"]]
    assert (view.left, len(view.below)) == ([], 4)


def test_axes_in_another_order_lie_as_those_of_the_input(view, session):
    values = sounding(session, SECONDS, HZ, Axis("channel", 1))[..., 0]
    assert np.array_equal(palette(view.one), level(values.T[::-1]))
    view.cell = [1, 5]
    assert session.cell == (5, 2)
    assert view.facts[0] == ["cell", "frame 5, band 2"]


def test_the_cell_stays_while_the_maps_are_made_anew(view, session):
    sounding(session, HZ, SECONDS, Axis("channel", 1))
    view.cell = [3, 5]
    maps, session.feature_maps = session.feature_maps, None
    session.feature_maps = maps
    assert (view.cell, session.cell) == ([3, 5], (0, 5))


def test_every_click_comes_back_as_it_was(view, session):
    one, units = Axis("channel", 1), Axis("unit", 9)
    for axes in ((HZ, SECONDS, one), (SECONDS, HZ, one), (SECONDS, units), (Axis("step", 3), units)):
        values = sounding(session, *axes)
        shown = palette(view.one)
        for place in np.ndindex(*shown.shape):
            view.cell = list(place)
            assert view.cell == list(place)
            assert level(values)[session.cell] == shown[place]


def test_a_click_that_comes_late_changes_nothing(view, session):
    for late in (191, -1):
        view.channel = late  # of the network before
        assert (view.channel, session.channel, view.one_title) == (0, 0, "Map 0")
    for late in ([106, 107], [1], [1, 2, 3]):
        view.cell = late
        assert (view.cell, session.cell) == ([], None)
    session.feature_maps = None
    view.channel = 3
    assert (view.channel, session.channel) == (0, 0)


def test_without_feature_maps_it_is_empty(view, session):
    session.cell = (1, 1)
    session.feature_maps = None
    assert (view.title, view.about, view.memory, view.mosaic, view.values, view.one, view.one_title) == ("", "", "", b"", b"", b"", "")
    assert (view.grid, view.cells, view.facts) == ({}, [], [])
    view.alike = True
    assert session.error_message == ""


@pytest.mark.parametrize(
    ("shape", "axes", "title", "cells"),
    [
        ((1,), ("unit",), "1 unit", []),
        ((25_088,), ("unit",), "25,088 units", []),
        ((1, 7), ("step", "unit"), "1 feature map", [1, 7]),
        ((7, 1), ("step", "unit"), "1 feature map", [7, 1]),
        ((2000, 3), ("step", "unit"), "1 feature map", [2000, 3]),
        ((3, 5, 700), ("row", "column", "channel"), "700 feature maps", [3, 5]),
        ((1, 9, 2), ("row", "column", "channel"), "2 feature maps", [1, 9]),
        ((300, 2, 1), ("row", "column", "channel"), "1 feature map", [300, 2]),
    ],
    ids=str,
)
def test_what_layers_answer_is_drawn_whatever_its_shape(view, session, shape, axes, title, cells):
    show(session, np.random.default_rng(0).standard_normal(shape), axes)
    assert (view.title, view.cells, session.error_message) == (title, cells, "")
    assert bool(view.mosaic) == bool(cells) != bool(view.values)
    view.alike = not view.alike
    if cells:
        view.cell = [cells[0] - 1, cells[1] - 1]
        assert len(view.facts) == 2
    else:
        view.channel = shape[0] - 1
        assert view.one_title == f"Unit {shape[0] - 1}"
        assert len(view.facts) == 1


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_drawn_and_said(view, session, shape, what):
    show(session, np.full(shape, what), ("row", "column", "channel")[: len(shape)] if len(shape) == 3 else ("step", "unit")[-len(shape) :])
    if len(shape) > 1:
        view.cell = [0, 0]
    assert dict(view.facts)["value"] == str(what)
    assert session.error_message == ""
    json.dumps({name: value for name, value in view.get_state().items() if name in ("facts", "ends", "about")}, allow_nan=False)


def test_a_map_that_smaller_maps_of_the_same_layer_lack_gives_way_to_the_first(view, session):
    session.channel, session.cell = 4, (1, 1)
    values = maps_of(LAYERS[2])[..., :2]
    session._set_maps(FeatureMaps(LAYERS[2], values, (Axis("row", 6), Axis("column", 8), Axis("channel", 2))))
    assert (session.channel, view.channel, session.cell, session.error_message) == (0, 0, None, "")


def test_labels_are_those_of_the_units_only_where_they_stand_for_classes(view, session):
    show(session, np.arange(3.0), ("unit",))
    assert view.facts == [["value", "0"]]
    show(session, np.arange(3.0), ("unit",), ("a_cat", "a_dog", "a_fox"))
    assert view.facts == [["class", "a cat"], ["value", "0"]]


def test_a_mosaic_that_comes_with_the_maps_is_shown_as_it_is(view, session, monkeypatch):
    drawn = feature_maps.with_mosaic(session.feature_maps)
    shown, drawings = view.mosaic, []
    plain = feature_maps.mosaic
    monkeypatch.setattr(feature_maps, "mosaic", lambda *given: drawings.append(given) or plain(*given))
    session.feature_maps = drawn
    assert (view.mosaic, drawings) == (shown, [])
    view.alike = True
    assert len(drawings) == 1
    assert view.mosaic != shown
