import numpy as np
import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.ids import MISSING_ID, id_of
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.data.logs.queries import popular_items, read_user_history
from lifelong.data.logs.texts import read_texts

TABLE = [
    {"item": 7, "category": "a"},
    {"item": 2, "category": "b"},
    {"item": 2, "category": "c"},
    {"item": 5, "category": None},
    {"item": -1, "category": "d"},
]


@pytest.fixture
def table(write_log):
    return LogConfig(write_log("items.csv", TABLE))


@pytest.fixture
def log(write_log):
    rows = [{"user": 1, "item": item, "timestamp": 86_400 * 9_000 + item} for item in (7, 5, 9, 2)]
    return LogConfig(write_log("log.jsonl", rows), columns=LogColumns(category=""))


def test_an_item_has_the_smallest_of_its_categories_or_none(table):
    categories = ItemCategories.read(table)
    smallest = min(id_of("b"), id_of("c"))
    found = categories.of(np.array([9, 7, 2, 5, 0, 7]))
    assert found.tolist() == [MISSING_ID, id_of("a"), smallest, MISSING_ID, MISSING_ID, id_of("a")]
    assert len(categories.of(np.zeros(0, np.int64))) == 0
    block = {"item": np.array([7, 7, 5]), "category": np.array([id_of("a"), 3, 3])}
    assert categories.count_others(block) == 1, "of item 5 the table knows nothing"


def test_an_empty_table_knows_no_category():
    nothing = np.zeros(0, np.int64)
    assert ItemCategories(nothing, nothing).of(np.array([1])).tolist() == [MISSING_ID]


def test_a_log_without_categories_is_read_with_those_of_the_table(log, table):
    config = IngestConfig(behaviors=log, items=table)
    categories = config.read_categories()
    expected = [min(id_of("b"), id_of("c")), MISSING_ID, id_of("a"), MISSING_ID]
    _, history = read_user_history(log, (), 1, categories)
    assert history["item"].tolist() == [2, 5, 7, 9]
    assert history["category"].tolist() == expected
    popular = popular_items(log, 86_400 * 9_001, categories=categories)
    assert popular["category"].tolist() == expected
    assert IngestConfig(behaviors=LogConfig("log.csv"), items=table).read_categories() is None


def test_the_texts_of_its_categories_are_those_of_the_table(log, table):
    wanted = {"category": [id_of("a"), id_of("c")], "item": [7]}
    assert read_texts(log, wanted, table) == {
        "category": {id_of("a"): "a", id_of("c"): "c"},
        "item": {7: "7"},
    }
