import math
import textwrap

import pytest

from lifelong.components.evaluation.report import (
    Report,
    Row,
    format_report,
    format_table,
    read_report,
)

ROWS = (
    Row("all", 0.75, 0.7, 0.5, 1.01, 6000, 120_000, 2000, 3),
    Row("1,200+", 0.8, math.nan, 0.4, 0.99, 10, 200, 0, 10),
)
BASELINE = (Row("all", 0.72, 0.7, 0.5, 1.0, 6000, 120_000, 2000, 3),)


def test_plain_table():
    table = format_table(Report(ROWS, (), True, ()))
    assert table == textwrap.dedent("""\
        history     AUC    GAUC  log loss  calibration  requests  candidates
        all      0.7500  0.7000    0.5000       1.0100     6,000     120,000
        1,200+   0.8000     nan    0.4000       0.9900        10         200""")


def test_markdown_table_with_a_baseline():
    lines = format_table(Report(ROWS, BASELINE, True, ()), markdown=True).splitlines()
    assert [len(line) for line in lines] == [len(lines[0])] * 4
    assert set(lines[1]) == set("| -:")
    assert lines[0].endswith("| AUC - baseline |")
    assert lines[2].endswith("|        +0.0300 |")
    assert lines[3].endswith("|           +nan |")


@pytest.mark.parametrize(
    ("blessed", "failures", "text"),
    [
        (True, (), "Blessed: all thresholds were met."),
        (False, ("auc is low", "so is gauc"), "Not blessed:\n- auc is low\n- so is gauc"),
        (None, (), "No thresholds were set: the model was not checked."),
    ],
)
def test_the_verdict_follows_the_table(blessed, failures, text):
    report = Report(ROWS, (), blessed, failures)
    assert format_report(report) == f"{format_table(report)}\n\n{text}"


def test_a_folder_without_an_evaluation_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} holds no evaluation"):
        read_report(tmp_path)
