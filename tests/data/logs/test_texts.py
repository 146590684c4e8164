"""What stands in a log for an id is found, whatever carries it."""

import pytest

from lifelong.data.ids import fingerprint, id_of
from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.texts import read_texts
from tests import log_files

TIME = 1_500_000_000
ROWS = [
    {"user": "u1", "item": "sku-1", "category": "Brot & Käse", "timestamp": TIME},
    {"user": "u1", "item": "sku-2", "category": "milk", "timestamp": TIME + 1},
    {"user": "u2", "item": "17", "category": "milk", "timestamp": TIME + 2},
]


@pytest.mark.parametrize("name", ["log.csv", "log.parquet", "log.jsonl"])
def test_texts_are_found_by_id(write_log, name):
    log = LogConfig(str(write_log(name, ROWS)))
    wanted = {
        "item": [id_of("sku-1"), 17, id_of("nowhere")],
        "category": [id_of("milk"), id_of("Brot & Käse")],
    }
    assert read_texts(log, wanted) == {
        "item": {id_of("sku-1"): "sku-1", 17: "17"},
        "category": {id_of("milk"): "milk", id_of("Brot & Käse"): "Brot & Käse"},
    }


def test_a_column_of_text_and_numbers_is_read_as_text(write_log):
    """As JSON lines may have it."""
    mixed = [{**row, "item": item} for row, item in zip(ROWS, ["sku", 5, True], strict=True)]
    log = LogConfig(str(write_log("log.jsonl", mixed)))
    wanted = {"item": [id_of("sku"), 5]}
    assert read_texts(log, wanted) == {"item": {id_of("sku"): "sku", 5: "5"}}


def test_numbers_that_are_declared_text_are_found(write_log):
    numbers = [{**row, "item": 7 + i} for i, row in enumerate(ROWS)]
    log = LogConfig(str(write_log("log.parquet", numbers)), text_columns=("item",))
    assert read_texts(log, {"item": [fingerprint("8")]}) == {"item": {fingerprint("8"): "8"}}


def test_texts_in_paths_are_found(tmp_path):
    for category in ("milk", "Brot"):
        folder = tmp_path / f"category={category}"
        folder.mkdir()
        log_files.write_log(folder / "part.csv", [{"user": "u1", "item": 5, "timestamp": TIME}])
    texts = read_texts(LogConfig(str(tmp_path)), {"category": [id_of("milk"), id_of("Brot")]})
    assert texts == {"category": {id_of("milk"): "milk", id_of("Brot"): "Brot"}}


def test_missing_and_unusable_values_are_passed_over(write_log):
    rows = [*ROWS, {**ROWS[0], "item": None}, {**ROWS[0], "item": "-3"}]
    log = LogConfig(str(write_log("log.csv", rows)))
    assert read_texts(log, {"item": [0, id_of("sku-2")]}) == {"item": {id_of("sku-2"): "sku-2"}}


def test_the_log_is_read_no_further_than_needed(write_log, monkeypatch):
    log = LogConfig(",".join(write_log(f"part-{number}.csv", ROWS) for number in range(3)))
    opened = []
    right = reading.read_tasks
    monkeypatch.setattr(reading, "read_tasks", lambda *read: opened.append(read) or right(*read))
    read_texts(log, {"item": [id_of("sku-1")]})
    assert len(opened) == 1


def test_categories_of_folders_and_the_first_of_several_are_found(write_log, tmp_path):
    (tmp_path / "category=Brot %26 Käse").mkdir()
    rows = [{name: value for name, value in ROWS[0].items() if name != "category"}]
    write_log("category=Brot %26 Käse/log.csv", rows)
    write_log("log.jsonl", [{**ROWS[1], "category": ["milk|cow", "oat"]}])
    files = (str(tmp_path / "category=Brot %26 Käse"), str(tmp_path / "log.jsonl"))
    texts = {id_of(text): text for text in ("Brot & Käse", "milk")}
    log = LogConfig(files, category_separator="|")
    assert read_texts(log, {"category": list(texts)}) == {"category": texts}
