import dataclasses

import numpy as np
import pytest

from lifelong.data.features import Feature
from lifelong.data.ids import fingerprint, id_of
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.data.logs.queries import category_of, popular_items, read_user_history, user_id

WEEK = 7 * 86400
ROWS = [
    {"user": user, "item": item, "category": category, "timestamp": time, "n": n}
    for user, item, category, time, n in [
        (1, 5, "a", 200, 1),
        (1, 4, "b", 200, 2),
        (1, 4, "b", 200, 2),
        (2, 4, "b", 100, 3),
        (1, 9, "a", 100, 4),
        (2, 5, "a", 10 * WEEK, 5),
        (2, 4, "b", 10 * WEEK, 5),
    ]
]


def log_at(path, **options):
    """A log whose times may be small numbers."""
    return LogConfig(path, earliest="1970-01-01", **options)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_users_history_is_in_the_order_of_the_records(write_log, suffix):
    log = log_at(write_log(f"log.{suffix}", ROWS), columns=LogColumns(behavior="category"))
    features = (Feature("n", "event", "numeric"), Feature("age", "user"))
    for user in (1, "1", "1.0"):
        found, history = read_user_history(log, features, user)
        assert found == 1
        assert history["item"].tolist() == [9, 4, 5]
        assert history["timestamp"].tolist() == [100, 200, 200]
        assert history["category"].tolist() == [id_of(c) for c in "aba"]
        assert history["behavior"].tolist() == [id_of(c) for c in "aba"]
        assert history["n"].tolist() == [4.0, 2.0, 1.0]
        assert "user" not in history


def test_an_unknown_user_has_no_history(write_log):
    user, history = read_user_history(log_at(write_log("log.csv", ROWS)), (), 77)
    assert user == 77
    assert {key: column.shape for key, column in history.items()} == dict.fromkeys(
        ("item", "category", "timestamp"), (0,)
    )


def test_a_user_given_as_the_text_of_the_log(write_log):
    rows = [{**row, "user": f"user-{row['user']}"} for row in ROWS]
    log = log_at(write_log("log.parquet", rows))
    for user in ("user-1", id_of("user-1")):
        found, events = read_user_history(log, (), user)
        assert found == id_of("user-1")
        assert events["item"].tolist() == [9, 4, 5]


def test_a_user_is_called_as_the_rule_of_ids_has_it(write_log):
    log = log_at(write_log("log.csv", ROWS))
    with pytest.raises(ValueError, match="'01' is no id: leading zeros"):
        user_id(log, "01")
    text = dataclasses.replace(log, text_columns=("user",))
    assert user_id(text, "01") == fingerprint("01")
    assert read_user_history(text, (), "1")[1]["item"].tolist() == [9, 4, 5]


def test_popular_items_of_a_period(write_log):
    log = log_at(write_log("log.parquet", ROWS))
    popular = popular_items(log, before=WEEK, weeks=2)
    assert popular["item"].tolist() == [4, 5, 9], "ties by item"
    assert popular["count"].tolist() == [3, 1, 1]
    np.testing.assert_array_equal(popular["category"], [id_of(c) for c in "baa"])
    assert popular_items(log, before=11 * WEEK, weeks=2, limit=1)["item"].tolist() == [4]
    assert popular_items(log, before=10 * WEEK, weeks=2)["item"].tolist() == [], "end is excluded"


def test_the_category_of_an_item_is_that_of_its_latest_event(write_log):
    rows = [*ROWS, {"user": 3, "item": 5, "category": "c", "timestamp": 11 * WEEK, "n": 1}]
    log = log_at(write_log("log.csv", rows))
    assert category_of(log, "5") == (5, id_of("c"))
    assert category_of(log, "4.0") == (4, id_of("b"))
    with pytest.raises(ValueError, match=r"item 77 has no event in .*log\.csv"):
        category_of(log, "77")
