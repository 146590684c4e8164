import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.models.embeddings import Embeddings, comparable_embedding
from tests.sample_models import small_spec

ID_NAMES = ("item", "category")


def make_embeddings(features=(), items=71, **config):
    tf.keras.utils.set_random_seed(1)
    spec = small_spec("none", **config)
    sizes = {**spec.vocabulary_sizes, "item": items, **{feature.key: 5 for feature in features}}
    return Embeddings(dataclasses.replace(spec, features=features, vocabulary_sizes=sizes))


def rows(*values):
    return tf.constant(values, tf.int64)


@pytest.mark.parametrize("owner", ["event", "candidate"])
def test_identities_are_items_and_categories_without_features(owner):
    feature = Feature("extra", owner)
    embeddings = make_embeddings((feature,))
    prefix = feature.key.partition("_")[0]
    values = {
        f"{prefix}_item": rows([3, 70]),
        f"{prefix}_category": rows([0, 7]),
        feature.key: rows([1, 4]),
    }
    identities = embeddings.identities(values, prefix)
    whole = (embeddings.events if owner == "event" else embeddings.candidates)(values)
    np.testing.assert_array_equal(identities[..., :8], embeddings.item(values[f"{prefix}_item"]))
    np.testing.assert_array_equal(
        identities[..., 8:], embeddings.category(values[f"{prefix}_category"])
    )
    np.testing.assert_array_equal(whole[..., :12], identities)
    np.testing.assert_array_equal(
        whole[..., 12:], embeddings.categorical[feature.key](rows([1, 4]))
    )


def test_candidates_and_events_share_their_tables():
    embeddings = make_embeddings()
    events, candidates = (
        embeddings.identities({f"{prefix}_item": rows(4), f"{prefix}_category": rows(2)}, prefix)
        for prefix in ("history", "candidate")
    )
    np.testing.assert_array_equal(events, candidates)


@pytest.mark.parametrize(("dim", "norm"), [(4, 2.0), (64, 0.5)])
def test_comparable_embeddings_start_about_as_long_as_told(dim, norm):
    table = comparable_embedding(2000, dim, norm, "item")
    lengths = np.linalg.norm(table(tf.range(2000)), axis=-1)
    np.testing.assert_allclose(np.sqrt(np.mean(lengths**2)), norm, rtol=0.05)
    assert table.name == "item"


def test_hours_and_weekdays_of_a_request():
    embeddings = make_embeddings(user_dim=0)
    # 1970-01-01 was a Thursday: weekday 0 here. 25 h later it is 1 o'clock of the day after.
    context = embeddings.requests({"request_timestamp": rows(0, 25 * 3600, 8 * 24 * 3600 - 1)})
    expected = tf.concat(
        [embeddings.hour(rows(0, 1, 23)), embeddings.weekday(rows(0, 1, 0))], axis=-1
    )
    np.testing.assert_array_equal(context, expected)


def test_a_request_of_which_nothing_is_read():
    embeddings = make_embeddings(user_dim=0, context_dim=0)
    assert embeddings.requests({"request_timestamp": rows(0, 1, 2)}).shape == (3, 0)


@pytest.mark.parametrize("table_type", ["bfloat16", "int8"])
def test_all_tables_but_those_of_the_time_are_served_in_fewer_bits(table_type):
    features = tuple(Feature("extra", owner) for owner in ("event", "candidate", "request", "user"))
    embeddings = make_embeddings(features)
    keys = [feature.key for feature in features]
    values = {
        f"{prefix}_{name}": rows([3, 6]) for prefix in ("history", "candidate") for name in ID_NAMES
    }
    values |= {key: rows([1, 4]) for key in keys}
    values |= {"user": rows(5, 6), "request_timestamp": rows(10**9, 10**9 + 10**5)}
    values |= {key: rows(1, 4) for key in keys if key.startswith(("request", "user"))}

    def look_up():
        return [
            embedded.numpy()
            for embedded in (
                embeddings.events(values),
                embeddings.candidates(values),
                embeddings.requests(values),
            )
        ]

    exact = look_up()
    embeddings.serve_as(table_type)
    for served, expected in zip(look_up(), exact, strict=True):
        np.testing.assert_allclose(served, expected, atol=0.01)
    item, category, time = embeddings.item, embeddings.category, embeddings.hour
    for table in (item, category, embeddings.user, *embeddings.categorical.values()):
        assert np.any(table(rows(*range(4))) != table.embeddings[:4])
    np.testing.assert_array_equal(time(rows(*range(24))), time.embeddings)
    embeddings.serve_as("float32")
    for served, expected in zip(look_up(), exact, strict=True):
        np.testing.assert_array_equal(served, expected)


def test_tables_that_are_left_out_need_no_type():
    embeddings = make_embeddings(user_dim=0, context_dim=0)
    embeddings.item(rows(0))
    embeddings.category(rows(0))
    embeddings.serve_as("int8")
    assert embeddings.requests({"request_timestamp": rows(0)}).shape == (1, 0)
