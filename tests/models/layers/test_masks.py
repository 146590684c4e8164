import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.masks import length_mask, masked_softmax


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_length_mask_marks_the_first_places(dtype):
    mask = length_mask(tf.constant([0, 1, 3, 5, -1], dtype), 3)
    expected = [[0, 0, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 0]]
    assert mask.dtype == tf.bool
    np.testing.assert_array_equal(mask, np.array(expected, bool))


def test_length_mask_of_a_dynamic_width():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, None])])
    def traced(length, values):
        return length_mask(length, tf.shape(values)[1])

    np.testing.assert_array_equal(
        traced(tf.constant([1, 2], tf.int64), tf.zeros([2, 2])), [[True, False], [True, True]]
    )
    assert traced(tf.constant([1], tf.int64), tf.zeros([1, 0])).shape == (1, 0)


def test_length_mask_refuses_other_shapes_and_types():
    with pytest.raises(ValueError, match=r"`length` has shape \(2, 1\); expected \[B\]"):
        length_mask(tf.constant([[1], [2]]), 3)
    with pytest.raises(ValueError, match=r"`length` .* float32; expected int32 or int64"):
        length_mask(tf.constant([1.0]), 3)
    for width in (-1, True, 2.5, tf.constant([3])):
        with pytest.raises(ValueError, match=r"length_mask: `width` .*; expected an integer"):
            length_mask(tf.constant([1]), width)


def test_masked_softmax_by_hand():
    scores = tf.math.log([[1.0, 3.0, 100.0], [1.0, 1.0, 2.0]])
    mask = tf.constant([[True, True, False], [True, True, True]])
    np.testing.assert_allclose(
        masked_softmax(scores, mask), [[0.25, 0.75, 0.0], [0.25, 0.25, 0.5]], rtol=1e-6
    )


@pytest.mark.parametrize("valid", [-3e38, -1e30, -1e9, 0.0, 3e38])
def test_no_masked_score_wins_however_low_the_valid_one_is(valid):
    scores = tf.constant([[valid, 3e38, float("inf"), float("nan")]])
    mask = tf.constant([[True, False, False, False]])
    np.testing.assert_array_equal(masked_softmax(scores, mask), [[1, 0, 0, 0]])


def test_an_underflowing_valid_event_stays_valid_and_an_empty_row_gets_zeros():
    scores = tf.constant([[0.0, -500.0], [5.0, 6.0]])
    mask = tf.constant([[False, True], [False, False]])
    np.testing.assert_array_equal(masked_softmax(scores, mask), [[0, 1], [0, 0]])


def test_masked_softmax_has_finite_gradients():
    scores = tf.Variable([[1.0, 2.0, 3e38], [3.0, 4.0, 5.0]])
    mask = tf.constant([[True, True, False], [False, False, False]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(masked_softmax(scores, mask)[:, 0])
    gradient = tape.gradient(total, scores).numpy()
    share = 1 / (1 + np.e)
    np.testing.assert_allclose(
        gradient, [[share * (1 - share), -share * (1 - share), 0], [0, 0, 0]], rtol=1e-5
    )


def test_masked_softmax_of_half_precision_sums_in_float32():
    scores = tf.zeros([1, 4096], tf.float16)
    weights = masked_softmax(scores, tf.ones([1, 4096], tf.bool))
    assert weights.dtype == tf.float16
    np.testing.assert_array_equal(weights, np.full([1, 4096], 1 / 4096, np.float16))


def test_masked_softmax_of_nothing():
    assert masked_softmax(tf.zeros([2, 0]), tf.zeros([2, 0], tf.bool)).shape == (2, 0)
