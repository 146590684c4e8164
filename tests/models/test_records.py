import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.data.keys import STATISTICS
from lifelong.models.records import cut_requests, make_pool, record_spec
from tests.sample_records import make_records, make_statistics, serialize

WINDOW = 12


def pool_of(records, features=()):
    serialized = tf.constant([serialize(record) for record in records])
    return make_pool(tf.io.parse_example(serialized, record_spec(features)))


def cut_all(records, window=WINDOW):
    pool = pool_of(records)
    count = sum(len(record["request_timestamp"]) for record in records)
    batch = cut_requests(pool, tf.range(count, dtype=tf.int64), window)
    return {key: value.numpy() for key, value in batch.items()}


def expected_requests(records, window):
    """One dictionary per request, cut by hand from the user's record."""
    for record in records:
        first = 0
        for index, time in enumerate(record["request_timestamp"]):
            earlier = [
                event
                for event in zip(
                    record["history_item"],
                    record["history_category"],
                    record["history_timestamp"],
                    strict=True,
                )
                if event[2] < time
            ]
            last = first + record["request_candidates"][index]
            yield {
                "user": record["user"][0],
                "time": time,
                "history": earlier[::-1][:window],
                "items": list(record["candidate_item"][first:last]),
                "labels": list(record["candidate_label"][first:last]),
            }
            first = last


@pytest.mark.parametrize("window", [1, 5, WINDOW, 1000])
def test_every_request_is_cut_as_by_hand(window):
    records = make_records(users=20)
    batch = cut_all(records, window)
    wanted = list(expected_requests(records, window))
    assert len(wanted) == len(batch["user"]) > 20
    for row, request in enumerate(wanted):
        length = batch["history_length"][row]
        history = list(
            zip(
                batch["history_item"][row, :length],
                batch["history_category"][row, :length],
                batch["history_timestamp"][row, :length],
                strict=True,
            )
        )
        assert batch["user"][row] == request["user"]
        assert batch["request_timestamp"][row] == request["time"]
        assert history == request["history"]
        count = batch["candidate_length"][row]
        assert list(batch["candidate_item"][row, :count]) == request["items"]
        assert list(batch["candidate_label"][row, :count]) == request["labels"]


def test_no_event_of_a_history_is_as_late_as_its_request():
    batch = cut_all(make_records(users=30, seed=3))
    valid = np.arange(WINDOW) < batch["history_length"][:, np.newaxis]
    late = batch["history_timestamp"] >= batch["request_timestamp"][:, np.newaxis]
    assert valid.any()
    assert not (late & valid).any()


def test_a_user_without_events_gives_an_empty_history_beside_others():
    records = make_records(users=3)
    assert len(records[0]["history_item"]) == 0
    batch = cut_all(records)
    first = len(records[0]["request_timestamp"])
    assert (batch["history_length"][:first] == 0).all()
    assert batch["history_item"].shape == (len(batch["user"]), WINDOW)


def test_only_empty_histories():
    batch = cut_all(make_records(users=1))
    assert (batch["history_length"] == 0).all()
    assert batch["history_item"].shape[1] == WINDOW


def test_padding_repeats_an_element_of_the_row():
    records = make_records(users=6)
    batch = cut_all(records)
    for row in range(len(batch["user"])):
        length = batch["history_length"][row]
        if 0 < length < WINDOW:
            padding = batch["history_item"][row, length:]
            assert (padding == batch["history_item"][row, length - 1]).all()


def test_extra_features_and_statistics_follow_their_owner():
    features = (
        Feature("behavior", "event"),
        Feature("price", "candidate", "numeric"),
        Feature("shelf", "request"),
        Feature("age", "user", "numeric"),
    )
    record = {
        "user": [5],
        "events_before_record": [0],
        "history_item": [1, 2, 3],
        "history_category": [1, 1, 1],
        "history_timestamp": [10, 20, 30],
        "history_behavior": [7, 8, 9],
        "request_timestamp": [15, 31],
        "request_events": [1, 3],
        "request_candidates": [1, 2],
        "request_shelf": [100, 200],
        "candidate_item": [4, 5, 6],
        "candidate_category": [1, 1, 1],
        "candidate_label": np.array([1, 0, 1], np.float32),
        "candidate_price": np.array([0.5, 1.5, 2.5], np.float32),
        "user_age": np.array([33.0], np.float32),
        **make_statistics(0, requests=2, candidates=3),
    }
    batch = cut_requests(pool_of([record], features), tf.constant([1, 0], tf.int64), 2)
    np.testing.assert_array_equal(batch["history_behavior"], [[9, 8], [7, 7]])
    np.testing.assert_array_equal(batch["candidate_price"], [[1.5, 2.5], [0.5, 0.5]])
    np.testing.assert_array_equal(batch["request_shelf"], [200, 100])
    np.testing.assert_array_equal(batch["user_age"], [33.0, 33.0])
    for kind in ("item", "category"):
        one, two, three = record[f"candidate_{kind}_statistics"]
        made = batch[f"candidate_{kind}_statistics"]
        np.testing.assert_array_equal(made, [[two, three], [one, one]])
    np.testing.assert_array_equal(batch["request_statistics"], record["request_statistics"][::-1])


def test_a_record_that_counts_more_events_than_it_has_is_refused():
    (_, record) = make_records(users=2)
    record["request_events"] = record["request_events"] + 1000
    with pytest.raises(tf.errors.InvalidArgumentError, match="request_events counts more"):
        pool_of([record])


def test_a_record_whose_candidates_do_not_add_up_is_refused():
    (_, record) = make_records(users=2)
    record["request_candidates"] = record["request_candidates"] + 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="request_candidates does not add up"):
        pool_of([record])


@pytest.mark.parametrize("key", STATISTICS)
def test_a_record_without_all_statistics_is_refused(key):
    (_, record) = make_records(users=2)
    record[key] = record[key][1:]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{key} does not have 5 values"):
        pool_of([record])
