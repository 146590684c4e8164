"""A report that cannot be made hides nothing of the run."""

from pathlib import Path

import pytest

from lifelong.commands.report import ReportOptions, report, report_on_run
from lifelong.components.evaluation.report import Report, Row
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.local_runner import RunOutcome
from lifelong.pipeline.run_record import RunRecord
from lifelong.report.reported_run import ReportedRun

CONFIG = Config(data=default_ingestion(Path("/behaviors.parquet")))


@pytest.fixture
def outcome(tmp_path):
    """A run whose model was not blessed, and of whose artifacts most were deleted."""
    outputs = {
        ("Trainer", "model_run"): str(tmp_path),
        ("SignatureBaker", "baked_model"): str(tmp_path / "nothing"),
    }
    record = RunRecord(("Pusher",), (), outputs, {("Pusher", "pushed_model"): {"pushed": 0}})
    rows = (Row("all", 0.5, 0.5, 0.3, 1.0, 10, 100, 5, 0),)
    return RunOutcome(record, Report(rows, (), False, ("auc is 0.5",)))


def test_what_cannot_be_shown_is_told_on_the_page_and_by_the_command(outcome, tmp_path, capsys):
    workdir = Workdir(tmp_path)
    report_on_run(CONFIG, workdir, outcome)
    printed = capsys.readouterr()
    assert f"report: {tmp_path}/report.html\n" in printed.out
    assert "not in the report: Data: KeyError: ('BehaviorExampleGen', 'quarantine')" in printed.err
    html = workdir.report.read_text()
    assert html.count("This part could not be made: ") == printed.err.count("not in the report: ")
    assert "the Evaluator did not bless it: auc is 0.5" in html
    assert "The Trainer has left no logs of epochs" in html


def test_a_report_that_cannot_be_written_does_not_end_the_run(outcome, tmp_path, capsys):
    (tmp_path / "report.html").mkdir()
    report_on_run(CONFIG, Workdir(tmp_path), outcome)
    assert "no report was written: IsADirectoryError" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("lifelong.commands.report.load_config", lambda path: CONFIG)
    monkeypatch.setattr(ReportedRun, "read_last", lambda *arguments: pytest.fail("work was done"))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/nowhere does not exist"):
        report(ReportOptions(workdir=str(tmp_path), output=f"{tmp_path}/nowhere/page.html"))
    with pytest.raises(IsADirectoryError, match=f"{tmp_path} is a folder"):
        report(ReportOptions(workdir=str(tmp_path), output=str(tmp_path)))


def test_without_a_run_the_command_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="start with `lifelong run`"):
        report(ReportOptions(workdir=str(tmp_path)))
