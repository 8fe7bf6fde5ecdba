"""Probes: a linear classifier on each block's pooled output, cross-validated, in one pass that leaves the network as it is."""

import keras_settings
import numpy as np
import own_models
import pytest
import small_models
import tuning_cases as cases
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import explorer
from explorer.backend.fine_tuning import linear_probes, ridge
from explorer.backend.inputs import audio
from explorer.backend.runtime.keras import keras
from explorer.errors import Cancelled, ExplorerError
from explorer.values import Example, Labelled, TrainingData

layers = keras.layers


@pytest.fixture(autouse=True)
def first_weights():
    """Make the first weights of what a test builds the same each time."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module")
def network():
    return cases.network()


@pytest.fixture(scope="module")
def numbers():
    """A network of eight numbers: a layer that keeps them, one that keeps two, one that keeps none."""
    model = keras.Sequential(
        [keras.Input((8,), name="numbers")]
        + [layers.Dense(8, use_bias=False, name=f"part_{number}_dense") for number in (1, 2, 3)]
        + [layers.Dense(2, name="top")]
    )
    for layer, kept in zip(model.layers, (8, 2, 0), strict=False):
        layer.set_weights([np.diag([1.0] * kept + [0.0] * (8 - kept))])
    return explorer.load(model)


def rows(values, classes, groups=(), multi_label=False, names=("a", "b", "c")):
    groups = groups or ("",) * len(values)
    examples = [
        Labelled(Example("arrays", value.astype(np.float32), f"x[{place}]"), one, group)
        for place, (value, one, group) in enumerate(zip(values, classes, groups, strict=True))
    ]
    return TrainingData("arrays", names, tuple(examples), (), multi_label)


def spread(count, dims=2, seed=0):
    """Return rows of eight numbers whose class of three hangs on the first `dims`, and the classes."""
    random = np.random.default_rng(seed)
    own = np.arange(count) % 3
    values = random.normal(0, 1, (count, 8))
    values[:, :dims] += 6 * np.array([[0, 0], [0, 1], [1, 0]])[own][:, :dims]
    return values, [(one,) for one in own]


# which blocks, and how well


def test_each_block_but_the_input_has_a_probe_with_the_place_where_it_ends(network):
    found = linear_probes.probe(network, cases.data())
    assert [(one.block, one.layer, one.index) for one in found] == [
        ("block_1", "block_1_relu", 4),
        ("block_2", "block_2_relu", 7),
        ("block_3", "block_3_relu", 10),
        ("top", "pool", 11),
    ]
    assert all(0 <= one.accuracy <= 1 and one.error >= 0 for one in found)


def test_accuracies_are_those_of_scikit_learn_on_the_pooled_maps(network):
    random = np.random.default_rng(5)
    pictures = [
        Labelled(Example("image", random.integers(0, 256, (12, 16, 3)).astype(np.uint8), "noise"), (place % 3,)) for place in range(60)
    ]
    data = TrainingData("image", cases.CLASSES, tuple(pictures), ())
    truth = np.arange(60) % 3
    folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(truth, truth, np.arange(60)))
    for found in linear_probes.probe(network, data)[:3]:
        pooled = np.stack([network.feature_maps(one.example, found.layer).mean(axis=(0, 1)) for one in pictures])
        penalties = ridge.STRENGTHS * pooled.shape[1]  # the mean square of a standardised example is how many features it has
        scores = [
            make_pipeline(StandardScaler(), RidgeClassifierCV(penalties)).fit(pooled[a], truth[a]).score(pooled[b], truth[b])
            for a, b in folds
        ]
        assert found.accuracy == pytest.approx(np.mean(scores))
        right = (60 * np.mean(scores) + 2) / 64
        assert found.error == pytest.approx(max(np.std(scores, ddof=1) / np.sqrt(5), np.sqrt(right * (1 - right) / 64)))


def test_a_block_that_keeps_what_matters_separates_the_data_and_one_that_drops_it_guesses(numbers):
    kept, part, none = linear_probes.probe(numbers, rows(*spread(90)))
    assert kept.accuracy > 0.95
    assert kept.error > 0.01, "that all are right proves little"
    assert part.accuracy > 0.95
    assert none.accuracy == pytest.approx(1 / 3, abs=0.1)
    on_others = spread(90)[0][:, ::-1]
    kept, part, none = linear_probes.probe(numbers, rows(on_others, spread(90)[1]))
    assert kept.accuracy > 0.95
    assert max(part.accuracy, none.accuracy) < 0.5


def test_what_carries_no_class_is_guessed_however_many_features_there_are():
    random = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((300,)), layers.Dense(300, name="wide"), layers.Dense(2, name="top")])
    data = rows(random.normal(size=(150, 300)), [(place % 2,) for place in range(150)])
    assert linear_probes.probe(explorer.load(model), data)[0].accuracy == pytest.approx(0.5, abs=0.15)


def test_the_same_data_gives_the_same_probes(network):
    assert linear_probes.probe(network, cases.data()) == linear_probes.probe(network, cases.data())


def test_the_backbone_may_end_earlier(network):
    assert [one.block for one in linear_probes.probe(network, cases.data(), head_at="block_2_conv")] == ["block_1", "block_2"]


def test_of_many_blocks_evenly_spread_ones_are_probed_with_the_last():
    model = keras.Sequential(
        [keras.Input((8,))] + [layers.Dense(8, name=f"part_{number}_dense") for number in range(95)] + [layers.Dense(2)]
    )
    found = linear_probes.probe(explorer.load(model), rows(*spread(12)))
    places = [one.index for one in found]
    assert len(found) == 40
    assert (places[0], places[-1]) == (2, 96)
    assert set(np.diff(places)) == {2, 3}


def test_a_network_without_blocks_before_its_head_has_no_probes():
    x = keras.Input((8,), name="numbers")
    assert linear_probes.probe(explorer.load(keras.Model(x, layers.Dense(2, name="top")(x))), rows(*spread(9))) == ()


# networks of other kinds


def test_a_nested_model_is_probed_where_its_blocks_end():
    network = explorer.load(small_models.moved(own_models.nested()))
    pictures = [Example("image", np.full((12, 16, 3), 60 * place % 251, np.uint8), f"{place}") for place in range(20)]
    data = TrainingData("image", ("dark", "bright"), tuple(Labelled(one, (int(one.data[0, 0, 0] > 125),)) for one in pictures), ())
    found = linear_probes.probe(network, data)
    assert [(one.layer, one.index) for one in found][-1] == ("backbone/add", 6)
    assert found[-1].accuracy > 0.7


def test_steps_of_films_and_sequences_are_averaged():
    network = explorer.load(own_models.timed())
    random = np.random.default_rng(0)
    films = [random.random((3, 8, 10, 2)).astype(np.float32) + place % 2 for place in range(12)]
    found = linear_probes.probe(network, rows(films, [(place % 2,) for place in range(12)]))
    assert [one.layer for one in found] == ["frames", "each", "gru"]


def test_embedded_words_and_two_inputs_can_be_probed():
    network = explorer.load(small_models.moved(own_models.words()))
    random = np.random.default_rng(0)
    sides = [{"first": random.integers(0, 3, 6) + 10 * (place % 2), "second": random.integers(0, 3, 6)} for place in range(40)]
    examples = tuple(
        Labelled(Example("arrays", tuple((name, array.astype(np.int32)) for name, array in one.items()), "words"), (place % 2,))
        for place, one in enumerate(sides)
    )
    found = linear_probes.probe(network, TrainingData("arrays", ("low", "high"), examples, ()))
    assert found[-1].layer == "flat"
    assert found[-1].accuracy > 0.7


def test_sound_is_probed_and_tones_are_told_from_noise():
    network, random = explorer.load("timbres"), np.random.default_rng(0)
    time = np.arange(24_000) / 8_000
    sounds = [np.sin(time * 1000 * (4 + place)) if place % 2 else random.normal(0, 0.2, len(time)) for place in range(12)]
    examples = [Labelled(audio.read((sound.astype(np.float32), 8_000)), (place % 2,)) for place, sound in enumerate(sounds)]
    found = linear_probes.probe(network, TrainingData("audio", ("noise", "tone"), tuple(examples), ()))
    assert len(found) >= 3
    assert found[-1].accuracy > 0.8


@pytest.mark.channels_first
def test_with_channels_first_the_probes_are_the_same():
    options = {"weights": None, "alpha": 0.25, "classes": 4}
    last = explorer.load("MobileNet", input_shape=(32, 48, 3), **options)
    first = explorer.load("MobileNet", input_shape=(3, 32, 48), data_format="channels_first", **options)
    first.model.set_weights(last.model.get_weights())
    found, expected = (linear_probes.probe(network, cases.data(18)) for network in (first, last))
    assert [(one.layer, one.index) for one in found] == [(one.layer, one.index) for one in expected]
    assert [one.accuracy for one in found] == pytest.approx([one.accuracy for one in expected], abs=0.06)


# folds


def test_examples_of_one_group_are_never_on_both_sides(numbers):
    random = np.random.default_rng(0)
    network = explorer.load(keras.Sequential([keras.Input((60,)), layers.Dense(60, name="wide"), layers.Dense(2, name="top")]))
    values = np.repeat(random.normal(size=(20, 60)), 6, axis=0) + random.normal(0, 1e-3, (120, 60))
    classes = [(place // 6 % 2,) for place in range(120)]
    groups = [f"recording {place // 6}" for place in range(120)]
    assert linear_probes.probe(network, rows(values, classes))[0].accuracy == 1
    assert linear_probes.probe(network, rows(values, classes, groups))[0].accuracy < 0.7


def test_two_of_each_class_are_enough(numbers):
    values, classes = spread(6)
    assert [0 <= one.accuracy <= 1 for one in linear_probes.probe(numbers, rows(values, classes))] == [True] * 3
    twice = rows(np.repeat(values, 2, axis=0), [one for one in classes for _ in range(2)], [f"{place // 2}" for place in range(12)])
    assert len(linear_probes.probe(numbers, twice)) == 3


def test_of_many_examples_a_part_is_taken_in_which_rare_classes_are_left_enough(numbers, monkeypatch):
    monkeypatch.setattr(linear_probes, "MOST_EXAMPLES", 60)
    values, classes = spread(300)
    classes = [(2,) if place % 75 == 0 else (place % 2,) for place in range(300)]
    said = []
    found = linear_probes.probe(numbers, rows(values, classes), progress=lambda done, total: said.append((done, total)))
    assert said[-1] == (63, 63)
    part = linear_probes._part(rows(values, classes).training)
    counts = np.bincount([one.classes[0] for one in part])
    assert counts[2] == 4
    assert abs(counts[0] - counts[1]) <= 2
    places = [int(one.example.name[2:-1]) for one in part]
    assert places == sorted(set(places))
    assert found == linear_probes.probe(numbers, rows(values, classes))


# several classes at once


def test_with_several_classes_each_is_judged_balanced(numbers):
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 8))
    hold = np.stack([values[:, 0] > 1, values[:, 1] > 0, random.random(200) > 0.9], axis=1)
    classes = [tuple(np.flatnonzero(one).tolist()) for one in hold]
    kept, part, none = linear_probes.probe(numbers, rows(values, classes, multi_label=True))
    assert kept.accuracy == pytest.approx((0.9 + 0.95 + 0.5) / 3, abs=0.07)
    assert part.accuracy == pytest.approx(kept.accuracy, abs=0.07)
    assert none.accuracy == pytest.approx(0.5, abs=0.03)


def test_with_several_classes_those_that_cannot_be_judged_are_left_out(numbers):
    values = np.random.default_rng(0).normal(size=(60, 8))
    classes = [(1, 2) if value[0] > 0 else (2,) for value in values]
    classes[3] = (0, *classes[3])
    assert linear_probes.probe(numbers, rows(values, classes, multi_label=True))[0].accuracy > 0.85
    with pytest.raises(ExplorerError, match="needs two of each"):
        linear_probes.probe(numbers, rows(values, [(2,)] * 60, multi_label=True))


# the network, progress, Stop


def test_the_network_is_left_as_it_is(network):
    model = network.model
    before = [one.tobytes() for one in model.get_weights()]
    uses = [keras_settings.uses_of(layer) for layer in model.layers]
    linear_probes.probe(network, cases.data())
    assert [one.tobytes() for one in model.get_weights()] == before
    assert [keras_settings.uses_of(layer) for layer in model.layers] == uses


def test_progress_counts_examples_then_blocks(network):
    said = []
    linear_probes.probe(network, cases.data(40), progress=lambda done, total: said.append((done, total)))
    assert said == [(done, 44) for done in (8, 16, 24, 32, 40, 41, 42, 43, 44)]


@pytest.mark.parametrize("at", [0, 32, 40, 41])
def test_stop_ends_it_in_the_pass_and_between_blocks(network, at):
    said = [0]
    with pytest.raises(Cancelled):
        linear_probes.probe(network, cases.data(40), progress=lambda done, _total: said.append(done), stop=lambda: said[-1] >= at)
    assert said[-1] == at


# what can't be probed


def refusal(network, data, **options):
    with pytest.raises(ExplorerError) as refused:
        linear_probes.probe(network, data, **options)
    return str(refused.value)


def test_a_class_with_one_example_is_named(numbers):
    values, _classes = spread(7)
    said = refusal(numbers, rows(values, [(2,) if place == 0 else (place % 2,) for place in range(7)]))
    assert "two of each" in said
    assert said.endswith("add to c.")


def test_a_class_of_one_recording_is_named(numbers):
    values, _classes = spread(8)
    data = rows(values, [(0,)] * 4 + [(1,)] * 4, ["one"] * 4 + ["two", "two", "three", "three"], names=("birds", "bats"))
    assert refusal(numbers, data).endswith("add to birds.")


def test_data_of_another_kind_is_refused(network, numbers):
    assert "image" in refusal(network, rows(*spread(9)))
    assert "There are no examples" in refusal(numbers, rows([], []))
    assert "one class" in refusal(numbers, rows(spread(9)[0], [(0,)] * 9, names=("a",)))
    assert "two of each of two classes" in refusal(numbers, rows(spread(9)[0], [(0,)] * 9))


def test_broken_weights_are_said():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3, name="broken"), layers.Dense(2, name="top")])
    model.layers[0].set_weights([np.full((8, 3), np.nan), np.zeros(3)])
    assert refusal(explorer.load(model), rows(*spread(9))).startswith("broken answers with NaN")
