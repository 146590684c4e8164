import dataclasses
import json

import numpy as np
import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.day_statistics.component import DayStatisticsBuilder
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.day_statistics.executor import Executor
from lifelong.data import day_statistics
from lifelong.data.day_statistics import CATEGORY, ITEM
from lifelong.data.features import Feature
from lifelong.data.ids import MISSING_ID, fingerprint
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong_artifacts import DayStatistics
from tests.sample_fingerprints import FINGERPRINTS
from tests.sample_statistics import write_statistics

DAY = 86_400
START = 1_499_644_800


@pytest.fixture
def rows():
    """Events with text ids, several at one time, some twice, some alike but for one column."""
    random = np.random.default_rng(3)
    log = [
        {
            "user": f"u{random.integers(9)}",
            "item": f"i{random.integers(25)}",
            "category": f"c{random.integers(5)}",
            "timestamp": START + int(random.integers(300)) * DAY // 3,
            "action": str(random.choice(["view", "buy"])),
            "price": float(random.integers(3)) / 2,
        }
        for _ in range(300)
    ]
    return [*log, {**log[0], "price": 7.5}, {**log[0], "action": "return"}, *log[:30]]


@pytest.fixture
def ingest_config(write_log):
    def make(rows, **columns):
        log = LogConfig(
            write_log("log.jsonl", rows), columns=LogColumns(behavior="action", **columns)
        )
        return IngestConfig(log, features=(Feature("price", "event", "numeric"),))

    return make


@pytest.fixture
def build(tmp_path):
    """Runs the executor and returns the artifact."""

    def run(config):
        artifact = DayStatistics()
        artifact.uri = str(tmp_path / "built")
        properties = DayStatisticsBuilder(config, FINGERPRINTS).exec_properties
        Executor().Do({}, {"day_statistics": [artifact]}, properties)
        return artifact

    return run


def test_shards_and_parts_give_the_counts_of_one_process(rows, ingest_config, build, tmp_path):
    ingest = ingest_config([*rows, {**rows[0], "item": None}])
    made = dataclasses.replace(DayStatisticsConfig.of(ingest), shards=3, parts=4)
    artifact = build(made)
    (tmp_path / "alone").mkdir()
    alone = day_statistics.DayStatistics(write_statistics(ingest, tmp_path / "alone")).newest()
    found = day_statistics.DayStatistics(artifact.uri).newest()
    assert found.time == alone.time
    for name, values in alone._asdict().items():
        np.testing.assert_array_equal(getattr(found, name), values)
    distinct = len({tuple(row.values()) for row in rows})
    assert found.totals[3] == distinct
    counted = json.loads((tmp_path / "built" / "counts.json").read_text())
    assert counted["behaviors/bad_rows/item: missing"] == 1
    assert counted["behaviors/duplicates"] == len(rows) - distinct
    told = {
        name: artifact.get_int_custom_property(name)
        for name in ("events", "users", "items", "categories")
    }
    assert told == {"events": distinct, "users": 9, "items": 25, "categories": 5}


def test_categories_are_those_of_the_item_table(rows, ingest_config, build, write_log):
    rows = [{key: row[key] for key in row if key != "category"} for row in rows]
    table = write_log("items.jsonl", [{"item": f"i{i}", "category": "table"} for i in range(5)])
    ingest = dataclasses.replace(ingest_config(rows, category=""), items=LogConfig(table))
    newest = day_statistics.DayStatistics(build(DayStatisticsConfig.of(ingest)).uri).newest()
    assert set(newest.categories) == {fingerprint("table"), MISSING_ID}
    in_table = {fingerprint(f"i{i}") for i in range(5)}
    of_items = dict(zip(newest.items, newest.item_statistics[:, 3], strict=True))
    of_categories = dict(zip(newest.categories, newest.category_statistics[:, 3], strict=True))
    assert of_categories[fingerprint("table")] == sum(of_items[item] for item in in_table)


def test_a_log_without_a_usable_row_is_left_to_example_gen(rows, ingest_config, build):
    config = DayStatisticsConfig.of(ingest_config([{**rows[0], "user": None}]))
    statistics = day_statistics.DayStatistics(build(config).uri)
    for kind in (ITEM, CATEGORY):
        assert not statistics.as_of(kind, np.array([1]), np.array([20_000])).any()
