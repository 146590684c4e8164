"""A small log with ties and repetitions, and builds of its store."""

import dataclasses

import numpy as np
import pytest
from tfx import types

from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig, SplitConfig
from lifelong.components.behavior_tree_builder.component import BehaviorTreeBuilder
from lifelong.components.behavior_tree_builder.executor import Executor
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong_artifacts import BehaviorTree, DayStatistics
from tests.sample_fingerprints import FINGERPRINTS
from tests.sample_statistics import statistics_of

DAY = 24 * 3600
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
            "timestamp": START + int(random.integers(90)) * DAY // 3,
            "action": str(random.choice(["view", "buy"])),
            "price": float(random.integers(3)) / 2,
        }
        for _ in range(400)
    ]
    alike = [{**log[0], "price": 7.5}, {**log[0], "action": "return"}, {**log[0], "category": "c"}]
    return [*log, *alike, *log[:30]]


@pytest.fixture
def ingest_config(write_log):
    """Makes the ingestion of rows: requests of baskets, windows smaller than histories."""

    def make(rows, suffix="jsonl", **changes):
        return dataclasses.replace(
            IngestConfig(
                behaviors=LogConfig(
                    files=write_log(f"log.{suffix}", rows), columns=LogColumns(behavior="action")
                ),
                features=(Feature("price", "event", "numeric"),),
                requests=RequestConfig(min_history=1, negatives=2),
                splits=SplitConfig(validation_start="2017-07-25", eval_start="2017-08-01"),
                window=8,
                shards=3,
            ),
            **changes,
        )

    return make


@pytest.fixture
def day_statistics(tmp_path):
    """Statistics of three events."""
    (tmp_path / "days").mkdir()
    ids = np.arange(3)
    rows = {"user": ids, "item": ids, "category": ids // 2, "timestamp": START + ids * DAY}
    statistics_of(rows, tmp_path / "days")
    artifact = DayStatistics()
    artifact.uri = str(tmp_path / "days")
    return artifact


@pytest.fixture
def build(tmp_path, day_statistics):
    """Runs the executor and returns the artifact."""

    def run(config, name="tree"):
        tree = BehaviorTree()
        tree.uri = str(tmp_path / name)
        component = BehaviorTreeBuilder(config, types.Channel(type=DayStatistics), FINGERPRINTS)
        inputs = {"day_statistics": [day_statistics]}
        Executor().Do(inputs, {"behavior_tree": [tree]}, component.exec_properties)
        return tree

    return run
