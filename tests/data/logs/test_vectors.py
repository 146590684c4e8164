import numpy as np
import pyarrow as pa
import pytest

from lifelong.data.logs.vectors import parse_vectors
from tests.data.logs.parsed_columns import check

SIZE, UNREADABLE = "not 2 numbers", "unreadable"


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float64()),
        pa.list_(pa.int32(), 2),
        pa.list_(pa.float32(), 2),
        pa.large_list(pa.int64()),
    ],
)
def test_lists_of_numbers(kind):
    parsed = parse_vectors(pa.array([[7, 7], [1, 2], None, [3, 4]], kind)[1:], 2)
    assert parsed.values.dtype == np.float32
    check(parsed, [[1, 2], [0, 0], [3, 4]], missing=[1])


def test_lists_that_are_no_vectors():
    lists = [[1, 2], [1], [], [1, None], [np.inf, 1], [1, np.nan], [1e40, 1], [1, 2, 3]]
    parsed = parse_vectors(pa.array(lists), 2)
    faults = {SIZE: [1, 2, 7], UNREADABLE: [3, 4, 5, 6]}
    check(parsed, [[1, 2]] + [[0, 0]] * 7, faults=faults)
    for values in ([["1"]], [[[1]]], [{"a": 1}], [1.5], [True]):
        with pytest.raises(TypeError, match="cannot be read as vectors"):
            parse_vectors(pa.array(values), 1)


@pytest.mark.parametrize("packed", [False, True])
def test_text_with_numbers(packed):
    texts = ["1 2.5", " [1, 2.5] ", "1,2.5", "1e0\t2.5", "", None, "\\N"]
    bad = ["1", "[]", "1 2 3", "a b", "[1 2", "nan 1", "1 inf"]
    array = pa.array([*texts, *bad])
    parsed = parse_vectors(array.dictionary_encode() if packed else array, 2)
    faults = {SIZE: [7, 8, 9], UNREADABLE: [10, 11, 12, 13]}
    check(parsed, [[1, 2.5]] * 4 + [[0, 0]] * 10, missing=[4, 5, 6], faults=faults)


def test_columns_without_values():
    check(parse_vectors(pa.nulls(2), 2), [[0, 0]] * 2, missing=[0, 1])
    for kind in (pa.string(), pa.list_(pa.float32()), pa.list_(pa.float32(), 3)):
        assert parse_vectors(pa.array([], kind), 3).values.shape == (0, 3)
