import h5py
import numpy as np
import pytest

from explorer.backend.architectures import resnext
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.errors import ExplorerError

SHAPE = (64, 64, 3)
STAGES = (3, 4, 6, 3)
ANSWERS = ("conv1_relu", "conv2_block1_out", "conv3_block4_2_relu", "conv5_block3_out", "avg_pool", "probs")  # layers from first to last


# The construction whose weights keras-applications published, up to its last release 1.0.8 (`sums="reduce"`), and that of
# its last commits (`sums="gconv"`): both add up the channels of a depthwise convolution.


def published_grouped(x, name, filters, stride, groups, sums):
    layers, width = keras.layers, filters // groups
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name=f"{name}_2_pad")(x)
    x = layers.DepthwiseConv2D(3, strides=stride, depth_multiplier=width, use_bias=False, name=f"{name}_2_conv")(x)
    if sums == "reduce":
        side = x.shape[1:-1]
        x = layers.Reshape((*side, groups, width, width))(x)
        x = layers.Lambda(lambda x: sum(x[:, :, :, :, i] for i in range(width)), name=f"{name}_2_reduce")(x)
        return layers.Reshape((*side, filters))(x)
    kernel = np.zeros((1, 1, filters * width, filters), np.float32)
    for i in range(filters):
        start = (i // width) * width * width + i % width
        kernel[:, :, start : start + width * width : width, i] = 1.0
    gconv = layers.Conv2D(filters, 1, use_bias=False, trainable=False, name=f"{name}_2_gconv")
    x = gconv(x)
    gconv.set_weights([kernel])
    return x


def published_block(x, name, filters, stride, project):
    layers, shortcut = keras.layers, x
    if project:
        shortcut = layers.Conv2D(2 * filters, 1, strides=stride, use_bias=False, name=f"{name}_0_conv")(x)
        shortcut = layers.BatchNormalization(axis=3, epsilon=1.001e-5, name=f"{name}_0_bn")(shortcut)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(x)
    x = layers.BatchNormalization(axis=3, epsilon=1.001e-5, name=f"{name}_1_bn")(x)
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = published_grouped(x, name, filters, stride, 32, "reduce")
    x = layers.BatchNormalization(axis=3, epsilon=1.001e-5, name=f"{name}_2_bn")(x)
    x = layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = layers.Conv2D(2 * filters, 1, use_bias=False, name=f"{name}_3_conv")(x)
    x = layers.BatchNormalization(axis=3, epsilon=1.001e-5, name=f"{name}_3_bn")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def published_resnext50(shape):
    layers = keras.layers
    inputs = keras.Input(shape)
    x = layers.ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(inputs)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.BatchNormalization(axis=3, epsilon=1.001e-5, name="conv1_bn")(x)
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, (filters, blocks) in enumerate(zip((128, 256, 512, 1024), STAGES, strict=True), start=2):
        for block in range(1, blocks + 1):
            x = published_block(x, f"conv{stage}_block{block}", filters, 2 if stage > 2 and block == 1 else 1, block == 1)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(inputs, layers.Dense(1000, activation="softmax", name="probs")(x), name="resnext50")


def randomised(model, seed=0):
    """Give the statistics of the normalisations values of their own too, such that activations stay in range."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean = random.normal(0, 0.3, (3, *layer.gamma.shape))
            layer.set_weights([1 + gamma, beta, mean, random.uniform(0.5, 1.5, mean.shape)])
    return model


def save_as_keras_2(model, path, without=(), **more):
    """Write the weights in the layout of Keras 2.2: a group by layer, whose attributes name its weights; `more` adds layers."""
    layers = {layer.name: {weight.name: weight.numpy() for weight in layer.weights} for layer in model.layers if layer.name not in without}
    layers |= {name: {"kernel": kernel} for name, kernel in more.items()}
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([name.encode() for name in layers])
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.2.4"
        for name, values in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array([f"{name}/{weight}:0".encode() for weight in values])
            for weight, value in values.items():
                group.create_dataset(f"{name}/{weight}:0", data=value)
    return path


def answers(model, batch, layers):
    """Return what these layers answer, compiled: one by one, Keras compiles each grouped convolution anew at each call."""
    recording = keras.Model(model.inputs, [model.get_layer(name).output for name in layers])
    run = tensorflow.function(lambda batch: keras.tree.flatten(recording(batch, training=False)))
    return dict(zip(layers, (answer.numpy() for answer in run(tensorflow.constant(batch))), strict=True))


def assert_same(got, expected):
    """To float32's precision, measured on the largest value of each layer."""
    for name, wanted in expected.items():
        assert wanted.std() > 1e-4, name
        np.testing.assert_allclose(got[name], wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max(), err_msg=name)


def pixels(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


@pytest.fixture(scope="module")
def published():
    keras.utils.set_random_seed(0)
    return randomised(published_resnext50(SHAPE))


@pytest.fixture(scope="module")
def expected(published):
    return answers(published, pixels(2, *SHAPE), ANSWERS)


@pytest.fixture(scope="module")
def file(published, tmp_path_factory):
    return save_as_keras_2(published, tmp_path_factory.mktemp("weights") / "resnext50_weights_tf_dim_ordering_tf_kernels.h5")


@pytest.fixture(scope="module")
def loaded(file):
    return resnext.ResNeXt50(weights=file, input_shape=SHAPE)


def structure(make="ResNeXt50", **options):
    """Return a network whose weights are never made."""
    with keras.StatelessScope(initialize_variables=False):
        return getattr(resnext, make)(**options)


def assert_same_weights(model, other):
    """Check that the layers of a network have the weights that those of another have."""
    for layer in model.layers:
        for got, wanted in zip(layer.get_weights(), other.get_layer(layer.name).get_weights() if layer.weights else (), strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(("make", "parameters", "stages"), [("ResNeXt50", 25_097_128, STAGES), ("ResNeXt101", 44_315_560, (3, 4, 23, 3))])
def test_the_architecture_is_that_of_the_paper(make, parameters, stages):
    model = structure(make)
    assert model.name == make.lower()
    assert model.count_params() == parameters
    assert (model.input_shape, model.output_shape) == ((None, 224, 224, 3), (None, 1000))
    assert model.get_layer("conv5_block3_out").output.shape[1:] == (7, 7, 2048)
    grouped = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1]
    blocks = [(stage, block) for stage, count in enumerate(stages, start=2) for block in range(1, count + 1)]
    assert [(layer.name, layer.groups) for layer in grouped] == [(f"conv{stage}_block{block}_2_conv", 32) for stage, block in blocks]


def test_the_layers_are_named_as_the_published_ones(loaded, published):
    names = [layer.name for layer in published.layers[1:] if not layer.name.startswith("reshape") and not layer.name.endswith("_2_reduce")]
    assert sorted(layer.name for layer in loaded.layers[1:]) == sorted(names)


def test_published_weights_give_the_published_answers(loaded, expected):
    assert_same(answers(loaded, pixels(2, *SHAPE), ANSWERS), expected)


def test_published_weights_without_the_top(published, loaded, tmp_path):
    file = save_as_keras_2(published, tmp_path / "resnext50_weights_tf_dim_ordering_tf_kernels_notop.h5", without=("avg_pool", "probs"))
    model = resnext.ResNeXt50(include_top=False, weights=file)
    assert model.input_shape == (None, None, None, 3)
    assert model.layers[-1].name == "conv5_block3_out"
    assert_same_weights(model, loaded)


def test_another_number_of_classes_and_weights_for_1000(file):
    model = structure(input_shape=SHAPE, classes=10, classifier_activation=None)
    assert model.output_shape == (None, 10)
    assert model.layers[-1].activation is keras.activations.linear
    with pytest.raises(ExplorerError, match=r"does not hold the weights of resnext50: the layer 'probs' has weights of the shapes"):
        resnext.load_weights(model, file)


@pytest.mark.parametrize(("pooling", "pool"), [("avg", np.mean), ("max", np.max)])
def test_pooling(pooling, pool):
    model = structure(include_top=False, pooling=pooling)
    assert model.output_shape == (None, 2048)
    features = pixels(2, 3, 4, 2048)
    pooled = keras.Model(model.get_layer("conv5_block3_out").output, model.output)(features)
    np.testing.assert_allclose(pooled, pool(features, axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_it_is_built_on_any_tensor_and_leaves_what_comes_before_it_alone(file, expected):
    inputs = keras.Input((None, None, 3), name="pixels")
    half = keras.layers.Conv2D(3, 1, use_bias=False, name="half")
    before = keras.Model(inputs, half(inputs))
    half.set_weights([np.eye(3).reshape(1, 1, 3, 3) / 2])
    model = resnext.ResNeXt50(weights=file, input_tensor=before.output)
    assert [one.name for one in model.inputs] == ["pixels"]
    assert model.output_shape == (None, 1000)
    early = ANSWERS[:2]
    assert_same(answers(model, 2 * pixels(2, *SHAPE), early), {name: expected[name] for name in early})


@pytest.mark.parametrize(
    ("include_top", "shape"),
    [(True, (None, None, 3)), (True, (31, 224, 3)), (False, (224, 31, 3)), (False, (224, 224)), (True, (1, 224, 224, 3))],
)
def test_shapes_are_refused_that_keras_applications_refuses(include_top, shape):
    for make in (resnext.ResNeXt50, keras.applications.ResNet50):
        with pytest.raises(ValueError, match=r"input_shape|Input size"):
            make(include_top=include_top, weights=None, input_shape=shape)


def test_shapes_are_checked_in_the_order_of_the_axes(channels_first):
    with pytest.raises(ExplorerError, match="32 pixels or more"):
        resnext.ResNeXt50(include_top=False, input_shape=(64, 64, 31))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pooling": "mean"}, "pooling must be None, 'avg' or 'max', not 'mean'"),
        ({"input_tensor": np.zeros((1, 64, 64, 3))}, "input_tensor must be a Keras tensor, not ndarray"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ExplorerError, match=words):
        resnext.ResNeXt50(include_top=False, **options)


def test_the_weights_of_another_network_are_refused(loaded, tmp_path):
    with keras.StatelessScope(initialize_variables=False):
        whole = keras.applications.ResNet50(weights=None, include_top=False)
        beginning = keras.Model(whole.input, whole.get_layer("conv1_bn").output)
    file = save_as_keras_2(keras.models.clone_model(beginning), tmp_path / "resnet50.h5")
    with pytest.raises(ExplorerError, match=r"resnet50\.h5 does not hold the weights of resnext50: the layer 'conv1_conv' has weights"):
        resnext.load_weights(loaded, file)


def test_pixels_are_prepared_as_torch_does(photo):
    expected = (photo / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(resnext.preprocess_input(photo[None]), expected[None], rtol=1e-5, atol=1e-6)
    first = resnext.preprocess_input(np.moveaxis(photo, -1, 0)[None], data_format="channels_first")
    np.testing.assert_allclose(first, np.moveaxis(expected, -1, 0)[None], rtol=1e-5, atol=1e-6)


# One grouped convolution and its normalisation, as a block has them, with other numbers of groups.


def small(groups, width, sums=None, seed=0):
    inputs, filters = keras.Input((5, 5, groups * width)), groups * width
    if sums:
        x = published_grouped(inputs, "a", filters, 2, groups, sums)
    else:
        x = keras.layers.ZeroPadding2D(1, name="a_2_pad")(inputs)
        x = keras.layers.Conv2D(filters, 3, strides=2, groups=groups, use_bias=False, name="a_2_conv")(x)
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="a_2_bn")(x), name="small")
    return randomised(model, seed)


def answer_and_gradient(model, batch):
    def run(batch):
        with tensorflow.GradientTape() as tape:
            tape.watch(batch)
            answer = model(batch, training=False)
            total = tensorflow.reduce_sum(answer**2)
        return {"answer": answer, "gradient": tape.gradient(total, batch)}

    return {name: one.numpy() for name, one in tensorflow.function(run)(tensorflow.constant(batch)).items()}


@pytest.mark.parametrize("sums", ["reduce", "gconv"])
@pytest.mark.parametrize(("groups", "width"), [(2, 1), (2, 5), (8, 4)])
def test_any_number_of_groups(groups, width, sums, tmp_path):
    old, new = small(groups, width, sums, seed=1), small(groups, width, seed=2)
    resnext.load_weights(new, save_as_keras_2(old, tmp_path / "old.h5"))
    batch = pixels(2, 5, 5, groups * width)
    assert_same(answer_and_gradient(new, batch), answer_and_gradient(old, batch))
    np.testing.assert_array_equal(
        resnext.grouped_kernel(old.get_layer("a_2_conv").get_weights()[0], groups), new.get_layer("a_2_conv").kernel
    )


@pytest.mark.parametrize("name", ["own.weights.h5", "own.h5", "own.keras"])
def test_files_of_the_grouped_network_itself(name, tmp_path):
    saved, model = small(4, 2, seed=1), small(4, 2, seed=2)
    (saved.save_weights if name == "own.weights.h5" else saved.save)(tmp_path / name)
    resnext.load_weights(model, tmp_path / name)
    for got, wanted in zip(model.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(got, wanted)


def with_one_channel_left_out(path):
    with h5py.File(path, "r+") as file:
        file["a_2_gconv/a_2_gconv/kernel:0"][0, 0, 0, 0] = 0
    return path


def with_a_link_elsewhere(path):
    with h5py.File(path, "r+") as file:
        file.copy("a_2_bn", file, name="kept")
        del file["a_2_bn"]
        with h5py.File(path.with_name("elsewhere.h5"), "w") as elsewhere:
            file.copy("kept", elsewhere, name="a_2_bn")
        file["a_2_bn"] = h5py.ExternalLink("elsewhere.h5", "/a_2_bn")
    return path


def with_other_text(path):
    path.write_text("no weights")
    return path


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (lambda path: save_as_keras_2(small(4, 2, "gconv"), path, without=("a_2_bn",)), "the layer 'a_2_bn' is missing"),
        (lambda path: save_as_keras_2(small(4, 2, "gconv"), path, without=("a_2_conv",)), "the layer 'a_2_conv' is missing"),
        (lambda path: save_as_keras_2(small(4, 2), path, b_2_conv=np.zeros((1, 1))), "the network has no layer 'b_2_conv'"),
        (lambda path: save_as_keras_2(small(4, 2), path, a_2_gconv=np.zeros((1, 1))), "the network has no layer 'a_2_gconv'"),
        (lambda path: save_as_keras_2(small(4, 3, "reduce"), path), "the layer 'a_2_conv' has weights of the shapes"),
        (lambda path: save_as_keras_2(small(2, 4, "reduce"), path), "the layer 'a_2_conv' has weights of the shapes"),
        (lambda path: save_as_keras_2(small(4, 2, "reduce"), path, a_2_gconv=np.zeros((1, 1))), "'a_2_gconv' does not just add up"),
        (lambda path: with_one_channel_left_out(save_as_keras_2(small(4, 2, "gconv"), path)), "'a_2_gconv' does not just add up"),
        (lambda path: with_a_link_elsewhere(save_as_keras_2(small(4, 2), path)), "leads to data outside itself at 'a_2_bn'"),
        (with_other_text, ""),
    ],
)
def test_other_files_are_refused_by_the_name_of_the_layer_and_change_nothing(write, why, tmp_path):
    file, model = write(tmp_path / "other.h5"), small(4, 2, seed=2)
    before = model.get_weights()
    with pytest.raises(ExplorerError, match=rf"other\.h5 does not hold the weights of small: .*{why}"):
        resnext.load_weights(model, file)
    for got, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_a_file_of_keras_3_of_another_network_is_refused_by_the_name_of_the_layer(tmp_path):
    small(4, 3).save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ExplorerError, match=r"does not hold the weights of small: .*a_2_conv"):
        resnext.load_weights(small(4, 2), tmp_path / "other.weights.h5")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ExplorerError, match=r"There is no weights file .*nowhere\.h5"):
        resnext.load_weights(small(4, 2), tmp_path / "nowhere.h5")
