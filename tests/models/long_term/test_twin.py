import numpy as np
import tensorflow as tf

from tests.sample_models import SMALL


def scores_of_the_attention(model, wire, query, long):
    """The exact search unit's scores before the softmax, summed over heads: `[B, N, L]`."""
    unit = model.long_term.exact_search
    age = wire["request_timestamp"][:, np.newaxis] - long.values["history_timestamp"]
    events = model.long_term.timed_events(long.values, age)
    of_query = (query @ unit.query_kernel).numpy().reshape(*query.shape[:2], unit.heads, -1)
    of_event = (events @ unit.event_kernel).numpy().reshape(*events.shape[:2], unit.heads, -1)
    return np.einsum("bnhd,blhd->bnl", of_query, of_event) / unit.key_dim**0.5


def test_the_events_of_the_highest_scores_are_found(make_model, arguments, batch):
    model = make_model("twin")
    wire, query, long = arguments(model, batch)
    scores = scores_of_the_attention(model, wire, query, long)
    scores[~np.broadcast_to(long.mask[:, np.newaxis], scores.shape)] = -np.inf
    best = -np.sort(-scores, axis=-1)[..., : SMALL.searched_events]
    found = model.long_term.search(wire, query, long)
    np.testing.assert_array_equal(found.mask, np.isfinite(best))
    np.testing.assert_allclose(found.relevance, np.where(found.mask, best, 0), atol=1e-4)
    picked = np.take_along_axis(scores, found.position.numpy(), axis=-1)
    np.testing.assert_allclose(picked[found.mask], best[found.mask], atol=1e-4)


def test_the_search_follows_the_attention_and_the_time(make_model, arguments, batch):
    model = make_model("twin")
    wire, query, long = arguments(model, batch)
    before = model.long_term.search(wire, query, long).position.numpy()
    time_gap = model.long_term.timed_events.time_gap.table
    time_gap.assign(tf.random.stateless_normal(time_gap.shape, seed=(1, 2)) * 20)
    assert np.any(model.long_term.search(wire, query, long).position != before)
    unit = model.long_term.exact_search
    timed = model.long_term.search(wire, query, long).position.numpy()
    unit.event_kernel.assign(-unit.event_kernel)
    assert np.any(model.long_term.search(wire, query, long).position != timed)


def test_all_events_are_read_before_the_search_begins(make_model, arguments, batch):
    model, full = make_model("twin", searched_events=2), make_model("full")
    wire, query, long = arguments(model, batch)
    full.set_weights(model.get_weights())
    searched = model.long_term(wire, query, long)
    model.long_term.begin_ahead()
    np.testing.assert_allclose(
        model.long_term(wire, query, long), full.long_term(wire, query, long), atol=1e-6
    )
    assert np.abs(searched - full.long_term(wire, query, long)).max() > 1e-3
    model.long_term.end_ahead()
    np.testing.assert_array_equal(model.long_term(wire, query, long), searched)


def test_no_gradient_flows_through_the_choice(make_model, arguments, batch):
    model = make_model("twin")
    wire, query, long = arguments(model, batch)
    with tf.GradientTape() as tape:
        tape.watch(query)
        relevance = model.long_term.search(wire, query, long).relevance
    variables = [query, *model.long_term.exact_search.trainable_variables]
    assert tape.gradient(relevance, variables) == [None] * 3
