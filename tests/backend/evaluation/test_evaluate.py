import numpy as np
import pytest
import small_models as small

from explorer.backend.evaluation.evaluate import evaluate
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError

layers = keras.layers
X = np.random.default_rng(0).random((7, 4), "float32")
LABELS = np.array([0, 1, 1, 0, 1, 0, 1])
ONE_HOT = np.eye(2, dtype="float32")[LABELS]


def ending(*last):
    return small.moved(keras.Sequential([keras.Input((4,)), layers.Dense(3), *last]))


def compiled_by_hand(model, loss, metrics):
    """Return what Keras measures where the user chooses the loss and the metrics."""
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    other.compile(loss=loss, metrics=metrics, run_eagerly=True)
    return other


ENDINGS = {
    "softmax, labels": (lambda: [layers.Dense(2, activation="softmax")], LABELS, "sparse_categorical_crossentropy", "accuracy"),
    "softmax, column of labels": (
        lambda: [layers.Dense(2), layers.Softmax()],
        LABELS[:, None],
        "sparse_categorical_crossentropy",
        "accuracy",
    ),
    "softmax, one-hot": (lambda: [layers.Dense(2), layers.Activation("softmax")], ONE_HOT, "categorical_crossentropy", "accuracy"),
    "sigmoid": (lambda: [layers.Dense(1, activation="sigmoid")], LABELS, "binary_crossentropy", "accuracy"),
    "sigmoid, several": (lambda: [layers.Dense(2, activation="sigmoid")], ONE_HOT, "binary_crossentropy", "binary_accuracy"),
    "linear": (lambda: [layers.Dense(2)], X[:, :2], "mse", "mae"),
    "linear, one value": (lambda: [layers.Dense(1)], X[:, 0], "mse", "mae"),
    "linear, labels": (
        lambda: [layers.Dense(2)],
        LABELS,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "accuracy",
    ),
    "within a wrapper": (
        lambda: [layers.Reshape((3, 1)), layers.TimeDistributed(layers.Dense(2, activation="softmax"))],
        np.stack([LABELS] * 3, axis=1),
        "sparse_categorical_crossentropy",
        "accuracy",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_measure_suits_the_last_activation(name):
    last, y, loss, metric = ENDINGS[name]
    model = ending(*last())
    measured = evaluate(model, X, y, batch_size=3)
    by_hand = compiled_by_hand(model, loss, [metric]).evaluate(X, y, batch_size=3, verbose=0, return_dict=True)
    assert list(measured) == ["loss", "mae" if metric == "mae" else "accuracy"]
    assert measured["loss"] == pytest.approx(by_hand.pop("loss"), rel=1e-5)
    assert [measured[list(measured)[1]]] == pytest.approx(list(by_hand.values()), rel=1e-5)
    assert not model.compiled


def test_several_inputs_and_outputs():
    model = small.moved(small.functional())
    x, y = {"left": X, "right": 1 - X}, {"size": X[:, 0], "kind": LABELS}
    measured = evaluate(model, x, y)
    losses, metrics = {"kind": "sparse_categorical_crossentropy", "size": "mse"}, {"kind": ["accuracy"], "size": ["mae"]}
    by_hand = compiled_by_hand(model, losses, metrics)
    assert measured == pytest.approx(evaluate(by_hand, x, y), rel=1e-5)
    assert evaluate(model, [X, 1 - X], [LABELS, X[:, 0]]) == measured


def test_inputs_and_outputs_in_a_dict():
    right, left = keras.Input((4,), name="right"), keras.Input((4,), name="left")
    shared = layers.Dense(1)
    model = keras.Model({"right": right, "left": left}, {"size": shared(left), "age": shared(right)})
    measured = evaluate(model, {"left": X, "right": X}, {"age": X[:, 0], "size": X[:, 1]})
    assert set(measured) == {"loss", "age_loss", "age_mae", "size_loss", "size_mae"}
    alone = evaluate(keras.Model(left, shared(left)), X, X[:, 1])
    assert measured["size_loss"] == pytest.approx(alone["loss"])


def test_the_activation_within_a_nested_model_counts():
    model = small.moved(keras.Sequential([keras.Input((4,)), small.sequential()]))
    assert "accuracy" in evaluate(model, X, ONE_HOT)


def test_a_model_written_as_a_class_is_judged_by_its_scores():
    class Sorting(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return keras.ops.softmax(self.dense(x))

    assert set(evaluate(Sorting(), X, LABELS)) == {"loss", "accuracy"}
    assert set(evaluate(small.registered(), X, X[:, :3])) == {"loss", "mae"}


def test_a_compiled_model_is_measured_by_its_own_loss():
    model = small.moved(small.sequential())
    model.compile("adam", "mae", metrics=["mse"])
    measured = evaluate(model, X, ONE_HOT)
    assert measured == pytest.approx(model.evaluate(X, ONE_HOT, verbose=0, return_dict=True))
    assert set(measured) == {"loss", "mse"}
    assert model.compiled
    assert model.loss == "mae"


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X[:, :3], LABELS, r"reads examples of shape \(4\) at its input .*; x has \(3\)"),
        (X[:, None], LABELS, r"shape \(4\) .* x has \(1, 4\)"),
        (X, np.zeros((7, 3)), r"has the shape \(2\) for each example, but its targets have \(3\)"),
        (X, LABELS + 1, "must be class numbers, 0 to 1"),
        (X, LABELS - 0.5, "must be class numbers, 0 to 1"),
        (X, LABELS[:3], "one target for each example: x has 7, y has 3"),
        (X * np.nan, LABELS, "x holds NaN or infinite values"),
        ({"left": X, "right": X}, LABELS, "x is for left, right"),
    ],
    ids=range(8),
)
def test_data_that_does_not_fit_is_told(x, y, said):
    with pytest.raises(ExplorerError, match=said):
        evaluate(small.sequential(), x, y)


def test_answers_of_a_sigmoid_lie_between_0_and_1():
    with pytest.raises(ExplorerError, match="must be between 0 and 1"):
        evaluate(ending(layers.Dense(1, activation="sigmoid")), X, LABELS * 2)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_model_that_answers_nan_is_told(compiled):
    model = small.sequential()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    if compiled:
        model.compile(loss="mse")
    with pytest.raises(ExplorerError, match=r"stack gives no number for loss.*NaN"):
        evaluate(model, X, ONE_HOT)


def test_what_keras_raises_is_told_in_a_sentence():
    model = small.sequential()
    model.compile(loss="categorical_crossentropy")
    with pytest.raises(ExplorerError, match="stack can't be evaluated on this data: ") as refused:
        evaluate(model, X, np.zeros((7, 5)))
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("batch_size", [0, -1, True, 1.5, "8"])
def test_the_size_of_batches(batch_size):
    with pytest.raises(ExplorerError, match="batch_size must be a whole number"):
        evaluate(small.sequential(), X, LABELS, batch_size)
