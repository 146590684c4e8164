import pytest

from lifelong.data.features import Feature
from lifelong.data.ids import id_of
from tests import log_files
from tests.data.logs.whole_logs import read_whole

ROW = {"user": 1, "item": 2, "timestamp": 4}
SUFFIXES = ("csv", "jsonl", "parquet")


def write(folder, name, rows):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    log_files.write_log(folder / name, rows)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_column_may_stand_in_the_path_alone(tmp_path, suffix, scheme):
    write(tmp_path, f"category=12/part-0.{suffix}", [ROW])
    write(tmp_path, f"category=Food %26 more/part-0.{suffix}", [{**ROW, "user": 2}])
    write(tmp_path, f"category=__HIVE_DEFAULT_PARTITION__/part-0.{suffix}", [{**ROW, "user": 3}])
    (tmp_path / "_SUCCESS").touch()
    for files in (f"{scheme}{tmp_path}", (f"{scheme}{tmp_path}/category=*",)):
        block, bad = read_whole(files)
        assert block["user"] == [1, 2]
        assert block["category"] == [12, id_of("Food & more")]
        assert [row.reason for row in bad] == ["category: missing"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_times_and_features_may_stand_in_the_path(tmp_path, suffix):
    row = {"user": 1, "item": 2, "category": 3}
    write(tmp_path, f"timestamp=1970-01-02/channel=web/price=1.5/part-0.{suffix}", [row, row])
    features = (Feature("channel", "event"), Feature("price", "event", "numeric"))
    block, _ = read_whole(str(tmp_path), features)
    assert block["timestamp"] == [86_400] * 2
    assert block["history_channel"] == [id_of("web")] * 2
    assert block["history_price"] == [1.5] * 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_column_of_the_file_counts_more_than_that_of_its_path(tmp_path, suffix):
    write(tmp_path, f"category=9/user=7/part-0.{suffix}", [{**ROW, "category": 12}])
    assert read_whole(str(tmp_path))[0] == {
        "user": [1],
        "item": [2],
        "category": [12],
        "timestamp": [4],
    }


def test_a_list_and_a_text_name_the_same_files(tmp_path):
    row = {**ROW, "category": 3}
    for number, name in enumerate(["a.csv", "b/c.jsonl", "d,e.csv"]):
        write(tmp_path, name, [{**row, "user": number}])
    text = f"{tmp_path}/a.csv, {tmp_path}/b"
    assert read_whole(text)[0]["user"] == [0, 1]
    assert read_whole((f"{tmp_path}/a.csv", f"{tmp_path}/b"))[0]["user"] == [0, 1]
    assert read_whole((f"{tmp_path}/d,e.csv",))[0]["user"] == [2]
    with pytest.raises(FileNotFoundError, match="write a list if a path has one"):
        read_whole(f"{tmp_path}/d,e.csv")
