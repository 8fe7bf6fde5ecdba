import numpy as np
import pytest

import explorer
from explorer.backend.inference.predictions import best, scale_of
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError

LABELS = (("n1", "ant"), ("n2", "bee"), ("n3", "cow"), ("n4", "doe"))
SHARES = np.array([0.1, 0.4, 0.2, 0.3])


def test_the_best_come_first_with_their_names():
    predictions = best(SHARES, 2, LABELS, "shares", output=3)
    assert [(one.id, one.label, one.score) for one in predictions.predictions] == [("n2", "bee", 0.4), ("n4", "doe", 0.3)]
    assert (predictions.others, predictions.scale, predictions.output) == (2, "shares", 3)
    assert predictions.others_score == pytest.approx(0.3)


@pytest.mark.parametrize("top", [4, 9])
def test_all_of_them_leave_nothing_to_the_others(top):
    predictions = best(SHARES, top, LABELS, "shares")
    assert len(predictions.predictions) == 4
    assert (predictions.others, predictions.others_score) == (0, 0.0)


@pytest.mark.parametrize("labels", [(), LABELS[:2], (*LABELS, ("n5", "eel"))])
def test_without_labels_for_each_the_classes_have_numbers(labels):
    assert [(one.id, one.label) for one in best(SHARES, 2, labels, "shares").predictions] == [("1", "class 1"), ("3", "class 3")]


def test_of_equal_scores_the_first_class_comes_first():
    assert [one.id for one in best(np.array([0.2, 0.3, 0.3, 0.2]), 4, LABELS, "values").predictions] == ["n2", "n3", "n1", "n4"]


def test_the_others_never_hold_less_than_nothing_of_a_whole():
    for seed in range(50):
        scores = np.random.default_rng(seed).dirichlet(np.full(20, 0.01))
        for top in (1, 5, 19):
            assert best(scores, top, (), "shares").others_score >= 0


@pytest.mark.parametrize(
    ("scores", "activation", "scale"),
    [
        ([0.3, 0.7], "softmax", "shares"),
        ([0.3, 0.7], "sigmoid", "independent"),
        ([0.3, 0.7], "linear", "values"),
        ([0.3, 0.7], "relu", "values"),
        ([0.3, 0.7], "", "shares"),
        ([0.9, 0.7], "", "independent"),
        ([0.3], "", "independent"),
        ([-0.1, 1.1], "", "values"),
        ([3.0, 7.0], "", "values"),
        ([np.nan, 0.5], "", "values"),
    ],
)
def test_the_last_activation_says_what_scores_are_and_else_they_do(scores, activation, scale):
    assert scale_of(np.array(scores), activation) == scale


def binary(*head, loss=None):
    """A model of pictures that ends in one number."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4), *head], name="binary")
    if loss:
        model.compile("sgd", loss)
    return model


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


PHOTO = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
DENSE = keras.layers.Dense
SIGMOIDS = {
    "in the layer": lambda: [DENSE(1, activation="sigmoid")],
    "a layer of its own": lambda: [DENSE(1), keras.layers.Activation("sigmoid")],
    "brought to float32": lambda: [DENSE(1, activation="sigmoid"), keras.layers.Activation("linear", dtype="float32")],
    "the mean of a map": lambda: [
        keras.layers.Reshape((2, 2, 1)),
        keras.layers.Conv2D(1, 1, activation="sigmoid"),
        keras.layers.GlobalAveragePooling2D(),
    ],
    "flattened": lambda: [keras.layers.Reshape((1, 4)), DENSE(1, activation="sigmoid"), keras.layers.Flatten()],
    "nested": lambda: [keras.Sequential([keras.Input((4,)), DENSE(1, activation="sigmoid")])],
}


@pytest.mark.parametrize("head", SIGMOIDS.values(), ids=SIGMOIDS)
def test_one_sigmoid_unit_answers_with_both_classes(head):
    model = binary(*head())
    network = explorer.load(model, labels=["cat", "dog"], preprocess="unit")
    p = float(np.asarray(model(PHOTO[None] / 255.0)).item())
    predictions = network.predict(PHOTO)
    assert {one.label: pytest.approx(one.score, abs=1e-5) for one in predictions} == {"cat": 1 - p, "dog": p}
    assert predictions[0].score >= predictions[1].score
    assert network.summary().classes == (2,)
    assert network.scores.of_output(network.read(PHOTO), 1).scale == "shares"
    assert network.scores.of_output(network.read(PHOTO), 1).others_score == pytest.approx(min(p, 1 - p), abs=1e-5)
    assert {one.label for one in explorer.load(model, preprocess="unit").predict(PHOTO)} == {"class 0", "class 1"}


@pytest.mark.parametrize(
    "options", [{"labels": ["cat", "dog"]}, {"loss": keras.losses.BinaryCrossentropy(from_logits=True)}, {"loss": "bce"}]
)
def test_one_raw_logit_answers_with_both_classes_and_says_so(options):
    model = binary(DENSE(1), loss=options.get("loss"))
    network = explorer.load(model, labels=options.get("labels"), preprocess="unit")
    p = sigmoid(float(np.asarray(model(PHOTO[None] / 255.0)).item()))
    assert {one.id: pytest.approx(one.score, abs=1e-5) for one in network.predict(PHOTO)} == {"0": 1 - p, "1": p}
    assert any("logit" in sentence for sentence in network.input_spec.assumed) == ("loss" not in options)


def test_a_logit_with_the_label_of_one_tag_is_its_probability():
    model = binary(DENSE(1), loss="bce")
    (only,) = explorer.load(model, labels=["dog"], preprocess="unit").predict(PHOTO)
    assert (only.label, only.score) == ("dog", pytest.approx(sigmoid(float(np.asarray(model(PHOTO[None] / 255.0)).item())), abs=1e-5))


def test_a_single_value_stays_a_value_and_says_so():
    for model, is_told in ((binary(DENSE(1)), True), (binary(DENSE(1), loss="mse"), False)):
        network = explorer.load(model, preprocess="unit")
        (only,) = network.predict(PHOTO)
        assert only.label == "value"
        assert only.score == pytest.approx(float(np.asarray(model(PHOTO[None] / 255.0)).item()), rel=1e-4)
        assert any("value" in sentence for sentence in network.input_spec.assumed) == is_told


def test_a_single_tag_keeps_its_one_label_and_the_labels_of_another_output_are_not_its_own():
    (only,) = explorer.load(binary(DENSE(1, activation="sigmoid")), labels=["dog"], preprocess="unit").predict(PHOTO)
    assert only.label == "dog"
    picture = keras.Input((8, 8, 3), name="picture")
    flat = keras.layers.Flatten()(picture)
    two = keras.Model(picture, [DENSE(1, name="age")(flat), DENSE(2, activation="softmax", name="kind")(flat)])
    predictions = explorer.load(two, labels=["cat", "dog"], preprocess="unit").predict(PHOTO)
    assert [one.label for one in predictions["age"]] == ["value"]
    assert {one.label for one in predictions["kind"]} == {"cat", "dog"}
    for head, loss in (([DENSE(1, activation="relu")], None), ([DENSE(1)], "mse")):
        with pytest.raises(ExplorerError, match=r"There are 2 labels; the network answers with 1 number\. Two labels fit a single number"):
            explorer.load(binary(*head, loss=loss), labels=["cat", "dog"])
    with pytest.raises(ExplorerError, match="labels must be a list"):
        explorer.load(two, labels={"kind": ["cat", "dog"]})


def test_labels_that_fit_several_outputs_name_the_classes_of_each_and_say_so():
    picture = keras.Input((8, 8, 3), name="picture")
    flat = keras.layers.Flatten()(picture)
    both = keras.Model(picture, [DENSE(1, activation="sigmoid", name="left")(flat), DENSE(1, activation="sigmoid", name="right")(flat)])
    network = explorer.load(both, labels=["cat", "dog"], preprocess="unit")
    assert "The labels name the classes of each of these outputs: left, right." in network.input_spec.assumed
    assert {one.label for predictions in network.predict(PHOTO).values() for one in predictions} == {"cat", "dog"}


def test_a_very_sure_logit_overflows_nowhere():
    model = binary(DENSE(1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-2000)))
    assert [one.score for one in explorer.load(model, labels=["cat", "dog"], preprocess="unit").predict(PHOTO)] == [1, 0]
