import numpy as np
import pytest

from lifelong.components.behavior_example_gen import records
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.records import (
    count_events,
    plan_records,
    record_batches,
)
from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.data.features import Feature
from lifelong.data.ids import MISSING_ID
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.data.times import DAY


def requests_of(*rows, sizes=None):
    """Returns requests of rows (user, index of the user's first event, events before)."""
    user, first, events = np.array(rows, np.int64).reshape(-1, 3).T
    sizes = np.ones(len(user), np.int64) if sizes is None else np.array(sizes)
    count = int(sizes.sum())
    return Requests(
        {"user": user, "first": first, "events": events, "timestamp": 100 + events},
        sizes,
        {
            "item": np.arange(500, 500 + count),
            "category": np.arange(50, 50 + count),
            "label": (np.arange(count) % 2).astype(np.float32),
        },
    )


def plan(*rows, window, max_events=1000):
    made = plan_records(requests_of(*rows), window, max_events)
    return {name: getattr(made, name).tolist() for name in vars(made)}


def test_a_record_begins_a_window_before_its_first_request_and_ends_at_its_last():
    assert plan((7, 0, 2), (7, 0, 5), (7, 0, 9), (8, 10, 4), (9, 14, 0), window=3) == {
        "request_start": [0, 3, 4],
        "request_end": [3, 4, 5],
        "skipped": [0, 1, 0],
        "first": [0, 11, 14],
        "end": [9, 14, 14],
    }


def test_a_user_with_many_events_gets_chunks_that_overlap_by_the_window():
    rows = [(7, 20, events) for events in (1, 3, 6, 7, 12, 13)]
    assert plan(*rows, window=2, max_events=6) == {
        "request_start": [0, 3, 4],
        "request_end": [3, 4, 6],
        "skipped": [0, 5, 10],
        "first": [20, 25, 30],
        "end": [26, 27, 33],
    }
    whole = plan(*rows, window=2, max_events=13)
    assert (whole["first"], whole["end"]) == ([20], [33])


def test_users_beside_one_with_chunks_stay_whole():
    rows = [(1, 0, 3), (7, 5, 2), (7, 5, 9), (8, 20, 1), (8, 20, 6)]
    made = plan(*rows, window=2, max_events=6)
    assert made["request_start"] == [0, 1, 2, 3]
    assert made["first"] == [1, 5, 12, 20]
    assert made["end"] == [3, 7, 14, 26]


@pytest.mark.parametrize("seed", range(5))
def test_every_request_finds_its_window_in_its_record(seed):
    random = np.random.default_rng(seed)
    rows, first = [], 0
    for user in range(4):
        before = np.sort(random.integers(0, 60, 15))
        rows += [(user, first, int(events)) for events in before]
        first += 60
    window, max_events = 4, 9
    made = plan_records(requests_of(*rows), window, max_events)
    owners = np.repeat(np.arange(len(made.first)), made.request_end - made.request_start)
    assert len(owners) == len(rows)
    for record, (_, start, before) in zip(owners, rows, strict=True):
        assert made.first[record] <= start + max(before - window, 0)
        assert start + before <= made.end[record], "and nothing after it is needed"
    assert (made.end - made.first).max() <= max_events
    last = np.array(rows)[made.request_end - 1]
    assert (made.end == last[:, 1] + last[:, 2]).all(), "no event after the last request"


def test_counts_tell_what_is_repeated():
    requests = requests_of(*[(7, 20, events) for events in (1, 3, 6, 7, 12, 13)])
    # Events 20 to 26, 25 to 27 and 30 to 33: one of them, 25, twice.
    assert count_events(plan_records(requests, 2, 6), "eval") == {
        "eval/records": 3,
        "eval/requests": 6,
        "eval/events": 11,
        "eval/events_repeated": 1,
    }


FEATURES = (
    Feature("price", "event", "numeric"),
    Feature("device", "request"),
    Feature("place", "candidate"),
    Feature("age", "user", "numeric"),
    Feature("city", "user"),
)
CONFIG = IngestConfig(
    behaviors=LogConfig("events.csv"),
    impressions=LogConfig("shown.csv", columns=LogColumns()),
    users=LogConfig("users.csv"),
    features=FEATURES,
)
EVENTS = {
    "user": np.array([7, 7, 7, 7, 8, 8]),
    "item": np.arange(1, 7),
    "category": np.arange(11, 17),
    "timestamp": np.arange(21, 27),
    "history_price": np.arange(6, dtype=np.float32) / 2,
}
USERS = {
    "user": np.array([3, 8]),
    "user_age": np.array([30, 80], np.float32),
    "user_city": np.array([33, 88]),
}


@pytest.fixture
def made():
    """Returns two users' requests with all features; user 7 is not in the user table."""
    requests = requests_of((7, 0, 2), (7, 0, 4), (8, 4, 1), sizes=[2, 1, 3])
    requests.rows["request_device"] = np.array([91, 92, 93])
    requests.candidates["candidate_place"] = np.arange(70, 76)
    requests.rows["timestamp"] *= DAY
    return requests


class ToldStatistics:
    """Five counts that tell what was asked for: the day, and the id four times."""

    def as_of(self, kind, ids, days):
        return np.stack([days, *[ids] * 4], axis=1)

    def totals(self, days):
        return self.as_of("total", np.zeros_like(days), days)


def rows_of(requests, users=USERS, window=1):
    plan = plan_records(requests, window, 1000)
    batches = list(record_batches(plan, requests, EVENTS, users, ToldStatistics(), CONFIG))
    return [row for batch in batches for row in batch.to_pylist()], len(batches)


def test_records_hold_events_requests_candidates_and_features(made):
    assert rows_of(made)[0] == [
        {
            "user": [7],
            "events_before_record": [1],
            "history_item": [2, 3, 4],
            "history_category": [12, 13, 14],
            "history_timestamp": [22, 23, 24],
            "history_price": [0.5, 1.0, 1.5],
            "request_timestamp": [102 * DAY, 104 * DAY],
            "request_events": [1, 3],
            "request_candidates": [2, 1],
            "request_device": [91, 92],
            "request_statistics": [102, *[0] * 4, 104, *[0] * 4],
            "candidate_item": [500, 501, 502],
            "candidate_category": [50, 51, 52],
            "candidate_label": [0.0, 1.0, 0.0],
            "candidate_place": [70, 71, 72],
            "candidate_item_statistics": [102, *[500] * 4, 102, *[501] * 4, 104, *[502] * 4],
            "candidate_category_statistics": [102, *[50] * 4, 102, *[51] * 4, 104, *[52] * 4],
            "user_age": [0.0],
            "user_city": [MISSING_ID],
        },
        {
            "user": [8],
            "events_before_record": [0],
            "history_item": [5],
            "history_category": [15],
            "history_timestamp": [25],
            "history_price": [2.0],
            "request_timestamp": [101 * DAY],
            "request_events": [1],
            "request_candidates": [3],
            "request_device": [93],
            "request_statistics": [101, *[0] * 4],
            "candidate_item": [503, 504, 505],
            "candidate_category": [53, 54, 55],
            "candidate_label": [1.0, 0.0, 1.0],
            "candidate_place": [73, 74, 75],
            "candidate_item_statistics": [101, *[503] * 4, 101, *[504] * 4, 101, *[505] * 4],
            "candidate_category_statistics": [101, *[53] * 4, 101, *[54] * 4, 101, *[55] * 4],
            "user_age": [80.0],
            "user_city": [88],
        },
    ]


def test_an_empty_user_table_gives_missing_features(made):
    empty = {key: column[:0] for key, column in USERS.items()}
    for row in rows_of(made, empty)[0]:
        assert (row["user_age"], row["user_city"]) == ([0.0], [MISSING_ID])


def test_records_are_the_same_however_many_are_encoded_at_a_time(made, monkeypatch):
    together, batches = rows_of(made)
    assert batches == 1
    monkeypatch.setattr(records, "EVENTS_PER_BATCH", 2)
    assert rows_of(made) == (together, 2)
