import numpy as np
import tensorflow as tf

from lifelong.models.layers.memory_slots import (
    address_slots,
    mix_slots,
    shares_of_writes,
    write_slots,
)

# softplus(log(e - 1)) = 1: with it, cosines are doubled.
ONE_MORE = np.log(np.e - 1)


def test_weights_follow_cosines_whatever_the_lengths():
    addresses = tf.constant([[[3.0, 0.0], [0.0, 0.5], [-1.0, 0.0]]])
    keys = tf.constant([[[7.0, 0.0], [0.0, 0.0]]])
    weights = address_slots(keys, tf.fill([1, 2, 1], tf.cast(ONE_MORE, tf.float32)), addresses)
    of_first = np.exp([2, 0, -2]) / np.exp([2, 0, -2]).sum()
    np.testing.assert_allclose(weights, [[of_first, [1 / 3] * 3]], rtol=1e-5)


def test_a_strength_is_at_least_1():
    addresses = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
    weights = address_slots(tf.constant([[[1.0, 0.0]]]), tf.fill([1, 1, 1], -100.0), addresses)
    np.testing.assert_allclose(weights, [[[np.e / (np.e + 1), 1 / (np.e + 1)]]], rtol=1e-5)


def test_slots_are_mixed():
    slots = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
    np.testing.assert_array_equal(mix_slots(tf.constant([[0.25, 0.75]]), slots), [[2.5, 3.5]])


def test_a_write_erases_and_adds_by_its_weight():
    slots = tf.constant([[[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]]])
    # Erase all of the first column and half of the second.
    forget, add = tf.constant([[100.0, 0.0]]), tf.constant([[1.0, -1.0]])
    written = write_slots(slots, tf.constant([[1.0, 0.5, 0.0]]), forget, add)
    np.testing.assert_allclose(written, [[[1, 0], [2.5, 2.5], [6, 6]]])


def test_shares_of_writes():
    shares = shares_of_writes(tf.constant([[3.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(shares, [[0.75, 0.25], [0, 0]])
