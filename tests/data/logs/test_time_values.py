import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from lifelong.data.logs.time_values import ROUNDED, UNREADABLE, parse_times
from lifelong.data.times import TimeRange
from tests.data.logs.parsed_columns import check

ALL = TimeRange(0, 253_402_300_799)
THIS_CENTURY = TimeRange(631_152_000, 1_800_000_000)
OUTSIDE = "outside 1990-01-01 to 2027-01-15"
T = 1_511_544_070


def test_times_of_nothing():
    check(parse_times(pa.nulls(2), "s", ALL), [0, 0], missing=[0, 1])
    assert len(parse_times(pa.array([], pa.string()), "s", ALL).values) == 0
    with pytest.raises(TypeError, match="cannot be read"):
        parse_times(pa.array([[1]]), "s", ALL)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numbers_are_times_in_their_unit_whatever_carries_them(unit):
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    numbers = [60 * factor, 61 * factor - 1, 0, None]
    expected = [60, 60, 0, 0]
    check(parse_times(pa.array(numbers, pa.int64()), unit, ALL), expected, missing=[3])
    check(parse_times(pa.array(numbers, pa.uint64()), unit, ALL), expected, missing=[3])
    for form in ("{}", "{}.0"):
        texts = [None if number is None else form.format(number) for number in numbers]
        check(parse_times(pa.array(texts), unit, ALL), expected, missing=[3])
    check(parse_times(pa.array(numbers, pa.float64()), unit, ALL), expected, missing=[3])
    decimals = [None if number is None else decimal.Decimal(number) for number in numbers]
    check(parse_times(pa.array(decimals), unit, ALL), expected, missing=[3])


def test_text_in_the_last_nanosecond_of_a_second_is_in_it():
    texts = pa.array([str((T + 1) * 10**9 - 1), "x"])
    check(parse_times(texts, "ns", ALL), [T, 0], faults={UNREADABLE: [1]})


def test_numbers_that_their_type_has_rounded_by_more_than_a_second_are_refused():
    check(parse_times(pa.array(np.array([T], np.float32)), "s", ALL), [0], faults={ROUNDED: [0]})
    check(parse_times(pa.array([2.0**23 - 1], pa.float32()), "s", ALL), [2**23 - 1])


def test_times_outside_the_range_are_refused():
    numbers = [-1, T, 631_151_999, 631_152_000, 1_800_000_000, 1_800_000_001]
    for column in (
        pa.array(numbers),
        pa.array(list(map(str, numbers))),
        pa.array(numbers, pa.float64()),
        pa.array(numbers, pa.timestamp("s")),
    ):
        check(parse_times(column, "s", THIS_CENTURY), numbers, faults={OUTSIDE: [0, 2, 5]})
    texts = ["1969-12-31", "1989-12-31", "1990-01-01", "2027-01-16", "9999-12-31"]
    times = parse_times(pa.array(texts), "s", THIS_CENTURY)
    check(times, [0, 0, 631_152_000, 0, 0], faults={OUTSIDE: [0, 1, 3, 4]})
    early = pa.array([datetime.date(1969, 12, 31)])
    check(parse_times(early, "s", THIS_CENTURY), [0], faults={OUTSIDE: [0]})


def test_numbers_of_no_possible_size():
    texts = ["9" * 18, "-" + "9" * 18, "9" * 19, "9" * 30, "9" * 5000]
    times = parse_times(pa.array(texts), "s", THIS_CENTURY)
    in_ns = f"{OUTSIDE} (inside it if timestamp_unit is ns)"
    check(times, [0] * 5, faults={OUTSIDE: [1, 2, 3, 4], in_ns: [0]})
    infinite = parse_times(pa.array([float("inf"), float("-inf"), 1e300]), "s", THIS_CENTURY)
    check(infinite, [0] * 3, faults={UNREADABLE: [0, 1], OUTSIDE: [2]})


@pytest.mark.parametrize(
    ("number", "unit", "hint"),
    [
        (T, "ms", "inside it if timestamp_unit is s"),
        (T * 1000 + 5, "s", "inside it if timestamp_unit is ms"),
        (T * 10**6, "ms", "inside it if timestamp_unit is us"),
        (T * 10**9, "s", "inside it if timestamp_unit is ns"),
        (20220408, "s", "a date such as 20220408? write 2022-04-08"),
    ],
)
@pytest.mark.parametrize("carrier", [int, str, float, "{}.0".format])
def test_a_time_in_another_unit_is_refused_with_the_unit(number, unit, hint, carrier):
    column = pa.array([carrier(number)] * 2)
    times = parse_times(column, unit, THIS_CENTURY)
    check(times, [0, 0], faults={f"{OUTSIDE} ({hint})": [0, 1]})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01 00:01", 60),
        ("1970-01-01T00:01:05", 65),
        (" 1970-01-01T00:01:05 ", 65),
        ("1970-01-01T00:01:05.999999", 65),
        ("1970-01-01T00:01:05,5", 65),
        ("1970-01-01T00:01Z", 60),
        ("1970-01-01T00:01:05.5Z", 65),
        ("1970-01-01T02:01:00+02:00", 60),
        ("1970-01-01T02:01:00+0200", 60),
        ("1970-01-01T02:01:00+02", 60),
        ("1970-01-01 00:00:00-01:30", 5400),
        ("1970-01-01 00:01:05 UTC", 65),
        ("1970-01-01 00:01:05.250 GMT", 65),
        ("1970-01-01 00:01:05 Z", 65),
        ("1970-01-01t00:01:05z", 65),
        ("1970-01-01 02:01:05 +02:00", 65),
        ("65.0", 65),
        ("65.999", 65),
        ("65.", 65),
        ("2000-02-29", 951_782_400),
    ],
)
def test_forms_of_iso_8601(text, seconds):
    check(parse_times(pa.array([text, "7"]), "s", ALL), [seconds, 7])


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "1970-13-01",
        "1970-02-30",
        "2001-02-29",
        "1970-01-01 24:30:00",
        "01.02.1970",
        "1970-1-2",
        "1970-01-01T",
        "1970-01-01 00:01:00 CET",
        "1e9",
        "1970-01-02 UTC+1",
        "1970-01-02.5",
        "1970-01,5-02",
        "1970-01-02 00:01.5",
        "1970-01-01 00:01:00  UTC",
    ],
)
def test_texts_that_are_no_time_spoil_no_other(text):
    column = pa.array(["1970-01-02", text, "1970-01-01T01:00:00+01:00", None, "5"])
    check(parse_times(column, "s", ALL), [86_400, 0, 0, 0, 5], [3], {UNREADABLE: [1]})


def test_dates_and_timestamps():
    day = datetime.date(1970, 1, 2)
    for kind in (pa.date32(), pa.date64()):
        check(parse_times(pa.array([day, None], kind), "ms", ALL), [86_400, 0], missing=[1])
    moment = datetime.datetime(1970, 1, 1, 0, 1, 5, 999_000)
    for kind in (pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns")):
        check(parse_times(pa.array([moment, None], kind), "s", ALL), [65, 0], missing=[1])
    # The values of a column with a zone are UTC already; the zone is for showing them.
    berlin = pa.array([3_600_000], pa.int64()).cast(pa.timestamp("ms", "Europe/Berlin"))
    check(parse_times(berlin, "s", ALL), [3600])


def test_dictionary_columns_are_read_like_plain_ones():
    times = pa.array(["1970-01-02", None, "soon"]).dictionary_encode()
    check(parse_times(times, "s", ALL), [86400, 0, 0], [1], {UNREADABLE: [2]})
    numbers = pa.array(np.array([5, 7, 5])).dictionary_encode()
    check(parse_times(numbers, "s", ALL), [5, 7, 5])
