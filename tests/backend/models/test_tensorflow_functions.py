"""What Keras 2 computed between its layers with TensorFlow's functions, in small configs as tf.keras wrote them."""

import json

import h5py
import numpy as np
import pytest
import small_models as small

import explorer
from explorer.backend.models.clone import copy
from explorer.backend.models.files import load_model, save_model
from explorer.backend.models.tensorflow_functions import FUNCTIONS, known
from explorer.backend.models.topology import from_json
from explorer.backend.runtime.keras import keras
from explorer.errors import UnreadableModel

X = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
BIAS = np.float32([1, 2, 3])
ALL = {"start": None, "stop": None, "step": None}


def entry(name, shape, dtype="float32"):
    config = {"batch_input_shape": [None, *shape], "dtype": dtype, "sparse": False, "ragged": False, "name": name}
    return {"class_name": "InputLayer", "config": config, "name": name, "inbound_nodes": []}


def call(name, function, node, kind="TFOpLambda"):
    """Return a layer that calls a function once; a node is [name, 0, 0, keywords], or a list of them."""
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": [node]}


def dense(name, source, units=2):
    return {"class_name": "Dense", "config": {"name": name, "units": units}, "name": name, "inbound_nodes": [[[source, 0, 0, {}]]]}


def graph(*layers, outputs=None, name="model"):
    """Return the JSON of a model that ends with its last layer, as Keras 2 wrote it."""
    config = {
        "name": name,
        "layers": list(layers),
        "input_layers": [[one["name"], 0, 0] for one in layers if one["class_name"] == "InputLayer"],
        "output_layers": outputs or [[layers[-1]["name"], 0, 0]],
    }
    return {"class_name": "Functional", "config": config, "keras_version": "2.8.0", "backend": "tensorflow"}


def computed(function, keywords, x=X, kind="TFOpLambda"):
    model = from_json(json.dumps(graph(entry("x", x.shape[1:]), call("op", function, ["x", 0, 0, keywords], kind))))
    return np.asarray(model(x))


def l2(x):
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


ONE = {  # function -> keywords, what they give
    "math.abs": ({}, np.abs),
    "math.add": ({"y": 2}, lambda x: x + 2),
    "__operators__.add": ({"y": [1.0, 2.0, 3.0]}, lambda x: x + BIAS),
    "math.subtract": ({"y": [1.0, 2.0, 3.0], "name": None}, lambda x: x - [1, 2, 3]),
    "math.truediv": ({"y": 127.5, "name": None}, lambda x: x / 127.5),
    "math.maximum": ({"y": 0.1}, lambda x: np.maximum(x, 0.1)),
    "math.pow": ({"y": 2}, lambda x: x**2),
    "math.squared_difference": ({"y": 0.5}, lambda x: (x - 0.5) ** 2),
    "math.reduce_mean": ({"axis": [1, 2], "keepdims": True}, lambda x: x.mean((1, 2), keepdims=True)),
    "math.reduce_max": ({"axis": -1}, lambda x: x.max(-1)),
    "math.reduce_variance": ({"axis": 1}, lambda x: x.var(1)),
    "math.l2_normalize": ({"axis": -1}, l2),
    "compat.v1.norm": ({"ord": "euclidean", "axis": -1, "keepdims": None}, lambda x: np.sqrt((x**2).sum(-1))),
    "math.argmax": ({"axis": -1}, lambda x: x.argmax(-1)),
    "nn.relu6": ({}, lambda x: np.clip(x, 0, 6)),
    "nn.leaky_relu": ({"alpha": 0.1}, lambda x: np.where(x > 0, x, 0.1 * x)),
    "nn.softmax": ({}, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    "nn.bias_add": ({"bias": [1.0, 2.0, 3.0], "data_format": "NHWC"}, lambda x: x + BIAS),
    "nn.max_pool2d": ({"ksize": [1, 2, 2, 1], "strides": 2, "padding": "VALID"}, lambda x: x.reshape(2, 2, 2, 2, 2, 3).max((2, 4))),
    "cast": ({"dtype": "<dtype: 'int32'>"}, lambda x: x.astype("int32")),
    "clip_by_value": ({"clip_value_min": -0.5, "clip_value_max": 0.5}, lambda x: x.clip(-0.5, 0.5)),
    "reshape": ({"shape": [-1, 48]}, lambda x: x.reshape(2, 48)),
    "expand_dims": ({"axis": 1}, lambda x: x[:, None]),
    "compat.v1.transpose": ({"perm": [0, 3, 1, 2], "conjugate": False}, lambda x: x.transpose(0, 3, 1, 2)),
    "compat.v1.pad": (
        {"paddings": [[0, 0], [1, 1], [0, 0], [0, 0]], "mode": "REFLECT", "constant_values": 0},
        lambda x: np.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0)], "reflect"),
    ),
    "compat.v1.gather": ({"indices": [2, 0], "axis": -1, "batch_dims": 0, "validate_indices": None}, lambda x: x[..., [2, 0]]),
    "tile": ({"multiples": [1, 2, 1, 1]}, lambda x: np.tile(x, (1, 2, 1, 1))),
    "reverse": ({"axis": [-1]}, lambda x: x[..., ::-1]),
    "image.flip_left_right": ({}, lambda x: x[:, :, ::-1]),
    "image.resize": ({"size": [2, 2], "method": "nearest"}, lambda x: x[:, 1::2, 1::2]),
    "image.per_image_standardization": (
        {},
        lambda x: (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True),
    ),
    "slice": ({"begin": [0, 1, 1, 0], "size": [-1, 2, 2, 3]}, lambda x: x[:, 1:3, 1:3]),
    "strided_slice": ({"begin": [0, 0, 0, 0], "end": [2, 4, 4, 3], "strides": [1, 2, 2, 1]}, lambda x: x[:, ::2, ::2]),
    "tensordot": ({"b": [[1.0], [2.0], [3.0]], "axes": 1}, lambda x: x @ np.float32([[1], [2], [3]])),
}


@pytest.mark.parametrize("function", ONE)
def test_a_function_of_one_tensor(function):
    keywords, expected = ONE[function]
    np.testing.assert_allclose(computed(function, keywords), expected(X), rtol=1e-5, atol=1e-6)


ELLIPSIS = {"class_name": "__ellipsis__"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ([ELLIPSIS, {**ALL, "step": -1}], X[..., ::-1]),
        (["Ellipsis", {**ALL, "step": -1}], X[..., ::-1]),
        ([ALL, 0], X[:, 0]),
        ([ALL, -1, {"start": 1, "stop": -1, "step": 2}], X[:, -1, 1:-1:2]),
        ([ELLIPSIS, None], X[..., None]),
        ([ALL, None, ELLIPSIS], X[:, None]),
    ],
)
def test_slices(key, expected):
    got = computed("__operators__.getitem", {"slice_spec": key}, kind="SlicingOpLambda")
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("function", "expected"), [("math.subtract", 1 - X), ("math.truediv", 1 / X), ("math.pow", 2.0**X)])
def test_a_constant_on_the_left(function, expected):
    constant = 2.0 if function == "math.pow" else 1.0
    layers = entry("x", (4, 4, 3)), call("op", function, ["_CONSTANT_VALUE", -1, constant, {"y": ["x", 0, 0], "name": None}])
    np.testing.assert_allclose(np.asarray(from_json(json.dumps(graph(*layers)))(X)), expected, rtol=1e-5)


def test_lists_of_tensors_and_several_outputs():
    """Split, multiply two of the parts, stack all three beside each other."""
    layers = (
        entry("x", (4, 4, 3)),
        call("parts", "split", ["x", 0, 0, {"num_or_size_splits": 3, "axis": -1}]),
        call("product", "math.multiply", ["parts", 0, 0, {"y": ["parts", 0, 2], "name": None}]),
        call("joined", "concat", [["product", 0, 0, {"axis": -1}], ["parts", 0, 1, {"axis": -1}], ["x", 0, 0, {"axis": -1}]]),
    )
    got = np.asarray(from_json(json.dumps(graph(*layers)))(X))
    np.testing.assert_allclose(got, np.concatenate([X[..., :1] * X[..., 2:], X[..., 1:2], X], -1), rtol=1e-6)


def test_shapes_that_are_computed():
    """As in tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1] * tf.shape(x)[2], 3])."""
    shape = [call(f"shape_{axis}", "compat.v1.shape", ["x", 0, 0, {"name": None, "out_type": "int32"}]) for axis in range(3)]
    size = [
        call(f"size_{axis}", "__operators__.getitem", [f"shape_{axis}", 0, 0, {"slice_spec": axis}], "SlicingOpLambda") for axis in range(3)
    ]
    product = call("area", "math.multiply", ["size_1", 0, 0, {"y": ["size_2", 0, 0], "name": None}])
    reshape = call("flat", "reshape", ["x", 0, 0, {"shape": [["size_0", 0, 0], ["area", 0, 0], 3]}])
    model = from_json(json.dumps(graph(entry("x", (4, 4, 3)), *shape, *size, product, reshape)))
    assert model.output_shape == (None, 16, 3)
    np.testing.assert_array_equal(np.asarray(model(X)), X.reshape(2, 16, 3))


def test_a_condition():
    layers = (
        entry("x", (4, 4, 3)),
        call("large", "math.greater", ["x", 0, 0, {"y": 0.5, "name": None}]),
        call("kept", "where", ["large", 0, 0, {"x": ["x", 0, 0], "y": 0.0}]),
    )
    np.testing.assert_array_equal(np.asarray(from_json(json.dumps(graph(*layers)))(X)), np.where(X > 0.5, X, 0))


def test_operations_of_tensorflow_2_0_to_2_3():
    """TensorFlowOpLayer: a node of TensorFlow's graph, with its constants beside it."""

    def node(name, operation, sources, constants, **attributes):
        config = {"name": name, "node_def": json.dumps({"name": name, "op": operation, "attr": attributes}), "constants": constants}
        return {"class_name": "TensorFlowOpLayer", "config": config, "name": f"tf_op_layer_{name}", "inbound_nodes": [sources]}

    layers = (
        entry("x", (4, 4, 3)),
        node("sub", "Sub", [["x", 0, 0, {}]], {"0": 1.0}, T={"type": "DT_FLOAT"}),
        node(
            "slice",
            "StridedSlice",
            [["tf_op_layer_sub", 0, 0, {}]],
            {"1": [0, 0], "2": [0, 1], "3": [1, 1]},
            begin_mask={"i": "1"},
            end_mask={"i": "1"},
            shrink_axis_mask={"i": "2"},
        ),
        node("mean", "Mean", [["tf_op_layer_slice", 0, 0, {}]], {"1": [1]}, keep_dims={"b": True}),
    )
    got = np.asarray(from_json(json.dumps(graph(*layers)))(X))
    np.testing.assert_allclose(got, (1 - X)[:, 0].mean(1, keepdims=True), rtol=1e-5, atol=1e-6)


CAFFE = (
    entry("picture", (8, 8, 3)),
    call(
        "tf.__operators__.getitem",
        "__operators__.getitem",
        ["picture", 0, 0, {"slice_spec": [ELLIPSIS, {**ALL, "step": -1}]}],
        "SlicingOpLambda",
    ),
    call("tf.nn.bias_add", "nn.bias_add", ["tf.__operators__.getitem", 0, 0, {"bias": [-103.9, -116.8, -123.7], "data_format": "NHWC"}]),
    call("tf.math.reduce_mean", "math.reduce_mean", ["tf.nn.bias_add", 0, 0, {"axis": [1, 2]}]),
    dense("scores", "tf.math.reduce_mean"),
)


@pytest.fixture
def caffe(tmp_path):
    """A file of Keras 2 whose model prepares its pictures itself, as `resnet50.preprocess_input` does."""
    model = from_json(json.dumps(graph(*CAFFE)))
    return small.save_as_keras_2(small.moved(model), tmp_path / "caffe.h5", graph(*CAFFE))


def test_each_function_can_be_looked_at_by_its_name(caffe):
    network = explorer.load(caffe)
    picture = (255 * np.random.default_rng(0).random((8, 8, 3))).astype("uint8")
    names = [row.name for row in network.layers.rows]
    assert names == [layer["name"] for layer in CAFFE]
    assert [row.name for row in network.layers] == ["picture", "scores"]
    assert network.input_spec.preprocess_mode == "none"
    prepared = picture[..., ::-1] - np.float32([103.9, 116.8, 123.7])
    np.testing.assert_allclose(network.feature_maps(picture, "tf.nn.bias_add"), prepared, rtol=1e-5)
    np.testing.assert_allclose(network.feature_maps(picture, "tf.math.reduce_mean"), prepared.mean((0, 1)), rtol=1e-4)
    assert eval(network.layers.find("tf.nn.bias_add").code, {"model": network.model}).output.shape == (None, 8, 8, 3)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_what_was_opened_is_saved_as_keras_opens_it(caffe, ending, tmp_path):
    model = load_model(caffe)
    save_model(model, tmp_path / f"again{ending}")
    small.assert_same_answers(model, load_model(tmp_path / f"again{ending}"))
    small.assert_same_answers(model, keras.saving.load_model(tmp_path / f"again{ending}", compile=False))
    small.assert_same_answers(model, copy(model))


def test_weights_stay_with_their_layers_where_functions_become_several_operations(tmp_path):
    """Matmul with a transposed operand is two operations, which moves the layer before it among those of Keras 3."""
    layers = (
        entry("x", (3, 4)),
        dense("query", "x", 4),
        dense("key", "x", 4),
        call("product", "linalg.matmul", ["query", 0, 0, {"b": ["key", 0, 0], "transpose_b": True}]),
    )
    model = small.moved(from_json(json.dumps(graph(*layers))))
    assert [layer.name for layer in model.layers] != ["x", "query", "key"]
    path = small.save_as_keras_2(model, tmp_path / "old.h5", graph(*layers))
    with h5py.File(path, "r+") as file:
        file["model_weights"].attrs["layer_names"] = [b"x", b"query", b"key"]
    opened = load_model(path)
    for name in ("query", "key"):
        np.testing.assert_array_equal(opened.get_layer(name).get_weights()[0], model.get_layer(name).get_weights()[0])


def test_a_nested_model_with_functions_inside():
    inner = graph(entry("y", (4,)), call("twice", "math.multiply", ["y", 0, 0, {"y": 2.0, "name": None}]), name="inner")
    nested = {**inner, "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]}
    del nested["keras_version"], nested["backend"]
    model = from_json(json.dumps(graph(entry("x", (4,)), nested, outputs=[["inner", 2, 0]])))
    x = np.float32([[1, 2, 3, 4]])
    np.testing.assert_array_equal(np.asarray(model(x)), 4 * x)
    model = explorer.load(model)
    np.testing.assert_array_equal(model.feature_maps(x[0], "inner/twice"), 2 * x[0])


HOSTILE = [
    "io.read_file",
    "io.write_file",
    "py_function",
    "numpy_function",
    "raw_ops.ReadFile",
    "load_op_library",
    "debugging.assert_equal",
    "io.gfile.remove",
    "keras.utils.get_file",
    "strings.format",
    "random.uniform",
    "no.such.function",
    "einsum",
]


@pytest.mark.parametrize("kind", ["TFOpLambda", "SlicingOpLambda"])
@pytest.mark.parametrize("function", HOSTILE)
def test_functions_that_are_not_known_to_be_harmless_are_refused_by_name(function, kind):
    text = json.dumps(graph(entry("x", (4,)), call("bad", function, ["x", 0, 0, {}], kind)))
    with pytest.raises(UnreadableModel, match=rf"calls tf\.{function} in its layer 'bad'.*put a layer of Keras in its place") as refused:
        from_json(text)
    assert "custom_objects" not in str(refused.value)


def test_other_calls_of_tensorflow_are_refused_by_name():
    layer = call("bad", "", ["x", 0, 0, {}], "ClassMethod")
    layer["config"] = {"name": "bad", "cls_symbol": "RaggedTensor", "method_name": "from_tensor"}
    with pytest.raises(UnreadableModel, match=r"calls tf\.RaggedTensor\.from_tensor"):
        from_json(json.dumps(graph(entry("x", (4,)), layer)))
    node = {"class_name": "TensorFlowOpLayer", "name": "tf_op_layer_r", "inbound_nodes": [[["x", 0, 0, {}]]]}
    node["config"] = {"name": "r", "node_def": {"op": "ReadFile"}, "constants": {}}
    with pytest.raises(UnreadableModel, match=r"calls tf\.raw_ops\.ReadFile"):
        from_json(json.dumps(graph(entry("x", (4,)), node)))


def test_a_function_named_in_the_words_of_explorer_is_no_way_in():
    entry_of_ours = {"class_name": "Dense", "registered_name": "explorer>TensorFlowFunction", "module": "keras.layers"}
    layer = {**entry_of_ours, "config": {"name": "bad", "function": "io.read_file"}, "name": "bad"}
    layer["inbound_nodes"] = [{"args": ["/etc/passwd"], "kwargs": {}}]
    text = {**graph(entry("x", (4,)), layer), "keras_version": "3.0.0", "module": "keras"}
    with pytest.raises(UnreadableModel):
        from_json(json.dumps(text))


def test_only_arithmetic_is_in_the_list():
    spaces = {name.rpartition(".")[0] for name in FUNCTIONS}
    assert spaces == {"", "__operators__", "image", "keras.backend", "linalg", "math", "nn"}
    assert known("compat.v1.transpose") is known("transpose")


def test_a_call_that_keras_3_can_not_do_is_said():
    with pytest.raises(UnreadableModel, match=r"the layer 'op' calls tf\.math\.tanh in a way that Keras 3 has no operation for"):
        computed("math.tanh", {"y": 1})


def test_constants_alone_compute_nothing_large():
    layers = entry("x", (4,)), call("huge", "tile", ["_CONSTANT_VALUE", -1, [1.0], {"multiples": [10**10]}])
    with pytest.raises(UnreadableModel, match="constants alone"):
        from_json(json.dumps(graph(*layers)))


def test_a_model_with_functions_is_fine_tuned(caffe, tmp_path):
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (8, 8, 8, 3), dtype="uint8")
    run = explorer.fine_tune(explorer.load(caffe), (pictures, np.arange(8) % 2), train_from="tf.nn.bias_add")
    assert "tf.nn.bias_add" in run.network.layers
    run.network.save(tmp_path / "tuned.keras")
    tuned = keras.saving.load_model(tmp_path / "tuned.keras", compile=False)
    assert [one.name for one in tuned.operations] == [one.name for one in run.network.model.operations]
    for one, other in zip(tuned.get_weights(), run.network.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
