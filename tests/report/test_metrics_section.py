import math

from lifelong.components.evaluation.report import Row
from lifelong.report.metrics_section import Baseline, comparison


def row(history, auc):
    return Row(history, auc, 0.6, 0.3, 1.0, 1200, 24000, 5, 0)


def test_each_slice_has_a_line_for_each_model_that_has_it():
    rows = [row("all", 0.8), row("0-100", 0.7), row("1,200+", math.nan)]
    others = [Baseline("running model", [row("all", 0.81), row("0-100", math.nan)])]
    figure, table = comparison("eta", rows, others)
    assert [cells[:4] for cells in table.rows] == [
        ("all", "eta", "0.8000", ""),
        ("all", "running model", "0.8100", "-0.0100"),
        ("0-100", "eta", "0.7000", ""),
        ("0-100", "running model", "-", ""),
        ("1,200+", "eta", "-", ""),
    ]
    assert table.rows[0][-2:] == ("1,200", "24,000")
    assert "AUC" in figure.caption


def test_without_a_slice_there_is_nothing_to_draw():
    (table,) = comparison("eta", [row("all", 0.8)], [])
    assert len(table.rows) == 1
