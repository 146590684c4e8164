"""The artifact of an item table."""

from __future__ import annotations

from tfx import types


class ItemTable(types.Artifact):
    """One row an item in `items.parquet`, sorted by id.

    Columns: `item` (int64), `category` (int64, if the table has one), and each item feature under its
    key: int64 ids, float32 numbers, fixed-size lists of float32. Custom properties: `items`, `rows`
    and `bad_rows` of the table that was read.
    """

    TYPE_NAME = "ItemTable"
