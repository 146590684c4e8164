import numpy as np
import tensorflow as tf

from lifelong.models.layers.steps import by_step, gru_step, project


def test_a_step_is_a_row_and_its_gradient_is_that_rows():
    values = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        read = by_step(values).read(1)
        loss = tf.reduce_sum(read**2)
    np.testing.assert_array_equal(read, [3, 4])
    np.testing.assert_array_equal(tape.gradient(loss, values), [[0, 0], [6, 8], [0, 0]])
    assert by_step(values[:0]).size() == 0


def test_a_gru_goes_by_its_update_gate_and_the_share():
    """Gates of 3/4 and 1/2, from a state of 2 to tanh(x + r * 2 * 3)."""
    inputs = tf.constant([[np.log(3.0) - 2, -4.0, 1.0]], tf.float32)
    kernel = tf.constant([[1.0, 2.0, 3.0]])
    candidate = np.tanh(1 + 0.5 * 2 * 3)
    for share in (0.0, 0.5, 1.0):
        state = gru_step(inputs, tf.constant([[2.0]]), kernel, tf.constant([[share]]))
        np.testing.assert_allclose(state, [[2 + share * 0.75 * (candidate - 2)]], rtol=1e-6)


def test_vectors_of_any_rank_are_projected():
    kernel = tf.constant([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    np.testing.assert_array_equal(
        project([[[1.0, 2.0]], [[3.0, 4.0]]], kernel), [[[1, 2, 0]], [[3, 4, 2]]]
    )
    assert project(tf.zeros([0, 5, 2]), kernel).shape == (0, 5, 3)
