import numpy as np
import pytest

from lifelong.data.times import WEEK, parse_time, unit_advice, week_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-02T00:00:00Z", 86_400),
        ("1970-01-02T01:00:00+01:00", 86_400),
        ("1970-01-01 00:01", 60),
        ("1969-12-31T23:59:00", -60),
        ("1970-01-01T00:00:05.900", 5),
    ],
)
def test_dates_and_times_without_a_zone_are_utc(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["soon", "", "2017-13-01", "2017-02-29", "7"])
def test_other_text_is_refused_with_the_name_of_its_field(text):
    with pytest.raises(ValueError, match=rf"splits\.eval_start is '{text}'; expected a date"):
        parse_time(text, "splits.eval_start")


def test_weeks_begin_on_monday():
    moments = ["1970-01-01", "1970-01-04T23:59:59", "1970-01-05", "1969-12-29", "1969-12-28"]
    times = np.array([parse_time(text) for text in moments])
    assert week_of(times).tolist() == [0, 0, 1, 0, -1]
    sunday, monday = parse_time("2017-10-15T23:59:59"), parse_time("2017-10-16")
    assert week_of(np.array([sunday, monday, monday + WEEK])).tolist() == [2493, 2494, 2495]


@pytest.mark.parametrize(
    ("time", "advice"),
    [
        (1_513_000_000_000, "; it looks like milliseconds: divide by 1,000"),
        (1_513_000_000_000_000, "; it looks like microseconds: divide by 1,000,000"),
        (1_513_000_000_000_000_000, "; it looks like nanoseconds: divide by 1,000,000,000"),
        (20220408, "; it looks like the date 2022-04-08"),
        (20221399, ""),
        (151011, ""),
        (10**30, ""),
        (0, ""),
        (-5, ""),
    ],
)
def test_the_unit_that_a_number_probably_has_is_told(time, advice):
    assert unit_advice(time) == advice
