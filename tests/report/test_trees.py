import sys
from pathlib import Path

import pytest

from lifelong.components.evaluation.report import Report, Row
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.local_runner import RunOutcome
from lifelong.pipeline.run_record import RunRecord
from lifelong.report.metrics_section import metrics_section
from lifelong.report.page import Notice, Table
from lifelong.report.reported_run import ReportedRun
from lifelong.report.trees import measure_trees


@pytest.fixture
def run(tmp_path):
    """A run whose records need not be there: nothing that is tested here reads them."""
    outputs = {("BehaviorExampleGen", "examples"): str(tmp_path)}
    noted = {("Pusher", "pushed_model"): {"pushed": 0}}
    report = Report((Row("all", 0.8, 0.7, 0.3, 1.0, 10, 100, 5, 0),), (), True, ())
    outcome = RunOutcome(RunRecord((), (), outputs, noted), report)
    config = Config(data=default_ingestion(Path("/behaviors.parquet")))
    return ReportedRun.of(config, Workdir(tmp_path), outcome)


@pytest.fixture
def without_lightgbm(monkeypatch):
    """Python as it is where only the extra `pipeline` is installed."""
    for name in [*sys.modules]:
        if name.startswith(("lifelong.models.gbdt", "lifelong.experiments", "lightgbm")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightgbm", None)


def test_the_page_says_how_to_get_lightgbm_and_has_the_models_own_metrics(run, without_lightgbm):
    with pytest.raises(ImportError, match=r"run: pip install 'lifelong\[experiments\]'"):
        measure_trees(run)
    blocks = metrics_section(run).blocks
    (notice,) = (block for block in blocks if isinstance(block, Notice))
    assert "the baseline of trees needs lightgbm, which is not installed" in notice.text
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert [row[1:3] for row in table.rows] == [("eta", "0.8000")]
    assert not run.kept.exists()
