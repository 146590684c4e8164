import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.hard_search import HardSearch


@pytest.fixture
def brute_force(best_by_score):
    def search(candidate, history, mask, k):
        same = candidate[:, :, None] == history[:, None, :]
        return best_by_score(np.where(same, 1.0, -np.inf), mask, k)

    return search


def test_latest_of_the_category_by_hand(assert_found):
    history = tf.constant([[4, 2, 4, 3, 4, 2]])
    found = HardSearch(k=2)(tf.constant([[4, 2, 3, 1]]), history)
    assert_found(
        found,
        (
            [[[0, 2], [1, 5], [3, 0], [0, 0]]],
            [[[True, True], [True, True], [True, False], [False, False]]],
            [[[1, 1], [1, 1], [1, 0], [0, 0]]],
        ),
    )


def test_masked_events_of_the_category_are_passed_over(assert_found):
    history, mask = tf.constant([[4, 4, 4, 4]]), tf.constant([[False, True, False, True]])
    found = HardSearch(k=3)(tf.constant([[4]]), history, mask)
    assert_found(found, ([[[1, 3, 0]]], [[[True, True, False]]], [[[1, 1, 0]]]))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_padding_is_no_category(dtype):
    """Padding stands in the index as the largest id, which therefore is no category."""
    largest = np.iinfo(dtype).max
    smallest = np.iinfo(dtype).min
    candidate = tf.constant([[largest, 0, -1, smallest]], dtype)
    history = tf.constant([[0, largest, -1, smallest]], dtype)
    nothing = tf.zeros([1, 4], tf.bool)
    assert not HardSearch(k=4)(candidate, history, nothing).mask.numpy().any()
    found = HardSearch(k=1)(candidate, history)
    np.testing.assert_array_equal(found.mask[0, :, 0], [False, True, True, True])
    np.testing.assert_array_equal(found.position[0, 1:, 0], [0, 2, 3])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_equals_brute_force_over_random_shapes(rng, dtype, brute_force, assert_found):
    for _ in range(40):
        rows, candidates, length, k, categories = rng.integers(1, [4, 6, 60, 70, 12])
        candidate = rng.integers(-2, categories, (rows, candidates)).astype(dtype)
        history = rng.integers(-2, categories, (rows, length)).astype(dtype)
        mask = rng.random((rows, length)) < rng.choice([0.0, 0.3, 0.9, 1.0], (rows, 1))
        found = HardSearch(int(k))(candidate, history, mask)
        assert_found(found, brute_force(candidate, history, mask, k))
