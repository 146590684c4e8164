import collections
import json

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that

from lifelong.components.local_runner import LocalRunner
from lifelong.components.log_reading.counting import COUNTS
from lifelong.components.log_reading.read_logs import BAD, BLOCKS, ReadLogs, Table
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import behavior_fields, user_fields


def by_parity(user):
    return user % 2


def table(path, fields_of):
    log = LogConfig(path, earliest="1970-01-01")
    return Table(log, fields_of(log, ()))


def test_rows_are_divided_by_user_and_bad_ones_set_aside(write_log):
    rows = [{"user": user, "item": 7, "category": 1, "timestamp": 9} for user in (1, 2, 3, -4)]
    tables = {
        "behaviors": table(write_log("log.csv", rows), behavior_fields),
        "users": table(write_log("users.jsonl", [{"user": 2}]), user_fields),
    }

    def check_blocks(blocks):
        users = collections.defaultdict(list)
        for shard, (name, block) in blocks:
            users[shard, name] += block["user"].tolist()
        assert users == {(0, "behaviors"): [2], (1, "behaviors"): [1, 3], (0, "users"): [2]}

    def check_bad(lines):
        (row,) = map(json.loads, lines)
        assert (row["log"], row["row"], row["reason"]) == ("behaviors", 5, "user: negative")

    def check_counts(parts):
        total = sum(parts, collections.Counter())
        expected = {"behaviors/rows": 4, "behaviors/bad_rows/user: negative": 1, "users/rows": 1}
        assert total == expected

    with beam.Pipeline(LocalRunner()) as pipeline:
        read = pipeline | ReadLogs(tables, by_parity, "test")
        assert_that(read[BLOCKS], check_blocks, "blocks")
        assert_that(read[BAD], check_bad, "bad")
        assert_that(read[COUNTS], check_counts, "counts")


def test_a_log_with_categories_is_compared_with_the_item_table(write_log):
    rows = [{"user": 1, "item": item, "category": 5, "timestamp": 9} for item in (1, 2, 2, 3)]
    tables = {"behaviors": table(write_log("log.csv", rows), behavior_fields)}
    items = [{"item": 1, "category": 5}, {"item": 2, "category": 6}]
    item_table = LogConfig(write_log("items.csv", items))

    def check_counts(parts):
        total = sum(parts, collections.Counter())
        assert total == {"behaviors/rows": 4, "behaviors/category_not_of_item_table": 2}

    with beam.Pipeline(LocalRunner()) as pipeline:
        read = pipeline | ReadLogs(tables, by_parity, "test", item_table)
        assert_that(read[COUNTS], check_counts)


def test_files_are_checked_before_anything_runs(write_log):
    path = write_log("log.csv", [{"user": 1}])
    with pytest.raises(ValueError, match=r"log\.csv has no column 'item'"):
        ReadLogs({"behaviors": table(path, behavior_fields)}, np.zeros_like, "test")
