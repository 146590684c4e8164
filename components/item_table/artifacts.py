"""The artifact of an item table."""

from __future__ import annotations

from collections.abc import Iterable

from tfx import types

from lifelong.data import item_table
from lifelong.data.columns import Columns


class ItemTable(types.Artifact):
    """One row an item in `items.parquet`, sorted by id.

    Columns: `item` (int64), `category` (int64, if the table has one), and each item feature under its
    key: int64 ids, float32 numbers, fixed-size lists of float32. Custom properties: `items`, `rows`
    and `bad_rows` of the table that was read.
    """

    TYPE_NAME = "ItemTable"


def read_item_table(uri: str, keys: Iterable[str] | None = None) -> Columns:
    """Reads an item table.

    Args:
        uri: Of an `ItemTable`.
        keys: Columns to read; None: all.
    """
    return item_table.read_items(f"{uri}/{item_table.FILE}", keys)
