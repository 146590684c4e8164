import decimal

import numpy as np
import pyarrow as pa
import pytest

from lifelong.data.ids import (
    LEADING_ZEROS,
    NEGATIVE,
    NO_INTEGER,
    NUL,
    ROUNDED,
    TOO_LARGE,
    fingerprint,
    id_of,
)
from lifelong.data.logs.id_values import parse_ids
from tests.data.logs.parsed_columns import check


def ids(values, kind=None, declared_text=False):
    parsed = parse_ids(pa.array(values, kind), declared_text)
    assert parsed.values.dtype == np.int64
    return parsed


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()]
)
def test_integers_are_ids_as_they_are(kind):
    check(ids([7, 0, None, 127], kind), [7, 0, 0, 127], missing=[2])


def test_integers_at_the_ends():
    check(ids([-1, 2**63 - 1, -(2**63)]), [0, 2**63 - 1, 0], faults={NEGATIVE: [0, 2]})
    large = ids([2**63 + 5, 5, 2**64 - 1, 2**63 - 1], pa.uint64())
    check(large, [0, 5, 0, 2**63 - 1], faults={TOO_LARGE: [0, 2]})


def test_floats_are_ids_if_they_are_whole_and_exact():
    values = [3.0, 2.5, None, float("nan"), float("inf"), -4.0, 2.0**53, 0.0, 2.0**53 - 1]
    faults = {NO_INTEGER: [1, 4], NEGATIVE: [5], ROUNDED: [6]}
    check(ids(values), [3, 0, 0, 0, 0, 0, 0, 0, 2**53 - 1], [2, 3], faults)
    single = ids([3.0, None, 2.0**24, 2.0**24 - 1], pa.float32())
    check(single, [3, 0, 0, 2**24 - 1], [1], {ROUNDED: [2]})
    half = ids(np.array([3, 2048], np.float16).tolist(), pa.float64())
    check(half, [3, 2048])
    check(parse_ids(pa.array(np.array([3, 2048], np.float16))), [3, 0], faults={ROUNDED: [1]})


def test_decimals_are_exact():
    whole = pa.decimal128(38, 0)
    numbers = [12, None, 2**63 - 1, 2**63, 10**37, -3]
    column = pa.array([None if n is None else decimal.Decimal(n) for n in numbers], whole)
    faults = {TOO_LARGE: [3, 4], NEGATIVE: [5]}
    check(parse_ids(column), [12, 0, 2**63 - 1, 0, 0, 0], [1], faults)
    cents = pa.decimal128(10, 2)
    column = pa.array([decimal.Decimal(text) for text in ("12.00", "0.50", "0.00")], cents)
    check(parse_ids(column), [12, 0, 0], faults={NO_INTEGER: [1]})


def test_booleans_are_the_text_that_json_writes():
    check(ids([True, None, False]), [fingerprint("true"), 0, fingerprint("false")], [1])


def test_text_is_an_integer_or_its_fingerprint():
    texts = ["bread", "  bread ", "17", "17.0", None, "", " ", "1e3"]
    expected = [fingerprint("bread")] * 2 + [17, 17, 0, 0, 0, fingerprint("1e3")]
    for kind in (pa.string(), pa.large_string()):
        check(ids(texts, kind), expected, missing=[4, 5, 6])


def test_text_that_may_be_another_id_is_refused():
    texts = ["007", "-3", str(2**63), "a\0b", "7", "5" * 400]
    faults = {LEADING_ZEROS: [0], NEGATIVE: [1], TOO_LARGE: [2, 5], NUL: [3]}
    check(ids(texts), [0, 0, 0, 0, 7, 0], faults=faults)
    check(ids([" 4", "5", "5", None]), [4, 5, 5, 0], missing=[3])


def test_what_dumps_write_for_no_value_is_missing_and_a_byte_order_mark_is_no_text():
    check(ids(["\\N", "<NA>", "\ufeff7", "N"]), [0, 0, 7, fingerprint("N")], missing=[0, 1])


def test_a_column_declared_text_keeps_what_is_written():
    texts = ["007", "7", None, "-3", "x"]
    expected = [0 if text is None else fingerprint(text) for text in texts]
    check(ids(texts, declared_text=True), expected, missing=[2])
    check(ids([7, None, 7], declared_text=True), [fingerprint("7"), 0, fingerprint("7")], [1])
    check(ids(["a\0"], declared_text=True), [0], faults={NUL: [0]})
    cents = pa.array([decimal.Decimal("7.00"), decimal.Decimal("7.50")], pa.decimal128(10, 2))
    check(parse_ids(cents, True), [fingerprint("7"), 0], faults={NO_INTEGER: [1]})


def test_dictionary_columns_are_read_like_plain_ones():
    texts = pa.array(["b", None, "a", "b", ""]).dictionary_encode()
    check(parse_ids(texts), [id_of("b"), 0, id_of("a"), id_of("b"), 0], missing=[1, 4])
    digits = pa.array(["12", "-5", "12"]).dictionary_encode()
    check(parse_ids(digits), [12, 0, 12], faults={NEGATIVE: [1]})
    numbers = pa.array([12, None, -5]).dictionary_encode()
    check(parse_ids(numbers), [12, 0, 0], [1], {NEGATIVE: [2]})
