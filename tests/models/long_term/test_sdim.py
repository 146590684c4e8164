import numpy as np
import tensorflow as tf


def test_sums_of_the_events_that_collide_with_the_candidate(make_model, arguments, batch):
    """The definition, one candidate and hash at a time."""
    model = make_model("sdim")
    part = model.long_term
    wire, query, long = arguments(model, batch)
    output = part(wire, query, long).numpy()
    age = wire["request_timestamp"][:, np.newaxis] - long.values["history_timestamp"]
    events = part.timed_events(long.values, age).numpy()

    def codes(values, prefix):
        tables = model.embeddings
        identity = tf.concat(
            [tables.item(values[f"{prefix}_item"]), tables.category(values[f"{prefix}_category"])],
            axis=-1,
        )
        return part.collisions.codes(identity).numpy()

    of_candidates, of_events = codes(wire, "candidate"), codes(long.values, "history")
    for row, column in np.ndindex(*query.shape[:2]):
        expected = np.zeros(events.shape[-1])
        for group, code in enumerate(of_candidates[row, column]):
            collide = (of_events[row, :, group] == code) & long.mask[row].numpy()
            total = events[row, collide].sum(axis=0)
            if collide.any():
                expected += total / np.linalg.norm(total) / part.collisions.groups
        np.testing.assert_allclose(output[row, column], expected, atol=1e-5)


def test_categories_are_hashed_with_items_and_times_are_not(make_model, arguments, batch):
    model = make_model("sdim")
    wire, query, long = arguments(model, batch)
    output = model.long_term(wire, query, long)
    other = dict(wire, candidate_category=(wire["candidate_category"] + 1) % 7)
    assert np.any(np.abs(model.long_term(other, query, long) - output) > 1e-3)
    # What candidates have besides an identity reaches attention by no other way.
    np.testing.assert_array_equal(model.long_term(wire, query * 0, long), output)
