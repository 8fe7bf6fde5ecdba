from dataclasses import replace

import numpy as np
import pytest
from data_sets import ARRAYS, PICTURES, SOUNDS, classes_of, names, picture, pictures
from PIL import Image
from sound_sources import piece

from explorer.backend.datasets import arrays as array_pairs
from explorer.backend.datasets.loader import training_data
from explorer.backend.inputs import arrays, audio, images
from explorer.errors import ExplorerError
from explorer.values import Example, InputSpec, TensorInfo

RNG = np.random.default_rng(0)
Y = np.arange(10) % 2
X = RNG.integers(0, 256, (10, 8, 6, 3), np.uint8)


def all_of(x, y, input_spec=PICTURES):
    return training_data((x, y), input_spec, validation=0)


def refusal(*args, **options):
    with pytest.raises(ExplorerError) as refused:
        training_data(*args, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def pixels(data):
    return [one.example.data for one in data.training]


def test_pictures_and_numbers_of_classes_are_taken():
    data = all_of(X, Y)
    assert data.classes == ("0", "1")
    assert not data.multi_label
    assert np.array_equal(pixels(data), X)
    assert [one.classes for one in data.training] == [(0,), (1,)] * 5
    assert names(data.training)[3] == "x[3]"


@pytest.mark.parametrize("grey", [X[..., 0], X[..., :1]], ids=["no channels", "one channel"])
def test_grey_pictures_get_three_equal_channels(grey):
    expected = np.repeat(X[..., :1], 3, axis=-1)
    assert np.array_equal(pixels(all_of(grey, Y)), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint16"])
def test_other_numbers_are_rounded(dtype):
    assert np.array_equal(pixels(all_of((X.astype(dtype) + 0.3).astype(dtype).clip(0, 255), Y)), X)


def test_arrays_that_are_changed_later_change_nothing():
    mine = X.copy()
    data = all_of(mine, Y)
    mine[:] = 0
    assert np.array_equal(pixels(data), X)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (X - 300.0, "pixels are 0 to 255"),
        (X * 2.0, "pixels are 0 to 255"),
        (X / 255, "pixels are 0 to 255: give x \\* 255"),
        ((X > 100) * 1.0, "pixels are 0 to 255: give x \\* 255"),
        (np.where(X > 250, np.nan, X), "x holds NaN or infinite values"),
        (X[..., :2], "x has the shape .10, 8, 6, 2.; pictures are"),
        (X.reshape(10, -1), "x has the shape .10, 144."),
        (X > 100, "x is bool; pixels are numbers"),
        ("nowhere", "x must be an array or a list of examples, not str"),
        (7, "x must be an array or a list of examples, not int"),
        (X[:9], "There must be one target for each example: x has 9, y has 10"),
    ],
)
def test_what_are_no_pictures_is_refused(x, sentence):
    with pytest.raises(ExplorerError, match=sentence):
        all_of(x, Y)


@pytest.mark.parametrize("y", [["cat", "dog"] * 5, np.array(["cat", "dog"] * 5), np.array([b"cat", b"dog"] * 5), ("cat", "dog") * 5])
def test_classes_may_have_names(y):
    assert all_of(X, y).classes == ("cat", "dog")


def test_a_name_is_one_class_however_its_umlaut_is_written():
    assert all_of(X, ["A\u0308pfel", "\u00c4pfel", "Birnen", "Birnen", "Birnen"] * 2).classes == ("Äpfel", "Birnen")


def test_a_name_that_is_not_among_those_of_the_classes_is_refused():
    with pytest.raises(ExplorerError, match="y holds 'bird', which is not among"):
        array_pairs.read_collection(X, ["cat", "bird"] * 5, PICTURES, classes=["cat", "dog"])


def test_examples_without_any_class_are_refused():
    assert "No example has a class" in refusal((X, np.zeros((10, 3))), PICTURES)


def test_numbers_of_classes_are_in_their_order_whatever_they_are():
    data = all_of(X, [[10], [2]] * 5)
    assert data.classes == ("2", "10")
    assert [one.classes for one in data.training[:2]] == [(1,), (0,)]


def test_a_column_of_zeros_and_ones_for_each_class_allows_several():
    y = RNG.integers(0, 2, (10, 4))
    y[:, 2] = 0
    y[:2] = [[1, 1, 0, 1], [0, 0, 0, 0]]
    data = all_of(X, y)
    assert data.multi_label
    assert data.classes == ("0", "1", "3")
    assert classes_of(data, data.training)[:2] == [("0", "1", "3"), ()]
    assert "Left out, as they have no readable example: 2." in data.notes


def test_rows_with_a_single_one_are_one_class_each():
    data = all_of(X, np.eye(2)[Y])
    assert not data.multi_label
    assert [one.classes for one in data.training] == [(0,), (1,)] * 5
    assert any("single 1" in note for note in data.notes)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (Y + 0.5, "whole numbers or names"),
        (Y * np.nan, "whole numbers or names"),
        (np.where(Y, np.inf, 0), "whole numbers or names"),
        ([None] * 10, "whole numbers or names"),
        (np.full((10, 3), 2), "must hold 0 and 1 only"),
        (np.zeros((10, 2, 2)), "y has the shape"),
        ([["cat"], ["cat", "dog"]] * 5, "its rows have unequal lengths"),
    ],
)
def test_what_are_no_classes_is_refused(y, sentence):
    with pytest.raises(ExplorerError, match=sentence):
        all_of(X, y)


def test_a_list_may_hold_whatever_predict_takes(tmp_path):
    file = picture(tmp_path / "a.png", 3)
    x = [file, str(file), Image.fromarray(X[0]), X[1], X[2].astype(float), X[3, :5, :, 0], images.read(file), b"no picture"]
    data = all_of(x, [0, 1] * 4)
    assert len(data.training) == 7
    assert data.training[5].example.data.shape == (5, 6, 3)
    assert data.left_out[0][0] == "x[7]"
    assert "not a picture" in data.left_out[0][1]


def test_an_array_may_hold_paths_or_pictures_of_unequal_sizes(tmp_path):
    paths = np.array([str(picture(tmp_path / f"{place}.png", place)) for place in range(4)])
    assert names(all_of(paths, [0, 1, 0, 1]).training) == ["0.png", "1.png", "2.png", "3.png"]
    unequal = np.empty(2, object)
    unequal[:] = [X[0], X[1, :5]]
    assert [one.shape for one in pixels(all_of(unequal, [0, 1]))] == [(8, 6, 3), (5, 6, 3)]


def test_a_path_of_a_user_that_there_is_not_is_left_out():
    assert all_of(["~nobody at all/1.png", *X[:3]], [0, 1, 0, 1]).left_out == (("x[0]", "There is no file ~nobody at all/1.png."),)


def test_sounds_are_samples_with_their_rate_or_examples():
    tone = piece(0.5)[:, 0]
    x = [(tone, 44_100), (tone[::2], 22_050), audio.read((tone, 8000)), Example("image", X[0], "a picture")]
    data = all_of(x, [0, 1, 0, 1], SOUNDS)
    assert [audio.audio_files.sound_of(one.example).rate for one in data.training] == [44_100, 22_050, 8000]
    assert len(data.left_out) == 1


def test_samples_without_a_rate_are_at_that_of_the_network():
    x = np.stack([piece(0.5, 16_000)[:, 0] / divisor for divisor in (1, 2, 3, 4)])
    for given in (x, list(x), iter(x)):
        data = all_of(given, [0, 1, 0, 1], SOUNDS)
        assert {audio.audio_files.sound_of(one.example).rate for one in data.training} == {16_000}
        assert "Arrays of samples are taken to have the network's rate, 16,000 samples a second." in data.notes


def test_parts_of_one_sound_stay_on_one_side():
    sounds = [audio.read((piece(1.0, rate)[:, 0], rate)) for rate in (8000, 9000, 10_000, 11_000)]
    x = [replace(one, start=start) for one in sounds for start in (0.0, 0.2, 0.4)]
    for seed in range(5):
        data = training_data((x, np.arange(12) // 3 % 2), SOUNDS, validation=0.5, seed=seed)
        sides = [{one.example.data for one in side} for side in (data.training, data.validation)]
        assert not sides[0] & sides[1]
        assert [len(side) for side in sides] == [2, 2]
        assert data.notes == ()


def test_arrays_go_to_the_inputs_by_name_or_alone():
    x = RNG.normal(size=(10, 3)).astype(np.float32)
    for given in (x, {"a": x}, x.tolist()):
        data = all_of(given, Y, ARRAYS)
        assert data.kind == "arrays"
        assert np.array_equal([arrays.to_batch(one.example, ARRAYS)[0][0] for one in data.training], x)
    assert "x is for a, b" in refusal(({"a": x, "b": x}, Y), ARRAYS)
    assert "NaN" in refusal((x * np.nan, Y), ARRAYS)
    assert "None of the 10 files can be used" in refusal((x[:, :2], Y), ARRAYS)


def test_equal_arrays_are_copies():
    data = training_data((np.concatenate([X, X[:1]]), [*Y, 0]), PICTURES, seed=3)
    assert "1 example is a copy of another." in data.notes


def test_an_npz_holds_x_and_y(tmp_path):
    np.savez(tmp_path / "data.npz", x=X, y=np.array(["cat", "dog"] * 5))
    data = training_data(tmp_path / "data.npz", PICTURES, validation=0)
    assert data.classes == ("cat", "dog")
    assert np.array_equal(pixels(data), X)
    np.savez(tmp_path / "arrays.npz", x_a=np.eye(3)[Y], y=Y)
    assert training_data(tmp_path / "arrays.npz", ARRAYS, validation=0).classes == ("0", "1")


def test_an_encrypted_npz_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=Y)
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flags] |= 1
    path.write_bytes(data)
    assert "can't be read" in refusal(path, PICTURES)


def test_other_npz_are_refused(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, pictures=X, y=Y)
    assert "needs the arrays x and y; it has pictures, y" in refusal(path, PICTURES)
    np.savez(path, x=np.array([{}] * 10, object), y=Y)
    assert "can't be read: it holds Python objects" in refusal(path, PICTURES)
    with path.open("wb") as file:
        np.save(file, X)
    assert "holds a single array" in refusal(path, PICTURES)
    path.write_bytes(b"")
    assert "can't be read" in refusal(path, PICTURES)


@pytest.fixture(scope="module")
def tf():
    from explorer.backend.runtime.keras import tensorflow

    return tensorflow


@pytest.mark.parametrize("batch", [None, 4])
def test_a_tf_dataset_is_read_in_batches_or_not(batch, tf):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y))
    data = training_data(dataset.batch(batch) if batch else dataset, PICTURES, validation=0)
    assert np.array_equal(pixels(data), X)
    assert [one.classes for one in data.training] == [(0,), (1,)] * 5


@pytest.mark.parametrize("batch", [None, 4])
def test_a_tf_dataset_of_named_arrays_and_rows_of_classes_is_read(batch, tf):
    x = RNG.normal(size=(10, 3)).astype(np.float32)
    y = np.tile([[1, 1, 0], [0, 1, 1]], (5, 1))
    dataset = tf.data.Dataset.from_tensor_slices(({"a": x}, y))
    data = training_data(dataset.batch(batch) if batch else dataset, ARRAYS, validation=0)
    assert data.multi_label
    assert np.array_equal([dict(one.example.data)["a"] for one in data.training], x)
    assert [one.classes for one in data.training] == [(0, 1), (1, 2)] * 5


@pytest.mark.parametrize("batch", [None, 4])
def test_a_tf_dataset_may_hold_grey_pictures_without_channels(batch, tf):
    dataset = tf.data.Dataset.from_tensor_slices((X[..., 0], Y))
    data = training_data(dataset.batch(batch) if batch else dataset, PICTURES, validation=0)
    assert np.array_equal(pixels(data), np.repeat(X[..., :1], 3, axis=-1))


@pytest.mark.parametrize("batch", [None, 4])
def test_a_tf_dataset_may_hold_several_inputs_in_their_order(batch, tf):
    input_spec = InputSpec("arrays", (TensorInfo("b", (3,), "float32"), TensorInfo("a", (2,), "float32")))
    b, a = RNG.normal(size=(10, 3)), RNG.normal(size=(10, 2))
    dataset = tf.data.Dataset.from_tensor_slices(((b, a), Y))
    data = training_data(dataset.batch(batch) if batch else dataset, input_spec, validation=0)
    assert np.array_equal([dict(one.example.data)["b"] for one in data.training], b)
    assert np.array_equal([dict(one.example.data)["a"] for one in data.training], a)


@pytest.mark.parametrize("batch", [None, 4])
def test_a_tf_dataset_may_hold_sounds_with_their_channels_and_rows_of_classes(batch, tf):
    sounds = np.stack([piece(0.2, 16_000)[:, :1] / divisor for divisor in range(1, 7)]).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((sounds, np.eye(2)[Y[:6]]))
    data = training_data(dataset.batch(batch) if batch else dataset, SOUNDS, validation=0)
    assert [one.classes for one in data.training] == [(0,), (1,)] * 3


def test_rows_of_classes_of_unequal_lengths_in_a_tf_dataset_are_refused(tf):
    dataset = tf.data.Dataset.from_generator(
        lambda: ((X[place], np.ones(place + 1, np.int32)) for place in range(3)),
        output_signature=(tf.TensorSpec((8, 6, 3), tf.uint8), tf.TensorSpec((None,), tf.int32)),
    )
    assert "its rows have unequal lengths" in refusal(dataset, PICTURES)


def test_tensors_are_taken_as_arrays(tf):
    assert np.array_equal(pixels(all_of(tf.constant(X), tf.constant(Y))), X)


def test_a_tf_dataset_of_a_folder_keeps_its_names(tf, tmp_path):
    from explorer.backend.runtime.keras import keras

    pictures(tmp_path, cat=3, dog=3)
    dataset = keras.utils.image_dataset_from_directory(tmp_path, image_size=(16, 20), batch_size=2, shuffle=False, verbose=False)
    data = training_data(dataset, PICTURES, validation=0)
    assert data.classes == ("cat", "dog")
    assert len(data.training) == 6


def test_pictures_of_many_sizes_in_a_tf_dataset_are_read(tf):
    sizes = [(4, 6), (5, 5), (7, 3), (9, 9)]
    dataset = tf.data.Dataset.from_generator(
        lambda: ((np.full((*size, 3), 9, np.uint8), place % 2) for place, size in enumerate(sizes)),
        output_signature=(tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int32)),
    )
    assert [one.shape[:2] for one in pixels(training_data(dataset, PICTURES, validation=0))] == sizes


def test_a_tf_dataset_that_never_ends_or_has_no_classes_is_refused(tf):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y))
    assert "never ends" in refusal(dataset.repeat(), PICTURES)
    assert "must give pairs" in refusal(tf.data.Dataset.from_tensor_slices(X), PICTURES)


def test_held_out_arrays_can_be_given():
    data = training_data((X, Y), PICTURES, validation=(X[:2] // 2, [1, 0]))
    assert len(data.training) == 10
    assert [one.classes for one in data.validation] == [(1,), (0,)]
    assert "In the validation data, but not in the training data: 7." in refusal((X, Y), PICTURES, validation=(X[:2], [7, 0]))


def test_data_that_is_made_already_is_taken_as_it_is():
    data = all_of(X, Y)
    assert training_data(data, PICTURES) is data
    assert "The data is of kind image, but the network reads audio." in refusal(data, SOUNDS)


def test_what_is_no_data_is_refused():
    assert "not int" in refusal(7, PICTURES)
    assert "not ndarray" in refusal(X, PICTURES)
    for share in (1, -0.1, 1.5, True, None, float("nan")):
        assert "0 to below 1" in refusal((X, Y), PICTURES, validation=share)
