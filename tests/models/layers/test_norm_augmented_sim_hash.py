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


def test_mixed_precision_does_not_change_the_hash(rng, mixed_precision):
    vectors = unequal_vectors(rng, 200, 16)
    expected = NormAugmentedSimHash(64, dtype="float32")
    mixed = NormAugmentedSimHash(64)
    for layer in (mixed, expected):
        layer.set_max_norm(vectors)
    np.testing.assert_array_equal(mixed.hash_events(vectors), expected.hash_events(vectors))
    np.testing.assert_array_equal(mixed.hash_candidates(vectors), expected.hash_candidates(vectors))


def test_no_gradient(rng):
    vectors = tf.Variable(rng.standard_normal((4, 8)), dtype=tf.float32)
    layer = NormAugmentedSimHash(64)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.cast(layer(vectors), tf.float32)) + tf.reduce_sum(vectors)
    np.testing.assert_array_equal(tape.gradient(total, vectors), np.ones((4, 8)))


def test_dynamic_shapes():
    layer = NormAugmentedSimHash(100)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3])])
    def traced(vectors):
        signatures = layer.hash_events(vectors), layer.hash_candidates(vectors)
        assert [signature.shape.as_list() for signature in signatures] == [[None, None, 2]] * 2
        return signatures

    vectors = tf.constant([[[1.0, 2.0, -3.0], [0.1, 0.0, 0.3]]])
    for signature, expected in zip(
        traced(vectors), (layer(vectors), layer.hash_candidates(vectors)), strict=True
    ):
        np.testing.assert_array_equal(signature, expected)
    assert traced(tf.ones([2, 0, 3]))[0].shape == (2, 0, 2)


def test_a_saved_and_reloaded_layer_hashes_alike(rng, tmp_path):
    events, candidates = unequal_vectors(rng, 2, 30, 6), unequal_vectors(rng, 2, 4, 6)
    layer = NormAugmentedSimHash(64, seed=2)
    inputs = [keras.Input([None, 6]), keras.Input([None, 6])]
    signatures = {
        "event": layer.hash_events(inputs[0]),
        "candidate": layer.hash_candidates(inputs[1]),
    }
    model = keras.Model(inputs, signatures)
    # Neither is what a new layer would have.
    layer.set_max_norm(events * 3)
    layer.simhash.rotation.assign(tf.reverse(tf.convert_to_tensor(layer.simhash.rotation), [1]))
    arguments = [tf.constant(events), tf.constant(candidates)]
    expected = model(arguments)
    np.testing.assert_array_equal(expected["event"], layer.hash_events(events))

    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")(arguments)
    serve = tf.function(
        lambda *values: model(list(values)), input_signature=[tf.TensorSpec([None, None, 6])] * 2
    )
    tf.saved_model.save(model, str(tmp_path / "saved"), signatures=serve)
    signature = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    names = sorted(signature.structured_input_signature[1])
    served = signature(**dict(zip(names, arguments, strict=True)))
    for key, value in expected.items():
        np.testing.assert_array_equal(reloaded[key], value)
        np.testing.assert_array_equal(served[key], value)


def test_config():
    layer = NormAugmentedSimHash(96, seed=5, max_norm=3.0, name="hash")
    again = NormAugmentedSimHash.from_config(layer.get_config())
    assert (again.bits, again.seed, again.max_norm, again.name) == (96, 5, 3.0, "hash")


def test_bad_inputs():
    with pytest.raises(ValueError, match="`bits` is 0; expected an integer"):
        NormAugmentedSimHash(0)
    for norm in (0, -1.0, float("nan"), None, True):
        with pytest.raises(ValueError, match=r"NormAugmentedSimHash: `max_norm` is .* a positive"):
            NormAugmentedSimHash(64, max_norm=norm)
    layer = NormAugmentedSimHash(64)
    with pytest.raises(ValueError, match=r"`x` of shape \(2, 3\) has dtype int64; expected float"):
        layer(tf.ones([2, 3], tf.int64))
    with pytest.raises(ValueError, match=r"`vectors` of shape \(2, 3\) has dtype int64"):
        layer.set_max_norm(tf.ones([2, 3], tf.int64))
    with pytest.raises(ValueError, match=r"`vectors` has shape \(0, 3\); expected at least one"):
        layer.set_max_norm(tf.ones([0, 3]))
    with pytest.raises(ValueError, match=r"`x` has shape \(None, None\).*known D"):
        NormAugmentedSimHash(64).build((None, None))
