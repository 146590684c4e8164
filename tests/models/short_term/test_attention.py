import numpy as np
import pytest

attention_parts = pytest.mark.parametrize("name", ["target_attention", "multi_head"])


@attention_parts
def test_equals_the_attention_over_events_and_their_age(make_part, embeddings_of, arguments, name):
    part = make_part(name)
    batch, query, short = arguments(part)
    age = batch["request_timestamp"][:, np.newaxis] - short.values["history_timestamp"]
    tables = embeddings_of[part]
    events = np.concatenate(
        [
            tables.item(short.values["history_item"]),
            tables.category(short.values["history_category"]),
            part.timed_events.time_gap(age),
        ],
        axis=-1,
    )
    expected = part.attention(query, events, short.mask)
    np.testing.assert_allclose(part(batch, query, short), expected, atol=1e-6)


@attention_parts
def test_the_order_of_events_does_not_matter(make_part, arguments, name):
    part = make_part(name)
    batch, query, short = arguments(part)
    last = {key: value[:, ::-1] for key, value in short.values.items()}
    turned = short._replace(values=last, mask=short.mask[:, ::-1])
    np.testing.assert_allclose(part(batch, query, turned), part(batch, query, short), atol=1e-5)


@attention_parts
def test_training_adds_no_loss(make_part, arguments, name):
    part = make_part(name)
    part(*arguments(part), training=True)
    assert part.losses == []
