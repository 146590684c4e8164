import numpy as np
import pytest

from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.item_values import add_item_values
from lifelong.data.features import Feature
from lifelong.data.item_table import items_path, write_items
from lifelong.models.vocabulary_files import (
    NumberStatistics,
    read_statistics,
    read_vocabulary,
    write_statistics,
)

CONFIG = VocabularyConfig(
    min_count=5,
    item_features=(
        Feature("brand", "item"),
        Feature("price", "item", "numeric"),
        Feature("image", "item", "vector", size=2),
    ),
)
AGE = NumberStatistics(40, 10)


@pytest.fixture
def add(tmp_path):
    """Adds the values of a table to vocabularies of records with users' ages."""

    def run(name, brands, previous=None):
        folder = tmp_path / name
        folder.mkdir()
        count = len(brands)
        table = {
            "item": np.arange(count),
            "item_brand": np.array(brands),
            "item_price": np.arange(count, dtype=np.float32),
            "item_image": np.array([[3, 4], [0, 0], *[[0, 1]] * (count - 2)], np.float32),
        }
        write_items(table, items_path(str(folder)))
        write_statistics(str(folder), {"user_age": AGE})
        return str(folder), add_item_values(CONFIG, str(folder), str(folder), previous)

    return run


def test_values_are_counted_and_described_over_all_items_however_rare(add):
    folder, counts = add("a", [8, 7, 8])
    brands = read_vocabulary(folder, "item_brand")
    assert (brands.ids.tolist(), brands.counts.tolist()) == ([8, 7], [2, 1])
    assert counts == {"item_brand/known": 2, "item_brand/new": 2, "item_brand/too_rare": 0}
    statistics = read_statistics(folder)
    assert statistics["user_age"] == AGE
    assert statistics["item_price"] == pytest.approx((1, (2 / 3) ** 0.5))
    # Of the vectors that are there, those of length 5 and 1.
    assert statistics["item_image"] == pytest.approx((0, 13**0.5))


def test_a_later_table_keeps_rows_and_statistics(add):
    earlier, _ = add("a", [8, 7, 8])
    folder, counts = add("b", [9, 9, 7, 6], previous=earlier)
    assert read_vocabulary(folder, "item_brand").ids.tolist() == [8, 7, 9, 6]
    assert counts["item_brand/new"] == 2
    assert read_statistics(folder) == read_statistics(earlier)
