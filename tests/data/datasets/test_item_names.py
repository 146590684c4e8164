import pyarrow as pa
import pyarrow.parquet as pq

from lifelong.data.datasets.complete_journey import ITEMS
from lifelong.data.datasets.item_names import ItemNames


def test_items_of_the_prepared_data_have_ids_categories_and_names(tmp_path):
    rows = {"item": [5], "name": ["RYE"], "category": ["BREAD"], "category_id": [9]}
    pq.write_table(pa.table(rows), tmp_path / ITEMS)
    names = ItemNames(tmp_path)
    assert names.describe(5, 9) == "item 5, BREAD, RYE"
    assert names.describe(6, 8) == "item 6, category 8"
    assert (names.item(5), names.category(9)) == ("RYE", "BREAD")
    assert (names.item(6), names.category(8)) == ("item 6", "category 8")


def test_texts_of_the_log_stand_for_ids(tmp_path):
    names = ItemNames(None, {123: "sku-1"}, {456: "Brot & Käse"})
    assert names.describe(123, 456) == "item sku-1, Brot & Käse"
    assert names.describe(17, 456) == "item 17, Brot & Käse"
    assert (names.id_in_log(123), names.id_in_log(17)) == ("sku-1", "17")
    assert ItemNames(tmp_path).describe(1, 2) == "item 1, category 2"
