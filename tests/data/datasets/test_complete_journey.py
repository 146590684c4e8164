import importlib.util
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifelong.data.datasets import complete_journey
from lifelong.data.ids import id_of
from lifelong.data.logs import reading
from lifelong.data.logs.fields import behavior_fields
from lifelong.pipeline.default_data import default_ingestion


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the same name and form with three sales."""
    data = tmp_path / "site" / complete_journey.PACKAGE / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise ImportError('must not be imported')")
    sales = {
        "household_id": [1, 1, 2],
        "product_id": [20, 10, 99],
        "quantity": [1, 2, 3],
        "sales_value": [0.5, 1.0, 1.5],
        "transaction_timestamp": pa.array([1_500_000_000_500_000_000] * 3, pa.timestamp("ns")),
    }
    products = {
        "product_id": [20, 10],
        "product_category": ["BREAD", None],
        "product_type": ["RYE", None],
        "package_size": [None, "1 LB"],
        "department": ["BAKERY", "GROCERY"],
        "brand": ["Private", "National"],
        "manufacturer_id": [69, 2],
    }
    pq.write_table(pa.table(sales), data / "transactions.parquet")
    pq.write_table(pa.table(products), data / "products.parquet")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return data


@pytest.mark.usefixtures("package")
def test_prepare_joins_sales_with_products(tmp_path):
    prepared = complete_journey.prepare(tmp_path / "out")
    assert (prepared.events, prepared.events_without_category) == (3, 2)
    log = pq.read_table(prepared.behaviors).to_pydict()
    assert log["user"] == [1, 1, 2]
    assert log["item"] == [20, 10, 99]
    assert log["category"] == ["BREAD", "UNKNOWN", "UNKNOWN"]
    items = pq.read_table(prepared.items).to_pydict()
    assert items == {
        "item": [10, 20],
        "category": ["UNKNOWN", "BREAD"],
        "category_id": [id_of("UNKNOWN"), id_of("BREAD")],
        "name": ["UNKNOWN 1 LB", "RYE"],
        "department": ["GROCERY", "BAKERY"],
        "brand": ["National", "Private"],
        "manufacturer": [2, 69],
    }
    config = default_ingestion(prepared.behaviors)
    config.validate()
    fields = behavior_fields(config.behaviors, config.features)
    (batch,) = reading.read_all(config.behaviors, fields, "behaviors")
    assert batch.block["timestamp"].tolist() == [1_500_000_000] * 3
    assert batch.block["category"].tolist()[0] == id_of("BREAD")


def test_files_that_are_there_are_not_written_again(tmp_path, package):
    folder = tmp_path / "out"
    complete_journey.prepare(folder)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    complete_journey.prepare(folder)
    assert {path.stat().st_mtime for path in folder.iterdir()} == {1}
    assert len(list(folder.iterdir())) == 3, "nothing temporary stays"

    (folder / complete_journey.ITEMS).unlink()
    complete_journey.prepare(folder)
    assert (folder / complete_journey.BEHAVIORS).stat().st_mtime > 1, "one is missing: all anew"

    sales = pq.read_table(package / "transactions.parquet").slice(1)
    pq.write_table(sales, package / "transactions.parquet")
    assert complete_journey.prepare(folder).events == 2, "another source"


def test_a_missing_package_is_said_clearly(tmp_path, monkeypatch):
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(FileNotFoundError, match=r"pip install 'lifelong\[journey\]'"):
        complete_journey.prepare(tmp_path)


@pytest.mark.skipif(
    importlib.util.find_spec(complete_journey.PACKAGE) is None, reason="the data is not installed"
)
def test_the_real_data(tmp_path):
    prepared = complete_journey.prepare(tmp_path)
    assert prepared.events == 1_469_307
    assert prepared.events_without_category < 0.01 * prepared.events
