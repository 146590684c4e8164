import numpy as np

from lifelong.data.item_table import StoredItems, sorted_items, write_items

BLOCK = {
    "item": np.array([2, 2**62]),
    "item_price": np.array([0.5, 1], np.float32),
    "item_image": np.array([[1, 2, 3], [4, 5, 6]], np.float32),
}


def test_what_was_written_is_read_back(tmp_path):
    for block in (BLOCK, {key: column[:0] for key, column in BLOCK.items()}):
        path = str(tmp_path / "items.parquet")
        write_items(block, path)
        found = dict(StoredItems(path))
        assert found.keys() == block.keys()
        for key, column in block.items():
            assert found[key].dtype == column.dtype
            np.testing.assert_array_equal(found[key], column)


def test_parts_are_merged_by_item():
    other = {key: column[:1] for key, column in BLOCK.items()} | {"item": np.array([7])}
    merged = sorted_items([BLOCK, other])
    assert merged["item"].tolist() == [2, 7, 2**62]
    assert merged["item_image"].tolist() == [[1, 2, 3], [1, 2, 3], [4, 5, 6]]
    assert merged["item_price"].tolist() == [0.5, 0.5, 1]
