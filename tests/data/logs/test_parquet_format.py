import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifelong.data.ids import id_of
from tests.data.logs.whole_logs import HEADER, NAMES, read_whole

ROW = [[1], [2], [3], [4]]


def write(path, columns, names):
    pq.write_table(pa.Table.from_arrays([pa.array(column) for column in columns], names), path)
    return str(path)


def test_a_wanted_column_that_stands_twice_is_refused(tmp_path):
    names = ["user", "item", "item", "category", "timestamp"]
    path = write(tmp_path / "log.parquet", [*ROW, [5]], names)
    with pytest.raises(ValueError, match=f"^{re.escape(path)} has the column 'item' twice"):
        read_whole(path)


def test_a_column_that_is_not_read_may_stand_twice(tmp_path):
    path = write(tmp_path / "log.parquet", [*ROW, [5], [6]], [*NAMES, "price", "price"])
    assert read_whole(path)[0]["timestamp"] == [4]


@pytest.mark.parametrize("name", ["log.csv", "log", "log.jsonl.gz"])
def test_parquet_is_known_by_its_bytes(tmp_path, name):
    path = write(tmp_path / name, ROW, NAMES)
    assert read_whole(path)[0]["user"] == [1]
    for kind in ("csv", "jsonl"):
        with pytest.raises(ValueError, match=r"is a Parquet file; set `format` to parquet or auto"):
            read_whole(path, format=kind)


def test_what_is_no_parquet_is_told_with_its_beginning(tmp_path):
    path = tmp_path / "log.parquet"
    path.write_text(HEADER)
    with pytest.raises(
        ValueError, match=rf"^{path} is not a Parquet file .* begins with b'user,it"
    ):
        read_whole(str(path))


@pytest.mark.parametrize("left", [5, 100, -1])
def test_a_file_that_was_cut_off_is_told(tmp_path, left):
    path = tmp_path / "log.parquet"
    write(path, [column * 100 for column in ROW], NAMES)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match=rf"^{path} is not a Parquet file .*cut off or damaged"):
        read_whole(str(path))


def test_damage_within_a_file_is_told_with_its_name(tmp_path):
    path = tmp_path / "log.parquet"
    write(path, [list(range(1000))] * 4, NAMES)
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"^{path}: "):
        read_whole(str(path))


def test_a_list_of_categories(tmp_path):
    path = write(tmp_path / "log.parquet", [[1, 2], [2, 2], [["A", "B"], []], [4, 4]], NAMES)
    message = rf"^{path}: column 'category': .*; set category_separator"
    with pytest.raises(ValueError, match=message):
        read_whole(path)
    block, bad = read_whole(path, category_separator="|")
    assert block["category"] == [id_of("A")]
    assert [row.reason for row in bad] == ["category: missing"]
