import numpy as np
import own_models
import pytest

from explorer.backend.graph.receptive_fields import along
from explorer.backend.inference.activation_capture import recording
from explorer.backend.runtime.keras import keras, tensorflow

layers = keras.layers


@pytest.fixture(autouse=True)
def _double_precision():
    """What is seen faintly, many layers away, is lost in float32."""
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy("float32")


def positive(model):
    """Return the model with weights under which nothing that a cell sees cancels out or is cut off."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        assert variable.dtype != "float32"  # a layer with weights must be made inside the test, in double precision
        if variable.name == "moving_variance":
            variable.assign(np.ones(variable.shape))
        elif variable.dtype == "float64":  # not the seeds of dropouts
            variable.assign(random.uniform(0.2, 0.8, variable.shape) / max(1, np.prod(variable.shape[:-1])))
    return model


def answer(model, address, pictures):
    with recording(model) as record:
        model(pictures, training=False)
    return keras.tree.flatten(record[address][1])[0]


def seen_by_gradient(model, address, cells):
    """Return which cells of the input each of these sets of cells of a layer sees: (sets, *shape) -> bool (sets, *input)."""
    random = np.random.default_rng(1)
    weights = cells * random.uniform(0.5, 1, cells.shape)  # the plain sum over a normalised axis changes with nothing
    pictures = tensorflow.constant(np.repeat(random.uniform(0.5, 1, (1, *model.inputs[0].shape[1:])), len(cells), axis=0))
    with tensorflow.GradientTape() as tape:
        tape.watch(pictures)
        total = tensorflow.reduce_sum(answer(model, address, pictures) * weights)
    return tape.gradient(total, pictures).numpy() != 0


def ends(seen, axis):
    """Return the first and the last cell along an axis of the input (0 is the batch) for each set; a size and -1 for none."""
    hits = seen.any(axis=tuple(one for one in range(1, seen.ndim) if one != axis))
    some = hits.any(axis=1)
    size = hits.shape[1]
    return np.where(some, hits.argmax(axis=1), size), np.where(some, size - 1 - hits[:, ::-1].argmax(axis=1), -1)


def assert_as_by_gradient(model, address, data_format="channels_last"):
    """Check each axis of a layer that runs along the input; return all."""
    found = along(positive(model), address, data_format)
    shape = answer(model, address, np.ones((1, *model.inputs[0].shape[1:]))).shape[1:]
    assert len(found) == len(shape)
    for axis, one in enumerate(found):
        if one is not None:
            cells = np.moveaxis(
                np.broadcast_to(np.eye(shape[axis]), (*shape[:axis], *shape[axis + 1 :], shape[axis], shape[axis])), -2, axis
            )
            seen = seen_by_gradient(model, address, np.moveaxis(cells, -1, 0))
            first, last = ends(seen, one.axis + (2 if data_format == "channels_first" else 1))
            np.testing.assert_array_equal(one.last < one.first, last < first)
            some = first <= last
            np.testing.assert_array_equal(one.first[some], first[some])
            np.testing.assert_array_equal(one.last[some], last[some])
            assert one.first.dtype == one.last.dtype == np.int64
    return found


def axes(found):
    return [None if one is None else one.axis for one in found]


def spans(found):
    return [None if one is None else (one.start, one.stop) for one in found]


def model_of(function, shape=(9, 14, 2)):
    picture = keras.Input(shape)
    return keras.Model(picture, layers.Identity(name="end")(function(picture)))


def chain(*steps):
    def apply(x):
        for step in steps:
            x = step(x)
        return x

    return apply


def squeeze_excite(x):
    x = layers.Conv2D(3, 3, strides=2)(x)
    weights = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    return layers.Multiply()([x, layers.Reshape((1, 1, 3))(weights)])


def branches(join, *branches):
    return lambda x: join([branch(x) for branch in branches])


# What a layer does -> where its axes begin and end on an input of 9 rows and 14 columns.
MAPS = {
    "itself": (layers.Identity(), (0, 9), (0, 14)),
    "valid": (lambda x: layers.Conv2D(2, (3, 4))(x), (1, 8), (1.5, 12.5)),
    "same": (lambda x: layers.Conv2D(2, (3, 4), padding="same")(x), (0, 9), (0.5, 14.5)),
    "strides": (lambda x: layers.Conv2D(2, 3, strides=(2, 3))(x), (0.5, 8.5), (0, 12)),
    "strides, same": (lambda x: layers.Conv2D(2, (3, 4), strides=(2, 3), padding="same")(x), (-0.5, 9.5), (-0.5, 14.5)),
    "strides beyond the kernel": (lambda x: layers.Conv2D(2, 1, strides=(2, 3), padding="same")(x), (-0.5, 9.5), (-1, 14)),
    "dilated": (lambda x: layers.Conv2D(2, 3, dilation_rate=(2, 3))(x), (2, 7), (3, 11)),
    "dilated, same": (lambda x: layers.Conv2D(2, 3, dilation_rate=(4, 5), padding="same")(x), (0, 9), (0, 14)),
    "depthwise": (lambda x: layers.DepthwiseConv2D(5, strides=2, padding="same")(x), (-0.5, 9.5), (0.5, 14.5)),
    "separable": (lambda x: chain(layers.SeparableConv2D(3, 3), layers.SeparableConv2D(3, 5, padding="same"))(x), (1, 8), (1, 13)),
    "transposed": (lambda x: chain(layers.Conv2D(2, 2, strides=2), layers.Conv2DTranspose(2, 2, strides=2))(x), (0, 8), (0, 14)),
    "transposed, overlapping": (lambda x: layers.Conv2DTranspose(2, 5, strides=(3, 2))(x), (-1 / 3, 9 + 1 / 3), (-0.75, 14.75)),
    "transposed, same": (lambda x: layers.Conv2DTranspose(2, (3, 4), strides=(3, 2), padding="same")(x), (0, 9), (0, 14)),
    "transposed with gaps": (lambda x: layers.Conv2DTranspose(2, 1, strides=2, use_bias=False)(x), (0.25, 9.25), (0.25, 14.25)),
    "average pooling": (layers.AveragePooling2D(3, strides=2, padding="same"), (-0.5, 9.5), (0.5, 14.5)),
    "pooling to one cell": (layers.AveragePooling2D((9, 7)), (0, 9), (0, 14)),
    "padded and cropped": (
        lambda x: chain(layers.ZeroPadding2D(((1, 2), (4, 5))), layers.Conv2D(2, 3), layers.Cropping2D(((0, 2), (3, 1))))(x),
        (0, 8),
        (0, 17),
    ),
    "in padding": (layers.ZeroPadding2D((2, 3)), (-2, 11), (-3, 17)),
    "repeated": (lambda x: chain(layers.Conv2D(2, 3), layers.UpSampling2D((2, 3)))(x), (1, 8), (1, 13)),
    "interpolated": (layers.UpSampling2D(2, interpolation="bilinear"), (0, 9), (0, 14)),
    "resized": (layers.Resizing(6, 21), (0, 9), (0, 14)),
    "resized to the nearest": (layers.Resizing(4, 7, interpolation="nearest"), (0, 9), (0, 14)),
    "pointwise": (
        lambda x: chain(
            layers.Rescaling(2.0),
            layers.BatchNormalization(axis=2),
            layers.ELU(),
            layers.Dropout(0.5),
            layers.Dense(3, "relu"),
            layers.LayerNormalization(),
            layers.PReLU(),
            layers.Activation("softmax"),
        )(x),
        (0, 9),
        (0, 14),
    ),
    "operations": (lambda x: keras.ops.sigmoid(x / 2 + layers.Conv2D(2, 3, padding="same")(x) * 3.0), (0, 9), (0, 14)),
    "less the mean": (lambda x: x - keras.ops.mean(x), (0, 9), (0, 14)),
    "branches": (
        branches(
            layers.Add(),
            lambda x: layers.Conv2D(2, (1, 7), padding="same")(x),
            lambda x: layers.Conv2D(2, (3, 1), padding="same")(x),
            lambda x: chain(layers.Conv2D(2, 3), layers.ZeroPadding2D(1))(x),
        ),
        (0, 9),
        (0, 14),
    ),
    "concatenated": (
        branches(layers.Concatenate(), lambda x: layers.Conv2D(2, 3, 2, "same")(x), layers.AveragePooling2D(2, padding="same")),
        (-0.5, 9.5),
        (0.5, 14.5),
    ),
    "one below the other": (branches(layers.Concatenate(axis=1), layers.Identity(), lambda x: layers.Conv2D(2, (3, 1))(x)), None, (0, 14)),
    "squeeze and excite": (squeeze_excite, (0.5, 8.5), (0.5, 12.5)),
    "normalised along rows": (layers.UnitNormalization(axis=1), (0, 9), (0, 14)),
    "normalised in groups": (lambda x: layers.GroupNormalization(1)(x), (0, 9), (0, 14)),
    "one cell, by the mean": (lambda x: chain(layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(2, 1))(x), (0, 9), (0, 14)),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_see_what_they_have_a_gradient_to_and_lie_where_they_are_centred(name):
    function, rows, columns = MAPS[name]
    found = assert_as_by_gradient(model_of(function), "end")
    assert axes(found) == [0, 1, None]
    for one, expected in zip(found, (rows, columns), strict=False):
        if expected:
            assert (one.start, one.stop) == pytest.approx(expected)


def test_the_largest_of_a_pool_may_come_from_where_the_mean_comes_from():
    for options in ({"pool_size": 3, "strides": 2}, {"pool_size": (2, 3), "padding": "same"}):
        largest, mean = (along(model_of(pool(**options)), "end") for pool in (layers.MaxPooling2D, layers.AveragePooling2D))
        for one, other in zip(largest[:2], mean[:2], strict=True):
            np.testing.assert_array_equal([one.first, one.last], [other.first, other.last])
            assert (one.start, one.stop) == (other.start, other.stop)
    assert axes(along(model_of(layers.GlobalMaxPooling2D()), "end")) == [None]


def gru(x, **options):
    return layers.GRU(3, return_sequences=True, **options)(x)


# What a layer does -> which of the input's axes each of its axes runs along, and where.
SEQUENCES = {
    "columns of rows": (layers.Reshape((9, 28)), [0, None], [(0, 9), None]),
    "rows of one": (chain(layers.AveragePooling2D((9, 2)), layers.Reshape((7, 2))), [1, None], [(0, 14), None]),
    "axes swapped": (layers.Permute((2, 3, 1)), [1, None, 0], [(0, 14), None, (0, 9)]),
    "axes swapped by an operation": (lambda x: keras.ops.transpose(x, (0, 3, 2, 1)), [None, 1, 0], [None, (0, 14), (0, 9)]),
    "rows as channels": (
        lambda x: chain(
            layers.Permute((2, 1, 3)), layers.Reshape((14, 18)), layers.Conv1D(4, 3, dilation_rate=2, padding="causal"), layers.Dense(2)
        )(x),
        [1, None],
        [(-2, 12), None],
    ),
    "recurrent": (
        lambda x: chain(layers.Conv2D(3, 3), layers.Permute((2, 1, 3)), layers.Reshape((12, 21)), gru)(x),
        [1, None],
        [(1, 13), None],
    ),
    "recurrent backwards": (chain(layers.Reshape((9, 28)), lambda x: gru(x, go_backwards=True)), [0, None], [(9, 0), None]),
    "recurrent both ways": (
        lambda x: chain(layers.Reshape((9, 28)), layers.Bidirectional(layers.LSTM(2, return_sequences=True)))(x),
        [0, None],
        [(0, 9), None],
    ),
    "recurrent and padded": (
        lambda x: chain(layers.ZeroPadding2D((2, 0)), layers.Reshape((13, 28)), layers.SimpleRNN(2, return_sequences=True, use_bias=False))(
            x
        ),
        [0, None],
        [(-2, 11), None],
    ),
    "at each row": (lambda x: layers.TimeDistributed(layers.Conv1D(3, 3, strides=2))(x), [0, 1, None], [(0, 9), (0.5, 12.5), None]),
    "the last step": (lambda x: chain(layers.Reshape((9, 28)), layers.GRU(3))(x), [None], [None]),
    "one vector": (layers.Flatten(), [None], [None]),
    "merged axes": (layers.Reshape((6, 21, 2)), [None, None, None], [None, None, None]),
    "means": (lambda x: chain(layers.GlobalAveragePooling2D(), layers.Dense(4))(x), [None], [None]),
    "rows and columns as one": (
        chain(layers.Cropping2D(((0, 0), (0, 5))), branches(layers.Add(), layers.Identity(), layers.Permute((2, 1, 3)))),
        [None, None, None],
        [None, None, None],
    ),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_axes_are_followed_where_they_go(name):
    function, expected, where = SEQUENCES[name]
    found = assert_as_by_gradient(model_of(function), "end")
    assert axes(found) == expected
    assert spans(found) == where


def test_a_sequence_sees_what_it_has_gone_through():
    steps, _units = along(model_of(chain(layers.Reshape((9, 28)), gru)), "end")
    np.testing.assert_array_equal(steps.first, np.zeros(9))
    np.testing.assert_array_equal(steps.last, np.arange(9))


def test_channels_may_come_first():
    def function(data_format):
        return chain(
            layers.ZeroPadding2D((1, 0), data_format=data_format),
            lambda x: layers.Conv2D(3, (3, 4), strides=2, data_format=data_format)(x),
            layers.UpSampling2D((1, 2), data_format=data_format),
            layers.AveragePooling2D((1, 3), padding="same", data_format=data_format),
        )

    last = assert_as_by_gradient(model_of(function("channels_last")), "end")
    first = along(model_of(function("channels_first"), (2, 9, 14)), "end", "channels_first")
    assert (axes(last), axes(first)) == ([0, 1, None], [None, 0, 1])
    assert spans(last)[:2] == spans(first)[1:]
    for one, other in zip(last[:2], first[1:], strict=True):
        np.testing.assert_array_equal([one.first, one.last], [other.first, other.last])


class Doubling(layers.Layer):
    def call(self, x):
        return 2 * x


@pytest.mark.parametrize(
    "function",
    [Doubling(), layers.Lambda(lambda x: x), layers.Activation(lambda x: x), lambda x: keras.ops.flip(x, axis=1)],
    ids=["own layer", "lambda", "own activation", "operation"],
)
def test_a_layer_that_nothing_is_known_of_sees_everything(function):
    assert axes(along(model_of(function), "end")) == [None, None, None]
    beside = along(model_of(branches(layers.Add(), layers.Identity(), function)), "end")
    for one, size in zip(beside[:2], (9, 14), strict=True):
        assert (set(one.first), set(one.last), one.start, one.stop) == ({0}, {size - 1}, 0, size)


def test_cells_inside_zero_padding_see_nothing():
    rows, columns, _channels = along(model_of(layers.ZeroPadding2D((2, 3))), "end")
    np.testing.assert_array_equal(rows.last < rows.first, [row in (0, 1, 11, 12) for row in range(13)])
    np.testing.assert_array_equal(columns.first[3:-3], np.arange(14))


def test_gaps_on_the_way_never_hide_what_is_seen():
    model = positive(model_of(chain(*(layers.Conv2D(2, 3, dilation_rate=(2, 3), padding="same") for _ in range(2)))))
    for axis, one in enumerate(along(model, "end")[:2]):
        size = len(one.first)
        cells = np.zeros((size, 9, 14, 2))
        np.moveaxis(cells, axis + 1, 1)[range(size), range(size)] = 1
        first, last = ends(seen_by_gradient(model, "end", cells), axis + 1)
        assert (one.first <= first).all()
        assert (one.last >= last).all()
        np.testing.assert_array_equal([one.first[size // 2], one.last[size // 2]], [first[size // 2], last[size // 2]])


# Models


@pytest.mark.parametrize("address", ["backbone", "backbone/stem", "backbone/stem/conv", "backbone/add", "head/scores"])
def test_layers_of_nested_models_are_followed_to_the_input(address):
    found = assert_as_by_gradient(own_models.nested(), address)
    assert axes(found) == ([None] if address == "head/scores" else [0, 1, None])


@pytest.mark.parametrize("address", ["picture", "backbone/backbone_picture"])
def test_an_input_sees_itself(address):
    rows, columns, channels = along(own_models.nested(), address)
    np.testing.assert_array_equal([rows.first, rows.last], [range(12), range(12)])
    assert (columns.start, columns.stop, channels) == (0, 16, None)


@pytest.mark.parametrize("address", ["conv", "conv:1", "stem", "stem/inside", "stem:1/inside", "last"])
def test_each_use_of_a_shared_layer_or_model_sees_its_own(address):
    conv = layers.Conv2D(2, 3, strides=2, padding="same", name="conv")
    entry, picture = keras.Input((3, 3, 2)), keras.Input((12, 12, 2))
    stem = keras.Model(entry, layers.Conv2D(2, 2, padding="same", name="inside")(entry), name="stem")
    model = keras.Model(picture, layers.Conv2D(2, 2, name="last")(stem(stem(conv(conv(picture))))))
    assert axes(assert_as_by_gradient(model, address)) == [0, 1, None]


def test_a_nested_model_may_have_several_outputs():
    entry, picture = keras.Input((9, 14, 2)), keras.Input((9, 14, 2))
    near = layers.Conv2D(2, 3, padding="same")(entry)
    inner = keras.Model(entry, [near, layers.Conv2D(2, (5, 1), padding="same")(near)])
    model = keras.Model(picture, layers.Add(name="end")(inner(picture)))
    rows, columns, _channels = assert_as_by_gradient(model, "end")
    assert (rows.last[0], columns.last[0]) == (3, 1)


def test_the_last_state_of_a_layer_has_seen_everything():
    def function(x):
        steps, state = layers.GRU(3, return_sequences=True, return_state=True)(layers.Reshape((9, 28))(x))
        return layers.Add()([steps, layers.RepeatVector(9)(state)])

    steps, _units = assert_as_by_gradient(model_of(function), "end")
    assert (set(steps.first), set(steps.last), steps.start, steps.stop) == ({0}, {8}, 0, 9)


def tagger():
    """The convolutional recurrent network of Choi et al. (2017), with few channels: 96 mel bands of 1366 frames."""
    picture = keras.Input((96, 1366, 1))
    x = layers.BatchNormalization(axis=2, name="norm")(layers.ZeroPadding2D((0, 37), name="padding")(picture))
    for number, (channels, pool) in enumerate([(1, (2, 2)), (1, (3, 3)), (1, (4, 4)), (4, (4, 4))], 1):
        x = layers.Conv2D(channels, 3, padding="same", name=f"conv{number}")(x)
        x = layers.ELU()(layers.BatchNormalization()(x))
        x = layers.AveragePooling2D(pool, name=f"pool{number}")(x)
    x = layers.GRU(3, return_sequences=True, name="gru1")(layers.Reshape((15, 4), name="sequence")(x))
    return keras.Model(picture, layers.GRU(3, name="gru2")(x))


@pytest.mark.parametrize("address", ["pool4", "gru1"])
def test_a_network_over_time_sees_what_it_has_a_gradient_to(address):
    found = assert_as_by_gradient(tagger(), address)
    assert axes(found) == ([1, None] if address == "gru1" else [0, 1, None])


def test_where_a_network_over_time_lies_and_what_it_sees():
    model = tagger()
    bands, frames, _channel = along(model, "padding")
    np.testing.assert_array_equal(frames.last < frames.first, np.r_[np.ones(37), np.zeros(1366), np.ones(37)])
    bands, frames, _channels = along(model, "conv1")
    assert (bands.start, bands.stop, frames.start, frames.stop) == (0, 96, -37, 1403)
    bands, frames, _channels = along(model, "pool4")
    assert (bands.first.tolist(), bands.last.tolist(), bands.start, bands.stop) == ([0], [95], 0, 96)
    assert (frames.first[0], frames.last[-1], frames.start, frames.stop) == (0, 1365, -37, 1403)
    sequence, units = along(model, "sequence")
    assert (sequence.axis, units, along(model, "gru2")) == (1, None, (None,))
    np.testing.assert_array_equal([sequence.first, sequence.last], [frames.first, frames.last])


# Architecture -> its input, and three of its layers.
ARCHITECTURES = {
    "MobileNetV2": ((75, 64, 3), ["block_1_project_BN", "block_3_depthwise", "block_6_expand"]),
    "ResNet50": ((80, 64, 3), ["conv1_conv", "pool1_pool", "conv3_block1_out"]),
    "DenseNet121": ((80, 64, 3), ["pool1", "conv2_block3_concat", "pool2_conv"]),
    "InceptionV3": ((99, 90, 3), ["mixed0", "mixed1", "mixed3"]),
    "NASNetMobile": ((64, 64, 3), ["stem_bn1", "adjust_relu_1_stem_2", "normal_concat_0"]),
}


def with_means(layer):
    """Return a layer made anew as it is, or the mean in the place of the maximum, which has a gradient to all that it sees."""
    config = layer.get_config()
    return layers.AveragePooling2D.from_config(config) if isinstance(layer, layers.MaxPooling2D) else type(layer).from_config(config)


@pytest.mark.parametrize("name", [pytest.param(one, marks=() if one == "MobileNetV2" else pytest.mark.slow) for one in ARCHITECTURES])
def test_architectures_see_what_they_have_a_gradient_to(name):
    shape, addresses = ARCHITECTURES[name]
    options = {"alpha": 0.35} if name == "MobileNetV2" else {}
    with keras.StatelessScope(initialize_variables=False):  # weights are made of what is looked at only
        whole = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=shape, **options)
        beginning = keras.Model(whole.inputs, whole.get_layer(addresses[-1]).output)
    model = positive(keras.models.clone_model(beginning, clone_function=with_means))
    for address in addresses:
        rows, columns, _channels = along(model, address)
        size = (len(rows.first), len(columns.first))
        asked = [(0, 0), (size[0] // 2, size[1] // 2), (size[0] - 1, size[1] - 1)]
        cells = np.zeros((3, *size, model.get_layer(address).output.shape[-1]))
        for one, (row, column) in zip(cells, asked, strict=True):
            one[row, column] = 1
        seen = seen_by_gradient(model, address, cells)
        for one, places, axis in ((rows, [row for row, _ in asked], 1), (columns, [column for _, column in asked], 2)):
            np.testing.assert_array_equal([one.first[places], one.last[places]], ends(seen, axis))


def test_all_axes_are_unknown_without_one_picture_of_a_known_size():
    assert along(own_models.siamese(), "lstm") == (None,)
    assert along(own_models.open_sizes(), "conv") == (None, None, None)
    assert along(own_models.timed(), "gru") == (None,)
    entry, picture = keras.Input((None, None, 2)), keras.Input((9, 14, 2))
    open_inside = keras.Model(entry, layers.Conv2D(2, 3, name="conv")(entry), name="inner")
    model = keras.Model(picture, open_inside(picture))
    assert along(model, "inner") == along(model, "inner/conv") == (None, None, None)


def test_nothing_is_known_of_what_has_no_graph_or_is_not_there():
    assert along(own_models.reader(), "lstm") == ()
    assert along(own_models.nested(), "conv") == along(own_models.nested(), "backbone/conv") == ()
    assert along(own_models.nested(), "backbone:1") == along(own_models.nested(), "backbone/add/conv") == ()
