import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
import tensorflow as tf
from tfx import types
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import artifact_utils, standard_artifacts

from lifelong.components.behavior_example_gen.component import BehaviorExampleGen
from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig, SplitConfig
from lifelong.components.behavior_example_gen.executor import Executor
from lifelong.components.day_statistics.component import DayStatisticsBuilder
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fingerprint import log_fingerprints
from lifelong_artifacts import DayStatistics, Quarantine
from tests.sample_fingerprints import FINGERPRINTS
from tests.sample_statistics import write_statistics

DAY = 86400
ROWS = [
    {"user": user, "item": user + day % 3, "category": f"c{day % 2}", "timestamp": day * DAY}
    for user in range(6)
    for day in range(30)
]


@pytest.fixture
def config(write_log):
    return IngestConfig(
        behaviors=LogConfig(write_log("log.csv", ROWS), earliest="1970-01-01"),
        requests=RequestConfig(min_history=2, negatives=2),
        splits=SplitConfig(validation_start="1970-01-15", eval_start="1970-01-22"),
        window=5,
        shards=2,
    )


# Whatever made them.
STATISTICS = types.Channel(type=DayStatistics)


def artifacts(tmp_path):
    examples, quarantine = standard_artifacts.Examples(), Quarantine()
    examples.uri, quarantine.uri = str(tmp_path / "examples"), str(tmp_path / "quarantine")
    return examples, quarantine


def do(config, examples, quarantine):
    outputs = {"examples": [examples], "quarantine": [quarantine]}
    properties = {
        **BehaviorExampleGen(config, STATISTICS, FINGERPRINTS).exec_properties,
        "config": config.to_json(),
    }
    statistics = DayStatistics()
    with tempfile.TemporaryDirectory() as folder:
        statistics.uri = write_statistics(config, Path(folder))
        Executor().Do({"day_statistics": [statistics]}, outputs, properties)


def test_do_writes_splits_quarantine_and_counts(config, tmp_path, write_log, capsys):
    bad = {**ROWS[0], "user": -1}
    config = dataclasses.replace(
        config, behaviors=LogConfig(write_log("bad.csv", [*ROWS, bad]), earliest="1970-01-01")
    )
    examples, quarantine = artifacts(tmp_path)
    do(config, examples, quarantine)
    assert artifact_utils.decode_split_names(examples.split_names) == [
        "train",
        "validation",
        "eval",
    ]
    for split in ("train", "validation", "eval"):
        files = list((tmp_path / "examples" / f"Split-{split}").glob("*.gz"))
        assert len(files) == 1, "small data, one file"
        records = list(
            tf.data.TFRecordDataset([str(file) for file in files], "GZIP").as_numpy_iterator()
        )
        assert len(records) == 6
        assert "request_timestamp" in tf.train.Example.FromString(records[0]).features.feature
    counts = json.loads((tmp_path / "quarantine" / "counts.json").read_text())
    warnings = json.loads((tmp_path / "quarantine" / "warnings.json").read_text())
    assert any("1 of 181 rows of the log behaviors cannot be used" in text for text in warnings)
    assert counts["behaviors/bad_rows/user: negative"] == 1
    (line,) = [
        json.loads(line)
        for path in (tmp_path / "quarantine").glob("bad_rows*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert line == {
        "log": "behaviors",
        "file": config.behaviors.files,
        "row": len(ROWS) + 2,
        "reason": "user: negative",
        "text": "-1,0,c0,0",
    }
    assert quarantine.get_int_custom_property("behaviors_bad_rows") == 1
    assert "behaviors/bad_rows/user: negative" in capsys.readouterr().out


def test_too_many_bad_rows_fail_the_run(config, tmp_path, write_log):
    rows = [*ROWS, *({**ROWS[0], "item": None, "user": 77} for _ in range(3))]
    config = dataclasses.replace(
        config, behaviors=LogConfig(write_log("bad.csv", rows), earliest="1970-01-01")
    )
    message = (
        r"3 of 183 rows of the log behaviors cannot be used \(1\.64%; max_bad_share allows 1\.00%\)"
        r"\. Worst: 3 rows of .*bad\.csv \(item: missing\), such as row 182: '77,,c0,0'"
    )
    with pytest.raises(ValueError, match=message):
        do(config, *artifacts(tmp_path))
    do(dataclasses.replace(config, max_bad_share=0.02), *artifacts(tmp_path / "again"))


def test_a_split_without_requests_fails_the_run(config, tmp_path):
    config = dataclasses.replace(config, requests=RequestConfig(min_history=25, negatives=2))
    with pytest.raises(
        ValueError, match=r"the split 'train' got no requests(.|\n)*too_little_hist"
    ):
        do(config, *artifacts(tmp_path))


def test_a_header_without_rows_fails_the_run(config, tmp_path):
    (tmp_path / "none.csv").write_text("user,item,category,timestamp\n")
    config = dataclasses.replace(config, behaviors=LogConfig(str(tmp_path / "none.csv")))
    with pytest.raises(ValueError, match=r"behaviors\.files have no rows"):
        do(config, *artifacts(tmp_path))


def test_the_component_makes_examples_and_a_quarantine(config):
    component = BehaviorExampleGen(config, STATISTICS, FINGERPRINTS)
    assert component.inputs["day_statistics"] is STATISTICS
    assert component.outputs["examples"].type is standard_artifacts.Examples
    assert component.outputs["quarantine"].type is Quarantine
    assert isinstance(Quarantine(), types.Artifact)
    assert IngestConfig.from_json(component.exec_properties["config"]) == config
    with pytest.raises(ValueError, match=r"behaviors\.files is empty"):
        BehaviorExampleGen(
            dataclasses.replace(config, behaviors=LogConfig()), STATISTICS, FINGERPRINTS
        )


def test_a_table_whose_fingerprint_is_not_given_is_refused(config):
    with pytest.raises(ValueError, match="no fingerprint of behaviors is given"):
        BehaviorExampleGen(config, STATISTICS, {"items": "as it was"})


def test_in_a_pipeline_it_runs_again_only_when_a_log_or_the_configuration_changes(
    config, tmp_path, write_log
):
    """And the statistics only when the log changes."""

    def executions(component):
        folder = tmp_path / "root" / component / ".system" / "executor_execution"
        return len(list(folder.iterdir()))

    def run(config):
        told = log_fingerprints(config.tables)
        builder = DayStatisticsBuilder(DayStatisticsConfig.of(config), told)
        example_gen = BehaviorExampleGen(config, builder.outputs["day_statistics"], told)
        LocalDagRunner().run(
            pipeline.Pipeline(
                "test",
                str(tmp_path / "root"),
                components=[builder, example_gen],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(
                    str(tmp_path / "metadata.sqlite")
                ),
            )
        )
        return executions("DayStatisticsBuilder"), executions("BehaviorExampleGen")

    assert run(config) == (1, 1)
    assert run(config) == (1, 1)
    write_log("log.csv", ROWS[:-1])
    assert run(config) == (2, 2)
    assert run(dataclasses.replace(config, seed=1)) == (2, 3)
    quarantines = tmp_path / "root" / "BehaviorExampleGen" / "quarantine"
    assert all((folder / "counts.json").exists() for folder in quarantines.iterdir())


def test_features_reach_the_configuration_of_the_run(config):
    config = dataclasses.replace(config, features=(Feature("price", "event", "numeric"),))
    properties = BehaviorExampleGen(config, STATISTICS, FINGERPRINTS).exec_properties
    assert IngestConfig.from_json(properties["config"]).features == config.features
