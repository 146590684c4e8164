from lifelong.experiments.summary import Stat
from lifelong.experiments.tables import cell, csv_text, exact, markdown_table


def test_a_cell_shows_the_deviation_only_if_there_is_one():
    assert cell(Stat(0.75815, 0.00123)) == "0.7581 ± 0.0012"
    assert cell(Stat(0.75815, None)) == "0.7581"
    assert cell(Stat(None, None)) == "-"
    assert cell(Stat(90.0, 30.0), ".1f", 1 / 60) == "1.5 ± 0.5"
    assert cell(Stat(12345.6, None), ",.0f") == "12,346"


def test_numbers_for_programs():
    assert exact(None) == ""
    assert exact(0.123456789) == "0.123457"
    assert exact(6000.0) == "6000"
    assert exact(1234567) == "1234567"


def test_markdown_is_aligned():
    assert markdown_table([["model", "AUC"], ["eta", "0.75"]]) == (
        "| model |  AUC |\n| ----- | ---: |\n| eta   | 0.75 |"
    )


def test_csv_quotes_what_it_must():
    assert csv_text([["a", "b"], ["eta+hidden=[8,8]", "1"]]) == 'a,b\n"eta+hidden=[8,8]",1\n'
