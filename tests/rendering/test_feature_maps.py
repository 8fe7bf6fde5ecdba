import io
import warnings

import matplotlib
import numpy as np
import pytest
from PIL import Image

from explorer.rendering import feature_maps
from explorer.rendering.feature_maps import GAP, LARGEST, SLIM, SMALLEST, finite_range, mosaic, one_map, picture

SEE_THROUGH = 255


def entries(png):
    """Return the palette entries of a PNG with a palette, whose last entry is see-through."""
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", "P")
    assert image.info["transparency"] == SEE_THROUGH
    return np.asarray(image)


def tile(drawn, index):
    """Return the palette entries of map `index` in a mosaic, where it should lie."""
    top = index // drawn.columns * (drawn.height + GAP)
    left = index % drawn.columns * (drawn.width + GAP)
    return entries(drawn.png)[top : top + drawn.height, left : left + drawn.width]


def maps(height, width, count, seed=0):
    """Return maps of whole numbers 0 to 254, each with both ends: on its own scale a map's values are its palette entries."""
    values = np.random.default_rng(seed).integers(0, 255, (height, width, count))
    values[0, 0], values[-1, -1] = 0, 254
    return values.astype(np.float32)


def blown_up(values, times):
    return np.kron(values, np.ones((times, times), int))


@pytest.mark.parametrize(("low", "step"), [(0, 1), (-40, 0.5), (1e-6, 1e-9), (-1e20, 1e18)])
def test_each_map_is_drawn_from_its_lowest_to_its_highest_value(low, step):
    levels = maps(31, 47, 6)
    scales = step * np.arange(1, 7)
    drawn = mosaic(low + levels.astype(np.float64) * scales)
    for index in range(6):
        assert np.abs(tile(drawn, index).astype(int) - levels[..., index]).max() <= (0 if step == 1 else 1)


def test_alike_maps_are_drawn_on_the_scale_of_the_whole_layer():
    levels = np.random.default_rng(0).integers(0, 255, (29, 40, 5))
    levels[3, 4, 0], levels[5, 6, 4] = 0, 254
    drawn = mosaic((levels * 2.0 - 7).astype(np.float32), (-7.0, 501.0))
    for index in range(5):
        assert np.array_equal(tile(drawn, index), levels[..., index])


@pytest.mark.parametrize("shape", [(5, 9, 7), (1, 2, 3), (9, 5, 12), (28, 28, 3), (14, 14, 1), (1, 1, 6), (40, 11, 10)])
def test_every_map_lies_in_its_place_and_all_between_is_see_through(shape):
    height, width, count = shape
    values = maps(*shape)
    drawn = mosaic(values, finite_range(values))
    whole = entries(drawn.png)
    times = max(1, SMALLEST // max(height, width))
    assert (drawn.count, drawn.height, drawn.width) == (count, height * times, width * times)
    assert (drawn.rows - 1) * drawn.columns < count <= drawn.rows * drawn.columns
    assert whole.shape == (drawn.rows * (drawn.height + GAP) - GAP, drawn.columns * (drawn.width + GAP) - GAP)
    covered = 0
    for index in range(count):
        # In these maps the first cell is 0 and the last 254; where there is but one cell, all are alike and the lowest.
        expected = values[..., index] if values.max() > values.min() else np.zeros((height, width))
        assert np.array_equal(tile(drawn, index), blown_up(expected, times))
        covered += drawn.height * drawn.width
    assert (whole == SEE_THROUGH).sum() == whole.size - covered


@pytest.mark.parametrize("shape", [(60, 6, 1), (6, 60, 1), (200, 3, 2), (3, 200, 2), (1, 96, 32), (96, 1, 32), (1000, 2, 1), (7, 7, 2048)])
def test_maps_of_any_proportions_are_drawn(shape):
    drawn = mosaic(maps(*shape))
    assert drawn.count == shape[2] <= drawn.columns * drawn.rows
    assert max(drawn.height, drawn.width) <= LARGEST
    assert entries(drawn.png).shape == (drawn.rows * (drawn.height + GAP) - GAP, drawn.columns * (drawn.width + GAP) - GAP)


@pytest.mark.parametrize("count", [8, 16, 32, 64, 96, 128, 512, 1280])
def test_a_mosaic_of_square_maps_is_a_little_wider_than_high_and_full(count):
    drawn = mosaic(maps(14, 14, count))
    assert 0.7 < (drawn.columns * drawn.width) / (drawn.rows * drawn.height) < 2.6
    assert drawn.columns * drawn.rows - count < drawn.columns / 2


def test_a_single_map_fills_the_mosaic():
    drawn = mosaic(maps(30, 50, 1))
    assert (drawn.columns, drawn.rows) == (1, 1)
    assert np.array_equal(entries(drawn.png), maps(30, 50, 1)[..., 0])


@pytest.mark.parametrize(("height", "width", "every"), [(112, 60, 1), (113, 60, 2), (224, 150, 2), (60, 225, 3)])
def test_large_maps_are_thinned_out(height, width, every):
    values = maps(height, width, 3)
    values[0, 0], values[0, every] = 0, 254
    drawn = mosaic(values)
    thinned = values[::every, ::every]
    assert (drawn.height, drawn.width) == thinned.shape[:2]
    for index in range(3):
        assert np.array_equal(tile(drawn, index), thinned[..., index])


@pytest.mark.parametrize(
    ("height", "width", "down", "right", "times"),
    [(48, 720, 1, 7, 1), (96, 1366, 3, 13, 1), (720, 48, 7, 1, 1), (12, 85, 1, 1, 2), (3, 45, 1, 1, 4), (1, 22, 1, 1, 6), (2, 9, 1, 1, 6)],
)
def test_slim_maps_keep_what_their_short_side_shows_and_are_stretched(height, width, down, right, times):
    values = maps(height, width, 3)
    thinned = values[::down, ::right, 1]
    drawn = mosaic(values, finite_range(values))
    blown = SMALLEST // max(thinned.shape) or 1
    expected = thinned.repeat(times, 0).repeat(blown, 1) if height < width else thinned
    assert np.array_equal(tile(drawn, 1), expected)
    assert max(drawn.height, drawn.width) <= SLIM * min(drawn.height, drawn.width)


def test_the_scale_of_the_layer_is_that_of_all_cells_also_of_those_thinned_out():
    values = np.zeros((224, 200, 2), np.float32)
    values[0, 0, 0], values[1, 1, 1] = 127, 254
    assert tile(mosaic(values, finite_range(values)), 0)[0, 0] == 127


def test_a_map_that_is_the_same_everywhere_is_the_lowest_colour():
    values = maps(28, 30, 3)
    values[..., 1] = 7.5
    drawn = mosaic(values)
    assert not tile(drawn, 1).any()
    assert np.array_equal(tile(drawn, 2), values[..., 2])
    assert not entries(mosaic(np.full((28, 30, 1), -3.0, np.float32), (-3.0, -3.0)).png).any()


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf])
def test_cells_without_a_number_are_see_through_and_leave_the_others_as_they_are(gap, alike):
    values = maps(29, 31, 4)
    values[5, 7, 2] = gap
    drawn = mosaic(values, finite_range(values) if alike else None)
    expected = values[..., 2].copy()
    expected[5, 7] = SEE_THROUGH
    assert np.array_equal(tile(drawn, 2), expected)
    assert np.array_equal(tile(drawn, 3), values[..., 3])


def test_a_map_without_any_number_is_see_through():
    values = maps(28, 30, 3)
    values[..., 0] = np.nan
    drawn = mosaic(values)
    assert (tile(drawn, 0) == SEE_THROUGH).all()
    assert np.array_equal(tile(drawn, 1), values[..., 1])
    assert (entries(mosaic(np.full((28, 30, 1), np.nan, np.float32), (0.0, 0.0)).png) == SEE_THROUGH).all()


@pytest.mark.parametrize("values", [[0, 1e-40, 2e-40, 3e-40], [-3e38, 0, 1, 3e38]], ids=["a tiny range", "a huge range"])
def test_ranges_at_the_ends_of_float32_are_drawn_without_a_warning(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entries(mosaic(np.array(values, np.float32).reshape(2, 2, 1)).png)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
def test_other_types_of_numbers_are_drawn_alike(dtype):
    assert mosaic(maps(29, 31, 4).astype(dtype)) == mosaic(maps(29, 31, 4))


def test_drawing_leaves_the_values_as_they_are():
    values = maps(29, 31, 4)
    values[2, 3, 1] = np.nan
    before = values.copy()
    mosaic(values)
    one_map(values[..., 1], 0, 1)
    assert np.array_equal(values, before, equal_nan=True)


def test_one_map_has_one_pixel_for_each_cell():
    levels = maps(6, 11, 1)[..., 0]
    assert np.array_equal(entries(one_map(levels * 3 - 5)), levels)


def test_one_map_is_drawn_on_a_given_scale():
    values = np.array([[-5, 0, 25.4], [127, 254, 400]], np.float32)
    assert entries(one_map(values, 0, 254)).tolist() == [[0, 0, 25], [127, 254, 254]]
    assert entries(one_map(values, -254, 254)).tolist() == [[125, 127, 140], [191, 254, 254]]


def test_one_map_on_a_scale_without_a_range_is_the_lowest_colour():
    assert not entries(one_map(maps(3, 4, 1)[..., 0], 2, 2)).any()


def test_the_colours_are_viridis_from_low_to_high():
    expected = matplotlib.colormaps["viridis"](np.linspace(0, 1, 255), bytes=True)[:, :3]
    drawn = Image.open(io.BytesIO(one_map(np.arange(255.0)[None]))).convert("RGB")
    assert np.abs(np.asarray(drawn)[0].astype(int) - expected).max() <= 2
    assert np.asarray(drawn)[0].tolist() == [list(colour) for colour in feature_maps.colours()]
    assert feature_maps.colours(3) == [feature_maps.colours()[index] for index in (0, 127, 254)]


def test_see_through_cells_have_no_opacity():
    drawn = Image.open(io.BytesIO(one_map(np.array([[0, np.nan, 1]])))).convert("RGBA")
    assert np.asarray(drawn)[0, :, 3].tolist() == [255, 0, 255]


@pytest.mark.parametrize("shape", [(90, 150, 3), (32, 20), (400, 400, 3), (1, 1, 3)])
def test_a_picture_is_encoded_without_loss(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = Image.open(io.BytesIO(picture(pixels)))
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("shape", [(401, 400, 3), (400, 600)])
def test_a_large_picture_is_encoded_as_jpeg(shape):
    pixels = np.full(shape, 90, np.uint8)
    image = Image.open(io.BytesIO(picture(pixels)))
    assert image.format == "JPEG"
    assert np.abs(np.asarray(image).astype(int) - pixels).max() <= 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (1, "1"), (-0.5, "-0.5"), (0.123456, "0.123"), (-12.345, "-12.3"), (999.4, "999"), (0.001, "0.001")),
        *((999.6, "1000"), (1234.5, "1234"), (-4567.8, "-4568"), (10_000, "1.00e+04")),
        *((0.00098765, "9.88e-04"), (-1e-30, "-1.00e-30"), (123456, "1.23e+05"), (np.float32(2.5), "2.5")),
        *((float("nan"), "nan"), (float("inf"), "inf"), (-float("inf"), "-inf")),
    ],
    ids=str,
)
def test_a_value_is_said_with_three_significant_digits_and_thousands_whole(value, text):
    assert feature_maps.short(value) == text


def test_the_range_of_values_leaves_out_what_is_no_number():
    assert feature_maps.finite_range(np.array([[3.0, np.nan], [-2.0, np.inf]])) == (-2.0, 3.0)
    assert feature_maps.finite_range(np.array([np.nan])) == (0.0, 0.0)


def test_the_range_of_each_map_is_that_of_its_finite_values():
    planes = np.stack([np.arange(6.0).reshape(2, 3), np.full((2, 3), np.nan), np.array([[np.inf, -2, 1], [-np.inf, np.nan, 3]])], -1)
    assert feature_maps.ranges(planes) == [(0, 5), (0, 0), (-2, 3)]
