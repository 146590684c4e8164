import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.inner_product_search import InnerProductSearch


def test_largest_product_first_by_hand(assert_found):
    history = tf.constant([[[1.0, 0.0], [-2.0, 1.0], [0.0, 3.0], [5.0, 5.0]]])
    found = InnerProductSearch(k=3)(tf.constant([[[1.0, 1.0], [-1.0, 0.0]]]), history)
    # Products 1, -1, 3, 10 and -1, 2, 0, -5
    assert_found(found, ([[[3, 2, 0], [1, 2, 0]]], np.ones((1, 2, 3)), [[[10, 3, 1], [2, 0, -1]]]))


def test_the_length_of_an_event_counts_not_the_angle_alone(assert_found):
    history = tf.constant([[[1.0, 0.0], [9.0, 9.0]]])
    found = InnerProductSearch(k=1)(tf.constant([[[1.0, 0.0]]]), history)
    assert_found(found, ([[[1]]], [[[True]]], [[[9]]]))


def test_padding_never_wins_against_negative_products(assert_found):
    history = tf.constant([[[0.0], [-1e30], [7.0], [-3e38]]])
    mask = tf.constant([[False, True, False, True]])
    found = InnerProductSearch(k=3)(tf.constant([[[1.0]]]), history, mask)
    assert_found(found, ([[[1, 3, 0]]], [[[True, True, False]]], [[[-1e30, -3e38, 0]]]), 1e-6)


def test_products_beyond_float32_count_as_the_lowest():
    history = tf.constant([[[7.0], [-3e38], [1.0]]])
    found = InnerProductSearch(k=3)(
        tf.constant([[[1e30]]]), history, tf.constant([[False, True, True]])
    )
    np.testing.assert_array_equal(found.position, [[[2, 1, 0]]])
    np.testing.assert_array_equal(found.mask, [[[True, True, False]]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equals_brute_force_over_random_shapes(rng, dtype, best_by_score, assert_found):
    for _ in range(25):
        rows, candidates, length, size, k = rng.integers(1, [4, 5, 60, 9, 70])
        # Whole numbers: exact products, many of them equal.
        candidate = rng.integers(-3, 4, (rows, candidates, size)).astype(dtype)
        history = rng.integers(-3, 4, (rows, length, size)).astype(dtype)
        mask = rng.random((rows, length)) < rng.choice([0.0, 0.3, 0.9, 1.0], (rows, 1))
        found = InnerProductSearch(int(k))(candidate, history, mask)
        products = np.einsum("bnd,bld->bnl", candidate, history).astype(float)
        assert_found(found, best_by_score(products, mask, k))


def test_gradients_flow_through_the_relevance(rng):
    candidate = tf.Variable(rng.standard_normal((1, 2, 3)), dtype=tf.float32)
    history = tf.Variable(rng.standard_normal((1, 8, 3)), dtype=tf.float32)
    with tf.GradientTape() as tape:
        found = InnerProductSearch(2)(candidate, history, tf.ones([1, 8], tf.bool))
        total = tf.reduce_sum(found.relevance)
    by_candidate, by_history = tape.gradient(total, [candidate, history])
    events = tf.gather(history, found.position, batch_dims=1)
    np.testing.assert_allclose(by_candidate, tf.reduce_sum(events, axis=2), rtol=1e-6)
    hit = np.isin(np.arange(8), found.position.numpy())
    np.testing.assert_array_equal((by_history.numpy()[0] != 0).any(-1), hit)
