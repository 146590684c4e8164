import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import TargetAttention


def random_inputs(rng, rows=2, candidates=3, events=5, query_size=4, event_size=4):
    return (
        rng.standard_normal((rows, candidates, query_size)).astype(np.float32),
        rng.standard_normal((rows, events, event_size)).astype(np.float32),
        rng.random((rows, events)) < 0.6,
    )


def din(attention, query, history, mask):
    """DIN's activation unit on [q, k, q - k, q * k], one pair at a time."""
    weights = [np.asarray(weight) for weight in attention.get_weights()]
    if query.shape[-1] != history.shape[-1]:
        query = query @ weights.pop(0)
    kernel, bias, *upper = weights
    of_query, of_event, of_product = np.split(kernel, 3)
    # Any share of the kernel may belong to q - k.
    of_difference = np.full_like(of_query, 0.5)
    kernel = np.concatenate(
        [of_query - of_difference, of_event + of_difference, of_difference, of_product]
    )
    output = np.zeros((*query.shape[:2], history.shape[-1]))
    for row, column in np.ndindex(*query.shape[:2]):
        q, scores = query[row, column], []
        for k in history[row]:
            values = np.concatenate([q, k, q - k, q * k]) @ kernel + bias
            for upper_kernel, upper_bias in zip(upper[::2], upper[1::2], strict=True):
                values = np.maximum(values, 0) @ upper_kernel + upper_bias
            scores.append(values[0])
        valid = mask[row]
        scores = np.array(scores, np.float64)[valid]
        if attention.normalize and valid.any():
            scores = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        output[row, column] = scores @ history[row, valid]
    return output


def test_by_hand():
    attention = TargetAttention(hidden=(2,))
    attention.build(((None, None, 1), (None, None, 1)))
    # Hidden layer: relu(q + 10 k - 1), relu(-q k + 2); output: first + 3 x second + 0.5
    attention.set_weights(
        [
            np.array([[1.0, 0.0], [10.0, 0.0], [0.0, -1.0]]),
            np.array([-1.0, 2.0]),
            np.array([[1.0], [3.0]]),
            np.array([0.5]),
        ]
    )
    history = tf.constant([[[1.0], [-1.0], [5.0]]])
    mask = tf.constant([[True, True, False]])
    # q = 3: k = 1 weighs 12 + 0 + 0.5, k = -1 weighs 0 + 3 * 5 + 0.5.
    output = attention(tf.constant([[[3.0]]]), history, mask)
    np.testing.assert_allclose(output, [[[12.5 - 15.5]]], rtol=1e-6)


@pytest.mark.parametrize("query_size", [4, 7])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("hidden", [(1,), (36,), (8, 5, 3)])
def test_equals_din(rng, hidden, normalize, query_size):
    inputs = random_inputs(rng, query_size=query_size)
    attention = TargetAttention(hidden, normalize=normalize)
    np.testing.assert_allclose(
        attention(*inputs), din(attention, *inputs), atol=1e-4, err_msg=str(hidden)
    )


def test_without_softmax_interest_adds_up(rng):
    query, history, _ = random_inputs(rng)
    twice = np.concatenate([history, history], axis=1)
    attention = TargetAttention()
    np.testing.assert_allclose(attention(query, twice), 2 * attention(query, history), atol=1e-4)
    softmax = TargetAttention(normalize=True)
    np.testing.assert_allclose(softmax(query, twice), softmax(query, history), atol=1e-5)


@pytest.mark.parametrize("normalize", [False, True])
def test_an_empty_history_gives_zeros(rng, normalize):
    query, history, mask = random_inputs(rng)
    mask[0], mask[1, :3] = False, True
    output = TargetAttention((4, 3), normalize)(query, history, mask)
    assert not np.any(output[0])
    assert np.any(output[1])
