import pyarrow as pa
import pytest

from lifelong.data.ids import id_of
from lifelong.data.logs.first_category import first_category
from tests.data.logs.whole_logs import read_whole


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (pa.array(["A|B", "C", None, "", "A|"]), ["A", "C", None, "", "A"]),
        (pa.array(["A|B", None, "A|B"]).dictionary_encode(), ["A", None, "A"]),
        (pa.array(["A|B"], pa.large_string()), ["A"]),
        (pa.array([["A|B", "C"], [], None]), ["A", None, None]),
        (pa.array([[1, 2], [3]], pa.large_list(pa.int64())), [1, 3]),
        (pa.array([["A", "B"], None], pa.list_(pa.string(), 2)), ["A", None]),
        (pa.array([7, None]), [7, None]),
    ],
)
def test_the_first_of_several(column, first):
    assert first_category(column, "|").to_pylist() == first


def test_values_of_several_types():
    values = [["A|B"], [], "x|y", 3, None, [4, "z"]]
    assert first_category(values, "|") == ["A", None, "x", 3, None, 4]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_format_takes_the_first(write_log, suffix):
    row = {"user": 1, "item": 2, "category": "A|B", "timestamp": 4}
    path = write_log(f"log.{suffix}", [row, {**row, "category": "C"}])
    assert read_whole(path)[0]["category"] == [id_of("A|B"), id_of("C")]
    assert read_whole(path, category_separator="|")[0]["category"] == [id_of("A"), id_of("C")]


def test_lists_in_json_lines(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = ['["A", "B"]', "[7]", '"C|D"', "[]"]
    line = '{{"user": 1, "item": 2, "timestamp": 4, "category": {}}}\n'
    path.write_text("".join(map(line.format, rows)))
    block, bad = read_whole(str(path), category_separator="|")
    assert block["category"] == [id_of("A"), 7, id_of("C")]
    assert [(row.row, row.reason) for row in bad] == [(4, "category: missing")]
