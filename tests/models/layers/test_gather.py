import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import gather_events


@pytest.mark.parametrize("rest", [(), (4,), (2, 3)])
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_equals_numpy(rng, rest, dtype):
    values = rng.standard_normal((3, 7, *rest))
    position = rng.integers(0, 7, (3, 2, 5))
    gathered = gather_events(values, tf.constant(position, dtype))
    assert gathered.shape == (3, 2, 5, *rest)
    np.testing.assert_array_equal(gathered, values[np.arange(3)[:, None, None], position])


def test_gradients_go_to_the_gathered_events_alone():
    values = tf.Variable([[[1.0], [2.0]], [[3.0], [4.0]]])
    position = tf.constant([[[0, 0]], [[1, 0]]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(gather_events(values, position) * [[1.0], [10.0]])
    gradient = tf.convert_to_tensor(tape.gradient(total, values))
    np.testing.assert_array_equal(gradient[..., 0], [[11, 0], [10, 1]])


def test_dynamic_shapes_and_an_empty_search():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.float32),
            tf.TensorSpec([None, None, None], tf.int32),
        ]
    )
    def traced(values, position):
        return gather_events(values, position)

    assert traced(tf.ones([1, 4, 3]), tf.zeros([1, 1, 2], tf.int32)).shape == (1, 1, 2, 3)
    assert traced(tf.ones([2, 0, 3]), tf.zeros([2, 1, 0], tf.int32)).shape == (2, 1, 0, 3)


def test_bad_inputs():
    with pytest.raises(ValueError, match=r"`position` has shape \(2, 5\); expected \[B, N, K\]"):
        gather_events(tf.zeros([2, 3, 4]), tf.zeros([2, 5], tf.int32))
    with pytest.raises(ValueError, match=r"`position` .* with B = 2 as in `values`"):
        gather_events(tf.zeros([2, 3, 4]), tf.zeros([1, 5, 6], tf.int32))
    with pytest.raises(ValueError, match=r"`values` has shape \(2,\); expected \[B, L\]"):
        gather_events(tf.zeros([2]), tf.zeros([2, 5, 6], tf.int32))
    with pytest.raises(ValueError, match=r"`position` .* float32; expected int32 or int64"):
        gather_events(tf.zeros([2, 3, 4]), tf.zeros([2, 5, 6]))
