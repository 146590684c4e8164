"""Names of items and categories for people to read, where the data has some."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from lifelong.data.datasets import complete_journey


class ItemNames:
    """Describes items by the item table of prepared data, or by their ids alone.

    Args:
        folder: Folder of the prepared data; without an item table there are no names.
    """

    def __init__(self, folder: Path) -> None:
        self._items: dict[int, str] = {}
        self._categories: dict[int, str] = {}
        table = folder / complete_journey.ITEMS
        if table.exists():
            rows = pq.read_table(table).to_pydict()
            self._items = dict(zip(rows["item"], rows["name"], strict=True))
            self._categories = dict(zip(rows["category_id"], rows["category"], strict=True))

    def describe(self, item: int, category: int) -> str:
        """Returns an item's id, category and name on one line."""
        parts = [f"item {item}", self._categories.get(category, f"category {category}")]
        if item in self._items:
            parts.append(self._items[item])
        return ", ".join(parts)
