"""Models that look features of items up: trained, saved, baked and on every path that serves."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.item_table import StoredItems, items_path, write_items
from lifelong.models.config import SoftSearchConfig
from lifelong.models.export import ServingSignatures
from lifelong.models.growth import go_on_from
from lifelong.models.item_features import find_entries
from lifelong.models.long_term import SearchedHistory
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.trained import load_trained, save_trained
from lifelong.models.wire import wire_spec
from tests.sample_items import FEATURES, item_table, model_with_items, write_source
from tests.sample_models import RECORDS, SMALL, all_requests
from tests.sample_records import serialize, write_records

TOLERANCE = 1e-5
NOT_IN_VOCABULARY = 2**62
NOT_IN_TABLE = NOT_IN_VOCABULARY + 1


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp("items"), item_table(), FEATURES)


@pytest.fixture(scope="module")
def wire():
    """Real requests with raw ids, without labels."""
    batch = all_requests(RECORDS)
    return {key: batch[key] for key in wire_spec(())}


def valid(scores, wire):
    width = np.arange(scores.shape[1])
    return np.asarray(scores)[width < np.asarray(wire["candidate_length"])[:, np.newaxis]]


def rank(model, transform_output, wire):
    signatures = ServingSignatures(model, transform_output)
    return valid(signatures.rank(**wire)["scores"], wire)


@pytest.mark.parametrize("long_term", ["full", "sim_hard", "eta"])
def test_all_paths_give_the_same_scores(long_term, transform_output, source, wire):
    model = model_with_items(long_term, transform_output, source)
    signatures = ServingSignatures(model, transform_output)
    expected = valid(signatures.rank(**wire)["scores"], wire)
    assert np.std(expected) > 0.01
    records = tf.constant([serialize(record) for record in RECORDS])
    np.testing.assert_allclose(
        signatures.score_records(records)["scores"], expected, atol=TOLERANCE
    )
    if isinstance(model.long_term, SearchedHistory):
        found = signatures.search(**wire)
        np.testing.assert_allclose(valid(found["scores"], wire), expected, atol=TOLERANCE)
    model.long_term.bake()
    np.testing.assert_allclose(rank(model, transform_output, wire), expected, atol=TOLERANCE)


def test_features_of_events_decide_too(transform_output, source, wire):
    model = model_with_items("full", transform_output, source)
    # Candidates that the table does not have.
    wire = {**wire, "candidate_item": tf.fill(tf.shape(wire["candidate_item"]), NOT_IN_TABLE)}
    before = rank(model, transform_output, wire)
    items, table = model.embeddings.item_features, item_table()
    items.fill({**table, "item_price": table["item_price"] + 9}, items.encoding)
    assert np.abs(rank(model, transform_output, wire) - before).max() > 1e-3
    items.fill(table, items.encoding)
    np.testing.assert_array_equal(rank(model, transform_output, wire), before)


def test_an_item_outside_the_vocabulary_has_its_features(transform_output, source, wire):
    model = model_with_items("eta", transform_output, source)
    cold, colder = (
        rank(model, transform_output, {**wire, "candidate_item": tf.fill(shape, tf.constant(i))})
        for shape in [tf.shape(wire["candidate_item"])]
        for i in (NOT_IN_VOCABULARY, NOT_IN_TABLE)
    )
    assert np.abs(cold - colder).max() > 1e-3, "the table has one of them"


def test_a_trained_model_is_read_with_the_table_that_it_is_to_have(
    transform_output, source, wire, tmp_path
):
    model = model_with_items("eta", transform_output, source)
    save_trained(model, str(tmp_path / "trained"))
    again = load_trained(str(tmp_path / "trained"), source.table)
    expected = rank(model, transform_output, wire)
    np.testing.assert_array_equal(rank(again, transform_output, wire), expected)
    with pytest.raises(
        ValueError, match="reads brand, price, image of items; give it an item table"
    ):
        load_trained(str(tmp_path / "trained"))
    # One more item, a brand that training did not see: what was trained stays as it is.
    newer = {key: np.append(column, column[-1:], axis=0) for key, column in item_table().items()}
    newer["item"][-1], newer["item_brand"][-1] = NOT_IN_TABLE, 999
    write_items(newer, items_path(str(tmp_path)))
    newest = load_trained(str(tmp_path / "trained"), str(tmp_path))
    np.testing.assert_array_equal(rank(newest, transform_output, wire), expected)


@pytest.mark.parametrize(
    ("long_term", "choices"),
    [("none", {}), ("sim_soft", {"soft_search": SoftSearchConfig(dim=3, ahead_epochs=1)})],
)
def test_a_model_goes_on_with_a_table_that_has_grown(
    transform_output, source, wire, tmp_path, long_term, choices
):
    base = model_with_items(long_term, transform_output, source, **choices)
    save_trained(base, str(tmp_path / "trained"))
    table = item_table()
    newer = {key: np.append(column, column[-2:], axis=0) for key, column in table.items()}
    newer["item"][-2:], newer["item_brand"][-2:] = (NOT_IN_TABLE, NOT_IN_TABLE + 1), (999, 998)
    newer["item_price"] += np.float32([0] * len(table["item"]) + [50, 50])
    grown = write_source(tmp_path, newer, FEATURES, previous=source)
    model = model_with_items(long_term, transform_output, grown, **choices)
    assert go_on_from(model, str(tmp_path / "trained"), transform_output, [])["item_brand"] == 2
    expected = rank(base, transform_output, wire)
    np.testing.assert_array_equal(rank(model, transform_output, wire), expected)
    brands = model.embeddings.item_features.categorical["item_brand"].embeddings.numpy()
    first = base.spec.used_rows("item_brand")
    np.testing.assert_array_equal(brands[first : first + 2], brands[[0, 0]])
    newer["item_brand"] += 1
    other = write_source(tmp_path / "other", newer, FEATURES)
    with pytest.raises(ValueError, match="ids of the vocabulary item_brand have other rows"):
        go_on_from(
            model_with_items(long_term, transform_output, other, **choices),
            str(tmp_path / "trained"),
            transform_output,
            [],
        )


def test_a_reader_finds_entries_once_for_all_requests_of_a_record(source, tmp_path):
    ids = np.append(-1, StoredItems(items_path(source.table))["item"])
    records = [
        record | {f"{owner}_item_id": record[f"{owner}_item"] for owner in ("history", "candidate")}
        for record in RECORDS
    ]
    path = write_records(records, tmp_path / "records.gz")
    lists = tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
    spec = record_spec(()) | {"history_item_id": lists, "candidate_item_id": lists}
    batches = list(request_dataset([str(path)], spec, SMALL.window, 8, items=ids))
    assert len(batches) > 1
    for batch in batches:
        for owner in ("history", "candidate"):
            found = find_entries(tf.constant(ids), batch[f"{owner}_item_id"])
            np.testing.assert_array_equal(batch[f"{owner}_item_entry"], found)
