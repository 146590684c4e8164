import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.hamming_search import HammingSearch
from lifelong.models.layers.inner_product_search import InnerProductSearch
from lifelong.models.layers.norm_augmented_sim_hash import NormAugmentedSimHash
from lifelong.models.layers.sim_hash import SimHash

keras = tf.keras


def bits_of(signature, bits):
    """Unpacks signatures, `[..., W]` -> `[..., bits]`."""
    words = np.asarray(signature).view(np.uint8)
    return np.unpackbits(words, axis=-1, bitorder="little")[..., :bits]


def unequal_vectors(rng, *shape):
    """Vectors whose lengths span two orders of magnitude."""
    vectors = rng.standard_normal(shape)
    lengths = 10 ** rng.uniform(-2, 0, shape[:-1])
    vectors *= lengths[..., None] / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors.astype(np.float32)


def with_rotation(rotation, max_norm):
    layer = NormAugmentedSimHash(np.shape(rotation)[1], max_norm=max_norm)
    layer.build((None, len(rotation) - 1))
    layer.simhash.rotation.assign(np.asarray(rotation, np.float32))
    return layer


def recall(found, best):
    """Share of the best events that were found."""
    pairs = zip(
        found.numpy().reshape(-1, found.shape[-1]),
        best.numpy().reshape(-1, best.shape[-1]),
        strict=True,
    )
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs])


def test_bits_by_hand():
    # Directions: x, -x, the added coordinate, x - added
    layer = with_rotation([[1, -1, 0, 1], [0, 0, 1, -1]], max_norm=5.0)
    # As events: [3, 4], [-4, 3], [5, 0] and, longer than 5, [10, 0]
    vectors = tf.constant([[3.0], [-4.0], [5.0], [10.0]])
    np.testing.assert_array_equal(
        layer.hash_events(vectors), [[0b0101], [0b0110], [0b1001], [0b1001]]
    )
    np.testing.assert_array_equal(layer(vectors), layer.hash_events(vectors))
    # As candidates: [q, 0]
    np.testing.assert_array_equal(
        layer.hash_candidates(vectors), [[0b1001], [0b0010], [0b1001], [0b1001]]
    )


def test_differing_bits_estimate_the_inner_product(rng):
    events = unequal_vectors(rng, 40, 6)
    candidate = rng.standard_normal((1, 6)).astype(np.float32) * 7
    layer = NormAugmentedSimHash(8192)
    layer.set_max_norm(events)
    differing = bits_of(layer.hash_events(events), 8192) != bits_of(
        layer.hash_candidates(candidate), 8192
    )
    largest = np.linalg.norm(events, axis=-1).max()
    cosine = (events @ candidate[0]) / (largest * np.linalg.norm(candidate))
    np.testing.assert_allclose(differing.mean(-1), np.arccos(cosine) / np.pi, atol=0.03)


def test_of_one_direction_the_longer_event_is_nearer_and_plain_simhash_sees_no_difference(rng):
    direction = rng.standard_normal((1, 8)).astype(np.float32)
    events = direction * np.float32([[1.0], [0.5], [0.1], [-1.0]])
    layer = NormAugmentedSimHash(1024)
    layer.set_max_norm(events)
    found = HammingSearch(4)(layer.hash_candidates(direction)[None], layer(events)[None])
    np.testing.assert_array_equal(found.position, [[[0, 1, 2, 3]]])
    assert (np.diff(found.relevance) < 0).all()
    plain = SimHash(1024)
    assert len(set(map(bytes, np.asarray(plain(events))))) == 2


def test_recall_grows_with_bits_and_beats_plain_simhash_for_unequal_lengths(rng):
    """Of the 10 events of the largest inner product, how many are among the 30 searched."""
    candidates = rng.standard_normal((8, 20, 16)).astype(np.float32)
    events = unequal_vectors(rng, 8, 300, 16)
    best = InnerProductSearch(10)(candidates, events).position
    search = HammingSearch(30)
    augmented, plain = [], []
    for bits in (16, 64, 256, 1024):
        layer = NormAugmentedSimHash(bits)
        layer.set_max_norm(events)
        found = search(layer.hash_candidates(candidates), layer.hash_events(events))
        augmented.append(recall(found.position, best))
        simhash = SimHash(bits)
        plain.append(recall(search(simhash(candidates), simhash(events)).position, best))
    assert (np.diff(augmented) > 0.02).all(), augmented
    assert augmented[-1] > 0.9, augmented
    assert (np.subtract(augmented, plain)[1:] > 0.1).all(), (augmented, plain)


def test_scale_changes_nothing(rng):
    events, candidates = unequal_vectors(rng, 50, 8), unequal_vectors(rng, 5, 8)
    layer = NormAugmentedSimHash(128)
    layer.set_max_norm(events)
    of_events, of_candidates = layer.hash_events(events), layer.hash_candidates(candidates)
    layer.set_max_norm(events * 4)
    np.testing.assert_array_equal(layer.hash_events(events * 4), of_events)
    np.testing.assert_array_equal(layer.hash_candidates(candidates * 4), of_candidates)


def test_longer_events_than_the_largest_are_shortened(rng):
    vectors = rng.standard_normal((20, 4)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    layer = NormAugmentedSimHash(256, max_norm=0.5)
    np.testing.assert_array_equal(layer.hash_events(unit * 9), layer.hash_events(unit * 0.51))
    # Nothing is left for the added coordinate: a candidate of the same direction hashes alike.
    np.testing.assert_array_equal(layer.hash_events(unit * 9), layer.hash_candidates(unit))
    assert (layer.hash_events(unit * 0.4).numpy() != layer.hash_candidates(unit).numpy()).any()


def test_the_largest_norm_is_a_weight_that_is_set_not_trained():
    layer = NormAugmentedSimHash(64, max_norm=2.5)
    layer.set_max_norm(tf.constant([[[3.0, 4.0], [0.0, -1.0]]]))
    assert float(tf.convert_to_tensor(layer.norm_bound)) == 5.0
    assert not layer.trainable_weights
    assert sorted(tuple(weight.shape) for weight in layer.weights) == [(), (3, 64)]
    other = NormAugmentedSimHash(64, max_norm=2.5)
    other.build((None, 2))
    assert float(tf.convert_to_tensor(other.norm_bound)) == 2.5
    np.testing.assert_array_equal(layer.simhash.rotation, other.simhash.rotation)


def test_zero_vectors_hash_without_an_error():
    layer = NormAugmentedSimHash(64)
    layer.set_max_norm(tf.zeros([3, 2]))
    np.testing.assert_array_equal(layer.hash_events(tf.zeros([3, 2])), np.zeros((3, 1)))
    np.testing.assert_array_equal(layer.hash_candidates(tf.zeros([3, 2])), np.zeros((3, 1)))


@pytest.mark.parametrize("bits", [1, 63, 64, 65, 256])
def test_words_as_of_simhash(rng, bits):
    layer = NormAugmentedSimHash(bits, seed=3)
    vectors = unequal_vectors(rng, 2, 7, 5)
    signature = layer.hash_events(vectors)
    assert signature.shape == (2, 7, layer.words)
    assert signature.dtype == layer.hash_candidates(vectors).dtype == tf.int64
    assert layer.words == SimHash(bits).words
    assert not bits_of(signature, 64 * layer.words)[..., bits:].any()
    again = NormAugmentedSimHash(bits, seed=3)
    np.testing.assert_array_equal(again.hash_events(vectors), signature)


def test_bad_vectors_of_the_largest_norm():
    layer = NormAugmentedSimHash(64)
    with pytest.raises(ValueError, match=r"`vectors` of shape \(2, 3\) has dtype int64"):
        layer.set_max_norm(tf.ones([2, 3], tf.int64))
    with pytest.raises(ValueError, match=r"`vectors` has shape \(0, 3\); expected at least one"):
        layer.set_max_norm(tf.ones([0, 3]))
    layer.set_max_norm(tf.ones([2, 3]))
    with pytest.raises(ValueError, match=r"`vectors` has shape \(2, 4\); .* with D = 3 as in"):
        layer.set_max_norm(tf.ones([2, 4]))
