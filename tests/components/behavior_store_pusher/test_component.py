"""Builder and pusher in a pipeline: what runs, what is cached, and what is in use then."""

import dataclasses
import json
import shutil

import pytest
from tfx import types
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_store_pusher.component import BehaviorStorePusher
from lifelong.components.behavior_tree_builder.component import BehaviorTreeBuilder
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.day_statistics.component import DayStatisticsBuilder
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.data.logs.config import LogConfig
from lifelong.pipeline.run_record import read_last_run
from lifelong.serving.behavior_store import open_store
from lifelong.serving.behavior_store.manifest import FORMAT_VERSION
from lifelong_artifacts import BehaviorTree, DayStatistics

ROWS = [
    {"user": user, "item": day, "category": day % 3, "timestamp": 86_400 * day}
    for user in range(4)
    for day in range(10)
]
STORE = ("BehaviorTreeBuilder", "BehaviorStorePusher")
ALL = ("DayStatisticsBuilder", *STORE)


@pytest.fixture
def run(tmp_path):
    """Runs the components and returns those that executed."""

    def execute(config):
        counter = DayStatisticsBuilder(DayStatisticsConfig(config.behaviors))
        builder = BehaviorTreeBuilder(config, counter.outputs["day_statistics"])
        pusher = BehaviorStorePusher(builder.outputs["behavior_tree"], str(tmp_path / "pushed"))
        LocalDagRunner().run(
            pipeline.Pipeline(
                "test",
                str(tmp_path / "root"),
                components=[counter, builder, pusher],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(
                    str(tmp_path / "metadata.sqlite")
                ),
            )
        )
        return read_last_run(tmp_path / "metadata.sqlite")

    return execute


def in_use(tmp_path):
    with open_store(tmp_path / "pushed") as store:
        assert store.statistics_of([1], [1]).item[0, 3] == 4
        return store.size().events


def versions(tmp_path):
    return sorted(path.name for path in (tmp_path / "pushed").iterdir())


def test_what_has_not_changed_is_neither_built_nor_pushed_again(run, tmp_path, write_log):
    config = TreeConfig.of(
        IngestConfig(LogConfig(write_log("log.csv", ROWS), earliest="1970-01-01")), shards=2
    )
    first = run(config)
    assert first.executed == ALL
    (version,) = versions(tmp_path)
    noted = first.properties["BehaviorStorePusher", "pushed_store"]
    assert noted["pushed_destination"] == str(tmp_path / "pushed" / version)
    assert noted["pushed_version"] == int(version)
    again = run(config)
    assert again.executed == ()
    assert again.properties["BehaviorStorePusher", "pushed_store"] == noted
    assert versions(tmp_path) == [version]

    write_log("log.csv", ROWS[:-1])
    assert run(config).executed == ALL
    assert in_use(tmp_path) == len(ROWS) - 1


def test_an_earlier_store_is_pushed_again_when_the_configuration_goes_back(
    run, tmp_path, write_log
):
    """Though both the build and its first push are in the cache."""
    config = TreeConfig.of(
        IngestConfig(LogConfig(write_log("log.csv", ROWS), earliest="1970-01-01")), shards=2
    )
    short = dataclasses.replace(config, max_events_per_category=1)
    run(config)
    run(short)
    assert in_use(tmp_path) == 4 * 3
    assert run(config).executed == ("BehaviorStorePusher",)
    assert in_use(tmp_path) == len(ROWS)
    assert run(config).executed == ()


def test_a_store_that_was_removed_is_pushed_again(run, tmp_path, write_log):
    config = TreeConfig.of(
        IngestConfig(LogConfig(write_log("log.csv", ROWS), earliest="1970-01-01")), shards=2
    )
    run(config)
    shutil.rmtree(tmp_path / "pushed")
    assert run(config).executed == ("BehaviorStorePusher",)
    assert in_use(tmp_path) == len(ROWS)


@pytest.mark.parametrize(
    ("destination", "keep", "message"),
    [
        ("", 2, "destination is empty"),
        ("gs://bucket/store", 2, "expected a folder of this machine"),
        ("redis://host:port", 2, "cannot be read"),
        ("pushed", 0, "keep_versions is 0"),
    ],
)
def test_a_destination_that_makes_no_sense_is_refused(destination, keep, message):
    with pytest.raises(ValueError, match=message):
        BehaviorStorePusher(types.Channel(type=BehaviorTree), destination, keep)


def test_the_builders_configuration_is_that_of_the_store_alone(write_log):
    config = TreeConfig.of(
        IngestConfig(LogConfig(write_log("log.csv", ROWS), earliest="1970-01-01"))
    )
    statistics = types.Channel(type=DayStatistics)
    properties = BehaviorTreeBuilder(config, statistics).exec_properties
    assert json.loads(properties["config"])["shards"] == 8
    assert properties["format_version"] == FORMAT_VERSION
    with pytest.raises(ValueError, match=r"store\.shards is 0"):
        BehaviorTreeBuilder(dataclasses.replace(config, shards=0), statistics)
