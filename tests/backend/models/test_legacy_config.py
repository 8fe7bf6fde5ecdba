import json

import h5py
import numpy as np
import pytest
import small_models as small

import explorer
from explorer.backend.models.compiling import modernise_training
from explorer.backend.models.files import load_model, open_model
from explorer.backend.models.legacy_config import hard_sigmoid_of_keras_2, is_old, modernise
from explorer.backend.models.topology import from_json
from explorer.backend.runtime.keras import keras
from explorer.errors import UnreadableModel

layers = keras.layers
KINDS = [small.sequential, small.functional, small.nested_at_the_end, small.timed, small.pictures]


def named(kind):
    return kind.__name__


@pytest.mark.parametrize(("version", "old"), [("2.15.0", True), ("1.2.2", True), ("2.3.0-tf", True), (None, True), ("3.0.0", False)])
def test_the_version_tells_what_is_old(version, old):
    assert is_old(version) is old


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_what_keras_3_wrote_is_left_as_it_is(kind):
    config = json.loads(kind().to_json())
    assert modernise(config, old=False) == config


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_a_whole_model_of_keras_2_answers_as_it_did(kind, tmp_path):
    model = small.moved(kind())
    loaded = load_model(small.save_as_keras_2(model, tmp_path / "old.h5"))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    small.assert_same_answers(model, loaded)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_a_topology_of_keras_2_is_built(kind):
    model = kind()
    built = from_json(json.dumps(small.json_of_keras_2(model)))
    assert [tuple(layer.output.shape) for layer in built.layers] == [tuple(layer.output.shape) for layer in model.layers]
    assert built.count_params() == model.count_params()


def test_groups_are_dropped_whatever_version_is_written(tmp_path):
    """Teachable Machine's exports carry it; some tools write the version of Keras that they run on."""
    model = small.moved(keras.Sequential([keras.Input((6, 6, 2)), layers.DepthwiseConv2D(3, name="depthwise")]))
    config = {"class_name": "Sequential", "config": model.get_config()}
    config["config"]["layers"][1]["config"]["groups"] = 1
    small.assert_same_answers(model, load_model(small.save_as_keras_2(model, tmp_path / "model.h5", config, version="3.15.1")))


def test_a_sequential_of_keras_2_0_without_name_and_input():
    dense = {"name": "first", "units": 3, "activation": "relu", "batch_input_shape": [None, 4]}
    stack = [{"class_name": "Dense", "config": dense}, {"class_name": "Dense", "config": {"name": "last", "units": 2}}]
    model = from_json(json.dumps({"class_name": "Sequential", "config": stack, "keras_version": "2.0.6", "backend": "tensorflow"}))
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 2)


def test_initialisers_of_tensorflow_1_with_their_dtype():
    initialiser = {"class_name": "Zeros", "config": {"dtype": "float32"}}
    dense = {"name": "first", "units": 3, "bias_initializer": initialiser, "batch_input_shape": [None, 4]}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Dense", "config": dense}]}}
    assert from_json(json.dumps({**config, "keras_version": "2.2.4-tf"})).output_shape == (None, 3)


def test_a_relu_whose_limit_was_written_as_an_array():
    relu = {"name": "relu", "max_value": {"type": "ndarray", "value": 6.0}, "batch_input_shape": [None, 4]}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "ReLU", "config": relu}]}}
    model = from_json(json.dumps({**config, "keras_version": "2.2.2"}))
    assert model.predict_on_batch(np.float32([[9, -1, 3, 6]])).tolist() == [[6, 0, 3, 6]]


def test_hard_sigmoid_is_as_steep_as_it_was():
    layer = {"name": "gate", "activation": "hard_sigmoid", "batch_input_shape": [None, 5]}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Activation", "config": layer}]}}
    x = np.float32([[-3, -1, 0, 1, 3]])
    old = from_json(json.dumps({**config, "keras_version": "2.2.4"}))
    np.testing.assert_allclose(old.predict_on_batch(x), [[0, 0.3, 0.5, 0.7, 1]], atol=1e-6)
    assert not np.allclose(keras.activations.hard_sigmoid(x), old.predict_on_batch(x))


def test_a_model_with_the_old_hard_sigmoid_can_be_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((5,)), layers.Activation(hard_sigmoid_of_keras_2)])
    model.save(tmp_path / "model.keras")
    small.assert_same_answers(model, load_model(tmp_path / "model.keras"))


def test_a_gru_of_keras_2_applies_its_reset_gate_before():
    gru = {"name": "gru", "units": 2, "batch_input_shape": [None, 3, 1]}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "GRU", "config": gru}]}}
    assert from_json(json.dumps({**config, "keras_version": "2.1.6"})).layers[0].reset_after is False


def test_mixed_precision_of_keras_2():
    dense = {
        "name": "d",
        "units": 2,
        "dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}},
        "batch_input_shape": [None, 4],
    }
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Dense", "config": dense}]}}
    assert from_json(json.dumps({**config, "keras_version": "2.9.0"})).layers[0].compute_dtype == "float16"


def arithmetic(function, constant):
    """Return the topology of a model that computes with TensorFlow's own function, as tf.keras wrote `x / 127.5`."""
    entry = {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    computed = {"name": "op", "trainable": True, "dtype": "float32", "function": function}
    graph = {
        "name": "prepared",
        "layers": [
            {"class_name": "InputLayer", "config": entry, "name": "x", "inbound_nodes": []},
            {"class_name": "TFOpLambda", "config": computed, "name": "op", "inbound_nodes": [["x", 0, 0, {"y": constant, "name": None}]]},
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["op", 0, 0]],
    }
    return json.dumps({"class_name": "Functional", "config": graph, "keras_version": "2.8.0", "backend": "tensorflow"})


@pytest.mark.parametrize(
    ("function", "constant", "expected"),
    [
        ("math.truediv", 127.5, [0, 1, 2]),
        ("math.subtract", 127.5, [-127.5, 0, 127.5]),
        ("math.multiply", 2, [0, 255, 510]),
        ("__operators__.add", 1, [1, 128.5, 256]),
    ],
)
def test_pixels_prepared_inside_a_model(function, constant, expected):
    model = from_json(arithmetic(function, constant))
    np.testing.assert_allclose(model.predict_on_batch(np.float32([[0, 127.5, 255]]))[0], expected, rtol=1e-6)


def test_a_tensor_among_the_keywords_of_a_call():
    entry = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3, 4], "name": "x"}, "name": "x", "inbound_nodes": []}
    config = {"name": "attend", "num_heads": 2, "key_dim": 3, "query_shape": [None, 3, 4], "key_shape": None, "value_shape": None}
    attend = {
        "class_name": "MultiHeadAttention",
        "config": config,
        "name": "attend",
        "inbound_nodes": [[["x", 0, 0, {"value": ["x", 0, 0]}]]],
    }
    graph = {"name": "m", "layers": [entry, attend], "input_layers": [["x", 0, 0]], "output_layers": [["attend", 0, 0]]}
    model = from_json(json.dumps({"class_name": "Functional", "config": graph, "keras_version": "2.12.0"}))
    assert model.output_shape == (None, 3, 4)


def test_the_names_of_layers_in_tensorflow_1():
    norm = {"name": "norm", "axis": [1], "batch_input_shape": [None, 3]}
    layers_of_old = [("BatchNormalizationV1", norm), ("BatchNormalizationV2", {"name": "other", "axis": [-1]})]
    config = {"name": "s", "layers": [{"class_name": name, "config": config} for name, config in layers_of_old]}
    model = from_json(json.dumps({"class_name": "Sequential", "config": config, "keras_version": "2.2.4-tf"}))
    assert [type(layer) for layer in model.layers] == [layers.BatchNormalization] * 2


def of_cudnn(gate, name):
    """Return one gate's kernel as cuDNN keeps it."""
    return gate.T if name == "recurrent_kernel" else gate.ravel(order="F").reshape(gate.shape)


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3)])
def test_layers_of_cudnn(kind, gates, tmp_path):
    """cuDNN keeps each gate's kernels transposed, and two biases: h = x K + b + h R + c."""
    model = small.moved(keras.Sequential([keras.Input((3, 2)), getattr(layers, kind)(4, name="memory")], name="s"))
    entry = {"name": "memory", "units": 4, "batch_input_shape": [None, 3, 2]}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": f"CuDNN{kind}", "config": entry}]}}
    path = small.save_as_keras_2(model, tmp_path / "old.h5", config, version="2.2.4")
    kernel, recurrent, bias = model.get_weights()
    halves = np.split(bias, 2) if gates == 3 else (bias / 4, bias * 3 / 4)
    plain = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": np.concatenate([half.ravel() for half in halves])}
    with h5py.File(path, "r+") as file:
        group = file["model_weights/memory"]
        places = {name.rsplit("/", 1)[1]: name for name in group.attrs["weight_names"]}
        for name, value in plain.items():
            del group[places[name]]
            group[places[name]] = value if name == "bias" else np.hstack([of_cudnn(one, name) for one in np.split(value, gates, 1)])
    small.assert_same_answers(model, load_model(path))


def test_names_with_slashes(tmp_path):
    model = small.moved(keras.Sequential([keras.Input((4,)), layers.Dense(3, name="conv1_conv"), layers.Dense(2, name="last")], name="m"))
    entries = [("InputLayer", {"name": "x", "batch_input_shape": [None, 4]}), ("Dense", {"name": "conv1/conv", "units": 3})]
    entries.append(("Dense", {"name": "last", "units": 2}))
    names = [config["name"] for _kind, config in entries]
    graph = {
        "name": "my/model",
        "layers": [
            {"class_name": kind, "config": config, "name": config["name"], "inbound_nodes": [[[before, 0, 0, {}]]] if before else []}
            for (kind, config), before in zip(entries, [None, *names], strict=False)
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["last", 0, 0]],
    }
    config = {"class_name": "Functional", "config": graph}
    path = small.save_as_keras_2(model, tmp_path / "slash.h5", config)
    network = explorer.load(path)
    small.assert_same_answers(model, network.model)
    assert network.layers["conv1/conv"] == network.layers["conv1_conv"] == network.layers[1]
    assert network.feature_maps(np.ones(4, "float32"), "conv1/conv").shape == (3,)


def test_inputs_and_outputs_in_dicts_and_lists():
    def layer(kind, name, *sources, **config):
        nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
        return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}

    graph = {
        "name": "m",
        "layers": [
            layer("InputLayer", "facts", batch_input_shape=[None, 3]),
            layer("InputLayer", "more", batch_input_shape=[None, 2]),
            layer("Concatenate", "both", "facts", "more"),
            layer("Dense", "age", "both", units=1),
            layer("Dense", "kind", "both", units=2),
        ],
        "input_layers": {"facts": ["facts", 0, 0], "more": ["more", 0, 0]},
        "output_layers": {"age": ["age", 0, 0], "kinds": [["kind", 0, 0], ["kind", 0, 0]]},
    }
    network = explorer.load(from_json(json.dumps({"class_name": "Functional", "config": graph, "keras_version": "2.12.0"})))
    assert [one.name for one in network.input_spec.inputs] == ["facts", "more"]
    assert [one.name for one in network.outputs] == ["age", "kinds/0", "kinds/1"]
    example = {"facts": np.ones(3, "float32"), "more": np.ones(2, "float32")}
    assert set(network.predict(example)) == {"age", "kinds/0", "kinds/1"}
    assert network.feature_maps(example, "both").shape == (5,)


def test_layers_that_are_gone_are_named():
    entry = {"name": "local", "filters": 2, "kernel_size": [3], "batch_input_shape": [None, 8, 3]}
    config = {"name": "s", "layers": [{"class_name": "LocallyConnected1D", "config": entry}]}
    with pytest.raises(UnreadableModel, match=r"the layer 'local', a LocallyConnected1D, which Keras 3 no longer has"):
        from_json(json.dumps({"class_name": "Sequential", "config": config, "keras_version": "2.4.0"}))


def training(loss, metrics=None, optimizer="Adam"):
    return {
        "loss": loss,
        "metrics": metrics,
        "weighted_metrics": None,
        "loss_weights": None,
        "optimizer_config": {
            "class_name": optimizer,
            "config": {"learning_rate": 0.01, "is_legacy_optimizer": False, "jit_compile": False},
        },
    }


ACCURACY = {"class_name": "MeanMetricWrapper", "config": {"name": "acc", "dtype": "float32", "fn": "categorical_accuracy"}}
ABSOLUTE = {"class_name": "MeanMetricWrapper", "config": {"name": "mae", "dtype": "float32", "fn": "mean_absolute_error"}}
SQUARED = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mean_squared_error", "fn": "mean_squared_error"}}


@pytest.mark.parametrize(
    ("how", "labels", "measures"),
    [
        (training("mse", [[ABSOLUTE]], "Custom>RMSprop"), np.eye(2), {"loss", "mean_absolute_error"}),
        (training(SQUARED), np.eye(2), {"loss"}),
        (training("sparse_categorical_crossentropy", [[ACCURACY]], "Custom>Adam"), np.arange(2), {"loss", "accuracy"}),
    ],
    ids=["short names", "an object", "accuracy of labels"],
)
def test_what_a_model_of_keras_2_was_compiled_with(how, labels, measures, tmp_path):
    loaded = load_model(small.save_as_keras_2(small.sequential(), tmp_path / "old.h5", training=how))
    assert loaded.compiled
    assert set(loaded.evaluate(small.examples(loaded), labels, verbose=0, return_dict=True)) == measures


def test_outputs_without_metrics(tmp_path):
    how = training({"kind": "sparse_categorical_crossentropy", "size": "mse"}, [[ACCURACY], [None]])
    loaded = load_model(small.save_as_keras_2(small.functional(), tmp_path / "old.h5", training=how))
    measured = loaded.evaluate(small.examples(loaded), [np.arange(2), np.ones(2)], verbose=0, return_dict=True)
    assert set(measured) == {"loss", "kind_loss", "size_loss", "kind_accuracy"}


def test_an_old_model_that_was_compiled_with_something_unknown_is_not_compiled(tmp_path):
    path = small.save_as_keras_2(small.sequential(), tmp_path / "old.h5", training=training("my_own_loss", optimizer="MyOptimizer"))
    assert not load_model(path).compiled


def test_what_is_not_at_hand_of_compile_is_left_out_with_a_note(tmp_path):
    function = {"module": "builtins", "class_name": "function", "config": "own_dice", "registered_name": "function"}
    own = {"module": "builtins", "class_name": "function", "config": "categorical_accuracy", "registered_name": "function"}
    metrics = [[{"class_name": "MeanMetricWrapper", "config": {"name": "f1", "fn": "f1"}}, own]]
    path = small.save_as_keras_2(small.sequential(), tmp_path / "metric.h5", training=training("categorical_crossentropy", metrics))
    opened = open_model(path)
    assert opened.model.compiled
    assert opened.notes == ("It was compiled with f1, which is not available and is left out.",)
    path = small.save_as_keras_2(small.sequential(), tmp_path / "loss.h5", training=training({"last": function}))
    network = explorer.load(path)
    assert not network.model.compiled
    assert "It was compiled with own_dice, which is not available, and is opened without being compiled." in network.input_spec.assumed
    assert load_model(path, {"own_dice": keras.losses.mean_squared_error}).compiled


def test_settings_that_keras_2_left_open_are_left_out():
    config = {"loss": "mse", "loss_weights": None, "run_eagerly": None, "steps_per_execution": None, "jit_compile": None}
    assert modernise_training(config) == {"loss": "mean_squared_error", "loss_weights": None}
