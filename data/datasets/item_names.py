"""Names of items and categories for people to read, where the data has some."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from lifelong.data.datasets import complete_journey


class ItemNames:
    """Describes items by what is known of them, or by their ids alone.

    Args:
        folder: Folder of prepared data, whose item table has names of items and categories; None,
            or a folder without a table: there are none.
        items: What items are called in the log, by id.
        categories: What categories are called in the log, by id.
    """

    def __init__(
        self,
        folder: Path | None,
        items: Mapping[int, str] | None = None,
        categories: Mapping[int, str] | None = None,
    ) -> None:
        self._items = dict(items or {})
        self._categories = dict(categories or {})
        self._names: dict[int, str] = {}
        table = folder / complete_journey.ITEMS if folder is not None else None
        if table is not None and table.exists():
            rows = pq.read_table(table).to_pydict()
            self._names = dict(zip(rows["item"], rows["name"], strict=True))
            self._categories |= dict(zip(rows["category_id"], rows["category"], strict=True))

    def id_in_log(self, item: int) -> str:
        """Returns an item's id as it stands in the log."""
        return self._items.get(item, str(item))

    def item(self, item: int) -> str:
        """Returns what an item is called: its name, or else its id in the log."""
        return self._names.get(item) or f"item {self.id_in_log(item)}"

    def category(self, category: int) -> str:
        """Returns what a category is called, or else its id."""
        return self._categories.get(category, f"category {category}")

    def describe(self, item: int, category: int) -> str:
        """Returns an item's id, category and name on one line."""
        parts = [f"item {self.id_in_log(item)}", self.category(category)]
        if item in self._names:
            parts.append(self._names[item])
        return ", ".join(parts)
