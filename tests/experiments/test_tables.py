from lifelong.experiments.summary import Stat
from lifelong.experiments.tables import cell, csv_text, markdown_table


def test_a_cell_shows_the_deviation_only_if_there_is_one():
    assert cell(Stat(0.75815, 0.00123)) == "0.7581 ± 0.0012"
    assert cell(Stat(0.75815, None)) == "0.7581"
    assert cell(Stat(None, None)) == "-"
    assert cell(Stat(90.0, 30.0), ".1f", 1 / 60) == "1.5 ± 0.5"
    assert cell(Stat(12345.6, None), ",.0f") == "12,346"


def test_figures_for_programs():
    rows = [
        {"model": "eta", "auc": 0.123456789, "parameters": 1234567, "seconds": 6000.0},
        {"model": "eta+hidden=[8,8]", "auc": None, "parameters": None, "seconds": 0.25},
    ]
    assert csv_text(rows) == (
        'model,auc,parameters,seconds\neta,0.123457,1234567,6000\n"eta+hidden=[8,8]",,,0.25\n'
    )


def test_markdown_is_aligned_and_shows_cells_as_they_are():
    assert markdown_table([{"model": "eta", "AUC": "0.750"}, {"model": "1", "AUC": "-"}]) == (
        "| model   |   AUC |\n|:--------|------:|\n| eta     | 0.750 |\n| 1       |     - |"
    )
