import collections
import dataclasses

import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig, SplitConfig
from lifelong.data.features import Feature
from lifelong.data.ids import MISSING_ID, id_of
from lifelong.data.logs.config import LogColumns, LogConfig

FEATURES = (
    Feature("price", "candidate", "numeric"),
    Feature("device", "request"),
    Feature("age", "user", "numeric"),
    Feature("city", "user"),
)
SPLITS = SplitConfig(validation_start="1970-01-02", eval_start="1970-01-03")
DAY = 86400


def event(user, item, time, category="c"):
    return {"user": user, "item": item, "category": category, "timestamp": time}


def shown(user, item, time, label, request="r", price=1.5, device="phone"):
    return {
        **event(user, item, time),
        "label": label,
        "request": request,
        "price": price,
        "device": device,
    }


EVENTS = [event("anna", 1, 10), event("anna", 2, 20), event("anna", 3, 20), event("anna", 4, 30)]
SHOWN = [
    shown("anna", 7, 20, 1),
    shown("anna", 8, 20, 0),
    shown("anna", 9, 20, 0, "other", 2.5, "tablet"),
    shown("anna", 7, 31, 0),
    shown("new", 7, 40, 1),
    shown("anna", 7, DAY, 1),
    shown("anna", 7, 2 * DAY, 0),
    shown("anna", 7, 2 * DAY, 0),
]
USERS = [{"user": "anna", "age": 33, "city": "Ulm"}, {"user": "bob", "age": 44, "city": "Bonn"}]


@pytest.fixture
def config(write_log):
    return IngestConfig(
        behaviors=LogConfig(write_log("events.csv", EVENTS), earliest="1970-01-01"),
        impressions=LogConfig(
            write_log("shown.parquet", SHOWN),
            columns=LogColumns(request="request"),
            earliest="1970-01-01",
        ),
        users=LogConfig(write_log("users.jsonl", USERS), earliest="1970-01-01"),
        features=FEATURES,
        splits=SPLITS,
        window=2,
        shards=3,
    )


def requests_of(record):
    """Returns (time, events before, {item: (label, price)}, device) of each request."""
    start = 0
    for i, size in enumerate(record["request_candidates"]):
        part = slice(start, start + size)
        start += size
        values = zip(record["candidate_label"][part], record["candidate_price"][part], strict=True)
        yield (
            record["request_timestamp"][i],
            record["request_events"][i],
            dict(zip(record["candidate_item"][part], values, strict=True)),
            record["request_device"][i],
        )


def test_an_impression_log_gives_the_requests(ingest, config):
    result = ingest(config)
    train = {record["user"][0]: record for record in result.records["train"]}
    phone, tablet = id_of("phone"), id_of("tablet")
    anna = train[id_of("anna")]
    assert sorted(requests_of(anna), key=str) == sorted(
        [
            (20, 1, {7: (1.0, 1.5), 8: (0.0, 1.5)}, phone),
            (20, 1, {9: (0.0, 2.5)}, tablet),
            (31, 4, {7: (0.0, 1.5)}, phone),
        ],
        key=str,
    )
    assert anna["history_item"] == [1, 2, 3, 4]
    assert anna["events_before_record"] == [0]
    assert anna["user_age"] == [33.0]
    assert anna["user_city"] == [id_of("Ulm")]

    new = train[id_of("new")]
    assert list(requests_of(new)) == [(40, 0, {7: (1.0, 1.5)}, phone)]
    unknown = {
        "impressions/users": 2,
        "impressions/users_not_in_behaviors": 1,
        "impressions/item_ids_looked_up": 3,
        "impressions/item_ids_not_in_behaviors": 3,
        "impressions/category_ids_looked_up": 1,
        "impressions/category_ids_not_in_behaviors": 0,
        "users/users": 2,
        "users/users_not_in_behaviors": 1,
        "users/users_with_requests": 2,
        "users/users_without_row": 1,
    }
    assert {name: result.counts[name] for name in unknown} == unknown
    assert new["history_item"] == new["history_timestamp"] == []
    assert new["user_age"] == [0.0], "not in the user table"
    assert new["user_city"] == [MISSING_ID]

    (later,) = result.records["eval"]
    assert later["history_item"] == [3, 4], "two events reach back"
    assert later["events_before_record"] == [2]
    assert later["request_events"] == [2]

    counts = result.counts
    assert counts["impressions/rows"] == 8
    assert counts["impressions/duplicates"] == 1
    assert counts["train/requests_without_history"] == 1
    assert counts["behaviors/events_unreached"] == 0
    assert "train/negatives_missing" not in counts


def test_without_request_ids_one_user_and_time_is_a_request(ingest, config):
    config = dataclasses.replace(
        config, impressions=dataclasses.replace(config.impressions, columns=LogColumns())
    )
    result = ingest(config)
    anna = next(r for r in result.records["train"] if r["user"] == [id_of("anna")])
    assert anna["request_candidates"] == [3, 1]
    assert result.counts["requests/contradictory_features"] == 1


def test_impressions_are_sampled_too(ingest, config):
    limited = dataclasses.replace(SPLITS, max_train_requests=2)
    result = ingest(dataclasses.replace(config, splits=limited))
    assert result.counts["train/requests"] == 2
    assert result.counts["train/requests_not_sampled"] == 2


def test_a_user_listed_twice_is_counted(ingest, config, write_log):
    users = LogConfig(
        write_log("twice.jsonl", [*USERS, *USERS, {**USERS[0], "age": 12}]), earliest="1970-01-01"
    )
    result = ingest(dataclasses.replace(config, users=users))
    assert result.counts["users/duplicates"] == 2
    assert result.counts["users/contradictory"] == 1


def test_negatives_come_from_other_users_of_the_same_week_and_split(ingest, write_log):
    week = 7 * DAY
    rows = [event(user, item, time) for user, item, time in _crowd(week)]
    config = IngestConfig(
        behaviors=LogConfig(write_log("log.parquet", rows), earliest="1970-01-01"),
        requests=dataclasses.replace(IngestConfig().requests, min_history=1, negatives=5),
        splits=SplitConfig(validation_start="1970-01-14", eval_start="1970-01-20"),
        window=10,
    )
    result = ingest(config)
    bounds = {"train": (0, 13 * DAY), "validation": (13 * DAY, 19 * DAY), "eval": (19 * DAY, 2**40)}
    owners = collections.defaultdict(set)
    baskets = collections.defaultdict(set)
    for user, item, time in _crowd(week):
        monday = (time + 3 * DAY) // week
        split = next(name for name, (start, end) in bounds.items() if start <= time < end)
        owners[split, monday, item].add(user)
        baskets[user, time].add(item)
    checked = 0
    for split, records in result.records.items():
        for record in records:
            user, start = record["user"][0], 0
            for time, size in zip(
                record["request_timestamp"], record["request_candidates"], strict=True
            ):
                part = slice(start, start + size)
                start += size
                items = record["candidate_item"][part]
                assert len(set(items)) == size, "distinct"
                labels = record["candidate_label"][part]
                for item, label in zip(items, labels, strict=True):
                    assert (item in baskets[user, time]) == bool(label)
                    if not label:
                        assert owners[split, (time + 3 * DAY) // week, item] - {user}
                        checked += 1
    assert checked > 200


def _crowd(week):
    for user in range(8):
        for day in range(24):
            for j in range(2):
                # Items tell users and weeks apart, but for one that everybody buys.
                yield user, (user * 10 + j * 7 + day // 7 * 1000) if j or day % 3 else 5, day * DAY
