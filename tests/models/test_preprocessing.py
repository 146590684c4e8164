from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.models.config import ITEM_HASHES
from tests.sample_models import RECORDS, run_transform
from tests.sample_records import make_records

PRICE = Feature("price", "candidate", "numeric")
BEHAVIOR = Feature("behavior", "event")


def rows_of(transform_output, values, key="history_item"):
    raw = {key: tf.ragged.constant([values], tf.int64)}
    return transform_output.transform_features_layer()(raw)[key].flat_values.numpy()


@pytest.fixture(scope="module")
def counts():
    """How often each item was bought in the records."""
    return Counter(int(item) for record in RECORDS for item in record["history_item"])


def test_frequent_items_have_rows_of_their_own_and_others_one_by_their_hash_after_them(
    transform_output, counts
):
    size = transform_output.vocabulary_size_by_name("item")
    frequent = [item for item, count in counts.items() if count >= 2]
    rare = [item for item, count in counts.items() if count == 1]
    assert size == len(frequent)
    assert rare
    assert sorted(rows_of(transform_output, frequent)) == list(range(size))
    unknown = rows_of(transform_output, [*rare, 10**12])
    assert ((unknown >= size) & (unknown < size + ITEM_HASHES)).all()
    assert len(set(unknown)) == len(unknown)
    np.testing.assert_array_equal(rows_of(transform_output, [*rare, 10**12]), unknown)


def test_rare_and_new_categories_share_the_last_row(transform_output):
    size = transform_output.vocabulary_size_by_name("category")
    assert set(rows_of(transform_output, [77, 10**12], "history_category")) == {size}


def test_history_and_candidates_share_their_rows(transform_output, counts):
    items = list(counts)
    np.testing.assert_array_equal(
        rows_of(transform_output, items, "history_item"),
        rows_of(transform_output, items, "candidate_item"),
    )


def test_sampled_candidates_do_not_count(transform_output, counts):
    """An item that is only ever a candidate is as unknown as one that never occurred."""
    candidates = Counter(int(item) for r in RECORDS for item in r["candidate_item"])
    only = [item for item, count in candidates.items() if count > 1 and item not in counts]
    assert only
    known = transform_output.vocabulary_size_by_name("item")
    assert (rows_of(transform_output, only) >= known).all()


def test_every_user_has_a_row(transform_output):
    users = [record["user"][0] for record in RECORDS]
    raw = {"user": tf.constant(users, tf.int64)[:, tf.newaxis]}
    rows = transform_output.transform_features_layer()(raw)["user"].numpy().ravel()
    assert sorted(rows) == list(range(len(users)))


def test_logged_candidates_count_and_features_are_transformed(tmp_path):
    rng = np.random.default_rng(0)
    records = make_records(users=6, seed=2)
    for record in records:
        record["candidate_price"] = rng.normal(5, 3, len(record["candidate_item"])).astype("f4")
        record["history_behavior"] = rng.integers(7, 9, len(record["history_item"]))
    output = run_transform(tmp_path, records, (PRICE, BEHAVIOR), candidates_are_logged=True)
    counts = Counter(
        int(item)
        for record in records
        for key in ("history_item", "candidate_item")
        for item in record[key]
    )
    assert output.vocabulary_size_by_name("item") == sum(c >= 2 for c in counts.values())
    assert sorted(rows_of(output, [7, 8, 9], "history_behavior")) == [0, 1, 2]
    prices = np.concatenate([record["candidate_price"] for record in records])
    raw = {"candidate_price": tf.ragged.constant([prices.tolist()], tf.float32)}
    scaled = output.transform_features_layer()(raw)["candidate_price"].flat_values
    np.testing.assert_allclose(
        scaled, (prices - prices.mean()) / prices.std(), rtol=1e-3, atol=1e-4
    )
