import numpy as np


def test_the_average_of_events_and_their_age(make_model, arguments, batch):
    model = make_model("mean")
    wire, query, long = arguments(model, batch)
    output = model.long_term(wire, query, long).numpy()
    age = wire["request_timestamp"][:, np.newaxis] - long.values["history_timestamp"]
    events = np.concatenate(
        [
            model.embeddings.item(long.values["history_item"]),
            model.embeddings.category(long.values["history_category"]),
            model.long_term.timed_events.time_gap(age),
        ],
        axis=-1,
    )
    rows = np.flatnonzero(long.mask.numpy().any(axis=1))
    assert len(rows)
    for row in rows:
        mean = events[row, long.mask[row].numpy()].mean(axis=0)
        np.testing.assert_allclose(output[row], np.tile(mean, (query.shape[1], 1)), atol=1e-5)
