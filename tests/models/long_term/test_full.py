import numpy as np


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def test_heads_over_all_events(make_model, arguments, batch):
    model = make_model("full")
    part = model.long_term
    wire, query, long = arguments(model, batch)
    output = part(wire, query, long).numpy()
    age = wire["request_timestamp"][:, np.newaxis] - long.values["history_timestamp"]
    events = np.concatenate(
        [
            model.embeddings.item(long.values["history_item"]),
            model.embeddings.category(long.values["history_category"]),
            part.timed_events.time_gap(age),
        ],
        axis=-1,
    )
    unit = part.exact_search
    of_query = (query @ unit.query_kernel).numpy().reshape(*query.shape[:2], unit.heads, -1)
    of_event = (events @ unit.event_kernel).numpy().reshape(*events.shape[:2], unit.heads, -1)
    rows = np.flatnonzero(long.mask.numpy().any(axis=1))
    assert len(rows)
    for row in rows:
        valid = long.mask[row].numpy()
        scores = np.einsum("nhd,lhd->nhl", of_query[row], of_event[row, valid]) / 2.0
        heads = np.einsum("nhl,lz->nhz", softmax(scores), events[row, valid])
        size = heads.shape[1] * heads.shape[2]
        np.testing.assert_allclose(output[row], heads.reshape(-1, size), atol=1e-4)
        assert output.shape[-1] == size


def test_the_order_of_events_does_not_matter(make_model, arguments, batch):
    model = make_model("full")
    wire, query, long = arguments(model, batch)
    turned = long._replace(
        values={key: value[:, ::-1] for key, value in long.values.items()}, mask=long.mask[:, ::-1]
    )
    np.testing.assert_allclose(
        model.long_term(wire, query, turned), model.long_term(wire, query, long), atol=1e-5
    )
