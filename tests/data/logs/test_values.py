import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from lifelong.data.ids import string_id
from lifelong.data.logs.values import (
    LAST_TIME,
    Parsed,
    parse_ids,
    parse_labels,
    parse_numbers,
    parse_times,
)

OUT_OF_RANGE = "out of range (check timestamp_unit)"


def check(parsed, values, missing=(), **faults):
    """Checks a column's values (those at fault may be anything), and which are missing or wrong."""
    wrong = {
        name.replace("_", " "): np.flatnonzero(mask).tolist()
        for name, mask in parsed.faults.items()
        if mask.any()
    }
    assert wrong == {name.replace("_", " "): places for name, places in faults.items()}
    assert np.flatnonzero(parsed.missing).tolist() == list(missing)
    left_out = {*missing, *(place for places in faults.values() for place in places)}
    for place, value in enumerate(values):
        assert place in left_out or parsed.values[place] == value, place
    assert len(parsed.values) == len(values)


def ids(values, kind=None, digits=False):
    parsed = parse_ids(pa.array(values, kind), digits_are_integers=digits)
    assert parsed.values.dtype == np.int64
    return parsed


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()]
)
def test_integers_are_ids_as_they_are(kind):
    check(ids([7, 0, None, 127], kind), [7, 0, 0, 127], missing=[2])


def test_integers_at_the_ends():
    check(ids([-1, 2**63 - 1, -(2**63)]), [0, 2**63 - 1, 0], negative=[0, 2])
    check(ids([2**63, 5, 2**64 - 1], pa.uint64()), [0, 5, 0], negative=[0, 2])


def test_floats_are_ids_if_they_are_whole():
    values = [3.0, 2.5, None, float("nan"), float("inf"), -4.0, 2.0**63, 0.0]
    check(ids(values), [3, 0, 0, 0, 0, 0, 0, 0], [2, 3], unreadable=[1, 4, 6], negative=[5])
    check(ids([3.0, None], pa.float32()), [3, 0], missing=[1])


def test_booleans_and_decimals_are_numbers():
    check(ids([True, None, False]), [1, 0, 0], missing=[1])
    whole = pa.decimal128(18, 0)
    check(ids([decimal.Decimal(12), None], whole), [12, 0], missing=[1])
    cents = pa.decimal128(10, 2)
    check(ids([decimal.Decimal("12.00"), decimal.Decimal("0.50")], cents), [12, 0], unreadable=[1])


def test_text_has_the_id_of_its_hash():
    texts = ["bread", "  bread ", "17", "-1", None, "", " "]
    expected = [string_id("bread")] * 2 + [string_id("17"), string_id("-1"), 0, 0, 0]
    check(ids(texts), expected, missing=[4, 5, 6])
    check(ids(texts, pa.large_string()), expected, missing=[4, 5, 6])


def test_digits_in_csv_are_integers_if_they_are_canonical():
    texts = ["17", "017", "-3", "+5", "1e3", str(2**63 - 1), str(2**63), "", "bread", "-0", "1.0"]
    expected = [17, string_id("017"), 0, string_id("+5"), string_id("1e3"), 2**63 - 1]
    expected += [string_id(str(2**63)), 0, string_id("bread"), 0, string_id("1.0")]
    check(ids(texts, digits=True), expected, missing=[7], negative=[2])
    check(ids([" 4", "5", "5", None], digits=True), [4, 5, 5, 0], missing=[3])


def test_dictionary_columns_are_read_like_plain_ones():
    texts = pa.array(["b", None, "a", "b", ""]).dictionary_encode()
    expected = [string_id("b"), 0, string_id("a"), string_id("b"), 0]
    check(parse_ids(texts, digits_are_integers=False), expected, missing=[1, 4])
    digits = pa.array(["12", "-5", "12"]).dictionary_encode()
    check(parse_ids(digits, digits_are_integers=True), [12, 0, 12], negative=[1])
    times = pa.array(["1970-01-02", None, "soon"]).dictionary_encode()
    check(parse_times(times, "s"), [86400, 0, 0], missing=[1], unreadable=[2])


@pytest.mark.parametrize("parse", [lambda a: parse_ids(a, False), parse_labels, parse_numbers])
def test_empty_columns_columns_of_nulls_and_columns_that_hold_no_numbers(parse):
    check(parse(pa.nulls(3)), [0, 0, 0], missing=[0, 1, 2])
    assert len(parse(pa.array([], pa.string())).values) == 0
    assert len(parse(pa.array([], pa.float64())).values) == 0
    for values in ([[1]], [{"a": 1}], [b"x"]):
        with pytest.raises(TypeError, match=r"a column of type .* cannot be read"):
            parse(pa.array(values))


def test_times_of_nothing():
    check(parse_times(pa.nulls(2), "s"), [0, 0], missing=[0, 1])
    assert len(parse_times(pa.array([], pa.string()), "s").values) == 0
    with pytest.raises(TypeError, match="cannot be read"):
        parse_times(pa.array([[1]]), "s")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numbers_are_times_in_their_unit_whatever_carries_them(unit):
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    numbers = [60 * factor, 61 * factor - 1, 0, None]
    expected = [60, 60, 0, 0]
    check(parse_times(pa.array(numbers, pa.int64()), unit), expected, missing=[3])
    texts = [None if number is None else str(number) for number in numbers]
    check(parse_times(pa.array(texts), unit), expected, missing=[3])
    check(parse_times(pa.array(numbers, pa.float64()), unit), expected, missing=[3])


def test_times_outside_the_years_0_to_9999_are_out_of_range():
    numbers = [-1, LAST_TIME, LAST_TIME + 1, 1_500_000_000_000_000]
    faults = {OUT_OF_RANGE: [0, 2, 3]}
    check(parse_times(pa.array(numbers), "s"), [0, LAST_TIME, 0, 0], **faults)
    texts = [*map(str, numbers), "1969-12-31", "9" * 18, "-" + "9" * 18]
    faults = {OUT_OF_RANGE: [0, 2, 3, 4, 5, 6]}
    check(parse_times(pa.array(texts), "s"), [0, LAST_TIME, 0, 0, 0, 0, 0], **faults)
    infinite = pa.array([float("inf"), float("-inf"), -0.5, 1e300])
    check(parse_times(infinite, "s"), [0] * 4, **{OUT_OF_RANGE: [0, 1, 2, 3]})


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
        ("2000-02-29", 951_782_400),
    ],
)
def test_forms_of_iso_8601(text, seconds):
    check(parse_times(pa.array([text, "7"]), "s"), [seconds, 7])


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
        "1.5",
        "007",
    ],
)
def test_texts_that_are_no_time_spoil_no_other(text):
    column = pa.array(["1970-01-02", text, "1970-01-01T01:00:00+01:00", None, "5"])
    check(parse_times(column, "s"), [86_400, 0, 0, 0, 5], missing=[3], unreadable=[1])


def test_dates_and_timestamps():
    day = datetime.date(1970, 1, 2)
    for kind in (pa.date32(), pa.date64()):
        check(parse_times(pa.array([day, None], kind), "ms"), [86_400, 0], missing=[1])
    moment = datetime.datetime(1970, 1, 1, 0, 1, 5, 999_000)
    for kind in (pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns")):
        check(parse_times(pa.array([moment, None], kind), "s"), [65, 0], missing=[1])
    # The values of a column with a zone are UTC already; the zone is for showing them.
    berlin = pa.array([3_600_000], pa.int64()).cast(pa.timestamp("ms", "Europe/Berlin"))
    check(parse_times(berlin, "s"), [3600])
    early = pa.array([datetime.date(1969, 12, 31)])
    check(parse_times(early, "s"), [0], **{OUT_OF_RANGE: [0]})


def test_labels():
    for values in ([0, 1, 2, -1, None], [0.0, 1.0, 0.5, float("inf"), float("nan")]):
        parsed = parse_labels(pa.array(values))
        assert parsed.values.dtype == np.float32
        check(parsed, [0, 1, 0, 0, 0], missing=[4], not_0_or_1=[2, 3])
    check(parse_labels(pa.array([True, False, None])), [1, 0, 0], missing=[2])
    texts = ["0", "1", "1.0", "0.0", "TRUE", "false", " 1 ", "yes", "2", "", None]
    expected = [0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    check(parse_labels(pa.array(texts)), expected, missing=[9, 10], not_0_or_1=[7, 8])


def test_numbers():
    parsed = parse_numbers(pa.array([1, -2, None]))
    assert parsed.values.dtype == np.float32
    check(parsed, [1, -2, 0], missing=[2])
    check(
        parse_numbers(pa.array([0.25, float("nan"), float("inf")])),
        [0.25, 0, 0],
        [1],
        unreadable=[2],
    )
    check(parse_numbers(pa.array([True, False])), [1, 0])
    check(parse_numbers(pa.array([decimal.Decimal("1.25")])), [1.25])
    texts = ["1.5", " -2 ", "1e3", "cheap", "inf", "nan", "", None, "1e40"]
    expected = [1.5, -2, 1000, 0, 0, 0, 0, 0, 0]
    check(parse_numbers(pa.array(texts)), expected, [5, 6, 7], unreadable=[3, 4, 8])


def test_some_of_a_columns_values():
    parsed = Parsed(
        np.array([5, 6, 7]), np.array([False, True, False]), {"odd": np.array([1, 0, 1])}
    )
    part = parsed.take(np.array([2, 1, 2]))
    assert part.values.tolist() == [7, 6, 7]
    assert part.missing.tolist() == [False, True, False]
    assert part.faults["odd"].tolist() == [1, 0, 1]
