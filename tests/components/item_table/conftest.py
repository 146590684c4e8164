"""Builds of item tables."""

import dataclasses

import pytest

from lifelong.components.item_table.component import ItemTableBuilder
from lifelong.components.item_table.config import ItemTableConfig
from lifelong.components.item_table.executor import Executor
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong_artifacts import ItemTable, Quarantine
from tests.sample_fingerprints import FINGERPRINTS

FEATURES = (
    Feature("brand", "item"),
    Feature("price", "item", "numeric"),
    Feature("image", "item", "vector", size=2),
)


@pytest.fixture
def config(write_log):
    """Makes the configuration of a table with these rows."""

    def make(rows, suffix="jsonl", **changes):
        log = LogConfig(write_log(f"items.{suffix}", rows))
        return dataclasses.replace(ItemTableConfig(log, FEATURES, shards=3), **changes)

    return make


@pytest.fixture
def build(tmp_path):
    """Runs the executor and returns both artifacts."""

    def run(config):
        table, quarantine = ItemTable(), Quarantine()
        table.uri, quarantine.uri = str(tmp_path / "table"), str(tmp_path / "quarantine")
        outputs = {"item_table": [table], "quarantine": [quarantine]}
        Executor().Do({}, outputs, ItemTableBuilder(config, FINGERPRINTS).exec_properties)
        return table, quarantine

    return run
