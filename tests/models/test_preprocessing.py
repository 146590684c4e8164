from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.features import Feature
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.preprocessing import preprocessing_fn
from lifelong.models.vocabulary_files import (
    ID_KEYS,
    transforms_vocabulary,
    write_statistics,
    write_vocabulary,
)
from tests.sample_models import RECORDS, run_transform
from tests.sample_records import make_records

PRICE = Feature("price", "candidate", "numeric")
BEHAVIOR = Feature("behavior", "event")


def rows_of(transform_output, values, key="history_item", into=None):
    raw = {key: tf.ragged.constant([values], tf.int64)}
    return transform_output.transform_features_layer()(raw)[into or key].flat_values.numpy()


@pytest.fixture(scope="module")
def counts():
    """How often each item was bought in the records."""
    return Counter(int(item) for record in RECORDS for item in record["history_item"])


def test_frequent_items_have_rows_of_their_own_and_others_the_first(transform_output, counts):
    frequent = [item for item, count in counts.items() if count >= 2]
    rare = [item for item, count in counts.items() if count == 1]
    assert rare
    assert sorted(rows_of(transform_output, frequent)) == list(range(1, len(frequent) + 1))
    assert set(rows_of(transform_output, [*rare, 10**12])) == {0}


def test_items_keep_their_raw_ids_beside_their_rows(transform_output):
    raw = rows_of(transform_output, [3, 10**12], into="history_item_id")
    assert raw.tolist() == [3, 10**12]


def test_rare_and_new_categories_share_the_first_row(transform_output):
    assert set(rows_of(transform_output, [77, 10**12], "history_category")) == {0}


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
    assert set(rows_of(transform_output, only)) == {0}


def test_every_user_with_a_request_has_a_row(transform_output):
    users = [record["user"][0] for record in RECORDS]
    raw = {"user": tf.constant(users, tf.int64)[:, tf.newaxis]}
    rows = transform_output.transform_features_layer()(raw)["user"].numpy().ravel()
    assert sorted(rows) == list(range(1, len(users) + 1))


def test_what_is_no_id_is_unknown_even_where_nothing_is_known(tmp_path, monkeypatch):
    """A file is never empty: one of no ids has a line of what is none."""
    # Within a preprocessing function that Transform traces, it is kept with the graph.
    monkeypatch.setattr(tft, "make_and_track_object", lambda make, name: make())
    write_statistics(str(tmp_path), {})
    for name in ID_KEYS:
        write_vocabulary(str(tmp_path), name, Vocabulary.of_none())
    ids = tf.constant([-1, 0, 2**63 - 1, -(2**63)])
    found = preprocessing_fn(
        {key: ids for keys in ID_KEYS.values() for key in keys},
        {"features": [], "vocabularies": str(tmp_path)},
    )
    for keys in ID_KEYS.values():
        for key in keys:
            assert found[key].numpy().tolist() == [0, 0, 0, 0]


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
    known = transforms_vocabulary(output, "item")
    found = dict(zip(known.ids, known.counts, strict=True))
    assert found == {item: count for item, count in counts.items() if count >= 2}
    assert sorted(rows_of(output, [7, 8, 9], "history_behavior")) == [0, 1, 2]
    assert set(rows_of(output, [9], "history_behavior")) == {0}
    prices = np.concatenate([record["candidate_price"] for record in records])
    raw = {"candidate_price": tf.ragged.constant([prices.tolist()], tf.float32)}
    scaled = output.transform_features_layer()(raw)["candidate_price"].flat_values
    np.testing.assert_allclose(
        scaled, (prices - prices.mean()) / prices.std(), rtol=1e-3, atol=1e-4
    )
