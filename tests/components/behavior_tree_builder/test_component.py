import dataclasses
import json

import pytest
from tfx import types

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_tree_builder.component import BehaviorTreeBuilder
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.data.logs.config import LogConfig
from lifelong.serving.behavior_store.manifest import FORMAT_VERSION
from lifelong_artifacts import DayStatistics
from tests.sample_fingerprints import FINGERPRINTS


def test_its_configuration_is_that_of_the_store_alone(write_log):
    rows = [{"user": 1, "item": 2, "category": 3, "timestamp": 4}]
    config = TreeConfig.of(
        IngestConfig(LogConfig(write_log("log.csv", rows), earliest="1970-01-01"))
    )
    statistics = types.Channel(type=DayStatistics)
    properties = BehaviorTreeBuilder(config, statistics, FINGERPRINTS).exec_properties
    assert json.loads(properties["config"])["shards"] == 8
    assert properties["format_version"] == FORMAT_VERSION
    with pytest.raises(ValueError, match=r"store\.shards is 0"):
        BehaviorTreeBuilder(dataclasses.replace(config, shards=0), statistics, FINGERPRINTS)
