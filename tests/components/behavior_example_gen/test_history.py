import numpy as np
import pytest

from lifelong.components.behavior_example_gen.config import Columns, LogConfig
from lifelong.components.behavior_example_gen.history import popular_items, read_user_history
from lifelong.models.features import Feature
from lifelong.serving.ids import string_id

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


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_users_history_is_in_the_order_of_the_records(write_log, suffix):
    log = LogConfig(write_log(f"log.{suffix}", ROWS), columns=Columns(behavior="category"))
    features = (Feature("n", "event", "numeric"), Feature("age", "user"))
    for user in (1, "1") if suffix == "csv" else (1,):
        history = read_user_history(log, features, user)
        assert history["history_item"].tolist() == [9, 4, 5]
        assert history["history_timestamp"].tolist() == [100, 200, 200]
        assert history["history_category"].tolist() == [string_id(c) for c in "aba"]
        assert history["history_behavior"].tolist() == [string_id(c) for c in "aba"]
        assert history["history_n"].tolist() == [4.0, 2.0, 1.0]
        assert "user" not in history


def test_an_unknown_user_has_no_history(write_log):
    history = read_user_history(LogConfig(write_log("log.csv", ROWS)), (), 77)
    assert {key: column.shape for key, column in history.items()} == dict.fromkeys(
        ("history_item", "history_category", "history_timestamp"), (0,)
    )


def test_a_user_given_as_the_text_of_the_log(write_log):
    rows = [{**row, "user": f"user-{row['user']}"} for row in ROWS]
    log = LogConfig(write_log("log.parquet", rows))
    assert read_user_history(log, (), "user-1")["history_item"].tolist() == [9, 4, 5]
    assert read_user_history(log, (), string_id("user-1"))["history_item"].tolist() == [9, 4, 5]


def test_popular_items_of_a_period(write_log):
    log = LogConfig(write_log("log.parquet", ROWS))
    popular = popular_items(log, before=WEEK, weeks=2)
    assert popular["item"].tolist() == [4, 5, 9], "ties by item"
    assert popular["count"].tolist() == [3, 1, 1]
    np.testing.assert_array_equal(popular["category"], [string_id(c) for c in "baa"])
    assert popular_items(log, before=11 * WEEK, weeks=2, limit=1)["item"].tolist() == [4]
    assert popular_items(log, before=10 * WEEK, weeks=2)["item"].tolist() == [], "end is excluded"
