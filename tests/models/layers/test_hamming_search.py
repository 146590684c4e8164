import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.hamming_search import HammingSearch


def signatures(*words):
    """One row of one-word signatures, `[1, len(words), 1]`."""
    return tf.constant([[[word] for word in words]], tf.int64)


def random_signatures(rng, *shape):
    return rng.integers(-(2**63), 2**63 - 1, shape, endpoint=True)


@pytest.fixture
def brute_force(best_by_score):
    """The same search, one candidate at a time."""

    def search(candidate, history, mask, k):
        differing = candidate[:, :, None].view(np.uint64) ^ history[:, None].view(np.uint64)
        distance = np.unpackbits(differing.view(np.uint8), axis=-1).sum(-1, dtype=np.int64)
        return best_by_score(-distance, mask, k)

    return search


def test_nearest_first_by_hand(assert_found):
    history = signatures(0b1111, 0b0000, 0b0111, -1)
    found = HammingSearch(k=3)(signatures(0b0110, -1), history)
    assert_found(
        found, ([[[2, 0, 1], [3, 0, 2]]], np.ones((1, 2, 3)), [[[-1, -2, -2], [0, -60, -61]]])
    )


def test_relevance_is_not_the_difference_of_codes(assert_found):
    # |8 - 7| = 1, but all four bits differ; |0 - 8| = 8, one bit differs.
    found = HammingSearch(k=1)(signatures(8), signatures(7, 0))
    assert_found(found, ([[[1]]], [[[True]]], [[[-1]]]))


def test_the_sign_bit_counts_as_one_bit(assert_found):
    lowest = np.iinfo(np.int64).min
    found = HammingSearch(k=3)(signatures(0), signatures(-1, lowest, 3))
    assert_found(found, ([[[1, 2, 0]]], np.ones((1, 1, 3)), [[[-1, -2, -64]]]))


@pytest.mark.parametrize("words", [1, 4, 5, 512])
def test_opposite_signatures_differ_in_every_bit(words, assert_found):
    candidate = tf.zeros([1, 1, words], tf.int64)
    found = HammingSearch(k=2)(candidate, tf.stack([candidate - 1, candidate], 2)[:, 0])
    assert_found(found, ([[[1, 0]]], [[[True, True]]], [[[0, -64 * words]]]))


def test_padding_never_wins_whatever_it_holds(assert_found):
    history = signatures(5, -6, 5, 5)  # the second is the candidate's opposite
    mask = tf.constant([[False, True, False, False]])
    found = HammingSearch(k=3)(signatures(5), history, mask)
    assert_found(found, ([[[1, 0, 0]]], [[[True, False, False]]], [[[-64, 0, 0]]]))


def test_ties_go_to_the_more_recent_event(assert_found):
    history = signatures(3, 1, 2, 4, 0, 8, 0)
    found = HammingSearch(k=5)(signatures(0), history)
    assert_found(found, ([[[4, 6, 1, 2, 3]]], np.ones((1, 1, 5)), [[[0, 0, -1, -1, -1]]]))
    everything = HammingSearch(k=4)(signatures(1), tf.repeat(signatures(1), 9, axis=1))
    np.testing.assert_array_equal(everything.position, [[[0, 1, 2, 3]]])


def test_equals_brute_force_over_random_shapes(rng, brute_force, assert_found):
    for turn in range(30):
        rows, candidates, length, words, k = rng.integers(1, [4, 5, 60, 4, 70])
        # Many candidates are searched for in another way than few, and over blocks of events.
        if turn % 2:
            candidates, length = candidates + 31, length + (2_000 if turn % 4 == 1 else 0)
        # Few different words: many ties.
        pool = random_signatures(rng, 6)
        candidate = rng.choice(pool, (rows, candidates, words))
        history = rng.choice(pool, (rows, length, words))
        mask = rng.random((rows, length)) < rng.choice([0.0, 0.3, 0.9, 1.0], (rows, 1))
        found = HammingSearch(int(k))(candidate, history, mask)
        assert_found(found, brute_force(candidate, history, mask, k))
