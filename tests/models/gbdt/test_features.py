import functools

import numpy as np
import pytest
import tensorflow as tf

from lifelong.data import item_table
from lifelong.data.features import Feature
from lifelong.data.ids import MISSING_ID
from lifelong.models.evidence import counted
from lifelong.models.gbdt.event_means import EventMeans
from lifelong.models.gbdt.features import FeatureReader
from lifelong.models.layers import HistoryEvidence
from lifelong.models.popularity import popularity
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from tests.sample_records import make_record, make_records, make_statistics, write_records

DAY = 86_400
# A Tuesday, 03:00 UTC.
REQUEST_TIME = 1_512_442_800
# hour and weekday come first
TIMES = 2


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "records.gz"
    return [write_records(make_records(users=9, seed=3), path)]


def test_numbers_are_those_that_a_network_is_told(files):
    candidates = FeatureReader(evidence_length=25, statistics=True).read(files)
    expected, user = [], []
    for batch in request_dataset(files, record_spec(()), 1, 16, evidence_length=25):
        numbers = tf.concat(
            [
                HistoryEvidence().of_counts(counted(batch), batch["request_timestamp"]),
                popularity(batch),
            ],
            axis=-1,
        )
        length = batch["candidate_length"].numpy()
        expected += [row[:n] for row, n in zip(numbers.numpy(), length, strict=True)]
        user.append(np.repeat(batch["user"].numpy(), length))
    np.testing.assert_allclose(
        candidates.features.numbers[:, TIMES:], np.concatenate(expected), atol=1e-6
    )
    np.testing.assert_array_equal(candidates.user, np.concatenate(user))


def one_request(**changes):
    """A record of one request with 3 candidates, after two events."""
    record = {
        "user": [7],
        "events_before_record": [40],
        "history_item": [5, 6],
        "history_category": [1, 1],
        "history_timestamp": [REQUEST_TIME - 2 * DAY, REQUEST_TIME - DAY],
        "request_timestamp": [REQUEST_TIME],
        "request_events": [2],
        "request_candidates": [3],
        "candidate_item": [5, 9, 6],
        "candidate_category": [1, 2, 1],
        "candidate_label": np.array([1, 0, 0], np.float32),
        **make_statistics(0, requests=1, candidates=3),
    }
    return record | changes


@functools.cache
def reader_of(**changes):
    return FeatureReader(**{"evidence_length": 10, "statistics": True, **changes})


def read(record, tmp_path, **changes):
    return reader_of(**changes).read([write_records([record], tmp_path / "one.gz")])


def test_who_was_asked_what_when_is_told_of_each_candidate(tmp_path):
    candidates = read(one_request(), tmp_path)
    assert candidates.user.tolist() == [7, 7, 7]
    assert candidates.request.tolist() == [0, 0, 0]
    assert candidates.item.tolist() == [5, 9, 6]
    assert candidates.label.tolist() == [1, 0, 0]
    # Those before the record count, too.
    assert candidates.history_events.tolist() == [42, 42, 42]
    # 1970 began on a Thursday, day 0.
    assert candidates.features.numbers[:, :TIMES].tolist() == [[3, 5]] * 3
    assert candidates.features.ids.tolist() == [[5, 1], [9, 2], [6, 1]]


@pytest.mark.parametrize(
    ("left_out", "key"),
    [
        ({"evidence_length": 0}, "history_timestamp"),
        ({"statistics": False}, "candidate_item_statistics"),
    ],
)
def test_what_is_left_out_is_not_read(left_out, key, tmp_path):
    record = one_request()
    others = record | {key: np.asarray(record[key]) - 1}
    assert np.any(read(record, tmp_path)[-1].numbers != read(others, tmp_path)[-1].numbers)
    without = read(record, tmp_path, **left_out)[-1].numbers
    np.testing.assert_array_equal(without, read(others, tmp_path, **left_out)[-1].numbers)
    assert without.shape[1] < read(record, tmp_path)[-1].numbers.shape[1]


def test_requests_are_numbered_on_from_file_to_file(tmp_path):
    rng = np.random.default_rng(5)
    files = [
        write_records([make_record(rng, user, events=9, requests=3)], tmp_path / f"{user}.gz")
        for user in range(2)
    ]
    candidates = FeatureReader(evidence_length=4, statistics=False).read(files)
    assert np.unique(candidates.request).tolist() == [0, 1, 2, 3, 4, 5]


def test_extra_features_are_read_as_they_are(tmp_path):
    features = (
        Feature("price", of="candidate", kind="numeric"),
        Feature("brand", of="candidate"),
        Feature("page", of="request"),
        Feature("age", of="user", kind="numeric"),
        Feature("quantity", of="event", kind="numeric"),
    )
    record = one_request(
        candidate_price=np.array([1.5, 2.5, 3.5], np.float32),
        candidate_brand=[11, 12, 13],
        request_page=[4],
        user_age=np.array([30], np.float32),
        history_quantity=np.array([1, 2], np.float32),
    )
    found = read(
        record,
        tmp_path,
        features=features,
        evidence_length=0,
        statistics=False,
        event_means=EventMeans(features, {}, window=9, recent=0),
    ).features
    # Price, age, mean quantity of all events and of those of the candidate's category.
    np.testing.assert_array_equal(
        found.numbers[:, TIMES:],
        [[1.5, 30, 1.5, 1.5], [2.5, 30, 1.5, np.nan], [3.5, 30, 1.5, 1.5]],
    )
    assert found.ids.tolist() == [[5, 1, 11, 4], [9, 2, 12, 4], [6, 1, 13, 4]]


def test_features_of_items_are_looked_up_by_the_candidate(tmp_path):
    table = {
        "item": np.array([5, 6]),
        "item_weight": np.array([50, 60], np.float32),
        "item_brand": np.array([500, 600]),
        "item_picture": np.ones((2, 4), np.float32),
    }
    item_table.write_items(table, item_table.items_path(str(tmp_path)))
    features = (
        Feature("weight", of="item", kind="numeric"),
        Feature("brand", of="item"),
        Feature("picture", of="item", kind="vector", size=4),
    )
    found = read(one_request(), tmp_path, item_features=features, item_table=str(tmp_path)).features
    # Item 9 is not in the table.
    np.testing.assert_array_equal(found.numbers[:, -1], np.array([50, np.nan, 60], np.float32))
    assert found.ids[:, -1].tolist() == [500, MISSING_ID, 600]


def test_a_batch_is_read_as_the_records_are(files):
    reader = FeatureReader(evidence_length=25, statistics=True)
    candidates = reader.read(files)
    batch = next(iter(request_dataset(files, record_spec(()), 1, 1, evidence_length=25)))
    found = reader.of_batch(batch)
    count = len(found.ids)
    np.testing.assert_allclose(found.numbers, candidates.features.numbers[:count], atol=1e-6)
    np.testing.assert_array_equal(found.ids, candidates.features.ids[:count])


def test_records_without_a_request_are_an_error(tmp_path):
    record = make_record(np.random.default_rng(0), 1, events=5, requests=0)
    with pytest.raises(ValueError, match="have no request"):
        read(record, tmp_path)
