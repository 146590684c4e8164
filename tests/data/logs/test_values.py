import decimal

import numpy as np
import pyarrow as pa
import pytest

from lifelong.data.logs.id_values import parse_ids
from lifelong.data.logs.values import Parsed, parse_labels, parse_numbers
from tests.data.logs.parsed_columns import check


@pytest.mark.parametrize("parse", [parse_ids, parse_labels, parse_numbers])
def test_empty_columns_columns_of_nulls_and_columns_that_hold_no_numbers(parse):
    check(parse(pa.nulls(3)), [0, 0, 0], missing=[0, 1, 2])
    assert len(parse(pa.array([], pa.string())).values) == 0
    assert len(parse(pa.array([], pa.float64())).values) == 0
    for values in ([[1]], [{"a": 1}], [b"x"]):
        with pytest.raises(TypeError, match=r"a column of type .* cannot be read"):
            parse(pa.array(values))


def test_labels():
    for values in ([0, 1, 2, -1, None], [0.0, 1.0, 0.5, float("inf"), float("nan")]):
        parsed = parse_labels(pa.array(values))
        assert parsed.values.dtype == np.float32
        check(parsed, [0, 1, 0, 0, 0], missing=[4], faults={"not 0 or 1": [2, 3]})
    check(parse_labels(pa.array([True, False, None])), [1, 0, 0], missing=[2])
    texts = ["0", "1", "1.0", "0.0", "TRUE", "false", " 1 ", "yes", "2", "", None]
    expected = [0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    check(parse_labels(pa.array(texts)), expected, missing=[9, 10], faults={"not 0 or 1": [7, 8]})


@pytest.mark.parametrize(
    "column",
    [
        pa.array([3.5, 4.0, 5.0, None, -1.0]),
        pa.array(["3.5", "4", " 5 ", "", "-1"]),
        pa.array([decimal.Decimal("3.5"), decimal.Decimal(4), decimal.Decimal(5), None, -1]),
        pa.array([3, 4, 5, None, 0], pa.uint8()),
    ],
)
def test_labels_by_comparison(column):
    parsed = parse_labels(column, at_least=4)
    assert parsed.values.dtype == np.float32
    check(parsed, [0, 1, 1, 0, 0], missing=[3])


def test_a_label_by_comparison_needs_numbers():
    texts = pa.array(["4", "good", "inf", "1e40", "1_0", "\uff15"])
    check(parse_labels(texts, 4), [1, 0, 0, 1, 0, 0], faults={"not a number": [1, 2, 4, 5]})


def test_numbers():
    parsed = parse_numbers(pa.array([1, -2, None]))
    assert parsed.values.dtype == np.float32
    check(parsed, [1, -2, 0], missing=[2])
    check(
        parse_numbers(pa.array([0.25, float("nan"), float("inf")])),
        [0.25, 0, 0],
        [1],
        {"unreadable": [2]},
    )
    check(parse_numbers(pa.array([True, False])), [1, 0])
    check(parse_numbers(pa.array([decimal.Decimal("1.25")])), [1.25])
    texts = ["1.5", " -2 ", "1e3", "cheap", "inf", "nan", "", None, "1e40"]
    expected = [1.5, -2, 1000, 0, 0, 0, 0, 0, 0]
    check(parse_numbers(pa.array(texts)), expected, [5, 6, 7], {"unreadable": [3, 4, 8]})


def test_some_of_a_columns_values():
    parsed = Parsed(
        np.array([5, 6, 7]), np.array([False, True, False]), {"odd": np.array([1, 0, 1])}
    )
    part = parsed.take(np.array([2, 1, 2]))
    assert part.values.tolist() == [7, 6, 7]
    assert part.missing.tolist() == [False, True, False]
    assert part.faults["odd"].tolist() == [1, 0, 1]
