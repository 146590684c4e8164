import json
from pathlib import Path

import numpy as np
import pytest

from lifelong.data.ids import MISSING_ID, id_of
from lifelong.data.item_table import StoredItems, items_path

ROWS = [
    {"item": item, "category": f"c{item % 3}", "brand": "b", "price": item / 2, "image": [item, 1]}
    for item in (8, 3, 2**62, 5, 11)
]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_do_writes_one_row_an_item_sorted_by_id(build, config, suffix, capsys):
    table, _ = build(config([*ROWS, ROWS[1]], suffix))
    found = dict(StoredItems(items_path(table.uri)))
    items = [3, 5, 8, 11, 2**62]
    assert found["item"].tolist() == items
    assert found["category"].tolist() == [id_of(f"c{item % 3}") for item in items]
    assert found["item_brand"].tolist() == [id_of("b")] * 5
    assert found["item_price"].tolist() == [item / 2 for item in items]
    assert found["item_image"].tolist() == [[float(item), 1] for item in items]
    assert {key: column.dtype for key, column in found.items() if column.dtype != np.int64} == {
        "item_price": np.float32,
        "item_image": np.float32,
    }
    assert list(StoredItems(items_path(table.uri))) == list(found)
    assert [path.name for path in Path(table.uri).iterdir()] == ["items.parquet"]
    told = {name: table.get_int_custom_property(name) for name in ("items", "rows", "bad_rows")}
    assert told == {"items": 5, "rows": 6, "bad_rows": 0}
    assert "items/duplicates" in capsys.readouterr().out


def test_bad_rows_are_set_aside_missing_values_and_contradictions_counted(build, config, capsys):
    rows = [
        *ROWS,
        {**ROWS[0], "price": 1.0},
        {"item": 1, "category": None, "brand": None, "price": None, "image": None},
        {**ROWS[0], "item": -1},
        {**ROWS[0], "image": [1]},
    ]
    table, quarantine = build(config(rows, max_bad_share=0.5))
    found = dict(StoredItems(items_path(table.uri)))
    assert found["item"].tolist() == [1, 3, 5, 8, 11, 2**62]
    assert {key: column[0].tolist() for key, column in found.items()} == {
        "item": 1,
        "category": MISSING_ID,
        "item_brand": MISSING_ID,
        "item_price": 0,
        "item_image": [0, 0],
    }
    assert found["item_price"][3] == 1, "the smaller of two"
    folder = Path(quarantine.uri)
    counts = json.loads((folder / "counts.json").read_text())
    assert {name.removeprefix("items/"): number for name, number in counts.items() if number} == {
        "rows": 9,
        "items": 6,
        "contradictory": 1,
        "bad_rows/item: negative": 1,
        "bad_rows/image: not 2 numbers": 1,
        **{f"missing/{key}": 1 for key in found if key != "item"},
    }
    lines = [line for path in folder.glob("bad_rows*") for line in path.read_text().splitlines()]
    assert {json.loads(line)["row"] for line in lines} == {8, 9}
    assert all(json.loads(line)["log"] == "items" for line in lines)
    warnings = json.loads((folder / "warnings.json").read_text())
    assert [warning.split(" ")[0] for warning in warnings] == ["2", "1"]
    assert (
        "warning: 1 items stand in the table items with different values" in capsys.readouterr().out
    )


def test_a_table_that_nothing_can_come_of_fails(build, config, tmp_path):
    bad = [{**row, "item": None} for row in ROWS]
    with pytest.raises(
        ValueError, match=r"5 of 5 rows of the log items cannot be used .*item: mis"
    ):
        build(config(bad))
    with pytest.raises(ValueError, match="the table items has no usable row"):
        build(config(bad, max_bad_share=1.0))
    with pytest.raises(ValueError, match=r"no row of the log items has a value in .*'brand'"):
        build(config([{**row, "brand": None} for row in ROWS]))
    empty = config(ROWS, "csv")
    Path(empty.items.files).write_text("item,category,brand,price,image\n")
    with pytest.raises(ValueError, match=r"items\.files have no rows"):
        build(empty)
