import numpy as np
import tensorflow as tf

from lifelong.models.layers.steps import by_step


def test_a_step_is_a_row_and_its_gradient_is_that_rows():
    values = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        read = by_step(values).read(1)
        loss = tf.reduce_sum(read**2)
    np.testing.assert_array_equal(read, [3, 4])
    np.testing.assert_array_equal(tape.gradient(loss, values), [[0, 0], [6, 8], [0, 0]])
    assert by_step(values[:0]).size() == 0
