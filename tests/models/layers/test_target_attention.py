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
def test_an_empty_history_gives_zeros_and_finite_gradients(rng, normalize):
    query, history, mask = random_inputs(rng)
    mask[0], mask[1, :3] = False, True
    query, history = tf.Variable(query), tf.Variable(history)
    attention = TargetAttention((4, 3), normalize)
    with tf.GradientTape() as tape:
        output = attention(query, history, mask)
        total = tf.reduce_sum(output**2)
    gradients = tape.gradient(total, [query, history, *attention.trainable_variables])
    assert not np.any(output[0])
    assert np.any(output[1])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert not np.any(gradients[1].numpy()[~mask])


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("size", [0.0, -1e3, 1e15])
def test_padding_content_changes_nothing(rng, normalize, size):
    query, history, mask = random_inputs(rng)
    attention = TargetAttention((8,), normalize)
    padded = np.where(mask[..., None], history, np.float32(size) * history)
    np.testing.assert_array_equal(attention(query, padded, mask), attention(query, history, mask))


def test_without_a_mask_all_events_are_valid(rng):
    query, history, mask = random_inputs(rng)
    attention = TargetAttention()
    np.testing.assert_array_equal(
        attention(query, history), attention(query, history, np.ones_like(mask))
    )
    np.testing.assert_array_equal(
        attention((query, history, mask)), attention(query, history=history, history_mask=mask)
    )


def test_shapes_known_and_unknown(rng):
    attention = TargetAttention((5,))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 6]),
            tf.TensorSpec([None, None, 4]),
            tf.TensorSpec([None, None], tf.bool),
        ]
    )
    def traced(*inputs):
        output = attention(*inputs)
        assert output.shape.as_list() == [None, None, 4]
        return output

    for rows, candidates, events in ((1, 1, 1), (3, 1, 4), (1, 5, 2), (2, 3, 0), (2, 0, 3)):
        inputs = random_inputs(rng, rows, candidates, events, query_size=6)
        output = traced(*map(tf.constant, inputs))
        np.testing.assert_allclose(output, din(attention, *inputs), atol=1e-5)


def test_mixed_precision(rng, mixed_precision):
    query, history, mask = random_inputs(rng, query_size=6)
    attention = TargetAttention((8, 4), normalize=True)
    output = attention(query, history, mask)
    assert output.dtype == mixed_precision
    assert all(weight.dtype in ("float32", tf.float32) for weight in attention.weights)
    np.testing.assert_allclose(
        tf.cast(output, tf.float32), din(attention, query, history, mask), atol=0.1, rtol=0.05
    )


def test_config():
    attention = TargetAttention([8, 4], normalize=True, activation="sigmoid")
    again = TargetAttention.from_config(attention.get_config())
    assert (again.hidden, again.normalize) == ((8, 4), True)
    assert again.activation is tf.keras.activations.sigmoid


@pytest.mark.parametrize(
    ("query", "history", "mask", "message"),
    [
        ([2, 4], [2, 5, 4], [2, 5], r"`query` has shape \(2, 4\); expected \[B, N, Dq\]"),
        ([2, 3, 4], [2, 3, 5, 4], [2, 5], r"`history` has shape .*expected \[B, S, Dk\]"),
        ([2, 3, 4], [1, 5, 4], [1, 5], r"`history` .* with B = 2 as in `query`"),
        ([2, 3, 4], [2, 5, 4], [2, 4], r"`history_mask` .* with S = 5 as in `history`"),
    ],
)
def test_bad_shapes(query, history, mask, message):
    with pytest.raises(ValueError, match=message):
        TargetAttention()(tf.zeros(query), tf.zeros(history), tf.zeros(mask, tf.bool))


def test_other_bad_inputs():
    with pytest.raises(ValueError, match="TargetAttention: `hidden` is empty"):
        TargetAttention(())
    with pytest.raises(ValueError, match=r"TargetAttention: `hidden\[1\]` is 0"):
        TargetAttention((3, 0))
    with pytest.raises(ValueError, match=r"`history_mask` .* has dtype int32; expected bool"):
        TargetAttention()(tf.zeros([1, 1, 2]), tf.zeros([1, 4, 2]), tf.zeros([1, 4], tf.int32))
    with pytest.raises(ValueError, match=r"`history` \(None, None, None\); expected known"):
        TargetAttention().build(((None, None, 2), (None, None, None)))
