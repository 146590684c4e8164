import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import SimHash


def unpack(signature, bits):
    """Bit i is bit i % 64 of word i // 64."""
    words = np.asarray(signature).astype(np.uint64)
    bit = np.arange(bits)
    return (words[..., bit // 64] >> (bit % 64).astype(np.uint64)) & np.uint64(1)


def with_rotation(bits, rotation):
    layer = SimHash(bits)
    layer.build((None, len(rotation)))
    layer.rotation.assign(np.asarray(rotation, np.float32))
    return layer


def test_bits_by_hand():
    # Directions: x, -x, y, x + y, x - y
    layer = with_rotation(5, [[1, -1, 0, 1, 1], [0, 0, 1, 1, -1]])
    vectors = tf.constant([[3.0, 1.0], [-3.0, 1.0], [0.0, 0.0], [0.0, -2.0]])
    expected = [[0b11101], [0b00110], [0b00000], [0b10000]]
    signature = layer(vectors)
    assert signature.dtype == tf.int64
    np.testing.assert_array_equal(signature, expected)


def test_bit_63_is_the_sign_and_every_bit_lies_in_its_place():
    layer = with_rotation(128, np.eye(128))
    signature = layer(tf.eye(128) - 0.5).numpy()
    expected = np.zeros((128, 2), np.uint64)
    bit = np.arange(128)
    expected[bit, bit // 64] = np.uint64(1) << (bit % 64).astype(np.uint64)
    np.testing.assert_array_equal(signature, expected.view(np.int64))
    assert signature[63, 0] == np.iinfo(np.int64).min
    np.testing.assert_array_equal(layer(tf.ones([1, 128])), [[-1, -1]])


@pytest.mark.parametrize("bits", [1, 16, 63, 64, 65, 100, 256])
def test_equals_numpy_and_leaves_unused_bits_zero(rng, bits):
    vectors = rng.standard_normal((4, 9, 6)).astype(np.float32)
    layer = SimHash(bits, seed=3)
    signature = layer(vectors).numpy()
    words = -(-bits // 64)
    assert signature.shape == (4, 9, words)
    assert layer.words == words
    projection = vectors @ np.asarray(layer.rotation)
    assert np.abs(projection).min() > 1e-6
    np.testing.assert_array_equal(unpack(signature, bits), projection > 0)
    assert not unpack(signature, 64 * words)[..., bits:].any()


def test_distance_estimates_the_angle():
    angle = np.linspace(0, np.pi, 9)
    vectors = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    bits = unpack(SimHash(4096)(vectors), 4096)
    np.testing.assert_allclose((bits != bits[0]).mean(-1), angle / np.pi, atol=0.03)


def test_a_vector_has_one_signature_in_any_batch(rng):
    vectors = rng.standard_normal((500, 32)).astype(np.float32)
    layer = SimHash(128)
    one_by_one = np.concatenate([layer(row[np.newaxis]) for row in vectors])
    np.testing.assert_array_equal(layer(vectors), one_by_one)
    np.testing.assert_array_equal(layer(vectors.reshape(2, 250, 32)), one_by_one.reshape(2, 250, 2))


def test_the_rotation_is_seeded_fixed_and_not_trainable(rng):
    vectors = rng.standard_normal((50, 8)).astype(np.float32)
    layer = SimHash(64, seed=1)
    first = layer(vectors)
    np.testing.assert_array_equal(layer(vectors), first)
    np.testing.assert_array_equal(layer(vectors, training=True), first)
    np.testing.assert_array_equal(SimHash(64, seed=1)(vectors), first)
    assert (SimHash(64, seed=2)(vectors).numpy() != first.numpy()).any()
    assert not layer.trainable_weights
    # One for all samples, and saved.
    assert [tuple(weight.shape) for weight in layer.weights] == [(8, 64)]
    assert abs(np.mean(layer.rotation)) < 0.15
    assert abs(np.std(layer.rotation) - 1) < 0.15


def test_no_gradient_and_training_leaves_the_rotation(rng):
    vectors = tf.Variable(rng.standard_normal((4, 8)), dtype=tf.float32)
    layer = SimHash(64)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.cast(layer(vectors), tf.float32)) + tf.reduce_sum(vectors)
    np.testing.assert_array_equal(tape.gradient(total, vectors), np.ones((4, 8)))


def test_mixed_precision_does_not_change_the_hash(rng, mixed_precision):
    vectors = rng.standard_normal((200, 16)).astype(np.float32)
    expected = SimHash(64, dtype="float32")(vectors)
    mixed = SimHash(64, dtype=f"mixed_{mixed_precision.name}")
    np.testing.assert_array_equal(SimHash(64)(vectors), expected)
    np.testing.assert_array_equal(mixed(vectors), expected)
    assert mixed.rotation.dtype in ("float32", tf.float32)
    half = tf.cast(vectors, mixed_precision)
    np.testing.assert_array_equal(mixed(half), SimHash(64)(tf.cast(half, tf.float32)))
