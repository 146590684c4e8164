import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import HashBucketAttention


def random_inputs(rng, rows=2, candidates=3, events=9, size=6, value_size=4):
    return (
        rng.standard_normal((rows, candidates, size)).astype(np.float32),
        rng.standard_normal((rows, events, size)).astype(np.float32),
        rng.standard_normal((rows, events, value_size)).astype(np.float32),
        rng.random((rows, events)) < 0.6,
    )


def with_rotation(rotation, width):
    rotation = np.asarray(rotation, np.float32)
    attention = HashBucketAttention(rotation.shape[1], width)
    attention.build(((None, None, len(rotation)), None, None))
    attention.rotation.assign(rotation)
    return attention


def all_pairs(attention, query, history, values, mask):
    """Compares every candidate with every event, one group of bits at a time."""
    rotation = np.asarray(attention.rotation)
    query_bits, history_bits = query @ rotation > 0, history @ rotation > 0
    output = np.zeros((*query.shape[:2], values.shape[-1]))
    for row, column in np.ndindex(*query.shape[:2]):
        for first in range(0, attention.hashes, attention.width):
            group = slice(first, first + attention.width)
            same = (history_bits[row, :, group] == query_bits[row, column, group]).all(axis=-1)
            total = values[row, same & mask[row]].astype(np.float64).sum(axis=0)
            if total.any():
                output[row, column] += total / np.sqrt((total**2).sum())
    return output / attention.groups


def test_by_hand():
    # Bits: x > 0 and y > 0, then x > 0 and x > y: two codes of two bits
    attention = with_rotation([[1, 0, 1, 1], [0, 1, 0, -1]], width=2)
    history = tf.constant([[[2.0, 1.0], [1.0, 2.0], [-1.0, -2.0], [3.0, 1.0]]])
    values = tf.constant([[[3.0, 0.0], [0.0, 4.0], [7.0, 7.0], [100.0, 100.0]]])
    mask = tf.constant([[True, True, True, False]])
    query = tf.constant([[[3.0, 2.0], [-2.0, 1.0], [-1.0, -1.0]]])
    codes = attention.codes(history)
    assert codes.dtype == tf.int32
    np.testing.assert_array_equal(codes, [[[3, 3], [3, 1], [0, 2], [3, 3]]])
    np.testing.assert_array_equal(attention.codes(query), [[[3, 3], [2, 0], [0, 0]]])
    # Candidate 0: (3, 4) / 5 and (3, 0) / 3; 1: nothing twice; 2: (7, 7) / |(7, 7)| and nothing
    expected = [[[0.8, 0.4], [0.0, 0.0], [0.125**0.5, 0.125**0.5]]]
    np.testing.assert_allclose(attention(query, history, values, mask), expected, rtol=1e-6)


@pytest.mark.parametrize(("hashes", "width"), [(48, 3), (8, 1), (5, 5), (12, 4)])
@pytest.mark.parametrize(("rows", "candidates", "events"), [(2, 3, 9), (1, 1, 1), (1, 5, 40)])
def test_equals_all_pairs(rng, rows, candidates, events, hashes, width):
    inputs = random_inputs(rng, rows, candidates, events)
    attention = HashBucketAttention(hashes, width, seed=2)
    output = attention(*inputs)
    np.testing.assert_allclose(output, all_pairs(attention, *inputs), atol=1e-6)
    assert output.shape == (rows, candidates, 4)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_weights_follow_the_angle(width):
    """An event alone weighs 1 wherever it shares a code: the mean estimates the probability."""
    angle = np.linspace(0, np.pi, 9)
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)
    attention = HashBucketAttention(4000 * width, width)
    event = tf.constant([[[5.0, 0.0]]])
    output = attention(vectors[np.newaxis], event, tf.ones([1, 1, 1]))
    np.testing.assert_allclose(output[0, :, 0], (1 - angle / np.pi) ** width, atol=0.03)


def test_work_does_not_grow_with_pairs():
    rows, candidates, events = 2, 89, 97
    shapes = [[rows, candidates, 5], [rows, events, 5], [rows, events, 7], [rows, events]]
    types = [tf.float32] * 3 + [tf.bool]
    attention = HashBucketAttention(12, 3)
    traced = tf.function(attention, autograph=False).get_concrete_function(
        *map(tf.TensorSpec, shapes, types)
    )
    made = [
        output.shape.as_list()
        for operation in traced.graph.get_operations()
        for output in operation.outputs
        if output.shape.rank is not None
    ]
    # The table of all buckets, and nothing for pairs of candidate and event
    assert [rows, 4 * 8, 7] in made
    assert not [shape for shape in made if candidates in shape and events in shape]
    assert max(np.prod(shape) for shape in made) == rows * events * 4 * 8


def test_codes_computed_before_give_the_same(rng):
    query, history, values, mask = random_inputs(rng)
    attention = HashBucketAttention(12, 3)
    expected = attention(query, history, values, mask)
    codes = attention.codes(np.concatenate([query, history], axis=1))
    output = attention.attend(codes[:, :3], codes[:, 3:], values, mask)
    np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("xla", [False, True])
def test_an_empty_bucket_gives_zeros_and_finite_gradients(rng, xla):
    query, history, values, mask = random_inputs(rng)
    # Opposite vectors share no code; the second request's values have no direction.
    query[0] = -history[0, :1]
    mask[0], mask[0, 0] = False, True
    values[1] = 0
    attention = HashBucketAttention(12, 3)
    attention(query, history, values, mask)

    @tf.function(jit_compile=xla, autograph=False)
    def output_and_gradient(query, history, values):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([query, history, values])
            output = attention(query, history, values, mask)
        # No gradient flows through the hashing.
        assert tape.gradient(output, query) is None
        assert tape.gradient(output, history) is None
        return output, tape.gradient(output, values)

    output, gradient = output_and_gradient(*map(tf.constant, (query, history, values)))
    assert not np.any(output)
    np.testing.assert_array_equal(gradient, np.zeros_like(values))


def test_gradients_reach_the_values_of_shared_buckets(rng):
    query, history, values, mask = random_inputs(rng, candidates=1)
    attention = HashBucketAttention(3, 3)
    attention(query, history, values, mask)
    codes = attention.codes(history).numpy()[..., 0]
    shared = (codes == attention.codes(query).numpy()[..., 0]) & mask
    assert shared.any()
    direction = rng.standard_normal(4).astype(np.float32)

    def output(values):
        return tf.reduce_sum(attention(query, history, values, mask) * direction)

    analytic, numeric = tf.test.compute_gradient(output, [values], delta=1e-2)
    np.testing.assert_allclose(analytic[0], numeric[0], atol=2e-3)
    np.testing.assert_array_equal(np.any(analytic[0].reshape(values.shape), axis=-1), shared)


def test_the_rotation_is_seeded_fixed_and_not_trainable(rng):
    inputs = random_inputs(rng)
    attention = HashBucketAttention(12, 3, seed=1)
    first = attention(*inputs)
    np.testing.assert_array_equal(attention(*inputs, training=True), first)
    np.testing.assert_array_equal(HashBucketAttention(12, 3, seed=1)(*inputs), first)
    assert np.abs(HashBucketAttention(12, 3, seed=2)(*inputs) - first).max() > 1e-2
    assert [tuple(weight.shape) for weight in attention.weights] == [(6, 12)]
    assert not attention.trainable_weights


def test_mixed_precision_does_not_change_the_codes(rng, mixed_precision):
    inputs = random_inputs(rng, events=200)
    expected = HashBucketAttention(48, 3, dtype="float32")(*inputs)
    np.testing.assert_array_equal(HashBucketAttention(48, 3)(*inputs), expected)
    half = (*inputs[:2], tf.cast(inputs[2], mixed_precision), inputs[3])
    output = HashBucketAttention(48, 3)(*half)
    assert output.dtype == mixed_precision
    np.testing.assert_allclose(tf.cast(output, tf.float32), expected, atol=0.02)
