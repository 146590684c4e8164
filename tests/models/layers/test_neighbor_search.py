import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.neighbor_search import NeighborSearch


@pytest.fixture
def brute_force(best_by_score):
    """Compares every neighbour with every event; the first place of a neighbour counts."""

    def search(neighbors, history, mask, k):
        same = neighbors[:, :, :, None] == history[:, None, None, :]
        first = np.argmax(same, axis=2)
        return best_by_score(np.where(same.any(axis=2), -1.0 * first, -np.inf), mask, k)

    return search


def test_nearest_neighbour_first_then_the_most_recent_event_by_hand(assert_found):
    neighbors = tf.constant([[[30, 10, 99], [77, 20, 20], [1, 2, 3]]], tf.int64)
    history = tf.constant([[10, 20, 30, 10, 40, 30]], tf.int64)
    found = NeighborSearch(k=3)(neighbors, history)
    assert_found(
        found,
        (
            [[[2, 5, 0], [1, 0, 0], [0, 0, 0]]],
            [[[True, True, True], [True, False, False], [False, False, False]]],
            [[[0, 0, -1], [-1, 0, 0], [0, 0, 0]]],
        ),
    )


def test_of_a_neighbour_listed_twice_the_first_place_counts(assert_found):
    neighbors = tf.constant([[[8, 5, 8, 6, 5], [6, 6, 6, 6, 6]]], tf.int64)
    history = tf.constant([[5, 6, 8, 5]], tf.int64)
    found = NeighborSearch(k=10)(neighbors, history)
    assert_found(
        found,
        (
            [[[2, 0, 3, 1], [1, 0, 0, 0]]],
            [[[True] * 4, [True, False, False, False]]],
            [[[0, -1, -1, -3], [0, 0, 0, 0]]],
        ),
    )


def test_neighbours_without_events_do_not_hide_those_next_to_them(assert_found):
    # 4 and 6 are not in the history: their places in the sorted history are those of 5 and 7.
    neighbors = tf.constant([[[4, 6, 4, 5, 7, 9]]], tf.int64)
    found = NeighborSearch(k=3)(neighbors, tf.constant([[7, 5, 3]], tf.int64))
    assert_found(found, ([[[1, 0, 0]]], [[[True, True, False]]], [[[-3, -4, 0]]]))


def test_masked_events_are_passed_over(assert_found):
    neighbors = tf.constant([[[5, 6]]], tf.int64)
    history = tf.constant([[6, 5, 5, 6, 5]], tf.int64)
    mask = tf.constant([[False, True, False, True, True]])
    found = NeighborSearch(k=4)(neighbors, history, mask)
    assert_found(found, ([[[1, 4, 3, 0]]], [[[True] * 3 + [False]]], [[[0, 0, -1, 0]]]))


def test_padding_is_nobodys_neighbour():
    """Padding stands in the index as the largest id, which therefore is no item."""
    limits = np.iinfo(np.int64)
    ids = np.array([limits.max, limits.min, -1, 0])
    found = NeighborSearch(k=4)(ids[None, None], ids[None], np.zeros((1, 4), bool))
    assert not found.mask.numpy().any()
    found = NeighborSearch(k=4)(ids[None, None], ids[None])
    np.testing.assert_array_equal(found.mask, [[[True, True, True, False]]])
    np.testing.assert_array_equal(found.position, [[[1, 2, 3, 0]]])


def test_a_shorter_list_is_filled_up_with_what_no_event_has_or_with_its_own(assert_found):
    history = tf.constant([[3, 1, 2, 1]], tf.int64)
    expected = NeighborSearch(k=4)(tf.constant([[[1, 3]]], tf.int64), history)
    assert expected.mask.numpy().sum() == 3
    for filled in ([1, 3, -1, -1], [1, 3, 1, 1], [1, 3, 3, -1]):
        assert_found(NeighborSearch(k=4)(tf.constant([[filled]], tf.int64), history), expected)


def test_no_neighbours_find_nothing(assert_found):
    found = NeighborSearch(k=2)(tf.zeros([1, 3, 0], tf.int64), tf.zeros([1, 4], tf.int64))
    assert_found(found, (np.zeros((1, 3, 2)), np.zeros((1, 3, 2), bool), np.zeros((1, 3, 2))))


@pytest.mark.parametrize("seed", range(6))
def test_equals_brute_force_over_random_shapes(seed, brute_force, assert_found):
    rng = np.random.default_rng(seed)
    layer_inputs = [tf.TensorSpec([None] * rank, tf.int64) for rank in (3, 2)]
    for _ in range(25):
        rows, candidates, listed, length, k = rng.integers(1, [4, 6, 12, 60, 70])
        # Few items: repeats in lists and histories. Many: mostly no match.
        items = rng.choice([3, 10, 100])
        neighbors = rng.integers(-1, items, (rows, candidates, listed))
        history = rng.integers(0, items, (rows, length))
        mask = rng.random((rows, length)) < rng.choice([0.0, 0.3, 0.9, 1.0], (rows, 1))
        found = NeighborSearch(int(k))(neighbors, history, mask)
        assert_found(found, brute_force(neighbors, history, mask, k))
    traced = tf.function(
        NeighborSearch(int(k)),
        input_signature=[*layer_inputs, tf.TensorSpec([None, None], tf.bool)],
    )
    assert_found(traced(*map(tf.constant, (neighbors, history, mask))), found)


def test_with_distinct_neighbours_the_order_of_a_list_is_the_order_of_its_events(rng):
    history = rng.permutation(50)[None]
    neighbors = rng.permutation(50)[None, None]
    found = NeighborSearch(k=50)(neighbors, history)
    np.testing.assert_array_equal(history[0, found.position[0, 0]], neighbors[0, 0])
    np.testing.assert_array_equal(found.relevance[0, 0], -np.arange(50))
