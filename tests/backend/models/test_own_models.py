"""Models of the user's own, of every kind, held against Keras itself."""

import re
import warnings

import numpy as np
import own_models
import pytest

import explorer
from explorer.backend import loading
from explorer.backend.inputs import images
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import inbound_nodes
from explorer.errors import ExplorerError, UnknownName, UnreadableExample
from explorer.values import AdoptedModel

layers = keras.layers


@pytest.fixture(scope="module", params=own_models.WITH_GRAPH, ids=lambda make: make.__name__)
def graph(request):
    """A model that has a graph, the network around it, an example for it and what the model reads then."""
    model = own_models.shaken(request.param)
    network = explorer.load(model)
    if network.input_spec.kind == "image":
        example = np.random.default_rng(1).integers(0, 256, (*network.input_spec.size[:2], 3), np.uint8)
        return model, network, example, [example[None].astype(np.float32) / (255 if network.input_spec.preprocess_mode == "unit" else 1)]
    example = network.inputs.random_example(3)
    return model, network, example, [array[None] for _name, array in example.data]


@pytest.fixture(scope="module", params=own_models.WITHOUT_GRAPH, ids=lambda make: make.__name__)
def subclassed(request):
    model = own_models.shaken(request.param)
    network = explorer.load(model)
    return model, network, network.inputs.random_example(3)


def rows(network):
    return {row.name: row for row in network.layers.rows}


def assert_close(found, expected):
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# with a graph


def test_the_layers_are_those_of_keras_in_its_order(graph):
    model, network, _example, _values = graph
    assert network.model is model
    assert network.graph
    assert [(row.index, row.name) for row in network.layers] == [(index, layer.name) for index, layer in enumerate(model.layers)]
    assert [row.class_name for row in network.layers] == [type(layer).__name__ for layer in model.layers]
    assert sum(row.parameters for row in network.layers) == model.count_params() == network.summary().parameters


def test_every_row_shows_what_keras_computes_there(graph):
    model, network, example, values = graph
    maps = network.feature_maps(example, [row.name for row in network.layers.rows])
    for row in network.layers.rows:
        assert_close(maps[row.name], own_models.by_keras(model, values, row.name)[0])
        assert all(size in (None, found) for size, found in zip(row.output_shape, maps[row.name].shape, strict=True))


def test_every_use_of_a_layer_reads_and_returns_what_keras_says(graph):
    model, network, _example, _values = graph
    for row in network.layers.rows:
        if "/" in row.name:
            continue
        name, _colon, use = row.name.partition(":")
        node = inbound_nodes(own_models.found_in(model, name))[int(use or 0)]
        assert row.input_shapes == tuple(tensor.shape[1:] for tensor in node.input_tensors)
        assert row.output_shapes == tuple(tensor.shape[1:] for tensor in node.output_tensors)
        assert row.output_shape == row.output_shapes[0]


def test_every_row_is_found_by_its_address_and_shows_its_maps(graph):
    _model, network, example, _values = graph
    example = images.read(example) if isinstance(example, np.ndarray) else example
    for row in network.layers.rows:
        assert network.layers[row.name] is row
        maps = network.inside.maps(example, row.name)
        assert maps.layer is row
        assert maps.values.shape == tuple(axis.size for axis in maps.axes)
        assert maps.planes is None or maps.planes.ndim == 3


def test_the_answers_are_those_of_the_model(graph):
    model, network, example, values = graph
    scores = keras.tree.flatten(model(keras.tree.pack_sequence_as(model.input, values) if len(values) > 1 else values[0], training=False))
    classes = network.summary().classes
    if not any(classes):
        with pytest.raises(ExplorerError, match="no lists of scores"):
            network.predict(example)
        return
    answers = network.predict(example, top=max(classes))
    named = answers if isinstance(answers, dict) else {network.outputs[0].name: answers}
    expected = {output.name: np.asarray(tensor)[0] for output, tensor, count in zip(network.outputs, scores, classes, strict=True) if count}
    assert list(named) == list(expected)
    for name, array in expected.items():
        if array.shape == (1,):  # of two classes, the probability of the second one
            array = np.concatenate([1 - array, array])
        by_class = np.zeros(array.shape)
        by_class[[int(one.id) for one in named[name]]] = [one.score for one in named[name]]
        np.testing.assert_allclose(by_class, array, rtol=1e-4, atol=1e-5)


def test_a_copy_has_the_same_layers_and_answers(graph):
    _model, network, example, _values = graph
    copy = loading.from_live_model(network.model, AdoptedModel(1, 0, "mine"), 2**28, None)
    assert copy.model is not network.model
    assert copy.layers.rows == network.layers.rows
    assert copy.input_spec == network.input_spec
    names = [row.name for row in network.layers.rows]
    maps, copied = network.feature_maps(example, names), copy.feature_maps(example, names)
    for name in names:
        np.testing.assert_allclose(copied[name], maps[name], rtol=1e-5, atol=1e-6)


def test_a_model_that_is_saved_and_loaded_has_the_same_layers_and_answers(graph, tmp_path):
    _model, network, example, _values = graph
    network.save(tmp_path / "mine.keras")
    loaded = explorer.load(tmp_path / "mine.keras")
    assert loaded.layers.rows == network.layers.rows
    assert (loaded.input_spec.preprocess_mode, loaded.input_spec.inputs) == (network.input_spec.preprocess_mode, network.input_spec.inputs)
    names = [row.name for row in network.layers.rows]
    maps, again = network.feature_maps(example, names), loaded.feature_maps(example, names)
    for name in names:
        np.testing.assert_allclose(again[name], maps[name], rtol=1e-5, atol=1e-6)


# what their layers are called


def test_the_uses_of_a_shared_layer_are_counted_as_they_were_written():
    model = own_models.siamese()
    found = rows(explorer.load(model))
    assert list(found) == ["first", "second", "lstm", "lstm:1", "both", "same", "language"]
    assert (found["lstm"].inputs, found["lstm:1"].inputs, found["both"].inputs) == (("first",), ("second",), ("lstm", "lstm:1"))
    assert (found["lstm"].is_nested_or_reused, found["lstm:1"].is_nested_or_reused) == (False, True)
    assert (found["lstm"].index, found["lstm:1"].index) == (2, 2)
    assert found["lstm:1"].parameters == 0
    assert (found["lstm"].title, found["lstm:1"].title) == ("2 · lstm", "lstm:1")
    assert (found["lstm"].code, found["lstm:1"].code) == ("model.layers[2]", "model.get_layer('lstm')")


def test_uses_that_run_in_another_order_keep_their_numbers():
    found = rows(explorer.load(own_models.backwards()))
    assert (found["inner"].inputs, found["inner:1"].inputs) == (("first",), ("second",))
    assert found["last"].inputs == ("inner:1", "inner")
    for inner, outer in (("inner", "first"), ("inner:1", "second")):
        assert found[f"{inner}/shared"].inputs == (outer,)
        assert found[f"{inner}/shared:1"].inputs == (f"{inner}/before",)
        assert found[f"{inner}/difference"].inputs == (f"{inner}/shared:1", f"{inner}/shared")
    assert [found[name].parameters for name in ("inner", "inner/shared", "inner/shared:1", "inner:1", "inner:1/shared")] == [
        40,
        20,
        0,
        0,
        0,
    ]


def test_layers_inside_nested_models_are_addressed_by_their_path():
    network = explorer.load(own_models.nested())
    found = rows(network)
    assert [row.name for row in network.layers] == ["picture", "backbone", "head"]
    assert list(found)[2:8] == [
        "backbone/scale",
        "backbone/stem",
        "backbone/stem/conv",
        "backbone/stem/bn",
        "backbone/side",
        "backbone/add",
    ]
    assert found["backbone/scale"].inputs == ("picture",)
    assert found["backbone/stem/conv"].inputs == ("backbone/scale",)
    assert found["backbone/add"].inputs == ("backbone/stem", "backbone/side")
    assert found["head/pool"].inputs == ("backbone",)
    backbone = network.model.get_layer("backbone")
    for name in ("scale", "stem", "side", "add"):
        assert found[f"backbone/{name}"].index == backbone.layers.index(backbone.get_layer(name))
    assert found["backbone"].kind == found["backbone/stem"].kind == "model"
    assert found["backbone/stem/bn"].code == "model.get_layer('backbone').get_layer('stem').get_layer('bn')"
    with pytest.raises(UnknownName, match=r"There is no layer 'backbone/ad'\. Did you mean backbone/add"):
        network.layers["backbone/ad"]


def test_operations_between_layers_are_rows_too_and_what_layers_read_is_looked_up_through_them():
    network = explorer.load(own_models.ops_between())
    found = rows(network)
    operations = [re.sub(r"_\d+$", "", row.name) for row in network.layers.rows if row.operation]
    assert operations == ["true_divide", "subtract", "relu", "multiply", "concatenate"]
    assert [row.name for row in network.layers] == ["picture", "block1_conv", "block2_conv", "block2_pool", "flat", "top"]
    assert all(row.is_nested_or_reused and row.parameters == 0 for row in found.values() if row.operation)
    assert [row.index for row in found.values() if row.operation] == [1, 1, 2, 3, 3]
    assert found["block1_conv"].inputs == ("picture",)
    assert set(found["block2_pool"].inputs) == {"block1_conv", "block2_conv"}


def test_a_film_shows_a_map_for_each_step_and_channel():
    network = explorer.load(own_models.timed())
    maps = network.inside.maps(network.inputs.random_example(), "frames")
    assert [(axis.name, axis.size) for axis in maps.axes] == [("row", 8), ("column", 10), ("channel", 12)]
    values = network.feature_maps(network.inputs.random_example(), "frames")
    assert values.shape == (3, 8, 10, 4)
    np.testing.assert_array_equal(maps.values[..., 2 * 4 + 1], values[2, ..., 1])
    steps = network.inside.maps(network.inputs.random_example(), "each")
    assert [(axis.name, axis.size) for axis in steps.axes] == [("step", 3), ("unit", 4)]
    assert steps.planes.shape == (3, 4, 1)


# inputs and outputs


def test_several_outputs_answer_by_name():
    network = explorer.load(own_models.siamese())
    assert [output.name for output in network.outputs] == ["same", "language"]
    answers = network.predict(network.inputs.random_example())
    assert {name: len(predictions) for name, predictions in answers.items()} == {"same": 2, "language": 4}
    example = network.inputs.random_example()
    assert network.scores.of_output(example, 4, output=1).predictions == answers["language"]
    assert [network.scores.of_output(example, 1, output).scale for output in (0, 1)] == ["shares", "values"]
    with pytest.raises(ExplorerError, match="The output 2 of siamese is no list of scores"):
        network.scores.of_output(example, 1, output=2)


def test_named_outputs_keep_their_names():
    network = explorer.load(own_models.named_ends())
    assert [output.name for output in network.outputs] == ["topic", "urgent"]
    answers = network.predict({"title": np.ones(3), "body": np.ones(6)}, top=4)
    assert {name: len(predictions) for name, predictions in answers.items()} == {"topic": 4, "urgent": 2}
    assert network.predict({"body": np.ones(6), "title": np.ones(3)}, top=4) == answers


def test_the_outputs_of_one_layer_have_names_of_their_own():
    network = explorer.load(own_models.states())
    assert [(output.name, output.shape) for output in network.outputs] == [("lstm", (5, 3)), ("lstm[1]", (3,)), ("lstm[2]", (3,))]
    assert network.summary().classes == (0, 3, 3)
    assert list(network.predict(network.inputs.random_example())) == ["lstm[1]", "lstm[2]"]
    (row,) = [row for row in network.layers if row.name == "lstm"]
    assert row.output_shapes == ((5, 3), (3,), (3,))


def test_the_uses_of_one_layer_are_outputs_of_their_own():
    numbers = keras.Input((4,))
    dense = layers.Dense(4, name="dense")
    once = dense(numbers)
    network = explorer.load(keras.Model(numbers, [dense(once), once]))
    assert [output.name for output in network.outputs] == ["dense:1", "dense"]
    assert set(network.predict(np.ones(4))) == {"dense", "dense:1"}


def test_several_inputs_are_given_by_name_or_in_their_order():
    network = explorer.load(own_models.siamese())
    first, second = np.random.default_rng(0).random((2, 5, 4))
    expected = network.feature_maps({"first": first, "second": second}, "both")
    for example in ({"second": second, "first": first}, (first, second)):
        np.testing.assert_array_equal(network.feature_maps(example, "both"), expected)
    assert np.abs(network.feature_maps((second, first), "both") - expected).max() > 1e-3


def test_a_list_of_examples_is_answered_in_its_order():
    network = explorer.load(own_models.siamese())
    examples = [network.inputs.random_example(seed) for seed in range(40)]
    answers = network.predict(examples)
    assert len(answers) == 40
    for one, example in zip(answers[::13], examples[::13], strict=True):
        assert one["same"][0].score == pytest.approx(network.predict(example)["same"][0].score, abs=1e-5)


def test_an_example_that_does_not_fit_is_refused():
    network = explorer.load(own_models.siamese())
    with pytest.raises(UnreadableExample, match="The input second reads 5 × 4, one example at a time; the array is 4 × 4"):
        network.predict((np.ones((5, 4)), np.ones((4, 4))))
    with pytest.raises(UnreadableExample, match="the arrays holds third; this network reads first, second"):
        network.predict({"third": np.ones((5, 4))})


def test_examples_of_different_lengths_are_answered_together():
    network = explorer.load(own_models.shaken(own_models.open_steps))
    examples = [np.ones((steps, 4)) for steps in (3, 5, 3)]
    answers = network.predict(examples)
    assert answers[0] == answers[2] != answers[1]
    assert answers == [network.predict(example) for example in examples]


@pytest.mark.parametrize("steps", [1, 3, 40])
def test_any_number_of_steps_is_read_where_it_is_open(steps):
    network = explorer.load(own_models.shaken(own_models.open_steps))
    values = np.random.default_rng(0).standard_normal((steps, 4)).astype(np.float32)
    assert_close(network.feature_maps(values, "gru"), own_models.by_keras(network.model, [values[None]], "gru")[0])
    assert network.layers["gru"].input_shapes == ((None, 4),)


def test_pictures_of_any_size_are_brought_to_one():
    network = explorer.load(own_models.open_sizes())
    assert network.input_spec.size == (224, 224, 3)
    assert "It reads pictures of any size; they are resized to 224 x 224 pixels." in network.input_spec.assumed
    maps = network.inside.maps(images.read(np.zeros((50, 90, 3), np.uint8)), "conv")
    assert [(axis.name, axis.size, axis.stop) for axis in maps.axes[:2]] == [("row", 56, 224), ("column", 56, 224)]


def test_random_numbers_for_an_embedding_are_rows_that_it_has():
    network = explorer.load(own_models.words())
    assert [one.below for one in network.input_spec.inputs] == [20, 20]
    for seed in range(5):
        for (_name, array), dtype in zip(network.inputs.random_example(seed).data, ("int32", "float32"), strict=True):
            assert array.dtype == dtype
            assert 0 <= array.min() <= array.max() < 20
            assert array.max() > 1
    with pytest.raises(UnreadableExample, match="whole numbers from 0 to 19; the array has 0 to 20"):
        network.predict((np.full(6, 3), np.array([0, 1, 2, 3, 4, 20])))


def test_a_fixed_batch_size_is_filled_up_and_no_state_is_kept():
    network = explorer.load(own_models.shaken(own_models.fixed_batch))
    examples = [network.inputs.random_example(seed) for seed in range(3)]
    together = network.predict(examples, top=3)
    for example, answers in zip(examples, together, strict=True):
        for _again in range(2):
            alone = network.predict(example, top=3)
            assert [one.id for one in alone] == [one.id for one in answers]
            assert [one.score for one in alone] == pytest.approx([one.score for one in answers], abs=1e-6)
            first, second = (network.feature_maps(example, name) for name in ("lstm", "top"))
            assert [second[int(one.id)] for one in alone] == pytest.approx([one.score for one in alone], abs=1e-6)
            assert first.shape == (4,)
        network.forget()


def test_what_a_model_can_not_run_is_said_in_a_sentence():
    steps = keras.Input((None, 4))
    network = explorer.load(keras.Model(steps, layers.Conv1D(2, 5, name="conv")(steps), name="long"))
    assert network.feature_maps(np.ones((5, 4)), "conv").shape == (1, 2)
    with pytest.raises(ExplorerError, match="long can't be run on this example: ") as refusal:
        network.feature_maps(np.ones((3, 4)), "conv")
    assert "\n" not in str(refusal.value)


# subclassed ones


def test_a_subclassed_model_shows_the_layers_of_keras(subclassed):
    model, network, _example = subclassed
    assert not network.graph
    assert not network.summary().graph
    assert [row.index for row in network.layers] == list(range(len(model.layers)))
    for row, layer in zip(network.layers, model.layers, strict=True):
        assert row.name.partition(":")[0] == layer.name
        assert row.class_name == type(layer).__name__
    assert len({row.name for row in network.layers.rows}) == len(network.layers.rows)
    assert all(row.inputs == () for row in network.layers.rows)
    assert sum(row.parameters for row in network.layers) == model.count_params() == network.summary().parameters


def test_a_subclassed_model_shows_what_its_layers_return():
    network = explorer.load(own_models.shaken(own_models.reader))
    model, steps = network.model, np.random.default_rng(0).random((5, 4)).astype(np.float32)
    state = model.lstm(steps[None])
    hidden = model.head.get_layer("hidden")(state)
    expected = {"lstm": state, "head": model(steps[None]), "head/hidden": hidden, "head/scores": model.head.get_layer("scores")(hidden)}
    assert [row.name for row in network.layers.rows] == list(expected)
    for name, values in expected.items():
        assert_close(network.feature_maps(steps, name), np.asarray(values)[0])
    assert [row.index for row in network.layers.rows] == [0, 1, 0, 1]
    assert [row.kind for row in network.layers.rows] == ["recurrent", "model", "dense", "dense"]
    assert network.layers["lstm"].output_shape == (3,)


def test_a_list_of_blocks_shows_each_use_and_what_is_inside():
    network = explorer.load(own_models.shaken(own_models.blocks))
    model, values = network.model, np.random.default_rng(0).random(4).astype(np.float32)
    found = rows(network)
    own = [f"block_{number}" for number in range(3)]
    inside = [name for block in (own[0], f"{own[0]}:1", *own[1:]) for name in (block, f"{block}/dense", f"{block}/norm")]
    assert list(found) == [*inside, "never", "top"]
    assert [row.name for row in network.layers] == [*own, "never", "top"]
    x = values[None]
    for block in (*own, f"{own[0]}:1"):
        layer = model.get_layer(block.partition(":")[0])
        assert_close(network.feature_maps(values, f"{block}/dense"), np.asarray(layer.dense(x))[0])
        x = layer(x)
        assert_close(network.feature_maps(values, block), np.asarray(x)[0])
    assert found["never"].output_shapes == ()
    with pytest.raises(ExplorerError, match="The network does not run its layer never"):
        network.feature_maps(values, "never")
    assert set(network.feature_maps(values, ["top", "block_1"])) == {"top", "block_1"}


def test_dicts_and_tuples_go_in_and_come_out():
    network = explorer.load(own_models.shaken(own_models.branches))
    assert [one.name for one in network.input_spec.inputs] == ["input_ids", "other"]
    assert [output.name for output in network.outputs] == ["classes", "masks/0", "masks/1"]
    example = {"input_ids": np.arange(4.0), "other": np.ones(4)}
    answers = network.predict(example, top=4)
    expected = network.model({name: array[None].astype(np.float32) for name, array in example.items()})
    assert answers["classes"][0].score == pytest.approx(float(expected["classes"].numpy().max()), abs=1e-5)
    assert [one.score for one in answers["masks/1"]] == pytest.approx(sorted(expected["masks"][1].numpy()[0], reverse=True), rel=1e-5)
    assert [network.scores.of_output(network.inputs.random_example(), 1, output).scale for output in (0, 1)] == ["shares", "values"]
    assert_close(network.feature_maps(example, "mask:1"), expected["masks"][1].numpy()[0])


def test_two_layers_of_one_name_are_both_there():
    network = explorer.load(own_models.shaken(own_models.same_names))
    assert [(row.index, row.name, row.is_nested_or_reused, row.output_shape) for row in network.layers] == [
        (0, "dense", False, (4,)),
        (1, "dense:1", False, (2,)),
    ]
    values = np.ones(4, np.float32)
    assert_close(network.feature_maps(values, 1), np.asarray(network.model(values[None]))[0])


def test_what_a_model_returns_besides_tensors_is_left_out():
    class Pair(keras.Model):
        def __init__(self):
            super().__init__(name="pair")
            self.dense = layers.Dense(2, name="dense")

        def call(self, x):
            return None, self.dense(x)

    network = explorer.load(own_models.called(Pair(), np.ones((1, 4), np.float32)))
    assert [output.name for output in network.outputs] == ["output_1"]
    assert len(network.predict(np.ones(4))) == 2


def test_a_model_without_layers_still_answers():
    class Double(keras.Model):
        def call(self, x):
            return 2 * x

    network = explorer.load(own_models.called(Double(), np.ones((1, 4), np.float32)))
    assert network.predict(np.arange(4.0))[0].score == 6
    with pytest.raises(UnknownName, match="This network has no layers"):
        network.features(np.ones(4))


def test_a_list_of_tensors_is_named_by_place():
    network = explorer.load(own_models.shaken(own_models.listed))
    assert [one.name for one in network.input_spec.inputs] == ["input_0", "input_1"]
    first, second = np.random.default_rng(0).random((2, 4)).astype(np.float32)
    expected = np.asarray(network.model([first[None], second[None]]))[0]
    for example in ((first, second), {"input_0": first, "input_1": second}):
        assert max(one.score for one in network.predict(example)) == pytest.approx(float(expected.max()), rel=1e-5)


def test_a_subclassed_model_of_pictures_reads_pictures(photo):
    class Pictures(keras.Model):
        def __init__(self):
            super().__init__(name="pictures")
            self.conv, self.pool = layers.Conv2D(4, 3, name="conv"), layers.GlobalMaxPooling2D(name="pool")

        def call(self, pixels):
            return keras.ops.softmax(self.pool(self.conv(pixels)))

    model = own_models.called(Pictures(), np.zeros((1, 20, 30, 3), np.float32))
    network = explorer.load(model, preprocess="none", labels=["a", "b", "c", "d"])
    pixels = images.to_batch(images.read(photo), network.input_spec)[0]
    assert_close(network.feature_maps(photo, "conv"), np.asarray(model.conv(pixels))[0])
    assert network.predict(photo)[0].label == "abcd"[int(np.asarray(model(pixels)).argmax())]
    assert network.inside.maps(images.read(photo), "pool").labels == ("a", "b", "c", "d")
    assert network.inside.maps(images.read(photo), "conv").axes[1].stop == 30


def test_layers_that_were_not_built_yet_are_shown_once():
    model = own_models.Blocks()
    model.never = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of what is not built yet
        model.build((None, 4))
    names = [row.name for row in explorer.load(model).layers.rows]
    assert names[:6] == ["block_0", "block_0/dense", "block_0/norm", "block_0:1", "block_0:1/dense", "block_0:1/norm"]
    assert names[-1] == "top"


def test_a_model_that_was_never_called_is_refused():
    for model in (own_models.Reader(), keras.Sequential([layers.Dense(2)])):
        with pytest.raises(ExplorerError, match="has not been called yet, so its input shape is unknown: call it once on an example"):
            explorer.load(model)


def test_a_sequential_model_is_known_once_it_is_called():
    model = own_models.called(keras.Sequential([layers.Dense(2, name="dense")]), np.ones((3, 4), np.float32))
    network = explorer.load(model)
    assert [row.name for row in network.layers] == ["dense"]
    assert len(network.predict(np.ones(4))) == 2


def test_a_model_of_several_arguments_is_refused():
    model = own_models.called(own_models.TwoArguments(), np.ones((1, 4), np.float32), np.ones((1, 4), np.float32))
    with pytest.raises(ExplorerError, match="two_arguments is called with several arguments; let it take one list or dict"):
        explorer.load(model)


def test_text_is_not_what_explorer_gives_to_networks():
    text = keras.Input((1,), dtype="string", name="text")
    model = keras.Model(text, layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4)(text), name="reader")
    with pytest.raises(ExplorerError, match="The input text of reader is text"):
        explorer.load(model)


@pytest.mark.parametrize("source", [3, None, layers.Dense(2), np.ones(3), b"VGG16", object])
def test_what_is_no_model_is_refused(source):
    with pytest.raises(ExplorerError, match=f"{type(source).__name__} is no Keras model"):
        explorer.load(source)


# preprocess and labels


def small(channels=3, dtype="float32", name="small"):
    pixels = keras.Input((12, 16, channels), name="pixels", dtype=dtype)
    x = layers.Conv2D(2, 3, name="conv")(pixels)
    return keras.Model(pixels, layers.Dense(3, activation="softmax", name="top")(layers.Flatten(name="flat")(x)), name=name)


@pytest.mark.parametrize("preprocess_mode", ["tf", "caffe", "torch"])
def test_a_named_preprocessing_is_that_of_keras(preprocess_mode, photo):
    network = explorer.load(small(), preprocess=preprocess_mode)
    pixels = images.to_batch(images.read(photo), network.input_spec)[0]
    expected = keras.applications.imagenet_utils.preprocess_input(pixels, mode=preprocess_mode)
    assert_close(network.feature_maps(photo, "pixels"), expected[0])
    assert network.input_spec.preprocess_mode == preprocess_mode
    assert network.input_spec.assumed == ()


@pytest.mark.parametrize(("preprocess_mode", "scale"), [("unit", 1 / 255), ("none", 1.0)])
def test_pixels_are_brought_to_one_or_left(preprocess_mode, scale, photo):
    network = explorer.load(small(), preprocess=preprocess_mode)
    pixels = images.to_batch(images.read(photo), network.input_spec)[0]
    assert_close(network.feature_maps(photo, "pixels"), pixels[0] * np.float32(scale))


def test_a_function_prepares_pixels(photo):
    given = []

    def prepare(pixels):
        given.append((pixels.dtype, pixels.shape, float(pixels.min()) >= 0, float(pixels.max()) > 1))
        return keras.ops.convert_to_tensor(pixels) / 7

    network = explorer.load(small(), preprocess=prepare)
    assert network.input_spec.preprocess_mode == "custom"
    pixels = images.to_batch(images.read(photo), network.input_spec)[0]
    assert_close(network.feature_maps(photo, "pixels"), pixels[0] / 7)
    assert given == [(np.float32, (1, 12, 16, 3), True, True)]


def test_a_function_that_changes_the_shape_is_refused(photo):
    network = explorer.load(small(), preprocess=lambda pixels: pixels[:, :5])
    with pytest.raises(ExplorerError, match="returns 1 × 5 × 16 × 3 for pixels of 1 × 12 × 16 × 3; it must keep their shape"):
        network.predict(photo)


def test_labels_name_the_classes(photo):
    network = explorer.load(small(), labels=["ant", "bee", "cow"])
    answers = network.predict(photo)
    assert {(one.id, one.label) for one in answers} == {("0", "ant"), ("1", "bee"), ("2", "cow")}
    assert network.inside.maps(images.read(photo), "top").labels == ("ant", "bee", "cow")
    with pytest.raises(ExplorerError, match="There are 2 labels; the network answers with 3 numbers"):
        explorer.load(small(), labels=["ant", "bee"])


def test_a_file_takes_preprocess_and_labels_or_brings_them(photo, tmp_path):
    file = tmp_path / "mine.keras"
    explorer.load(small(), preprocess="torch", labels=["ant", "bee", "cow"]).save(file)
    brought = explorer.load(file)
    assert (brought.input_spec.preprocess_mode, brought.input_spec.assumed) == ("torch", ())
    assert [label for _id, label in brought.labels] == ["ant", "bee", "cow"]
    given = explorer.load(file, preprocess=lambda pixels: pixels / 2, labels=np.array(["a", "b", "c"]))
    assert given.input_spec.preprocess_mode == "custom"
    assert {one.label for one in given.predict(photo)} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("option", "value", "source"),
    [
        ("preprocess", "tf", "digits"),
        ("custom_objects", {}, "digits"),
        ("input_tensor", "tensor", "model"),
        ("custom_objects", {}, "model"),
        ("input_tensor", "tensor", "file"),
    ],
)
def test_an_option_of_another_kind_of_source_is_refused(option, value, source, tmp_path):
    (tmp_path / "mine.keras").touch()
    sources = {"digits": "digits", "model": own_models.sequential(), "file": tmp_path / "mine.keras"}
    with pytest.raises(ExplorerError, match=f"{option} makes no sense for"):
        explorer.load(sources[source], **{option: value})


def test_preprocess_is_for_pictures():
    with pytest.raises(ExplorerError, match="preprocess is for pictures; the inputs of sequential are arrays"):
        explorer.load(own_models.sequential(), preprocess="tf")


@pytest.mark.parametrize(("name", "value"), [("weights", None), ("include_top", False), ("data_format", "channels_last")])
def test_an_option_of_the_architectures_is_refused_for_a_model(name, value):
    with pytest.raises(ExplorerError, match=f"{name} is for the architectures of the table"):
        explorer.load(own_models.sequential(), **{name: value})


# copies


def test_a_copy_stays_as_it_was():
    model = own_models.shaken(own_models.siamese)
    copy = loading.from_live_model(model, AdoptedModel(1, 0, "mine"), 2**28, None)
    example = copy.inputs.random_example()
    before = copy.predict(example)
    model.set_weights([0 * array for array in model.get_weights()])
    model.get_layer("same").trainable = False
    copy.forget()
    assert copy.predict(example) == before
    assert loading.from_live_model(model, AdoptedModel(1, 1, "mine"), 2**28, None).predict(example)["same"][0].score == 0.5


def test_a_compiled_model_is_copied_with_its_own_layers():
    numbers = keras.Input((4,))
    model = keras.Model(numbers, own_models.Block(4, name="block")(numbers))
    model.compile("adam", "mse")
    copy = loading.from_live_model(model, AdoptedModel(1, 0, "mine"), 2**28, None)
    assert copy.model is not model
    assert copy.input_spec.assumed == ()
    assert type(copy.model.get_layer("block")) is own_models.Block


def test_what_a_layer_makes_of_its_weights_is_copied_too():
    scale = layers.Normalization(name="scale")
    scale.adapt(np.random.default_rng(0).normal(5, 3, (100, 4)))
    model = keras.Sequential([keras.Input((4,)), scale, layers.Dense(2)])
    copy = loading.from_live_model(model, AdoptedModel(1, 0, "mine"), 2**28, None)
    assert copy.model is not model
    assert_close(copy.feature_maps(np.ones(4), "scale"), np.asarray(scale(np.ones((1, 4), np.float32)))[0])


def test_a_lambda_is_the_owners_own_code():
    numbers = keras.Input((4,))
    model = keras.Model(numbers, layers.Lambda(lambda x: 2 * x + 1, name="mine")(numbers))
    copy = loading.from_live_model(model, AdoptedModel(1, 0, "mine"), 2**28, None)
    assert copy.model is not model
    np.testing.assert_array_equal(copy.feature_maps(np.ones(4), "mine"), 3 * np.ones(4))


def test_a_live_model_is_shown_as_it_is_at_each_moment():
    model = own_models.shaken(own_models.sequential)
    network = explorer.load(model)
    example = network.inputs.random_example()
    before = network.feature_maps(example, "hidden")
    model.set_weights([0 * array for array in model.get_weights()])
    assert before.max() > 0
    assert network.feature_maps(example, "hidden").max() == 0
    assert [one.score for one in network.predict(example)] == pytest.approx([1 / 3] * 3)


def test_what_can_not_be_copied_is_used_live_and_said_so():
    class Closed(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    numbers = keras.Input((4,))
    lookup = layers.IntegerLookup()
    lookup.adapt(np.arange(5))
    looked_up = keras.Model(numbers, layers.Dense(2)(lookup(numbers)))
    for model in (keras.Model(numbers, Closed(3)(numbers)), looked_up, own_models.reader()):
        network = loading.from_live_model(model, AdoptedModel(1, 0, "mine"), 2**28, None)
        assert network.model is model
        assert "Keras can't copy this model, so the page shows it live" in network.input_spec.assumed[-1]
        example, last = network.inputs.random_example(), len(network.layers) - 1
        before = network.feature_maps(example, last)
        model.set_weights([array + 1 for array in model.get_weights()])
        assert np.abs(network.feature_maps(example, last) - before).max() > 0
