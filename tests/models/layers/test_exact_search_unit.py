import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import ExactSearchUnit


def random_inputs(rng, rows=2, candidates=3, events=5, query_size=4, event_size=6):
    return (
        rng.standard_normal((rows, candidates, query_size)).astype(np.float32),
        rng.standard_normal((rows, candidates, events, event_size)).astype(np.float32),
        rng.random((rows, candidates, events)) < 0.6,
    )


def article(unit, query, events, mask):
    """The article's formula, one candidate and head at a time."""
    heads, size = unit.heads, unit.key_dim
    of_query = np.asarray(unit.query_kernel).reshape(-1, heads, size)
    of_event = np.asarray(unit.event_kernel).reshape(-1, heads, size)
    scale = size**-0.5 if unit.scale is None else unit.scale
    output = np.zeros((*query.shape[:2], heads, events.shape[-1]))
    weights = np.zeros((*query.shape[:2], heads, events.shape[2]))
    for row, column, head in np.ndindex(*output.shape[:3]):
        valid = mask[row, column]
        if valid.any():
            z = events[row, column, valid]
            scores = (z @ of_event[:, head]) @ (query[row, column] @ of_query[:, head]) * scale
            attention = np.exp(scores - scores.max())
            attention /= attention.sum()
            weights[row, column, head, valid] = attention
            output[row, column, head] = attention @ z
    return output.reshape(*query.shape[:2], heads * events.shape[-1]), weights


def test_by_hand():
    unit = ExactSearchUnit(heads=2, key_dim=1, scale=1.0)
    unit.build(((None, None, 1), (None, None, None, 2)))
    # Head 0 scores an event by 2 q z_0, head 1 by q z_1.
    unit.query_kernel.assign([[2.0, 1.0]])
    unit.event_kernel.assign([[1.0, 0.0], [0.0, 1.0]])
    events = tf.constant([[[[np.log(3) / 2, 0.0], [0.0, np.log(4)], [9.0, 9.0]]]], tf.float32)
    mask = tf.constant([[[True, True, False]]])
    output, weights = unit(tf.ones([1, 1, 1]), events, mask, return_attention_scores=True)
    np.testing.assert_allclose(weights, [[[[0.75, 0.25, 0], [0.2, 0.8, 0]]]], rtol=1e-6)
    expected = [0.75 * np.log(3) / 2, 0.25 * np.log(4), 0.2 * np.log(3) / 2, 0.8 * np.log(4)]
    np.testing.assert_allclose(output, [[expected]], rtol=1e-6)


@pytest.mark.parametrize("scale", [None, 1.0, 0.1])
@pytest.mark.parametrize(("heads", "key_dim"), [(1, 1), (1, 8), (4, 16)])
def test_equals_the_article(rng, heads, key_dim, scale):
    inputs = random_inputs(rng)
    unit = ExactSearchUnit(heads, key_dim, scale=scale)
    output, weights = unit(*inputs, return_attention_scores=True)
    expected, expected_weights = article(unit, *inputs)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)
    np.testing.assert_allclose(output, expected, atol=1e-5)
    np.testing.assert_allclose(unit(*inputs), expected, atol=1e-5)


def test_value_dim_projects_each_head(rng):
    inputs = random_inputs(rng, event_size=6)
    unit = ExactSearchUnit(heads=2, key_dim=3, value_dim=5)
    output = unit(*inputs)
    summed = article(unit, *inputs)[0].reshape(2, 3, 2, 6)
    kernel = np.asarray(unit.value_kernel).reshape(6, 2, 5)
    expected = np.einsum("bnhz,zhv->bnhv", summed, kernel).reshape(2, 3, 10)
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("value_dim", [None, 5])
@pytest.mark.parametrize("shared", [False, True])
def test_values_are_summed_instead_of_events_that_decide_the_weights(rng, shared, value_dim):
    query, events, mask = random_inputs(rng, event_size=6)
    values = rng.normal(size=(*events.shape[:3], 7)).astype(np.float32)
    if shared:
        events, mask, values = events[:, 0], mask[:, 0], values[:, 0]
    unit = ExactSearchUnit(heads=2, key_dim=3, value_dim=value_dim)
    output, weights = unit(query, events, mask, values, return_attention_scores=True)
    of_values = values[:, np.newaxis] if shared else values
    expected = np.einsum(
        "bnhk,bnkv->bnhv", weights, np.broadcast_to(of_values, (2, 3, *of_values.shape[2:]))
    )
    if value_dim:
        kernel = np.asarray(unit.value_kernel).reshape(7, 2, value_dim)
        expected = np.einsum("bnhv,vhw->bnhw", expected, kernel)
    np.testing.assert_allclose(output, expected.reshape(2, 3, -1), atol=1e-5)
    _, without = (
        unit(query, events, mask, None, return_attention_scores=True)
        if not value_dim
        else (0, weights)
    )
    np.testing.assert_allclose(weights, without, atol=1e-6)


@pytest.mark.parametrize("value_dim", [None, 3])
def test_candidates_without_events_get_zeros_and_finite_gradients(rng, value_dim):
    query, events, mask = random_inputs(rng)
    mask[0] = False
    query, events = tf.Variable(query), tf.Variable(events)
    unit = ExactSearchUnit(heads=2, key_dim=3, value_dim=value_dim)
    with tf.GradientTape() as tape:
        output = unit(query, events, mask)
        total = tf.reduce_sum(output**2)
    gradients = tape.gradient(total, [query, events, *unit.trainable_variables])
    assert not np.any(output[0])
    assert np.any(output[1])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert not np.any(gradients[0][0])
    assert not np.any(gradients[1].numpy()[~mask])
    assert np.any(gradients[1].numpy()[mask])
    assert all(np.any(gradient) for gradient in gradients[2:])


def test_events_of_extreme_scores_are_kept_by_the_mask():
    unit = ExactSearchUnit(heads=1, key_dim=1, scale=1.0)
    unit.build(((None, None, 1), (None, None, None, 1)))
    unit.query_kernel.assign([[1.0]])
    unit.event_kernel.assign([[1.0]])
    # The only valid event scores far below any usual fill value.
    events = tf.constant([[[[-1e20], [1e20]]]])
    output = unit(tf.constant([[[1e18]]]), events, tf.constant([[[True, False]]]))
    np.testing.assert_array_equal(output, [[[np.float32(-1e20)]]])


def test_order_of_events_does_not_matter(rng):
    query, events, mask = random_inputs(rng, events=9)
    unit = ExactSearchUnit(heads=3, key_dim=2)
    order = rng.permutation(9)
    np.testing.assert_allclose(
        unit(query, events[:, :, order], mask[:, :, order]), unit(query, events, mask), atol=1e-6
    )


def gradients_and_output(unit, query, events, mask):
    """Also of each candidate's own events, added up where `events` are shared."""
    query, events = tf.Variable(query), tf.Variable(events)
    with tf.GradientTape() as tape:
        repeated = events
        if mask.ndim == 3:
            repeated = tf.repeat(events[:, tf.newaxis], query.shape[1], axis=1)
        output, weights = unit(query, repeated, mask, return_attention_scores=True)
        total = tf.reduce_sum(output**3)
    return [output, weights, *tape.gradient(total, [query, events, *unit.trainable_variables])]


@pytest.mark.parametrize("value_dim", [None, 3])
@pytest.mark.parametrize(("rows", "candidates", "events"), [(2, 3, 5), (1, 1, 1), (3, 1, 4)])
def test_shared_events_are_those_of_every_candidate(rng, rows, candidates, events, value_dim):
    query, own_events, own_mask = random_inputs(rng, rows, candidates, events)
    shared, mask = own_events[:, 0], own_mask[:, 0]
    unit = ExactSearchUnit(heads=2, key_dim=3, value_dim=value_dim)
    repeated = np.repeat(mask[:, np.newaxis], candidates, axis=1)
    expected = gradients_and_output(unit, query, shared, repeated)
    for found, value in zip(gradients_and_output(unit, query, shared, mask), expected, strict=True):
        np.testing.assert_allclose(found, value, atol=1e-4)
    np.testing.assert_array_equal(unit(query, shared), unit(query, shared, np.ones_like(mask)))


@pytest.mark.parametrize("scale", [None, 0.3])
def test_relevance_is_the_sum_of_the_heads_scores(rng, scale):
    query, events, _ = random_inputs(rng, events=7)
    unit = ExactSearchUnit(heads=3, key_dim=5, scale=scale)
    # A search may ask before anything was attended to.
    relevance = unit.relevance(tf.constant(query), tf.constant(events[:, 0]))
    of_query = (query @ np.asarray(unit.query_kernel)).reshape(2, 3, 3, 5)
    of_event = (events[:, 0] @ np.asarray(unit.event_kernel)).reshape(2, 7, 3, 5)
    expected = np.einsum("bnhd,blhd->bnl", of_query, of_event) * (
        5**-0.5 if scale is None else scale
    )
    np.testing.assert_allclose(relevance, expected, atol=1e-5)
    # One head weighs by the softmax of just these scores.
    single = ExactSearchUnit(heads=1, key_dim=5, scale=scale)
    weights = single(query, events[:, 0], return_attention_scores=True)[1][:, :, 0]
    scores = single.relevance(tf.constant(query), tf.constant(events[:, 0]))
    np.testing.assert_allclose(tf.nn.softmax(scores), weights, atol=1e-6)


def test_a_unit_that_ranked_first_is_built_as_one_that_attended_first(rng):
    query, events, mask = random_inputs(rng)
    ranked, attended = ExactSearchUnit(2, 3, value_dim=4), ExactSearchUnit(2, 3, value_dim=4)
    ranked.relevance(tf.constant(query), tf.constant(events[:, 0]))
    attended(query, events, mask)
    weights = attended.get_weights()
    assert [weight.shape for weight in ranked.get_weights()] == [w.shape for w in weights]
    ranked.set_weights(weights)
    np.testing.assert_array_equal(ranked(query, events, mask), attended(query, events, mask))


@pytest.mark.parametrize(
    ("query", "events", "message"),
    [
        ([2, 4], [2, 5, 6], r"`query` has shape \(2, 4\); expected \[B, N, Dq\]"),
        ([2, 3, 4], [2, 3, 5, 6], r"`events` has shape .*expected \[B, L, Dz\]"),
        ([2, 3, 4], [1, 5, 6], r"`events` .* with B = 2 as in `query`"),
    ],
)
def test_bad_shapes_of_relevance(query, events, message):
    with pytest.raises(ValueError, match=f"ExactSearchUnit: {message}"):
        ExactSearchUnit(2, 3).relevance(tf.zeros(query), tf.zeros(events))
