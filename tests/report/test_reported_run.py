from pathlib import Path

import pytest

from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.run_record import RunRecord
from lifelong.report.reported_run import ReportedRun


def test_an_evaluation_that_was_deleted_is_told_with_what_makes_it_anew(tmp_path, monkeypatch):
    record = RunRecord((), (), {("Evaluator", "evaluation"): f"{tmp_path}/gone"}, {})
    monkeypatch.setattr("lifelong.report.reported_run.read_last_run", lambda path, having: record)
    config = Config(data=default_ingestion(Path("/behaviors.parquet")))
    told = rf"was deleted \({tmp_path}/gone holds none\); `lifelong run` makes it anew"
    with pytest.raises(FileNotFoundError, match=told):
        ReportedRun.read_last(config, Workdir(tmp_path))
