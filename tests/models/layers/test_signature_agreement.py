import functools

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.signature_agreement import (
    agreement_by_product,
    agreement_by_xor,
    place_count,
    position_of,
    score_count,
)

every_way = pytest.mark.parametrize(
    "agreement",
    [agreement_by_product, agreement_by_xor, functools.partial(agreement_by_xor, jit_compile=True)],
    ids=["product", "xor", "compiled xor"],
)


def random_signatures(rng, *shape):
    return rng.integers(-(2**63), 2**63 - 1, shape, endpoint=True)


def by_definition(candidate, history, mask):
    """1 + the number of equal bits, 0 where masked, `[B, N, L]`."""
    equal = ~(candidate[:, :, None] ^ history[:, None])
    bits = np.unpackbits(equal.view(np.uint8), axis=-1).sum(-1, dtype=np.int64)
    return np.where(mask[:, None], bits + 1, 0)


def in_order_of_history(scores, length):
    """Drops the places of a product that stand for no event, which must be 0."""
    if scores.shape[2] == length:
        return scores.numpy()
    position = position_of(tf.range(scores.shape[2])).numpy()
    # Of each four places the first three are events.
    is_event = (np.arange(scores.shape[2]) % 4 < 3) & (position < length)
    np.testing.assert_array_equal(position[is_event], np.arange(length))
    assert not scores.numpy()[:, :, ~is_event].any()
    return scores.numpy()[:, :, is_event]


# 3 words fit a byte, 4 do not.
@every_way
@pytest.mark.parametrize("words", [1, 2, 3, 4, 7])
def test_counts_the_bits_that_agree(rng, agreement, words):
    for candidates, length in ((1, 0), (3, 1), (0, 2), (2, 3), (40, 100)):
        candidate = random_signatures(rng, 2, candidates, words)
        history = random_signatures(rng, 2, length, words)
        mask = rng.random((2, length)) < 0.7
        scores = agreement(*map(tf.constant, (candidate, history, mask)))
        assert scores.dtype == (tf.uint8 if words <= 3 else tf.int16)
        places = place_count(tf.constant(length)) if agreement is agreement_by_product else length
        assert scores.shape[2] == places
        np.testing.assert_array_equal(
            in_order_of_history(scores, length), by_definition(candidate, history, mask)
        )


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        *((agreement_by_product, words) for words in (1, 2, 3, 4, 512)),
        *((agreement_by_xor, words) for words in (1, 2, 3, 4, 512)),
        # Compiling 512 words takes long and shows no more.
        *((functools.partial(agreement_by_xor, jit_compile=True), words) for words in (1, 3, 4)),
    ],
)
def test_the_extremes(agreement, words):
    # M = 256 is the first at which a count would wrap in a byte.
    candidate = tf.fill([1, 2, words], tf.constant(-1, tf.int64))
    history = tf.stack([candidate[:, 0], ~candidate[:, 0], candidate[:, 0]], axis=1)
    scores = agreement(candidate, history, tf.constant([[True, True, False]]))
    expected = [[[64 * words + 1, 1, 0]] * 2]
    np.testing.assert_array_equal(in_order_of_history(scores, 3), expected)
    assert scores.numpy().max() == score_count(words) - 1


@every_way
def test_no_bit_is_lost_or_counted_for_a_neighbour(agreement):
    # One bit each.
    ones = np.left_shift(np.int64(1), np.arange(64, dtype=np.int64))[None, :, None]
    mask = tf.ones([1, 64], tf.bool)
    own = agreement(tf.constant(ones), tf.constant(ones), mask)
    np.testing.assert_array_equal(
        in_order_of_history(own, 64)[0], np.where(np.eye(64, dtype=bool), 65, 63)
    )
    none = agreement(tf.zeros([1, 1, 1], tf.int64), tf.constant(ones), mask)
    np.testing.assert_array_equal(in_order_of_history(none, 64)[0], np.full((1, 64), 64))
