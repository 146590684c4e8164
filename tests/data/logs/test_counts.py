import json

import pytest

from lifelong.data.logs.counts import bad_rows, check_rows, summary

COUNTS = {
    "behaviors/rows": 2000,
    "behaviors/bad_rows/user: negative": 30,
    "behaviors/bad_rows/item: missing": 10,
    "users/rows": 5,
    "users/bad_rows/user: missing": 1,
    "train/requests": 0,
}


def quarantined(*rows):
    """Yields rows (log, file, row, reason) as they are written."""
    for log, file, row, reason in rows:
        yield json.dumps({"log": log, "file": file, "row": row, "reason": reason, "text": "-1,2"})


def test_the_summary_is_a_table_of_what_is_not_zero():
    assert summary({"b": 1234567, "a/long": 5, "c": 0}) == (
        "  a/long                5\n  b             1,234,567"
    )
    assert summary({}) == ""


def test_bad_rows_of_one_log():
    assert bad_rows(COUNTS, "behaviors") == 40
    assert bad_rows(COUNTS, "users") == 1
    assert bad_rows(COUNTS, "impressions") == 0


def test_a_log_at_the_limit_passes_and_one_above_is_refused():
    check_rows(COUNTS, "behaviors", 0.02)
    message = (
        r"40 of 2,000 rows of the log behaviors cannot be used \(2\.00%; max_bad_share allows "
        r"1\.90%\)\. Worst: 30 rows \(user: negative\)\. Mend the log"
    )
    with pytest.raises(ValueError, match=message):
        check_rows(COUNTS, "behaviors", 0.019)


def test_the_message_shows_a_row_of_the_worst_file_and_reason():
    rows = quarantined(
        ("users", "u.csv", 1, "user: missing"),
        ("users", "u.csv", 2, "user: missing"),
        ("users", "u.csv", 3, "user: missing"),
        ("behaviors", "a.csv", 4, "user: negative"),
        ("behaviors", "b.csv", 5, "user: negative"),
        ("behaviors", "b.csv", 6, "user: negative"),
    )
    match = r"Worst: 2 rows of b\.csv \(user: negative\), such as row 5: '-1,2'\."
    with pytest.raises(ValueError, match=match):
        check_rows(COUNTS, "behaviors", 0.0, rows)


def test_a_log_without_rows_is_refused():
    with pytest.raises(ValueError, match=r"impressions\.files have no rows"):
        check_rows(COUNTS, "impressions", 1.0)
