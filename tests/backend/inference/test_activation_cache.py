import numpy as np
import pytest

from explorer.backend.inference.activation_cache import Activations

KB = 1024


def array(fill, kilobytes=1):
    return np.full((kilobytes, 2, 128), fill, np.float32)


def remembered(activations, *keys):
    return [activations.get(example, [layer]) is not None for example, layer in keys]


def test_what_was_put_is_got_back_as_the_same_numbers():
    activations = Activations(10 * KB)
    activations.put("a", {1: array(1), 2: array(2)})
    found = activations.get("a", [2, 1])
    assert {layer: float(values[0, 0, 0]) for layer, values in found.items()} == {1: 1.0, 2: 2.0}
    assert activations.size == 2 * KB


def test_what_is_not_remembered_in_full_is_not_given():
    activations = Activations(10 * KB)
    activations.put("a", {1: array(1)})
    assert activations.get("a", [1, 2]) is None
    assert activations.get("b", [1]) is None


def test_asking_for_no_layers_gives_none_of_them():
    assert not Activations(10 * KB).get("a", [])


def test_layers_of_one_example_come_together():
    activations = Activations(10 * KB)
    activations.put("a", {1: array(1)})
    activations.put("a", {2: array(2)})
    assert set(activations.get("a", [1, 2])) == {1, 2}
    assert activations.size == 2 * KB


def test_putting_a_layer_again_counts_it_once():
    activations = Activations(10 * KB)
    for fill in range(30):
        activations.put("a", {1: array(fill)})
    assert activations.size == KB
    assert activations.get("a", [1])[1][0, 0, 0] == 29


def test_the_example_used_longest_ago_goes_first():
    activations = Activations(3 * KB)
    for example in "abc":
        activations.put(example, {0: array(0)})
    activations.get("a", [0])
    activations.put("d", {0: array(0)})
    assert remembered(activations, ("a", 0), ("b", 0), ("c", 0), ("d", 0)) == [True, False, True, True]


def test_as_many_go_as_a_large_one_needs():
    activations = Activations(4 * KB)
    for example in "abc":
        activations.put(example, {0: array(0)})
    activations.put("d", {0: array(0, 3)})
    assert remembered(activations, ("a", 0), ("b", 0), ("c", 0), ("d", 0)) == [False, False, True, True]
    assert activations.size == 4 * KB


def test_what_can_never_fit_is_not_remembered_and_costs_nobody_a_place():
    activations = Activations(4 * KB)
    activations.put("a", {0: array(0)})
    activations.put("b", {0: array(0, 5)})
    assert remembered(activations, ("a", 0), ("b", 0)) == [True, False]
    assert activations.size == KB


def test_a_layer_that_can_never_fit_leaves_the_others_of_its_example():
    activations = Activations(4 * KB)
    activations.put("a", {0: array(0)})
    activations.put("a", {1: array(1, 5)})
    assert remembered(activations, ("a", 0), ("a", 1)) == [True, False]


def test_a_bound_of_nothing_remembers_nothing():
    activations = Activations(0)
    activations.put("a", {0: array(0)})
    assert activations.get("a", [0]) is None
    assert activations.size == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_size_is_what_is_held_and_never_above_the_bound(seed):
    random = np.random.default_rng(seed)
    activations = Activations(9 * KB)
    put = {}
    for _ in range(300):
        example, layer, fill = random.choice(list("abcde")), int(random.integers(4)), int(random.integers(1000))
        values = array(fill, int(random.integers(1, 6)))
        activations.put(example, {layer: values})
        put[example, layer] = fill
        assert activations.size <= activations.bound
        held = {key: activations.get(key[0], [key[1]]) for key in put}
        assert activations.size == sum(found[key[1]].nbytes for key, found in held.items() if found)
        assert all(found[key[1]][0, 0, 0] == put[key] for key, found in held.items() if found)
